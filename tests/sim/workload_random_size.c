/*
 * Random users of spec.sizeFrom: any rule with any other, so that some contradict each other.
 */
#include "base/mem.h"
#include "sim/workload_draw.h"

#include <stdio.h>

static const char *const choices[] = {
    "'claims':'Max'",
    "'claims':'Sum'",
    "'claims':'Ignore'",
    "'claims':null",
    "'aggregate':'Max'",
    "'aggregate':null",
    "'ratio':{'memcached':2,'per':3,'rounding':'Nearest'}",
    "'ratio':{'per':2,'rounding':'Down'}",
    "'ratio':{'memcached':1,'per':2,'rounding':null}",
    "'ratio':null",
    "'min':1",
    "'min':null",
    "'max':4",
    "'max':null",
    "'scaleDownAfterSeconds':20",
    "'scaleDownAfterSeconds':null",
    "'step':{'up':1}",
    "'step':{'down':1,'up':2}",
    "'step':null",
    "'ifMissing':'Min','min':1",
    "'ifMissing':'Fallback','fallback':3,'max':null",
    "'ifMissing':null,'fallback':null",
    "'mode':'Observe'",
    "'mode':'ScaleUpOnly'",
    "'mode':null",
    "'paused':true",
    "'paused':null",
};

/* @out: one or two sources, or none. */
static void draw_sources(struct draw *d, char *out, size_t bytes)
{
    static const char *const others[] = {
        "{'kind':'StatefulSet','name':'db'}",
        "{'kind':'StatefulSet','name':'db'}",
        "{'apiVersion':'stable.example.com/v1','kind':'Fleet','name':'db'}",
        "{'kind':'Deployment','name':'cache'}",
        "{'kind':'Deployment','name':'queue'}",
        "{'apiVersion':'cache.example.com/v1alpha1','kind':'Memcached','name':'queue'}",
        "{'kind':'Deployment','name':'web'}",
    };
    switch (draw_below(d, 4)) {
    case 0:
        snprintf(out, bytes, "'sources':null");
        break;
    case 1:
        snprintf(out, bytes, "'sources':[{'kind':'Deployment','name':'%s'},%s]", d->source,
                 others[draw_below(d, ARRAY_LEN(others))]);
        break;
    case 2:
        snprintf(out, bytes, "'sources':[%s]", others[draw_below(d, ARRAY_LEN(others))]);
        break;
    default:
        snprintf(out, bytes, "'sources':[{'kind':'Deployment','name':'%s'}]", d->source);
        break;
    }
}

static void draw_size_from(struct draw *d, char *out, size_t bytes)
{
    char from[256];
    draw_sources(d, from, sizeof from);
    snprintf(out, bytes, "{%s,%s}", from, choices[draw_below(d, ARRAY_LEN(choices))]);
}

static void edit_size_from(struct draw *d)
{
    char body[512];
    if (draw_chance(d, 6)) {
        user_size_from(d->steps, d->ns, d->memcached, NULL);
    } else if (draw_chance(d, 2)) {
        snprintf(body, sizeof body, "{%s}", choices[draw_below(d, ARRAY_LEN(choices))]);
        user_size_from(d->steps, d->ns, d->memcached, body);
    } else {
        draw_size_from(d, body, sizeof body);
        user_size_from(d->steps, d->ns, d->memcached, body);
    }
}

static void pause_or_go_on(struct draw *d)
{
    static const char *const values[] = {"true", "true", "false", "yes", NULL, NULL, NULL};
    user_pause(d->steps, d->ns, d->memcached, values[draw_below(d, ARRAY_LEN(values))]);
}

static void touch_db(struct draw *d)
{
    struct target t = {draw_chance(d, 3) ? "fleets" : "statefulsets", d->ns, "db"};
    switch (draw_below(d, 4)) {
    case 0:
        user_delete(d->steps, &t, draw_policy(d));
        break;
    case 1:
        user_scale(d->steps, &t, draw_replicas(d));
        break;
    default:
        user_create_scalable(d->steps, &t, draw_replicas(d));
        break;
    }
}

static void wait_a_little(struct draw *d)
{
    user_wait(d->steps, 1 + draw_below(d, 25));
}

static void scale_source(struct draw *d)
{
    user_scale(d->steps, &(struct target){"deployments", d->ns, d->source}, draw_replicas(d));
}

void draw_sized_memcached(struct draw *d)
{
    char size_from[512];
    draw_size_from(d, size_from, sizeof size_from);
    user_create_sized(d->steps, d->ns, d->memcached, draw_replicas(d), size_from);
}

const struct act draw_size_acts[] = {
    {edit_size_from, 8}, {pause_or_go_on, 2}, {touch_db, 8}, {wait_a_little, 3}, {scale_source, 8},
};
const size_t draw_size_act_count = ARRAY_LEN(draw_size_acts);

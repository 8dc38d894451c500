/*
 * Random users: few names, so that they get into each other's way.
 */
#include "base/mem.h"
#include "sim/workload_draw.h"
#include "sim/workload_scripts.h"

#include <stdio.h>
#include <string.h>

static const char *const memcacheds[] = {"cache", "queue"};
static const char *const sources[] = {"web", "api", "batch"};

unsigned draw_below(struct draw *d, unsigned bound)
{
    return (unsigned)random_below(&d->random, bound);
}

bool draw_chance(struct draw *d, unsigned one_in)
{
    return draw_below(d, one_in) == 0;
}

const char *draw_policy(struct draw *d)
{
    static const char *const policies[] = {"Background", "Background", "Foreground", "Orphan"};
    return policies[draw_below(d, ARRAY_LEN(policies))];
}

int draw_replicas(struct draw *d)
{
    return (int)draw_below(d, 5);
}

static struct target memcached_of(const struct draw *d)
{
    return (struct target){"memcacheds", d->ns, d->memcached};
}

static struct target operand_of(const struct draw *d)
{
    return (struct target){"deployments", d->ns, d->memcached};
}

static struct target source_of(const struct draw *d)
{
    return (struct target){"deployments", d->ns, d->source};
}

/* Whoever holds an object lets it go in the end, or its namespace would never go. */
static bool may_hold(struct draw *d, const struct target *t)
{
    if (d->held_count == HOLDS_MAX) {
        return false;
    }
    d->held[d->held_count++] = *t;
    return true;
}

static const char hold[] = "{'metadata':{'finalizers':['example.com/hold']}}";
static const char let_go[] = "{'metadata':{'finalizers':null}}";

static void hold_or_let_go(struct draw *d, const struct target *t)
{
    user_patch(d->steps, "kubectl", t, draw_chance(d, 2) && may_hold(d, t) ? hold : let_go);
}

/* ---- What users do ---- */

static void create_memcached(struct draw *d)
{
    if (d->sizes && draw_chance(d, 2)) {
        draw_sized_memcached(d);
        return;
    }
    user_create_memcached(d->steps, d->ns, d->memcached, draw_replicas(d));
}

static void delete_memcached(struct draw *d)
{
    struct target t = memcached_of(d);
    user_delete(d->steps, &t, draw_policy(d));
}

static void scale_memcached(struct draw *d)
{
    struct target t = memcached_of(d);
    if (draw_chance(d, 3)) {
        char body[64];
        snprintf(body, sizeof body, "{'spec':{'size':%d}}", draw_replicas(d));
        user_apply(d->steps, "argo", &t, body);
    } else {
        user_scale(d->steps, &t, draw_replicas(d));
    }
}

static void create_source(struct draw *d)
{
    user_create_source(d->steps, d->ns, d->source, draw_chance(d, 6) ? NULL : d->memcached,
                       draw_replicas(d));
}

static void delete_source(struct draw *d)
{
    struct target t = source_of(d);
    user_delete(d->steps, &t, draw_policy(d));
}

static void scale_source(struct draw *d)
{
    struct target t = source_of(d);
    char body[64];
    snprintf(body, sizeof body, "{'spec':{'replicas':%d}}", draw_replicas(d));
    switch (draw_below(d, 4)) {
    case 0:
        user_patch(d->steps, "kubectl", &t, body);
        break;
    case 1:
        user_apply(d->steps, "argo", &t, body);
        break;
    default:
        user_scale(d->steps, &t, draw_replicas(d));
        break;
    }
}

static void relabel_source(struct draw *d)
{
    static const char *const bad[] = {"No_Name", "nobody", "", "a.b-", "UPPER"};
    if (draw_chance(d, 5)) {
        user_claim(d->steps, d->ns, d->source, bad[draw_below(d, ARRAY_LEN(bad))]);
    } else {
        user_claim(d->steps, d->ns, d->source,
                   draw_chance(d, 3) ? NULL : memcacheds[draw_below(d, ARRAY_LEN(memcacheds))]);
    }
}

static void label_operand(struct draw *d)
{
    user_claim(d->steps, d->ns, d->memcached,
               draw_chance(d, 2) ? NULL : memcacheds[draw_below(d, ARRAY_LEN(memcacheds))]);
}

static void scale_operand(struct draw *d)
{
    struct target t = operand_of(d);
    user_scale(d->steps, &t, draw_replicas(d));
}

static void delete_operand(struct draw *d)
{
    struct target t = operand_of(d);
    user_delete(d->steps, &t, draw_policy(d));
}

/* Merge patches to a list replace all of it: the whole container is needed. */
#define CONTAINER(what)                                                                            \
    "{'spec':{'template':{'spec':{'containers':[{'name':'memcached','image':'memcached:1.6'," what \
    "}]}}}}"

static void edit_operand(struct draw *d)
{
    static const char *const edits[] = {
        "{'spec':{'replicas':7}}",
        "{'spec':{'paused':true}}",
        "{'spec':{'paused':null}}",
        "{'spec':{'minReadySeconds':1,'revisionHistoryLimit':3}}",
        "{'metadata':{'annotations':{'example.com/note':'mine'}}}",
        "{'metadata':{'labels':{'example.com/team':'green','app':'other'}}}",
        "{'metadata':{'labels':{'app.kubernetes.io/managed-by':null}}}",
        "{'metadata':{'labels':{'app.kubernetes.io/managed-by':'helm'}}}",
        "{'metadata':{'labels':null}}",
        "{'metadata':{'ownerReferences':null}}",
        CONTAINER("'command':['sleep']"),
        CONTAINER("'args':['-vv']"),
        CONTAINER("'imagePullPolicy':'Always','env':[{'name':'A','value':'b'}]"),
        ("{'spec':{'template':{'spec':{'containers':[{'name':'memcached','image':'nginx'},"
         "{'name':'sidecar','image':'busybox'}]}}}}"),
        "{'spec':{'template':{'spec':{'securityContext':null}}}}",
        "{'spec':{'template':{'metadata':{'annotations':{'restarted':'1'}}}}}",
    };
    struct target t = operand_of(d);
    user_patch(d->steps, "kubectl", &t, edits[draw_below(d, ARRAY_LEN(edits))]);
}

static void apply_to_operand(struct draw *d)
{
    static const char *const edits[] = {
        "{'spec':{'replicas':2}}",
        ("{'spec':{'template':{'spec':{'containers':[{'name':'memcached','image':'memcached:9'}]}}}"
         "}"),
        "{'spec':{'template':{'spec':{'containers':[{'name':'exporter','image':'exporter:1'}]}}}}",
    };
    struct target t = operand_of(d);
    user_apply(d->steps, "argo", &t, edits[draw_below(d, ARRAY_LEN(edits))]);
}

/* Somebody else writes the status that is ours, or adds to it. */
static void edit_status(struct draw *d)
{
    static const char *const edits[] = {
        "{'status':{'replicas':9,'readyReplicas':9}}",
        "{'status':{'nodes':['nowhere'],'source':'Deployment/nobody'}}",
        "{'status':null}",
        ("{'status':{'conditions':[{'type':'Strange','status':'Unknown','reason':'Why','message':"
         "'','lastTransitionTime':'2026-01-01T00:00:00Z'}]}}"),
        "{'status':{'observedGeneration':999,'conditions':null}}",
    };
    struct target t = memcached_of(d);
    user_patch_status(d->steps, "kubectl", &t, edits[draw_below(d, ARRAY_LEN(edits))]);
}

static void edit_memcached(struct draw *d)
{
    static const char *const edits[] = {
        "{'metadata':{'annotations':{'example.com/note':'mine'}}}",
        "{'metadata':{'labels':{'app.kubernetes.io/managed-by':'memcached-operator'}}}",
        ("{'metadata':{'ownerReferences':[{'apiVersion':'apps/v1','kind':'Deployment','name':"
         "'nobody','uid':'00000000-0000-0000-0000-000000000000'}]}}"),
        "{'spec':{'size':-1}}",
        "{'spec':{'size':'three'}}",
        "{'spec':{'size':2147483647}}",
    };
    struct target t = memcached_of(d);
    user_patch(d->steps, "kubectl", &t, edits[draw_below(d, ARRAY_LEN(edits))]);
}

static void edit_source(struct draw *d)
{
    static const char *const edits[] = {
        "{'metadata':{'labels':{'app.kubernetes.io/managed-by':'memcached-operator'}}}",
        "{'spec':{'replicas':null}}",
        "{'metadata':{'annotations':{'example.com/note':'mine'}}}",
    };
    struct target t = source_of(d);
    user_patch(d->steps, "kubectl", &t, edits[draw_below(d, ARRAY_LEN(edits))]);
}

static void create_stranger(struct draw *d)
{
    user_create_stranger(d->steps, d->ns, d->memcached, draw_chance(d, 2));
}

static void touch_pods(struct draw *d)
{
    if (draw_chance(d, 2)) {
        user_create_pod(d->steps, d->ns, "by-hand", d->memcached);
    } else {
        struct target t = {"pods", d->ns, "by-hand"};
        user_delete(d->steps, &t, "Background");
    }
}

/* Some never end: so there is a pod to be left out of the nodes. */
static void delete_pods(struct draw *d)
{
    bool is_held = draw_chance(d, 3) && strcmp(d->ns, "default") == 0;
    user_evict_pod(d->steps, d->ns, d->memcached, is_held);
}

/* Gone and back before anybody has looked. */
static void recreate_memcached(struct draw *d)
{
    delete_memcached(d);
    create_memcached(d);
}

static void create_strange(struct draw *d)
{
    static const char *const names[] = {
        "a", "with.dots", "sixty-four-characters-are-one-too-many-for-the-value-of-a-label-0"};
    const char *name = names[draw_below(d, ARRAY_LEN(names))];
    struct target t = {"memcacheds", d->ns, name};
    if (draw_chance(d, 3)) {
        user_delete(d->steps, &t, draw_policy(d));
    } else {
        user_create_memcached(d->steps, d->ns, name, draw_replicas(d));
    }
}

static void recreate_namespace(struct draw *d)
{
    user_delete_namespace(d->steps, "other");
    user_await_namespace_gone(d->steps, "other");
    user_create_namespace(d->steps, "other");
}

static void hold_something(struct draw *d)
{
    struct target t = draw_chance(d, 2)   ? memcached_of(d)
                      : draw_chance(d, 2) ? operand_of(d)
                                          : source_of(d);
    hold_or_let_go(d, &t);
}

static void remove_crd(struct draw *d)
{
    user_serve_crd(d->steps, false);
    scale_source(d);
    user_serve_crd(d->steps, true);
    create_memcached(d);
}

static void upgrade(struct draw *d)
{
    user_upgrade(d->steps, draw_chance(d, 2) ? "memcached:1.6" : "memcached:1.6.31");
}

static const struct act acts[] = {
    {create_memcached, 16},  {delete_memcached, 5}, {scale_memcached, 8},    {create_source, 16},
    {delete_source, 6},      {scale_source, 20},    {relabel_source, 10},    {label_operand, 3},
    {scale_operand, 5},      {delete_operand, 5},   {edit_operand, 10},      {apply_to_operand, 3},
    {edit_status, 4},        {edit_memcached, 5},   {edit_source, 4},        {create_stranger, 3},
    {touch_pods, 2},         {delete_pods, 4},      {recreate_memcached, 3}, {create_strange, 3},
    {recreate_namespace, 1}, {upgrade, 1},          {hold_something, 5},     {remove_crd, 1},
};

static void (*pick_act(struct draw *d, const struct act *of, size_t count))(struct draw *d)
{
    unsigned sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += of[i].weight;
    }
    unsigned draw = draw_below(d, sum);
    size_t i = 0;
    while (draw >= of[i].weight) {
        draw -= of[i++].weight;
    }
    return of[i].write;
}

static void write_one(struct draw *d)
{
    void (*write)(struct draw * d) = d->sizes && draw_chance(d, 3)
                                         ? pick_act(d, draw_size_acts, draw_size_act_count)
                                         : pick_act(d, acts, ARRAY_LEN(acts));
    d->ns = draw_chance(d, 5) ? "other" : "default";
    d->memcached = memcacheds[draw_chance(d, 4) ? 1 : 0];
    d->source = sources[draw_below(d, ARRAY_LEN(sources))];
    write(d);
}

void workload_write_random(struct steps *s, unsigned count, uint64_t seed)
{
    struct draw d = {.steps = s, .ns = "default", .memcached = "cache", .source = "web"};
    random_init(&d.random, seed ^ 0x776f726b6c6f6164U);
    d.sizes = draw_chance(&d, 2);
    user_create_namespace(s, "other");
    if (!draw_chance(&d, 8)) { /* most begin with something to look at */
        create_memcached(&d);
        create_source(&d);
    }
    for (unsigned i = 0; i < count; i++) {
        write_one(&d);
    }
    for (unsigned i = 0; i < d.held_count; i++) {
        user_patch(s, "kubectl", &d.held[i], let_go);
    }
}

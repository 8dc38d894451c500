#include "sim/stage.h"

#include "base/mem.h"
#include "sim/world_state.h"

#include <string.h>

enum { FOLLOWS_MS = 1000, TURNS_MAX = 2000, DEPLOYMENTS = 2 /* of CHOICE_FREEZE */ };

/* ---- What users do ---- */

static bool has_step(const struct stage *s)
{
    return s->next < s->steps.count;
}

static void take_step(struct stage *s)
{
    const struct step *step = &s->steps.items[s->next++];
    if (step->type == STEP_UPGRADE) {
        world_upgrade(s->world, step->image);
    } else {
        world_write(s->world, step->who, step->method, step->path, step->content_type, step->body,
                    0);
    }
    if (story_tell_changes(&s->story, step->who) == 0) {
        story_tell(&s->story, step->who, "%s", strchr(step->words, ' ') + 1);
    }
}

/* ---- What follows ---- */

static bool is_about(const struct stage *s, const struct choice *c, const char *what)
{
    const struct exchange *e = world_exchange(s->world, c->exchange);
    return what != NULL && e->method != HTTP_GET && strstr(e->path, what) != NULL;
}

static void take(struct stage *s, const struct choice *c)
{
    if (c->type == CHOICE_EXECUTE && is_about(s, c, s->meddle) && has_step(s)) {
        s->meddle = NULL;
        take_step(s);
    } else if (c->type == CHOICE_ANSWER && is_about(s, c, s->lose)) {
        s->lose = NULL;
        story_take(
            &s->story,
            &(struct choice){.type = CHOICE_LOSE, .process = c->process, .exchange = c->exchange});
    } else {
        story_take(&s->story, c);
    }
}

static bool is_for_now(const struct stage *s, const struct choice *c)
{
    if (c->type == CHOICE_DELIVER && s->deaf != NULL) {
        return strstr(world_exchange(s->world, c->exchange)->path, s->deaf) == NULL;
    }
    return c->type != CHOICE_CLUSTER || s->pods ||
           s->world->steps[c->value].type >= CLUSTER_COLLECT;
}

static bool take_next(struct stage *s)
{
    struct choice choices[WORLD_CHOICES_MAX];
    size_t count = world_progress(s->world, choices);
    for (size_t i = 0; i < count && world_failure(s->world) == NULL; i++) {
        if (is_for_now(s, &choices[i])) {
            take(s, &choices[i]);
            return true;
        }
    }
    return false;
}

static void drain(struct stage *s)
{
    unsigned turns = 0;
    while (take_next(s)) {
        if (++turns > TURNS_MAX) {
            world_fail(s->world, "the scene never comes to rest");
        }
    }
}

static void pass(struct stage *s, uint64_t ms)
{
    story_take(&s->story, &(struct choice){.type = CHOICE_PASS, .value = (int64_t)ms});
    drain(s);
}

void stage_pass(struct stage *s, uint64_t ms)
{
    uint64_t until_ms = world_now_ms(s->world) + ms;
    drain(s);
    while (world_now_ms(s->world) < until_ms && world_failure(s->world) == NULL) {
        uint64_t left_ms = until_ms - world_now_ms(s->world);
        uint64_t due_ms = world_pass_ms(s->world);
        pass(s, due_ms < left_ms ? due_ms : left_ms);
    }
}

static bool is_due_soon(const struct world *w)
{
    uint64_t due_ms = world_due_ms(w);
    return due_ms != UINT64_MAX && due_ms <= world_now_ms(w) + FOLLOWS_MS;
}

static void follow(struct stage *s)
{
    drain(s);
    for (unsigned turns = 0; turns < TURNS_MAX && is_due_soon(s->world); turns++) {
        pass(s, world_pass_ms(s->world));
    }
}

void stage_play(struct stage *s)
{
    follow(s);
    while (has_step(s) && world_failure(s->world) == NULL) {
        take_step(s);
        follow(s);
    }
}

void stage_play_at_once(struct stage *s)
{
    while (has_step(s)) {
        take_step(s);
    }
    follow(s);
}

/* ---- Faults ---- */

static void take_fault(struct stage *s, enum choice_type type, unsigned process)
{
    story_take(&s->story, &(struct choice){.type = type, .process = process});
}

void stage_crash(struct stage *s, unsigned process)
{
    take_fault(s, CHOICE_CRASH, process);
}

void stage_stop(struct stage *s, unsigned process)
{
    take_fault(s, CHOICE_STOP, process);
    follow(s);
}

void stage_start(struct stage *s, unsigned process)
{
    take_fault(s, CHOICE_START, process);
    follow(s);
}

void stage_compact(struct stage *s)
{
    story_tell(&s->story, "etcd", "forgets all history");
    world_take(s->world, &(struct choice){.type = CHOICE_COMPACT,
                                          .value = (int64_t)api_revision(s->world->api)});
}

void stage_restore(struct stage *s, uint64_t revision)
{
    story_tell(&s->story, "etcd", "is restored from a snapshot");
    world_take(s->world, &(struct choice){.type = CHOICE_RESTORE, .value = (int64_t)revision});
    s->story.revision = api_revision(s->world->api);
}

void stage_lag(struct stage *s, uint64_t revision)
{
    story_tell(&s->story, "server", "has a cache of Deployments that lags behind");
    world_take(s->world, &(struct choice){.type = CHOICE_FREEZE,
                                          .exchange = DEPLOYMENTS,
                                          .value = (int64_t)revision});
}

void stage_catch_up(struct stage *s)
{
    story_tell(&s->story, "server", "has caught up");
    world_take(s->world, &(struct choice){.type = CHOICE_THAW});
    follow(s);
}

void stage_break_watches(struct stage *s)
{
    story_tell(&s->story, "network", "breaks: all watches end");
    network_disconnect(&s->world->network, &s->world->network.processes[0]);
}

/* ---- Curtain ---- */

void stage_open(struct stage *s, const struct world_options *options)
{
    *s = (struct stage){.world = world_new(options)};
    story_begin(&s->story, s->world);
}

void stage_tell(struct stage *s, bool reads)
{
    s->story.reads = reads;
    story_start(&s->story);
}

char *stage_close(struct stage *s)
{
    s->story.silent = true;
    world_settle(s->world);
    s->story.silent = false;
    if (world_failure(s->world) != NULL) {
        story_tell(&s->story, "FAILED", "%s", world_failure(s->world));
    }
    char *text = buf_take(&s->story.text);
    story_fini(&s->story);
    steps_fini(&s->steps);
    world_free(s->world);
    return text;
}

/*
 * Overtaken: somebody deletes what the operator has just written, and a list, which says nothing of
 * what came and went, reaches the operator before the answer does. No watch tells of it any more.
 */
#include "sim/perturb.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    STILL_MS = 30 * 1000,
    HELD_MS = 10 * 1000, /* longer than reflectors wait before they list anew */
    PATH_BYTES = 512,
};

struct overtaking {
    uint64_t write; /* the so-manieth */
    uint64_t seen;
    uint64_t answer;       /* id of the request whose answer is held; 0: none so far */
    char path[PATH_BYTES]; /* what was written */
    bool deleted;
    uint64_t until_ms;
};

static void observe(void *ctx, struct world *w, const struct exchange *e,
                    const struct api_answer *answer)
{
    struct overtaking *o = ctx;
    (void)w;
    if (!perturb_is_write(e) || answer->http_status >= 300 || ++o->seen != o->write) {
        return;
    }
    o->answer = e->id;
    perturb_written(e, o->path, sizeof o->path);
}

static void overtake(struct overtaking *o, struct world *w)
{
    o->deleted = true;
    o->until_ms = world_now_ms(w) + HELD_MS;
    world_write(w, "kubectl", HTTP_DELETE, o->path, NULL, NULL, 0);
    perturb_cut_watches(w);
    world_take(
        w, &(struct choice){.type = CHOICE_COMPACT, .value = (int64_t)api_revision(world_api(w))});
}

static enum world_say say(void *ctx, struct world *w, const struct choice *next)
{
    struct overtaking *o = ctx;
    if (o->answer == 0) {
        return SAY_TAKE;
    }
    if (!o->deleted) {
        overtake(o, w);
        return SAY_DID;
    }
    if (next->type == CHOICE_PASS) {
        return perturb_pass_until(w, next, o->until_ms);
    }
    bool held = next->type == CHOICE_ANSWER && world_now_ms(w) < o->until_ms &&
                world_exchange(w, next->exchange)->id == o->answer;
    return held ? SAY_NOT_NOW : SAY_TAKE;
}

/* Returns how many writes there were. */
static uint64_t play(unsigned workload, struct overtaking *o, struct perturb_case *c)
{
    struct world *w = perturb_world(workload, workload % 2 == 0, c);
    world_observe(w, observe, o);
    world_play(w, STILL_MS, say, o);
    if (c != NULL) {
        perturb_judge(w, c, o->deleted);
    } else {
        world_free(w);
    }
    return o->seen;
}

static uint64_t cases_of(unsigned workload)
{
    static struct perturb_memo memo;
    if (!perturb_known(&memo, workload)) {
        struct overtaking o = {.write = UINT64_MAX};
        perturb_remember(&memo, workload, play(workload, &o, NULL));
    }
    return memo.points[workload];
}

static uint64_t count(bool many)
{
    (void)many;
    return perturb_count(cases_of);
}

static void run(uint64_t i, bool many, struct perturb_case *c)
{
    (void)many;
    unsigned workload = perturb_locate(cases_of, &i);
    struct overtaking o = {.write = i + 1};
    struct workload_spec spec;
    perturb_workload(workload, &spec);
    snprintf(c->what, sizeof c->what, "what write %" PRIu64 " made of %s/%u is deleted unseen",
             o.write, workload_text(spec.name), spec.variant);
    play(workload, &o, c);
}

const struct perturb_class perturb_overtaken = {
    .name = "overtaken",
    .about = "after every write, its object is deleted, and a list comes before the answer",
    .count = count,
    .run = run,
};

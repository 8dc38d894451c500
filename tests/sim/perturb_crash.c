/*
 * Crash: the operator dies around every single write of every workload, and starts anew. And lost
 * answers: the connection breaks around every single write, the operator lives on.
 */
#include "sim/perturb.h"

#include <stdio.h>
#include <string.h>

enum { STILL_MS = 30 * 1000 };

/* Where around a write. */
enum place {
    PLACE_BEFORE,   /* it never reaches the server */
    PLACE_LATE,     /* it reaches the server when its sender is gone */
    PLACE_EXECUTED, /* the server has done it, the answer gets lost */
    PLACE_ANSWERED,
    PLACE_COUNT,
};

static const char *const place_texts[] = {"before", "late after", "done at", "after"};

struct point {
    bool crash; /* else the connection breaks */
    uint64_t write;
    enum place place;
    uint64_t seen;
    bool done;
};

static bool is_write(const struct exchange *e)
{
    return e->method != HTTP_GET && strstr(e->path, "/events") == NULL &&
           strstr(e->path, "/leases") == NULL;
}

static void break_it(const struct point *p, struct world *w, const struct choice *at)
{
    unsigned process = world_exchange(w, at->exchange)->process;
    enum choice_type type = p->crash ? CHOICE_CRASH : CHOICE_LOSE;
    world_take(w, &(struct choice){.type = type, .process = process, .exchange = at->exchange});
}

/* Those that were on their way when their sender ended. */
static void drop_orphans(struct world *w)
{
    for (size_t i = world_exchange_count(w); i-- > 0;) {
        if (world_exchange(w, i)->orphan) {
            world_take(w, &(struct choice){.type = CHOICE_DROP, .exchange = (unsigned)i});
        }
    }
}

static enum world_say say(void *ctx, struct world *w, const struct choice *next)
{
    struct point *p = ctx;
    bool execute = next->type == CHOICE_EXECUTE;
    bool answer = next->type == CHOICE_ANSWER;
    if (p->done || (!execute && !answer) || !is_write(world_exchange(w, next->exchange))) {
        return SAY_TAKE;
    }
    p->seen += execute ? 1 : 0;
    if (p->seen != p->write + 1) {
        return SAY_TAKE;
    }
    if (execute && p->place <= PLACE_LATE) {
        p->done = true;
        break_it(p, w, next);
        if (p->place == PLACE_BEFORE) {
            drop_orphans(w);
        }
        return SAY_DID;
    }
    if (answer && p->place >= PLACE_EXECUTED) {
        p->done = true;
        if (p->place == PLACE_ANSWERED) {
            world_take(w, next);
            world_take(w, &(struct choice){.type = CHOICE_CRASH});
        } else {
            break_it(p, w, next);
        }
        return SAY_DID;
    }
    return SAY_TAKE;
}

/* Writes of a run in which nothing breaks. */
static uint64_t writes_of(unsigned workload)
{
    static struct perturb_memo memo;
    if (!perturb_known(&memo, workload)) {
        struct point p = {.write = UINT64_MAX - 1};
        struct world *w = perturb_world(workload, workload % 2 == 0, NULL);
        world_play(w, STILL_MS, say, &p);
        world_free(w);
        perturb_remember(&memo, workload, p.seen);
    }
    return memo.points[workload];
}

static uint64_t crashes_of(unsigned workload)
{
    return writes_of(workload) * PLACE_COUNT;
}

static uint64_t losses_of(unsigned workload)
{
    return writes_of(workload) * PLACE_ANSWERED;
}

static void run(bool crash, unsigned workload, uint64_t point, struct perturb_case *c)
{
    unsigned places = crash ? PLACE_COUNT : PLACE_ANSWERED;
    struct point p = {
        .crash = crash, .write = point / places, .place = (enum place)(point % places)};
    struct world *w = perturb_world(workload, workload % 2 == 0, c);
    struct workload_spec spec;
    perturb_workload(workload, &spec);
    snprintf(c->what, sizeof c->what, "%s %s write %llu of %s/%u",
             crash ? "crash" : "connection lost", place_texts[p.place],
             (unsigned long long)p.write + 1, workload_text(spec.name), spec.variant);
    world_play(w, STILL_MS, say, &p);
    perturb_judge(w, c, p.done);
}

static uint64_t count_crashes(bool many)
{
    (void)many;
    return perturb_count(crashes_of);
}

static void run_crash(uint64_t i, bool many, struct perturb_case *c)
{
    (void)many;
    unsigned workload = perturb_locate(crashes_of, &i);
    run(true, workload, i, c);
}

static uint64_t count_losses(bool many)
{
    (void)many;
    return perturb_count(losses_of);
}

static void run_loss(uint64_t i, bool many, struct perturb_case *c)
{
    (void)many;
    unsigned workload = perturb_locate(losses_of, &i);
    run(false, workload, i, c);
}

const struct perturb_class perturb_crash = {
    .name = "crash",
    .about = "the operator dies before, during and after every write, and starts anew",
    .count = count_crashes,
    .run = run_crash,
};

const struct perturb_class perturb_lost = {
    .name = "lost",
    .about = "the connection breaks around every write, whether it was done or not",
    .count = count_losses,
    .run = run_loss,
};

/*
 * Restore: at every revision of every workload etcd comes back as it was at any earlier one. What
 * the operator saw since then never was, and the revisions are used again for other things. It is
 * running meanwhile, or it is down and starts when the past is there.
 *
 * A running one looks before as much was written again as was lost: a restored server that has
 * overtaken it cannot be told from one that was never away (docs/reflector.md), so writes wait for
 * its first reads.
 */
#include "sim/perturb.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

enum {
    STILL_MS = 30 * 1000,
    FIRST_REVISION = 100, /* of the world */
    STRIDE = 7,           /* of the pairs, unless many are wanted */
};

struct point {
    uint64_t to, at; /* revisions */
    bool down;       /* the operator, meanwhile */
    bool done;
    unsigned looked; /* bits of watched[]: it has asked since */
};

/* What the operator watches, by a piece of the path. */
static const char *const watched[] = {"/memcacheds?", "labelSelector=memcached-operator",
                                      "labelSelector=app.kubernetes.io", "/pods?"};
enum { ALL_LOOKED = (1 << 4) - 1 };

/* Pairs of revisions of a run in which nothing breaks, each twice: running and down. */
static uint64_t points_of(unsigned workload)
{
    static struct perturb_memo memo;
    if (!perturb_known(&memo, workload)) {
        struct world *w = perturb_world(workload, workload % 2 == 0, NULL);
        world_play(w, STILL_MS, NULL, NULL);
        uint64_t n = api_revision(world_api(w)) - FIRST_REVISION;
        perturb_remember(&memo, workload, n * (n + 1) / 2 * 2);
        world_free(w);
    }
    return memo.points[workload];
}

static struct point point_of(uint64_t i)
{
    struct point p = {.down = i % 2 == 1, .at = 1};
    i /= 2;
    while (i >= p.at) {
        i -= p.at++;
    }
    p.to = i + FIRST_REVISION;
    p.at += FIRST_REVISION;
    return p;
}

static bool is_read(const struct world *w, const struct choice *next)
{
    return next->type == CHOICE_EXECUTE && world_exchange(w, next->exchange)->method == HTTP_GET;
}

/* After the restore: reads come first. */
static enum world_say let_look(struct point *p, const struct world *w, const struct choice *next)
{
    bool writes = next->type == CHOICE_USER || next->type == CHOICE_CLUSTER ||
                  (next->type == CHOICE_EXECUTE && !is_read(w, next));
    if (p->down || p->looked == ALL_LOOKED) {
        return SAY_TAKE;
    }
    for (unsigned i = 0; i < ARRAY_LEN(watched) && is_read(w, next); i++) {
        bool about = strstr(world_exchange(w, next->exchange)->path, watched[i]) != NULL;
        p->looked |= about ? 1U << i : 0;
    }
    return writes ? SAY_NOT_NOW : SAY_TAKE;
}

static enum world_say say(void *ctx, struct world *w, const struct choice *next)
{
    struct point *p = ctx;
    if (p->done) {
        return let_look(p, w, next);
    }
    if (api_revision(world_api(w)) < p->at) {
        return SAY_TAKE;
    }
    p->done = true;
    if (p->down) {
        world_take(w, &(struct choice){.type = CHOICE_CRASH});
    }
    world_take(w, &(struct choice){.type = CHOICE_RESTORE, .value = (int64_t)p->to});
    return SAY_DID;
}

static uint64_t count(bool many)
{
    uint64_t all = perturb_count(points_of);
    return many ? all : (all + STRIDE - 1) / STRIDE;
}

static void run(uint64_t i, bool many, struct perturb_case *c)
{
    i = many ? i : i * STRIDE;
    unsigned workload = perturb_locate(points_of, &i);
    struct point p = point_of(i);
    struct workload_spec spec;
    perturb_workload(workload, &spec);
    snprintf(c->what, sizeof c->what, "restore of revision %llu at %llu of %s/%u, operator %s",
             (unsigned long long)(p.to - FIRST_REVISION),
             (unsigned long long)(p.at - FIRST_REVISION), workload_text(spec.name), spec.variant,
             p.down ? "down" : "running");
    struct world *w = perturb_world(workload, workload % 2 == 0, c);
    world_play(w, STILL_MS, say, &p);
    perturb_judge(w, c, p.done);
}

const struct perturb_class perturb_restore = {
    .name = "restore",
    .about = "at every revision, etcd comes back at every earlier one, the operator up or down",
    .count = count,
    .run = run,
};

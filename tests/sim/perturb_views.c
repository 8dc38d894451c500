/*
 * What the operator sees is not what is there.
 *
 * stale: at every revision of every workload it comes to a server whose caches have stopped at any
 * earlier one, with all it remembers or after a restart; the caches catch up later.
 * blind: between any two revisions it is cut off, and then sees only the outcome: whatever changes
 * cancelled out in between, it never sees them.
 */
#include "sim/perturb.h"

#include <stdio.h>
#include <string.h>

enum {
    STILL_MS = 30 * 1000,
    FIRST_REVISION = 100, /* of the world */
    STALE_STRIDE = 24,    /* of all cases, `make test` runs one in so many; `make soak` all */
    BLIND_STRIDE = 5,
};

/* Revisions of a run in which nothing breaks. */
static uint64_t revisions_of(unsigned workload)
{
    static struct perturb_memo memo;
    if (!perturb_known(&memo, workload)) {
        struct world *w = perturb_world(workload, false, NULL);
        uint64_t first = api_revision(world_api(w));
        world_play(w, STILL_MS, NULL, NULL);
        perturb_remember(&memo, workload, api_revision(world_api(w)) - first);
        world_free(w);
    }
    return memo.points[workload];
}

/* Pairs of revisions, the first one before the second. */
static uint64_t pairs_of(unsigned workload)
{
    uint64_t n = revisions_of(workload);
    return n * (n + 1) / 2;
}

static void find_pair(uint64_t i, uint64_t *first, uint64_t *second)
{
    *second = 1;
    while (i >= *second) {
        i -= (*second)++;
    }
    *first = i;
}

struct pair {
    uint64_t first, second; /* revisions */
    bool restart;           /* stale: the process has just started */
    unsigned what;          /* stale: which caches */
    bool begun, over;
};

static void describe(struct perturb_case *c, unsigned workload, const char *what,
                     const struct pair *p)
{
    struct workload_spec spec;
    perturb_workload(workload, &spec);
    snprintf(c->what, sizeof c->what, "%s, %llu and %llu of %s/%u", what,
             (unsigned long long)(p->first - FIRST_REVISION),
             (unsigned long long)(p->second - FIRST_REVISION), workload_text(spec.name),
             spec.variant);
}

/* ---- Stale ---- */

static enum world_say say_stale(void *ctx, struct world *w, const struct choice *next)
{
    struct pair *p = ctx;
    (void)next;
    if (p->begun || api_revision(world_api(w)) < p->second) {
        return SAY_TAKE;
    }
    p->begun = true;
    if (p->restart) {
        world_take(w, &(struct choice){.type = CHOICE_CRASH});
    }
    world_take(w, &(struct choice){
                      .type = CHOICE_FREEZE, .exchange = p->what, .value = (int64_t)p->first});
    return SAY_DID;
}

static uint64_t stale_of(unsigned workload)
{
    return pairs_of(workload) * 2 * WORLD_FREEZES;
}

static uint64_t count_stale(bool many)
{
    return perturb_count(stale_of) / (many ? 1 : STALE_STRIDE);
}

static void run_stale(uint64_t i, bool many, struct perturb_case *c)
{
    static const char *const whats[] = {"all caches", "cache of Memcacheds", "cache of Deployments",
                                        "cache of pods"};
    char what[64];
    i = many ? i : i * STALE_STRIDE + i % STALE_STRIDE;
    unsigned workload = perturb_locate(stale_of, &i);
    struct pair p = {.restart = i % 2 == 1, .what = i / 2 % WORLD_FREEZES};
    find_pair(i / 2 / WORLD_FREEZES, &p.first, &p.second);
    p.first += FIRST_REVISION;
    p.second += FIRST_REVISION;
    snprintf(what, sizeof what, "stale %s after a %s", whats[p.what],
             p.restart ? "restart" : "reconnection");
    describe(c, workload, what, &p);
    struct world *w = perturb_world(workload, false, c);
    world_play(w, STILL_MS, say_stale, &p);
    world_settle(w);
    perturb_finish(w, c);
}

/* ---- Blind ---- */

static enum world_say say_blind(void *ctx, struct world *w, const struct choice *next)
{
    struct pair *p = ctx;
    uint64_t revision = api_revision(world_api(w));
    if (p->over) {
        return SAY_TAKE;
    }
    if (!p->begun && revision >= p->first) {
        p->begun = true;
        perturb_cut_watches(w);
        return SAY_DID;
    }
    if (p->begun && revision >= p->second) {
        p->over = true;
        world_take(w, &(struct choice){.type = CHOICE_COMPACT, .value = (int64_t)revision});
        return SAY_DID;
    }
    bool reads = (next->type == CHOICE_EXECUTE || next->type == CHOICE_DELIVER) &&
                 world_exchange(w, next->exchange)->method == HTTP_GET;
    return p->begun && reads ? SAY_NOT_NOW : SAY_TAKE;
}

static uint64_t count_blind(bool many)
{
    return perturb_count(pairs_of) / (many ? 1 : BLIND_STRIDE);
}

static void run_blind(uint64_t i, bool many, struct perturb_case *c)
{
    i = many ? i : i * BLIND_STRIDE + i % BLIND_STRIDE;
    unsigned workload = perturb_locate(pairs_of, &i);
    struct pair p = {0};
    find_pair(i, &p.first, &p.second);
    p.first += FIRST_REVISION;
    p.second += FIRST_REVISION;
    describe(c, workload, "blind between", &p);
    struct world *w = perturb_world(workload, false, c);
    world_play(w, STILL_MS, say_blind, &p);
    world_settle(w);
    perturb_finish(w, c);
}

const struct perturb_class perturb_stale = {
    .name = "stale",
    .about =
        "at every revision, a server whose caches show any earlier one, after a restart or not",
    .count = count_stale,
    .run = run_stale,
};

const struct perturb_class perturb_blind = {
    .name = "blind",
    .about = "what happens between any two revisions is never seen, only its outcome",
    .count = count_blind,
    .run = run_blind,
};

/*
 * Restart: when a workload has come to rest the operator starts anew, and one of its first lists
 * comes later than the others, or none does. It finds all as it must be, so it has nothing to
 * change: half a view is none to decide on.
 */
#include "sim/perturb.h"

#include "base/mem.h"
#include "sim/world_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    STILL_MS = 30 * 1000,
    AFTER_MS = 20 * 60 * 1000, /* the world is still for ten minutes already */
    LATE_MS = 5000,
    BOOKMARK_BYTES_MAX = 256,
};

/* What is listed late, by a piece of the path. */
static const char *const lists[] = {"none", "/memcacheds?", "labelSelector=memcached-operator",
                                    "labelSelector=app.kubernetes.io", "/pods?"};

enum { CASES = 2 * ARRAY_LEN(lists) };

struct restart {
    unsigned late;   /* of lists[] */
    bool bookmark;   /* its watch begins with one that says nothing of its initial events … */
    uint64_t flight; /* … this one; 0: not yet */
    uint64_t until_ms;
};

/* The watch is opened, and before all else comes a bookmark. */
static void open_with_bookmark(struct restart *r, struct world *w, const struct choice *next)
{
    struct flight *f = w->network.flights[next->exchange];
    CLEANUP(buf_fini) struct buf line;
    buf_init(&line, BOOKMARK_BYTES_MAX);
    buf_append_text(
        &line, "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"1\"}}}\n");
    r->flight = f->exchange.id;
    world_take(w, next);
    flight_feed(&w->network, f, &line);
}

static enum world_say say(void *ctx, struct world *w, const struct choice *next)
{
    struct restart *r = ctx;
    bool is_read = next->type == CHOICE_EXECUTE || next->type == CHOICE_DELIVER;
    if (r->late == 0 || world_now_ms(w) >= r->until_ms || !is_read) {
        return SAY_TAKE;
    }
    const struct exchange *e = world_exchange(w, next->exchange);
    bool initial = strstr(e->path, "sendInitialEvents") != NULL;
    if (r->bookmark && next->type == CHOICE_EXECUTE && r->flight == 0 && initial &&
        strstr(e->path, lists[r->late]) != NULL) {
        open_with_bookmark(r, w, next);
        return SAY_DID;
    }
    bool is_late = r->bookmark
                       ? e->id == r->flight
                       : next->type == CHOICE_EXECUTE && strstr(e->path, lists[r->late]) != NULL;
    return is_late ? SAY_NOT_NOW : SAY_TAKE;
}

/* Events may be told again, and a creation that finds the name taken changes nothing. */
static void count_change(void *ctx, const struct api_change *change)
{
    uint64_t *changes = ctx;
    *changes += strcmp(change->resource, "events") != 0;
}

static uint64_t count(bool many)
{
    (void)many;
    return perturb_workload_count() * CASES;
}

static void run(uint64_t i, bool many, struct perturb_case *c)
{
    (void)many;
    unsigned variant = (unsigned)(i % CASES);
    struct restart r = {.late = variant % ARRAY_LEN(lists),
                        .bookmark = variant >= ARRAY_LEN(lists)};
    unsigned workload = (unsigned)(i / CASES);
    struct world_options options = {.seed = 7,
                                    .processes = 1,
                                    .watch_list = r.bookmark || workload % 2 == 0,
                                    .trace = c->trace,
                                    .logs = c->logs};
    perturb_workload(workload, &options.workload);
    snprintf(c->what, sizeof c->what, "a start after %s/%u, late list %s%s",
             workload_text(options.workload.name), options.workload.variant, lists[r.late],
             r.bookmark ? ", a bookmark before it" : "");
    struct world *w = world_new(&options);
    world_play(w, STILL_MS, NULL, NULL);
    world_settle(w);
    uint64_t before = api_revision(world_api(w));
    uint64_t changes = 0;
    world_take(w, &(struct choice){.type = CHOICE_CRASH});
    r.until_ms = world_now_ms(w) + LATE_MS;
    world_play(w, AFTER_MS, say, &r);
    api_each_change(world_api(w), before, count_change, &changes);
    if (changes > 0) {
        world_fail(w, "I2: %" PRIu64 " changes, though all was as it must be", changes);
    }
    world_settle(w);
    perturb_finish(w, c);
}

const struct perturb_class perturb_restart = {
    .name = "restart",
    .about =
        "a start when all is as it must be, with one list later than the others: nothing changes",
    .count = count,
    .run = run,
};

#include "sim/world_state.h"

#include <inttypes.h>
#include <string.h>

enum {
    PROBE_MS = 60 * 1000,              /* so long nothing changed: is all well? */
    PATIENCE_MS = (1000 + 500) * 1000, /* so long nothing changed: nothing more will */
    QUIET_WITH_LEASE_MS = 60 * 1000,   /* a Lease is renewed every 2 s: ten minutes are slow */
    TURNS_MAX = 5000,                  /* of one settling: more is a hot loop */
};

/* ---- Settling ---- */

static void end_faults(struct world *w)
{
    w->changed_ms = w->network.now_ms; /* what was slow until now may take its time */
    w->options.faults = (struct world_faults){0};
    w->network.split = false;
    for (unsigned i = 0; i < w->options.processes; i++) {
        process_pause(&w->network, &w->network.processes[i], false);
    }
    if (w->frozen) {
        world_thaw(w);
    }
    if (w->crd_away) {
        w->crd_away = false;
        api_serve_memcacheds(w->api, true);
        world_judge(w, -1, NULL);
    }
}

/* Restart what has ended, as a kubelet does. */
static void start_missing(struct world *w)
{
    for (unsigned i = 0; i < w->options.processes; i++) {
        if (w->network.processes[i].manager == NULL) {
            world_take(w, &(struct choice){.type = CHOICE_START, .process = i});
        }
    }
}

static enum world_say ask(struct world *w, const struct choice *c)
{
    return w->say != NULL ? w->say(w->say_ctx, w, c) : SAY_TAKE;
}

/* What took its turn: each kind of thing once, but each watch by itself, so that one that always
 * has something to say does not keep the others from being heard. */
struct turn {
    bool kinds[CHOICE_PASS];
    uint64_t watches[FLIGHTS_MAX]; /* ids */
    size_t watch_count;
};

static bool had_turn(const struct turn *t, const struct world *w, const struct choice *c)
{
    if (c->type != CHOICE_DELIVER) {
        return t->kinds[c->type];
    }
    const struct exchange *e = world_exchange(w, c->exchange);
    for (size_t i = 0; i < t->watch_count; i++) {
        if (t->watches[i] == e->id * WORLD_PROCESSES_MAX + e->process) {
            return true;
        }
    }
    return false;
}

static void note_turn(struct turn *t, const struct world *w, const struct choice *c)
{
    t->kinds[c->type] = true;
    if (c->type == CHOICE_DELIVER && t->watch_count < FLIGHTS_MAX) {
        const struct exchange *e = world_exchange(w, c->exchange);
        t->watches[t->watch_count++] = e->id * WORLD_PROCESSES_MAX + e->process;
    }
}

/* One thing of each kind that can happen without time passing, in turn, so that nobody waits for
 * ever. */
static bool take_all(struct world *w)
{
    struct choice choices[WORLD_CHOICES_MAX];
    struct turn turn = {.watch_count = 0};
    bool any = false;
    size_t count = world_progress(w, choices);
    for (size_t i = 0; i < count && w->failure[0] == '\0';) {
        enum world_say said = had_turn(&turn, w, &choices[i]) ? SAY_NOT_NOW : ask(w, &choices[i]);
        if (said == SAY_NOT_NOW) {
            i++;
            continue;
        }
        if (said == SAY_TAKE) {
            note_turn(&turn, w, &choices[i]);
            world_take(w, &choices[i]);
        }
        any = true;
        i = 0; /* requests may have moved */
        count = world_progress(w, choices);
    }
    return any;
}

void world_drain(struct world *w)
{
    for (unsigned turns = 0; take_all(w) && w->failure[0] == '\0'; turns++) {
        if (turns > TURNS_MAX) {
            world_fail(w, "I1: things never stop happening");
        }
    }
}

static bool is_well(struct world *w)
{
    w->probing = true;
    w->probed[0] = '\0';
    invariants_check_state(w->invariants);
    invariants_check_stores(w->invariants);
    w->probing = false;
    return w->probed[0] == '\0';
}

/* Until all is as it must be; or nothing more happens, or never ends. */
static void converge(struct world *w)
{
    uint64_t until_ms = w->network.now_ms + WORLD_CONVERGE_MS;
    while (w->failure[0] == '\0') {
        start_missing(w);
        world_drain(w);
        uint64_t still_ms = w->network.now_ms - w->changed_ms;
        bool is_idle = workload_next(w->workload) == NULL;
        if (still_ms >= PROBE_MS && is_idle && is_well(w)) {
            return;
        }
        if ((still_ms >= PATIENCE_MS && is_idle) || w->network.now_ms > until_ms) {
            invariants_check_state(w->invariants);
            invariants_check_stores(w->invariants);
            world_fail(w, "I2: it never stops changing");
            return;
        }
        uint64_t ms = world_pass_ms(w);
        world_pass(w, ms < PROBE_MS ? ms : PROBE_MS);
    }
}

static void stay_quiet(struct world *w)
{
    uint64_t writes = world_writes(w, WORLD_PROCESSES_MAX);
    uint64_t until_ms =
        w->network.now_ms + (w->options.leader_elect ? QUIET_WITH_LEASE_MS : WORLD_QUIET_MS);
    while (w->failure[0] == '\0' && w->network.now_ms < until_ms) {
        uint64_t ms = world_pass_ms(w);
        world_pass(w, ms < until_ms - w->network.now_ms ? ms : until_ms - w->network.now_ms);
        world_drain(w);
        start_missing(w);
    }
    if (world_writes(w, WORLD_PROCESSES_MAX) != writes) {
        world_fail(w, "I2: %" PRIu64 " writes after convergence",
                   world_writes(w, WORLD_PROCESSES_MAX) - writes);
    }
}

/* Nothing is in flight but the watches, and of these none that nobody needs. */
static void check_flights(struct world *w)
{
    for (size_t i = 0; i < w->network.flight_count; i++) {
        const struct exchange *e = &w->network.flights[i]->exchange;
        if (!e->is_watch && strstr(e->path, "/leases") == NULL) {
            world_fail(w, "I5: still in flight: %s %s", http_method_name(e->method), e->path);
        } else if (e->is_watch && !invariants_wants_watch(w->invariants, e->path)) {
            world_fail(w, "I5: still watched, though nobody names it: %s", e->path);
        }
    }
}

void world_play(struct world *w, uint64_t still_ms, world_say_fn *say, void *ctx)
{
    w->say = say;
    w->say_ctx = ctx;
    uint64_t until_ms = w->network.now_ms + WORLD_CONVERGE_MS;
    while (w->failure[0] == '\0' && w->network.now_ms < until_ms) {
        start_missing(w);
        world_drain(w);
        uint64_t passed_ms = w->network.now_ms - w->changed_ms;
        if (passed_ms >= still_ms && workload_next(w->workload) == NULL) {
            break;
        }
        uint64_t ms = world_pass_ms(w);
        struct choice pass = {.type = CHOICE_PASS,
                              .value = (int64_t)(ms < still_ms ? ms : still_ms)};
        if (ask(w, &pass) != SAY_DID) {
            world_pass(w, (uint64_t)pass.value);
        }
    }
    w->say = NULL;
}

bool world_settle(struct world *w)
{
    if (w->failure[0] != '\0') {
        return false;
    }
    world_tell(w, "-- all faults end --");
    end_faults(w);
    converge(w);
    if (w->failure[0] == '\0') {
        world_tell(w, "-- converged --");
        stay_quiet(w);
    }
    if (w->failure[0] == '\0') {
        invariants_check_state(w->invariants);
        invariants_check_stores(w->invariants);
        check_flights(w);
    }
    return w->failure[0] == '\0';
}

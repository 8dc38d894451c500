#include "sim/world_state.h"

#include "base/mem.h"
#include "sim/fault_forms.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    LONG_PASS_MS = 700,
    CLOCK_JUMP_MS = 60 * 60 * 1000,
};

/* What may be frozen by itself: each resource has a watch cache of its own. */
const char *const world_freeze_texts[WORLD_FREEZES] = {NULL, "memcacheds", "deployments", "pods"};

/* ---- Choices ---- */

struct offer {
    struct choice *out;
    size_t count;
};

static void offer(struct offer *o, enum choice_type type, unsigned process, size_t exchange,
                  int64_t value)
{
    if (o->count < WORLD_CHOICES_MAX - 1) { /* the last place is that of time */
        o->out[o->count++] = (struct choice){
            .type = type, .process = process, .exchange = (unsigned)exchange, .value = value};
    }
}

static void offer_flights(struct world *w, struct offer *o)
{
    for (size_t i = 0; i < w->network.flight_count; i++) {
        const struct flight *f = w->network.flights[i];
        unsigned p = f->exchange.process;
        bool paused = w->network.processes[p].paused && !f->exchange.orphan;
        if (!f->exchange.executed) {
            if (w->network.now_ms < f->exchange.lands_by_ms) {
                offer(o, CHOICE_EXECUTE, p, i, 0);
            }
        } else if (f->watch == NULL && !paused) {
            offer(o, CHOICE_ANSWER, p, i, 0);
        } else if (f->watch != NULL && !paused &&
                   (api_watch_has_event(f->watch) || api_watch_is_over(f->watch))) {
            offer(o, CHOICE_DELIVER, p, i, 0);
        }
    }
}

static void offer_flight_faults(struct world *w, struct offer *o)
{
    const struct world_faults *faults = &w->options.faults;
    for (size_t i = 0; i < w->network.flight_count; i++) {
        const struct flight *f = w->network.flights[i];
        unsigned p = f->exchange.process;
        if (f->exchange.orphan) {
            offer(o, CHOICE_DROP, p, i, 0);
            continue;
        }
        if (w->network.processes[p].paused) {
            continue;
        }
        if (faults->lose > 0) {
            offer(o, CHOICE_LOSE, p, i, 0);
        }
        if (faults->refuse > 0 && !f->exchange.executed) {
            for (unsigned form = 0; form < REFUSAL_FORMS; form++) {
                offer(o, CHOICE_REFUSE, p, i, form);
            }
        }
        if (f->watch != NULL && faults->watch > 0) {
            offer(o, CHOICE_WATCH_END, p, i, 0);
            offer(o, CHOICE_BOOKMARK, p, i, 0);
            for (unsigned form = 0; form < WATCH_ERROR_FORMS; form++) {
                offer(o, CHOICE_WATCH_ERROR, p, i, form);
            }
        }
    }
}

static void offer_process_faults(struct world *w, struct offer *o)
{
    const struct world_faults *faults = &w->options.faults;
    for (unsigned i = 0; i < w->options.processes; i++) {
        const struct process *p = &w->network.processes[i];
        if (p->manager == NULL) {
            offer(o, CHOICE_START, i, 0, 0);
            continue;
        }
        if (p->paused) {
            offer(o, CHOICE_RESUME, i, 0, 0);
        }
        if (faults->crash > 0) {
            offer(o, CHOICE_CRASH, i, 0, 0);
        }
        if (faults->stop > 0 && !p->stop_asked && !p->paused) {
            offer(o, CHOICE_STOP, i, 0, 0);
        }
        if (faults->pause > 0 && !p->paused) {
            offer(o, CHOICE_PAUSE, i, 0, 0);
        }
        if (faults->clock > 0) {
            offer(o, CHOICE_CLOCK, i, 0, CLOCK_JUMP_MS);
            offer(o, CHOICE_CLOCK, i, 0, -CLOCK_JUMP_MS);
        }
    }
}

static void offer_server_faults(struct world *w, struct offer *o)
{
    const struct world_faults *faults = &w->options.faults;
    uint64_t revision = api_revision(w->api);
    if (faults->compact > 0) {
        offer(o, CHOICE_COMPACT, 0, 0, (int64_t)revision);
    }
    if (w->frozen) {
        offer(o, CHOICE_THAW, 0, 0, 0);
    } else if (faults->freeze > 0) {
        for (uint64_t back = 1; back <= 16; back *= 2) {
            for (unsigned i = 0; i < WORLD_FREEZES && revision > back + w->snapshot; i++) {
                offer(o, CHOICE_FREEZE, 0, i, (int64_t)(revision - back));
            }
        }
    }
    if (w->crd_away || faults->crd > 0) {
        offer(o, CHOICE_CRD, 0, 0, w->crd_away);
    }
    if (faults->restore > 0 && revision > w->snapshot + 8) {
        offer(o, CHOICE_RESTORE, 0, 0, (int64_t)(revision - 8));
    }
}

/* True time at which something happens by itself; UINT64_MAX: never. */
uint64_t world_due_ms(const struct world *w)
{
    uint64_t due_ms = UINT64_MAX;
    for (size_t i = 0; i < w->network.flight_count; i++) {
        uint64_t at_ms = flight_due_ms(&w->network, w->network.flights[i]);
        due_ms = at_ms < due_ms ? at_ms : due_ms;
    }
    for (size_t i = 0; i < WORLD_PROCESSES_MAX; i++) {
        uint64_t at_ms = process_due_ms(&w->network, &w->network.processes[i]);
        due_ms = at_ms < due_ms ? at_ms : due_ms;
    }
    return due_ms;
}

uint64_t world_pass_ms(const struct world *w)
{
    uint64_t due_ms = world_due_ms(w);
    uint64_t ready_ms = workload_ready_ms(w->workload);
    if (ready_ms > w->network.now_ms && ready_ms < due_ms) {
        return ready_ms - w->network.now_ms;
    }
    return due_ms == UINT64_MAX ? LONG_PASS_MS : due_ms - w->network.now_ms;
}

static bool is_about_pods(enum cluster_step_type type)
{
    return type == CLUSTER_POD_ADD || type == CLUSTER_POD_REMOVE || type == CLUSTER_POD_READY;
}

static void offer_progress(struct world *w, struct offer *o)
{
    offer_flights(w, o);
    if (workload_next(w->workload) != NULL && workload_ready_ms(w->workload) <= w->network.now_ms) {
        offer(o, CHOICE_USER, 0, 0, 0);
    }
    w->step_count = cluster_steps(w->cluster, w->steps);
    for (size_t i = 0; i < w->step_count; i++) {
        if (!w->options.no_pods || !is_about_pods(w->steps[i].type)) {
            offer(o, CHOICE_CLUSTER, 0, 0, (int64_t)i);
        }
    }
}

size_t world_progress(struct world *w, struct choice out[WORLD_CHOICES_MAX])
{
    struct offer o = {.out = out};
    offer_progress(w, &o);
    return o.count;
}

size_t world_choices(struct world *w, struct choice out[WORLD_CHOICES_MAX])
{
    struct offer o = {.out = out};
    offer_progress(w, &o);
    offer_process_faults(w, &o);
    offer_server_faults(w, &o);
    offer_flight_faults(w, &o);
    out[o.count++] = (struct choice){.type = CHOICE_PASS, .value = (int64_t)world_pass_ms(w)};
    return o.count;
}

/* ---- Choices in words ---- */

/* The path without what differs from run to run. */
static void describe_path(const char *path, char *out, size_t bytes)
{
    static const char *const dropped[] = {"timeoutSeconds=", "resourceVersion=", "continue="};
    size_t len = 0;
    const char *at = path;
    while (*at != '\0' && len + 1 < bytes) {
        bool skip = false;
        for (size_t i = 0; i < ARRAY_LEN(dropped) && (at[0] == '&' || at[0] == '?'); i++) {
            skip = skip || strncmp(at + 1, dropped[i], strlen(dropped[i])) == 0;
        }
        if (skip) {
            at += 1 + strcspn(at + 1, "&");
        } else {
            out[len++] = *at++;
        }
    }
    out[len] = '\0';
}

static bool is_about(const struct exchange *a, const struct exchange *b)
{
    char path[2][WORLD_CHOICE_BYTES];
    if (a->process != b->process || a->method != b->method || a->orphan != b->orphan) {
        return false;
    }
    describe_path(a->path, path[0], sizeof path[0]);
    describe_path(b->path, path[1], sizeof path[1]);
    return strcmp(path[0], path[1]) == 0;
}

static const char *exchange_text(const struct world *w, unsigned index, char *out, size_t bytes)
{
    char path[WORLD_CHOICE_BYTES];
    const struct exchange *e = &w->network.flights[index]->exchange;
    unsigned earlier = 0;
    for (unsigned i = 0; i < index; i++) {
        earlier += is_about(&w->network.flights[i]->exchange, e) ? 1 : 0;
    }
    describe_path(e->path, path, 240);
    int len = snprintf(out, bytes, "%u %s %.240s%s", e->process, http_method_name(e->method), path,
                       e->orphan ? " (orphan)" : "");
    if (earlier > 0) {
        snprintf(out + len, bytes - (size_t)len, " (#%u)", earlier + 1);
    }
    return out;
}

const char *world_choice_text(struct world *w, const struct choice *c, char out[WORLD_CHOICE_BYTES])
{
    static const char *const verbs[] = {
        [CHOICE_EXECUTE] = "execute",   [CHOICE_ANSWER] = "answer",
        [CHOICE_DELIVER] = "deliver",   [CHOICE_USER] = "user",
        [CHOICE_CLUSTER] = "cluster",   [CHOICE_PASS] = "pass",
        [CHOICE_START] = "start",       [CHOICE_CRASH] = "crash",
        [CHOICE_STOP] = "stop",         [CHOICE_PAUSE] = "pause",
        [CHOICE_RESUME] = "resume",     [CHOICE_DROP] = "drop",
        [CHOICE_LOSE] = "lose",         [CHOICE_REFUSE] = "refuse",
        [CHOICE_WATCH_END] = "end",     [CHOICE_WATCH_ERROR] = "error",
        [CHOICE_BOOKMARK] = "bookmark", [CHOICE_COMPACT] = "compact",
        [CHOICE_FREEZE] = "freeze",     [CHOICE_THAW] = "thaw",
        [CHOICE_CLOCK] = "clock",       [CHOICE_CRD] = "crd",
        [CHOICE_RESTORE] = "restore"};
    char what[WORLD_CHOICE_BYTES - 32];
    switch (c->type) {
    case CHOICE_EXECUTE:
    case CHOICE_ANSWER:
    case CHOICE_DELIVER:
    case CHOICE_DROP:
    case CHOICE_LOSE:
    case CHOICE_WATCH_END:
    case CHOICE_BOOKMARK:
        snprintf(out, WORLD_CHOICE_BYTES, "%-8s%s", verbs[c->type],
                 exchange_text(w, c->exchange, what, sizeof what));
        break;
    case CHOICE_REFUSE:
    case CHOICE_WATCH_ERROR:
        snprintf(out, WORLD_CHOICE_BYTES, "%-8s%s with %s", verbs[c->type],
                 exchange_text(w, c->exchange, what, 200),
                 c->type == CHOICE_REFUSE ? refusal_forms[c->value].text
                                          : watch_error_forms[c->value].text);
        break;
    case CHOICE_USER:
        snprintf(out, WORLD_CHOICE_BYTES, "%-8s%s", verbs[c->type], workload_next(w->workload));
        break;
    case CHOICE_CLUSTER:
        snprintf(out, WORLD_CHOICE_BYTES, "%-8s%s", verbs[c->type],
                 cluster_step_text(&w->steps[c->value], what, sizeof what));
        break;
    case CHOICE_PASS:
        snprintf(out, WORLD_CHOICE_BYTES, "%-8s%" PRId64 " ms", verbs[c->type], c->value);
        break;
    case CHOICE_START:
    case CHOICE_CRASH:
    case CHOICE_STOP:
    case CHOICE_PAUSE:
    case CHOICE_RESUME:
        snprintf(out, WORLD_CHOICE_BYTES, "%-8s%u", verbs[c->type], c->process);
        break;
    case CHOICE_CLOCK:
        snprintf(out, WORLD_CHOICE_BYTES, "%-8s%u by %" PRId64 " ms", verbs[c->type], c->process,
                 c->value);
        break;
    case CHOICE_FREEZE:
        snprintf(out, WORLD_CHOICE_BYTES, "%-8s%s %" PRId64 " revisions ago", verbs[c->type],
                 c->exchange > 0 ? world_freeze_texts[c->exchange] : "everything",
                 (int64_t)api_revision(w->api) - c->value);
        break;
    case CHOICE_RESTORE:
        snprintf(out, WORLD_CHOICE_BYTES, "%-8s%" PRId64 " revisions ago", verbs[c->type],
                 (int64_t)api_revision(w->api) - c->value);
        break;
    case CHOICE_COMPACT:
    case CHOICE_THAW:
    case CHOICE_CRD:
        snprintf(out, WORLD_CHOICE_BYTES, "%-8s", verbs[c->type]);
        break;
    }
    return out;
}

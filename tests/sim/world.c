#include "sim/world.h"

#include "base/mem.h"
#include "sim/fault_forms.h"
#include "sim/invariant.h"
#include "sim/network.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define IMAGE "memcached:1.6"

enum {
    TRACE_BYTES_MAX = 64 << 20,
    FAILURE_BYTES = 1024,
    SHORT_PASS_MS = 40,
    LONG_PASS_MS = 700,
    CLOCK_JUMP_MS = 60 * 60 * 1000,
    PROBE_MS = 60 * 1000,              /* so long nothing changed: is all well? */
    PATIENCE_MS = (1000 + 500) * 1000, /* so long nothing changed: nothing more will */
    QUIET_WITH_LEASE_MS = 60 * 1000,   /* a Lease is renewed every 2 s: ten minutes are slow */
    TURNS_MAX = 200000,                /* of one settling: more is a hot loop */
};

static const int64_t first_wall_ms = 1767225600000; /* 2026-01-01 */

struct world {
    struct world_options options;
    struct api *api;
    struct cluster *cluster;
    struct workload *workload;
    struct network network;
    struct invariants *invariants;
    char image[128];
    struct cluster_step steps[CLUSTER_STEPS_MAX];
    size_t step_count;
    bool crd_away;
    bool frozen;
    uint64_t revision;   /* up to which changes were judged */
    uint64_t changed_ms; /* when something changed last, Leases and Events aside */
    uint64_t written_ms; /* when a process last wrote */
    uint64_t writes[WORLD_PROCESSES_MAX];
    uint64_t snapshot; /* revision of the backup */
    bool probing;
    world_say_fn *say; /* while world_play() runs; may be NULL */
    void *say_ctx;
    char failure[FAILURE_BYTES];
    char probed[FAILURE_BYTES];
    struct buf trace;
};

/* What may be frozen by itself: each resource has a watch cache of its own. */
static const char *const freeze_texts[WORLD_FREEZES] = {NULL, "memcacheds", "deployments", "pods"};

/* ---- Telling ---- */

__attribute__((format(printf, 2, 3))) static void tell(struct world *w, const char *format, ...)
{
    if (!w->options.trace) {
        return;
    }
    char line[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    buf_printf(&w->trace, "[%8" PRIu64 "] %s\n", w->network.now_ms - (uint64_t)first_wall_ms, line);
}

static void tell_log(struct world *w, unsigned process, const char *line)
{
    if (w->options.logs) {
        tell(w, "log     %u %.*s", process, (int)strcspn(line, "\n"), line);
    }
}

void world_fail(struct world *w, const char *format, ...)
{
    char *out = w->probing ? w->probed : w->failure;
    if (out[0] != '\0') {
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(out, FAILURE_BYTES, format, args);
    va_end(args);
    if (!w->probing) {
        tell(w, "FAILED  %s", w->failure);
    }
}

const char *world_failure(const struct world *w)
{
    return w->failure[0] != '\0' ? w->failure : NULL;
}

const char *world_trace(const struct world *w)
{
    return buf_text(&w->trace);
}

/* ---- Making ---- */

struct world *world_new(const struct world_options *options)
{
    struct world *w = mem_zalloc(sizeof *w);
    w->options = *options;
    assert(options->processes <= WORLD_PROCESSES_MAX);
    buf_init(&w->trace, TRACE_BYTES_MAX);
    w->api = api_new(&(struct api_options){
        .seed = options->seed, .first_revision = 100, .watch_list = options->watch_list});
    w->cluster = cluster_new(w->api, options->seed);
    w->workload = workload_new(&options->workload, options->seed);
    w->network = (struct network){.world = w,
                                  .api = w->api,
                                  .now_ms = (uint64_t)first_wall_ms,
                                  .seed = options->seed,
                                  .split = options->faults.split > 0,
                                  .tell = options->logs ? tell_log : NULL};
    w->changed_ms = w->written_ms = w->network.now_ms;
    w->revision = w->snapshot = api_revision(w->api);
    snprintf(w->image, sizeof w->image, IMAGE);
    api_set_time(w->api, first_wall_ms * 1000);
    w->invariants = invariants_new(w);
    for (unsigned i = 0; i < WORLD_PROCESSES_MAX; i++) {
        w->network.processes[i].index = i;
        if (i < options->processes) {
            process_start(&w->network, &w->network.processes[i], &w->options, w->image);
        }
    }
    return w;
}

void world_free(struct world *w)
{
    if (w == NULL) {
        return;
    }
    network_fini(&w->network);
    invariants_free(w->invariants);
    workload_free(w->workload);
    cluster_free(w->cluster);
    api_free(w->api);
    buf_fini(&w->trace);
    mem_free(w);
}

/* ---- Looking ---- */

struct api *world_api(struct world *w)
{
    return w->api;
}

uint64_t world_now_ms(const struct world *w)
{
    return w->network.now_ms;
}

struct manager *world_manager(struct world *w, unsigned process)
{
    return w->network.processes[process].manager;
}

uint64_t world_writes(const struct world *w, unsigned process)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < WORLD_PROCESSES_MAX; i++) {
        sum += process == i || process == WORLD_PROCESSES_MAX ? w->writes[i] : 0;
    }
    return sum;
}

uint64_t world_requests(const struct world *w)
{
    return w->network.requests;
}

size_t world_exchange_count(const struct world *w)
{
    return w->network.flight_count;
}

const struct exchange *world_exchange(const struct world *w, size_t i)
{
    return &w->network.flights[i]->exchange;
}

/* ---- What changed ---- */

struct judging {
    struct world *world;
    int process;
    const struct exchange *exchange;
};

static bool is_minor(const char *resource)
{
    return strcmp(resource, "leases") == 0 || strcmp(resource, "events") == 0;
}

static void judge_change(void *ctx, const struct api_change *change)
{
    const struct judging *j = ctx;
    struct world *w = j->world;
    if (!is_minor(change->resource)) {
        w->changed_ms = w->network.now_ms;
    }
    w->revision = change->revision;
    invariants_change(w->invariants, j->process, j->exchange, change);
}

/* @process: who has just written, or -1. */
static void judge_changes(struct world *w, int process, const struct exchange *exchange)
{
    struct judging j = {.world = w, .process = process, .exchange = exchange};
    api_each_change(w->api, w->revision, judge_change, &j);
}

static void set_now(struct world *w, uint64_t now_ms)
{
    w->network.now_ms = now_ms;
    api_set_time(w->api, (int64_t)now_ms * 1000);
}

/* ---- Users ---- */

void world_write(struct world *w, const char *who, enum http_method method, const char *path,
                 const char *content_type, const char *body, int expect)
{
    struct api_answer answer;
    api_answer_init(&answer);
    api_handle(w->api, 0,
               &(struct api_request){.method = method,
                                     .path = path,
                                     .content_type = body != NULL ? content_type : NULL,
                                     .body = body,
                                     .body_len = body != NULL ? strlen(body) : 0,
                                     .agent = who},
               &answer);
    tell(w, "user    %s %s %s %s → %d", who, http_method_name(method), path,
         body != NULL ? body : "", answer.http_status);
    if (expect != 0 && answer.http_status != expect) {
        world_fail(w, "workload: %s %s was answered %d, not %d: %.300s", http_method_name(method),
                   path, answer.http_status, expect, buf_text(&answer.body));
    }
    api_answer_fini(&answer);
    judge_changes(w, -1, NULL);
}

void world_upgrade(struct world *w, const char *image)
{
    snprintf(w->image, sizeof w->image, "%s", image);
    for (unsigned i = 0; i < w->options.processes; i++) {
        struct process *p = &w->network.processes[i];
        if (p->manager != NULL && !p->stop_asked) {
            p->stop_asked = true;
            process_step(&w->network, p, &(struct event){.type = EVENT_STOP});
        }
    }
}

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
            offer(o, CHOICE_EXECUTE, p, i, 0);
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
static uint64_t next_due_ms(const struct world *w)
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

static uint64_t pass_ms(const struct world *w)
{
    uint64_t due_ms = next_due_ms(w);
    return due_ms == UINT64_MAX ? LONG_PASS_MS : due_ms - w->network.now_ms;
}

static void offer_progress(struct world *w, struct offer *o)
{
    offer_flights(w, o);
    if (workload_next(w->workload) != NULL) {
        offer(o, CHOICE_USER, 0, 0, 0);
    }
    w->step_count = cluster_steps(w->cluster, w->steps);
    for (size_t i = 0; i < w->step_count; i++) {
        offer(o, CHOICE_CLUSTER, 0, 0, (int64_t)i);
    }
}

size_t world_choices(struct world *w, struct choice out[WORLD_CHOICES_MAX])
{
    struct offer o = {.out = out};
    offer_progress(w, &o);
    offer_process_faults(w, &o);
    offer_server_faults(w, &o);
    offer_flight_faults(w, &o);
    out[o.count++] = (struct choice){.type = CHOICE_PASS, .value = (int64_t)pass_ms(w)};
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
    int len = snprintf(out, bytes, "%u %s %s%s", e->process, http_method_name(e->method), path,
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
                 c->exchange > 0 ? freeze_texts[c->exchange] : "everything",
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

/* ---- Taking one ---- */

static void execute(struct world *w, struct flight *f)
{
    const struct exchange *e = &f->exchange;
    unsigned process = e->process;
    bool is_write = e->method != HTTP_GET && strstr(e->path, "/leases") == NULL &&
                    strstr(e->path, "/events") == NULL;
    flight_execute(&w->network, f);
    if (is_write) {
        w->writes[process]++;
        w->written_ms = w->network.now_ms;
    }
    tell(w, "        %s %s → %d", e->body != NULL ? "with" : "", e->body != NULL ? e->body : "",
         f->watch != NULL ? 200 : f->answer.http_status);
    judge_changes(w, (int)process, e);
}

static void tell_line(struct world *w, struct flight *f)
{
    if (w->options.trace) {
        tell(w, "        (event %u of %s)", f->delivered + 1, f->exchange.path);
    }
}

static void pass(struct world *w, uint64_t ms)
{
    uint64_t until_ms = w->network.now_ms + ms;
    for (unsigned turns = 0; turns < TURNS_MAX && w->failure[0] == '\0'; turns++) {
        uint64_t due_ms = next_due_ms(w);
        if (due_ms > until_ms) {
            break;
        }
        set_now(w, due_ms > w->network.now_ms ? due_ms : w->network.now_ms);
        if (!network_run_due(&w->network)) {
            break;
        }
        if (due_ms == until_ms) {
            break; /* what this has brought is for the scheduler */
        }
    }
    if (until_ms > w->network.now_ms) {
        set_now(w, until_ms);
    }
}

static void send_watch_error(struct world *w, struct flight *f, const struct watch_error_form *form)
{
    struct buf line;
    buf_init(&line, API_ANSWER_BYTES_MAX);
    api_watch_error(f->watch, form->code, form->reason, &line);
    flight_feed(&w->network, f, &line);
    buf_fini(&line);
}

static void send_bookmark(struct world *w, struct flight *f)
{
    struct buf line;
    buf_init(&line, API_ANSWER_BYTES_MAX);
    if (api_watch_bookmark(f->watch, &line)) {
        flight_feed(&w->network, f, &line);
    }
    buf_fini(&line);
}

/* Processes move to the other server, whose caches (all of them, or of one resource) have stopped
 * at
 * @revision. */
static void freeze(struct world *w, uint64_t revision, unsigned resource)
{
    api_freeze(w->api, 1, freeze_texts[resource], revision);
    w->frozen = true;
    for (unsigned i = 0; i < w->options.processes; i++) {
        w->network.processes[i].server = 1;
        network_disconnect(&w->network, &w->network.processes[i]);
    }
}

static void thaw(struct world *w)
{
    api_thaw(w->api, 1);
    w->frozen = false;
}

static void restore(struct world *w, uint64_t revision)
{
    api_restore(w->api, revision);
    w->revision = revision;
    w->changed_ms = w->network.now_ms;
    invariants_restored(w->invariants, revision);
    for (unsigned i = 0; i < w->options.processes; i++) {
        network_disconnect(&w->network, &w->network.processes[i]);
    }
}

static void take_progress(struct world *w, const struct choice *c, struct flight *f)
{
    switch (c->type) {
    case CHOICE_EXECUTE:
        execute(w, f);
        break;
    case CHOICE_ANSWER:
        flight_answer(&w->network, f);
        break;
    case CHOICE_DELIVER:
        tell_line(w, f);
        flight_deliver(&w->network, f);
        break;
    case CHOICE_USER:
        workload_step(w->workload, w);
        judge_changes(w, -1, NULL);
        break;
    case CHOICE_CLUSTER:
        cluster_do(w->cluster, &w->steps[c->value]);
        judge_changes(w, -1, NULL);
        break;
    default:
        pass(w, (uint64_t)c->value);
        break;
    }
}

static void take_process_fault(struct world *w, const struct choice *c)
{
    struct world_faults *faults = &w->options.faults;
    struct process *p = &w->network.processes[c->process];
    switch (c->type) {
    case CHOICE_START:
        process_start(&w->network, p, &w->options, w->image);
        break;
    case CHOICE_CRASH:
        faults->crash -= faults->crash > 0;
        process_kill(&w->network, p);
        break;
    case CHOICE_STOP:
        faults->stop -= faults->stop > 0;
        p->stop_asked = true;
        process_step(&w->network, p, &(struct event){.type = EVENT_STOP});
        break;
    case CHOICE_PAUSE:
        faults->pause -= faults->pause > 0;
        p->paused = true;
        break;
    case CHOICE_RESUME:
        p->paused = false;
        break;
    default:
        faults->clock -= faults->clock > 0;
        p->wall_offset_ms += c->value;
        break;
    }
}

static void take_fault(struct world *w, const struct choice *c, struct flight *f)
{
    struct world_faults *faults = &w->options.faults;
    switch (c->type) {
    case CHOICE_DROP:
        flight_drop(&w->network, f);
        break;
    case CHOICE_LOSE:
        faults->lose -= faults->lose > 0;
        flight_end(&w->network, f, false);
        break;
    case CHOICE_REFUSE:
        faults->refuse -= faults->refuse > 0;
        flight_refuse(&w->network, f, refusal_forms[c->value].http_status,
                      refusal_forms[c->value].retry_after_ms, refusal_forms[c->value].body);
        break;
    case CHOICE_WATCH_END:
        faults->watch -= faults->watch > 0;
        flight_end(&w->network, f, true);
        break;
    case CHOICE_WATCH_ERROR:
        faults->watch -= faults->watch > 0;
        send_watch_error(w, f, &watch_error_forms[c->value]);
        break;
    case CHOICE_BOOKMARK:
        faults->watch -= faults->watch > 0;
        send_bookmark(w, f);
        break;
    case CHOICE_COMPACT:
        faults->compact -= faults->compact > 0;
        w->snapshot = (uint64_t)c->value;
        api_compact(w->api, (uint64_t)c->value);
        break;
    case CHOICE_FREEZE:
        faults->freeze -= faults->freeze > 0;
        freeze(w, (uint64_t)c->value, c->exchange);
        break;
    case CHOICE_THAW:
        thaw(w);
        break;
    case CHOICE_CRD:
        faults->crd -= faults->crd > 0;
        w->crd_away = !w->crd_away;
        api_serve_memcacheds(w->api, !w->crd_away);
        judge_changes(w, -1, NULL);
        break;
    case CHOICE_RESTORE:
        faults->restore -= faults->restore > 0;
        restore(w, (uint64_t)c->value);
        break;
    default:
        take_process_fault(w, c);
        break;
    }
}

void world_take(struct world *w, const struct choice *c)
{
    char text[WORLD_CHOICE_BYTES];
    struct flight *f =
        c->exchange < w->network.flight_count ? w->network.flights[c->exchange] : NULL;
    if (w->options.trace) {
        tell(w, "%s", world_choice_text(w, c, text));
    }
    if (c->type <= CHOICE_PASS) {
        take_progress(w, c, f);
    } else {
        take_fault(w, c, f);
    }
}

/* ---- Settling ---- */

static void end_faults(struct world *w)
{
    w->options.faults = (struct world_faults){0};
    w->network.split = false;
    for (unsigned i = 0; i < w->options.processes; i++) {
        w->network.processes[i].paused = false;
    }
    if (w->frozen) {
        thaw(w);
    }
    if (w->crd_away) {
        w->crd_away = false;
        api_serve_memcacheds(w->api, true);
        judge_changes(w, -1, NULL);
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

/* One thing of each kind that can happen without time passing, in turn, so that nobody waits for
 * ever. */
static bool take_all(struct world *w)
{
    struct choice choices[WORLD_CHOICES_MAX];
    struct offer o = {.out = choices};
    bool seen[CHOICE_PASS] = {false};
    bool any = false;
    offer_progress(w, &o);
    for (size_t i = 0; i < o.count && w->failure[0] == '\0';) {
        enum world_say said = seen[choices[i].type] ? SAY_NOT_NOW : ask(w, &choices[i]);
        if (said == SAY_NOT_NOW) {
            i++;
            continue;
        }
        if (said == SAY_TAKE) {
            seen[choices[i].type] = true;
            world_take(w, &choices[i]);
        }
        any = true;
        i = o.count = 0; /* requests may have moved: offers are made anew */
        offer_progress(w, &o);
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
        if (still_ms >= PROBE_MS && is_well(w)) {
            return;
        }
        if (still_ms >= PATIENCE_MS || w->network.now_ms > until_ms) {
            invariants_check_state(w->invariants);
            invariants_check_stores(w->invariants);
            world_fail(w, "I2: it never stops changing");
            return;
        }
        uint64_t ms = pass_ms(w);
        pass(w, ms < PROBE_MS ? ms : PROBE_MS);
    }
}

static void stay_quiet(struct world *w)
{
    uint64_t writes = world_writes(w, WORLD_PROCESSES_MAX);
    uint64_t until_ms =
        w->network.now_ms + (w->options.leader_elect ? QUIET_WITH_LEASE_MS : WORLD_QUIET_MS);
    while (w->failure[0] == '\0' && w->network.now_ms < until_ms) {
        uint64_t ms = pass_ms(w);
        pass(w, ms < until_ms - w->network.now_ms ? ms : until_ms - w->network.now_ms);
        world_drain(w);
        start_missing(w);
    }
    if (world_writes(w, WORLD_PROCESSES_MAX) != writes) {
        world_fail(w, "I2: %" PRIu64 " writes after convergence",
                   world_writes(w, WORLD_PROCESSES_MAX) - writes);
    }
}

/* Nothing is in flight but the watches. */
static void check_flights(struct world *w)
{
    for (size_t i = 0; i < w->network.flight_count; i++) {
        const struct exchange *e = &w->network.flights[i]->exchange;
        if (!e->is_watch && strstr(e->path, "/leases") == NULL) {
            world_fail(w, "I5: still in flight: %s %s", http_method_name(e->method), e->path);
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
        uint64_t ms = pass_ms(w);
        pass(w, ms < still_ms ? ms : still_ms);
    }
    w->say = NULL;
}

bool world_settle(struct world *w)
{
    if (w->failure[0] != '\0') {
        return false;
    }
    tell(w, "-- all faults end --");
    end_faults(w);
    converge(w);
    if (w->failure[0] == '\0') {
        tell(w, "-- converged --");
        stay_quiet(w);
    }
    if (w->failure[0] == '\0') {
        invariants_check_state(w->invariants);
        invariants_check_stores(w->invariants);
        check_flights(w);
    }
    return w->failure[0] == '\0';
}

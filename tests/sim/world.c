#include "sim/world_state.h"

#include "base/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define IMAGE "memcached:1.6"

enum { TRACE_BYTES_MAX = 64 << 20 };

static const int64_t first_wall_ms = 1767225600000; /* 2026-01-01 */

/* ---- Telling ---- */

__attribute__((format(printf, 2, 3))) void world_tell(struct world *w, const char *format, ...)
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
        world_tell(w, "log     %u %.*s", process, (int)strcspn(line, "\n"), line);
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
    vsnprintf(out, WORLD_FAILURE_BYTES, format, args);
    va_end(args);
    if (!w->probing) {
        world_tell(w, "FAILED  %s", w->failure);
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
    w->revision = w->snapshot = api_revision(w->api);
    snprintf(w->image, sizeof w->image, IMAGE);
    api_set_time(w->api, first_wall_ms * 1000);
    w->invariants = invariants_new(w);
    for (unsigned i = WORLD_PROCESSES_MAX; i-- > 0;) {
        if (options->images[i] != NULL) {
            invariants_upgraded(w->invariants, options->images[i]);
        }
    }
    if (options->leader_elect) {
        world_write(w, "kubectl", HTTP_POST, "/api/v1/namespaces", MEDIA_JSON,
                    "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\","
                    "\"metadata\":{\"name\":\"operator-system\"}}",
                    201);
    }
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

unsigned world_starts(const struct world *w, unsigned process)
{
    return w->network.processes[process].starts;
}

bool world_clocks_agree(const struct world *w)
{
    bool agree = true;
    for (unsigned i = 0; i < WORLD_PROCESSES_MAX; i++) {
        const struct process *p = &w->network.processes[i];
        agree &= p->wall_offset_ms == 0 && (p->rate == 0 || p->rate == 1) && !p->was_wrong;
    }
    return agree;
}

bool world_is_calm(const struct world *w)
{
    return w->network.failures == 0;
}

bool world_leads(struct world *w, unsigned process)
{
    const struct process *p = &w->network.processes[process];
    if (p->manager == NULL || process_due_ms(&w->network, p) <= w->network.now_ms) {
        return false;
    }
    struct metric_family *status =
        metrics_family(manager_metrics(p->manager), METRIC_GAUGE, "leader_election_master_status",
                       "", "name", NULL, 0);
    return !p->paused &&
           metric_value(metric_get(status, manager_settings(p->manager)->lease_name)) > 0;
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

void world_observe(struct world *w, world_observe_fn *observe, void *ctx)
{
    w->observe = observe;
    w->observe_ctx = ctx;
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
void world_judge(struct world *w, int process, const struct exchange *exchange)
{
    struct judging j = {.world = w, .process = process, .exchange = exchange};
    if (w->admitted) {
        j.process = -1;
        j.exchange = NULL;
    }
    api_each_change(w->api, w->revision, judge_change, &j);
}

void world_set_now(struct world *w, uint64_t now_ms)
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
    world_tell(w, "user    %s %s %s %s → %d", who, http_method_name(method), path,
               body != NULL ? body : "", answer.http_status);
    if (expect != 0 && answer.http_status != expect) {
        world_fail(w, "workload: %s %s was answered %d, not %d: %.300s", http_method_name(method),
                   path, answer.http_status, expect, buf_text(&answer.body));
    }
    api_answer_fini(&answer);
    world_judge(w, -1, NULL);
}

void world_admit(struct world *w, api_admit_fn *admit, void *ctx)
{
    api_set_admission(w->api, admit, ctx);
    w->admitted = admit != NULL;
}

void world_retire(struct world *w)
{
    process_kill(&w->network, &w->network.processes[--w->options.processes]);
}

void world_upgrade(struct world *w, const char *image)
{
    snprintf(w->image, sizeof w->image, "%s", image);
    invariants_upgraded(w->invariants, image);
    for (unsigned i = 0; i < w->options.processes; i++) {
        struct process *p = &w->network.processes[i];
        if (p->manager != NULL && !p->stop_asked) {
            p->stop_asked = true;
            process_step(&w->network, p, &(struct event){.type = EVENT_STOP});
        }
    }
}

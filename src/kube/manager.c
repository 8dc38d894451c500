/*
 * One step: the event goes to whom it belongs, then everybody who wants to do something now may.
 */
#include "kube/manager.h"

#include "base/mem.h"
#include "kube/leader.h"
#include "kube/watching.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    STORES_MAX = 16,
    CONTROLLERS_MAX = 8,
    LOG_LINE_BYTES_USUAL = 512,
    LOG_LINE_BYTES_MAX = 64 << 10,
    SYNC_JITTER_PERCENT = 10,
    EVENTS_WAIT_MS_MAX = 2000, /* for writes in flight */
};

/* An event on its way to the server. */
struct posting {
    struct manager *manager;
    uint64_t token;
};

struct manager {
    struct manager_options options;
    struct arena texts; /* the options' own copies */
    struct random random;
    struct metrics metrics;
    struct client client;

    struct store *stores[STORES_MAX];
    size_t store_count;
    struct watching watching;
    struct controller *controllers[CONTROLLERS_MAX];
    size_t controller_count;
    struct leader leader;
    struct recorder recorder;

    struct now now;
    struct actions *actions; /* of the step in progress */
    bool was_synced;
    uint64_t resync_ms; /* 0: not set yet */
    bool stopping, exited;
    uint64_t drain_until_ms;
    char why[256];
};

/* ---- Making and unmaking ---- */

static void copy_options(struct manager *m, const struct manager_options *options)
{
    m->options = *options;
    struct manager_options *o = &m->options;
    struct arena *a = &m->texts;
    const char **namespaces = arena_alloc(a, (options->namespace_count + 1) * sizeof *namespaces);
    for (size_t i = 0; i < options->namespace_count; i++) {
        namespaces[i] = arena_strdup(a, options->namespaces[i]);
    }
    if (options->namespace_count == 0) {
        namespaces[0] = "";
        o->namespace_count = 1;
    }
    o->namespaces = namespaces;
    o->name = arena_strdup(a, options->name);
    o->identity = arena_strdup(a, options->identity);
    o->host = arena_strdup(a, options->host);
    o->user = arena_strdup(a, options->user);
    if (o->dry_run) {
        o->leader_elect = false; /* a dry run writes no Lease either, and needs none */
    }
    if (o->leader_elect) {
        o->lease_ns = arena_strdup(a, options->lease_ns);
        o->lease_name = arena_strdup(a, options->lease_name);
    }
}

struct manager *manager_new(const struct manager_options *options)
{
    struct manager *m = mem_zalloc(sizeof *m);
    copy_options(m, options);
    random_init(&m->random, options->seed);
    m->watching = (struct watching){.manager = m, .random = &m->random};
    metrics_init(&m->metrics);
    client_init(&m->client, options->qps, options->host, &m->metrics);
    recorder_init(&m->recorder, m->options.name, m->options.identity, &m->random);
    leader_init(&m->leader, m, &m->random, &m->metrics);
    return m;
}

void manager_free(struct manager *m)
{
    if (m == NULL) {
        return;
    }
    watching_mute(&m->watching);
    client_fini(&m->client);
    for (size_t i = 0; i < m->controller_count; i++) {
        controller_free(m->controllers[i]);
    }
    watching_fini(&m->watching);
    for (size_t i = 0; i < m->store_count; i++) {
        store_fini(m->stores[i]);
        mem_free(m->stores[i]);
    }
    leader_fini(&m->leader);
    recorder_fini(&m->recorder);
    metrics_fini(&m->metrics);
    arena_fini(&m->texts);
    mem_free(m);
}

/* ---- Logging ---- */

void manager_log(struct manager *m, struct now now, enum log_level level, const char *logger,
                 const char *message, const struct log_field *fields, size_t count)
{
    if (level < m->options.log.level_min || m->actions == NULL) {
        return;
    }
    CLEANUP(buf_fini) struct buf line;
    buf_init(&line, LOG_LINE_BYTES_MAX);
    buf_reserve(&line, LOG_LINE_BYTES_USUAL);
    struct log_record record = {.level = level,
                                .wall_us = now.wall_us,
                                .logger = logger,
                                .message = message,
                                .fields = fields,
                                .field_count = count};
    log_format_record(&m->options.log, &record, &line);
    if (line.len > 0) {
        actions_push(m->actions, (struct action){.type = ACTION_LOG, .text = buf_take(&line)});
    }
}

static void say(struct manager *m, enum log_level level, const char *message)
{
    manager_log(m, m->now, level, "manager", message, NULL, 0);
}

/* ---- Watching ---- */

static struct store *new_store(struct manager *m, const struct kind *kind)
{
    assert(m->store_count < STORES_MAX);
    struct store *store = mem_zalloc(sizeof *store);
    store_init(store, kind, random_next(&m->random));
    m->stores[m->store_count++] = store;
    return store;
}

struct store *manager_add_store(struct manager *m, const struct kind *kind)
{
    return new_store(m, kind);
}

struct store *manager_watch(struct manager *m, const struct watch_spec *spec)
{
    struct store *store = new_store(m, spec->kind);
    for (size_t i = 0; i < m->options.namespace_count; i++) {
        watching_add(&m->watching, spec, m->options.namespaces[i], store);
    }
    return store;
}

struct lookout *manager_lookout(struct manager *m, const struct lookout_spec *spec,
                                struct error *err)
{
    return watching_lookout(&m->watching, spec, err);
}

static bool all_synced(const struct manager *m)
{
    for (size_t i = 0; i < m->store_count; i++) {
        if (!store_synced(m->stores[i])) {
            return false;
        }
    }
    return true;
}

bool manager_refresh(struct manager *m, const struct store *store, const char *ns)
{
    return watching_refresh(&m->watching, store, ns);
}

static void pump_watchers(struct manager *m)
{
    if (!watching_pump(&m->watching)) {
        return;
    }
    say(m, LOG_INFO,
        "The server's history was reset, as by a restored backup. Listing everything anew");
    for (size_t i = 0; i < m->store_count; i++) {
        if (m->stores[i]->scope_count == 0) {
            store_drop_all(m->stores[i]);
        }
    }
}

/* ---- Leading ---- */

static void exit_with(struct manager *m, int code)
{
    if (!m->exited) {
        m->exited = true;
        actions_push(m->actions, (struct action){.type = ACTION_EXIT, .exit_code = code});
    }
}

/* May writes be sent now? */
static bool pump_lease(struct manager *m)
{
    bool leading = leader_pump(&m->leader);
    if (leader_is_lost(&m->leader)) {
        say(m, LOG_ERROR, "The lease is lost. Exiting, so that nothing of this process lands late");
        exit_with(m, 1);
    }
    return leading;
}

/* ---- Events for people ---- */

void manager_record(struct manager *m, struct now now, const struct recorder_event *event)
{
    if (!m->options.dry_run && m->was_synced) {
        recorder_add(&m->recorder, now, event);
    }
}

static void on_event_answer(void *ctx, struct now now, const struct answer *answer)
{
    struct posting *p = ctx;
    struct manager *m = p->manager;
    recorder_answer(&m->recorder, now, p->token,
                    answer->error.code == ERR_NONE ? NULL : &answer->error);
    if (answer->error.code != ERR_NONE) {
        manager_log(m, now, LOG_DEBUG, "recorder", "Cannot record an event",
                    (struct log_field[]){LOG_STR("error", answer->error.message)}, 1);
    }
    mem_free(p);
}

static const struct call_handler event_handler = {.done = on_event_answer};

static size_t busy(const struct manager *m)
{
    size_t sum = 0;
    for (size_t i = 0; i < m->controller_count; i++) {
        sum += controller_busy(m->controllers[i]);
    }
    return sum;
}

/* Events wait while there is work: they never hold up a write. But work may never cease. */
static uint64_t recording_at(const struct manager *m)
{
    uint64_t due_ms = recorder_deadline(&m->recorder);
    return busy(m) == 0 || due_ms == UINT64_MAX ? due_ms : due_ms + EVENTS_WAIT_MS_MAX;
}

static void pump_recorder(struct manager *m)
{
    struct request request = {0};
    uint64_t token = 0;
    while (m->now.mono_ms >= recording_at(m) &&
           recorder_want(&m->recorder, m->now, &request, &token)) {
        struct posting *p = mem_zalloc(sizeof *p);
        *p = (struct posting){.manager = m, .token = token};
        client_start(&m->client, m->now, &request, &event_handler, p);
        request = (struct request){0};
    }
    recorder_expire(&m->recorder, m->now);
}

/* ---- Controllers ---- */

struct controller *manager_add_controller(struct manager *m, const struct controller_spec *spec)
{
    assert(m->controller_count < CONTROLLERS_MAX);
    struct controller *c = controller_new(spec, m, random_next(&m->random), &m->metrics);
    m->controllers[m->controller_count++] = c;
    return c;
}

bool manager_works_on(const struct manager *m, const struct kind *kind, const char *key)
{
    for (size_t i = 0; i < m->controller_count; i++) {
        if (controller_works_on(m->controllers[i], kind, key)) {
            return true;
        }
    }
    return false;
}

void manager_resume(struct manager *m, const struct kind *kind, const char *key)
{
    for (size_t i = 0; i < m->controller_count; i++) {
        controller_resume(m->controllers[i], m->now, kind, key);
    }
}

static void pump_resync(struct manager *m)
{
    if (m->options.sync_period_ms == 0) {
        return;
    }
    if (m->resync_ms != 0 && m->now.mono_ms >= m->resync_ms) {
        for (size_t i = 0; i < m->controller_count; i++) {
            controller_resync(m->controllers[i], m->now);
        }
    }
    if (m->resync_ms == 0 || m->now.mono_ms >= m->resync_ms) {
        m->resync_ms = m->now.mono_ms +
                       random_jitter_ms(&m->random, m->options.sync_period_ms, SYNC_JITTER_PERCENT);
    }
}

/* Controllers added first go first: what they do completes what later ones have begun. */
static void pump_controllers(struct manager *m)
{
    if (!m->was_synced) {
        m->was_synced = true;
        say(m, LOG_INFO, "All caches are in step. Starting the controllers");
        for (size_t i = 0; i < m->controller_count; i++) {
            controller_start(m->controllers[i], m->now);
        }
    }
    pump_resync(m);
    for (size_t i = 0; i < m->controller_count; i++) {
        controller_run(m->controllers[i], m->now, m->options.max_concurrent - busy(m));
    }
}

/* ---- Stopping ---- */

static void begin_stop(struct manager *m)
{
    if (m->stopping) {
        return;
    }
    m->stopping = true;
    m->drain_until_ms = m->now.mono_ms + MANAGER_DRAIN_MS;
    say(m, LOG_INFO, "Stopping: waiting for writes in flight");
    watching_stop(&m->watching);
    client_close(&m->client, m->now);
}

static void pump_stop(struct manager *m)
{
    bool acquiring = leader_is_acquiring(&m->leader);
    bool drained = busy(m) == 0 && !acquiring && m->now.mono_ms >= leader_kept_until(&m->leader);
    if (!drained && m->now.mono_ms < m->drain_until_ms) {
        return;
    }
    /* A write that may still land forbids to give the lease away: let it run out. */
    if (drained && !leader_release(&m->leader)) {
        return;
    }
    say(m, LOG_INFO, "Stopped");
    exit_with(m, 0);
}

/* ---- The step ---- */

void manager_step(struct manager *m, struct now now, const struct event *event,
                  struct actions *actions)
{
    if (m->exited) {
        return;
    }
    m->now = now;
    m->actions = m->client.actions = actions;
    if (event->type == EVENT_STOP) {
        begin_stop(m);
    } else if (event->type != EVENT_TICK) {
        client_event(&m->client, now, event);
    }
    if (m->stopping) {
        client_tick(&m->client, now); /* the release may have to wait for the request rate */
        pump_stop(m);
    } else if (pump_lease(m)) {
        client_tick(&m->client, now);
        pump_watchers(m);
        if (all_synced(m)) {
            pump_controllers(m);
        }
        pump_recorder(m);
    } else if (!m->exited) { /* once the lease is lost, nothing more is sent */
        client_tick(&m->client, now);
        pump_watchers(m);
    }
    m->actions = m->client.actions = NULL;
}

uint64_t manager_deadline(const struct manager *m)
{
    uint64_t at = client_deadline(&m->client);
    if (m->stopping && !leader_is_releasing(&m->leader)) {
        uint64_t kept_ms = leader_kept_until(&m->leader);
        at = time_earlier(at, m->drain_until_ms); /* the lease is not renewed meanwhile */
        return kept_ms > m->now.mono_ms ? time_earlier(at, kept_ms) : at;
    }
    at = time_earlier(at, leader_deadline(&m->leader));
    if (m->stopping) {
        return at;
    }
    at = time_earlier(at, watching_deadline(&m->watching));
    bool running =
        m->was_synced && all_synced(m) && m->leader.leading && busy(m) < m->options.max_concurrent;
    for (size_t i = 0; running && i < m->controller_count; i++) {
        at = time_earlier(at, controller_deadline(m->controllers[i]));
    }
    if (m->resync_ms != 0 && running) {
        at = time_earlier(at, m->resync_ms);
    }
    return time_earlier(at, recording_at(m));
}

bool manager_ready(struct manager *m, const char **why)
{
    bool ready = watching_is_ready(&m->watching, m->why, sizeof m->why);
    if (!ready && why != NULL) {
        *why = m->why;
    }
    return ready;
}

const struct error *manager_trouble(const struct manager *m, unsigned *attempts)
{
    return watching_trouble(&m->watching, attempts);
}

const struct store *manager_store(const struct manager *m, size_t i)
{
    return i < m->store_count ? m->stores[i] : watching_store(&m->watching, i - m->store_count);
}

struct metrics *manager_metrics(struct manager *m)
{
    return &m->metrics;
}

void manager_update_metrics(struct manager *m, struct now now)
{
    for (size_t i = 0; i < m->controller_count; i++) {
        controller_update_metrics(m->controllers[i], now);
    }
}

struct client *manager_client(struct manager *m)
{
    return &m->client;
}

const struct manager_options *manager_settings(const struct manager *m)
{
    return &m->options;
}

uint64_t manager_write_deadline(const struct manager *m)
{
    return m->options.leader_elect ? lease_write_deadline(&m->leader.lease) : UINT64_MAX;
}

struct now manager_now(const struct manager *m)
{
    return m->now;
}

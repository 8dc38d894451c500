/*
 * Carries out plans: takes keys from the queue, reconciles, sends the one write, and hands its
 * answer to the store; what fails comes back with the queue's backoff.
 */
#include "kube/controller.h"

#include "base/mem.h"
#include "kube/json.h"
#include "kube/manager.h"
#include "kube/name.h"
#include "kube/peek.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    WRITE_TIMEOUT_MS = 60 * 1000,
    PATH_BYTES_MAX = 4096,
    NAME_BYTES = 254,
    NS_BYTES = 64,
};

/* controller-runtime's buckets, shortened: from 5 ms to 60 s. */
static const double time_buckets[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
                                      2.5,   5,    10,    15,   20,  30,   60};

struct controller {
    struct controller_spec spec;
    struct manager *manager;
    struct queue queue;
    struct map operations; /* key → struct operation in flight */
    struct map put_off;    /* keys that another controller works on */
    uint64_t adds_reported, retries_reported;
    struct {
        struct metric *success, *error, *requeue, *requeue_after;
        struct metric *errors, *seconds;
        struct metric *depth, *adds, *retries, *waited_seconds, *unfinished;
    } metrics;
};

/* A reconcile whose write is in flight. Its arena holds the plan's texts. */
struct operation {
    struct controller *controller;
    struct arena arena;
    struct write write;
    struct recorder_event *events; /* what there is to tell once the write is done */
    size_t event_count;
    uint64_t again_ms;
    uint64_t started_ms;
    char ns[NS_BYTES];
    char name[NAME_BYTES];
};

static struct metric *one(struct metrics *m, enum metric_type type, const char *name,
                          const char *help, const char *label, const char *value)
{
    bool histogram = type == METRIC_HISTOGRAM;
    return metric_get(metrics_family(m, type, name, help, label, histogram ? time_buckets : NULL,
                                     histogram ? ARRAY_LEN(time_buckets) : 0),
                      value);
}

static void make_metrics(struct controller *c, struct metrics *m)
{
    const char *name = c->spec.name;
    struct metric_family *total = metrics_family(
        m, METRIC_COUNTER, "controller_runtime_reconcile_total",
        "Total number of reconciliations per controller", "controller,result", NULL, 0);
    c->metrics.success = metric_get(total, name, "success");
    c->metrics.error = metric_get(total, name, "error");
    c->metrics.requeue = metric_get(total, name, "requeue");
    c->metrics.requeue_after = metric_get(total, name, "requeue_after");
    c->metrics.errors =
        one(m, METRIC_COUNTER, "controller_runtime_reconcile_errors_total",
            "Total number of reconciliation errors per controller", "controller", name);
    c->metrics.seconds =
        one(m, METRIC_HISTOGRAM, "controller_runtime_reconcile_time_seconds",
            "Length of time per reconciliation per controller", "controller", name);
    c->metrics.depth =
        one(m, METRIC_GAUGE, "workqueue_depth", "Current depth of workqueue", "name", name);
    c->metrics.adds = one(m, METRIC_COUNTER, "workqueue_adds_total",
                          "Total number of adds handled by workqueue", "name", name);
    c->metrics.retries = one(m, METRIC_COUNTER, "workqueue_retries_total",
                             "Total number of retries handled by workqueue", "name", name);
    c->metrics.waited_seconds =
        one(m, METRIC_HISTOGRAM, "workqueue_queue_duration_seconds",
            "How long in seconds an item stays in workqueue before being requested", "name", name);
    c->metrics.unfinished =
        one(m, METRIC_GAUGE, "controller_runtime_active_workers",
            "Number of currently used workers per controller", "controller", name);
}

struct controller *controller_new(const struct controller_spec *spec, struct manager *manager,
                                  uint64_t seed, struct metrics *metrics)
{
    struct controller *c = mem_zalloc(sizeof *c);
    c->spec = *spec;
    c->manager = manager;
    queue_init(&c->queue, seed);
    map_init(&c->operations, seed);
    map_init(&c->put_off, seed);
    make_metrics(c, metrics);
    return c;
}

void controller_free(struct controller *c)
{
    if (c == NULL) {
        return;
    }
    queue_fini(&c->queue);
    map_fini(&c->operations);
    map_fini(&c->put_off);
    mem_free(c);
}

void controller_enqueue(struct controller *c, struct now now, const char *ns, const char *name)
{
    char key[STORE_KEY_BYTES];
    queue_add(&c->queue, store_key(ns, name, key), now.mono_ms);
}

static void log_plan(struct controller *c, struct now now, const struct plan *plan)
{
    for (size_t i = 0; i < plan->log_count; i++) {
        const struct plan_log *l = &plan->logs[i];
        manager_log(c->manager, now, l->level, c->spec.logger, l->message, l->fields,
                    l->field_count);
    }
}

static void record(struct controller *c, struct now now, const struct recorder_event *events,
                   size_t count)
{
    for (size_t i = 0; i < count; i++) {
        manager_record(c->manager, now, &events[i]);
    }
}

/* The reconcile is over and went well. */
static void settle(struct controller *c, struct now now, const char *key, uint64_t again_ms)
{
    queue_forget(&c->queue, key);
    if (again_ms > 0) {
        queue_add_after(&c->queue, key, now.mono_ms, again_ms);
        metric_add(c->metrics.requeue_after, 1);
    } else {
        metric_add(c->metrics.success, 1);
    }
    queue_done(&c->queue, key, now.mono_ms);
}

/* "apply Deployment "default/web"" */
static const char *describe(const struct operation *op, char *out, size_t bytes)
{
    snprintf(out, bytes, "%s \"%s/%s\"", op->write.what, op->write.ns,
             op->write.name != NULL ? op->write.name : op->name);
    return out;
}

static void back_off(struct operation *op, struct now now, const char *key,
                     const struct error *error)
{
    struct controller *c = op->controller;
    uint64_t delay_ms = queue_add_rate_limited(&c->queue, key, now.mono_ms);
    if (error->code == ERR_CONFLICT) {
        /* Somebody was faster: the watch brings the newest state, nothing is wrong. */
        metric_add(c->metrics.requeue, 1);
        manager_log(c->manager, now, LOG_DEBUG, c->spec.logger,
                    "The object has changed meanwhile. Looking again",
                    (struct log_field[]){LOG_STR("key", key), LOG_STR("reason", error->message),
                                         LOG_INT("retry-in-ms", (int64_t)delay_ms)},
                    3);
        return;
    }
    char what[STORE_KEY_BYTES + 128];
    metric_add(c->metrics.error, 1);
    metric_add(c->metrics.errors, 1);
    manager_log(c->manager, now, LOG_ERROR, c->spec.logger, "Reconciler error",
                (struct log_field[]){
                    LOG_STR("key", key), LOG_STR("doing", describe(op, what, sizeof what)),
                    LOG_STR("error", error->message), LOG_INT("retry-in-ms", (int64_t)delay_ms)},
                4);
}

/* The object in the store, if it is the very version that the answer brings. */
static const struct object *find_version(const struct store *store, const struct answer *answer)
{
    struct peek peek;
    if (!peek_object(answer->body, answer->body_len, &peek)) {
        return NULL;
    }
    const struct object *o = store_get(store, peek.ns, peek.name);
    return o != NULL && strcmp(o->rv, peek.rv) == 0 ? o : NULL;
}

/* The object of a 2xx answer, or NULL with *err filled. */
static struct object *decode_answer(const struct write *w, const struct answer *answer,
                                    struct error *err)
{
    yyjson_doc *doc = json_parse(answer->body, answer->body_len, err);
    if (doc == NULL) {
        return NULL;
    }
    struct object *object = NULL;
    int (*decode)(yyjson_val *, struct object **, struct error *) =
        w->into->kind->decode != NULL ? w->into->kind->decode : object_decode_meta;
    if (decode(yyjson_doc_get_root(doc), &object, err) != 0) {
        object = NULL;
    }
    yyjson_doc_free(doc);
    return object;
}

static void on_answer(void *ctx, struct now now, const struct answer *answer)
{
    struct operation *op = ctx;
    struct controller *c = op->controller;
    struct answer judged = *answer; /* an answer that cannot be read is a failed one */
    struct error *error = &judged.error;
    const struct object *known = NULL; /* the watch was faster: nothing new to decode */
    struct object *object = NULL;
    char key[STORE_KEY_BYTES];
    store_key(op->ns, op->name, key);

    if (error->code == ERR_NONE && op->write.into != NULL) {
        known = find_version(op->write.into, answer);
        object = known == NULL ? decode_answer(&op->write, answer, error) : NULL;
    }
    bool look_again =
        c->spec.answered != NULL && c->spec.answered(c->spec.ctx, op->ns, op->name, now, &op->write,
                                                     &judged, known != NULL ? known : object);
    if (object != NULL && store_put_answer(op->write.into, object) == STORE_STALE) {
        look_again = true; /* a list that does not have it came first: nobody was told */
    }
    if (error->code == ERR_NONE) {
        record(c, now, op->events, op->event_count);
    }
    metric_observe(c->metrics.seconds, (double)(now.mono_ms - op->started_ms) / 1000.0);
    map_remove(&c->operations, key);
    manager_resume(c->manager, c->spec.keyed_by, key);
    if (look_again) {
        queue_add(&c->queue, key, now.mono_ms);
        settle(c, now, key, 0);
    } else if (error->code == ERR_NONE) {
        settle(c, now, key, op->again_ms);
    } else if (error->code == ERR_NOT_FOUND && op->write.name != NULL) {
        /* It is gone: no error, and the watch will say so, too. Or its type was not served for a
         * moment, of which no watch says anything. */
        settle(c, now, key, CONTROLLER_GONE_LOOK_MS);
    } else {
        back_off(op, now, key, error);
        queue_done(&c->queue, key, now.mono_ms);
    }
    arena_fini(&op->arena);
    mem_free(op);
}

static const struct call_handler answer_handler = {.done = on_answer};

static void make_request(struct controller *c, const struct write *w, struct request *out)
{
    CLEANUP(buf_fini) struct buf path;
    buf_init(&path, PATH_BYTES_MAX);
    path_append_resource(&path, w->kind, w->ns, w->name, w->subresource);
    if (w->method != HTTP_GET) {
        path_append_query(&path, "fieldManager", manager_settings(c->manager)->name);
    }
    if (w->force) {
        path_append_query(&path, "force", "true");
    }
    assert(!path.truncated);

    uint64_t end_ms = manager_write_deadline(c->manager);
    *out = (struct request){
        .method = w->method,
        .path = buf_take(&path),
        .accept = MEDIA_JSON,
        .content_type = w->content_type,
        .body = w->body != NULL ? mem_strdup(w->body) : NULL,
        .body_len = w->body != NULL ? strlen(w->body) : 0,
        .timeout_ms = WRITE_TIMEOUT_MS,
        .end_ms = end_ms == UINT64_MAX ? 0 : end_ms,
    };
}

static void log_dry_run(struct controller *c, struct now now, const struct request *request)
{
    manager_log(c->manager, now, LOG_INFO, c->spec.logger, "Dry run: would send",
                (struct log_field[]){LOG_STR("method", http_method_name(request->method)),
                                     LOG_STR("path", request->path),
                                     LOG_STR("body", request->body)},
                3);
}

/* Returns true when a request is in flight now. Takes *op. */
static bool carry_out(struct operation *op, struct now now, const char *key)
{
    struct controller *c = op->controller;
    struct request request;
    make_request(c, &op->write, &request);
    if (manager_settings(c->manager)->dry_run && op->write.method != HTTP_GET) {
        log_dry_run(c, now, &request);
        request_fini(&request);
        settle(c, now, key, op->again_ms);
        arena_fini(&op->arena);
        mem_free(op);
        return false;
    }
    map_put(&c->operations, key, op);
    client_start(manager_client(c->manager), now, &request, &answer_handler, op);
    return true;
}

static bool run_one(struct controller *c, struct now now, const char *key)
{
    struct operation *op = mem_zalloc(sizeof *op);
    op->controller = c;
    op->started_ms = now.mono_ms;
    const char *slash = strchr(key, '/');
    assert(slash != NULL);
    snprintf(op->ns, sizeof op->ns, "%.*s", (int)(slash - key), key);
    snprintf(op->name, sizeof op->name, "%s", slash + 1);

    struct plan plan;
    plan_init(&plan, &op->arena);
    c->spec.reconcile(c->spec.ctx, op->ns, op->name, now, &plan);
    log_plan(c, now, &plan);
    op->again_ms = plan.again_ms;
    if (plan.has_write) {
        op->write = plan.write;
        op->event_count = plan.event_count;
        op->events = arena_alloc(&op->arena, (plan.event_count + 1) * sizeof *op->events);
        memcpy(op->events, plan.events, plan.event_count * sizeof *op->events);
        return carry_out(op, now, key);
    }
    record(c, now, plan.events, plan.event_count);
    metric_observe(c->metrics.seconds, 0);
    settle(c, now, key, plan.again_ms);
    arena_fini(&op->arena);
    mem_free(op);
    return false;
}

void controller_start(struct controller *c, struct now now)
{
    if (c->spec.start != NULL) {
        c->spec.start(c->spec.ctx, now);
    }
}

size_t controller_run(struct controller *c, struct now now, size_t slots)
{
    size_t started = 0;
    while (started < slots) {
        uint64_t waited_ms = 0;
        const char *key = queue_get(&c->queue, now.mono_ms, &waited_ms);
        if (key == NULL) {
            break;
        }
        if (manager_works_on(c->manager, c->spec.keyed_by, key)) {
            map_put(&c->put_off, key, c);
            queue_done(&c->queue, key, now.mono_ms);
            continue;
        }
        metric_observe(c->metrics.waited_seconds, (double)waited_ms / 1000.0);
        started += run_one(c, now, key) ? 1 : 0;
    }
    return started;
}

bool controller_works_on(const struct controller *c, const struct kind *kind, const char *key)
{
    return c->spec.keyed_by == kind && map_get(&c->operations, key) != NULL;
}

void controller_resume(struct controller *c, struct now now, const struct kind *kind,
                       const char *key)
{
    if (c->spec.keyed_by == kind && map_remove(&c->put_off, key) != NULL) {
        queue_add(&c->queue, key, now.mono_ms);
    }
}

size_t controller_busy(const struct controller *c)
{
    return c->operations.count;
}

uint64_t controller_deadline(const struct controller *c)
{
    return queue_deadline(&c->queue);
}

void controller_resync(struct controller *c, struct now now)
{
    if (c->spec.resync != NULL) {
        c->spec.resync(c->spec.ctx, now);
    }
}

void controller_update_metrics(struct controller *c, struct now now)
{
    metric_set(c->metrics.depth, (double)queue_ready(&c->queue, now.mono_ms));
    metric_add(c->metrics.adds, (double)(c->queue.adds_total - c->adds_reported));
    metric_add(c->metrics.retries, (double)(c->queue.retries_total - c->retries_reported));
    metric_set(c->metrics.unfinished, (double)c->operations.count);
    c->adds_reported = c->queue.adds_total;
    c->retries_reported = c->queue.retries_total;
}

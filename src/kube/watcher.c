#include "kube/watcher.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

struct watcher {
    struct manager *manager;
    struct reflector reflector;
    struct watcher_owner owner; /* zeroed: people are told */
    const char *if_not_served;
    uint64_t call_id;      /* 0: none */
    struct error *trouble; /* NULL: none */
    unsigned attempts;     /* that failed, since one went well */
};

/* "memcacheds.cache.example.com", or "pods" */
static const char *resource_name(const struct kind *kind, char *out, size_t bytes)
{
    snprintf(out, bytes, "%s%s%s", kind->plural, kind->group[0] != '\0' ? "." : "", kind->group);
    return out;
}

static void note_trouble(struct watcher *w, const struct error *err)
{
    mem_free(w->trouble);
    w->trouble = NULL;
    w->attempts = err == NULL ? 0 : w->attempts + 1;
    if (err != NULL) {
        w->trouble = mem_alloc(sizeof *w->trouble);
        *w->trouble = *err;
    }
}

static void on_report(void *ctx, const char *verb, const struct reflector_spec *spec,
                      uint64_t retry_in_ms, const struct error *err)
{
    struct watcher *w = ctx;
    struct manager *m = w->manager;
    struct now now = manager_now(m);
    char resource[256];
    if (w->owner.report != NULL) {
        w->owner.report(w->owner.ctx, verb, spec, retry_in_ms, err);
        return;
    }
    note_trouble(w, err);
    resource_name(spec->kind, resource, sizeof resource);
    if (err == NULL) {
        manager_log(
            m, now, LOG_DEBUG, "reflector", "Cache is in step with the server",
            (struct log_field[]){LOG_STR("resource", resource), LOG_STR("namespace", spec->ns)}, 2);
        return;
    }
    struct log_field fields[PLAN_FIELDS_MAX] = {
        LOG_STR("verb", verb),          LOG_STR("resource", resource),
        LOG_STR("namespace", spec->ns), LOG_STR("user", manager_settings(m)->user),
        LOG_STR("error", err->message), LOG_INT("retry-in-ms", (int64_t)retry_in_ms)};
    size_t count = 6;
    const char *message = "Cannot reach the server's objects. Trying again";
    if (err->code == ERR_NOT_FOUND) {
        message = "The server does not know this resource. Trying again";
        if (w->if_not_served != NULL) {
            fields[count++] = LOG_STR("what-to-do", w->if_not_served);
        }
    } else if (err->code == ERR_UNAUTHORIZED || err->code == ERR_FORBIDDEN) {
        message = "The server does not let this user do that. Trying again";
    }
    manager_log(m, now, LOG_ERROR, "reflector", message, fields, count);
}

static void stir(const struct watcher *w)
{
    if (w->owner.stirred != NULL) {
        w->owner.stirred(w->owner.ctx);
    }
}

static void on_watch_head(void *ctx, struct now now, int http_status, int64_t retry_after_ms)
{
    struct watcher *w = ctx;
    reflector_head(&w->reflector, now, http_status, retry_after_ms);
    stir(w);
}

static int on_watch_body(void *ctx, struct now now, const char *bytes, size_t len,
                         struct error *err)
{
    struct watcher *w = ctx;
    int rc = reflector_body(&w->reflector, now, bytes, len, err);
    if (w->reflector.history != REFLECTOR_HISTORY_GOES_ON) {
        stir(w);
    }
    return rc;
}

/* An answer other than 2xx is no failure here: the reflector has its body and judges itself. */
static void on_watch_done(void *ctx, struct now now, const struct answer *answer)
{
    struct watcher *w = ctx;
    w->call_id = 0;
    bool refused =
        answer->http_status != 0 && (answer->http_status < 200 || answer->http_status > 299);
    bool failed = answer->error.code != ERR_NONE && !refused;
    reflector_end(&w->reflector, now, failed ? &answer->error : NULL);
    stir(w);
}

static const struct call_handler watch_handler = {
    .head = on_watch_head, .body = on_watch_body, .done = on_watch_done};

struct watcher *watcher_new(struct manager *manager, const struct watch_spec *spec, const char *ns,
                            const char *name, struct store *store, struct random *random,
                            const struct watcher_owner *owner)
{
    struct watcher *w = mem_zalloc(sizeof *w);
    w->manager = manager;
    w->owner = owner != NULL ? *owner : (struct watcher_owner){0};
    w->if_not_served = spec->if_not_served;
    reflector_init(&w->reflector,
                   &(struct reflector_spec){.kind = spec->kind,
                                            .ns = ns,
                                            .name = name,
                                            .label_selector = spec->label_selector,
                                            .metadata_only = spec->metadata_only},
                   store, random, on_report, w);
    return w;
}

void watcher_free(struct watcher *w)
{
    if (w != NULL) {
        reflector_fini(&w->reflector);
        mem_free(w->trouble);
        mem_free(w);
    }
}

void watcher_pump(struct watcher *w, bool may)
{
    struct client *client = manager_client(w->manager);
    struct now now = manager_now(w->manager);
    if (w->call_id != 0 && reflector_overdue(&w->reflector, now)) {
        struct error why = ERROR_INIT;
        error_set(&why, ERR_CANCELLED, "the watch has outlived its time");
        watcher_stop(w);
        reflector_end(&w->reflector, now, &why);
    }
    struct request request = {0};
    if (may && reflector_want(&w->reflector, now, &request)) {
        w->call_id = client_start(client, now, &request, &watch_handler, w);
    }
}

uint64_t watcher_unanswered_since(const struct watcher *w)
{
    const struct reflector *r = &w->reflector;
    return w->call_id != 0 && r->http_status == 0 ? r->started_ms : 0;
}

uint64_t watcher_deadline(const struct watcher *w)
{
    return reflector_deadline(&w->reflector);
}

bool watcher_is_pausing(const struct watcher *w, struct now now)
{
    return w->call_id == 0 && now.mono_ms < watcher_deadline(w);
}

void watcher_stop(struct watcher *w)
{
    client_cancel(manager_client(w->manager), w->call_id);
    w->call_id = 0;
}

enum reflector_history watcher_take_history(struct watcher *w)
{
    return reflector_take_history(&w->reflector);
}

void watcher_learn_history(struct watcher *w, enum reflector_history history)
{
    if (history == REFLECTOR_HISTORY_RESET) {
        watcher_stop(w);
        reflector_distrust(&w->reflector, manager_now(w->manager));
    } else if (history == REFLECTOR_HISTORY_DOUBTED) {
        watcher_refresh(w);
    }
}

bool watcher_keeps(const struct watcher *w, const struct store *store, const char *ns)
{
    const struct reflector *r = &w->reflector;
    return r->store == store && (r->spec.ns[0] == '\0' || strcmp(r->spec.ns, ns) == 0);
}

bool watcher_refresh(struct watcher *w)
{
    if (!reflector_refresh(&w->reflector, manager_now(w->manager))) {
        return false;
    }
    watcher_stop(w);
    return true;
}

bool watcher_is_refreshing(const struct watcher *w)
{
    return reflector_refreshing(&w->reflector);
}

struct store_scope *watcher_scope(const struct watcher *w)
{
    return w->reflector.scope;
}

const struct error *watcher_trouble(const struct watcher *w, unsigned *attempts)
{
    *attempts = w->attempts;
    return reflector_synced(&w->reflector) ? NULL : w->trouble;
}

bool watcher_is_ready(const struct watcher *w, char *why, size_t bytes)
{
    const struct reflector *r = &w->reflector;
    bool synced = reflector_synced(r);
    if (synced && !reflector_failing(r)) {
        return true;
    }
    char resource[200];
    snprintf(why, bytes, "%s: %s", resource_name(r->spec.kind, resource, sizeof resource),
             synced ? "the watch is failing" : "not in step with the server yet");
    return false;
}

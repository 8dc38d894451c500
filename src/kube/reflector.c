/*
 * What arrives, and what becomes of it. The rules behind every branch here are listed, with their
 * sources, in docs/reflector.md.
 */
#include "kube/reflector.h"

#include "base/mem.h"
#include "kube/json.h"
#include "kube/peek.h"
#include "kube/reflector_parts.h"
#include "kube/status.h"

#include <string.h>

enum {
    REFUSAL_BYTES_MAX = 16 << 10, /* a Status is some hundred */
};

static bool on_known(void *ctx, const struct peek *peek);

void reflector_init(struct reflector *r, const struct reflector_spec *spec, struct store *store,
                    struct random *random, reflector_report_fn *report, void *report_ctx)
{
    *r = (struct reflector){
        .spec = *spec,
        .store = store,
        .scope = store_add_scope(store, spec->ns, spec->name),
        .random = random,
        .report = report,
        .report_ctx = report_ctx,
    };
    watch_init(&r->watch);
    r->watch.known = on_known;
    if (spec->name != NULL) {
        r->watch.keep_bytes = 0; /* there may be a thousand */
    }
    list_init(&r->list);
    buf_init(&r->refusal, REFUSAL_BYTES_MAX);
}

/* ---- the list in progress -------------------------------------------------------------------- */

void reflector_set_text(char **text, const char *value)
{
    mem_free(*text);
    *text = value == NULL ? NULL : mem_strdup(value);
}

static void pending_add(struct reflector *r, struct object *o)
{
    if (r->pending_count == r->pending_cap) {
        r->pending_cap = r->pending_cap == 0 ? 64 : r->pending_cap * 2;
        r->pending = mem_realloc(r->pending, r->pending_cap * sizeof r->pending[0]);
    }
    r->pending[r->pending_count++] = o;
}

/* Linear, but objects rarely go while the list of them is being sent. */
static void pending_remove(struct reflector *r, const struct object *gone)
{
    for (size_t i = 0; i < r->pending_count;) {
        struct object *o = r->pending[i];
        if (strcmp(o->name, gone->name) == 0 && strcmp(o->ns, gone->ns) == 0) {
            r->pending[i] = r->pending[--r->pending_count];
            object_free(o);
        } else {
            i++;
        }
    }
}

void reflector_drop_pending(struct reflector *r)
{
    for (size_t i = 0; i < r->pending_count; i++) {
        object_free(r->pending[i]);
    }
    mem_free(r->pending);
    r->pending = NULL;
    r->pending_count = r->pending_cap = 0;
    reflector_set_text(&r->page_token, NULL);
    reflector_set_text(&r->page_rv, NULL);
    reflector_set_text(&r->known_rv, NULL);
    list_fini(&r->list);
    list_init(&r->list);
}

void reflector_fini(struct reflector *r)
{
    reflector_drop_pending(r);
    list_fini(&r->list);
    watch_fini(&r->watch);
    buf_fini(&r->refusal);
}

uint64_t reflector_deadline(const struct reflector *r)
{
    switch (r->state) {
    case REFLECTOR_WAITING:
        return r->wake_ms;
    case REFLECTOR_WATCH_LISTING:
        return r->listed_by_ms;
    case REFLECTOR_WATCHING:
        return r->cut_ms;
    case REFLECTOR_LISTING:
    case REFLECTOR_CHECKING:
        break; /* have the request's own timeout */
    }
    return UINT64_MAX;
}

bool reflector_overdue(const struct reflector *r, struct now now)
{
    return r->state != REFLECTOR_WAITING && now.mono_ms >= reflector_deadline(r);
}

/* ---- what arrives ---------------------------------------------------------------------------- */

static enum store_versions versions_of(const struct reflector *r, const char *rv)
{
    if (r->distrusted) {
        return VERSIONS_RESET;
    }
    if (r->list_rv != REFLECTOR_RV_QUORUM || r->known_rv == NULL) {
        return VERSIONS_CONTINUE;
    }
    return rv_compare(rv, r->known_rv) < 0 ? VERSIONS_RESET : VERSIONS_DOUBTFUL;
}

void reflector_commit(struct reflector *r, const char *rv)
{
    bool first = !r->scope->synced;

    bool reset =
        store_replace(r->store, r->scope, r->pending, r->pending_count, rv, versions_of(r, rv));
    if (reset && !r->distrusted) {
        r->history = REFLECTOR_HISTORY_RESET;
    }
    r->distrusted = false;
    r->pending_count = 0;
    reflector_drop_pending(r);
    r->list_rv = REFLECTOR_RV_LAST;
    r->list_whole = false;
    reflector_worked(r, "list", first);
}

static bool covers(const struct reflector *r, const char *ns, const char *name)
{
    return (r->spec.ns[0] == '\0' || strcmp(r->spec.ns, ns) == 0) &&
           (r->spec.name == NULL || strcmp(r->spec.name, name) == 0);
}

/* A server that does not select as it was told to would fill the store with what nobody wants, or
 * take away what another scope has brought. */
static int check_place(const struct reflector *r, const struct object *o, struct error *err)
{
    if (covers(r, o->ns, o->name)) {
        return 0;
    }
    return error_set(err, ERR_PARSE, "%s \"%.63s/%.253s\" among those of \"%s%s%s\"",
                     r->spec.kind->kind, o->ns, o->name, r->spec.ns,
                     r->spec.name == NULL ? "" : "/", r->spec.name == NULL ? "" : r->spec.name);
}

static int decode(const struct reflector *r, yyjson_val *json, struct object **out,
                  struct error *err)
{
    const struct kind *kind = r->spec.kind;
    int rc =
        kind->decode != NULL ? kind->decode(json, out, err) : object_decode_meta(json, out, err);

    if (rc != 0) {
        const char *name = yyjson_get_str(json_at(json, "metadata", "name", NULL));
        return error_wrap(err, "%s \"%.253s\"", kind->kind, name == NULL ? "" : name);
    }
    rc = check_place(r, *out, err);
    if (rc != 0) {
        object_free(*out);
    }
    return rc;
}

static int on_item(void *ctx, yyjson_val *item, struct error *err)
{
    struct reflector *r = ctx;
    struct object *o = NULL;
    int rc = decode(r, item, &o, err);

    if (rc == 0) {
        pending_add(r, o);
    }
    return rc;
}

/* Somebody may have the name that a check selects. */
static int on_checked_item(void *ctx, yyjson_val *item, struct error *err)
{
    (void)ctx;
    (void)item;
    (void)err;
    return 0;
}

static int on_put(struct reflector *r, const struct watch_event *event, struct error *err)
{
    struct object *o = NULL;
    int rc = decode(r, event->object, &o, err);

    if (rc != 0) {
        return rc;
    }
    if (r->state == REFLECTOR_WATCH_LISTING) {
        pending_add(r, o);
    } else {
        store_put(r->store, o);
        store_scope_advance(r->scope, event->rv);
    }
    return 0;
}

/* Of what is gone only the name matters: it may be gone because it cannot be decoded any more. */
static int on_deleted(struct reflector *r, const struct watch_event *event, struct error *err)
{
    struct object *gone = NULL;
    int rc = object_decode_meta(event->object, &gone, err);

    if (rc != 0) {
        return rc;
    }
    rc = check_place(r, gone, err);
    if (rc == 0 && r->state == REFLECTOR_WATCH_LISTING) {
        pending_remove(r, gone);
    } else if (rc == 0) {
        store_remove(r->store, gone->ns, gone->name, event->rv);
        store_scope_advance(r->scope, event->rv);
    }
    object_free(gone);
    return rc;
}

static int on_bookmark(struct reflector *r, const struct watch_event *event)
{
    if (r->state == REFLECTOR_WATCHING) {
        store_scope_advance(r->scope, event->rv);
    } else if (event->initial_events_end) {
        reflector_commit(r, event->rv);
        r->state = REFLECTOR_WATCHING;
    }
    return 0;
}

static int on_event(void *ctx, const struct watch_event *event, struct error *err)
{
    struct reflector *r = ctx;

    r->event_seen = r->event_seen || event->type != WATCH_ERROR;
    switch (event->type) {
    case WATCH_ADDED:
    case WATCH_MODIFIED:
        return on_put(r, event, err);
    case WATCH_DELETED:
        return on_deleted(r, event, err);
    case WATCH_BOOKMARK:
        return on_bookmark(r, event);
    case WATCH_ERROR:
        break;
    }
    return status_object_to_error(event->object, err);
}

/* Mostly our own write, which its answer has brought already. A list in progress needs all objects.
 */
static bool on_known(void *ctx, const struct peek *peek)
{
    struct reflector *r = ctx;
    bool ours = covers(r, peek->ns, peek->name);
    const struct object *o =
        ours && r->state == REFLECTOR_WATCHING ? store_get(r->store, peek->ns, peek->name) : NULL;
    if (o == NULL || strcmp(o->rv, peek->rv) != 0) {
        return false;
    }
    r->event_seen = true;
    store_scope_advance(r->scope, peek->rv);
    return true;
}

void reflector_head(struct reflector *r, struct now now, int http_status, int64_t retry_after_ms)
{
    (void)now;
    r->http_status = http_status;
    r->retry_after_ms = retry_after_ms;
    if (http_status == 200 && r->state == REFLECTOR_WATCHING) {
        reflector_worked(r, "watch", false);
    }
}

int reflector_body(struct reflector *r, struct now now, const char *bytes, size_t len,
                   struct error *err)
{
    (void)now;
    if (r->http_status != 200) {
        size_t room = REFUSAL_BYTES_MAX - r->refusal.len;
        buf_append(&r->refusal, bytes, len < room ? len : room);
        return 0;
    }
    switch (r->state) {
    case REFLECTOR_LISTING:
        return list_feed(&r->list, bytes, len, on_item, r, err);
    case REFLECTOR_CHECKING:
        return list_feed(&r->list, bytes, len, on_checked_item, r, err);
    case REFLECTOR_WATCH_LISTING:
    case REFLECTOR_WATCHING:
        return watch_feed(&r->watch, bytes, len, on_event, r, err);
    case REFLECTOR_WAITING:
        break;
    }
    return 0;
}

enum reflector_history reflector_take_history(struct reflector *r)
{
    enum reflector_history history = r->history;

    r->history = REFLECTOR_HISTORY_GOES_ON;
    return history;
}

/* What has arrived of a list is forgotten. A backoff, or the server's Retry-After, goes first. */
static void list_from_etcd(struct reflector *r, struct now now)
{
    reflector_drop_pending(r);
    if (r->state != REFLECTOR_WAITING) {
        r->wake_ms = now.mono_ms;
    }
    r->state = REFLECTOR_WAITING;
    r->next = REFLECTOR_NEXT_LIST;
    r->list_rv = REFLECTOR_RV_QUORUM;
    r->list_whole = false;
}

void reflector_distrust(struct reflector *r, struct now now)
{
    r->distrusted = true;
    r->scope->synced = false;
    list_from_etcd(r, now);
}

bool reflector_refreshing(const struct reflector *r)
{
    return r->list_rv == REFLECTOR_RV_QUORUM;
}

bool reflector_refresh(struct reflector *r, struct now now)
{
    if (reflector_refreshing(r)) {
        return false;
    }
    list_from_etcd(r, now);
    return true;
}

bool reflector_synced(const struct reflector *r)
{
    return r->scope->synced;
}

bool reflector_failing(const struct reflector *r)
{
    return r->failing;
}

/*
 * The rules behind every branch here are listed, with their sources, in docs/reflector.md.
 */
#include "kube/reflector.h"

#include "base/mem.h"
#include "kube/json.h"
#include "kube/name.h"
#include "kube/peek.h"
#include "kube/status.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    PATH_BYTES_MAX = 128 << 10,   /* holds an escaped continue token and more */
    REFUSAL_BYTES_MAX = 16 << 10, /* a Status is some hundred */
};

/* The second choice is for servers that do not offer the first for this resource. */
#define MEDIA_META_OBJECT                                                                          \
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
#define MEDIA_META_LIST                                                                            \
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"

static bool on_known(void *ctx, const struct peek *peek);

void reflector_init(struct reflector *r, const struct reflector_spec *spec, struct store *store,
                    struct random *random, reflector_report_fn *report, void *report_ctx)
{
    *r = (struct reflector){
        .spec = *spec,
        .store = store,
        .scope = store_add_scope(store, spec->ns),
        .random = random,
        .report = report,
        .report_ctx = report_ctx,
    };
    watch_init(&r->watch);
    r->watch.known = on_known;
    list_init(&r->list);
    buf_init(&r->refusal, REFUSAL_BYTES_MAX);
}

/* ---- the list in progress -------------------------------------------------------------------- */

static void set_text(char **text, const char *value)
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

/* Forget the list in progress, and give its memory back: the next one may be months away. */
static void pending_drop(struct reflector *r)
{
    for (size_t i = 0; i < r->pending_count; i++) {
        object_free(r->pending[i]);
    }
    mem_free(r->pending);
    r->pending = NULL;
    r->pending_count = r->pending_cap = 0;
    set_text(&r->page_token, NULL);
    set_text(&r->page_rv, NULL);
    list_fini(&r->list);
    list_init(&r->list);
}

void reflector_fini(struct reflector *r)
{
    pending_drop(r);
    list_fini(&r->list);
    watch_fini(&r->watch);
    buf_fini(&r->refusal);
}

/* ---- good and bad news ----------------------------------------------------------------------- */

static void report(struct reflector *r, const char *verb, uint64_t retry_in_ms,
                   const struct error *err)
{
    if (r->report != NULL) {
        r->report(r->report_ctx, verb, &r->spec, retry_in_ms, err);
    }
}

static void worked(struct reflector *r, const char *verb, bool first)
{
    if (first || r->failing) {
        r->failing = false;
        report(r, verb, 0, NULL);
    }
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* How long to wait after a failure. The base doubles; the wait is drawn from [base, 2 × base], so
 * that clients which failed together do not come back together. */
static uint64_t back_off(struct reflector *r, struct now now, const struct error *why)
{
    bool absent = why->code == ERR_NOT_FOUND;
    uint64_t max_ms = absent ? REFLECTOR_ABSENT_MS_MAX : REFLECTOR_BACKOFF_MS_MAX;

    if (r->backoff_ms == 0 || now.mono_ms - r->last_failure_ms > REFLECTOR_BACKOFF_RESET_MS) {
        r->backoff_ms = REFLECTOR_BACKOFF_MS_MIN;
    }
    uint64_t base_ms = least(r->backoff_ms, max_ms / 2);
    uint64_t wait_ms = random_jitter_ms(r->random, base_ms, 100);
    r->backoff_ms = least(r->backoff_ms * 2, REFLECTOR_BACKOFF_MS_MAX / 2);
    r->last_failure_ms = now.mono_ms;

    if (why->retry_after_ms > 0) { /* all who were refused together were told the same */
        uint64_t told_ms = least((uint64_t)why->retry_after_ms, REFLECTOR_RETRY_AFTER_MS_MAX);
        wait_ms = most(wait_ms, told_ms + wait_ms - base_ms);
    }
    return wait_ms;
}

static void fail(struct reflector *r, struct now now, const char *verb, enum reflector_next next,
                 const struct error *why)
{
    uint64_t wait_ms = back_off(r, now, why);

    r->next = next;
    r->wake_ms = now.mono_ms + wait_ms;
    r->failing = true;
    report(r, verb, wait_ms, why);
}

/* ---- requests -------------------------------------------------------------------------------- */

static void begin(struct reflector *r, struct now now, enum reflector_state state)
{
    r->state = state;
    r->started_ms = now.mono_ms;
    r->http_status = 0;
    r->retry_after_ms = -1;
    r->event_seen = false;
    buf_reset(&r->refusal, 0);
    watch_reset(&r->watch);
    list_reset(&r->list);
}

static void begin_path(const struct reflector *r, struct buf *path)
{
    buf_init(path, PATH_BYTES_MAX);
    path_append_resource(path, r->spec.kind, r->spec.ns, NULL, NULL);
    if (r->spec.label_selector != NULL) {
        path_append_query(path, "labelSelector", r->spec.label_selector);
    }
}

static void append_number(struct buf *path, const char *key, uint64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRIu64, number);
    path_append_query(path, key, text);
}

static char *end_path(struct buf *path)
{
    assert(!path->truncated); /* token and version are bounded, the rest is the program's own */
    return buf_take(path);
}

static void want_list(struct reflector *r, struct now now, struct request *out)
{
    bool page = r->next == REFLECTOR_NEXT_PAGE;
    struct buf path;

    begin(r, now, REFLECTOR_LISTING);
    begin_path(r, &path);
    if (page) {
        path_append_query(&path, "continue", r->page_token);
    } else if (r->list_rv == REFLECTOR_RV_ANY) {
        path_append_query(&path, "resourceVersion", "0");
    } else if (r->list_rv == REFLECTOR_RV_LAST) {
        path_append_query(&path, "resourceVersion", r->scope->rv);
    }
    if (page || (r->list_rv != REFLECTOR_RV_LAST && !r->list_whole)) {
        append_number(&path, "limit", REFLECTOR_PAGE_ITEMS);
    }
    out->path = end_path(&path);
    out->accept = r->spec.metadata_only ? MEDIA_META_LIST : NULL;
    out->timeout_ms = REFLECTOR_LIST_TIMEOUT_MS;
}

/* A watch from a version that the server has not reached is answered by silence, for as long as
 * that takes; a list is refused at once. It selects one name, which need not exist: the answer is
 * small. */
static void want_check(struct reflector *r, struct now now, struct request *out)
{
    struct buf path;

    begin(r, now, REFLECTOR_CHECKING);
    begin_path(r, &path);
    path_append_query(&path, "fieldSelector", "metadata.name=x");
    path_append_query(&path, "resourceVersion", r->scope->rv);
    out->path = end_path(&path);
    out->accept = r->spec.metadata_only ? MEDIA_META_LIST : NULL;
    out->timeout_ms = REFLECTOR_LIST_TIMEOUT_MS;
}

static void want_watch(struct reflector *r, struct now now, struct request *out)
{
    bool listing = r->next == REFLECTOR_NEXT_LIST;
    uint64_t seconds = REFLECTOR_WATCH_MS_MIN / 1000;
    struct buf path;

    seconds += random_below(r->random, seconds + 1);
    begin(r, now, listing ? REFLECTOR_WATCH_LISTING : REFLECTOR_WATCHING);
    begin_path(r, &path);
    path_append_query(&path, "watch", "1");
    path_append_query(&path, "allowWatchBookmarks", "true");
    append_number(&path, "timeoutSeconds", seconds);
    if (listing) {
        path_append_query(&path, "sendInitialEvents", "true");
        path_append_query(&path, "resourceVersionMatch", "NotOlderThan");
    }
    if (!listing || r->list_rv == REFLECTOR_RV_LAST) {
        path_append_query(&path, "resourceVersion", r->scope->rv);
    }
    out->path = end_path(&path);
    out->accept = r->spec.metadata_only ? MEDIA_META_OBJECT : NULL;
    r->cut_ms = now.mono_ms + seconds * 1000 + REFLECTOR_WATCH_GRACE_MS;
    r->listed_by_ms = now.mono_ms + REFLECTOR_LIST_TIMEOUT_MS;
    out->timeout_ms = (uint32_t)(seconds * 1000 + 2 * REFLECTOR_WATCH_GRACE_MS);
}

bool reflector_want(struct reflector *r, struct now now, struct request *out)
{
    if (r->state != REFLECTOR_WAITING || now.mono_ms < r->wake_ms) {
        return false;
    }
    *out = (struct request){.method = HTTP_GET, .stream = true};
    if (r->next == REFLECTOR_NEXT_WATCH ||
        (r->next == REFLECTOR_NEXT_LIST && !r->watch_list_refused)) {
        want_watch(r, now, out);
    } else if (r->next == REFLECTOR_NEXT_CHECK) {
        want_check(r, now, out);
    } else {
        want_list(r, now, out);
    }
    return true;
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

/* The list is complete, at @rv, and all of it goes into the store at once. */
static void commit(struct reflector *r, const char *rv)
{
    bool first = !r->scope->synced;
    bool stepped_back = r->list_rv == REFLECTOR_RV_QUORUM && r->scope->rv != NULL &&
                        rv_compare(rv, r->scope->rv) < 0;

    bool reset = store_replace(r->store, r->scope, r->pending, r->pending_count, rv,
                               stepped_back || r->distrusted);
    r->history_reset = reset && !r->distrusted;
    r->distrusted = false;
    r->pending_count = 0;
    pending_drop(r);
    r->list_rv = REFLECTOR_RV_LAST;
    r->list_whole = false;
    worked(r, "list", first);
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
    if (r->spec.ns[0] != '\0' && strcmp((*out)->ns, r->spec.ns) != 0) {
        rc = error_set(err, ERR_PARSE, "%s of namespace \"%.63s\" among those of \"%s\"",
                       kind->kind, (*out)->ns, r->spec.ns);
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
    if (r->state == REFLECTOR_WATCH_LISTING) {
        pending_remove(r, gone);
    } else {
        store_remove(r->store, gone->ns, gone->name, event->rv);
        store_scope_advance(r->scope, event->rv);
    }
    object_free(gone);
    return 0;
}

static int on_bookmark(struct reflector *r, const struct watch_event *event)
{
    if (r->state == REFLECTOR_WATCHING) {
        store_scope_advance(r->scope, event->rv);
    } else if (event->initial_events_end) {
        commit(r, event->rv);
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
    bool ours = r->spec.ns[0] == '\0' || strcmp(r->spec.ns, peek->ns) == 0;
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
        worked(r, "watch", false);
    }
}

int reflector_body(struct reflector *r, struct now now, const char *bytes, size_t len,
                   struct error *err)
{
    (void)now;
    if (r->http_status != 200) {
        buf_append(&r->refusal, bytes, least(len, REFUSAL_BYTES_MAX - r->refusal.len));
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

/* ---- how answers end ------------------------------------------------------------------------- */

static void list_failed(struct reflector *r, struct now now, const struct error *why)
{
    bool first_page = r->next == REFLECTOR_NEXT_LIST;
    bool outdated = why->code == ERR_GONE || why->code == ERR_RV_TOO_LARGE;

    pending_drop(r);
    r->next = REFLECTOR_NEXT_LIST;
    if (why->code == ERR_GONE && !first_page && !r->list_whole) {
        r->list_whole = true; /* the list takes longer than the server keeps its pages */
        return;
    }
    if (outdated && r->list_rv != REFLECTOR_RV_QUORUM) {
        r->list_rv = REFLECTOR_RV_QUORUM;
        r->list_whole = false;
        return;
    }
    if (why->code == ERR_NOT_FOUND) {
        store_clear(r->store, r->scope);
        r->list_rv = REFLECTOR_RV_ANY;
    }
    fail(r, now, "list", REFLECTOR_NEXT_LIST, why);
}

static void list_ended(struct reflector *r, struct now now, struct error *why)
{
    if (why->code != ERR_NONE || list_end(&r->list, why) != 0) {
        list_failed(r, now, why);
        return;
    }
    if (r->page_rv == NULL) {
        set_text(&r->page_rv, r->list.rv);
    }
    if (r->list.cont.len > 0) {
        set_text(&r->page_token, buf_text(&r->list.cont));
        r->next = REFLECTOR_NEXT_PAGE;
        return;
    }
    commit(r, r->page_rv);
    r->next = REFLECTOR_NEXT_WATCH;
}

/* The server will not do it this way: neither time nor rights nor another version would help. */
static bool refuses_watch_list(const struct reflector *r, const struct error *why)
{
    switch (why->code) {
    case ERR_NONE:      /* ended before the bookmark */
    case ERR_CANCELLED: /* or the bookmark did not come: it does not know sendInitialEvents */
    case ERR_BAD_REQUEST:
    case ERR_CONFLICT:
    case ERR_EXISTS:
        return true;
    case ERR_SERVER:
        return r->http_status < 500; /* another 4xx, or an ERROR event inside a 200 */
    default:
        return false;
    }
}

static void watch_list_ended(struct reflector *r, struct now now, const struct error *why)
{
    if (!refuses_watch_list(r, why)) {
        list_failed(r, now, why);
        return;
    }
    pending_drop(r);
    r->watch_list_refused = true;
}

/* Would a watch from the last version fail again? */
static bool needs_relist(const struct reflector *r, const struct error *why)
{
    switch (why->code) {
    case ERR_UNAUTHORIZED:
    case ERR_FORBIDDEN:
    case ERR_TOO_MANY:
    case ERR_TRANSPORT:
        return false;
    case ERR_SERVER:
        /* A stream that has nothing but an ERROR event: the server cannot read that history. */
        return r->http_status == 200 && !r->event_seen;
    default:
        return true; /* the version is gone, or the stream was garbage */
    }
}

static void watch_ended(struct reflector *r, struct now now, struct error *why)
{
    uint64_t lasted_ms = now.mono_ms - r->started_ms;
    bool clean = why->code == ERR_NONE || why->code == ERR_CANCELLED;

    r->next = REFLECTOR_NEXT_WATCH;
    if (clean && (r->event_seen || lasted_ms >= REFLECTOR_SHORT_WATCH_MS)) {
        return;
    }
    if (clean) {
        error_set(why, ERR_TRANSPORT, "ended after %" PRIu64 " ms without an event", lasted_ms);
    }
    bool relist = needs_relist(r, why);
    bool lost = !clean && (why->code == ERR_TRANSPORT || why->code == ERR_SERVER);
    fail(r, now, "watch",
         relist ? REFLECTOR_NEXT_LIST
         : lost ? REFLECTOR_NEXT_CHECK
                : REFLECTOR_NEXT_WATCH,
         why);
}

static void check_ended(struct reflector *r, struct now now, struct error *why)
{
    bool answered = why->code == ERR_NONE && list_end(&r->list, why) == 0;
    bool reached = answered && rv_compare(r->list.rv, r->scope->rv) >= 0;

    r->next = REFLECTOR_NEXT_WATCH;
    if (reached) {
        return;
    }
    r->next = REFLECTOR_NEXT_LIST;
    if (answered || why->code == ERR_RV_TOO_LARGE || why->code == ERR_GONE) {
        r->list_rv = REFLECTOR_RV_QUORUM;
        return;
    }
    fail(r, now, "watch", needs_relist(r, why) ? REFLECTOR_NEXT_LIST : REFLECTOR_NEXT_CHECK, why);
}

/* Leaves *why as it is when the answer is a success. The status goes first: a refusal whose body
 * broke off is a refusal. */
static void judge(const struct reflector *r, const struct error *failure, struct error *why)
{
    if (r->http_status != 0 && r->http_status != 200) {
        status_to_error(r->http_status, r->retry_after_ms, buf_text(&r->refusal), r->refusal.len,
                        why);
    } else if (r->http_status == 0 && (failure == NULL || failure->code == ERR_CANCELLED)) {
        error_set(why, ERR_TRANSPORT, "no answer came");
    } else if (failure != NULL) {
        *why = *failure;
    }
}

void reflector_end(struct reflector *r, struct now now, const struct error *failure)
{
    struct error why = ERROR_INIT;
    enum reflector_state was = r->state;

    assert(was != REFLECTOR_WAITING);
    judge(r, failure, &why);
    r->state = REFLECTOR_WAITING;
    r->wake_ms = now.mono_ms;
    if (was == REFLECTOR_LISTING) {
        list_ended(r, now, &why);
    } else if (was == REFLECTOR_CHECKING) {
        check_ended(r, now, &why);
    } else if (was == REFLECTOR_WATCH_LISTING) {
        watch_list_ended(r, now, &why);
    } else {
        watch_ended(r, now, &why);
    }
}

bool reflector_take_reset(struct reflector *r)
{
    bool reset = r->history_reset;

    r->history_reset = false;
    return reset;
}

void reflector_distrust(struct reflector *r, struct now now)
{
    pending_drop(r);
    r->distrusted = true;
    r->scope->synced = false;
    r->state = REFLECTOR_WAITING;
    r->next = REFLECTOR_NEXT_LIST;
    r->list_rv = REFLECTOR_RV_QUORUM;
    r->list_whole = false;
    r->wake_ms = now.mono_ms;
}

bool reflector_refresh(struct reflector *r, struct now now)
{
    if (r->list_rv == REFLECTOR_RV_QUORUM) {
        return false;
    }
    pending_drop(r);
    r->state = REFLECTOR_WAITING;
    r->next = REFLECTOR_NEXT_LIST;
    r->list_rv = REFLECTOR_RV_QUORUM;
    r->list_whole = false;
    r->wake_ms = now.mono_ms;
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

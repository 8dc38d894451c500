/*
 * Watches:
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes and
 * for sendInitialEvents
 * https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/3157-watch-list
 */
#include "sim/api_call.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct api_watch {
    struct api *api;
    struct api_watch *next, **link; /* all of the api's */
    unsigned server, resource;
    char *ns;
    struct api_selector *selector;
    bool meta, wants_bookmarks;
    uint64_t timeout_ms;

    uint64_t position; /* told, or not meant for it, up to and with this revision */
    bool is_due;       /* the change after position is for it */
    uint64_t end;      /* nothing after this revision is told */
    unsigned skip;     /* as many of the next events are left out */

    struct api_version **initial; /* the objects that were there, one synthetic ADDED each … */
    size_t initial_count, initial_next;
    bool wants_initial_end; /* … and then a bookmark */

    bool is_expired; /* an ERROR is due */
    bool is_over;
};

/* ---- what is due ----------------------------------------------------------------------------- */

static bool matches(const struct api_watch *w, const struct api_version *v)
{
    return api_version_is_there(v) && api_selector_matches(w->selector, api_version_root(v));
}

/* What the change is for this watch; NULL: nothing. */
static const char *event_type(const struct api_watch *w, const struct api_version *v)
{
    const struct api_entry *e = v->entry;
    if (e->resource != w->resource || (w->ns[0] != '\0' && strcmp(e->ns, w->ns) != 0)) {
        return NULL;
    }
    bool was = matches(w, v->prev);
    bool is = matches(w, v);
    return is ? (was ? "MODIFIED" : "ADDED") : was ? "DELETED" : NULL;
}

static bool has_initial(const struct api_watch *w)
{
    return w->initial_next < w->initial_count || w->wants_initial_end;
}

static void seek(struct api_watch *w)
{
    uint64_t limit = api_cache_limit(w->api, w->server, w->resource);
    limit = limit > w->end ? w->end : limit;
    while (!w->is_over && !w->is_expired && !w->is_due && w->position < limit) {
        struct api_version *v = api_store_change(&w->api->store, w->position + 1);
        w->is_due = event_type(w, v) != NULL;
        if (w->is_due && w->skip > 0) {
            w->skip--;
            w->is_due = false;
        }
        w->position += !w->is_due;
    }
}

void api_watches_wake(struct api *a)
{
    for (struct api_watch *w = a->watches; w != NULL; w = w->next) {
        seek(w);
    }
}

/* What was not told is forgotten. */
static void expire(struct api_watch *w)
{
    w->is_expired = true;
    w->is_due = w->wants_initial_end = false;
    w->initial_count = w->initial_next = 0;
}

/* Every watch stands before an event that is due, or at its cache's end. */
void api_watches_compact(struct api *a)
{
    for (struct api_watch *w = a->watches; w != NULL; w = w->next) {
        if (!w->is_over && w->position < api_cache_floor(a, w->server, w->resource)) {
            expire(w);
        }
    }
}

void api_watches_thaw(struct api *a, unsigned server)
{
    for (struct api_watch *w = a->watches; w != NULL; w = w->next) {
        if (w->server == server && !w->is_over && w->position < a->store.compacted) {
            expire(w);
        }
        seek(w);
    }
}

static void end(struct api_watch *w)
{
    expire(w);
    w->is_expired = false;
    w->is_over = true;
}

void api_watches_end(struct api *a)
{
    for (struct api_watch *w = a->watches; w != NULL; w = w->next) {
        end(w);
    }
}

void api_watches_end_memcacheds(struct api *a)
{
    for (struct api_watch *w = a->watches; w != NULL; w = w->next) {
        seek(w);
        if (api_resources[w->resource].is_memcached) {
            w->end = api_revision(a);
        }
    }
}

/* ---- opening and closing --------------------------------------------------------------------- */

/* The objects that the cache has, if the watch begins with them. */
static void take_initial(struct api_watch *w)
{
    const struct api_keys *keys = &w->api->store.keys[w->resource];
    w->position = api_cache_limit(w->api, w->server, w->resource);
    w->initial = mem_alloc((keys->count + 1) * sizeof w->initial[0]);
    for (size_t i = 0; i < keys->count; i++) {
        struct api_version *v = api_version_at(keys->items[i]->newest, w->position);
        if (matches(w, v) && (w->ns[0] == '\0' || strcmp(w->ns, v->entry->ns) == 0)) {
            w->initial[w->initial_count++] = v;
        }
    }
}

/* Where it begins. False: answered. */
static bool start(struct api_call *c, struct api_watch *w)
{
    const struct api_query *q = &c->path.query;
    struct api *a = c->api;
    uint64_t wanted;
    if (!api_parse_revision(c, &wanted)) {
        return false;
    }
    bool is_list = a->options.watch_list && api_query_bool(q->send_initial_events);
    bool is_newest = !api_is_given(q->resource_version);
    uint64_t current = api_cache_current(a, c->server, c->resource);
    uint64_t at_least = is_newest ? api_revision(a) : wanted;
    if (is_list && at_least > current) {
        api_answer_too_new(c->answer, at_least, current);
        return false;
    }
    if (is_list || wanted == 0) {
        take_initial(w);
        w->wants_initial_end = is_list && w->wants_bookmarks;
        return true;
    }
    w->position = wanted;
    if (wanted < api_cache_floor(a, c->server, c->resource)) {
        expire(w);
    }
    return true;
}

static struct api_watch *watch_new(struct api_call *c)
{
    struct api *a = c->api;
    struct api_watch *w = mem_zalloc(sizeof *w);
    *w = (struct api_watch){
        .api = a,
        .next = a->watches,
        .link = &a->watches,
        .server = c->server,
        .resource = c->resource,
        .ns = mem_strdup(c->path.ns),
        .meta = c->accept == API_ACCEPT_META,
        .wants_bookmarks = api_query_bool(c->path.query.allow_watch_bookmarks),
        .end = UINT64_MAX,
    };
    if (a->watches != NULL) {
        a->watches->link = &w->next;
    }
    a->watches = w;
    return w;
}

static bool prepare(struct api_call *c, struct api_watch *w)
{
    const struct api_query *q = &c->path.query;
    int64_t timeout_s;
    if (!api_parse_int(c, q->timeout_seconds, &timeout_s) || !api_check_list_options(c)) {
        return false;
    }
    w->timeout_ms = timeout_s > 0 ? (uint64_t)timeout_s * 1000 : 0;
    return api_parse_selector(c, &w->selector) && start(c, w);
}

struct api_watch *api_watch_open(struct api *a, unsigned server, const struct api_request *request,
                                 struct api_answer *answer)
{
    struct api_watch *w = NULL;
    struct api_call c;
    if (api_call_init(&c, a, server, request, answer)) {
        w = watch_new(&c);
        if (prepare(&c, w)) {
            answer->http_status = 200;
            seek(w);
        } else {
            api_watch_close(w);
            w = NULL;
        }
    }
    api_call_fini(&c);
    return w;
}

void api_watch_close(struct api_watch *w)
{
    if (w == NULL) {
        return;
    }
    *w->link = w->next;
    if (w->next != NULL) {
        w->next->link = w->link;
    }
    api_selector_free(w->selector);
    mem_free(w->initial);
    mem_free(w->ns);
    mem_free(w);
}

/* ---- telling --------------------------------------------------------------------------------- */

static void append_event(struct buf *out, const char *type, struct api_version *v,
                         enum api_form form)
{
    size_t len;
    const char *text = api_version_text(v, form, &len);
    buf_append_text(out, "{\"type\":\"");
    buf_append_text(out, type);
    buf_append_text(out, "\",\"object\":");
    buf_append(out, text, len);
    buf_append(out, "}\n", 2);
}

static void append_error(struct buf *out, const struct api_status *status)
{
    buf_append_text(out, "{\"type\":\"ERROR\",\"object\":");
    api_status_append(out, status);
    buf_append_text(out, "}\n");
}

static const char *empty_rest(const char *kind)
{
    /* a bookmark is an object of its kind, as empty as the kind allows */
    if (strcmp(kind, "Deployment") == 0) {
        return ",\"spec\":{\"replicas\":0,\"selector\":null,\"template\":{\"metadata\":{"
               "\"creationTimestamp\":null},\"spec\":{\"containers\":null}},\"strategy\":{}},"
               "\"status\":{}";
    }
    if (strcmp(kind, "StatefulSet") == 0) {
        return ",\"spec\":{\"replicas\":0,\"selector\":null,\"template\":{\"metadata\":{"
               "\"creationTimestamp\":null},\"spec\":{\"containers\":null}},\"serviceName\":"
               "\"\",\"updateStrategy\":{}},\"status\":{\"replicas\":0}";
    }
    return strcmp(kind, "Pod") == 0 ? ",\"spec\":{\"containers\":null},\"status\":{}" : "";
}

static void append_bookmark(const struct api_watch *w, bool ends_initial, uint64_t revision,
                            struct buf *out)
{
    const struct api_resource *r = &api_resources[w->resource];
    buf_append_text(out, "{\"type\":\"BOOKMARK\",\"object\":{");
    if (w->meta) {
        buf_append_text(out,
                        "\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\"");
    } else {
        buf_printf(out, "\"kind\":\"%s\",\"apiVersion\":\"%s%s%s\"", r->kind, r->group,
                   r->group[0] != '\0' ? "/" : "", r->version);
    }
    buf_printf(out, ",\"metadata\":{\"resourceVersion\":\"%" PRIu64 "\"%s%s}%s}}\n", revision,
               w->meta || !r->is_custom ? ",\"creationTimestamp\":null" : "",
               ends_initial ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : "",
               w->meta ? "" : empty_rest(r->kind));
}

/* What a bookmark says: never more than a list from the same cache would. */
static uint64_t told(const struct api_watch *w)
{
    uint64_t current = api_cache_current(w->api, w->server, w->resource);
    return w->position < current ? w->position : current;
}

bool api_watch_has_event(const struct api_watch *w)
{
    return w->is_expired || has_initial(w) || w->is_due;
}

uint64_t api_watch_due_revision(const struct api_watch *w)
{
    return !w->is_expired && !has_initial(w) && w->is_due ? w->position + 1 : 0;
}

static void tell_expired(struct api_watch *w, struct buf *out)
{
    char message[128];
    snprintf(message, sizeof message, "too old resource version: %" PRIu64 " (%" PRIu64 ")",
             w->position, api_cache_floor(w->api, w->server, w->resource));
    append_error(out, &(struct api_status){.code = 410, .reason = "Expired", .message = message});
    end(w);
}

static void tell_change(struct api_watch *w, struct buf *out)
{
    struct api_version *v = api_store_change(&w->api->store, w->position + 1);
    const char *type = event_type(w, v);
    bool is_gone = strcmp(type, "DELETED") == 0;
    append_event(out, type, v,
                 is_gone ? (w->meta ? API_FORM_LAST_META : API_FORM_LAST)
                         : (w->meta ? API_FORM_META : API_FORM_WHOLE));
    w->position++;
    w->is_due = false;
    seek(w);
}

bool api_watch_next(struct api_watch *w, struct buf *out)
{
    if (w->is_expired) {
        tell_expired(w, out);
    } else if (w->initial_next < w->initial_count) {
        append_event(out, "ADDED", w->initial[w->initial_next++],
                     w->meta ? API_FORM_META : API_FORM_WHOLE);
    } else if (w->wants_initial_end) {
        w->wants_initial_end = false;
        append_bookmark(w, true, told(w), out);
    } else if (w->is_due) {
        tell_change(w, out);
    } else {
        return false;
    }
    return true;
}

bool api_watch_bookmark(struct api_watch *w, struct buf *out)
{
    bool is_ahead = w->position > api_cache_limit(w->api, w->server, w->resource);
    if (!w->wants_bookmarks || has_initial(w) || w->is_expired || w->is_over || is_ahead) {
        return false;
    }
    append_bookmark(w, false, told(w), out);
    return true;
}

void api_watch_error(struct api_watch *w, int code, const char *reason, struct buf *out)
{
    static const struct {
        const char *reason, *message;
    } WORDS[] = {
        {"Expired", "The resourceVersion for the provided watch is too old."},
        {"Gone", "The event in requested index is outdated and cleared"},
        {"InternalError", "Internal error occurred: etcd event received with PrevKv=nil"},
        {"ServerTimeout", "The POST operation against could not be completed at this time, please "
                          "try again."},
        {"ServiceUnavailable", "apiserver is shutting down"},
        {"Timeout", "Timeout: request did not complete within the allotted timeout"},
        {"TooManyRequests", "Too many requests, please try again later."},
    };
    struct api_status status = {
        .code = code, .reason = reason, .message = "an error on the server"};
    for (size_t i = 0; i < ARRAY_LEN(WORDS); i++) {
        if (reason != NULL && strcmp(WORDS[i].reason, reason) == 0) {
            status.message = WORDS[i].message;
        }
    }
    append_error(out, &status);
    end(w);
}

bool api_watch_is_over(const struct api_watch *w)
{
    return w->is_over || (w->end != UINT64_MAX && !api_watch_has_event(w));
}

uint64_t api_watch_timeout_ms(const struct api_watch *w)
{
    return w->timeout_ms;
}

void api_watch_skip(struct api_watch *w, unsigned count)
{
    w->skip += count;
    if (w->is_due && w->skip > 0) {
        w->is_due = false; /* to be judged again */
        seek(w);
    }
}

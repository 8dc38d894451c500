/*
 * Which request a reflector makes next: the table of states in docs/reflector.md.
 */
#include "base/mem.h"
#include "kube/name.h"
#include "kube/reflector_parts.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

enum {
    PATH_BYTES_MAX = 128 << 10, /* holds an escaped continue token and more */
    SELECTOR_BYTES = sizeof "metadata.name=" + NAME_BYTES_MAX,
};

/* The second choice is for servers that do not offer the first for this resource. */
#define MEDIA_META_OBJECT                                                                          \
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
#define MEDIA_META_LIST                                                                            \
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"

static void begin(struct reflector *r, struct now now, enum reflector_state state)
{
    r->state = state;
    r->started_ms = now.mono_ms;
    r->http_status = 0;
    r->retry_after_ms = -1;
    r->event_seen = false;
    if (state != REFLECTOR_WATCHING && r->next != REFLECTOR_NEXT_PAGE) {
        reflector_set_text(&r->known_rv, store_newest(r->store, r->scope));
    }
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
    if (r->spec.name != NULL) {
        char selector[SELECTOR_BYTES];
        snprintf(selector, sizeof selector, "metadata.name=%s", r->spec.name);
        path_append_query(path, "fieldSelector", selector);
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
    if (r->spec.name == NULL) {
        path_append_query(&path, "fieldSelector", "metadata.name=x");
    }
    path_append_query(&path, "resourceVersion", r->known_rv);
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

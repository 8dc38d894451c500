#include "sim/conformance_lane.h"

#include "base/mem.h"
#include "kube/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    END_MS = 20 * 1000, /* for the last events of watches; nothing is lost if they come */
    CACHE_TRIES_MAX = 2000,
};

/* ---- asking ---- */

/* Accounts are not of the model; pods are refused without this one. */
static void set_up(struct lane *lane)
{
    char path[128], body[256];
    const char *ns = lane->side->ns;
    if (lane->setup == 0) {
        snprintf(path, sizeof(path), "/api/v1/namespaces");
        snprintf(body, sizeof(body), "{\"metadata\":{\"name\":\"%s\"}}", ns);
    } else {
        snprintf(path, sizeof(path), "/api/v1/namespaces/%s/serviceaccounts", ns);
        snprintf(body, sizeof(body),
                 "{\"metadata\":{\"name\":\"default\"},\"automountServiceAccountToken\":false}");
    }
    real_launch(lane, PURPOSE_SETUP,
                &(struct request){
                    .method = HTTP_POST, .path = path, .content_type = MEDIA_JSON, .body = body});
}

static const struct operation *operation_of(const struct lane *lane)
{
    return &lane->side->sequence->operations[lane->at];
}

static void look(struct lane *lane, enum purpose purpose)
{
    char path[256];
    const struct resource_text *t = &resource_texts[operation_of(lane)->resource];
    snprintf(path, sizeof(path), "%s/namespaces/%s/%s%s", t->root, lane->side->ns, t->plural,
             purpose == PURPOSE_CACHE ? "?resourceVersion=0" : "");
    real_launch(lane, purpose, &(struct request){.method = HTTP_GET, .path = path});
}

static void ask(struct lane *lane)
{
    const struct operation *o = operation_of(lane);
    side_ask(lane->side, lane->at);
    const struct said *s = &lane->side->said[lane->at];
    struct flight *f =
        real_launch(lane, PURPOSE_ASK,
                    &(struct request){.method = o->method,
                                      .path = s->path,
                                      .accept = o->accept,
                                      .content_type = o->content_type,
                                      .body = s->body,
                                      .stream = o->is_watch,
                                      .timeout_ms = o->is_watch ? 10 * REQUEST_MS : 0});
    f->i = lane->at;
    f->is_watch = o->is_watch;
    mem_free(lane->truth);
    lane->truth = NULL;
    lane->in_step = false;
}

/* Other tests shall find no Memcached. */
static void clean_up(struct lane *lane)
{
    char path[256];
    snprintf(path, sizeof(path), "/apis/cache.example.com/v1alpha1/namespaces/%s/memcacheds",
             lane->side->ns);
    bool first = lane->cleaning == NOT_CLEANING;
    lane->cleaning = first ? DELETING : LOOKING;
    real_launch(lane, first ? PURPOSE_DELETE : PURPOSE_LEFT,
                &(struct request){.method = first ? HTTP_DELETE : HTTP_GET, .path = path});
}

/* ---- answers ---- */

/* Names and versions, in the order of names. */
static char *summary(const struct buf *body)
{
    struct buf text;
    buf_init(&text, BODY_BYTES_MAX);
    yyjson_doc *doc = json_parse(buf_text(body), body->len, NULL);
    yyjson_val *item;
    size_t i, count;
    yyjson_arr_foreach(yyjson_obj_get(yyjson_doc_get_root(doc), "items"), i, count, item)
    {
        const char *name = yyjson_get_str(json_at(item, "metadata", "name", NULL));
        const char *version = yyjson_get_str(json_at(item, "metadata", "resourceVersion", NULL));
        buf_printf(&text, "%s %s\n", name != NULL ? name : "", version != NULL ? version : "");
    }
    yyjson_doc_free(doc);
    return buf_take(&text);
}

/* The cache shows what the truth has, in whatever order: each line of one is in the other. */
static bool same_lines(const char *a, const char *b)
{
    if (strlen(a) != strlen(b)) {
        return false;
    }
    while (*a != '\0') {
        size_t len = strcspn(a, "\n") + 1;
        if (memmem(b, strlen(b), a, len) == NULL) {
            return false;
        }
        a += len;
    }
    return true;
}

/* Take the finalizers from what is left. */
static void release(struct lane *lane, const struct buf *list)
{
    char path[512];
    size_t i, count;
    yyjson_val *item;
    char release_all[] = "{\"metadata\":{\"finalizers\":null}}";
    yyjson_doc *doc = json_parse(buf_text(list), list->len, NULL);
    lane->cleaning = CLEAN;
    yyjson_arr_foreach(yyjson_obj_get(yyjson_doc_get_root(doc), "items"), i, count, item)
    {
        const char *name = yyjson_get_str(json_at(item, "metadata", "name", NULL));
        snprintf(path, sizeof(path), "/apis/cache.example.com/v1alpha1/namespaces/%s/memcacheds/%s",
                 lane->side->ns, name);
        real_launch(lane, PURPOSE_RELEASE,
                    &(struct request){.method = HTTP_PATCH,
                                      .path = path,
                                      .content_type = MEDIA_MERGE_PATCH,
                                      .body = release_all});
    }
    yyjson_doc_free(doc);
}

void lane_answered(struct lane *lane, const struct flight *f)
{
    switch (f->purpose) {
    case PURPOSE_SETUP:
        if (f->status != 201) {
            real_fail(lane->real, f, buf_text(&f->body));
        }
        lane->setup++;
        return;
    case PURPOSE_TRUTH:
        lane->truth = summary(&f->body);
        return;
    case PURPOSE_CACHE: {
        char *shown = summary(&f->body);
        bool same = same_lines(lane->truth, shown);
        mem_free(shown);
        if (!same && ++lane->tries > CACHE_TRIES_MAX) {
            real_fail(lane->real, f, "the cache never shows what there is");
        }
        lane->in_step = same;
        return;
    }
    case PURPOSE_ASK: {
        struct said *s = &lane->side->said[f->i];
        s->status = f->status;
        buf_append(&s->bytes, buf_text(&f->body), f->body.len);
        if (f->status / 100 != 2 || !f->is_watch) {
            side_learn(lane->side, f->i);
        }
        lane->at++;
        return;
    }
    case PURPOSE_LEFT:
        release(lane, &f->body);
        return;
    case PURPOSE_DELETE:
    case PURPOSE_RELEASE:
        return;
    }
}

/* ---- lanes ---- */

static void skip_what_is_off(struct lane *lane)
{
    while (lane->at < lane->side->sequence->count && operation_of(lane)->off) {
        lane->at++;
    }
}

/* It takes a moment, in which nothing else happens here. */
static void compact(struct lane *lane)
{
    if (system(lane->real->compact) != 0) { /* NOLINT: the command is this program's user's */
        error_set(&lane->real->failure, ERR_INVALID, "%s: failed", lane->real->compact);
    }
    lane->at++;
    lane->due = true;
    lane->real->stirred = true;
}

/* A cache that has something to show, and may not show it yet. Events have none. */
static bool may_lag(const struct lane *lane)
{
    const struct operation *o = operation_of(lane);
    return o->cached && o->resource != RESOURCE_EVENTS && lane->side->newest[o->resource] != 0;
}

static void next_operation(struct lane *lane)
{
    if (operation_of(lane)->compact) {
        compact(lane);
        return;
    }
    if (!may_lag(lane) || lane->in_step) {
        ask(lane);
    } else if (lane->truth == NULL) {
        look(lane, PURPOSE_TRUTH);
    } else {
        look(lane, PURPOSE_CACHE);
    }
}

static bool has_pods(const struct sequence *s)
{
    size_t i = 0;
    while (i < s->count && s->operations[i].resource != RESOURCE_PODS) {
        i++;
    }
    return i < s->count;
}

/* Its next request; true when it has run to its end. */
bool lane_go_on(struct lane *lane, uint64_t now_ms)
{
    lane->due = false;
    skip_what_is_off(lane);
    if (lane->setup == 0 || (lane->setup == 1 && has_pods(lane->side->sequence))) {
        set_up(lane);
        return false;
    }
    if (lane->at < lane->side->sequence->count) {
        next_operation(lane);
        return false;
    }
    if (lane->wait_until_ms == 0) {
        lane->wait_until_ms = now_ms + END_MS;
    }
    if (real_close_watches(lane, now_ms >= lane->wait_until_ms) > 0) {
        return false;
    }
    bool dirty = lane->side->newest[RESOURCE_MEMCACHEDS] != 0;
    if (lane->cleaning != CLEAN && dirty) {
        clean_up(lane);
        return false;
    }
    return true;
}

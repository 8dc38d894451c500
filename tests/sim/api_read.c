/*
 * GET of one object, and lists with paging:
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
 */
#include "sim/api_call.h"
#include "sim/api_token.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- one object ------------------------------------------------------------------------------ */

/* As of when it is to be read: the truth, or what the cache knows. */
static bool choose_revision(struct api_call *c, uint64_t *at)
{
    struct api *a = c->api;
    uint64_t wanted;
    *at = api_revision(a);
    if (!api_parse_revision(c, &wanted)) {
        return false;
    }
    if (!api_is_given(c->path.query.resource_version)) {
        return true;
    }
    uint64_t current = api_cache_current(a, c->server, c->resource);
    if (wanted > current) {
        api_answer_too_new(c->answer, wanted, current);
        return false;
    }
    *at = api_cache_limit(a, c->server, c->resource);
    return true;
}

void api_get_object(struct api_call *c)
{
    uint64_t at;
    if (c->accept == API_ACCEPT_META_LIST) {
        api_answer_status(c->answer, &(struct api_status){
                                         .code = 406,
                                         .reason = "NotAcceptable",
                                         .message = "you requested PartialObjectMetadataList, but "
                                                    "the requested object is not a list"});
        return;
    }
    if (!choose_revision(c, &at)) {
        return;
    }
    struct api_version *v =
        api_version_at(api_store_get(&c->api->store, c->resource, c->path.ns, c->path.name), at);
    if (api_version_is_there(v)) {
        api_answer_version(c, 200, v);
    } else {
        api_answer_missing(c);
    }
}

/* ---- lists ----------------------------------------------------------------------------------- */

/* What a list is to have, and what comes of it. */
struct listing {
    struct api_selector *selector;
    uint64_t at;      /* the state of this revision … */
    uint64_t current; /* … which the answer calls this */
    int64_t limit;    /* 0: none */
    char start[API_KEY_BYTES];
    char next[API_KEY_BYTES]; /* "" when this is all */
    uint64_t remaining;
};

static void answer_expired(struct api_call *c, const char *start)
{
    static const char CONTINUE[] =
        "The provided continue parameter is too old to display a consistent list result. You can "
        "start a new list without the continue parameter, or use the continue token in this "
        "response to retrieve the remainder of the results. Continuing with the provided token "
        "results in an inconsistent list - objects that were created, modified, or deleted between "
        "the time the first chunk was returned and now may show up in the list.";
    static const char VERSION[] = "The resourceVersion for the provided list is too old.";
    char text[API_TOKEN_BYTES];
    if (start != NULL) {
        struct api_token token = {.revision = 0};
        snprintf(token.start, sizeof token.start, "%s", start);
        api_token_write(&token, text);
    }
    api_answer_status(c->answer, &(struct api_status){
                                     .code = 410,
                                     .reason = "Expired",
                                     .message = start != NULL ? CONTINUE : VERSION,
                                     .continue_token = start != NULL ? text : NULL,
                                 });
}

/* A list that etcd itself has to answer, at exactly this revision. */
static bool list_at(struct api_call *c, struct listing *l, uint64_t revision, const char *start)
{
    l->at = l->current = revision;
    if (revision > api_revision(c->api)) {
        api_answer_status(
            c->answer, &(struct api_status){
                           .code = 500,
                           .message = "etcdserver: mvcc: required revision is a future revision"});
        return false;
    }
    if (revision < c->api->store.compacted) {
        answer_expired(c, start);
        return false;
    }
    return true;
}

/* A list that can have one item only: etcd is asked for that. It answers with its own revision,
 * even when asked for an older state, and knows no pages. */
static bool get_as_list(struct api_call *c, struct listing *l, uint64_t wanted, bool exact)
{
    uint64_t newest = api_revision(c->api);
    l->limit = 0;
    if (exact && wanted > 0 && wanted < c->api->store.compacted) {
        api_answer_status(
            c->answer,
            &(struct api_status){
                .code = 500, .message = "etcdserver: mvcc: required revision has been compacted"});
        return false;
    }
    if (!list_at(c, l, exact && wanted > 0 ? wanted : newest, NULL)) {
        return false;
    }
    l->current = newest;
    return true;
}

static bool continue_list(struct api_call *c, struct listing *l, uint64_t wanted)
{
    struct api_token token;
    if (!api_token_read(&token, c->path.query.continue_token, c->answer)) {
        return false;
    }
    snprintf(l->start, sizeof l->start, "%s", token.start);
    if (wanted > 0) {
        api_answer_bad_request(c->answer,
                               "specifying resource version is not allowed when using continue");
        return false;
    }
    return list_at(c, l, token.revision > 0 ? token.revision : api_revision(c->api), l->start);
}

/* Who answers, as of when: etcd or the cache. */
static bool choose_state(struct api_call *c, struct listing *l)
{
    const struct api_query *q = &c->path.query;
    struct api *a = c->api;
    uint64_t wanted;
    if (!api_parse_revision(c, &wanted)) {
        return false;
    }
    bool exact =
        q->resource_version_match != NULL && strcmp(q->resource_version_match, "Exact") == 0;
    if (api_is_given(q->continue_token)) {
        return continue_list(c, l, wanted);
    }
    if (!api_is_given(q->resource_version)) {
        l->limit = api_selector_name(l->selector) != NULL ? 0 : l->limit;
        return list_at(c, l, api_revision(a), NULL);
    }
    /* with a limit, a revision is meant exactly, unless said otherwise; the cache knows no pages */
    bool at_least = api_is_given(q->resource_version_match) && !exact;
    bool by_etcd = exact || l->limit > 0 || !api_has_cache(c->path.resource);
    if (api_selector_name(l->selector) != NULL && by_etcd && wanted > 0) {
        return get_as_list(c, l, wanted, exact);
    }
    if (exact || (wanted > 0 && l->limit > 0 && !at_least)) {
        return list_at(c, l, wanted, NULL);
    }
    l->at = api_cache_limit(a, c->server, c->resource);
    l->current = api_cache_current(a, c->server, c->resource);
    if (wanted > l->current) {
        api_answer_too_new(c->answer, wanted, l->current);
        return false;
    }
    if (wanted == 0 && api_has_cache(c->path.resource) && a->page_objects == 0) {
        l->limit = 0;
    }
    return true;
}

static bool prepare(struct api_call *c, struct listing *l)
{
    const struct api_query *q = &c->path.query;
    if (!api_parse_int(c, q->limit, &l->limit) || !api_check_list_options(c)) {
        return false;
    }
    if (l->limit < 0) {
        l->limit = 0;
    }
    return api_parse_selector(c, &l->selector) && choose_state(c, l);
}

static void append_items(struct api_call *c, struct listing *l, struct buf *items)
{
    const struct api_keys *keys = &c->api->store.keys[c->resource];
    enum api_form form = c->accept == API_ACCEPT_META_LIST ? API_FORM_META : API_FORM_ITEM;
    char prefix[API_KEY_BYTES] = "";
    if (c->path.ns[0] != '\0') {
        snprintf(prefix, sizeof prefix, "%s/", c->path.ns);
    }
    size_t prefix_len = strlen(prefix);
    bool continues = strcmp(l->start, prefix) > 0;
    int64_t sent = 0;
    unsigned seen = 0;
    unsigned seen_max = l->limit > 0 ? c->api->page_objects : 0;
    for (size_t i = api_keys_find(keys, continues ? l->start : prefix);
         i < keys->count && strncmp(keys->items[i]->key, prefix, prefix_len) == 0; i++) {
        const struct api_entry *e = keys->items[i];
        struct api_version *v = api_version_at(e->newest, l->at);
        if (!api_version_is_there(v) || (continues && strcmp(e->key, l->start) == 0)) {
            continue;
        }
        if ((l->limit > 0 && sent == l->limit) || (seen_max > 0 && seen == seen_max)) {
            l->remaining++;
            continue;
        }
        seen++;
        if (api_selector_matches(l->selector, api_version_root(v))) {
            size_t len;
            const char *text = api_version_text(v, form, &len);
            buf_append(items, ",", sent > 0 ? 1 : 0);
            buf_append(items, text, len);
            sent++;
        }
        snprintf(l->next, sizeof l->next, "%s", e->key);
    }
    if (l->remaining == 0) {
        l->next[0] = '\0';
    }
}

static void append_metadata(struct api_call *c, const struct listing *l)
{
    struct buf *body = &c->answer->body;
    const struct api_query *q = &c->path.query;
    buf_printf(body, "\"metadata\":{\"resourceVersion\":\"%" PRIu64 "\"", l->current);
    if (l->next[0] != '\0') {
        struct api_token token = {.revision = l->current};
        char text[API_TOKEN_BYTES];
        memcpy(token.start, l->next, sizeof token.start);
        api_token_write(&token, text);
        buf_printf(body, ",\"continue\":\"%s\"", text);
        if (c->accept == API_ACCEPT_WHOLE && !api_is_given(q->label_selector) &&
            !api_is_given(q->field_selector)) {
            buf_printf(body, ",\"remainingItemCount\":%" PRIu64, l->remaining);
        }
    } else if (c->path.resource->is_custom && c->accept == API_ACCEPT_WHOLE) {
        buf_append_text(body, ",\"continue\":\"\"");
    }
    buf_append_char(body, '}');
}

static void append_list(struct api_call *c, const struct listing *l, const struct buf *items)
{
    const struct api_resource *r = c->path.resource;
    struct buf *body = &c->answer->body;
    char type[256];
    snprintf(type, sizeof type, "\"apiVersion\":\"%s%s%s\"", r->group,
             r->group[0] != '\0' ? "/" : "", r->version);
    if (c->accept == API_ACCEPT_META_LIST) {
        buf_append_text(body, "{\"kind\":\"PartialObjectMetadataList\","
                              "\"apiVersion\":\"meta.k8s.io/v1\",");
        append_metadata(c, l);
        if (items->len > 0) {
            buf_append_text(body, ",\"items\":[");
            buf_append(body, items->data, items->len);
            buf_append_text(body, "]}\n");
        } else { /* so it is */
            buf_append_text(body, ",\"items\":null}\n");
        }
    } else if (r->is_custom) { /* sorted by key, as it is made from a map */
        buf_printf(body, "{%s,\"items\":[", type);
        buf_append(body, items->data, items->len);
        buf_printf(body, "],\"kind\":\"%sList\",", r->kind);
        append_metadata(c, l);
        buf_append_text(body, "}\n");
    } else {
        buf_printf(body, "{\"kind\":\"%sList\",%s,", r->kind, type);
        append_metadata(c, l);
        buf_append_text(body, ",\"items\":[");
        buf_append(body, items->data, items->len);
        buf_append_text(body, "]}\n");
    }
}

void api_list(struct api_call *c)
{
    CLEANUP(buf_fini) struct buf items;
    buf_init(&items, API_ANSWER_BYTES_MAX);
    struct listing l = {0};
    if (c->accept == API_ACCEPT_META) {
        api_answer_status(c->answer, &(struct api_status){
                                         .code = 406,
                                         .reason = "NotAcceptable",
                                         .message = "you requested PartialObjectMetadata, but the "
                                                    "requested object is a list"});
    } else if (prepare(c, &l)) {
        append_items(c, &l, &items);
        c->answer->http_status = 200;
        append_list(c, &l, &items);
    }
    api_selector_free(l.selector);
}

void api_limit_pages(struct api *a, unsigned objects)
{
    a->page_objects = objects;
}

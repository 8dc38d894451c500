/*
 * One request: what it addresses, how it is answered, what it writes.
 */
#include "sim/api_call.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void reset(struct api_answer *answer)
{
    answer->http_status = 0;
    answer->retry_after_ms = -1;
    answer->before = answer->after = NULL;
    answer->revision = 0;
    buf_reset(&answer->body, answer->body.cap);
}

static bool has(const char *text, size_t len, const char *what)
{
    return memmem(text, len, what, strlen(what)) != NULL;
}

/* The first of the media types that can be served. */
static enum api_accept parse_accept(const char *accept)
{
    for (const char *at = accept; at != NULL && *at != '\0';) {
        size_t len = strcspn(at, ",");
        bool is_json = has(at, len, "application/json") || has(at, len, "*/*") ||
                       has(at, len, "application/*");
        if (is_json && !has(at, len, "as=")) {
            return API_ACCEPT_WHOLE;
        }
        if (is_json && has(at, len, ";g=meta.k8s.io") && has(at, len, ";v=v1")) {
            if (has(at, len, ";as=PartialObjectMetadataList;")) {
                return API_ACCEPT_META_LIST;
            }
            if (has(at, len, ";as=PartialObjectMetadata;")) {
                return API_ACCEPT_META;
            }
        }
        at += len + (at[len] == ',');
    }
    return accept == NULL ? API_ACCEPT_WHOLE : API_ACCEPT_NOTHING;
}

/* A subresource that the resource does not have. */
static bool is_strange(const struct api_path *path)
{
    const char *sub = path->subresource;
    const struct api_resource *r = path->resource;
    return sub != NULL && !(strcmp(sub, "status") == 0 && r->has_status) &&
           !(strcmp(sub, "scale") == 0 && r->has_scale) &&
           !(strcmp(sub, "finalize") == 0 && strcmp(r->plural, "namespaces") == 0);
}

bool api_call_init(struct api_call *c, struct api *a, unsigned server,
                   const struct api_request *request, struct api_answer *answer)
{
    assert(server < API_SERVERS_MAX);
    *c = (struct api_call){.api = a, .server = server, .request = request, .answer = answer};
    reset(answer);
    api_path_parse(&c->path, request->path);
    c->accept = parse_accept(request->accept);
    const struct api_resource *resource = c->path.resource;
    if (c->path.kind == API_PATH_DISCOVERY) {
        api_discover(c);
    } else if (c->path.kind == API_PATH_UNKNOWN ||
               (resource != NULL && resource->is_memcached && !a->crd_served) ||
               (resource != NULL && resource->is_custom && c->path.kind != API_PATH_RESOURCE)) {
        api_answer_page_not_found(answer);
    } else if (c->path.kind == API_PATH_NO_RESOURCE) {
        api_answer_no_resource(answer);
    } else if (is_strange(&c->path) && !resource->is_custom) {
        api_answer_no_resource(answer);
    } else if (is_strange(&c->path)) {
        api_answer_not_found(answer, resource, c->path.name);
    } else if (c->accept == API_ACCEPT_NOTHING) {
        api_answer_status(answer, &(struct api_status){.code = 406,
                                                       .reason = "NotAcceptable",
                                                       .message = "406: Not Acceptable",
                                                       .empty_details = true});
    } else {
        c->resource = (unsigned)(resource - api_resources);
        return true;
    }
    return false;
}

void api_call_fini(struct api_call *c)
{
    api_path_fini(&c->path);
}

struct api_version *api_call_object(const struct api_call *c)
{
    struct api_version *v = api_store_get(&c->api->store, c->resource, c->path.ns, c->path.name);
    return api_version_is_there(v) ? v : NULL;
}

/* ---- answers --------------------------------------------------------------------------------- */

static bool is_scale(const struct api_call *c)
{
    return c->path.subresource != NULL && strcmp(c->path.subresource, "scale") == 0;
}

void api_answer_missing(struct api_call *c)
{
    struct api_resource named = *c->path.resource;
    char plural[64];
    /* the built-in ones' Scale has a store of its own, which does not hide its name */
    if (is_scale(c) && c->request->method == HTTP_GET && !named.is_custom) {
        snprintf(plural, sizeof plural, "%s/scale", named.plural);
        named.plural = plural;
    }
    api_answer_not_found(c->answer, &named, c->path.name);
}

static void append_text(struct api_call *c, int http_status, const char *text, size_t len)
{
    c->answer->http_status = http_status;
    buf_append(&c->answer->body, text, len);
    buf_append_char(&c->answer->body, '\n');
}

static void append_doc(struct api_call *c, int http_status, yyjson_mut_doc *doc)
{
    size_t len;
    char *text = yyjson_mut_write(doc, YYJSON_WRITE_NOFLAG, &len);
    append_text(c, http_status, text, len);
    free(text);
    yyjson_mut_doc_free(doc);
}

/* Of a custom resource whose replicas are not there, there is none. */
static void answer_scale(struct api_call *c, int http_status, yyjson_val *object)
{
    const char *missing = c->path.resource->is_memcached
                              ? "the spec replicas field \".spec.size\" does not exist"
                              : "the spec replicas field \".spec.replicas\" does not exist";
    const struct api_cause no_replicas = {NULL, missing, NULL};
    yyjson_mut_doc *scale = api_object_scale(c->path.resource, object);
    if (scale != NULL) {
        append_doc(c, http_status, scale);
        return;
    }
    char message[256];
    snprintf(message, sizeof message, "Internal error occurred: %s", missing);
    api_answer_status(c->answer, &(struct api_status){.code = 500,
                                                      .reason = "InternalError",
                                                      .message = message,
                                                      .causes = &no_replicas,
                                                      .cause_count = 1});
}

void api_answer_version(struct api_call *c, int http_status, struct api_version *v)
{
    if (is_scale(c)) {
        answer_scale(c, http_status, api_version_root(v));
        return;
    }
    size_t len;
    const char *text =
        api_version_text(v, c->accept == API_ACCEPT_META ? API_FORM_META : API_FORM_WHOLE, &len);
    append_text(c, http_status, text, len);
}

void api_answer_doc(struct api_call *c, int http_status, yyjson_mut_doc *doc)
{
    yyjson_doc *copy = yyjson_mut_doc_imut_copy(doc, NULL);
    yyjson_val *root = yyjson_doc_get_root(copy);
    if (is_scale(c)) {
        answer_scale(c, http_status, root);
    } else if (c->accept == API_ACCEPT_META) {
        append_doc(c, http_status, api_object_metadata(root));
    } else {
        append_doc(c, http_status, yyjson_doc_mut_copy(copy, NULL));
    }
    yyjson_doc_free(copy);
}

/* ---- storing --------------------------------------------------------------------------------- */

static void note(struct api_call *c, struct api_version *v)
{
    struct api_answer *answer = c->answer;
    bool first = answer->before == NULL && answer->after == NULL;
    if (first && api_version_is_there(v->prev)) {
        answer->before = api_version_text(v->prev, API_FORM_WHOLE, NULL);
    }
    answer->after = api_version_is_there(v) ? api_version_text(v, API_FORM_WHOLE, NULL) : NULL;
    answer->revision = v->revision;
    api_watches_wake(c->api);
}

struct api_version *api_commit(struct api_call *c, const char *name, yyjson_mut_doc *doc)
{
    struct api_version *v = api_store_put(&c->api->store, c->resource, c->path.ns, name, doc);
    note(c, v);
    return v;
}

struct api_version *api_commit_removal(struct api_call *c, struct api_version *newest)
{
    struct api_version *v = api_store_remove(&c->api->store, newest);
    note(c, v);
    return v;
}

/*
 * POST, PUT, PATCH: what is done to the object is api_object.h's; here is what goes before it
 * (is it there, may it be made, what kind of body is it) and after (storing, answering).
 */
#include "sim/api_call.h"

#include "base/mem.h"
#include "kube/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUFFIX_CHARS = 5, UID_BYTES = 37, MANAGER_BYTES = 129, MESSAGE_BYTES = 1024 };

/* ---- what goes before ------------------------------------------------------------------------ */

static const char *new_uid(struct api *a, char out[UID_BYTES])
{
    uint64_t high = random_next(&a->random);
    uint64_t low = random_next(&a->random);
    snprintf(out, UID_BYTES, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(high >> 32),
             (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xfff),
             (unsigned)(0x8000 | (low >> 48 & 0x3fff)),
             (unsigned long long)(low & 0xffffffffffffULL));
    return out;
}

static const char *new_suffix(struct api *a, char out[SUFFIX_CHARS + 1])
{
    static const char CHARS[] = "bcdfghjklmnpqrstvwxz2456789"; /* no vowels: no words */
    for (int i = 0; i < SUFFIX_CHARS; i++) {
        out[i] = CHARS[random_below(&a->random, sizeof CHARS - 1)];
    }
    out[SUFFIX_CHARS] = '\0';
    return out;
}

/* Of the query, or else the User-Agent up to its slash. */
static const char *manager_of(const struct api_call *c, char out[MANAGER_BYTES])
{
    const char *from = c->path.query.field_manager;
    size_t len;
    if (api_is_given(from)) {
        len = strlen(from);
    } else {
        from = c->request->agent != NULL ? c->request->agent : "unknown";
        len = strcspn(from, "/");
    }
    snprintf(out, MANAGER_BYTES, "%.*s", (int)(len < MANAGER_BYTES ? len : MANAGER_BYTES - 1),
             from);
    return out;
}

/* The body's type without parameters is this. */
static bool is_type(const struct api_request *request, const char *type)
{
    const char *given = request->content_type;
    return given != NULL && strcspn(given, "; ") == strlen(type) &&
           strncmp(given, type, strlen(type)) == 0;
}

static void answer_bad_type(struct api_call *c, const char *accepted)
{
    char message[256];
    snprintf(message, sizeof message,
             "the body of the request was in an unknown format - accepted media types include: %s",
             accepted);
    api_answer_status(
        c->answer,
        &(struct api_status){.code = 415, .reason = "UnsupportedMediaType", .message = message});
}

static yyjson_doc *parse_body(const struct api_call *c)
{
    return json_parse(c->request->body != NULL ? c->request->body : "", c->request->body_len, NULL);
}

yyjson_doc *api_parse_object(struct api_call *c)
{
    if (c->request->content_type != NULL && !is_type(c->request, MEDIA_JSON)) {
        answer_bad_type(c,
                        "application/json, application/yaml, application/vnd.kubernetes.protobuf");
        return NULL;
    }
    yyjson_doc *doc = parse_body(c);
    if (doc != NULL) {
        return doc; /* whether it is an object, and a good one, is decided later */
    }
    api_answer_bad_request(c->answer,
                           "the object provided is unrecognized (must be of type %s): couldn't get "
                           "version/kind; json parse error",
                           c->path.resource->kind);
    return NULL;
}

/* New things need a namespace that is there to stay. */
static bool check_namespace(struct api_call *c, const char *name)
{
    const struct api_resource *resource = c->path.resource;
    const struct api_resource *namespaces = api_resource_find("", "v1", "namespaces");
    if (!resource->namespaced) {
        return true;
    }
    struct api_version *v =
        api_store_get(&c->api->store, (unsigned)(namespaces - api_resources), "", c->path.ns);
    if (!api_version_is_there(v)) {
        api_answer_not_found(c->answer, namespaces, c->path.ns);
        return false;
    }
    yyjson_val *phase = json_at(api_version_root(v), "status", "phase", NULL);
    if (!yyjson_equals_str(phase, "Terminating")) {
        return true;
    }
    char message[MESSAGE_BYTES];
    char why[128];
    char text[128];
    snprintf(message, sizeof message,
             "%s \"%s\" is forbidden: unable to create new content in namespace %s because it is "
             "being terminated",
             api_resource_text(resource, text), name, c->path.ns);
    snprintf(why, sizeof why, "namespace %s is being terminated", c->path.ns);
    const struct api_cause cause = {"NamespaceTerminating", why, "metadata.namespace"};
    api_answer_status(c->answer, &(struct api_status){.code = 403,
                                                      .reason = "Forbidden",
                                                      .message = message,
                                                      .details = resource,
                                                      .name = name,
                                                      .causes = &cause,
                                                      .cause_count = 1});
    return false;
}

/* ---- creating -------------------------------------------------------------------------------- */

static const char *text_at(yyjson_val *value, const char *key)
{
    const char *text = yyjson_get_str(json_at(value, "metadata", key, NULL));
    return text != NULL ? text : "";
}

/* The object as it would be stored, or NULL and answered. */
static yyjson_mut_doc *change(struct api_call *c, enum api_verb verb, yyjson_val *body,
                              struct api_version *live, bool *unchanged)
{
    char uid[UID_BYTES];
    char suffix[SUFFIX_CHARS + 1];
    char manager[MANAGER_BYTES];
    const struct api_change_request request = {
        .resource = c->path.resource,
        .verb = verb,
        .subresource = c->path.subresource,
        .ns = c->path.ns,
        .name = c->path.name,
        .manager = manager_of(c, manager),
        .force = api_query_bool(c->path.query.force),
        .now_text = c->api->now_text,
        .new_uid = live == NULL ? new_uid(c->api, uid) : "",
        .suffix = live == NULL ? new_suffix(c->api, suffix) : "",
        .admit = c->api->admit,
        .admit_ctx = c->api->admit_ctx,
        .body = body,
    };
    struct api_refusal refusal = {0};
    *unchanged = false;
    yyjson_mut_doc *doc = api_object_change(&request, live != NULL ? api_version_root(live) : NULL,
                                            unchanged, &refusal);
    if (doc == NULL) {
        api_answer_refusal(c->answer, &refusal);
    }
    return doc;
}

static void answer_exists(struct api_call *c, const char *name, const struct api_version *old)
{
    bool is_going = json_at(api_version_root(old), "metadata", "deletionTimestamp", NULL) != NULL;
    char text[128];
    char message[MESSAGE_BYTES];
    snprintf(message, sizeof message, "%s%s \"%s\" already exists",
             is_going ? "object is being deleted: " : "", api_resource_text(c->path.resource, text),
             name);
    api_answer_status(c->answer, &(struct api_status){.code = 409,
                                                      .reason = "AlreadyExists",
                                                      .message = message,
                                                      .details = c->path.resource,
                                                      .name = name});
}

/* Put @doc where nothing is, and answer. */
static void store_new(struct api_call *c, yyjson_mut_doc *doc, bool dry_run)
{
    yyjson_mut_val *metadata = yyjson_mut_obj_get(yyjson_mut_doc_get_root(doc), "metadata");
    const char *name = yyjson_mut_get_str(yyjson_mut_obj_get(metadata, "name"));
    struct api_version *old = api_store_get(&c->api->store, c->resource, c->path.ns, name);
    if (api_version_is_there(old)) {
        answer_exists(c, name, old);
    } else if (dry_run) {
        api_answer_doc(c, 201, doc);
    } else {
        api_answer_version(c, 201, api_commit(c, name, doc));
    }
}

static void create_from(struct api_call *c, enum api_verb verb, yyjson_val *body, bool dry_run)
{
    bool unchanged;
    const char *name = c->path.name != NULL ? c->path.name : text_at(body, "name");
    if (!check_namespace(c, name[0] != '\0' ? name : text_at(body, "generateName"))) {
        return;
    }
    yyjson_mut_doc *doc = change(c, verb, body, NULL, &unchanged);
    if (doc != NULL) {
        store_new(c, doc, dry_run);
        yyjson_mut_doc_free(doc);
    }
}

void api_create(struct api_call *c)
{
    bool dry_run;
    if (!api_parse_dry_run(c, "CreateOptions", &dry_run)) {
        return;
    }
    yyjson_doc *body = api_parse_object(c);
    if (body != NULL) {
        create_from(c, API_CREATE, yyjson_doc_get_root(body), dry_run);
        yyjson_doc_free(body);
    }
}

/* ---- changing -------------------------------------------------------------------------------- */

static void change_live(struct api_call *c, enum api_verb verb, yyjson_val *body,
                        struct api_version *live, bool dry_run)
{
    bool unchanged;
    yyjson_mut_doc *doc = change(c, verb, body, live, &unchanged);
    if (doc == NULL) {
        return;
    }
    if (unchanged) {
        api_answer_version(c, 200, live);
    } else if (dry_run) {
        api_doc_set_revision(doc, live->revision);
        api_answer_doc(c, 200, doc);
    } else {
        api_commit_update(c, live, doc);
    }
    yyjson_mut_doc_free(doc);
}

/* Most of them are refused; but some kinds are created by this. */
static void update_missing(struct api_call *c, yyjson_val *body, bool dry_run)
{
    bool unchanged;
    yyjson_mut_doc *doc = change(c, API_UPDATE, body, NULL, &unchanged);
    if (doc != NULL && check_namespace(c, c->path.name)) {
        store_new(c, doc, dry_run);
    }
    yyjson_mut_doc_free(doc);
}

void api_update(struct api_call *c)
{
    bool dry_run;
    if (!api_parse_dry_run(c, "UpdateOptions", &dry_run)) {
        return;
    }
    yyjson_doc *body = api_parse_object(c);
    if (body == NULL) {
        return;
    }
    struct api_version *live = api_call_object(c);
    if (live != NULL) {
        change_live(c, API_UPDATE, yyjson_doc_get_root(body), live, dry_run);
    } else {
        update_missing(c, yyjson_doc_get_root(body), dry_run);
    }
    yyjson_doc_free(body);
}

/* False: answered. */
static bool choose_verb(struct api_call *c, enum api_verb *verb)
{
    if (is_type(c->request, MEDIA_MERGE_PATCH)) {
        *verb = API_MERGE_PATCH;
    } else if (is_type(c->request, MEDIA_APPLY_PATCH)) {
        *verb = API_APPLY;
    } else if (is_type(c->request, "application/json-patch+json")) {
        *verb = API_JSON_PATCH;
    } else if (c->path.resource->is_custom) {
        answer_bad_type(c, "application/json-patch+json, application/merge-patch+json, "
                           "application/apply-patch+yaml");
        return false;
    } else {
        api_answer_status(c->answer, &(struct api_status){.code = 415,
                                                          .reason = "UnsupportedMediaType",
                                                          .message = "415: Unsupported Media Type",
                                                          .empty_details = true});
        return false;
    }
    return true;
}

static bool check_patch_options(struct api_call *c, enum api_verb verb)
{
    static const struct api_cause NO_MANAGER = {
        "FieldValueRequired", "Required value: is required for apply patch", "fieldManager"};
    static const struct api_cause FORCED = {
        "FieldValueForbidden", "Forbidden: may not be specified for non-apply patch", "force"};
    const struct api_query *q = &c->path.query;
    const struct api_cause *wrong = NULL;
    if (verb == API_APPLY && !api_is_given(q->field_manager)) {
        wrong = &NO_MANAGER;
    } else if (verb != API_APPLY && q->force != NULL) {
        wrong = &FORCED;
    }
    if (wrong != NULL) {
        api_answer_bad_options(c->answer, "PatchOptions", wrong, 1);
    }
    return wrong == NULL;
}

/* The body is no JSON. */
static void answer_bad_patch(struct api_call *c, enum api_verb verb)
{
    if (verb == API_APPLY) {
        api_answer_bad_request(c->answer, "error decoding YAML: error converting YAML to JSON");
    } else if (verb == API_JSON_PATCH) {
        api_answer_bad_request(c->answer, "error decoding patch");
    } else {
        api_answer_status(c->answer,
                          &(struct api_status){.code = 500, .message = "Invalid JSON Patch"});
    }
}

/* YAML that is no JSON is not known here; but nothing at all, or null, is an object without
 * members. */
static yyjson_doc *parse_yaml(const struct api_call *c)
{
    yyjson_doc *doc = c->request->body_len > 0 ? parse_body(c) : json_parse("null", 4, NULL);
    if (!yyjson_is_null(yyjson_doc_get_root(doc))) {
        return doc;
    }
    yyjson_doc_free(doc);
    return json_parse("{}", 2, NULL);
}

void api_patch(struct api_call *c)
{
    enum api_verb verb;
    bool dry_run;
    if (!choose_verb(c, &verb) || !check_patch_options(c, verb) ||
        !api_parse_dry_run(c, "PatchOptions", &dry_run)) {
        return;
    }
    struct api_version *live = api_call_object(c);
    bool may_create = verb == API_APPLY && c->path.subresource == NULL;
    yyjson_doc *body = verb == API_APPLY ? parse_yaml(c) : parse_body(c);
    if (live == NULL && !may_create) {
        api_answer_missing(c);
    } else if (body == NULL) {
        answer_bad_patch(c, verb);
    } else if (live == NULL) {
        create_from(c, verb, yyjson_doc_get_root(body), dry_run);
    } else {
        change_live(c, verb, yyjson_doc_get_root(body), live, dry_run);
    }
    yyjson_doc_free(body);
}

/*
 * One write, step by step as k8s.io/apiserver does it: the body or the patched object is decoded
 * and defaulted; ownership of fields is worked out; only then comes what the resource's strategy
 * takes back (status, spec), so that fields can be owned that were not changed; then validation.
 */
#include "sim/api_object.h"

#include "sim/api_change.h"
#include "sim/api_defaults.h"
#include "sim/api_merge.h"
#include "sim/api_validate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DOC_VALUES_USUAL = 2048, /* what one write of a Deployment needs: no second allocation */
    DOC_TEXT_USUAL = 16 << 10,
    GENERATED_BASE_MAX = 58,
};

/* ---- Ownership ---- */

/* What a typed server holds before anything is set; of a custom resource next to nothing. */
static yyjson_mut_val *zero_object(struct change *c)
{
    char unused[8];
    yyjson_mut_val *zero = yyjson_mut_obj(c->doc);
    yyjson_mut_obj_add_strcpy(c->doc, zero, "apiVersion", c->api_version);
    yyjson_mut_obj_add_str(c->doc, zero, "kind", c->r->resource->kind);
    schema_decode(c->doc, c->type, zero, c->r->resource->is_custom, unused, sizeof unused);
    return zero;
}

static struct managed_writer writer_of(const struct change *c, const char *manager)
{
    return (struct managed_writer){.type = c->type,
                                   .api_version = c->api_version,
                                   .manager = manager,
                                   .now_text = c->r->now_text,
                                   .force = c->r->force};
}

/* What is worked with is a copy: the live list is compared with the outcome in the end. */
static void read_live_managed(struct change *c, struct managed *m)
{
    managed_read(m, c->doc,
                 c->live_managed == NULL ? NULL : yyjson_mut_val_mut_copy(c->doc, c->live_managed));
}

/* The client's list of owners, if it is one. One empty entry forgets them all; so does an empty
 * list of a typed object, which in a custom resource is as good as none. */
static void read_managed(struct change *c, struct managed *m, yyjson_mut_val *given)
{
    size_t count = yyjson_mut_arr_size(given);
    bool empty = yyjson_mut_is_arr(given) && count == 0 && !c->r->resource->is_custom;
    if (empty || (count == 1 && yyjson_mut_obj_size(yyjson_mut_arr_get_first(given)) == 0)) {
        m->doc = c->doc;
        return;
    }
    if (!managed_read(m, c->doc, given) || m->count == 0) {
        read_live_managed(c, m);
    }
}

/* An update of an object whose owners nobody tracks is not tracked either. */
static void own_update(struct change *c, yyjson_mut_val *object)
{
    struct managed m = {0};
    yyjson_mut_val *metadata = yyjson_mut_obj_get(object, "metadata");
    read_managed(c, &m, yyjson_mut_obj_remove_key(metadata, "managedFields"));
    if (c->live == NULL || m.count > 0) {
        struct managed_writer w = writer_of(c, c->r->manager);
        if (!managed_update(&m, &w, c->live == NULL ? zero_object(c) : c->live, object)) {
            m.count = 0;
        }
    }
    managed_write(&m, object);
    managed_fini(&m);
}

/* ---- Preconditions ---- */

static bool parse_version(struct change *c, const char *text, uint64_t *version)
{
    char *end;
    *version = text[0] == '\0' ? 0 : strtoull(text, &end, 10);
    if (text[0] != '\0' && (*end != '\0' || strspn(text, "0123456789") != strlen(text))) {
        refuse(c->refusal, 500, NULL, "strconv.ParseUint: parsing \"%s\": invalid syntax", text);
        return false;
    }
    return true;
}

static bool is_kind(const struct change *c, const char *kind)
{
    return strcmp(c->r->resource->kind, kind) == 0;
}

static bool must_say_version(const struct change *c)
{
    return c->r->resource->is_custom || is_kind(c, "Lease");
}

static bool may_create_by_update(const struct change *c)
{
    return is_kind(c, "Lease") || is_kind(c, "Event");
}

static bool check_version(struct change *c, yyjson_mut_val *object)
{
    const char *live = change_text(yyjson_mut_obj_get(c->live, "metadata"), "resourceVersion");
    uint64_t wanted;
    if (!parse_version(c, change_text(yyjson_mut_obj_get(object, "metadata"), "resourceVersion"),
                       &wanted)) {
        return false;
    }
    if (wanted == 0 && must_say_version(c)) {
        struct field_errors e;
        field_errors_init(&e);
        field_invalid(&e, "metadata.resourceVersion", "0x0", "must be specified for an update");
        refuse_invalid(c->refusal, c->r->resource->group, c->r->resource->plural, c->r->name, &e);
        field_errors_fini(&e);
        return false;
    }
    if (wanted != 0 && wanted != strtoull(live, NULL, 10)) {
        refuse_conflict(c->refusal, c->r->resource, "", c->r->name,
                        "the object has been modified; please apply your changes to the latest "
                        "version and try again");
        return false;
    }
    return true;
}

bool change_check_uid(struct change *c, yyjson_mut_val *object)
{
    const char *wanted = change_text(yyjson_mut_obj_get(object, "metadata"), "uid");
    const char *live = change_text(yyjson_mut_obj_get(c->live, "metadata"), "uid");
    if (wanted[0] == '\0' || strcmp(wanted, live) == 0) {
        return true;
    }
    char group[64] = "";
    if (c->r->resource->is_custom) {
        snprintf(group, sizeof group, "%s/", c->r->resource->group);
    }
    refuse_conflict(c->refusal, c->r->resource, "", c->r->name,
                    "StorageError: invalid object, Code: 4, Key: /registry/%s%s/%s%s%s, "
                    "ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in "
                    "precondition: %s, UID in object meta: %s",
                    group, c->r->resource->plural, c->r->ns == NULL ? "" : c->r->ns,
                    c->r->ns == NULL ? "" : "/", c->r->name, wanted, live);
    return false;
}

/* ---- The last steps of all writes ---- */

static void put_text(struct change *c, yyjson_mut_val *metadata, const char *key, const char *text)
{
    yyjson_mut_obj_remove_key(metadata, key);
    yyjson_mut_obj_add_strcpy(c->doc, metadata, key, text);
}

static bool check_namespace(struct change *c, yyjson_mut_val *metadata)
{
    if (!c->r->resource->namespaced) {
        yyjson_mut_obj_remove_key(metadata, "namespace");
        return true;
    }
    const char *ns = c->r->ns == NULL ? "" : c->r->ns, *given = change_text(metadata, "namespace");
    if (given[0] == '\0') {
        put_text(c, metadata, "namespace", ns);
        return true;
    }
    return strcmp(given, ns) == 0 ||
           refuse(c->refusal, 400, "BadRequest",
                  "the namespace of the provided object does not match the namespace sent on the "
                  "request");
}

/* A custom resource of another kind is not looked at any further. */
static bool check_type(struct change *c, yyjson_mut_val *object, struct field_errors *e)
{
    const char *kind = change_text(object, "kind"), *version = change_text(object, "apiVersion");
    if (strcmp(kind, c->r->resource->kind) != 0) {
        field_invalid_text(e, "kind", kind, "must be %s", c->r->resource->kind);
    }
    if (strcmp(version, c->api_version) != 0) {
        field_invalid_text(e, "apiVersion", version, "must be %s", c->api_version);
    }
    return e->count == 0;
}

static bool validate(struct change *c, yyjson_mut_val *object, const char *subresource,
                     yyjson_mut_val *live)
{
    struct field_errors e;
    field_errors_init(&e);
    if (check_type(c, object, &e)) {
        validate_object(&e, c->r->resource, subresource, object, live);
    }
    bool good = e.count == 0;
    if (!good) {
        char group[64];
        const char *version = change_text(object, "apiVersion"), *slash = strchr(version, '/');
        snprintf(group, sizeof group, "%.*s", slash == NULL ? 0 : (int)(slash - version), version);
        refuse_invalid(c->refusal, is_kind(c, "Event") ? "" : group, change_text(object, "kind"),
                       change_text(yyjson_mut_obj_get(object, "metadata"), "name"), &e);
    }
    field_errors_fini(&e);
    return good;
}

/* Not stored. */
static void strip_metadata(yyjson_mut_val *metadata)
{
    yyjson_mut_obj_remove_key(metadata, "resourceVersion");
    yyjson_mut_obj_remove_key(metadata, "selfLink");
    yyjson_mut_obj_remove_key(metadata, "clusterName");
}

bool change_finish_update(struct change *c, yyjson_mut_val *object, const char *subresource)
{
    static const char *const KEPT[] = {"creationTimestamp", "deletionTimestamp",
                                       "deletionGracePeriodSeconds"};
    yyjson_mut_val *live = yyjson_mut_obj_get(c->live, "metadata");
    if (!check_version(c, object) || !check_namespace(c, change_metadata(c, object))) {
        return false;
    }
    defaults_prepare_update(c->doc, c->r->resource, subresource, object, c->live);
    yyjson_mut_val *metadata = change_metadata(c, object);
    if (change_text(metadata, "uid")[0] == '\0') {
        put_text(c, metadata, "uid", change_text(live, "uid"));
    }
    for (size_t i = 0; i < sizeof KEPT / sizeof KEPT[0]; i++) {
        yyjson_mut_val *kept = yyjson_mut_obj_get(live, KEPT[i]);
        bool grace = i == 2 && yyjson_mut_obj_get(metadata, KEPT[i]) != NULL;
        if (kept != NULL && !grace) {
            defaults_put(c->doc, metadata, KEPT[i], kept);
        }
    }
    if (!validate(c, object, subresource, c->live)) {
        return false;
    }
    strip_metadata(metadata);
    return true;
}

static void generate_name(struct change *c, yyjson_mut_val *metadata)
{
    const char *base = change_text(metadata, "generateName");
    if (base[0] != '\0' && change_text(metadata, "name")[0] == '\0') {
        char name[GENERATED_BASE_MAX + 16];
        snprintf(name, sizeof name, "%.*s%.5s", GENERATED_BASE_MAX, base,
                 c->r->suffix == NULL ? "" : c->r->suffix);
        put_text(c, metadata, "name", name);
    }
}

static bool finish_create(struct change *c, yyjson_mut_val *object)
{
    yyjson_mut_val *metadata = change_metadata(c, object);
    if (!check_namespace(c, metadata)) {
        return false;
    }
    yyjson_mut_obj_remove_key(metadata, "deletionTimestamp");
    yyjson_mut_obj_remove_key(metadata, "deletionGracePeriodSeconds");
    defaults_prepare_create(c->doc, c->r->resource, object);
    put_text(c, metadata, "creationTimestamp", c->r->now_text);
    put_text(c, metadata, "uid", c->r->new_uid);
    generate_name(c, metadata);
    if (!validate(c, object, NULL, NULL)) {
        return false;
    }
    uint64_t version;
    if (!parse_version(c, change_text(metadata, "resourceVersion"), &version)) {
        return false;
    }
    if (c->r->verb == API_CREATE && version != 0) {
        return refuse(c->refusal, 500, NULL,
                      "resourceVersion should not be set on objects to be created");
    }
    strip_metadata(metadata);
    return true;
}

/* ---- The verbs ---- */

static yyjson_mut_val *create(struct change *c, yyjson_val *live)
{
    yyjson_mut_val *object = change_decode_body(c);
    if (object == NULL) {
        return NULL;
    }
    c->live = NULL; /* whoever has the name matters only in the end */
    own_update(c, object);
    if (!finish_create(c, object)) {
        return NULL;
    }
    if (live != NULL) {
        yyjson_val *metadata = yyjson_obj_get(live, "metadata");
        return refuse_exists(c->refusal, c->r->resource,
                             yyjson_get_str(yyjson_obj_get(metadata, "name")),
                             yyjson_obj_get(metadata, "deletionTimestamp") != NULL);
    }
    return object;
}

static yyjson_mut_val *finish(struct change *c, yyjson_mut_val *object)
{
    bool good = c->live == NULL ? finish_create(c, object)
                                : change_finish_update(c, object, c->r->subresource);
    return good ? object : NULL;
}

static yyjson_mut_val *update(struct change *c)
{
    yyjson_mut_val *object = change_decode_body(c);
    if (object == NULL || !change_check_name(c, object) || !change_check_uid(c, object)) {
        return NULL;
    }
    if (c->live == NULL && (!may_create_by_update(c) || c->r->subresource != NULL)) {
        return refuse_not_found(c->refusal, c->r->resource, c->r->name);
    }
    own_update(c, object);
    return finish(c, object);
}

/* The live object as clients see it, which a patch then changes. */
static yyjson_mut_val *patchable(struct change *c)
{
    yyjson_mut_val *object = yyjson_mut_val_mut_copy(c->doc, c->live);
    if (c->live_managed != NULL) {
        yyjson_mut_obj_add_val(c->doc, change_metadata(c, object), "managedFields",
                               yyjson_mut_val_mut_copy(c->doc, c->live_managed));
    }
    return object;
}

static yyjson_mut_val *apply_patch(struct change *c)
{
    if (c->r->verb == API_MERGE_PATCH) {
        if (!yyjson_is_ctn(c->r->body)) {
            return refuse(c->refusal, 500, NULL, "Invalid JSON Patch");
        }
        return merge_patch(c->doc, patchable(c), c->r->body);
    }
    if (!yyjson_is_arr(c->r->body)) {
        return refuse(c->refusal, 400, "BadRequest",
                      "json: cannot unmarshal object into Go value of type jsonpatch.Patch");
    }
    yyjson_patch_err error;
    yyjson_mut_val *body = yyjson_val_mut_copy(c->doc, c->r->body);
    yyjson_mut_val *object =
        yyjson_mut_patch(c->doc, body == NULL ? NULL : patchable(c), body, &error);
    if (object == NULL) {
        return refuse(c->refusal, 422, "", "%s", error.msg);
    }
    return object;
}

static yyjson_mut_val *patch(struct change *c)
{
    if (c->live == NULL) {
        return refuse_not_found(c->refusal, c->r->resource, c->r->name);
    }
    yyjson_mut_val *object = apply_patch(c);
    if (object == NULL || !change_decode_patched(c, object)) {
        return NULL;
    }
    own_update(c, object);
    return change_check_name(c, object) ? finish(c, object) : NULL;
}

/* Is the body something that can be applied to this resource? */
static yyjson_mut_val *read_config(struct change *c)
{
    char error[512];
    if (!yyjson_is_obj(c->r->body)) {
        return refuse(c->refusal, 400, "BadRequest",
                      "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: "
                      "cannot unmarshal %s into Go value of type map[string]interface {}",
                      yyjson_is_arr(c->r->body) ? "array" : yyjson_get_type_desc(c->r->body));
    }
    yyjson_mut_val *config = yyjson_val_mut_copy(c->doc, c->r->body);
    const char *version = change_text(config, "apiVersion"), *kind = change_text(config, "kind");
    if (strcmp(version, c->api_version) != 0) {
        return refuse(c->refusal, 400, "BadRequest",
                      "Incorrect version specified in apply patch. Specified patch version: %s, "
                      "expected: %s",
                      version, c->api_version);
    }
    yyjson_mut_val *managed =
        yyjson_mut_obj_get(yyjson_mut_obj_get(config, "metadata"), "managedFields");
    if (managed != NULL && !yyjson_mut_is_null(managed)) {
        return refuse(c->refusal, 400, "BadRequest", "metadata.managedFields must be nil");
    }
    if (strcmp(kind, c->r->resource->kind) != 0) {
        return refuse(c->refusal, 500, NULL,
                      "failed to create typed patch object: no corresponding type for %s, Kind=%s",
                      version, kind);
    }
    if (!schema_check(c->type, config, error, sizeof error)) {
        return refuse(c->refusal, 500, NULL, "failed to create typed patch object: %s", error);
    }
    return config;
}

static yyjson_mut_val *own_apply(struct change *c, yyjson_mut_val *config)
{
    struct managed m = {0};
    yyjson_mut_val *live = c->live == NULL ? zero_object(c) : c->live;
    read_live_managed(c, &m);
    if (m.count == 0 && c->live != NULL) {
        struct managed_writer before = writer_of(c, "before-first-apply");
        managed_update(&m, &before, zero_object(c), live);
    }
    struct managed_writer w = writer_of(c, c->r->manager);
    yyjson_mut_val *object = managed_apply(&m, &w, live, config, c->refusal);
    if (object == live) {
        object = yyjson_mut_val_mut_copy(c->doc, live);
    }
    if (object != NULL && change_decode_applied(c, object)) {
        managed_write(&m, object);
    } else {
        object = NULL;
    }
    managed_fini(&m);
    return object;
}

static yyjson_mut_val *apply(struct change *c)
{
    if (c->live == NULL && c->r->subresource != NULL) {
        return refuse_not_found(c->refusal, c->r->resource, c->r->name);
    }
    yyjson_mut_val *config = read_config(c);
    yyjson_mut_val *object = config == NULL ? NULL : own_apply(c, config);
    if (object == NULL) {
        return NULL;
    }
    const char *uid = change_text(yyjson_mut_obj_get(object, "metadata"), "uid");
    if (c->live == NULL && uid[0] != '\0') {
        return refuse_conflict(c->refusal, c->r->resource, "", c->r->name,
                               "uid mismatch: the provided object specified uid %s, and no "
                               "existing object was found",
                               uid);
    }
    return change_check_name(c, object) ? finish(c, object) : NULL;
}

/* ---- */

static bool is_unchanged(struct change *c, yyjson_mut_val *object)
{
    yyjson_mut_val *metadata = yyjson_mut_obj_get(object, "metadata");
    yyjson_mut_val *live = yyjson_mut_obj_get(c->live, "metadata");
    yyjson_mut_val *managed = yyjson_mut_obj_remove_key(metadata, "managedFields");
    strip_metadata(live);
    bool same = (managed == NULL || c->live_managed == NULL
                     ? managed == c->live_managed
                     : yyjson_mut_equals(managed, c->live_managed)) &&
                yyjson_mut_equals(object, c->live);
    if (managed != NULL) {
        yyjson_mut_obj_add_val(c->doc, metadata, "managedFields", managed);
    }
    return same;
}

static yyjson_mut_val *change(struct change *c, yyjson_val *live)
{
    if (c->r->subresource != NULL && strcmp(c->r->subresource, "scale") == 0) {
        return change_scale(c);
    }
    switch (c->r->verb) {
    case API_CREATE:
        return create(c, live);
    case API_UPDATE:
        return update(c);
    case API_APPLY:
        return apply(c);
    default:
        return patch(c);
    }
}

yyjson_mut_doc *api_object_change(const struct api_change_request *request, yyjson_val *live,
                                  bool *unchanged, struct api_refusal *refusal)
{
    struct change c = {.r = request, .type = schema_of(request->resource), .refusal = refusal};
    const char *group = request->resource->group;
    snprintf(c.api_version, sizeof c.api_version, "%s%s%s", group, group[0] != '\0' ? "/" : "",
             request->resource->version);
    c.doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_doc_set_val_pool_size(c.doc, DOC_VALUES_USUAL);
    yyjson_mut_doc_set_str_pool_size(c.doc, DOC_TEXT_USUAL);
    if (live != NULL && request->verb != API_CREATE) {
        c.live = yyjson_val_mut_copy(c.doc, live);
        c.live_managed =
            yyjson_mut_obj_remove_key(yyjson_mut_obj_get(c.live, "metadata"), "managedFields");
    }
    yyjson_mut_val *object = change(&c, live);
    if (object == NULL) {
        yyjson_mut_doc_free(c.doc);
        return NULL;
    }
    *unchanged = c.live != NULL && is_unchanged(&c, object);
    yyjson_mut_doc_set_root(c.doc, object);
    return c.doc;
}

yyjson_mut_doc *api_object_metadata(yyjson_val *live)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_str(doc, root, "kind", "PartialObjectMetadata");
    yyjson_mut_obj_add_str(doc, root, "apiVersion", "meta.k8s.io/v1");
    yyjson_mut_obj_add_val(doc, root, "metadata",
                           yyjson_val_mut_copy(doc, yyjson_obj_get(live, "metadata")));
    return doc;
}

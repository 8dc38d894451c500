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
 * list of a typed object, which in a custom resource is as good as none. With a status nobody is
 * asked. */
static void read_managed(struct change *c, struct managed *m, yyjson_mut_val *given)
{
    if (c->r->subresource != NULL) {
        read_live_managed(c, m);
        return;
    }
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

/* Of a custom resource, fields can be of another type than the schema says, as validation comes
 * later. */
static bool is_typed(struct change *c, yyjson_mut_val *object)
{
    char error[512];
    return !c->r->resource->is_custom || schema_check(c->type, object, error, sizeof error);
}

/* An update of an object whose owners nobody tracks is not tracked either. */
static void own_update(struct change *c, yyjson_mut_val *object)
{
    struct managed m = {0};
    yyjson_mut_val *metadata = yyjson_mut_obj_get(object, "metadata");
    read_managed(c, &m, yyjson_mut_obj_remove_key(metadata, "managedFields"));
    if (c->live == NULL || m.count > 0) {
        struct managed_writer w = writer_of(c, c->r->manager);
        yyjson_mut_val *before = c->live == NULL ? zero_object(c) : c->live;
        if (!is_typed(c, object) || !managed_update(&m, &w, before, object)) {
            m.count = 0;
        }
    }
    managed_write(&m, object);
    managed_fini(&m);
}

/* ---- The verbs ---- */

static void admit(const struct change *c, yyjson_mut_val *object)
{
    if (c->r->admit != NULL) {
        c->r->admit(c->r->admit_ctx, c->r->resource->plural, c->r->subresource, c->doc, object);
    }
}

static bool may_create_by_update(const struct change *c)
{
    return strcmp(c->r->resource->kind, "Lease") == 0 || strcmp(c->r->resource->kind, "Event") == 0;
}

static yyjson_mut_val *create(struct change *c, yyjson_val *live)
{
    yyjson_mut_val *object = change_decode_body(c);
    if (object == NULL) {
        return NULL;
    }
    c->live = NULL; /* whoever has the name matters only in the end */
    own_update(c, object);
    admit(c, object);
    if (!change_finish_create(c, object)) {
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
    admit(c, object);
    bool good = c->live == NULL ? change_finish_create(c, object)
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
    yyjson_mut_obj_remove_key(live, "resourceVersion");
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
    *unchanged = c.live != NULL && !c.rewrites && is_unchanged(&c, object);
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

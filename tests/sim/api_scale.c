/*
 * The scale subresource (autoscaling/v1), of Deployments, ReplicaSets, StatefulSets and custom
 * resources. In 1.20 it does not touch who owns spec.replicas.
 */
#include "sim/api_change.h"
#include "sim/api_defaults.h"
#include "sim/api_merge.h"
#include "sim/api_validate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *replicas_key(const struct api_resource *resource)
{
    return resource->is_memcached ? "size" : "replicas";
}

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

enum { REQUIREMENTS_MAX = 64, REQUIREMENT_BYTES = 512 };

/* `key=value`, `key in (a,b)`, `key`, `!key` */
static void print_requirement(yyjson_mut_val *r, char out[REQUIREMENT_BYTES])
{
    const char *key = change_text(r, "key"), *op = change_text(r, "operator");
    if (strcmp(op, "Exists") == 0 || strcmp(op, "DoesNotExist") == 0) {
        snprintf(out, REQUIREMENT_BYTES, "%s%s", op[0] == 'D' ? "!" : "", key);
        return;
    }
    size_t i, max;
    size_t len = (size_t)snprintf(out, REQUIREMENT_BYTES, "%s %s (", key,
                                  strcmp(op, "In") == 0 ? "in" : "notin");
    yyjson_mut_val *v;
    yyjson_mut_arr_foreach(yyjson_mut_obj_get(r, "values"), i, max, v)
    {
        if (len < REQUIREMENT_BYTES) {
            len += (size_t)snprintf(out + len, REQUIREMENT_BYTES - len, "%s%s", i > 0 ? "," : "",
                                    yyjson_mut_get_str(v));
        }
    }
    if (len < REQUIREMENT_BYTES) {
        snprintf(out + len, REQUIREMENT_BYTES - len, ")");
    }
}

/* A LabelSelector as the query language has it, sorted by key. */
static yyjson_mut_val *selector_text(yyjson_mut_doc *doc, yyjson_mut_val *selector)
{
    char parts[REQUIREMENTS_MAX][REQUIREMENT_BYTES];
    const char *sorted[REQUIREMENTS_MAX];
    size_t count = 0, i, max;
    yyjson_mut_val *key, *v;
    yyjson_mut_obj_foreach(yyjson_mut_obj_get(selector, "matchLabels"), i, max, key, v)
    {
        if (count < REQUIREMENTS_MAX) {
            snprintf(parts[count++], REQUIREMENT_BYTES, "%s=%s", yyjson_mut_get_str(key),
                     yyjson_mut_get_str(v));
        }
    }
    yyjson_mut_arr_foreach(yyjson_mut_obj_get(selector, "matchExpressions"), i, max, v)
    {
        if (count < REQUIREMENTS_MAX) {
            print_requirement(v, parts[count++]);
        }
    }
    struct buf text;
    buf_init(&text, REQUIREMENTS_MAX * REQUIREMENT_BYTES);
    for (i = 0; i < count; i++) {
        sorted[i] = parts[i];
    }
    qsort(sorted, count, sizeof sorted[0], compare_text);
    for (i = 0; i < count; i++) {
        buf_printf(&text, "%s%s", i > 0 ? "," : "", sorted[i]);
    }
    yyjson_mut_val *out = yyjson_mut_strcpy(doc, buf_text(&text));
    buf_fini(&text);
    return out;
}

static void copy_metadata(yyjson_mut_doc *doc, yyjson_mut_val *scale, yyjson_mut_val *live)
{
    static const char *const KEYS[] = {"name", "namespace", "uid", "resourceVersion",
                                       "creationTimestamp"};
    yyjson_mut_val *metadata = yyjson_mut_obj_add_obj(doc, scale, "metadata");
    for (size_t i = 0; i < sizeof KEYS / sizeof KEYS[0]; i++) {
        defaults_put(doc, metadata, KEYS[i],
                     yyjson_mut_obj_get(yyjson_mut_obj_get(live, "metadata"), KEYS[i]));
    }
}

static yyjson_mut_val *scale_of(yyjson_mut_doc *doc, const struct api_resource *resource,
                                yyjson_mut_val *live)
{
    yyjson_mut_val *scale = yyjson_mut_obj(doc);
    yyjson_mut_val *live_spec = yyjson_mut_obj_get(live, "spec");
    yyjson_mut_val *live_status = yyjson_mut_obj_get(live, "status");
    yyjson_mut_obj_add_str(doc, scale, "kind", "Scale");
    yyjson_mut_obj_add_str(doc, scale, "apiVersion", "autoscaling/v1");
    copy_metadata(doc, scale, live);
    yyjson_mut_val *spec = yyjson_mut_obj_add_obj(doc, scale, "spec");
    yyjson_mut_val *status = yyjson_mut_obj_add_obj(doc, scale, "status");
    int64_t replicas = validate_int(live_spec, replicas_key(resource), 0);
    if (replicas != 0) {
        yyjson_mut_obj_add_int(doc, spec, "replicas", replicas);
    }
    yyjson_mut_obj_add_int(doc, status, "replicas", validate_int(live_status, "replicas", 0));
    yyjson_mut_val *selector = resource->is_custom
                                   ? yyjson_mut_obj_get(live_status, "selector")
                                   : selector_text(doc, yyjson_mut_obj_get(live_spec, "selector"));
    if (yyjson_mut_get_len(selector) > 0) {
        defaults_put(doc, status, "selector", selector);
    }
    return scale;
}

yyjson_mut_doc *api_object_scale(const struct api_resource *resource, yyjson_val *live)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *object = yyjson_val_mut_copy(doc, live);
    yyjson_mut_val *spec = yyjson_mut_obj_get(object, "spec");
    if (resource->is_custom && yyjson_mut_obj_get(spec, replicas_key(resource)) == NULL) {
        yyjson_mut_doc_free(doc);
        return NULL;
    }
    yyjson_mut_doc_set_root(doc, scale_of(doc, resource, object));
    return doc;
}

/* ---- Writes: the live object's Scale becomes the new one, whose replicas the object takes ---- */

static bool check_scale(struct change *c, yyjson_mut_val *scale)
{
    static const struct api_resource kind = {
        .group = "autoscaling", .kind = "Scale", .namespaced = true};
    yyjson_mut_val *metadata = yyjson_mut_obj_get(scale, "metadata");
    int64_t replicas = validate_int(yyjson_mut_obj_get(scale, "spec"), "replicas", 0);
    struct field_errors e;
    field_errors_init(&e);
    validate_metadata(&e, &kind, metadata);
    validate_not_negative(&e, "spec.replicas", replicas);
    bool good = e.count == 0;
    if (!good) {
        refuse_invalid(c->refusal, "autoscaling", "Scale", c->r->name, &e);
    }
    field_errors_fini(&e);
    const char *uid = change_text(metadata, "uid");
    const char *live = change_text(yyjson_mut_obj_get(c->live, "metadata"), "uid");
    if (good && uid[0] != '\0' && strcmp(uid, live) != 0) {
        refuse_conflict(c->refusal, c->r->resource, "/scale", c->r->name,
                        "Precondition failed: UID in precondition: %s, UID in object meta: %s", uid,
                        live);
        good = false;
    }
    return good;
}

/* What is scaled says how large it is; a custom resource need not. */
static bool has_size(const struct change *c)
{
    yyjson_mut_val *spec = yyjson_mut_obj_get(c->live, "spec");
    const struct api_resource *resource = c->r->resource;
    return !resource->is_custom || yyjson_mut_obj_get(spec, replicas_key(resource)) != NULL;
}

/* The same request, as one of the Scale. */
static yyjson_mut_val *new_scale(struct change *c)
{
    static const struct api_resource kind = {
        .group = "autoscaling", .version = "v1", .kind = "Scale", .plural = "scales"};
    struct api_change_request request = *c->r;
    request.resource = &kind;
    struct change sub = *c;
    sub.r = &request;
    sub.type = &schema_scale;
    snprintf(sub.api_version, sizeof sub.api_version, "autoscaling/v1");
    yyjson_mut_val *scale;
    if (c->r->verb == API_UPDATE) {
        scale = change_decode_body(&sub);
        if (scale == NULL && c->r->resource->is_custom) {
            return refuse(c->refusal, 400, "BadRequest",
                          "no kind is registered for the type v1.Scale in scheme "
                          "\"k8s.io/apiextensions-apiserver/pkg/apiserver/"
                          "customresource_handler.go:688\"");
        }
    } else if (c->r->verb == API_MERGE_PATCH && yyjson_is_obj(c->r->body)) {
        scale = merge_patch(c->doc, scale_of(c->doc, c->r->resource, c->live), c->r->body);
        if (!has_size(c) &&
            yyjson_mut_obj_get(yyjson_mut_obj_get(scale, "spec"), "replicas") == NULL) {
            return refuse(c->refusal, 400, "BadRequest",
                          "the spec replicas field \".spec.%s\" cannot be empty",
                          replicas_key(c->r->resource));
        }
        scale = change_decode_patched(&sub, scale) ? scale : NULL;
    } else {
        return refuse(c->refusal, 415, "UnsupportedMediaType",
                      "this model scales by update and merge patch only");
    }
    return scale != NULL && change_check_name(&sub, scale) ? scale : NULL;
}

yyjson_mut_val *change_scale(struct change *c)
{
    bool custom = c->r->resource->is_custom;
    yyjson_mut_val *scale = c->live != NULL || c->r->verb == API_UPDATE ? new_scale(c) : NULL;
    if (c->live == NULL && (scale != NULL || c->r->verb != API_UPDATE)) {
        return refuse_not_found(c->refusal, c->r->resource, c->r->name);
    }
    if (scale != NULL && c->r->verb == API_UPDATE && !change_check_uid(c, scale)) {
        return NULL;
    }
    if (scale == NULL || (!custom && !check_scale(c, scale))) {
        return NULL;
    }
    int64_t replicas = validate_int(yyjson_mut_obj_get(scale, "spec"), "replicas", 0);
    yyjson_mut_val *object = yyjson_mut_val_mut_copy(c->doc, c->live);
    yyjson_mut_val *spec = yyjson_mut_obj_get(object, "spec");
    if (spec == NULL) {
        spec = yyjson_mut_obj_add_obj(c->doc, object, "spec");
    }
    defaults_put(c->doc, spec, replicas_key(c->r->resource), yyjson_mut_int(c->doc, replicas));
    const char *version = change_text(yyjson_mut_obj_get(scale, "metadata"), "resourceVersion");
    yyjson_mut_val *metadata = change_metadata(c, object);
    if (!custom || version[0] != '\0') {
        defaults_put(c->doc, metadata, "resourceVersion", yyjson_mut_strcpy(c->doc, version));
    }
    if (c->live_managed != NULL) {
        yyjson_mut_obj_add_val(c->doc, metadata, "managedFields",
                               yyjson_mut_val_mut_copy(c->doc, c->live_managed));
    }
    return change_finish_update(c, object, NULL) ? object : NULL;
}

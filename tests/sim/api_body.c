/*
 * From a client's bytes, already parsed, to an object as the server holds it.
 */
#include "sim/api_change.h"
#include "sim/api_defaults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ERROR_BYTES = 512 };

const char *change_text(yyjson_mut_val *object, const char *key)
{
    const char *text = yyjson_mut_get_str(yyjson_mut_obj_get(object, key));
    return text == NULL ? "" : text;
}

yyjson_mut_val *change_metadata(struct change *c, yyjson_mut_val *object)
{
    yyjson_mut_val *metadata = yyjson_mut_obj_get(object, "metadata");
    return metadata != NULL ? metadata : yyjson_mut_obj_add_obj(c->doc, object, "metadata");
}

static void text_if_empty(struct change *c, yyjson_mut_val *object, const char *key,
                          const char *text)
{
    if (change_text(object, key)[0] == '\0') {
        yyjson_mut_obj_remove_key(object, key);
        yyjson_mut_obj_add_strcpy(c->doc, object, key, text);
    }
}

static bool comes_again(yyjson_mut_val *key, size_t behind)
{
    for (yyjson_mut_val *later = key->next->next; behind > 0; behind--, later = later->next->next) {
        if (yyjson_mut_get_len(later) == yyjson_mut_get_len(key) && yyjson_mut_equals(later, key)) {
            return true;
        }
    }
    return false;
}

/* Of members of one name the last counts. (yyjson's patch adds where it should replace.) */
static void drop_twins(yyjson_mut_val *v)
{
    size_t i, max, left = yyjson_mut_obj_size(v);
    yyjson_mut_val *item;
    yyjson_mut_arr_foreach(v, i, max, item)
    {
        drop_twins(item);
    }
    yyjson_mut_obj_iter it = yyjson_mut_obj_iter_with(v);
    for (yyjson_mut_val *key; (key = yyjson_mut_obj_iter_next(&it)) != NULL;) {
        if (comes_again(key, --left)) {
            yyjson_mut_obj_iter_remove(&it);
        } else {
            drop_twins(yyjson_mut_obj_iter_get_val(key));
        }
    }
}

/* No two owners are the same in all. */
static void drop_twin_owners(yyjson_mut_val *object)
{
    yyjson_mut_val *owners =
        yyjson_mut_obj_get(yyjson_mut_obj_get(object, "metadata"), "ownerReferences");
    size_t count = yyjson_mut_arr_size(owners);
    if (count < 2) {
        return;
    }
    yyjson_mut_val *owner = yyjson_mut_arr_get_first(owners), *next;
    yyjson_mut_arr_clear(owners);
    for (size_t i = 0; i < count; i++, owner = next) {
        next = owner->next;
        size_t k, max;
        yyjson_mut_val *earlier;
        bool twin = false;
        yyjson_mut_arr_foreach(owners, k, max, earlier)
        {
            twin = twin || yyjson_mut_equals(earlier, owner);
        }
        if (!twin) {
            yyjson_mut_arr_append(owners, owner);
        }
    }
}

/* An empty list says something there ("forget them"), so it is kept from decoding. */
static bool decode(struct change *c, yyjson_mut_val *object, char *error)
{
    yyjson_mut_val *metadata = yyjson_mut_obj_get(object, "metadata");
    yyjson_mut_val *managed = yyjson_mut_obj_remove_key(metadata, "managedFields");
    if (!schema_decode(c->doc, c->type, object, c->r->resource->is_custom, error, ERROR_BYTES)) {
        return false;
    }
    if (managed != NULL && !yyjson_mut_is_null(managed)) {
        yyjson_mut_obj_add_val(c->doc, change_metadata(c, object), "managedFields", managed);
    }
    drop_twin_owners(object);
    defaults_set(c->doc, c->r->resource, object);
    return true;
}

/* "v1" of "apps/v1" */
static const char *version_of(const char *api_version)
{
    const char *slash = strchr(api_version, '/');
    return slash == NULL ? api_version : slash + 1;
}

/* Other versions in which a real server knows the kind: its objects can be read, but not here. */
static bool is_registered(const char *kind, const char *api_version)
{
    static const char *const known[][2] = {
        {"Deployment", "apps/v1"},
        {"Deployment", "apps/v1beta1"},
        {"Deployment", "apps/v1beta2"},
        {"Deployment", "extensions/v1beta1"},
        {"ReplicaSet", "apps/v1"},
        {"ReplicaSet", "apps/v1beta2"},
        {"ReplicaSet", "extensions/v1beta1"},
        {"StatefulSet", "apps/v1"},
        {"StatefulSet", "apps/v1beta1"},
        {"StatefulSet", "apps/v1beta2"},
        {"Lease", "coordination.k8s.io/v1"},
        {"Lease", "coordination.k8s.io/v1beta1"},
        {"Event", "v1"},
        {"Event", "events.k8s.io/v1"},
        {"Event", "events.k8s.io/v1beta1"},
        {"Pod", "v1"},
        {"Namespace", "v1"},
        {"Scale", "autoscaling/v1"},
        {"Scale", "apps/v1beta1"},
        {"Scale", "apps/v1beta2"},
        {"Scale", "extensions/v1beta1"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i][0], kind) == 0 && strcmp(known[i][1], api_version) == 0) {
            return true;
        }
    }
    return false;
}

static bool check_kind(struct change *c, yyjson_mut_val *object)
{
    const char *kind = change_text(object, "kind"), *version = change_text(object, "apiVersion");
    const char *wanted = c->r->resource->kind;
    const char *in = version[0] != '\0' ? version : c->api_version;
    const char *is = kind[0] != '\0' ? kind : wanted;
    if (c->r->resource->is_custom && kind[0] == '\0') {
        return refuse(c->refusal, 400, "BadRequest",
                      "%s in version \"%s\" cannot be handled as a %s: unmarshalerDecoder: Object "
                      "'Kind' is missing",
                      wanted, version_of(in), wanted);
    }
    if (!c->r->resource->is_custom && (strcmp(is, wanted) != 0 || !is_registered(is, in))) {
        return refuse(
            c->refusal, 400, "BadRequest",
            "%s in version \"%s\" cannot be handled as a %s: no kind \"%s\" is registered "
            "for version \"%s\" in scheme \"pkg/api/legacyscheme/scheme.go:30\"",
            is, version_of(in), wanted, is, in);
    }
    if (version[0] != '\0' && strcmp(version, c->api_version) != 0) {
        return refuse(c->refusal, 400, "BadRequest",
                      "the API version in the data (%s) does not match the expected API version "
                      "(%s)",
                      version, c->api_version);
    }
    return true;
}

static const char *go_kind(yyjson_val *v)
{
    switch (yyjson_get_type(v)) {
    case YYJSON_TYPE_ARR:
        return "array";
    case YYJSON_TYPE_STR:
        return "string";
    case YYJSON_TYPE_BOOL:
        return "bool";
    default:
        return "number";
    }
}

yyjson_mut_val *change_decode_body(struct change *c)
{
    char error[ERROR_BYTES];
    const struct api_resource *resource = c->r->resource;
    bool is_null = yyjson_is_null(c->r->body); /* an object of which nothing is said */
    if (!is_null && !yyjson_is_obj(c->r->body)) {
        return refuse(c->refusal, 400, "BadRequest",
                      "the object provided is unrecognized (must be of type %s): couldn't get "
                      "version/kind; json parse error: json: cannot unmarshal %s into Go value of "
                      "type struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind "
                      "string \"json:\\\"kind,omitempty\\\"\" }",
                      resource->kind, go_kind(c->r->body));
    }
    yyjson_mut_val *object =
        is_null ? yyjson_mut_obj(c->doc) : yyjson_val_mut_copy(c->doc, c->r->body);
    drop_twins(object);
    if (!check_kind(c, object)) {
        return NULL;
    }
    if (!resource->is_custom) {
        text_if_empty(c, object, "kind", resource->kind);
        text_if_empty(c, object, "apiVersion", c->api_version);
    }
    if (!decode(c, object, error)) {
        return refuse(c->refusal, 400, "BadRequest",
                      "%s in version \"%s\" cannot be handled as a %s: %s",
                      change_text(object, "kind"), resource->version, resource->kind, error);
    }
    return object;
}

static void refuse_patched(struct change *c, yyjson_mut_val *patched, const char *error)
{
    struct field_errors e;
    char *text = yyjson_mut_val_write(patched, 0, NULL);
    field_errors_init(&e);
    if (strlen(text) > ERROR_BYTES) {
        text[ERROR_BYTES] = '\0'; /* the real one prints all of it */
    }
    field_invalid_text(&e, "patch", text, "%s", error);
    refuse_invalid(c->refusal, "", "", "", &e);
    field_errors_fini(&e);
    free(text);
}

bool change_decode_patched(struct change *c, yyjson_mut_val *patched)
{
    char error[ERROR_BYTES] = "";
    if (!yyjson_mut_is_obj(patched)) {
        refuse_patched(c, patched, "couldn't get version/kind; json parse error");
        return false;
    }
    if (c->r->verb == API_JSON_PATCH) {
        drop_twins(patched);
    }
    const char *kind = change_text(patched, "kind");
    if (!c->r->resource->is_custom && strcmp(kind, c->r->resource->kind) != 0) {
        snprintf(error, sizeof error, "no kind \"%s\" is registered for version \"%s\"", kind,
                 change_text(patched, "apiVersion"));
        refuse_patched(c, patched, error);
        return false;
    }
    if (!decode(c, patched, error)) {
        refuse_patched(c, patched, error);
        return false;
    }
    return true;
}

/* In metadata that was merged but not yet decoded. */
static bool has_empty_members(yyjson_mut_val *metadata)
{
    size_t i, max;
    yyjson_mut_val *key, *v;
    yyjson_mut_obj_foreach(metadata, i, max, key, v)
    {
        if (yyjson_mut_is_ctn(v) && yyjson_mut_get_len(v) == 0) {
            return true;
        }
    }
    return false;
}

bool change_decode_applied(struct change *c, yyjson_mut_val *applied)
{
    char error[ERROR_BYTES];
    if (!c->r->resource->is_custom) {
        return change_decode_patched(c, applied);
    }
    const struct schema *metadata = schema_find(c->type, "metadata", 8)->type;
    yyjson_mut_val *given = yyjson_mut_obj_get(applied, "metadata");
    /* A real server compares with these what it has stored, and stores it without them: again and
     * again. */
    c->rewrites = has_empty_members(given);
    if (given != NULL && !schema_decode(c->doc, metadata, given, false, error, sizeof error)) {
        refuse_patched(c, applied, error);
        return false;
    }
    if (yyjson_mut_is_null(yyjson_mut_obj_get(given, "creationTimestamp"))) {
        yyjson_mut_obj_remove_key(given, "creationTimestamp");
    }
    drop_twin_owners(applied);
    return true;
}

bool change_check_name(struct change *c, yyjson_mut_val *object)
{
    yyjson_mut_val *metadata = yyjson_mut_obj_get(object, "metadata");
    const char *name = change_text(metadata, "name"), *ns = change_text(metadata, "namespace");
    if (name[0] == '\0') {
        return refuse(c->refusal, 400, "BadRequest",
                      "the name of the object (%s based on URL) was undeterminable: name must be "
                      "provided",
                      c->r->name);
    }
    if (strcmp(name, c->r->name) != 0) {
        return refuse(c->refusal, 400, "BadRequest",
                      "the name of the object (%s) does not match the name on the URL (%s)", name,
                      c->r->name);
    }
    if (c->r->ns != NULL && c->r->ns[0] != '\0' && ns[0] != '\0' && strcmp(ns, c->r->ns) != 0) {
        return refuse(c->refusal, 400, "BadRequest",
                      "the namespace of the object (%s) does not match the namespace on the "
                      "request (%s)",
                      ns, c->r->ns);
    }
    return true;
}

/*
 * The steps that all writes end with: preconditions, what nobody may change, what the server sets,
 * validation.
 */
#include "sim/api_change.h"
#include "sim/api_defaults.h"
#include "sim/api_validate.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GENERATED_BASE_MAX = 58 };

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

/* The kind was looked at when the body was read. */
static bool check_has_version(struct change *c, yyjson_mut_val *object)
{
    return change_text(object, "apiVersion")[0] != '\0' ||
           refuse_internal(c->refusal,
                           "Object 'apiVersion' is missing in 'object has no apiVersion field'");
}

bool change_finish_update(struct change *c, yyjson_mut_val *object, const char *subresource)
{
    static const char *const KEPT[] = {"creationTimestamp", "deletionTimestamp",
                                       "deletionGracePeriodSeconds"};
    yyjson_mut_val *live = yyjson_mut_obj_get(c->live, "metadata");
    if (!check_version(c, object) || !check_has_version(c, object) ||
        !check_namespace(c, change_metadata(c, object))) {
        return false;
    }
    defaults_prepare_update(c->doc, c->r->resource, subresource, object, c->live);
    yyjson_mut_val *metadata = change_metadata(c, object);
    if (change_text(metadata, "uid")[0] == '\0') {
        put_text(c, metadata, "uid", change_text(live, "uid"));
    }
    for (size_t i = 0; i < ARRAY_LEN(KEPT); i++) {
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

bool change_finish_create(struct change *c, yyjson_mut_val *object)
{
    yyjson_mut_val *metadata = change_metadata(c, object);
    if (!check_has_version(c, object) || !check_namespace(c, metadata)) {
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

/*
 * Names, labels, owners: k8s.io/apimachinery's validation of ObjectMeta.
 */
#include "base/mem.h"
#include "base/time_text.h"
#include "sim/api_validate.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LABEL_MAX = 63,
    SUBDOMAIN_MAX = 253,
    ANNOTATIONS_BYTES_MAX = 256 << 10,
};

#define LABEL_FORMAT "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
#define NAME_FORMAT  "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"

static const char LABEL_HELP[] =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used "
    "for validation is '" LABEL_FORMAT "')";
static const char SUBDOMAIN_HELP[] =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    "for validation is '" LABEL_FORMAT "(\\." LABEL_FORMAT ")*')";
static const char NAME_HELP[] =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '" NAME_FORMAT "')";
static const char VALUE_HELP[] =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  "
    "or '12345', regex used for validation is '(" NAME_FORMAT ")?')";

const char *validate_text(yyjson_mut_val *object, const char *key)
{
    const char *text = yyjson_mut_get_str(yyjson_mut_obj_get(object, key));
    return text == NULL ? "" : text;
}

int64_t validate_int(yyjson_mut_val *object, const char *key, int64_t fallback)
{
    yyjson_mut_val *v = yyjson_mut_obj_get(object, key);
    return yyjson_mut_is_int(v) ? yyjson_mut_get_sint(v) : fallback;
}

/* ---- Texts ---- */

static bool is_lower(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
    return is_lower(c) || (c >= 'A' && c <= 'Z');
}

static bool is_label(const char *text, size_t len)
{
    if (len == 0 || !is_lower(text[0]) || !is_lower(text[len - 1])) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!is_lower(text[i]) && text[i] != '-') {
            return false;
        }
    }
    return true;
}

static bool is_subdomain(const char *text, size_t len)
{
    const char *end = text + len;
    for (;;) {
        const char *dot = memchr(text, '.', (size_t)(end - text));
        if (!is_label(text, (size_t)((dot == NULL ? end : dot) - text))) {
            return false;
        }
        if (dot == NULL) {
            return true;
        }
        text = dot + 1;
    }
}

/* The part of a qualified name behind the slash; also of a label's value. */
static bool is_name_part(const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || !is_alnum(text[0]) || !is_alnum(text[len - 1])) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!is_alnum(text[i]) && strchr("-_.", text[i]) == NULL) {
            return false;
        }
    }
    return true;
}

bool validate_is_qualified(const char *text)
{
    const char *slash = strchr(text, '/');
    if (slash == NULL) {
        return is_name_part(text);
    }
    return is_subdomain(text, (size_t)(slash - text)) && is_name_part(slash + 1);
}

void validate_label(struct field_errors *e, const char *field, const char *value)
{
    if (strlen(value) > LABEL_MAX) {
        field_invalid_text(e, field, value, "must be no more than %d characters", LABEL_MAX);
    }
    if (!is_label(value, strlen(value))) {
        field_invalid_text(e, field, value, "%s", LABEL_HELP);
    }
}

void validate_subdomain(struct field_errors *e, const char *field, const char *value)
{
    if (strlen(value) > SUBDOMAIN_MAX) {
        field_invalid_text(e, field, value, "must be no more than %d characters", SUBDOMAIN_MAX);
    }
    if (!is_subdomain(value, strlen(value))) {
        field_invalid_text(e, field, value, "%s", SUBDOMAIN_HELP);
    }
}

void validate_qualified_name(struct field_errors *e, const char *field, const char *value)
{
    const char *slash = strchr(value, '/');
    if (slash != NULL && strchr(slash + 1, '/') != NULL) {
        field_invalid_text(e, field, value,
                           "a qualified name %s with an optional DNS subdomain prefix and '/' "
                           "(e.g. 'example.com/MyName')",
                           NAME_HELP);
        return;
    }
    if (slash == value) {
        field_invalid_text(e, field, value, "prefix part must be non-empty");
    } else if (slash != NULL) {
        if (slash - value > SUBDOMAIN_MAX) {
            field_invalid_text(e, field, value, "prefix part must be no more than %d characters",
                               SUBDOMAIN_MAX);
        }
        if (!is_subdomain(value, (size_t)(slash - value))) {
            field_invalid_text(e, field, value, "prefix part %s", SUBDOMAIN_HELP);
        }
    }
    const char *name = slash == NULL ? value : slash + 1;
    if (name[0] == '\0') {
        field_invalid_text(e, field, value, "name part must be non-empty");
    } else if (strlen(name) > LABEL_MAX) {
        field_invalid_text(e, field, value, "name part must be no more than %d characters",
                           LABEL_MAX);
    }
    if (!is_name_part(name)) {
        field_invalid_text(e, field, value, "name part %s", NAME_HELP);
    }
}

void validate_label_value(struct field_errors *e, const char *field, const char *value)
{
    if (strlen(value) > LABEL_MAX) {
        field_invalid_text(e, field, value, "must be no more than %d characters", LABEL_MAX);
    }
    if (value[0] != '\0' && !is_name_part(value)) {
        field_invalid_text(e, field, value, "%s", VALUE_HELP);
    }
}

void validate_labels(struct field_errors *e, const char *field, yyjson_mut_val *labels)
{
    size_t i, max;
    yyjson_mut_val *key, *v;
    yyjson_mut_obj_foreach(labels, i, max, key, v)
    {
        validate_qualified_name(e, field, yyjson_mut_get_str(key));
        validate_label_value(e, field, yyjson_mut_get_str(v));
    }
}

void validate_annotations(struct field_errors *e, const char *field, yyjson_mut_val *annotations)
{
    size_t i, max, bytes = 0;
    yyjson_mut_val *key, *v;
    yyjson_mut_obj_foreach(annotations, i, max, key, v)
    {
        /* Prefixes may be in capitals here. */
        char *lower = mem_strdup(yyjson_mut_get_str(key));
        for (char *c = lower; *c != '\0'; c++) {
            *c = (char)tolower((unsigned char)*c);
        }
        struct field_errors probe;
        field_errors_init(&probe);
        validate_qualified_name(&probe, field, lower);
        if (probe.count > 0) {
            validate_qualified_name(e, field, yyjson_mut_get_str(key));
        }
        field_errors_fini(&probe);
        mem_free(lower);
        bytes += yyjson_mut_get_len(key) + yyjson_mut_get_len(v);
    }
    if (bytes > ANNOTATIONS_BYTES_MAX) {
        field_too_long(e, field, "must have at most 262144 bytes");
    }
}

void validate_not_negative(struct field_errors *e, const char *field, int64_t value)
{
    if (value < 0) {
        field_invalid_int(e, field, value, "must be greater than or equal to 0");
    }
}

/* ---- Metadata ---- */

static void validate_owners(struct field_errors *e, yyjson_mut_val *owners)
{
    static const struct {
        const char *key, *field, *help;
    } NEEDED[] = {
        {"apiVersion", "metadata.ownerReferences.apiVersion", "version must not be empty"},
        {"kind", "metadata.ownerReferences.kind", "kind must not be empty"},
        {"name", "metadata.ownerReferences.name", "name must not be empty"},
        {"uid", "metadata.ownerReferences.uid", "uid must not be empty"},
    };
    const char *controller = NULL;
    size_t i, max;
    yyjson_mut_val *owner;
    yyjson_mut_arr_foreach(owners, i, max, owner)
    {
        for (size_t k = 0; k < ARRAY_LEN(NEEDED); k++) {
            const char *value = validate_text(owner, NEEDED[k].key);
            if (value[0] == '\0') {
                field_invalid_text(e, NEEDED[k].field, value, "%s", NEEDED[k].help);
            }
        }
        if (!yyjson_mut_get_bool(yyjson_mut_obj_get(owner, "controller"))) {
            continue;
        }
        if (controller != NULL) {
            /* The real one prints the list with its pointers, so that no two of these are equal. */
            field_invalid(e, "metadata.ownerReferences",
                          field_path("[]v1.OwnerReference{…0x%zx…}", e->causes.len).text,
                          "Only one reference can have Controller set to true. Found \"true\" in "
                          "references for %s and %s",
                          controller, validate_text(owner, "name"));
        } else {
            controller = validate_text(owner, "name");
        }
    }
}

static void validate_finalizers(struct field_errors *e, yyjson_mut_val *finalizers)
{
    size_t i, max;
    yyjson_mut_val *v;
    bool orphan = false, foreground = false;
    yyjson_mut_arr_foreach(finalizers, i, max, v)
    {
        const char *name = yyjson_mut_get_str(v);
        validate_qualified_name(e, "metadata.finalizers", name);
        orphan = orphan || strcmp(name, "orphan") == 0;
        foreground = foreground || strcmp(name, "foregroundDeletion") == 0;
    }
    if (orphan && foreground) {
        char *text = yyjson_mut_val_write(finalizers, 0, NULL);
        field_invalid(e, "metadata.finalizers", text,
                      "finalizer orphan and foregroundDeletion cannot be both set");
        free(text);
    }
}

void validate_core_finalizers(struct field_errors *e, yyjson_mut_val *finalizers)
{
    size_t i, max;
    yyjson_mut_val *v;
    yyjson_mut_arr_foreach(finalizers, i, max, v)
    {
        const char *name = yyjson_mut_get_str(v);
        bool standard = strcmp(name, "orphan") == 0 || strcmp(name, "foregroundDeletion") == 0 ||
                        strcmp(name, "kubernetes") == 0;
        struct field_path field = field_path("metadata.finalizers[%zu]", i);
        if (strchr(name, '/') == NULL && !standard) {
            field_invalid_text(e, field.text, name,
                               "name is neither a standard finalizer name nor is it fully "
                               "qualified");
        }
    }
}

static void validate_name(struct field_errors *e, const struct api_resource *resource,
                          const char *field, const char *name)
{
    if (resource->namespaced) {
        validate_subdomain(e, field, name);
    } else {
        validate_label(e, field, name);
    }
}

/* A prefix may end with a dash, as more follows. */
static void validate_prefix(struct field_errors *e, const struct api_resource *resource,
                            const char *prefix)
{
    char *text = mem_strdup(prefix);
    size_t len = strlen(text);
    if (len > 1 && text[len - 1] == '-') {
        text[len - 2] = 'a';
        text[len - 1] = '\0';
    }
    struct field_errors probe;
    field_errors_init(&probe);
    validate_name(&probe, resource, "metadata.generateName", text);
    if (probe.count > 0) {
        validate_name(e, resource, "metadata.generateName", prefix);
    }
    field_errors_fini(&probe);
    mem_free(text);
}

void validate_metadata(struct field_errors *e, const struct api_resource *resource,
                       yyjson_mut_val *metadata)
{
    const char *prefix = validate_text(metadata, "generateName");
    const char *name = validate_text(metadata, "name"), *ns = validate_text(metadata, "namespace");
    if (prefix[0] != '\0') {
        validate_prefix(e, resource, prefix);
    }
    if (name[0] == '\0') {
        field_required(e, "metadata.name", "name or generateName is required");
    } else {
        validate_name(e, resource, "metadata.name", name);
    }
    if (resource->namespaced && ns[0] == '\0') {
        field_required(e, "metadata.namespace", "");
    } else if (resource->namespaced) {
        validate_label(e, "metadata.namespace", ns);
    }
    validate_not_negative(e, "metadata.generation", validate_int(metadata, "generation", 0));
    validate_labels(e, "metadata.labels", yyjson_mut_obj_get(metadata, "labels"));
    validate_annotations(e, "metadata.annotations", yyjson_mut_obj_get(metadata, "annotations"));
    validate_owners(e, yyjson_mut_obj_get(metadata, "ownerReferences"));
    validate_finalizers(e, yyjson_mut_obj_get(metadata, "finalizers"));
}

/* ---- Updates of it ---- */

static bool has_text(yyjson_mut_val *list, const char *text)
{
    size_t i, max;
    yyjson_mut_val *v;
    yyjson_mut_arr_foreach(list, i, max, v)
    {
        if (yyjson_mut_equals_str(v, text)) {
            return true;
        }
    }
    return false;
}

/* Go's %#v of the new ones: []string{"a", "b"} */
static void validate_no_new_finalizers(struct field_errors *e, yyjson_mut_val *finalizers,
                                       yyjson_mut_val *live)
{
    char found[512] = "", detail[640];
    size_t i, max, len = 0;
    yyjson_mut_val *v;
    yyjson_mut_arr_foreach(finalizers, i, max, v)
    {
        const char *name = yyjson_mut_get_str(v);
        if (!has_text(live, name) && len < sizeof found) {
            len += (size_t)snprintf(found + len, sizeof found - len, "%s\"%s\"",
                                    len > 0 ? ", " : "", name);
        }
    }
    if (len > 0) {
        snprintf(detail, sizeof detail,
                 "no new finalizers can be added if the object is being deleted, found new "
                 "finalizers []string{%s}",
                 found);
        field_forbidden(e, "metadata.finalizers", detail);
    }
}

static bool is_time(const char *text)
{
    int64_t wall_us;
    return strlen(text) == 20 && time_parse(text, 20, &wall_us) == 0;
}

static void validate_same(struct field_errors *e, const char *field, yyjson_mut_val *now,
                          yyjson_mut_val *live)
{
    if (now == live || (now != NULL && live != NULL && yyjson_mut_equals(now, live))) {
        return;
    }
    if (yyjson_mut_is_str(now) && is_time(yyjson_mut_get_str(now))) {
        const char *text = yyjson_mut_get_str(now);
        field_invalid(e, field, field_path("%.10s %.8s +0000 UTC", text, text + 11).text,
                      "field is immutable");
        return;
    }
    if (now == NULL || yyjson_mut_is_str(now)) {
        field_invalid_text(e, field, now == NULL ? "null" : yyjson_mut_get_str(now),
                           "field is immutable");
        return;
    }
    char *text = yyjson_mut_val_write(now, 0, NULL);
    field_invalid(e, field, text, "field is immutable");
    free(text);
}

void validate_metadata_update(struct field_errors *e, yyjson_mut_val *metadata,
                              yyjson_mut_val *live)
{
    static const struct {
        const char *key, *field;
    } FIXED[] = {
        {"name", "metadata.name"},
        {"namespace", "metadata.namespace"},
        {"uid", "metadata.uid"},
        {"creationTimestamp", "metadata.creationTimestamp"},
        {"deletionTimestamp", "metadata.deletionTimestamp"},
        {"deletionGracePeriodSeconds", "metadata.deletionGracePeriodSeconds"},
    };
    if (yyjson_mut_obj_get(live, "deletionTimestamp") != NULL) {
        validate_no_new_finalizers(e, yyjson_mut_obj_get(metadata, "finalizers"),
                                   yyjson_mut_obj_get(live, "finalizers"));
    }
    for (size_t i = 0; i < ARRAY_LEN(FIXED); i++) {
        validate_same(e, FIXED[i].field, yyjson_mut_obj_get(metadata, FIXED[i].key),
                      yyjson_mut_obj_get(live, FIXED[i].key));
    }
    validate_labels(e, "metadata.labels", yyjson_mut_obj_get(metadata, "labels"));
    validate_annotations(e, "metadata.annotations", yyjson_mut_obj_get(metadata, "annotations"));
    validate_owners(e, yyjson_mut_obj_get(metadata, "ownerReferences"));
}

#include "operator/size_source.h"

#include "kube/name.h"

#include <string.h>

enum { KIND_BYTES_MAX = 63 };

/* What the server wants of kinds: a DNS-1035 label, but in any case. */
static bool kind_is_valid(const char *kind)
{
    static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static const char INNER[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";
    size_t len = strnlen(kind, KIND_BYTES_MAX + 1);
    return len > 0 && len <= KIND_BYTES_MAX && strchr(LETTERS, kind[0]) != NULL &&
           strspn(kind, INNER) == len && kind[len - 1] != '-';
}

/* "GROUP/VERSION", or "VERSION" for the core group. */
static bool api_version_is_valid(struct arena *arena, const char *text)
{
    const char *slash = strchr(text, '/');
    if (slash == NULL) {
        return namespace_is_valid(text);
    }
    const char *group = arena_strndup(arena, text, (size_t)(slash - text));
    return name_is_valid(group) && namespace_is_valid(slash + 1);
}

static bool is_of_apps(const char *kind)
{
    return strcmp(kind, "Deployment") == 0 || strcmp(kind, "StatefulSet") == 0 ||
           strcmp(kind, "ReplicaSet") == 0;
}

/* A copy of a member; NULL when it is absent, null, no text, or has a NUL byte inside. */
static const char *read_text(struct arena *arena, yyjson_val *json, const char *key)
{
    yyjson_val *value = yyjson_obj_get(json, key);
    const char *text = yyjson_get_str(value);
    return text == NULL || strlen(text) != yyjson_get_len(value) ? NULL : arena_strdup(arena, text);
}

static bool is_given(yyjson_val *json, const char *key)
{
    yyjson_val *value = yyjson_obj_get(json, key);
    return value != NULL && !yyjson_is_null(value);
}

static const char *unknown_field(yyjson_val *json)
{
    size_t i, count;
    yyjson_val *key, *value;
    yyjson_obj_foreach(json, i, count, key, value)
    {
        if (!yyjson_equals_str(key, "apiVersion") && !yyjson_equals_str(key, "kind") &&
            !yyjson_equals_str(key, "name") && !yyjson_is_null(value)) {
            return yyjson_get_str(key);
        }
    }
    return NULL;
}

int size_source_read(struct arena *arena, yyjson_val *json, struct size_source *out,
                     struct error *err)
{
    if (!yyjson_is_obj(json)) {
        return error_set(err, ERR_INVALID, " is not an object");
    }
    const char *unknown = unknown_field(json);
    if (unknown != NULL) {
        return error_set(err, ERR_INVALID, ".%.64s is no field that this operator knows", unknown);
    }
    struct size_source s = {.api_version = read_text(arena, json, "apiVersion"),
                            .kind = read_text(arena, json, "kind"),
                            .name = read_text(arena, json, "name")};
    if (s.kind == NULL || !kind_is_valid(s.kind)) {
        return error_set(err, ERR_INVALID, ".kind is no kind's name, as \"StatefulSet\" is");
    }
    if (s.name == NULL || !name_is_valid(s.name)) {
        return error_set(err, ERR_INVALID, ".name is no object's name: a-z, 0-9, - and . make one");
    }
    if (!is_given(json, "apiVersion")) {
        if (!is_of_apps(s.kind)) {
            return error_set(err, ERR_INVALID,
                             ": apiVersion is needed for kinds other than Deployment, StatefulSet "
                             "and ReplicaSet");
        }
        s.api_version = "apps/v1";
    } else if (s.api_version == NULL || !api_version_is_valid(arena, s.api_version)) {
        return error_set(err, ERR_INVALID, ".apiVersion is none, as \"apps/v1\" is");
    }
    *out = s;
    return 0;
}

/* Length of the group in an apiVersion; 0 for the core group. */
static size_t group_len(const char *api_version)
{
    const char *slash = strchr(api_version, '/');
    return slash == NULL ? 0 : (size_t)(slash - api_version);
}

bool size_source_is_same(const struct size_source *a, const struct size_source *b)
{
    size_t len = group_len(a->api_version);
    return len == group_len(b->api_version) && strncmp(a->api_version, b->api_version, len) == 0 &&
           strcmp(a->kind, b->kind) == 0 && strcmp(a->name, b->name) == 0;
}

#include "operator/shape.h"

#include "base/mem.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Steps are parted by '|' (label keys have dots and slashes). [key=value] picks an element of a
 * list: text, or a whole number. */
#define CONTAINER "spec|template|spec|containers|[name=memcached]|"
static const char *const owned_fields[] = {
    "metadata|labels|app",
    "metadata|labels|memcached_cr",
    "metadata|labels|app.kubernetes.io/name",
    "metadata|labels|app.kubernetes.io/instance",
    "metadata|labels|app.kubernetes.io/managed-by",
    "spec|selector|matchLabels|app",
    "spec|selector|matchLabels|memcached_cr",
    "spec|template|metadata|labels|app",
    "spec|template|metadata|labels|memcached_cr",
    "spec|template|spec|automountServiceAccountToken",
    "spec|template|spec|securityContext|runAsNonRoot",
    "spec|template|spec|securityContext|runAsUser",
    "spec|template|spec|securityContext|runAsGroup",
    "spec|template|spec|securityContext|seccompProfile|type",
    CONTAINER "image",
    CONTAINER "imagePullPolicy",
    CONTAINER "command",
    CONTAINER "args",
    CONTAINER "ports|[containerPort=11211]|name",
    CONTAINER "ports|[containerPort=11211]|protocol",
    CONTAINER "securityContext|allowPrivilegeEscalation",
    CONTAINER "securityContext|capabilities|drop",
};

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ p[i]) * 0x100000001b3U; /* FNV-1a */
    }
    return hash;
}

uint64_t shape_text(const char *text)
{
    return hash_bytes(0xcbf29ce484222325U, text, strlen(text));
}

uint64_t shape_mix(uint64_t a, uint64_t b)
{
    uint64_t pair[] = {a, b};
    return hash_bytes(0xcbf29ce484222325U, pair, sizeof pair);
}

static bool element_matches(yyjson_val *element, const char *key, size_t key_len, const char *want,
                            size_t want_len)
{
    yyjson_val *value = yyjson_obj_getn(element, key, key_len);
    if (yyjson_is_str(value)) {
        return yyjson_equals_strn(value, want, want_len);
    }
    return yyjson_is_int(value) && yyjson_get_sint(value) == strtoll(want, NULL, 10);
}

/* @step is "[key=value]". */
static yyjson_val *pick_element(yyjson_val *list, const char *step, size_t len)
{
    const char *key = step + 1;
    const char *equals = memchr(step, '=', len);
    const char *value = equals + 1;
    size_t index, max;
    yyjson_val *element;
    yyjson_arr_foreach(list, index, max, element)
    {
        if (element_matches(element, key, (size_t)(equals - key), value,
                            (size_t)(step + len - 1 - value))) {
            return element;
        }
    }
    return NULL;
}

static yyjson_val *walk(yyjson_val *value, const char *path)
{
    while (value != NULL && *path != '\0') {
        size_t len = strcspn(path, "|");
        value = path[0] == '[' ? pick_element(value, path, len) : yyjson_obj_getn(value, path, len);
        path += len;
        path += *path == '|' ? 1 : 0;
    }
    return value;
}

static uint64_t hash_text(uint64_t hash, yyjson_val *text)
{
    /* The terminating NUL parts it from what follows. */
    return hash_bytes(hash, yyjson_get_str(text), yyjson_get_len(text) + 1);
}

/* Our own fields are texts, numbers, booleans and lists of texts; anything else is just
 * "different". */
static uint64_t hash_value(uint64_t hash, yyjson_val *value)
{
    if (value == NULL || yyjson_is_null(value) ||
        (yyjson_is_arr(value) && yyjson_arr_size(value) == 0)) {
        return hash_bytes(hash, "absent", 7);
    }
    if (yyjson_is_str(value)) {
        return hash_text(hash_bytes(hash, "t", 1), value);
    }
    if (yyjson_is_int(value)) {
        int64_t n = yyjson_get_sint(value);
        return hash_bytes(hash_bytes(hash, "i", 1), &n, sizeof n);
    }
    if (yyjson_is_bool(value)) {
        return hash_bytes(hash, yyjson_get_bool(value) ? "b1" : "b0", 2);
    }
    hash = hash_bytes(hash, yyjson_is_arr(value) ? "a" : "?", 1);
    size_t index, max;
    yyjson_val *element;
    yyjson_arr_foreach(value, index, max, element)
    {
        hash = yyjson_is_str(element) ? hash_text(hash, element) : hash_bytes(hash, "?", 1);
    }
    return hash_bytes(hash, "]", 1);
}

uint64_t shape_hash(yyjson_val *deployment)
{
    uint64_t hash = 0xcbf29ce484222325U;
    for (size_t i = 0; i < ARRAY_LEN(owned_fields); i++) {
        hash = hash_value(hash, walk(deployment, owned_fields[i]));
    }
    return hash;
}

uint64_t shape_with_replicas(uint64_t shape, int32_t replicas)
{
    return shape_mix(shape, (uint64_t)replicas);
}

#include "kube/json.h"
#include "base/mem.h"

#include <stdarg.h>
#include <string.h>

/* yyjson's memory comes from where all ours does, so running out of it ends the same way. */
static void *pool_alloc(void *context, size_t bytes)
{
    (void)context;
    return mem_alloc(bytes);
}

static void *pool_realloc(void *context, void *old, size_t old_bytes, size_t bytes)
{
    (void)context;
    (void)old_bytes;
    return mem_realloc(old, bytes);
}

static void pool_free(void *context, void *memory)
{
    (void)context;
    mem_free(memory);
}

static const yyjson_alc POOL = {pool_alloc, pool_realloc, pool_free, NULL};

/* The byte behind a string's closing quote, or @end; @p stands behind the opening one. */
static const char *skip_string(const char *p, const char *end)
{
    while (p < end) {
        char c = *p++;
        if (c == '"') {
            break;
        }
        if (c == '\\' && p < end) {
            p++;
        }
    }
    return p;
}

/* Offset of the bracket that nests too deeply, or -1. The text need not be valid JSON: where it is
 * not, the parser says so, and it does not recurse. */
static ptrdiff_t too_deep_at(const char *bytes, size_t len)
{
    const char *end = bytes + len;
    int depth = 0;
    for (const char *p = bytes; p < end;) {
        char c = *p++;
        if (c == '"') {
            p = skip_string(p, end);
        } else if (c == '{' || c == '[') {
            if (++depth > JSON_DEPTH_MAX) {
                return p - 1 - bytes;
            }
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return -1;
}

yyjson_doc *json_parse(const char *bytes, size_t len, struct error *err)
{
    if (len > BODY_BYTES_MAX) {
        error_set(err, ERR_TOO_BIG, "JSON of %zu bytes: more than the limit of %d", len,
                  BODY_BYTES_MAX);
        return NULL;
    }
    if (len == 0) {
        error_set(err, ERR_PARSE, "JSON: empty input");
        return NULL;
    }
    ptrdiff_t deep = too_deep_at(bytes, len);
    if (deep >= 0) {
        error_set(err, ERR_TOO_BIG, "JSON: byte %td: nested deeper than the limit of %d", deep,
                  JSON_DEPTH_MAX);
        return NULL;
    }
    yyjson_read_err why;
    /* Without YYJSON_READ_INSITU the bytes are only read; the API lacks the const. */
    yyjson_doc *doc =
        yyjson_read_opts((char *)(uintptr_t)bytes, len, YYJSON_READ_NOFLAG, &POOL, &why);
    if (doc == NULL) {
        error_set(err, ERR_PARSE, "JSON: byte %zu: %s", why.pos, why.msg);
    }
    return doc;
}

yyjson_val *json_at(yyjson_val *value, ...)
{
    va_list keys;
    va_start(keys, value);
    const char *key;
    while (value != NULL && (key = va_arg(keys, const char *)) != NULL) {
        value = yyjson_obj_get(value, key);
    }
    va_end(keys);
    return value;
}

int64_t json_get_int(yyjson_val *value, int64_t fallback)
{
    if (yyjson_is_sint(value)) {
        return yyjson_get_sint(value);
    }
    if (yyjson_is_uint(value)) {
        uint64_t number = yyjson_get_uint(value);
        return number <= INT64_MAX ? (int64_t)number : fallback;
    }
    if (yyjson_is_real(value)) {
        double number = yyjson_get_real(value);
        bool in_range = number >= -0x1p63 && number < 0x1p63;
        return in_range && (double)(int64_t)number == number ? (int64_t)number : fallback;
    }
    return fallback;
}

#include "kube/json.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdbool.h>

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

/* Walks the parsed tree, which costs a fifth of what looking for brackets in the text does. yyjson
 * itself does not recurse, and here the limit bounds the recursion. */
static bool is_deeper_than(yyjson_val *value, int levels)
{
    size_t i;
    size_t count;
    yyjson_val *key;
    yyjson_val *child;
    if (!yyjson_is_ctn(value)) {
        return false;
    }
    if (levels == 0) {
        return true;
    }
    yyjson_arr_foreach(value, i, count, child)
    {
        if (is_deeper_than(child, levels - 1)) {
            return true;
        }
    }
    yyjson_obj_foreach(value, i, count, key, child)
    {
        if (is_deeper_than(child, levels - 1)) {
            return true;
        }
    }
    return false;
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
    yyjson_read_err why;
    /* Without YYJSON_READ_INSITU the bytes are only read; the API lacks the const. */
    yyjson_doc *doc =
        yyjson_read_opts((char *)(uintptr_t)bytes, len, YYJSON_READ_NOFLAG, &POOL, &why);
    if (doc == NULL) {
        error_set(err, ERR_PARSE, "JSON: byte %zu: %s", why.pos, why.msg);
        return NULL;
    }
    if (is_deeper_than(yyjson_doc_get_root(doc), JSON_DEPTH_MAX)) {
        yyjson_doc_free(doc);
        error_set(err, ERR_TOO_BIG, "JSON: nested deeper than the limit of %d", JSON_DEPTH_MAX);
        return NULL;
    }
    return doc;
}

char *json_text(yyjson_val *value)
{
    char *text = yyjson_val_write_opts(value, YYJSON_WRITE_NOFLAG, &POOL, NULL, NULL);
    return text != NULL ? text : mem_strdup("");
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

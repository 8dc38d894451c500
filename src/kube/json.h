/*
 * Reading JSON from the network: yyjson behind the limits of this project (depth, size).
 */
#pragma once
#include "base/error.h"

#include <stddef.h>
#include <yyjson.h>

enum {
    JSON_DEPTH_MAX = 64,
    BODY_BYTES_MAX = 16 << 20, /* one answer, one watch line, one item of a list */
};

/**
 * Parse @len bytes. Returns the document (yyjson_doc_free) or NULL with ERR_PARSE (where and what)
 * or ERR_TOO_BIG (depth, size).
 * @bytes is borrowed; texts are copied into the document.
 */
yyjson_doc *json_parse(const char *bytes, size_t len, struct error *err);

/** The text of a parsed value, without spaces; never NULL, freed with mem_free(). */
char *json_text(yyjson_val *value);

/** Member by member through nested objects: json_at(v, "spec", "replicas", NULL). NULL when any is
 * missing or not an object. */
yyjson_val *json_at(yyjson_val *value, ...) __attribute__((sentinel));

/** Integer of any JSON number form that is a whole number in range, else @fallback. */
int64_t json_get_int(yyjson_val *value, int64_t fallback);

/*
 * Writes JSON text straight into a buffer: request bodies, log fields, metrics reports. (Reading is
 * yyjson's.) Commas are put by the writer. Text that is not UTF-8 is written with U+FFFD in place
 * of each bad byte, so that output is always valid JSON.
 */
#pragma once
#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    JSON_WRITER_DEPTH_MAX = 32, /* nesting of objects and arrays; asserted */
};

struct json_writer {
    struct buf *out;
    bool spaced; /* ", " and ": " as zap's console encoder prints them, instead of "," and ":" */
    unsigned depth;
    uint64_t filled; /* bit per depth: something was written at that depth */
    bool after_key;
};

void json_writer_init(struct json_writer *w, struct buf *out, bool spaced);

void json_object_begin(struct json_writer *w);
void json_object_end(struct json_writer *w);
void json_array_begin(struct json_writer *w);
void json_array_end(struct json_writer *w);
void json_key(struct json_writer *w, const char *key);
void json_string(struct json_writer *w, const char *text); /* NULL writes null */
void json_int(struct json_writer *w, int64_t value);
void json_bool(struct json_writer *w, bool value);

/** A value that is JSON already. */
void json_raw(struct json_writer *w, const char *json);

/** Members in one call: key and value. */
void json_member_string(struct json_writer *w, const char *key, const char *text);
void json_member_int(struct json_writer *w, const char *key, int64_t value);
void json_member_bool(struct json_writer *w, const char *key, bool value);

/** Append @len bytes as they stand inside a JSON string: control characters (C1 and DEL too) and
 * bad UTF-8 escaped, up to where @out is full. @quotes: '"' and '\\' as well; false gives text for
 * people's eyes. */
void json_escape(struct buf *out, const char *text, size_t len, bool quotes);

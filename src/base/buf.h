/*
 * A growing byte buffer with a hard limit. Always NUL-terminated behind its length, so data can be
 * read as a C string (data is NULL until the first append; buf_text() gives "" then).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data;
    size_t len;
    size_t cap;
    size_t max;     /* bytes; an append that would pass it fails and leaves the buffer as it was */
    bool truncated; /* an append failed since buf_init/buf_reset: check once at the end instead of
                       after each append */
};

/** @max in bytes, fixed for the buffer's life. Allocates nothing. */
void buf_init(struct buf *b, size_t max);
void buf_fini(struct buf *b);

/** Each returns 0, or ERR_TOO_BIG with nothing appended and b->truncated set. */
int buf_append(struct buf *b, const void *bytes, size_t len);
int buf_append_text(struct buf *b, const char *text);
int buf_append_char(struct buf *b, char c);
int buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Make room for @more bytes behind len and return where they go (the caller then adds to len), or
 * NULL past max. */
char *buf_reserve(struct buf *b, size_t more);

/** Drop the first @len bytes. */
void buf_consume(struct buf *b, size_t len);

/** Drop all but the first @len bytes. */
void buf_cut(struct buf *b, size_t len);

/** Empty it; keep up to @keep_bytes of memory for the next use, so one huge line does not stay for
 * ever. */
void buf_reset(struct buf *b, size_t keep_bytes);

/** Hand the NUL-terminated memory over to the caller (mem_free) and empty the buffer. Never NULL.
 */
char *buf_take(struct buf *b);

const char *buf_text(const struct buf *b);

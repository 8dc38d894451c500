#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { BUF_CAP_MIN = 256 };

void buf_init(struct buf *b, size_t max)
{
    assert(max < SIZE_MAX / 2); /* leaves room for the NUL and for doubling */
    *b = (struct buf){.max = max};
}

void buf_fini(struct buf *b)
{
    if (b == NULL) {
        return;
    }
    mem_free(b->data);
    *b = (struct buf){.max = b->max};
}

char *buf_reserve(struct buf *b, size_t more)
{
    if (more > b->max - b->len) {
        b->truncated = true;
        return NULL;
    }
    size_t wanted = b->len + more + 1;
    if (wanted > b->cap) {
        size_t cap = b->cap < BUF_CAP_MIN ? BUF_CAP_MIN : b->cap * 2;
        if (cap > b->max + 1) {
            cap = b->max + 1;
        }
        b->cap = cap < wanted ? wanted : cap;
        b->data = mem_realloc(b->data, b->cap);
        b->data[b->len] = '\0';
    }
    return b->data + b->len;
}

int buf_append(struct buf *b, const void *bytes, size_t len)
{
    char *to = buf_reserve(b, len);
    if (to == NULL) {
        return ERR_TOO_BIG;
    }
    if (len > 0) {
        memcpy(to, bytes, len);
        b->len += len;
    }
    b->data[b->len] = '\0';
    return 0;
}

int buf_append_text(struct buf *b, const char *text)
{
    return buf_append(b, text, strlen(text));
}

int buf_append_char(struct buf *b, char c)
{
    return buf_append(b, &c, 1);
}

int buf_printf(struct buf *b, const char *format, ...)
{
    size_t room = b->cap > b->len ? b->cap - b->len : 0; /* what fits needs one pass only */
    va_list args;
    va_start(args, format);
    int len = vsnprintf(room > 0 ? b->data + b->len : NULL, room, format, args);
    va_end(args);
    char *to = len < 0 ? NULL : buf_reserve(b, (size_t)len);
    if (to == NULL) {
        b->truncated = true;
        if (room > 0) {
            b->data[b->len] = '\0';
        }
        return ERR_TOO_BIG;
    }
    if ((size_t)len >= room) {
        va_start(args, format);
        vsnprintf(to, (size_t)len + 1, format, args);
        va_end(args);
    }
    b->len += (size_t)len;
    return 0;
}

void buf_consume(struct buf *b, size_t len)
{
    assert(len <= b->len);
    if (len > 0) {
        b->len -= len;
        memmove(b->data, b->data + len, b->len + 1);
    }
}

void buf_cut(struct buf *b, size_t len)
{
    assert(len <= b->len);
    if (len < b->len) {
        b->len = len;
        b->data[len] = '\0';
    }
}

void buf_reset(struct buf *b, size_t keep_bytes)
{
    if (b->cap > keep_bytes) {
        buf_fini(b);
    }
    b->len = 0;
    b->truncated = false;
    if (b->data != NULL) {
        b->data[0] = '\0';
    }
}

char *buf_take(struct buf *b)
{
    char *data = b->data != NULL ? b->data : mem_strdup("");
    b->data = NULL;
    b->len = 0;
    b->cap = 0;
    return data;
}

const char *buf_text(const struct buf *b)
{
    return b->data != NULL ? b->data : "";
}

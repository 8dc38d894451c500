#include "base/arena.h"
#include "base/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { CHUNK_BYTES = 4096 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t used;
    size_t size;
    _Alignas(max_align_t) unsigned char memory[];
};

static struct arena_chunk *chunk_new(size_t size)
{
    struct arena_chunk *chunk = mem_alloc(sizeof *chunk + size);
    chunk->next = NULL;
    chunk->used = 0;
    chunk->size = size;
    return chunk;
}

/* The chunk to take @bytes from. A request too big for the usual chunk gets one of its own behind
 * the first, so that the room left in the first is still used. */
static struct arena_chunk *chunk_for(struct arena *a, size_t bytes)
{
    struct arena_chunk *first = a->chunks;
    if (first != NULL && bytes <= first->size - first->used) {
        return first;
    }
    const size_t usual = CHUNK_BYTES - sizeof(struct arena_chunk);
    struct arena_chunk *chunk = chunk_new(bytes > usual ? bytes : usual);
    if (bytes > usual && first != NULL) {
        chunk->next = first->next;
        first->next = chunk;
    } else {
        chunk->next = first;
        a->chunks = chunk;
    }
    return chunk;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    const size_t align = _Alignof(max_align_t);
    assert(bytes < SIZE_MAX / 2);
    size_t rounded = ((bytes == 0 ? 1 : bytes) + align - 1) / align * align;
    struct arena_chunk *chunk = chunk_for(a, rounded);
    void *memory = chunk->memory + chunk->used;
    chunk->used += rounded;
    return memset(memory, 0, rounded);
}

char *arena_strdup(struct arena *a, const char *text)
{
    return arena_strndup(a, text, strlen(text));
}

char *arena_strndup(struct arena *a, const char *text, size_t bytes)
{
    size_t len = strnlen(text, bytes);
    return memcpy(arena_alloc(a, len + 1), text, len);
}

char *arena_printf(struct arena *a, const char *format, ...)
{
    char most[256]; /* what fits needs one pass only */
    va_list args;
    va_start(args, format);
    int len = vsnprintf(most, sizeof most, format, args);
    va_end(args);
    assert(len >= 0);
    if ((size_t)len < sizeof most) {
        return arena_strndup(a, most, (size_t)len);
    }
    char *text = arena_alloc(a, (size_t)len + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return text;
}

static void free_chunks(struct arena_chunk *chunk)
{
    while (chunk != NULL) {
        struct arena_chunk *next = chunk->next;
        mem_free(chunk);
        chunk = next;
    }
}

void arena_reset(struct arena *a)
{
    struct arena_chunk *first = a->chunks;
    if (first == NULL) {
        return;
    }
    if (first->size > CHUNK_BYTES) { /* one huge request does not stay for ever */
        arena_fini(a);
        return;
    }
    free_chunks(first->next);
    first->next = NULL;
    first->used = 0;
}

void arena_fini(struct arena *a)
{
    if (a != NULL) {
        free_chunks(a->chunks);
        a->chunks = NULL;
    }
}

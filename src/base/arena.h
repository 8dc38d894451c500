/*
 * A bump allocator for things that live and die together, e.g. all that one reconcile builds. No
 * per-object free.
 */
#pragma once
#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks;
};

/** A zeroed struct arena is empty and valid. Memory comes zeroed and aligned for any type. */
void *arena_alloc(struct arena *a, size_t bytes);
char *arena_strdup(struct arena *a, const char *text);
char *arena_strndup(struct arena *a, const char *text, size_t bytes);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Forget all that was allocated, keeping one chunk for reuse. */
void arena_reset(struct arena *a);
void arena_fini(struct arena *a);

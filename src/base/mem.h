/*
 * Memory. Running out of it ends the process in one place, so that no decision has a half-way exit:
 * the program (or a test) defines mem_out_of_memory(), which must not return.
 */
#pragma once
#include <stddef.h>

/** Like malloc, calloc, realloc, strdup; never NULL. Freed with mem_free(). mem_alloc(0) gives a
 * valid pointer. */
void *mem_alloc(size_t bytes) __attribute__((malloc, alloc_size(1), returns_nonnull));
void *mem_zalloc(size_t bytes) __attribute__((malloc, alloc_size(1), returns_nonnull));
void *mem_realloc(void *old, size_t bytes) __attribute__((alloc_size(2), returns_nonnull));
char *mem_strdup(const char *text) __attribute__((malloc, returns_nonnull));
char *mem_strndup(const char *text, size_t bytes) __attribute__((malloc, returns_nonnull));
void mem_free(void *memory);

/** Overwrite secrets before freeing; the compiler may not drop it. NULL is fine. */
void mem_wipe(void *memory, size_t bytes);

/** Defined by the program: says so and exits. @bytes is the request that failed. */
_Noreturn void mem_out_of_memory(size_t bytes);

/** Scoped cleanup: `CLEANUP(buf_fini) struct buf b = …;` runs buf_fini(&b) when b leaves its scope.
 */
#define CLEANUP(fini) __attribute__((cleanup(fini)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

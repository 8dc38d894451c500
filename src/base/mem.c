#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* malloc(0) may be NULL; a byte more keeps "never NULL" true everywhere. */
static size_t at_least_one(size_t bytes)
{
    return bytes == 0 ? 1 : bytes;
}

void *mem_alloc(size_t bytes)
{
    void *memory = malloc(at_least_one(bytes));
    if (memory == NULL) {
        mem_out_of_memory(bytes);
    }
    return memory;
}

void *mem_zalloc(size_t bytes)
{
    void *memory = calloc(1, at_least_one(bytes));
    if (memory == NULL) {
        mem_out_of_memory(bytes);
    }
    return memory;
}

void *mem_realloc(void *old, size_t bytes)
{
    void *memory = realloc(old, at_least_one(bytes));
    if (memory == NULL) {
        mem_out_of_memory(bytes);
    }
    return memory;
}

char *mem_strdup(const char *text)
{
    return mem_strndup(text, strlen(text));
}

char *mem_strndup(const char *text, size_t bytes)
{
    size_t len = strnlen(text, bytes);
    char *copy = mem_alloc(len + 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

void mem_free(void *memory)
{
    free(memory);
}

void mem_wipe(void *memory, size_t bytes)
{
    if (memory != NULL) {
        explicit_bzero(memory, bytes);
    }
}

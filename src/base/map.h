/*
 * Hash map from text to pointer. Keys are copied. Iteration order is that of insertion as long as
 * nothing was removed, and the same for the same sequence of calls and the same seed always; so
 * runs replay. The seed keeps user-chosen names from making it slow.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct map_entry {
    char *key;
    void *value;
    uint64_t hash;
};

struct map {
    struct map_entry *entries; /* dense: [0, count) */
    uint32_t *slots;           /* open addressing: index + 1 into entries; 0 is free */
    size_t count;
    size_t entries_cap;
    size_t slots_cap; /* power of two */
    uint64_t seed;
};

void map_init(struct map *m, uint64_t seed);

/** Frees keys and table; values are the caller's. */
void map_fini(struct map *m);

/** The value, or NULL. */
void *map_get(const struct map *m, const char *key);

/** Set @key to @value (not NULL); returns the value it replaced, or NULL. */
void *map_put(struct map *m, const char *key, void *value);

/** Remove @key; returns its value, or NULL when absent. The last entry moves into its place; memory
 * shrinks with the count. */
void *map_remove(struct map *m, const char *key);

/** `map_for_each(&m, e) { e->key … e->value }`; the map must not change inside. */
#define map_for_each(m, e)                                                                         \
    for (const struct map_entry *e = (m)->entries; (e) != NULL && (e) < (m)->entries + (m)->count; \
         (e)++)

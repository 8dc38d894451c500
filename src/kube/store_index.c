/*
 * An index of a store: keys to sorted buckets of objects.
 */
#include "kube/store_index.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

/* The objects of one index key, by namespace, then name. Never empty. */
struct bucket {
    const struct object **objects;
    size_t count, cap;
};

struct store_index {
    store_index_fn *fn;
    struct map buckets;
};

static int compare_names(const struct object *a, const struct object *b)
{
    int by_ns = strcmp(a->ns, b->ns);
    return by_ns != 0 ? by_ns : strcmp(a->name, b->name);
}

/* Where @o is in the bucket, or would have to be. */
static size_t bucket_place(const struct bucket *b, const struct object *o)
{
    size_t low = 0;
    size_t high = b->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_names(b->objects[middle], o) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void bucket_free(struct bucket *b)
{
    mem_free(b->objects);
    mem_free(b);
}

static void bucket_insert(struct bucket *b, const struct object *o)
{
    size_t at = bucket_place(b, o);

    if (b->count == b->cap) {
        b->cap = b->cap == 0 ? 1 : b->cap * 2; /* most hold one object */
        b->objects = mem_realloc(b->objects, b->cap * sizeof b->objects[0]);
    }
    memmove(&b->objects[at + 1], &b->objects[at], (b->count - at) * sizeof b->objects[0]);
    b->objects[at] = o;
    b->count++;
}

static void bucket_remove(struct bucket *b, const struct object *o)
{
    size_t at = bucket_place(b, o);

    assert(at < b->count && b->objects[at] == o);
    b->count--;
    memmove(&b->objects[at], &b->objects[at + 1], (b->count - at) * sizeof b->objects[0]);
}

struct store_index *store_index_new(store_index_fn *fn, uint64_t seed)
{
    struct store_index *index = mem_zalloc(sizeof *index);

    index->fn = fn;
    map_init(&index->buckets, seed);
    return index;
}

void store_index_insert(struct store_index *index, const struct object *o)
{
    char key[STORE_KEY_BYTES] = "";

    index->fn(o, key);
    if (key[0] == '\0') {
        return;
    }
    struct bucket *b = map_get(&index->buckets, key);
    if (b == NULL) {
        b = mem_zalloc(sizeof *b);
        map_put(&index->buckets, key, b);
    }
    bucket_insert(b, o);
}

void store_index_remove(struct store_index *index, const struct object *o)
{
    char key[STORE_KEY_BYTES] = "";

    index->fn(o, key);
    if (key[0] == '\0') {
        return;
    }
    struct bucket *b = map_get(&index->buckets, key);
    assert(b != NULL); /* index functions are pure */
    bucket_remove(b, o);
    if (b->count == 0) {
        bucket_free(map_remove(&index->buckets, key));
    }
}

void store_index_free(struct store_index *index)
{
    map_for_each (&index->buckets, e) {
        bucket_free(e->value);
    }
    map_fini(&index->buckets);
    mem_free(index);
}

const struct object *const *store_index_get(const struct store_index *index, const char *key,
                                            size_t *count)
{
    const struct bucket *b = map_get(&index->buckets, key);

    *count = b == NULL ? 0 : b->count;
    return b == NULL ? NULL : b->objects;
}

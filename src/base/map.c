#include "base/map.h"
#include "base/mem.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

enum { ENTRIES_MIN = 8 }; /* there are twice as many slots as entries */

/* SipHash-1-3 (Aumasson and Bernstein, https://www.aumasson.jp/siphash/siphash.pdf): without the
 * seed, colliding keys cannot be chosen. */
struct sip {
    uint64_t a, b, c, d;
};

static uint64_t rotate_left(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static void sip_round(struct sip *s)
{
    s->a += s->b;
    s->c += s->d;
    s->b = rotate_left(s->b, 13) ^ s->a;
    s->d = rotate_left(s->d, 16) ^ s->c;
    s->a = rotate_left(s->a, 32);
    s->c += s->b;
    s->a += s->d;
    s->b = rotate_left(s->b, 17) ^ s->c;
    s->d = rotate_left(s->d, 21) ^ s->a;
    s->c = rotate_left(s->c, 32);
}

static void sip_word(struct sip *s, uint64_t word)
{
    s->d ^= word;
    sip_round(s);
    s->a ^= word;
}

static uint64_t hash_text(uint64_t seed, const char *text)
{
    size_t len = strlen(text);
    struct sip s = {seed ^ UINT64_C(0x736f6d6570736575), ~seed ^ UINT64_C(0x646f72616e646f6d),
                    seed ^ UINT64_C(0x6c7967656e657261), ~seed ^ UINT64_C(0x7465646279746573)};
    uint64_t word;
    size_t i = 0;
    for (; i + sizeof word <= len; i += sizeof word) {
        memcpy(&word, text + i, sizeof word);
        sip_word(&s, word);
    }
    word = 0;
    memcpy(&word, text + i, len - i);
    sip_word(&s, word | (uint64_t)len << 56);
    s.c ^= 0xFF;
    sip_round(&s);
    sip_round(&s);
    sip_round(&s);
    return s.a ^ s.b ^ s.c ^ s.d;
}

void map_init(struct map *m, uint64_t seed)
{
    *m = (struct map){.seed = seed};
}

void map_fini(struct map *m)
{
    if (m == NULL) {
        return;
    }
    for (size_t i = 0; i < m->count; i++) {
        mem_free(m->entries[i].key);
    }
    mem_free(m->entries);
    mem_free(m->slots);
    map_init(m, m->seed);
}

static size_t next_slot(const struct map *m, size_t slot)
{
    return (slot + 1) & (m->slots_cap - 1);
}

static size_t home_slot(const struct map *m, uint64_t hash)
{
    return (size_t)hash & (m->slots_cap - 1);
}

/* The slot that holds @key, or the free one where the search for it ends. Needs slots. */
static size_t find_slot(const struct map *m, const char *key, uint64_t hash)
{
    size_t slot = home_slot(m, hash);
    for (; m->slots[slot] != 0; slot = next_slot(m, slot)) {
        const struct map_entry *e = &m->entries[m->slots[slot] - 1];
        if (e->hash == hash && strcmp(e->key, key) == 0) {
            break;
        }
    }
    return slot;
}

/* Make room for @cap entries (at least count) and index them anew. */
static void resize(struct map *m, size_t cap)
{
    assert(cap < UINT32_MAX); /* slots hold index + 1 */
    m->entries = mem_realloc(m->entries, cap * sizeof *m->entries);
    m->entries_cap = cap;
    mem_free(m->slots);
    m->slots_cap = cap * 2;
    m->slots = mem_zalloc(m->slots_cap * sizeof *m->slots);
    for (size_t i = 0; i < m->count; i++) {
        size_t slot = home_slot(m, m->entries[i].hash);
        while (m->slots[slot] != 0) {
            slot = next_slot(m, slot);
        }
        m->slots[slot] = (uint32_t)i + 1;
    }
}

void *map_get(const struct map *m, const char *key)
{
    if (m->count == 0) {
        return NULL;
    }
    size_t slot = find_slot(m, key, hash_text(m->seed, key));
    return m->slots[slot] == 0 ? NULL : m->entries[m->slots[slot] - 1].value;
}

void *map_put(struct map *m, const char *key, void *value)
{
    assert(value != NULL);
    uint64_t hash = hash_text(m->seed, key);
    if (m->count > 0) {
        size_t slot = find_slot(m, key, hash);
        if (m->slots[slot] != 0) {
            struct map_entry *e = &m->entries[m->slots[slot] - 1];
            void *old = e->value;
            e->value = value;
            return old;
        }
    }
    if (m->count == m->entries_cap) {
        resize(m, m->entries_cap == 0 ? ENTRIES_MIN : m->entries_cap * 2);
    }
    m->entries[m->count] = (struct map_entry){mem_strdup(key), value, hash};
    m->count++;
    m->slots[find_slot(m, key, hash)] = (uint32_t)m->count;
    return NULL;
}

/* Free @hole; whatever was pushed past it by its being taken moves back, so that no search ends
 * early and no tombstones are needed. */
static void free_slot(struct map *m, size_t hole)
{
    size_t mask = m->slots_cap - 1;
    for (size_t slot = next_slot(m, hole); m->slots[slot] != 0; slot = next_slot(m, slot)) {
        size_t home = home_slot(m, m->entries[m->slots[slot] - 1].hash);
        bool reaches_hole = ((slot - home) & mask) >= ((slot - hole) & mask);
        if (reaches_hole) {
            m->slots[hole] = m->slots[slot];
            hole = slot;
        }
    }
    m->slots[hole] = 0;
}

void *map_remove(struct map *m, const char *key)
{
    if (m->count == 0) {
        return NULL;
    }
    size_t slot = find_slot(m, key, hash_text(m->seed, key));
    if (m->slots[slot] == 0) {
        return NULL;
    }
    size_t index = m->slots[slot] - 1;
    size_t last = m->count - 1;
    struct map_entry removed = m->entries[index];
    if (index != last) {
        m->slots[find_slot(m, m->entries[last].key, m->entries[last].hash)] = (uint32_t)index + 1;
        m->entries[index] = m->entries[last];
    }
    free_slot(m, slot);
    m->count = last;
    mem_free(removed.key);
    if (m->count < m->entries_cap / 4 && m->entries_cap > ENTRIES_MIN) {
        resize(m, m->entries_cap / 2);
    }
    return removed.value;
}

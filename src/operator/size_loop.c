#include "operator/size_loop.h"

#include "base/map.h"

#include <string.h>

enum { HOPS_NAMED_MAX = 8 };

/* A source that was followed, and from where: the shortest way is found first. */
struct hop {
    const struct size_source *source;
    struct hop *from; /* NULL: the first */
    struct hop *next; /* to be looked at after it */
};

struct search {
    const struct memcached *start;
    size_loop_owner *owner;
    void *ctx;
    struct arena *arena;
    struct map seen; /* names of Memcacheds */
    struct hop *last;
};

static void add_hop(struct search *s, const struct size_source *source, struct hop *from)
{
    struct hop *hop = arena_alloc(s->arena, sizeof *hop);
    *hop = (struct hop){.source = source, .from = from};
    if (s->last != NULL) {
        s->last->next = hop;
    }
    s->last = hop;
}

static const char *way(const struct hop *hop, struct arena *arena)
{
    const char *text = "";
    for (int i = 0; hop != NULL; hop = hop->from, i++) {
        const char *arrow = i == 0 ? "" : " → ";
        if (i == HOPS_NAMED_MAX) {
            return arena_printf(arena, "…%s%s", arrow, text);
        }
        text = arena_printf(arena, "%s/%s%s%s", hop->source->kind, hop->source->name, arrow, text);
    }
    return text;
}

/* The hop that leads back to the start; NULL: none does. */
static const struct hop *search(struct search *s)
{
    for (struct hop *hop = s->last; hop != NULL; hop = hop->next) {
        const struct memcached *m = s->owner(s->ctx, s->start->object.ns, hop->source);
        if (m == NULL) {
            continue;
        }
        if (strcmp(m->object.name, s->start->object.name) == 0) {
            return hop;
        }
        const struct size_from *f = m->size_from;
        if (f == NULL || map_put(&s->seen, m->object.name, hop) != NULL) {
            continue;
        }
        for (size_t i = 0; i < f->source_count; i++) {
            add_hop(s, &f->sources[i], hop);
        }
    }
    return NULL;
}

const char *size_loop_find(const struct memcached *m, size_t index, size_loop_owner *owner,
                           void *ctx, struct arena *arena)
{
    struct search s = {.start = m, .owner = owner, .ctx = ctx, .arena = arena};
    map_init(&s.seen, 0);
    add_hop(&s, &m->size_from->sources[index], NULL);
    const struct hop *back = search(&s);
    map_fini(&s.seen);
    return back != NULL ? way(back, arena) : NULL;
}

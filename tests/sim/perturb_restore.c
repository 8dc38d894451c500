/*
 * Restore: at every revision of every workload etcd comes back as it was at any earlier one. What
 * the operator saw since then never was, and the revisions are used again for other things. It is
 * running meanwhile, or it is down and starts when the past is there.
 *
 * A running one looks before as much was written again as was lost: a restored server that has
 * overtaken it cannot be told from one that was never away (docs/reflector.md), so writes wait for
 * its first reads.
 */
#include "sim/perturb.h"

#include "base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    STILL_MS = 30 * 1000,
    FIRST_REVISION = 100, /* of the world */
    STRIDE = 7,           /* of the pairs, unless many are wanted */
    OBJECTS_MAX = 16,
    KEY_BYTES = 256,
};

struct point {
    uint64_t to, at; /* revisions */
    bool down;       /* the operator, meanwhile */
    bool done;
    unsigned looked;                      /* bits of watched[]: it has asked since */
    char objects[OBJECTS_MAX][KEY_BYTES]; /* watched one by one, and not asked for since */
    unsigned object_count;
};

/* What the operator watches, by a piece of the path. */
static const char *const watched[] = {"/memcacheds?", "labelSelector=memcached-operator",
                                      "labelSelector=app.kubernetes.io", "/pods?"};
enum { ALL_LOOKED = (1 << 4) - 1 };

/* Pairs of revisions of a run in which nothing breaks, each twice: running and down. */
static uint64_t points_of(unsigned workload)
{
    static struct perturb_memo memo;
    if (!perturb_known(&memo, workload)) {
        struct world *w = perturb_world(workload, workload % 2 == 0, NULL);
        world_play(w, STILL_MS, NULL, NULL);
        uint64_t n = api_revision(world_api(w)) - FIRST_REVISION;
        perturb_remember(&memo, workload, n * (n + 1) / 2 * 2);
        world_free(w);
    }
    return memo.points[workload];
}

static struct point point_of(uint64_t i)
{
    struct point p = {.down = i % 2 == 1, .at = 1};
    i /= 2;
    while (i >= p.at) {
        i -= p.at++;
    }
    p.to = i + FIRST_REVISION;
    p.at += FIRST_REVISION;
    return p;
}

static bool is_read(const struct world *w, const struct choice *next)
{
    return next->type == CHOICE_EXECUTE && world_exchange(w, next->exchange)->method == HTTP_GET;
}

/* What is read is one object: all of the path that does not change with how it is read. */
static bool key_of_object(const struct exchange *e, char key[KEY_BYTES])
{
    const char *name = strstr(e->path, "fieldSelector=metadata.name%3D");
    if (name == NULL || strstr(e->path, "/namespaces/") == NULL) {
        return false;
    }
    snprintf(key, KEY_BYTES, "%.*s", (int)(strcspn(name, "&") + (size_t)(name - e->path)), e->path);
    return true;
}

static void note_objects(struct point *p, const struct world *w)
{
    for (size_t i = 0; i < world_exchange_count(w); i++) {
        const struct exchange *e = world_exchange(w, i);
        assert(p->object_count < OBJECTS_MAX);
        bool open = e->is_watch && e->executed && !e->orphan;
        p->object_count += open && key_of_object(e, p->objects[p->object_count]) ? 1 : 0;
    }
}

static void note_look(struct point *p, const struct exchange *e)
{
    char key[KEY_BYTES];
    for (unsigned i = 0; i < ARRAY_LEN(watched); i++) {
        p->looked |= strstr(e->path, watched[i]) != NULL ? 1U << i : 0;
    }
    bool is_object = key_of_object(e, key);
    for (unsigned i = 0; is_object && i < p->object_count; i++) {
        if (strcmp(p->objects[i], key) == 0) {
            p->object_count--;
            memmove(p->objects[i], p->objects[p->object_count], KEY_BYTES);
        }
    }
}

/* After the restore: reads come first. */
static enum world_say let_look(struct point *p, const struct world *w, const struct choice *next)
{
    bool writes = next->type == CHOICE_USER || next->type == CHOICE_CLUSTER ||
                  (next->type == CHOICE_EXECUTE && !is_read(w, next));
    if (p->down || (p->looked == ALL_LOOKED && p->object_count == 0)) {
        return SAY_TAKE;
    }
    if (is_read(w, next)) {
        note_look(p, world_exchange(w, next->exchange));
    }
    return writes ? SAY_NOT_NOW : SAY_TAKE;
}

static enum world_say say(void *ctx, struct world *w, const struct choice *next)
{
    struct point *p = ctx;
    if (p->done) {
        return let_look(p, w, next);
    }
    if (api_revision(world_api(w)) < p->at) {
        return SAY_TAKE;
    }
    p->done = true;
    if (p->down) {
        world_take(w, &(struct choice){.type = CHOICE_CRASH});
    }
    note_objects(p, w);
    world_take(w, &(struct choice){.type = CHOICE_RESTORE, .value = (int64_t)p->to});
    return SAY_DID;
}

static uint64_t count(bool many)
{
    uint64_t all = perturb_count(points_of);
    return many ? all : (all + STRIDE - 1) / STRIDE;
}

static void run(uint64_t i, bool many, struct perturb_case *c)
{
    i = many ? i : i * STRIDE;
    unsigned workload = perturb_locate(points_of, &i);
    struct point p = point_of(i);
    struct workload_spec spec;
    perturb_workload(workload, &spec);
    snprintf(c->what, sizeof c->what, "restore of revision %llu at %llu of %s/%u, operator %s",
             (unsigned long long)(p.to - FIRST_REVISION),
             (unsigned long long)(p.at - FIRST_REVISION), workload_text(spec.name), spec.variant,
             p.down ? "down" : "running");
    struct world *w = perturb_world(workload, workload % 2 == 0, c);
    world_play(w, STILL_MS, say, &p);
    perturb_judge(w, c, p.done);
}

const struct perturb_class perturb_restore = {
    .name = "restore",
    .about = "at every revision, etcd comes back at every earlier one, the operator up or down",
    .count = count,
    .run = run,
};

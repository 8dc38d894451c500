#include "sim/invariant.h"

#include "base/mem.h"
#include "kube/json.h"
#include "sim/invariant_parts.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LEASE_MS = 15 * 1000, ENOUGH_MS = 10 * 1000 };

void invariants_upgraded(struct invariants *i, const char *image)
{
    if (i->image_count == INVARIANT_IMAGES_MAX) { /* the oldest is long gone */
        i->image_count--;
        memmove(i->images[0], i->images[1], i->image_count * sizeof i->images[0]);
    }
    snprintf(i->images[i->image_count++], sizeof i->images[0], "%s", image);
}

const char *invariants_text(yyjson_val *value)
{
    return yyjson_is_str(value) ? yyjson_get_str(value) : "";
}

struct invariants *invariants_new(struct world *w)
{
    struct invariants *i = mem_zalloc(sizeof *i);
    i->world = w;
    history_init(&i->history);
    map_init(&i->told, 4);
    map_init(&i->known, 5);
    invariants_upgraded(i, "memcached:1.6");
    return i;
}

void invariants_free(struct invariants *i)
{
    if (i != NULL) {
        history_fini(&i->history);
        invariants_forget_events(i);
        invariants_forget_known(i);
        map_fini(&i->known);
        mem_free(i);
    }
}

/* ---- I6 ---- */

/* What the Lease promised, the restored etcd does not know; after a lease's time all is well. */
static bool is_restored(const struct invariants *i)
{
    return i->restored_ms != 0 && world_now_ms(i->world) < i->restored_ms + LEASE_MS;
}

/* Two clocks that differ by the rate that is put up with (ENOUGH_MS is LEASE_MS / 1.5) judge alike
 * from so much on: earlier, the one who holds the lease may believe in it. */
static void judge_taking(struct invariants *i, const char *holder)
{
    uint64_t age_ms = world_now_ms(i->world) - i->renewed_ms;
    if (i->holder[0] != '\0' && strcmp(i->holder, holder) != 0 && holder[0] != '\0' &&
        age_ms < ENOUGH_MS && !is_restored(i)) {
        world_fail(i->world, "I6: %s took the Lease %" PRIu64 " ms after %s renewed it", holder,
                   age_ms, i->holder);
    }
}

/* Whose the lease is: what operators have agreed upon. If somebody else writes into it, the one who
 * holds it cannot know that before it renews. */
static void note_lease(struct invariants *i, int process, yyjson_val *lease)
{
    yyjson_val *metadata = yyjson_obj_get(lease, "metadata");
    if (!yyjson_equals_str(yyjson_obj_get(metadata, "name"), INVARIANT_LEASE) ||
        !yyjson_equals_str(yyjson_obj_get(metadata, "namespace"), INVARIANT_LEASE_NS) ||
        (process < 0 && i->holder[0] != '\0')) {
        return;
    }
    yyjson_val *holder = json_at(lease, "spec", "holderIdentity", NULL);
    const char *name = yyjson_is_str(holder) ? yyjson_get_str(holder) : "";
    judge_taking(i, name);
    snprintf(i->holder, sizeof i->holder, "%s", name);
    i->renewed_ms = world_now_ms(i->world);
}

static void judge_lease(struct invariants *i, const struct exchange *e, uint64_t revision)
{
    if (e->identity == NULL || is_restored(i)) {
        return;
    }
    uint64_t age_ms = world_now_ms(i->world) - i->renewed_ms;
    if (strcmp(i->holder, e->identity) != 0) {
        world_fail(i->world,
                   "I6: %s wrote revision %" PRIu64 " (%s %s), but the Lease is held by \"%s\"",
                   e->identity, revision, http_method_name(e->method), e->path, i->holder);
    } else if (age_ms > LEASE_MS) {
        world_fail(i->world,
                   "I6: %s wrote revision %" PRIu64 " (%s %s) %" PRIu64
                   " ms after it renewed the Lease",
                   e->identity, revision, http_method_name(e->method), e->path, age_ms);
    }
}

/* ---- Changes ---- */

/* By somebody who is no operator. Statuses do not count: of these there are many. */
static void note_meddling(struct invariants *i, const struct api_change *change, yyjson_val *before,
                          yyjson_val *after)
{
    bool same_spec = before != NULL && after != NULL &&
                     yyjson_equals(json_at(before, "metadata", "generation", NULL),
                                   json_at(after, "metadata", "generation", NULL));
    if (before == NULL || same_spec) {
        return;
    }
    if (strcmp(change->resource, "deployments") == 0) {
        history_meddled(&i->history, controlling_memcached(before));
    } else if (strcmp(change->resource, "memcacheds") == 0 &&
               !yyjson_equals(json_at(before, "spec", "size", NULL),
                              json_at(after, "spec", "size", NULL))) {
        history_meddled(&i->history, yyjson_get_str(json_at(before, "metadata", "uid", NULL)));
    }
}

static bool is_scalable(const char *resource)
{
    static const char *const scalable[] = {"deployments", "statefulsets", "replicasets", "fleets",
                                           "memcacheds"};
    bool is = false;
    for (size_t n = 0; n < ARRAY_LEN(scalable); n++) {
        is |= strcmp(resource, scalable[n]) == 0;
    }
    return is;
}

static void take_note(struct invariants *i, int process, const struct api_change *change,
                      yyjson_val *before, yyjson_val *after)
{
    i->history.now_ms = world_now_ms(i->world);
    if (is_scalable(change->resource)) {
        history_source(&i->history, change->revision, change->resource, before, after);
    }
    if (process < 0 && is_scalable(change->resource)) {
        note_meddling(i, change, before, after);
    }
    if (strcmp(change->resource, "memcacheds") == 0) {
        history_memcached(&i->history, change->revision, after);
    } else if (strcmp(change->resource, "deployments") == 0) {
        history_deployment(&i->history, change->revision, before, after);
    } else if (strcmp(change->resource, "leases") == 0) {
        note_lease(i, process, after);
    }
}

/* Most changes are pods coming and going. */
static bool matters(int process, const struct api_change *change)
{
    return process >= 0 || strcmp(change->resource, "leases") == 0 || is_scalable(change->resource);
}

static yyjson_doc *parse(const char *json)
{
    return json != NULL ? yyjson_read(json, strlen(json), 0) : NULL;
}

void invariants_change(struct invariants *i, int process, const struct exchange *exchange,
                       const struct api_change *change)
{
    if (!matters(process, change)) {
        return;
    }
    yyjson_doc *before = parse(change->before);
    yyjson_doc *after = parse(change->after);
    struct deed deed = {.process = (unsigned)process,
                        .exchange = exchange,
                        .change = change,
                        .before = yyjson_doc_get_root(before),
                        .after = yyjson_doc_get_root(after)};
    if (process >= 0) {
        assert(exchange != NULL);
        invariants_judge_deed(i, &deed);
        if (strcmp(change->resource, "leases") != 0 && strcmp(change->resource, "events") != 0) {
            judge_lease(i, exchange, change->revision);
        }
    }
    take_note(i, process, change, deed.before, deed.after);
    yyjson_doc_free(before);
    yyjson_doc_free(after);
}

/* ---- After a restore ---- */

struct rereading {
    struct invariants *i;
    uint64_t revision;
    const char *resource;
};

static void read_again(void *ctx, const char *json)
{
    const struct rereading *r = ctx;
    yyjson_doc *doc = parse(json);
    take_note(r->i, -1, &(struct api_change){.revision = r->revision, .resource = r->resource},
              NULL, yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
}

void invariants_restored(struct invariants *i, uint64_t revision)
{
    static const char *const resources[] = {"memcacheds",  "deployments", "statefulsets",
                                            "replicasets", "fleets",      "leases"};
    history_forget_order(&i->history, revision);
    invariants_forget_known(i);
    i->holder[0] = '\0';
    i->restored_ms = world_now_ms(i->world);
    for (size_t n = 0; n < ARRAY_LEN(resources); n++) {
        struct rereading r = {.i = i, .revision = revision, .resource = resources[n]};
        api_each(world_api(i->world), resources[n], NULL, read_again, &r);
    }
}

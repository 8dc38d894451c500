/*
 * I4: what each running process believes is there, beside what is there.
 */
#include "sim/invariant_parts.h"

#include "base/mem.h"
#include "kube/json.h"
#include "kube/store.h"

#include <stdio.h>
#include <string.h>

/* The stores that are watched, in their order in the manager, and whether an object belongs in. */
static bool is_any(yyjson_val *labels)
{
    (void)labels;
    return true;
}

static bool is_source(yyjson_val *labels)
{
    return yyjson_obj_get(labels, CLAIM_LABEL) != NULL;
}

static bool is_operand(yyjson_val *labels)
{
    return yyjson_equals_str(yyjson_obj_get(labels, "app.kubernetes.io/managed-by"),
                             "memcached-operator");
}

static bool is_pod(yyjson_val *labels)
{
    return yyjson_equals_str(yyjson_obj_get(labels, "app"), "memcached") &&
           yyjson_obj_get(labels, "memcached_cr") != NULL;
}

static const struct watched {
    const char *name, *resource;
    bool (*selects)(yyjson_val *labels);
} watched[] = {
    {"memcacheds", "memcacheds", is_any},
    {"sources", "deployments", is_source},
    {"operands", "deployments", is_operand},
    {"pods", "pods", is_pod},
};

struct comparison {
    struct invariants *i;
    unsigned process;
    const struct watched *watched;
    const struct store *store;
    size_t count; /* objects that belong in */
};

static void compare_one(void *ctx, const char *json)
{
    struct comparison *c = ctx;
    yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
    yyjson_val *metadata = yyjson_obj_get(yyjson_doc_get_root(doc), "metadata");
    if (c->watched->selects(yyjson_obj_get(metadata, "labels"))) {
        const char *ns = invariants_text(yyjson_obj_get(metadata, "namespace"));
        const char *name = invariants_text(yyjson_obj_get(metadata, "name"));
        const char *rv = invariants_text(yyjson_obj_get(metadata, "resourceVersion"));
        const char *uid = invariants_text(yyjson_obj_get(metadata, "uid"));
        const struct object *o = store_get(c->store, ns, name);
        if (o == NULL || strcmp(o->rv, rv) != 0 || strcmp(o->uid, uid) != 0) {
            world_fail(c->i->world,
                       "I4: process %u, store %s: %s/%s is %s of revision %s, on the server %s of "
                       "%s",
                       c->process, c->watched->name, ns, name, o != NULL ? o->uid : "missing",
                       o != NULL ? o->rv : "none", uid, rv);
        }
        c->count++;
    }
    yyjson_doc_free(doc);
}

/* What the store holds beyond the server's @c->count objects. */
static void find_ghost(const struct comparison *c)
{
    map_for_each (&c->store->objects, e) {
        const struct object *o = e->value;
        if (api_get(world_api(c->i->world), c->watched->resource, o->ns, o->name) == NULL) {
            world_fail(c->i->world, "I4: process %u, store %s: %s/%s is gone on the server",
                       c->process, c->watched->name, o->ns, o->name);
        }
    }
    world_fail(c->i->world, "I4: process %u, store %s: %zu objects, on the server %zu", c->process,
               c->watched->name, c->store->objects.count, c->count);
}

void invariants_check_stores(struct invariants *i)
{
    for (unsigned process = 0; process < WORLD_PROCESSES_MAX; process++) {
        const struct manager *m = world_manager(i->world, process);
        for (size_t n = 0; m != NULL && n < ARRAY_LEN(watched); n++) {
            struct comparison c = {
                .i = i, .process = process, .watched = &watched[n], .store = manager_store(m, n)};
            api_each(world_api(i->world), watched[n].resource, NULL, compare_one, &c);
            if (c.store->objects.count != c.count) {
                find_ghost(&c);
            }
        }
    }
}

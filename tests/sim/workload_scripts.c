#include "sim/workload_scripts.h"

#include "base/mem.h"

#include <assert.h>

#define NS "default"

static const struct target cache = {"memcacheds", NS, "cache"};
static const struct target operand = {"deployments", NS, "cache"};
static const struct target web = {"deployments", NS, "web"};
static const struct target api = {"deployments", NS, "api"};

/* A Memcached of size 1 that follows web's replicas. */
static void make_pair(struct steps *s, int replicas)
{
    user_create_memcached(s, NS, "cache", 1);
    user_create_source(s, NS, "web", "cache", replicas);
}

static void write_create(struct steps *s, unsigned variant)
{
    switch (variant) {
    case 0:
        make_pair(s, 3);
        break;
    case 1:
        user_create_source(s, NS, "web", "cache", 3);
        user_create_memcached(s, NS, "cache", 1);
        break;
    case 2: /* nothing is to be synced */
        user_create_memcached(s, NS, "cache", 2);
        user_create_source(s, NS, "web", "cache", 2);
        break;
    case 3:
        user_create_source(s, NS, "web", "cache", 0);
        user_create_memcached(s, NS, "cache", 1);
        break;
    case 4:
        user_create_memcached(s, NS, "cache", 2);
        break;
    case 5:
        user_create_source(s, NS, "web", NULL, 2);
        user_create_memcached(s, NS, "cache", 1);
        user_claim(s, NS, "web", "cache");
        break;
    }
}

static void write_scale(struct steps *s, unsigned variant)
{
    static const int sizes[][4] = {{3, 1, 0, 2}, {1, 2, 1, 2}};
    make_pair(s, 2);
    for (unsigned i = 0; i < 4; i++) {
        static const char *const bodies[] = {"{'spec':{'replicas':0}}", "{'spec':{'replicas':1}}",
                                             "{'spec':{'replicas':2}}", "{'spec':{'replicas':3}}"};
        int size = sizes[variant / 3][i];
        if (variant % 3 == 0) {
            user_scale(s, &web, size);
        } else if (variant % 3 == 1) {
            user_patch(s, "kubectl", &web, bodies[size]);
        } else {
            user_apply(s, "argo", &web, bodies[size]);
        }
    }
}

static void write_recreate(struct steps *s, unsigned variant)
{
    static const char *const policies[] = {"Background", "Foreground", "Orphan"};
    make_pair(s, 2);
    switch (variant) {
    case 0:
    case 1:
    case 2:
        user_delete(s, &cache, policies[variant]);
        user_scale(s, &web, 1); /* so that the old operand is not by chance as the new one's */
        user_create_memcached(s, NS, "cache", 3);
        if (variant == 2) { /* in the way of its namesake: it has no owner any more */
            user_delete(s, &operand, "Background");
        }
        break;
    case 3:
        user_delete(s, &web, "Background");
        user_create_source(s, NS, "web", "cache", 1);
        break;
    case 4:
        user_delete(s, &operand, "Background");
        user_delete(s, &operand, "Foreground");
        break;
    case 5:
        user_delete(s, &cache, "Background");
        user_delete(s, &web, "Background");
        user_delete(s, &operand, "Background");
        user_create_source(s, NS, "web", "cache", 1);
        user_create_memcached(s, NS, "cache", 2);
        break;
    case 6: /* with nobody else who decides anything */
        user_delete(s, &web, "Background");
        user_delete(s, &cache, "Background");
        user_create_memcached(s, NS, "cache", 4);
        break;
    }
}

static void write_relabel(struct steps *s, unsigned variant)
{
    make_pair(s, 3);
    switch (variant) {
    case 0:
        user_create_memcached(s, NS, "queue", 1);
        user_claim(s, NS, "web", "queue");
        user_scale(s, &web, 2);
        user_scale(s, &cache, 1); /* free to be set by hand */
        break;
    case 1:
        user_claim(s, NS, "web", NULL);
        user_scale(s, &cache, 1);
        user_claim(s, NS, "web", "cache");
        break;
    case 2: /* a label that is no name, and one that names nobody */
        user_claim(s, NS, "web", "No_Name");
        user_scale(s, &web, 1);
        user_claim(s, NS, "web", "nobody");
        user_claim(s, NS, "web", "cache");
        break;
    case 3:
        user_create_memcached(s, NS, "queue", 1);
        user_create_source(s, NS, "api", "queue", 2);
        user_claim(s, NS, "web", "queue");
        user_claim(s, NS, "api", "cache");
        break;
    case 4: /* nothing else tells the one that it is left */
        user_create_memcached(s, NS, "queue", 1);
        user_claim(s, NS, "web", "queue");
        break;
    case 5:
        user_create_memcached(s, NS, "queue", 1);
        user_create_source(s, NS, "api", "cache", 1);
        user_claim(s, NS, "web", "queue");
        break;
    }
}

static void write_hand_scale(struct steps *s, unsigned variant)
{
    switch (variant) {
    case 0:
        make_pair(s, 2);
        user_scale(s, &cache, 4);
        user_scale(s, &cache, 0);
        break;
    case 1:
        make_pair(s, 2);
        user_scale(s, &operand, 4);
        user_scale(s, &operand, 0);
        break;
    case 2:
        make_pair(s, 2);
        user_scale(s, &cache, 3);
        user_scale(s, &operand, 1);
        user_scale(s, &web, 1);
        break;
    case 3: /* nobody decides it */
        user_create_memcached(s, NS, "cache", 1);
        user_scale(s, &cache, 3);
        user_scale(s, &cache, 0);
        user_scale(s, &cache, 2);
        break;
    case 4:
        make_pair(s, 2);
        user_patch(s, "kubectl", &operand,
                   "{'metadata':{'labels':{'app.kubernetes.io/managed-by':null}}}");
        user_patch(s, "kubectl", &operand, "{'spec':{'paused':true,'replicas':3}}");
        user_patch(s, "kubectl", &operand, "{'metadata':{'annotations':{'note':'mine'}}}");
        break;
    }
}

static void write_claimants(struct steps *s, unsigned variant)
{
    make_pair(s, 2);
    user_create_source(s, NS, "api", "cache", 1);
    switch (variant) {
    case 0:
        user_delete(s, &web, "Background");
        user_create_source(s, NS, "batch", "cache", 3);
        break;
    case 1:
        user_claim(s, NS, "web", NULL);
        user_claim(s, NS, "web", "cache");
        break;
    case 2: /* the one that decides comes back as the youngest */
        user_delete(s, &web, "Background");
        user_create_source(s, NS, "web", "cache", 3);
        user_delete(s, &api, "Background");
        break;
    case 3: /* those who do not decide change */
        user_scale(s, &api, 4);
        user_scale(s, &web, 0);
        user_delete(s, &api, "Background");
        break;
    case 4: /* the oldest claims last */
        user_claim(s, NS, "web", NULL);
        user_scale(s, &web, 3);
        user_create_source(s, NS, "batch", "cache", 4);
        user_claim(s, NS, "web", "cache");
        break;
    case 5: /* the status tells of those, too, who do not decide: api does, by its name */
        user_wait(s, 5);
        user_scale(s, &web, 4);
        break;
    case 6: /* the one that decided is on its way out, to the end */
        user_delete_held(s, &api);
        user_scale(s, &api, 4);
        break;
    }
}

static void write_upgrade(struct steps *s, unsigned variant)
{
    make_pair(s, 2);
    user_upgrade(s, "memcached:1.6.31");
    if (variant == 1) {
        user_scale(s, &web, 3);
    } else if (variant == 2) {
        user_upgrade(s, "memcached:1.6");
    }
}

static void write_namespace(struct steps *s, unsigned variant)
{
    user_create_namespace(s, "other");
    user_create_memcached(s, "other", "cache", 1);
    user_create_source(s, "other", "web", "cache", 2);
    user_delete_namespace(s, "other");
    if (variant == 1) { /* too late, and harmless */
        user_scale(s, &(struct target){"deployments", "other", "web"}, 3);
        user_create_memcached(s, "other", "queue", 1);
    }
    user_await_namespace_gone(s, "other");
    user_create_namespace(s, "other");
    user_create_memcached(s, "other", "cache", 3);
}

static void write_crd(struct steps *s, unsigned variant)
{
    make_pair(s, 2);
    user_serve_crd(s, false);
    if (variant == 1) {
        user_scale(s, &web, 3);
    } else if (variant == 2) {
        user_delete(s, &operand, "Background");
    }
    user_serve_crd(s, true);
    user_create_memcached(s, NS, "cache", 1);
}

static void write_stranger(struct steps *s, unsigned variant)
{
    switch (variant) {
    case 0:
    case 1:
        user_create_stranger(s, NS, "cache", variant == 1);
        user_create_memcached(s, NS, "cache", 1);
        user_create_source(s, NS, "web", "cache", 3);
        user_delete(s, &operand, "Background");
        break;
    case 2: /* it stays */
        user_create_stranger(s, NS, "cache", false);
        user_create_memcached(s, NS, "cache", 1);
        user_scale(s, &cache, 2);
        break;
    case 3: /* an operand loses its owner */
        user_create_memcached(s, NS, "cache", 1);
        user_patch(s, "kubectl", &operand, "{'metadata':{'ownerReferences':null}}");
        user_scale(s, &cache, 2);
        user_delete(s, &operand, "Background");
        break;
    case 4: /* the label on an operand does not make it feed itself */
        user_create_memcached(s, NS, "cache", 1);
        user_claim(s, NS, "cache", "cache");
        user_scale(s, &operand, 3);
        break;
    }
}

static const struct {
    void (*write)(struct steps *s, unsigned variant);
    unsigned variants;
} scripts[WORKLOAD_COUNT] = {
    [WORKLOAD_CREATE] = {write_create, 6},
    [WORKLOAD_SCALE] = {write_scale, 6},
    [WORKLOAD_RECREATE] = {write_recreate, 7},
    [WORKLOAD_RELABEL] = {write_relabel, 6},
    [WORKLOAD_HAND_SCALE] = {write_hand_scale, 5},
    [WORKLOAD_CLAIMANTS] = {write_claimants, 7},
    [WORKLOAD_UPGRADE] = {write_upgrade, 3},
    [WORKLOAD_NAMESPACE] = {write_namespace, 2},
    [WORKLOAD_CRD] = {write_crd, 3},
    [WORKLOAD_STRANGER] = {write_stranger, 5},
    [WORKLOAD_SIZE_FROM] = {workload_write_size_from, 11},
    [WORKLOAD_SEVERAL] = {workload_write_several, 10},
    [WORKLOAD_MISSING] = {workload_write_missing, 12},
    [WORKLOAD_HOLD] = {workload_write_hold, 7},
    [WORKLOAD_STEP] = {workload_write_step, 6},
    [WORKLOAD_PAUSE] = {workload_write_pause, 9},
};

unsigned workload_variants(enum workload_name name)
{
    return scripts[name].write != NULL ? scripts[name].variants : 1;
}

void workload_write_script(struct steps *s, enum workload_name name, unsigned variant)
{
    assert(scripts[name].write != NULL && variant < scripts[name].variants);
    scripts[name].write(s, variant);
}

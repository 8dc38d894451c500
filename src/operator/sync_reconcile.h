/*
 * Label → size: makes a Memcached's spec.size follow the Deployment that decides it. A pure
 * function like memcached_reconcile().
 */
#pragma once
#include "kube/plan.h"
#include "operator/memory.h"
#include "operator/types.h"

struct sync_view {
    const struct memcached *memcached; /* NULL: no such */
    const struct memory *memory;
    const struct object *const *sources; /* Deployments whose label names it, by name */
    size_t source_count;
    const char *sources_rv;   /* up to which sources are known; NULL: not known */
    struct store *memcacheds; /* where the answer goes */
};

void sync_reconcile(const struct sync_view *view, struct now now, struct plan *plan);

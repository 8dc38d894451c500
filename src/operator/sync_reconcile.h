/*
 * Sources → size: makes a Memcached's spec.size what sizing.h says. A pure function like
 * memcached_reconcile().
 */
#pragma once
#include "kube/plan.h"
#include "operator/memory.h"
#include "operator/sizing.h"

struct sync_view {
    const struct memcached *memcached; /* NULL: no such */
    const struct memory *memory;
    const struct sizing_view *sizing_view; /* what the decision was made from, and */
    const struct sizing *sizing;           /* the decision */
    /* The record of labelled Deployments: up to which version they are known. NULL: they do not
     * decide, or it is not known. */
    const char *sources_rv;
    struct store *memcacheds; /* where the answer goes */
};

void sync_reconcile(const struct sync_view *view, struct now now, struct plan *plan);

/*
 * Memcached → Deployment, and the status. A pure function: equal views and times give equal plans,
 * so a seed replays.
 */
#pragma once
#include "kube/plan.h"
#include "operator/memory.h"
#include "operator/sizing.h"

enum {
    STRANGER_LOOK_MS = 30 * 1000, /* how often a Deployment that is in the way is looked at */
};

/** What a plan's request was, for operator_answers.c. */
enum write_tag {
    WRITE_CREATE = 1,
    WRITE_LOOK,
    WRITE_APPLY,
    WRITE_STATUS,
    WRITE_SIZE,
    WRITE_SCALE,           /* no write: a source's scale is read */
    WRITE_CONFIRM,         /* no write: the Memcached is read, see memory.h */
    WRITE_CONFIRM_OPERAND, /* likewise, its Deployment */
};

/** All that the decision depends on. Borrowed. */
struct memcached_view {
    const struct memcached *memcached; /* NULL: no such */
    const struct deployment *operand;  /* of that name, from the watch of our own; NULL: none */
    const struct deployment *stranger; /* of that name, as last looked at by GET; NULL: none */
    const struct memory *memory;
    const struct sizing *sizing;      /* what its size shall be */
    const struct object *const *pods; /* by name */
    size_t pod_count;
    const char *image;
    uint64_t shape;                                  /* desired_shape() for memcached and image */
    struct store *memcacheds, *operands, *strangers; /* where answers go; never read here */
};

void memcached_reconcile(const struct memcached_view *view, struct now now, struct plan *plan);

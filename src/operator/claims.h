/*
 * Who decides a Memcached's size: of the labelled Deployments that claim it, the oldest
 * (creationTimestamp, then name).
 */
#pragma once
#include "base/arena.h"
#include "operator/types.h"

/** Why a labelled Deployment is not listened to. */
enum claim_fault {
    CLAIM_GOOD,
    CLAIM_OWN,      /* it belongs to a Memcached: it would feed itself */
    CLAIM_BAD_NAME, /* the label's value is no object name */
};

/** Judge a Deployment that has a claim. */
enum claim_fault claim_check(const struct deployment *d);

struct claims {
    const struct deployment *winner;  /* NULL: nobody claims it */
    const struct deployment **losers; /* by name */
    size_t loser_count;
};

/** @sources: the Deployments whose label names the Memcached, sorted by name. Terminating ones and
 * faulty claims do not count. Memory in @arena. */
struct claims claims_judge(struct arena *arena, const struct object *const *sources, size_t count);

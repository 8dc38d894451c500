/*
 * What the controllers remember of one Memcached beside what the stores hold: the outcome of their
 * own writes. Nothing here is needed for correctness after a restart; it spares repeated writes and
 * lets the status say what went wrong.
 */
#pragma once
#include "operator/contest.h"

#include <stdbool.h>
#include <stdint.h>

/* A view was found to be older than a record of what a decision was made from. */
struct doubt {
    uint64_t record; /* hash of it; 0: none was found */
    uint64_t lists;  /* of the view, when it was */
};

struct memory {
    struct doubt memcached_doubt, sources_doubt;
    struct contest operand; /* the Deployment: shape and replicas mixed */
    struct contest size;    /* spec.size */
    struct contest status;  /* its text */
    bool way_blocked;       /* creation was answered "already exists" */
    bool looked;            /* the stranger was looked at, at looked_ms */
    uint64_t looked_ms;
    uint64_t shape; /* desired_shape(), 0: not computed yet */
    /* Why the last write was refused; NULL: it was not, or it is needed no more. */
    char *operand_trouble; /* of the Deployment */
    char *size_trouble;    /* of spec.size */
};

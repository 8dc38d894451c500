/*
 * What the controllers remember of one Memcached beside what the stores hold: the outcome of their
 * own writes. Nothing here is needed for correctness after a restart; it spares repeated writes and
 * lets the status say what went wrong.
 */
#pragma once
#include "operator/contest.h"

#include <stdbool.h>
#include <stdint.h>

struct memory {
    struct contest operand; /* the Deployment: shape and replicas mixed */
    struct contest size;    /* spec.size */
    struct contest status;  /* its text */
    bool way_blocked;       /* creation was answered "already exists" */
    bool looked;            /* the stranger was looked at, at looked_ms */
    uint64_t looked_ms;
    uint64_t shape;        /* desired_shape(), 0: not computed yet */
    char *operand_trouble; /* why the last write of the Deployment failed; NULL: it did not */
    char *size_trouble;    /* why the last write of spec.size failed */
};

/*
 * I3 of holds: one that the status tells of does not become longer by itself, whoever looks, and
 * however often the operator is started; and none is above max. Only for invariant.c's files.
 */
#pragma once
#include "sim/invariant_parts.h"

/** A write of the status. NULL: its hold ends when it was told to, or that cannot be known; else
 * what is wrong, in @why. */
const char *hold_prolonged(const struct invariants *i, const struct deed *d,
                           const struct memcached_past *m, struct buf *why);

/** Likewise. The write has the Memcached's version, so its max is known. */
const char *hold_above_max(const struct deed *d, struct buf *why);

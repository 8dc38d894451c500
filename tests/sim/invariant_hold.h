/*
 * I3 of holds: one that the status tells of does not become longer by itself, whoever looks, and
 * however often the operator is started. Only for invariant.c's files.
 */
#pragma once
#include "sim/invariant_parts.h"

/** A write of the status. NULL: its hold ends when it was told to, or that cannot be known; else
 * what is wrong, in @why. */
const char *hold_prolonged(const struct invariants *i, const struct deed *d,
                           const struct memcached_past *m, struct buf *why);

/*
 * I3 of spec.size: may an operator have written that? Only for invariant.c's files.
 *
 * Exact, whatever the operator knew, as its write carries the Memcached's version: nothing is
 * written while paused, observed or invalid, and nothing down with ScaleUpOnly. Exact up to how
 * late a watch may be: without hold and step the size is size_wished() of what the sources had,
 * each at some time that is not before the one on which the last write rests. With a hold or a step
 * it is a bound: a wish that there ever was, or on the way to one, a step from where it was or had
 * been; and what was wished, and written by this same process, goes down not before its time.
 */
#pragma once
#include "sim/invariant_parts.h"

/** @record: see history_explains_size(). NULL: it may; else why not, in @why. */
const char *resize_fault(struct invariants *i, const struct deed *d, struct memcached_past *m,
                         uint64_t record, struct buf *why);

/*
 * What a Memcached's status shall say, and the events that go with its changes: the second half of
 * its reconcile. Pure.
 */
#pragma once
#include "operator/finding.h"

/** Plan the write of the status where it does not tell the truth. Returns true when it had to be
 * planned. */
bool memcached_status_plan(const struct memcached_view *view, enum finding finding, struct now now,
                           struct plan *plan);

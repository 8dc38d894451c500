/*
 * A world, and an oracle beside its own that is told what a test wants it to be told: also that an
 * operator did what somebody else has done.
 */
#pragma once
#include "sim/invariant.h"

struct trial {
    struct world *world;
    struct invariants *invariants;
    uint64_t revision; /* up to which it was told */
};

void trial_begin(struct trial *t, const struct world_options *options);
void trial_end(struct trial *t);

/** Tell the oracle what has changed: @process did it by @exchange; or -1 and NULL: a user. */
void trial_tell(struct trial *t, int process, const struct exchange *exchange);

/** Do a write in the name of a user or, with @exchange, of process 0, and tell of it. Fails the
 * test when nothing comes of it. @body may be NULL. */
void trial_write(struct trial *t, const struct exchange *exchange, enum http_method method,
                 const char *path, const char *body);

/*
 * Every schedule of a small world, to a depth: depth-first, a process for each way that parts, with
 * sleep sets (P. Godefroid, "Partial-Order Methods for the Verification of Concurrent Systems"): of
 * two choices that do not touch the same things only one order is tried.
 */
#pragma once
#include "sim/script.h"

struct explore_spec {
    const char *name;
    struct world_options options;
    unsigned prelude;    /* steps of the workload that are played and settled before */
    unsigned depth;      /* choices after that; then the world is settled, and judged. 0: not in
                            `make test` */
    unsigned depth_many; /* likewise in `make soak` */
    bool start;          /* begins with the start of the operator; else a start is one choice */
    bool sleepless;      /* no sleep sets: for their test */
};

struct explore_result {
    uint64_t paths;  /* schedules judged */
    uint64_t pruned; /* choices not taken, since their other order was */
    uint64_t failed;
    uint64_t ends;        /* explore_ends(): different states after the last choice … */
    uint64_t ends_digest; /* … and all of them as one number */
};

/** All schedules whose first choices have an index of @job modulo @jobs (those of the first two
 * levels, counted through). Stops at the first failure, which is in *script (freed by the caller).
 */
struct explore_result explore(const struct explore_spec *spec, unsigned job, unsigned jobs,
                              struct script *script);

/** Likewise, alone, and the ends are counted; nothing is judged. */
struct explore_result explore_ends(const struct explore_spec *spec);

/** The scenarios that tests run. */
extern const struct explore_spec explore_specs[];
extern const unsigned explore_spec_count;

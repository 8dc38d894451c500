/*
 * Random runs: each seed makes a world with its own workload, faults and habits of scheduling.
 */
#pragma once
#include "sim/script.h"

enum hunt_kind {
    HUNT_FAULTS, /* everything may break */
    HUNT_CALM,   /* nothing breaks: what fails here is a false alarm, or a plain bug */
    HUNT_LEASES, /* two processes and their Lease */
};

/** What the world of @seed is like. */
void hunt_options(enum hunt_kind kind, uint64_t seed, struct world_options *out);

/** One run. True: all held. Else *script (initialized here; freed by the caller) is the run. */
bool hunt_run(enum hunt_kind kind, uint64_t seed, struct script *script);

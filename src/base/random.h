/*
 * Seeded pseudo-random numbers (xoshiro256**): jitter, names, hash seeds. Never for secrets.
 */
#pragma once
#include <stdint.h>

struct random {
    uint64_t state[4];
};

void random_init(struct random *r, uint64_t seed);
uint64_t random_next(struct random *r);

/** Uniform in [0, bound); @bound > 0. */
uint64_t random_below(struct random *r, uint64_t bound);

/** Uniform in [ms, ms × (1 + percent/100)]. */
uint64_t random_jitter_ms(struct random *r, uint64_t ms, unsigned percent);

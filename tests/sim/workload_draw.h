/*
 * What random users have in common. Only for workload_random.c and its part.
 */
#pragma once
#include "base/random.h"
#include "sim/workload_steps.h"

enum { HOLDS_MAX = 8 };

struct draw {
    bool sizes; /* they use spec.sizeFrom */
    struct random random;
    struct steps *steps;
    const char *ns;
    const char *memcached; /* this step's */
    const char *source;
    struct target held[HOLDS_MAX]; /* somebody's finalizer is, or was, on it */
    unsigned held_count;
};

struct act {
    void (*write)(struct draw *d);
    unsigned weight;
};

unsigned draw_below(struct draw *d, unsigned bound);
bool draw_chance(struct draw *d, unsigned one_in);
const char *draw_policy(struct draw *d);
int draw_replicas(struct draw *d);

/** What those do who use spec.sizeFrom, beside all else. */
extern const struct act draw_size_acts[];
extern const size_t draw_size_act_count;

/** A Memcached with spec.sizeFrom, good or bad. */
void draw_sized_memcached(struct draw *d);

#include "sim/perturb.h"

#include <assert.h>
#include <stdio.h>

const struct perturb_class *const perturb_classes[] = {
    &perturb_crash, &perturb_lost,    &perturb_stale,   &perturb_blind, &perturb_late,
    &perturb_lease, &perturb_restore, &perturb_restart, &perturb_pods,  &perturb_overload,
    &perturb_reads, &perturb_rivals,  &perturb_memory,  NULL,
};

static bool is_deterministic(enum workload_name name)
{
    return name != WORKLOAD_NONE && name != WORKLOAD_RANDOM;
}

unsigned perturb_workload_count(void)
{
    unsigned sum = 0;
    for (enum workload_name name = WORKLOAD_NONE; name < WORKLOAD_COUNT; name++) {
        sum += is_deterministic(name) ? workload_variants(name) : 0;
    }
    return sum;
}

void perturb_workload(unsigned i, struct workload_spec *out)
{
    for (enum workload_name name = WORKLOAD_NONE; name < WORKLOAD_COUNT; name++) {
        unsigned variants = is_deterministic(name) ? workload_variants(name) : 0;
        if (i < variants) {
            *out = (struct workload_spec){.name = name, .variant = i};
            return;
        }
        i -= variants;
    }
}

uint64_t perturb_count(uint64_t (*points)(unsigned workload))
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < perturb_workload_count(); i++) {
        sum += points(i);
    }
    return sum;
}

unsigned perturb_locate(uint64_t (*points)(unsigned workload), uint64_t *i)
{
    unsigned workload = 0;
    while (*i >= points(workload)) {
        *i -= points(workload++);
    }
    return workload;
}

bool perturb_known(const struct perturb_memo *memo, unsigned workload)
{
    assert(workload < PERTURB_WORKLOADS_MAX);
    return memo->known[workload];
}

void perturb_remember(struct perturb_memo *memo, unsigned workload, uint64_t points)
{
    memo->known[workload] = true;
    memo->points[workload] = points;
}

void perturb_finish(struct world *w, struct perturb_case *c)
{
    if (world_failure(w) != NULL) {
        snprintf(c->failure, sizeof c->failure, "%s", world_failure(w));
    }
    if (c->trace) {
        printf("%s", world_trace(w));
    }
    world_free(w);
}

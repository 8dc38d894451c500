/*
 * The workloads themselves, written with the words of workload_steps.h. Only for workload.c.
 */
#pragma once
#include "sim/workload_steps.h"

/** @variant < workload_variants(@name). */
void workload_write_script(struct steps *s, enum workload_name name, unsigned variant);

/* Of workload_scripts_size.c. */
void workload_write_size_from(struct steps *s, unsigned variant);
void workload_write_several(struct steps *s, unsigned variant);
void workload_write_missing(struct steps *s, unsigned variant);
void workload_write_hold(struct steps *s, unsigned variant);
void workload_write_step(struct steps *s, unsigned variant);
void workload_write_pause(struct steps *s, unsigned variant);

void workload_write_random(struct steps *s, unsigned count, uint64_t seed);

/*
 * The workloads themselves, written with the words of workload_steps.h. Only for workload.c.
 */
#pragma once
#include "sim/workload_steps.h"

/** @variant < workload_variants(@name). */
void workload_write_script(struct steps *s, enum workload_name name, unsigned variant);

void workload_write_random(struct steps *s, unsigned count, uint64_t seed);

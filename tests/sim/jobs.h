/*
 * Many independent cases on all cores, each core a process of its own.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/** Cores of this machine. */
unsigned jobs_cores(void);

/** Call @one for each of [0, count), on @jobs processes; stops a process at its @failures_max-th
 * failure. A process that dies counts as a failure. Returns how many failed; *done (may be NULL) is
 * how many were run. */
uint64_t jobs_run(unsigned jobs, uint64_t count, unsigned failures_max,
                  bool (*one)(void *ctx, uint64_t i), void *ctx, uint64_t *done);

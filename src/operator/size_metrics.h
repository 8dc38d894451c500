/*
 * What /metrics says of sizes: one series for each Memcached, as long as it exists, and sums.
 * Filled by operator.c and its parts; what belongs to one Memcached is kept in its struct memory.
 */
#pragma once
#include "base/time_text.h"
#include "kube/metrics.h"
#include "operator/memory.h"
#include "operator/sizing.h"

struct size_metrics {
    struct metric_family *size, *wish; /* by namespace, name */
    struct metric *up, *down, *drift, *conflicts, *latency;
};

void size_metrics_init(struct size_metrics *s, struct metrics *metrics);

/** @m as it is, and what was decided on it. */
void size_metrics_show(struct size_metrics *s, struct memory *memory, const struct memcached *m,
                       const struct sizing *sizing);

/** Its size was written, from memory->size_before to @to. @is_drift: what was written before. */
void size_metrics_written(struct size_metrics *s, const struct memory *memory, int32_t to,
                          bool is_drift);

/** Its Deployment has the size of the Memcached now. */
void size_metrics_followed(struct size_metrics *s, struct memory *memory, struct now now);

/** The Memcached is gone, and its series with it. */
void size_metrics_forget(struct size_metrics *s, struct memory *memory);

/*
 * Counters, gauges and histograms with labels, and their Prometheus text. Names are the caller's
 * (controller-runtime's, so that dashboards work). Format:
 * https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
#pragma once
#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

enum { METRICS_LABELS_MAX = 4 };

struct metric;        /* one label combination */
struct metric_family; /* one name */

struct metrics {
    struct metric_family *first, *last;
};

void metrics_init(struct metrics *m);
void metrics_fini(struct metrics *m);

/** The family of that name, made on first use; names and help are static texts; @labels is a
 * comma-separated list of label names ("" for none). @buckets (histograms; ascending upper bounds,
 * static, +Inf is implied). */
struct metric_family *metrics_family(struct metrics *m, enum metric_type type, const char *name,
                                     const char *help, const char *labels, const double *buckets,
                                     size_t bucket_count);

/** The metric with these label values (as many as the family has labels, copied), made on first
 * use. Lives until removed. */
struct metric *metric_get(struct metric_family *f, ...);

/** Remove the series with these label values; no-op when absent. */
void metric_remove(struct metric_family *f, ...);

/** A series that is new, as the caller knows who keeps it: made without looking for it among
 * thousands. Lives until metric_drop(), which takes NULL, or until the end of all. */
struct metric *metric_new(struct metric_family *f, ...);
void metric_drop(struct metric *m);

void metric_add(struct metric *m, double value);
void metric_set(struct metric *m, double value);
void metric_observe(struct metric *m, double value);
double metric_value(const struct metric *m);

/** Append all families in the order of their making, series in order of theirs. Label values are
 * escaped. */
void metrics_render(const struct metrics *m, struct buf *out);

#include "operator/size_metrics.h"

#include "base/mem.h"

/* From a round trip on a local network to a hold of some minutes. */
static const double latency_buckets[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                         1,     2.5,  5,     10,   30,  60,   300};

static struct metric *counter(struct metrics *metrics, const char *name, const char *help)
{
    return metric_get(metrics_family(metrics, METRIC_COUNTER, name, help, "", NULL, 0));
}

void size_metrics_init(struct size_metrics *s, struct metrics *metrics)
{
    struct metric_family *changes =
        metrics_family(metrics, METRIC_COUNTER, "memcached_size_changes_total",
                       "Sizes that were changed because sources or labelled Deployments ask for it",
                       "direction", NULL, 0);
    *s = (struct size_metrics){
        .size = metrics_family(metrics, METRIC_GAUGE, "memcached_size", "spec.size of a Memcached",
                               "namespace,name", NULL, 0),
        .wish = metrics_family(metrics, METRIC_GAUGE, "memcached_size_wish",
                               "Size that those ask for who decide it", "namespace,name", NULL, 0),
        .up = metric_get(changes, "up"),
        .down = metric_get(changes, "down"),
        .drift = counter(metrics, "memcached_drift_corrections_total",
                         "Sizes that were changed beside the operator and put back"),
        .conflicts = metric_get(metrics_family(
            metrics, METRIC_GAUGE, "memcached_claim_conflicts",
            "Memcacheds that a labelled Deployment claims and does not decide", "", NULL, 0)),
        .latency = metric_get(
            metrics_family(metrics, METRIC_HISTOGRAM, "memcached_sync_latency_seconds",
                           "From a source's change to the Deployment that was written for it", "",
                           latency_buckets, ARRAY_LEN(latency_buckets))),
    };
}

static void show(struct metric_family *family, struct metric **series, const struct object *o,
                 int32_t value)
{
    if (*series == NULL) {
        *series = metric_new(family, o->ns, o->name);
    }
    metric_set(*series, value);
}

static void hide(struct metric **series)
{
    metric_drop(*series);
    *series = NULL;
}

static void count_conflict(struct size_metrics *s, struct memory *memory, bool is_contested)
{
    metric_add(s->conflicts, (double)is_contested - (double)memory->is_contested);
    memory->is_contested = is_contested;
}

static bool is_contested(const struct sizing *sizing)
{
    for (size_t i = sizing->counting; i < sizing->claimant_count; i++) {
        if (sizing_is_loser(&sizing->claimants[i])) {
            return true;
        }
    }
    return false;
}

void size_metrics_show(struct size_metrics *s, struct memory *memory, const struct memcached *m,
                       const struct sizing *sizing)
{
    if (m->size != REPLICAS_INVALID) {
        show(s->size, &memory->size_series, &m->object, m->size);
    } else {
        hide(&memory->size_series);
    }
    if (sizing->reason == SIZING_UNKNOWN) {
        return;
    }
    if (sizing->has_wish) {
        show(s->wish, &memory->wish_series, &m->object, sizing->wish);
    } else {
        hide(&memory->wish_series);
    }
    count_conflict(s, memory, is_contested(sizing));
}

void size_metrics_written(struct size_metrics *s, const struct memory *memory, int32_t to,
                          bool is_drift)
{
    metric_add(is_drift ? s->drift : to > memory->size_before ? s->up : s->down, 1);
}

void size_metrics_followed(struct size_metrics *s, struct memory *memory, struct now now)
{
    if (memory->behind_ms > 0) {
        metric_observe(s->latency, (double)(now.mono_ms - memory->behind_ms) / 1000.0);
    }
    memory->behind_ms = 0;
}

void size_metrics_forget(struct size_metrics *s, struct memory *memory)
{
    hide(&memory->size_series);
    hide(&memory->wish_series);
    count_conflict(s, memory, false);
}

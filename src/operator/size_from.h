/*
 * spec.sizeFrom: whose replicas decide a Memcached's size, and how. Read once, when the Memcached
 * is decoded, into a small struct in which defaults are filled in and every rule holds.
 *
 * The API server checks most of the rules, the cross-field ones only where it has CEL (Kubernetes
 * ≥ 1.25, config/crd/cel_rules.yaml): so all of them are checked here. What breaks one has a
 * `fault`, a sentence for people that begins with the field's path, and is followed in nothing: the
 * last good size stays. So do values and fields that only a later version of the operator knows.
 */
#pragma once
#include "operator/size_source.h"

enum {
    SIZE_FROM_SOURCES_MAX = 16,
    SIZE_FROM_SECONDS_MAX = 24 * 60 * 60, /* scaleDownAfterSeconds */
};

/** How Deployments count that bear the label, when there are no sources. */
enum size_claims { SIZE_CLAIMS_OLDEST, SIZE_CLAIMS_MAX, SIZE_CLAIMS_SUM, SIZE_CLAIMS_IGNORE };

/** What several sources make. */
enum size_aggregate { SIZE_AGGREGATE_SUM, SIZE_AGGREGATE_MAX };

enum size_rounding { SIZE_ROUNDING_UP, SIZE_ROUNDING_DOWN, SIZE_ROUNDING_NEAREST /* half: up */ };

/** While a source is missing the size is what the others ask for, but at least: */
enum size_if_missing {
    SIZE_IF_MISSING_KEEP,     /* what it is */
    SIZE_IF_MISSING_MIN,      /* min */
    SIZE_IF_MISSING_FALLBACK, /* fallback */
};

enum size_mode {
    SIZE_MODE_ENFORCE,
    SIZE_MODE_SCALE_UP_ONLY,
    SIZE_MODE_OBSERVE, /* reports, writes nothing */
};

struct size_from {
    const char *fault; /* NULL: all is well. Else nothing else here means anything */
    const struct size_source *sources;
    size_t source_count; /* 0: labelled Deployments decide, as `claims` says */
    enum size_claims claims;
    enum size_aggregate aggregate;
    int32_t ratio_memcached; /* so many memcacheds … */
    int32_t ratio_per;       /* … for so many replicas; both ≥ 1 */
    enum size_rounding rounding;
    int32_t min; /* 0 where not given */
    int32_t max; /* INT32_MAX where not given */
    int32_t scale_down_after_s;
    int32_t step_up; /* 0: any number at a time */
    int32_t step_down;
    enum size_if_missing if_missing;
    int32_t fallback; /* SIZE_IF_MISSING_FALLBACK: within min and max; else 0 */
    enum size_mode mode;
    bool paused;
};

/** What no sizeFrom means, and an empty one. */
extern const struct size_from size_from_default;

/** Read spec.sizeFrom: hostile, borrowed. NULL when it is absent or null; what is returned lives in
 * @arena, with its texts. */
const struct size_from *size_from_read(struct arena *arena, yyjson_val *json);

/** Bytes that size_from_pack() takes at most; 0 for NULL. */
size_t size_from_bytes(const struct size_from *f);

/** A copy behind an object's struct, texts and all; NULL for NULL. */
const struct size_from *size_from_pack(struct object_packer *p, const struct size_from *f);

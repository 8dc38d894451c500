/*
 * One of spec.sizeFrom.sources: an object of any kind whose replicas count, in the Memcached's own
 * namespace. What it says is checked here as far as it goes into URLs; whether there is such a
 * kind, only the server knows.
 */
#pragma once
#include "base/arena.h"
#include "kube/object.h"

struct size_source {
    const char
        *api_version; /* "apps/v1", "v1"; filled in for Deployment, StatefulSet, ReplicaSet */
    const char *kind;
    const char *name;
};

/**
 * Read one: hostile, borrowed. Texts go to @arena.
 * Returns 0, or ERR_INVALID with a message that continues the path to @json: ".name is no …".
 */
int size_source_read(struct arena *arena, yyjson_val *json, struct size_source *out,
                     struct error *err);

/** One object, by whichever version of its group. */
bool size_source_is_same(const struct size_source *a, const struct size_source *b);

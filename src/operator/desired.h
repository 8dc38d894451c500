/*
 * The Deployment that a Memcached becomes.
 */
#pragma once
#include "base/arena.h"
#include "operator/types.h"

#define DEFAULT_IMAGE "memcached:1.6"

enum {
    MEMCACHED_PORT = 11211,
    MEMCACHED_USER = 11211,        /* uid and gid of the pods' only process */
    MEMCACHED_NAME_BYTES_MAX = 63, /* the name becomes a label's value */
};

/**
 * The JSON text of the Deployment for @m, in @arena.
 * @live  NULL for a creation; else the Deployment to be changed: its uid and resourceVersion go in
 * as preconditions, so that neither a namesake nor a newer state is overwritten.
 */
const char *desired_deployment(struct arena *arena, const struct memcached *m, const char *image,
                               const struct object *live);

/** shape_hash() of it. */
uint64_t desired_shape(const struct memcached *m, const char *image);

/** "app=memcached,memcached_cr=NAME": the pods' selector, as /scale reports it. */
const char *desired_selector(struct arena *arena, const struct memcached *m);

/*
 * How large a Memcached must be: size_from.h and sizing.h written down a second time, on the
 * server's JSON. Only for invariant.c's files.
 */
#pragma once
#include "sim/api_object.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yyjson.h>

#define PAUSED_ANNOTATION "memcached-operator/paused"

enum { SIZE_SOURCES_MAX = 16, SIZE_SOURCE_KEY_BYTES = 64 + 64 + 254 };

/** One of sizeFrom.sources. Texts are borrowed. */
struct size_source_name {
    const char *api_version, *kind, *name;
    const struct api_resource *resource; /* NULL: the server knows no such kind */
};

/** A Memcached's spec.sizeFrom, and its pause. Texts are borrowed, and never NULL. */
struct size_rules {
    bool is_given;
    const char *fault;     /* of spec.sizeFrom; NULL: none */
    bool pause_is_unclear; /* of the annotation: a fault as well, but it is known what is named */
    bool is_paused, up_only, observes;
    struct size_source_name sources[SIZE_SOURCES_MAX];
    size_t source_count; /* 0: labels decide */
    const char *claims, *rounding, *if_missing;
    bool is_maximum; /* of several: the largest, not the sum */
    int64_t memcached, per, min, max, fallback;
    int64_t hold_ms, step_up, step_down;
};

void size_rules_read(struct size_rules *r, yyjson_val *memcached);

/** Nobody is listened to: the size is left as it is. */
bool size_rules_are_bad(const struct size_rules *r);

/** What of a source is known. */
struct size_reading {
    enum { READING_MISSING, READING_FOUND, READING_LOOP, READING_NO_SCALE } state;
    int64_t replicas; /* FOUND */
};

/** All who are listened to, together. */
struct size_tally {
    int64_t sum, max;
    size_t counting;
    bool is_short; /* a source is missing */
};

void size_tally_add(struct size_tally *t, struct size_reading reading);

/** The reference: what is wished where spec.size is @size; -1: nothing is, and the size stays. */
int64_t size_wished(const struct size_rules *r, const struct size_tally *t, int64_t size);

/** Its key in a history: "default/deployments/web"; "" where the server knows no such kind. */
void size_source_key(const struct size_source_name *s, const char *ns,
                     char out[SIZE_SOURCE_KEY_BYTES]);

/** The replicas of what may be a source, as /scale shows them; MISSING when it is on its way out,
 * or NULL. */
struct size_reading size_read(const char *plural, yyjson_val *object);

/** @deployment, by its name, is one of the sources. */
bool size_is_source(const struct size_rules *r, const char *deployment);

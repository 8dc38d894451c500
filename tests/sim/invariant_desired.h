/*
 * The Deployment that a Memcached must have, written down a second time, as JSON that the real one
 * must contain; and comparisons that say where two objects part. Only for invariant.c's files.
 */
#pragma once
#include "base/buf.h"

#include <stdbool.h>
#include <yyjson.h>

/* Annotations in which the operator says what a decision was made from: on a Memcached the
 * resourceVersion of its sources, on a Deployment the generation of its Memcached. */
#define SOURCES_RECORD    "memcached-operator/sources-resource-version"
#define GENERATION_RECORD "memcached-operator/memcached-generation"

/** NULL: @deployment has all that is the operator's for the Memcached @name of @uid (its replicas
 * aside), and @image. Else the path of what is missing or different, in @where. */
const char *desired_difference(yyjson_val *deployment, const char *name, const char *uid,
                               const char *image, struct buf *where);

/** The image of its container "memcached", or "". */
const char *desired_image_of(yyjson_val *deployment);

/** NULL: apart from what is the operator's, @after is as @before was. Else the path of a difference
 * in @where. */
const char *foreign_difference(yyjson_val *before, yyjson_val *after, struct buf *where);

/** NULL: equal but for the members named in @ignored (ended by NULL). Else the name of one that
 * differs; borrowed. */
const char *members_differ(yyjson_val *before, yyjson_val *after, const char *const *ignored);

/*
 * Whether a Deployment is as we want it, in one number. The fields that we own are listed once; the
 * values of a Deployment at these places are hashed, the live ones when an object is decoded, the
 * desired ones when it is built. Fields that others add beside ours (a sidecar, an annotation, an
 * env variable) do not count: server-side apply would leave them too. replicas is kept apart: it
 * changes, the shape does not.
 */
#pragma once
#include <stdint.h>
#include <yyjson.h>

/** Hash of the fields that we own in a Deployment, hostile ones included. An empty list counts as
 * an absent one. */
uint64_t shape_hash(yyjson_val *deployment);

/** Hash of a text. */
uint64_t shape_text(const char *text);

/** Join two values into one, order matters. */
uint64_t shape_mix(uint64_t a, uint64_t b);

/** All of an operand that we own as one value, live or desired; for the contest. */
uint64_t shape_with_replicas(uint64_t shape, int32_t replicas);

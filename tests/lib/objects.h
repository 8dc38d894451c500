/*
 * Objects and plans for tests: objects are made by their kinds' own decoders from JSON in single
 * quotes, plans are printed as a trace, one line a thing.
 */
#pragma once
#include "kube/plan.h"
#include "operator/types.h"

/** Decode; fails the test when the decoder refuses. Freed with object_free(). */
struct object *object_from(const struct kind *kind, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** A Memcached default/NAME of @size, uid "m-NAME", with resourceVersion @rv. */
struct memcached *make_memcached(const char *name, int size, int rv);

/** A labelled Deployment default/NAME that claims @claim (NULL: no label), created @age_s seconds
 * after 2026-01-01. */
struct deployment *make_source(const char *name, const char *claim, int replicas, int age_s);

/** The trace of a plan: "log …", "event …", "METHOD kind ns/name[/subresource] body", "again …ms".
 * In the plan's arena. */
const char *plan_trace(const struct plan *plan);

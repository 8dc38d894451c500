/*
 * Loops: a Memcached that would follow itself. Its source is its own Deployment, or that of another
 * Memcached whose sources lead back to it, over however many. Such a source is SOURCE_LOOP
 * (sizing.h): all sizes on the way would chase each other.
 *
 * The answer depends on the spec of every Memcached on the way: when one changes, those that follow
 * it have to be decided anew.
 */
#pragma once
#include "operator/types.h"

/** Whose size decides the replicas of @source in @ns: the Memcached that controls this Deployment,
 * or that is itself the source. NULL: nobody's. @ctx as given. */
typedef const struct memcached *size_loop_owner(void *ctx, const char *ns,
                                                const struct size_source *source);

/** The way from @m by its source @index back to @m, for people: "Deployment/b → Deployment/a";
 * NULL: there is none. In @arena. Costs what can be reached, each once. */
const char *size_loop_find(const struct memcached *m, size_t index, size_loop_owner *owner,
                           void *ctx, struct arena *arena);

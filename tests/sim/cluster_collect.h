/*
 * Garbage collector and namespace controller. Only for cluster.c.
 *
 * The collector's rules are those of kube-controller-manager's attemptToDeleteItem(): an object
 * goes when all its owners are gone or never were, and loses the references to such when others are
 * left; owners that are deleted in the foreground wait for those who block them; "orphan" cuts the
 * references of all dependents first.
 */
#pragma once
#include "sim/cluster_mirror.h"

/** Something is to be done about this object's owners, or as an owner. */
bool collect_is_due(const struct mirror *m, const struct thing *t);
void collect_do(struct mirror *m, struct thing *t);

/** The namespace @ns is terminating and empty of what mirrors hold. */
bool namespace_is_empty(const struct mirror *m, const char *ns);

/** Remove all leases and events of the namespace, then let it go itself. */
void namespace_finish(struct mirror *m, struct thing *ns);

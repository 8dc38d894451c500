/*
 * The memcached operator: puts its kinds, stores and the two controllers into a manager. The only
 * module that the shell needs to know.
 */
#pragma once
#include "base/buf.h"
#include "kube/manager.h"

struct operator_options {
    const char *image; /* of memcached's container; copied */
    bool explains;     /* decides and writes nothing, for operator_explain(): instead of the two
                          controllers there is one whose plans only read */
};

struct operator;

/** Wire everything up in @manager, before its first step. */
struct operator* operator_new(struct manager *manager, const struct operator_options *options);

/** After manager_free(). */
void operator_free(struct operator* op);

/* ---- Explaining: options.explains ---- */

struct explain_wish {
    const char *name; /* of one Memcached, in the namespaces that the manager watches; NULL: all */
    bool as_json;     /* an array of objects (explain.h); else lines for people */
};

/** Whoever is referred to is known, so that what operator_explain() says stays, as long as nothing
 * changes. */
bool operator_is_explained(const struct operator* op);

/**
 * Append to @out what is known of who decides, and what would be written now. By namespace and
 * name. Between two steps.
 *
 * Returns how many Memcacheds that are, or a negative code with @out in any state: ERR_CANCELLED
 * (not all has been listed yet), ERR_NOT_FOUND (there is none of wish->name), ERR_TOO_BIG (for
 * @out). *unknown (may be NULL) counts those of which not all is known yet.
 */
int operator_explain(struct operator* op, const struct explain_wish *wish, struct now now,
                     struct buf *out, size_t *unknown, struct error *err);

/*
 * What `memcached-operator explain` says of a Memcached: who decides its size and why, who is
 * ignored, and what would be written. Only the words; what they tell of is decided by the very
 * functions that the reconcilers use (operator_explain.c).
 */
#pragma once
#include "base/json_writer.h"
#include "operator/sizing.h"

/** What would be written to the Deployment. */
enum explain_deed {
    EXPLAIN_NOTHING,
    EXPLAIN_CREATE,
    EXPLAIN_SCALE,
    EXPLAIN_UNKNOWN, /* it is not known whether there is a Deployment in the way */
};

/** Borrowed. */
struct explanation {
    const struct memcached *memcached;
    const struct sizing_view *view; /* what the decision was made from, and */
    const struct sizing *sizing;    /* the decision */
    int32_t size;                   /* spec.size once it is written; equal: it is not */
    enum explain_deed deed;
    int32_t replicas;   /* EXPLAIN_SCALE: what the Deployment has; else REPLICAS_INVALID */
    const char *reason; /* why nothing becomes of the Deployment, or it is not known; NULL: it is as
                           it shall be */
};

/** Lines for people, each ended by a newline. What came from the server is made printable. */
void explain_text(const struct explanation *e, struct buf *out);

/** One object. All of its members are there always, null where there is nothing to say; the man
 * page lists them. */
void explain_json(const struct explanation *e, struct json_writer *w);

/*
 * What is the matter with a Memcached's Deployment: the first half of its reconcile. Pure.
 */
#pragma once
#include "base/time_text.h"
#include "operator/memcached_reconcile.h"

/* What there is to say about the operand. */
enum finding {
    FINDING_AS_DESIRED,
    FINDING_MISSING,     /* to be created */
    FINDING_DIFFERS,     /* to be applied */
    FINDING_LOOK,        /* something is in the way: to be looked at */
    FINDING_TAKEN,       /* a Deployment of that name is not ours */
    FINDING_TERMINATING, /* ours, on its way out: wait */
    FINDING_OVERRULED,   /* the server changes what we apply */
    FINDING_CONTESTED,   /* somebody else keeps changing or deleting it: wait for the next step */
    FINDING_INVALID,     /* the spec makes no Deployment */
    FINDING_AWAITS_SIZE, /* a rival holds up the size: the Deployment keeps what it has */
};

enum finding finding_examine(const struct memcached_view *view, struct now now);

/** The other controller writes the size now, no rival holds it up: its answer brings the key back,
 * or its reconcile, if that writes none. */
bool finding_size_is_due(const struct memcached_view *view, struct now now);

/** Why @m cannot become a Deployment though the schema let it through; NULL: it can. */
const char *finding_invalid_spec(const struct memcached *m);

/** FINDING_CONTESTED: how long until the next step. */
uint64_t finding_pause_ms(const struct memcached_view *view, struct now now);

/** The Deployment of that name, wherever we know it from. */
const struct deployment *finding_operand(const struct memcached_view *view);

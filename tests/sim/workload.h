/*
 * What users do in a run, and what must be true in the end. A workload is a list of steps in words;
 * a step is one request by a user, named "kubectl", "argo" and so on.
 */
#pragma once
#include "kube/http.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct world;

enum workload_name {
    WORKLOAD_NONE,       /* nothing happens by itself: tests do it by hand */
    WORKLOAD_CREATE,     /* a Memcached, then a labelled Deployment; or the other way round */
    WORKLOAD_SCALE,      /* up, down, to 0, up */
    WORKLOAD_RECREATE,   /* Memcached, source and operand are deleted and made again under the same
                            name */
    WORKLOAD_RELABEL,    /* the label moves to another Memcached, goes, comes back */
    WORKLOAD_HAND_SCALE, /* somebody scales the Memcached, and the operand */
    WORKLOAD_CLAIMANTS,  /* several claim one; the winner goes, a new one comes */
    WORKLOAD_UPGRADE,    /* the operator is replaced by one with another image */
    WORKLOAD_NAMESPACE,  /* a namespace with everything in it is deleted, and made again */
    WORKLOAD_CRD,        /* the CRD is removed, and comes back */
    WORKLOAD_STRANGER,   /* a Deployment of the Memcached's name that is not ours; it goes later */
    /* spec.sizeFrom */
    WORKLOAD_SIZE_FROM, /* one named source, of each kind: it comes, is scaled, goes */
    WORKLOAD_SEVERAL,   /* sources together; labels beside them; ratio, rounding, min, max */
    WORKLOAD_MISSING,   /* sources that are not there, or never can be; loops */
    WORKLOAD_HOLD,      /* scaleDownAfterSeconds: ups and downs within it */
    WORKLOAD_STEP,      /* so many at a time */
    WORKLOAD_PAUSE,     /* paused, Observe, ScaleUpOnly, what is invalid */
    WORKLOAD_RANDOM,    /* steps drawn from the seed: all of the above, on few names */
    WORKLOAD_COUNT,
};

const char *workload_text(enum workload_name name); /* "scale" … */
bool workload_find(const char *text, enum workload_name *name);

struct workload_spec {
    enum workload_name name;
    unsigned steps;   /* WORKLOAD_RANDOM: how many */
    unsigned variant; /* where a workload has several orders; taken modulo workload_variants() */
};

struct workload;

struct workload *workload_new(const struct workload_spec *spec, uint64_t seed);
void workload_free(struct workload *l);
unsigned workload_variants(enum workload_name name);

/** Before that time (true, in ms) people wait, and do not take the next step. */
uint64_t workload_ready_ms(const struct workload *l);

/** The next step in words, or NULL at the end; borrowed until the step is taken. */
const char *workload_next(const struct workload *l);

/** Do it, on @w (through world_write() and the like). */
void workload_step(struct workload *l, struct world *w);

/*
 * The objects that the operator reads, each reduced to the fields that decide something, and their
 * decoders.
 */
#pragma once
#include "kube/object.h"
#include "operator/size_from.h"

/** A Deployment that bears it makes the Memcached of that name follow its replicas. */
#define CLAIM_LABEL "memcached-operator/associated-memcached-deployment-name"

/** Selects our own Deployments on the server. */
#define OPERAND_LABEL    "app.kubernetes.io/managed-by"
#define OPERAND_MANAGER  "memcached-operator"
#define OPERAND_SELECTOR OPERAND_LABEL "=" OPERAND_MANAGER

/** Selects memcached's pods on the server; the value names the Memcached. */
#define POD_LABEL    "memcached_cr"
#define POD_SELECTOR "app=memcached," POD_LABEL

/** What a decision was made from is written down with it, so that nobody who sees an older state
 * takes it back: on a Memcached whose size we set, the resourceVersion up to which sources were
 * known; on a Deployment, the generation of its Memcached. */
#define SOURCES_ANNOTATION    "memcached-operator/sources-resource-version"
#define GENERATION_ANNOTATION "memcached-operator/memcached-generation"

/** On a Memcached, "true": its size is left alone, as by spec.sizeFrom.paused. For those that have
 * no sizeFrom; either pauses. */
#define PAUSED_ANNOTATION "memcached-operator/paused"

#define MEMCACHED_API_VERSION "cache.example.com/v1alpha1"

enum { REPLICAS_INVALID = -1 };

/** What PAUSED_ANNOTATION says. Neither "true" nor "false" is a mistake: nothing is followed until
 * it is mended. */
enum paused { PAUSED_NO, PAUSED_YES, PAUSED_UNCLEAR };

struct memcached {
    struct object object;
    int32_t size;                      /* REPLICAS_INVALID: absent, negative, no int32 */
    const struct size_from *size_from; /* spec.sizeFrom; NULL without */
    enum paused paused;
    const char *status;     /* canonical text of what we know of it, see status.h */
    const char *sources_rv; /* SOURCES_ANNOTATION; NULL without */
    const char *size_rival; /* who has written spec.size, if not we; NULL: it is not noted */
};

struct deployment {
    struct object object;
    int32_t replicas;  /* REPLICAS_INVALID as above */
    const char *claim; /* CLAIM_LABEL's value; NULL without */
    uint64_t shape; /* operands only: hash of every field that we own but replicas, see shape.h */
    int64_t made_from;           /* operands only: GENERATION_ANNOTATION; 0 without */
    const char *replicas_rival;  /* operands only: who has written them, if not we */
    bool is_shown;               /* operands only: OPERAND_SELECTOR selects it */
    int64_t observed_generation; /* status */
    int32_t current_replicas;    /* status.replicas */
    int32_t ready_replicas;
};

struct pod {
    struct object object;
    const char *memcached; /* POD_LABEL's value; never NULL */
};

extern const struct kind memcached_kind;
extern const struct kind source_kind; /* Deployments, as those who claim, or are named */
extern const struct kind statefulset_kind, replicaset_kind; /* as sources; struct deployment, too */
extern const struct kind operand_kind;                      /* Deployments, as those we own */
extern const struct kind pod_kind;

/** The object is controlled by a Memcached, whichever. */
bool is_operand(const struct object *o);

/** The object is controlled by this very Memcached (by uid). */
bool is_controlled_by(const struct object *o, const struct object *owner);

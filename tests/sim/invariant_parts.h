/*
 * What invariant.c's files share.
 */
#pragma once
#include "sim/invariant.h"
#include "sim/invariant_history.h"

#define INVARIANT_LEASE_NS "operator-system"
#define INVARIANT_LEASE    "memcached-operator.cache.example.com"

enum { INVARIANT_IMAGES_MAX = 8, INVARIANT_TEXT_BYTES_MAX = 4096 };

struct invariants {
    struct world *world;
    struct history history;
    char images[INVARIANT_IMAGES_MAX][128]; /* that operators were started with; the last one now */
    unsigned image_count;
    char holder[128];     /* of the operators' Lease; "": nobody */
    uint64_t renewed_ms;  /* true time at which the Lease was last written by its holder */
    uint64_t restored_ms; /* true time of the last restore of etcd; 0: none */
    struct map told;      /* what Events say → struct told */
    struct map known;     /* process and Deployment → struct known */
};

/** A JSON string; "" for anything else. */
const char *invariants_text(yyjson_val *value);

/** One change by an operator. */
struct deed {
    unsigned process;
    const struct exchange *exchange;
    const struct api_change *change;
    yyjson_val *before, *after; /* NULL: not there */
};

/** I3: the operator may do that. */
void invariants_judge_deed(struct invariants *i, const struct deed *deed);

/** The Event of this deed; NULL, or what it says (in *said) though another one has said it. */
const char *invariants_repeated_event(struct invariants *i, const struct deed *d, struct buf *said);
void invariants_forget_events(struct invariants *i);

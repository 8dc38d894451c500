/*
 * What the controllers remember of one Memcached beside what the stores hold: the outcome of their
 * own writes. Nothing here is needed for correctness after a restart; it spares repeated writes and
 * lets the status say what went wrong.
 */
#pragma once
#include "operator/contest.h"
#include "operator/size_window.h"

#include <stdbool.h>
#include <stdint.h>

struct metric;

/* A view was found to be older than a record of what a decision was made from. */
struct doubt {
    uint64_t record; /* hash of it; 0: none was found */
    uint64_t lists;  /* of the view, when it was */
};

struct memory {
    /* The Memcached was read from etcd since work began. What a decision was made from before that
     * is known then, also where it left no record that we could see: a Deployment that somebody has
     * deleted meanwhile, a hold in a newer status than a lagging server's caches show. */
    bool is_confirmed;
    bool operand_is_confirmed; /* likewise its Deployment, or it was written: steps are counted */
    struct doubt memcached_doubt, sources_doubt;
    struct contest operand; /* the Deployment: shape and replicas mixed */
    struct contest size;    /* spec.size */
    struct contest status;  /* its text */
    bool way_blocked;       /* creation was answered "already exists" */
    bool looked;            /* the stranger was looked at, at looked_ms */
    uint64_t looked_ms;
    uint64_t shape; /* desired_shape(), 0: not computed yet */
    /* Why the last write was refused; NULL: it was not, or it is needed no more. */
    char *operand_trouble;  /* of the Deployment */
    char *size_trouble;     /* of spec.size */
    bool waits_for_size;    /* all else does, for the size that is about to be written */
    bool size_awaits_newer; /* it met a newer Memcached than we know, whatever was changed there */
    /* Who wrote what we last put back; NULL: it is not noted. */
    char *operand_rival; /* replicas of the Deployment */
    char *size_rival;    /* spec.size */
    /* What the wish was lately, where scaleDownAfterSeconds counts; NULL: the status says it. */
    struct size_window *window;
    /* For metrics. */
    int32_t size_before; /* what the size that is being written takes the place of */
    uint64_t news_ms;    /* since when a source may ask for another size; 0: all is followed */
    uint64_t behind_ms;  /* likewise, the Deployment behind a size that was written; 0: is not */
    struct metric *size_series, *wish_series; /* NULL: none */
    bool is_contested;                        /* counted in memcached_claim_conflicts */
};

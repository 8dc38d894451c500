/*
 * What was true when: the sizes of each Memcached, and who would have decided them, revision by
 * revision. An operator may be late, so it may write what once was right; but never what was right
 * before its last write was. Only for invariant.c.
 */
#pragma once
#include "sim/invariant_claims.h"
#include "sim/invariant_size.h"

#include "base/buf.h"
#include "base/map.h"

/** From @revision on, up to the next one. */
struct moment {
    uint64_t revision;
    bool is_known; /* somebody decides; of a Memcached's own size: it is not on its way out; a
                      source is there */
    int64_t value;
    struct size_tally all; /* of those who claim: all of them together */
    uint64_t at_ms;        /* true time */
    int64_t generation;    /* of a Memcached; 0 for those who decide */
    char who[64];          /* who decides; "size"; "source" */
};

struct timeline {
    struct moment *moments;
    size_t count, cap;
};

/** One Memcached, by uid: also after its end. */
struct memcached_past {
    char *ns, *name;
    struct timeline sizes;
    size_t size_cursor;    /* moment of `sizes` on which the last write of its operand rests */
    size_t decider_cursor; /* moment of its name's deciders on which the last write of size rests */
    size_t source_cursors[SIZE_SOURCES_MAX]; /* likewise of each source, while the rules stay */
    char *rules;                             /* spec.sizeFrom; NULL: none */
    bool is_reruled;                         /* they were others once */
    char *holds;                             /* status.sizing.holds; NULL: none */
    bool holds_count;                        /* they were told since the rules are what they are */
    uint64_t holds_ms;                       /* true time since when they are told */
    bool is_meddled; /* somebody else has written its size, or its Deployment */
    struct {
        unsigned process, start;
        int64_t size;
    } written; /* the last write of an operator, if nobody has changed size or rules since; else
                  start is 0 */
};

struct history {
    struct map memcacheds; /* uid → struct memcached_past */
    struct map claimants;  /* "ns/name" → struct claimant: as they are now */
    struct map deciders;   /* "ns/memcached" → struct timeline */
    struct map sources;    /* size_source_key() → struct timeline */
    uint64_t now_ms;       /* true time of what is being noted */
    bool is_restored; /* etcd was: revisions and generations came twice, and say nothing of order */
};

void history_init(struct history *h);
void history_fini(struct history *h);

/** Take note of a change; NULL: not there. */
void history_memcached(struct history *h, uint64_t revision, yyjson_val *after);
void history_deployment(struct history *h, uint64_t revision, yyjson_val *before,
                        yyjson_val *after);

/** Of anything that may be a source. */
void history_source(struct history *h, uint64_t revision, const char *plural, yyjson_val *before,
                    yyjson_val *after);

/** NULL: it never was. The first moment says that it was not there. */
const struct timeline *history_source_of(const struct history *h, const char *key);

/** Somebody who is no operator has written the size of this Memcached, or its Deployment's spec. */
void history_meddled(struct history *h, const char *uid);

/** etcd was restored: nobody claims anything until told anew, and whatever was right at any time,
 * also in the future that never was, may come from those who saw it. */
void history_forget_order(struct history *h, uint64_t revision);

/** NULL: never was. */
struct memcached_past *history_of(const struct history *h, const char *uid);

/**
 * An operator has set spec.size from @before to @size, by @rules that leave it to labels: some
 * decider wanted that, and not before the one on which its last write rests. @record: the revision
 * up to which it says that it knew the sources: then the one of that revision it is; 0: it says
 * nothing.
 */
bool history_explains_size(const struct history *h, struct memcached_past *m,
                           const struct size_rules *rules, int64_t before, int64_t size,
                           uint64_t record);

/** An operator has set the operand's replicas: likewise, by the Memcached's own sizes. @record: the
 * Memcached's generation that it says it knew; 0: nothing. */
bool history_explains_replicas(const struct history *h, struct memcached_past *m, int64_t replicas,
                               int64_t record);

/** For people: "12 web=2, 30 nobody, 41 web=5". NULL: nothing. */
void timeline_text(const struct timeline *t, struct buf *out);
const struct timeline *history_deciders(const struct history *h, const struct memcached_past *m);

/*
 * One sequence on its way through a real server: what it asks next, and what it makes of answers.
 * Between conformance_real.c, which sends and receives for all lanes, and conformance_lane.c.
 */
#pragma once
#include "sim/conformance_real.h"

#include "shell/credentials.h"
#include "shell/transport.h"

enum { LANES_MAX = 128, REQUEST_MS = 60 * 1000 };

/* What a lane does with the answer to a request. */
enum purpose {
    PURPOSE_SETUP,   /* the namespace, and what pods need in it */
    PURPOSE_TRUTH,   /* what there is, by a quorum read */
    PURPOSE_CACHE,   /* what the cache shows: is it the same? */
    PURPOSE_ASK,     /* the operation */
    PURPOSE_DELETE,  /* afterwards: all Memcacheds */
    PURPOSE_LEFT,    /* those that are still there, because of their finalizers */
    PURPOSE_RELEASE, /* one of them without */
};

struct flight {
    uint64_t id; /* 0: none */
    struct request request;
    struct lane *lane;
    enum purpose purpose;
    size_t i; /* the operation */
    bool is_watch;
    bool stream; /* it was opened */
    bool stop;   /* its end was seen: cancel it */
    int status;
    struct buf body; /* unless it goes to the side */
    struct flight *next;
};

struct lane {
    struct real *real;
    struct side *side; /* NULL: idle */
    size_t at;         /* the operation */
    unsigned setup;
    char *truth;  /* what there is, for an operation that a cache answers */
    bool in_step; /* the cache shows it */
    unsigned tries;
    uint64_t wait_until_ms; /* for the ends of watches; 0: not yet */
    bool due;               /* go on */
    enum { NOT_CLEANING, DELETING, LOOKING, CLEAN } cleaning;
};

struct real {
    struct poller *poller;
    struct credentials *credentials;
    struct transport *transport;
    const char *compact;
    struct flight *flights;
    struct lane lanes[LANES_MAX];
    uint64_t last_id;
    bool stirred; /* something has come since lanes were served */
    struct error failure;
};

/** Send @request (copied) for @lane. */
struct flight *real_launch(struct lane *lane, enum purpose purpose, const struct request *request);

/** The server cannot be asked, or does not answer as it must: the run ends. */
void real_fail(struct real *r, const struct flight *f, const char *what);

/** Watches whose end was seen are closed; with @all, every one. Returns how many are open. */
size_t real_close_watches(struct lane *lane, bool all);

/** Go on: send the next request. True when it has run to its end. */
bool lane_go_on(struct lane *lane, uint64_t now_ms);

/** The answer to one of its requests is complete, in @f. */
void lane_answered(struct lane *lane, const struct flight *f);

/*
 * Requests in flight: gives them ids, collects answers, waits out Retry-After, keeps to the request
 * rate, counts them. The only module of the core that pushes ACTION_START and ACTION_CANCEL.
 */
#pragma once
#include "base/buf.h"
#include "kube/http.h"
#include "kube/metrics.h"

#include <stdbool.h>

enum {
    CLIENT_RETRIES_MAX = 10,                /* on 429 and 5xx with Retry-After */
    CLIENT_RETRY_AFTER_MS_MAX = 120 * 1000, /* a longer Retry-After is cut to this */
};

/** A complete answer. */
struct answer {
    int http_status;  /* 0: none came */
    const char *body; /* borrowed during the callback; never NULL */
    size_t body_len;
    struct error error; /* code ERR_NONE on 2xx */
};

/** Callbacks of one request. For a stream (request.stream) head and body are called too, and the
 * body is not collected; they may not start or cancel requests. */
struct call_handler {
    void (*head)(void *ctx, struct now now, int http_status, int64_t retry_after_ms);
    /** Returns 0, or a negative code with *err filled: the request is cancelled and done() is told
     * that error. */
    int (*body)(void *ctx, struct now now, const char *bytes, size_t len, struct error *err);
    /** Exactly once per call, unless client_cancel() came first. May start requests. */
    void (*done)(void *ctx, struct now now, const struct answer *answer);
};

struct call;

struct client {
    struct actions *actions; /* where to push; set by the manager for each step */
    struct call **slots;     /* a call's id names its slot */
    size_t slot_count;
    size_t count; /* calls in flight or waiting */
    uint64_t sequence;
    double qps;    /* 0: no limit */
    double tokens; /* of the request rate; below 0: promised to calls that wait */
    uint64_t refilled_ms;
    bool closing;     /* no more retries */
    uint64_t lost_ms; /* when a write last ended without an answer: it may land yet; 0: none did */
    struct metric_family *requests_total;
    struct { /* the series of the last answer: the next one is mostly the same */
        struct metric *series;
        int http_status;
        enum http_method method;
    } counted;
    char *host; /* metric label */
};

/** @host copied. */
void client_init(struct client *c, double qps, const char *host, struct metrics *metrics);

/** Ends all calls with ERR_CANCELLED, so that their handlers free what is theirs; these may start
 * nothing any more. Pushes no action. */
void client_fini(struct client *c);

/**
 * Start a request; takes *request. Unary answers over BODY_BYTES_MAX end with ERR_TOO_BIG; 429 and
 * 5xx with a Retry-After are sent again by themselves (not streams, not after client_close()), and
 * after the last time done() is called when that Retry-After is over, too.
 * Returns its id, never 0.
 */
uint64_t client_start(struct client *c, struct now now, struct request *request,
                      const struct call_handler *handler, void *ctx);

/** End it now; done() is not called. Unknown ids are ignored. */
void client_cancel(struct client *c, uint64_t id);

/** It is in nobody's hands: the server's Retry-After, or the request rate, holds it back. */
bool client_is_waiting(const struct client *c, uint64_t id);

/** HEAD, BODY, END from the shell. Events of unknown ids are ignored. */
void client_event(struct client *c, struct now now, const struct event *event);

/** Start what has waited long enough. */
void client_tick(struct client *c, struct now now);
uint64_t client_deadline(const struct client *c);

/** From now on: no retries; calls that only wait are done with ERR_CANCELLED. */
void client_close(struct client *c, struct now now);

/*
 * Records Kubernetes Events (events.k8s.io/v1). Same events within six minutes become one with a
 * count (series); per object at most 25 at once and one per 5 minutes after; bounded memory; when
 * the server is slow, events are dropped before they could hold up anything. Rules:
 * https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
 */
#pragma once
#include "base/map.h"
#include "kube/recorder_event.h"

enum {
    RECORDER_BURST = 25,
    RECORDER_REFILL_MS = 5 * 60 * 1000,
    RECORDER_NORMAL_BURST = 50,         /* new Normal events of all objects together, at once */
    RECORDER_NORMAL_REFILL_MS = 200,    /* then one each so often: nobody reads a storm of them, and
                                         * each costs the server as much as a write */
    RECORDER_SERIES_MS = 6 * 60 * 1000, /* an event seen again within this time is counted up */
    RECORDER_QUEUE_MAX = 1000,
    RECORDER_SERIES_MAX = 4096,
    RECORDER_BUCKETS_MAX = 4096,
    RECORDER_IN_FLIGHT_MAX = 4,
    RECORDER_RETRIES_MAX = 3,
    RECORDER_RETRY_MS = 1000, /* × 2 each time */
};

struct recorder_series;
struct recorder_link;

struct recorder_list {
    struct recorder_link *first, *last;
};

/** A token bucket. */
struct recorder_tokens {
    unsigned left;
    uint64_t refilled_ms;
};

struct recorder {
    char *controller; /* reportingController, e.g. "memcached-operator" */
    char *instance;   /* reportingInstance */
    struct random *random;
    struct map series;  /* identity of an event → struct recorder_series */
    struct map buckets; /* object uid → token bucket */
    struct recorder_tokens normal_tokens;
    /** Series with something to send, by how often that has failed. All of one list have waited
     * equally long for their turn, so each list is in order of time. */
    struct recorder_list to_send[RECORDER_RETRIES_MAX + 1];
    struct recorder_list idle;         /* all told; least recently seen first */
    struct recorder_list buckets_used; /* least recently used first */
    struct recorder_slot {
        uint64_t token; /* 0: free */
        struct recorder_series *series;
    } sending[RECORDER_IN_FLIGHT_MAX];
    uint64_t last_token;
    size_t pending; /* in to_send */
    size_t in_flight;
    uint64_t dropped_total; /* new events that were not recorded, and requests given up */
};

void recorder_init(struct recorder *r, const char *controller, const char *instance,
                   struct random *random);
void recorder_fini(struct recorder *r);

/** Record one; all texts are copied, uid and rv may be NULL. May drop it: limits, or texts that the
 * API would refuse. */
void recorder_add(struct recorder *r, struct now now, const struct recorder_event *e);

/** True with *out filled (owned by the caller) and *token set when a POST or PATCH shall be sent
 * now. */
bool recorder_want(struct recorder *r, struct now now, struct request *out, uint64_t *token);

/** The answer for @token: @err NULL on 2xx. A PATCH that finds its Event gone (404) becomes a POST;
 * 401, 409, 429, 5xx and lost answers are tried again at most RECORDER_RETRIES_MAX times; all else
 * (a namespace that is gone or terminating, no permission) drops the event. */
void recorder_answer(struct recorder *r, struct now now, uint64_t token, const struct error *err);

/** Forget what is older than its windows, after telling a last count that is still untold; cheap,
 * call on every tick. */
void recorder_expire(struct recorder *r, struct now now);

/** When recorder_want() may next be true; UINT64_MAX: not before something arrives. */
uint64_t recorder_deadline(const struct recorder *r);

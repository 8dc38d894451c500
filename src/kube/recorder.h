/*
 * Records Kubernetes Events (events.k8s.io/v1). Same events within six minutes become one with a
 * count (series); per object at most 25 at once and one per 5 minutes after; bounded memory; when
 * the server is slow, events are dropped before they could hold up anything. Rules:
 * https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
 */
#pragma once
#include "base/map.h"
#include "base/random.h"
#include "kube/http.h"
#include "kube/object.h"

enum {
    RECORDER_BURST = 25,
    RECORDER_REFILL_MS = 5 * 60 * 1000,
    RECORDER_SERIES_MS = 6 * 60 * 1000, /* an event seen again within this time is counted up */
    RECORDER_QUEUE_MAX = 1000,
    RECORDER_SERIES_MAX = 4096,
    RECORDER_IN_FLIGHT_MAX = 4,
    RECORDER_NOTE_BYTES_MAX = 1024, /* the API's limit on note */
};

enum event_severity { EVENT_NORMAL, EVENT_WARNING };

struct recorder_event {
    const struct kind *kind; /* of the object that it is about */
    const char *ns, *name, *uid, *rv;
    enum event_severity severity;
    const char *reason; /* CamelCase, ≤ 128 bytes */
    const char *action; /* CamelCase: what was done or tried */
    const char *note;   /* for people; cut at RECORDER_NOTE_BYTES_MAX on a character's border */
};

struct recorder_series;

struct recorder {
    char *controller; /* reportingController, e.g. "memcached-operator" */
    char *instance;   /* reportingInstance */
    struct random *random;
    struct map series;                   /* identity of an event → struct recorder_series */
    struct map buckets;                  /* object uid → token bucket */
    struct recorder_series *head, *tail; /* with something to send */
    size_t pending;
    size_t in_flight;
    uint64_t dropped_total;
};

void recorder_init(struct recorder *r, const char *controller, const char *instance,
                   struct random *random);
void recorder_fini(struct recorder *r);

/** Record one; all texts are copied. May drop it (limits). */
void recorder_add(struct recorder *r, struct now now, const struct recorder_event *e);

/** True with *out filled (owned by the caller) and *token set when a POST or PATCH shall be sent
 * now. */
bool recorder_want(struct recorder *r, struct now now, struct request *out, uint64_t *token);

/** The answer for @token: @err NULL on 2xx. A PATCH that finds its Event gone (404) becomes a POST;
 * a namespace that is gone or terminating drops it; others are tried again at most 3 times. */
void recorder_answer(struct recorder *r, struct now now, uint64_t token, const struct error *err);

/** Forget what is older than its windows; cheap, call on every tick. */
void recorder_expire(struct recorder *r, struct now now);
uint64_t recorder_deadline(const struct recorder *r);

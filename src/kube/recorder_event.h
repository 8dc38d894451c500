/*
 * What the recorder records, and the Event of events.k8s.io/v1 that tells it: limits, names, JSON.
 * Rules: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
 */
#pragma once
#include "base/random.h"
#include "kube/http.h"
#include "kube/object.h"

enum {
    RECORDER_REQUEST_MS = 10 * 1000,
    RECORDER_NOTE_BYTES_MAX = 1024, /* the API's limit on note */
    RECORDER_TEXT_BYTES_MAX = 128,  /* the API's limit on reason, action and reportingInstance */
    RECORDER_NAME_BYTES_MAX = 253,  /* the API's limit on names */
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

/** An Event object. */
struct recorder_record {
    struct recorder_event about;
    const char *name;
    int64_t first_us, last_us; /* seen, by the wall clock */
    int64_t count;
};

/** The API takes it, its note notwithstanding. */
bool recorder_event_is_acceptable(const struct recorder_event *e);

/** The part of @note that the API takes, to @out. */
void recorder_event_cut_note(const char *note, char out[RECORDER_NOTE_BYTES_MAX + 1]);

/** A new name for an Event about @object_name: that, as far as it fits, and 16 random digits. */
void recorder_event_make_name(struct random *random, const char *object_name,
                              char out[RECORDER_NAME_BYTES_MAX + 1]);

/** The POST that makes the Event, its count included. *out is the caller's. */
void recorder_event_post(const struct recorder_record *r, const char *controller,
                         const char *instance, struct request *out);

/** The PATCH that tells the count of an Event that is there. *out is the caller's. */
void recorder_event_patch(const struct recorder_record *r, struct request *out);

/*
 * A Memcached's status: read, composed, compared as text. The canonical text has every field that
 * we write, in one order, so that equal texts mean that nothing is to be written. Conditions:
 * https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties
 */
#pragma once
#include "base/arena.h"
#include "operator/sizing_status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yyjson.h>

enum { STATUS_CONDITIONS_MAX = 16 };

struct condition {
    const char *type;
    const char *status; /* "True", "False", "Unknown" */
    const char *reason;
    const char *message;
    const char *since; /* lastTransitionTime */
};

struct status {
    const char **nodes; /* pod names, sorted */
    size_t node_count;
    int32_t replicas;
    int32_t ready_replicas;
    const char *selector;
    const char *source; /* who decides the size: "Deployment/web"; "" nobody but spec.size */
    struct sizing_status sizing;
    int64_t observed_generation;
    struct condition conditions[STATUS_CONDITIONS_MAX];
    size_t condition_count;
};

/** Read a status object of the server (hostile, may be NULL); texts go to @arena. Conditions beyond
 * the maximum are dropped. */
void status_read(struct arena *arena, yyjson_val *json, struct status *out);

/** Read a canonical text. */
void status_parse(struct arena *arena, const char *text, struct status *out);

/** The canonical text: a JSON object. As the `status` of a merge patch it makes the server's equal
 * to it. In @arena. */
const char *status_text(struct arena *arena, const struct status *s);

/** status_text(status_read(@json)). */
const char *status_canonical(struct arena *arena, yyjson_val *json);

const struct condition *status_condition(const struct status *s, const char *type);

/** Set a condition, adding it at the end where it is new; its time changes to @now_text only when
 * its status does. Texts are borrowed. */
void status_set_condition(struct status *s, const char *type, const char *status,
                          const char *reason, const char *message, const char *now_text);

void status_remove_condition(struct status *s, const char *type);

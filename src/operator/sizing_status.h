/*
 * status.sizing: what a decision leaves in the status, for people and for the operator's own next
 * start. Read from the server, made of a decision, written as JSON with every field in one order,
 * so that it can be a part of the canonical text (status.h).
 */
#pragma once
#include "base/json_writer.h"
#include "operator/sizing.h"

enum { SIZING_ABSENT = -1 }; /* of a number */

struct sizing_status_hold {
    int32_t size;
    const char *until;
};

struct sizing_status_claimant {
    const char *name; /* "Deployment/web" */
    int32_t replicas; /* SIZING_ABSENT: not known */
    const char *since;
    bool deciding;
};

/** Zeroed: there is none, since nobody decides. Texts are borrowed; NULL where absent. */
struct sizing_status {
    bool present;
    const char *source;
    int32_t wish; /* or SIZING_ABSENT */
    int32_t size; /* or SIZING_ABSENT */
    const char *reason;
    const char *since;      /* source and wish are what they are */
    const char *hold_until; /* of the first of holds */
    const struct sizing_status_hold *holds;
    size_t hold_count; /* at most SIZE_WINDOW_PEAKS_MAX */
    const struct sizing_status_claimant *claimants;
    size_t claimant_count; /* at most SIZING_CLAIMANTS_SHOWN_MAX */
};

/** Read status.sizing (hostile, may be NULL); texts go to @arena. What has no place is dropped. */
void sizing_status_read(struct arena *arena, yyjson_val *json, struct sizing_status *out);

/** What it shall be after decision @s, where it was @before. While sources are not known yet it
 * stays. */
struct sizing_status sizing_status_of(const struct sizing *s, const struct sizing_status *before,
                                      struct now now, struct arena *arena);

/** Write it as a value: an object in which what is absent is null, as a merge patch needs it, or
 * null. */
void sizing_status_write(struct json_writer *w, const struct sizing_status *s);

/** The window to begin with after a restart: the first view's. @f may be NULL. */
void sizing_status_resume(const struct sizing_status *s, const struct size_from *f, struct now now,
                          struct size_window *out);

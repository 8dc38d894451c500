/*
 * What a reconcile decides: at most one write, what to tell people, and when to look again. A plan
 * is a value; carrying it out is the controller's work. One write at a time keeps a reconcile
 * simple to prove: its answer changes the store, which brings the key back for the next step.
 */
#pragma once
#include "base/arena.h"
#include "base/log.h"
#include "kube/http.h"
#include "kube/object.h"
#include "kube/recorder.h"
#include "kube/store.h"

enum { PLAN_LOGS_MAX = 8, PLAN_EVENTS_MAX = 32, PLAN_FIELDS_MAX = 8 };

/** One request: usually a write; a GET where a look at one object is needed. Texts live in the
 * plan's arena. */
struct write {
    const char *what; /* "create Deployment", for logs and errors */
    enum http_method method;
    const struct kind *kind;
    const char *ns, *name;    /* name NULL: POST to the collection */
    const char *subresource;  /* or NULL */
    const char *content_type; /* MEDIA_…; NULL: no body */
    const char *body;         /* JSON text */
    bool force;               /* server-side apply: take over fields that others own */
    struct store *into;       /* where the object in the answer goes; NULL: nowhere */
    int tag;                  /* the operator's own, handed back to answered() */
    uint64_t wish;            /* likewise: what was wished, in its own terms */
};

struct plan_log {
    enum log_level level;
    const char *message;
    struct log_field fields[PLAN_FIELDS_MAX];
    size_t field_count;
};

struct plan {
    struct arena *arena;
    bool has_write;
    struct write write;
    struct plan_log logs[PLAN_LOGS_MAX];
    size_t log_count;
    struct recorder_event events[PLAN_EVENTS_MAX];
    size_t event_count;
    uint64_t again_ms; /* look again after so many ms though nothing changed; 0: no need */
};

void plan_init(struct plan *p, struct arena *arena);

/** Set the one write (asserts that there is none yet); returns it to be filled further. */
struct write *plan_write(struct plan *p, const char *what, enum http_method method,
                         const struct kind *kind, const char *ns, const char *name);

/** Add a log line with @count fields (copied; texts must live as long as the plan). More than
 * the maximum are dropped. */
void plan_log(struct plan *p, enum log_level level, const char *message,
              const struct log_field *fields, size_t count);

/** Record an event about @object: of a plan with a write, once that is done, as it tells of what
 * was done. @note is formatted into the arena, and what it takes of @object copied there. More than
 * the maximum are dropped. */
void plan_event(struct plan *p, const struct kind *kind, const struct object *object,
                enum event_severity severity, const char *reason, const char *action,
                const char *note, ...) __attribute__((format(printf, 7, 8)));

/** Look again in @delay_ms; the earliest wish counts. */
void plan_again(struct plan *p, uint64_t delay_ms);

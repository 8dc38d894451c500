/*
 * The border between the core and the shell: requests as values, and what comes back, as values. No
 * socket in sight.
 *
 * The core is stepped with one struct event; it answers with struct actions. A request is borrowed
 * by the shell from ACTION_START until the shell has delivered EVENT_END for its id or has been
 * told ACTION_CANCEL; after a cancel the shell delivers nothing more for that id.
 */
#pragma once
#include "base/error.h"
#include "base/time_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE };

/** "GET" … */
const char *http_method_name(enum http_method method);

struct request {
    uint64_t end_ms; /* mono_ms by which it must be over, however often it is sent again; 0: none */
    enum http_method method;
    char *path;               /* owned: path and query, escaped, starts with '/' */
    const char *accept;       /* static text; NULL: application/json */
    const char *content_type; /* static text; NULL: no body */
    char *body;               /* owned; may be NULL */
    size_t body_len;
    uint32_t timeout_ms; /* for the whole exchange; never 0 */
    bool stream; /* list or watch: the body is handed over as it comes and is not limited as a whole
                  */
};

void request_fini(struct request *r);

/** The media types that we send. */
#define MEDIA_JSON        "application/json"
#define MEDIA_MERGE_PATCH "application/merge-patch+json"
#define MEDIA_APPLY_PATCH "application/apply-patch+yaml"

enum event_type {
    EVENT_TICK, /* the deadline passed, or simply: time went on */
    EVENT_HEAD, /* status and headers are there: http_status, retry_after_ms */
    EVENT_BODY, /* bytes, len: borrowed for the step */
    EVENT_END,  /* the exchange is over: failure NULL when the answer is complete */
    EVENT_STOP, /* SIGTERM or SIGINT */
};

struct event {
    enum event_type type;
    uint64_t id;            /* HEAD, BODY, END: the request's */
    int http_status;        /* HEAD */
    int64_t retry_after_ms; /* HEAD: Retry-After as integer seconds, here in ms; -1 without */
    const char *bytes;      /* BODY */
    size_t len;
    const struct error
        *failure; /* END: why no complete answer came (ERR_TRANSPORT, ERR_TOO_BIG), or NULL */
};

enum action_type {
    ACTION_START,  /* id, request */
    ACTION_CANCEL, /* id */
    ACTION_LOG,    /* text: one formatted line with its newline; owned by the action */
    ACTION_EXIT,   /* exit_code: nothing more will be asked for */
};

struct action {
    enum action_type type;
    uint64_t id;
    const struct request *request;
    char *text;
    int exit_code;
};

/** A growing list of actions in the order in which the shell shall perform them. Zeroed is empty.
 */
struct actions {
    struct action *items;
    size_t count;
    size_t cap;
};

void actions_push(struct actions *a, struct action action);

/** The START at @i is cancelled further on: it is not to be performed, and its request may be gone
 * by now. */
bool actions_is_cancelled(const struct actions *a, size_t i);

/** Free the log texts and empty the list; keeps its memory. */
void actions_clear(struct actions *a);
void actions_fini(struct actions *a);

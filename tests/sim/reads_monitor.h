/*
 * How an operator must read: the rules of docs/reflector.md, judged from outside, by the requests
 * that it sends after a watch or a list went wrong. For perturb_reads.c.
 */
#pragma once
#include "sim/fault_forms.h"
#include "sim/world.h"

enum { READERS = 4 }; /* reflectors of one process */

/** What a request of a reflector asks for. */
enum read_shape {
    READ_NONE,
    READ_WATCH,        /* from a version */
    READ_INITIAL,      /* sendInitialEvents, without a version */
    READ_INITIAL_LAST, /* … with one */
    READ_CHECK,        /* a list of one name */
    READ_ANY,          /* a list from version 0 */
    READ_ANY_WHOLE,    /* … without a limit */
    READ_LAST,         /* from the last version */
    READ_QUORUM,       /* without a version */
    READ_QUORUM_WHOLE, /* … and without a limit */
    READ_PAGE,         /* a page after the first */
};

/** What went wrong with it. */
struct read_fault {
    enum {
        FAULT_CLEAN,   /* the stream ended */
        FAULT_BROKEN,  /* the connection broke */
        FAULT_GARBAGE, /* what came was no event, or no list */
        FAULT_REFUSED, /* by HTTP status */
        FAULT_ERROR,   /* by an ERROR event */
    } type;
    int code;               /* of the last two */
    bool too_large;         /* 504, but it says that the version is too new */
    int64_t retry_after_ms; /* below 1: not told */
};

struct reader {
    enum read_shape shape; /* of its last request */
    enum read_shape list;  /* of its last list, pages aside */
    bool initial_done, event_seen;
    uint64_t started_ms;
    uint64_t rv;     /* the highest that it has watched or listed from */
    bool no_initial; /* this server does not do it */
    bool quorum;     /* its list may be without a version, until it is done */
    /* after a fault */
    unsigned expected; /* bits of shapes; 0: nothing special */
    bool at_once;
    uint64_t fault_ms, least_ms;
};

struct reads_monitor {
    struct world *world;
    unsigned starts; /* of the process */
    struct reader readers[READERS];
};

/** Which one sends this; -1: no reflector, or one of a single object (kube/lookout.h), whose reads
 * are not judged. */
int reads_reader(const char *path);

void reads_begin(struct reads_monitor *m, struct world *w);

/** A request of a reflector is about to reach the server. */
void reads_request(struct reads_monitor *m, const struct exchange *e);

/** A line of a watch was heard. */
void reads_heard(struct reads_monitor *m, const char *path, const char *line);

/** This is about to happen to the request or stream. */
void reads_fault(struct reads_monitor *m, const char *path, const struct read_fault *fault);

/** The same of a refusal. */
struct read_fault reads_refusal(const struct refusal_form *form);

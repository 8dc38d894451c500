/*
 * Operator processes and what lies between them and the API server: requests in flight, each at its
 * own place on the way. Performs a manager's actions as src/shell does, on the model.
 */
#pragma once
#include "operator/operator.h"
#include "sim/world.h"

enum {
    ORPHAN_MS_MAX = 1000, /* a request that nobody waits for lands so long after at most, also when
                             its sender has only stopped (SIGSTOP) */
    FLIGHTS_MAX = 256,
};

/** A request in flight. */
struct flight {
    struct exchange exchange;
    const char *accept, *content_type;
    uint64_t expires_ms; /* by the process's clock: its transport gives up */
    uint64_t ends_ms;    /* true time: the server ends the watch */
    struct api_answer answer;
    struct api_watch *watch; /* open */
    bool head_sent;
    unsigned delivered;
};

struct process {
    unsigned index;
    unsigned starts;         /* how often */
    unsigned server;         /* of the API, that it is connected to */
    struct manager *manager; /* NULL: not running */
    struct operator* op;
    bool stop_asked, paused;
    int exit_code; /* -1: runs, or was killed */
    double rate;
    uint64_t began_ms; /* true time at which the clock below was right */
    uint64_t mono_ms;
    int64_t wall_offset_ms;
    bool was_wrong; /* that was another once */
};

struct network {
    struct world *world;
    struct api *api;
    uint64_t now_ms; /* true time */
    struct process processes[WORLD_PROCESSES_MAX];
    struct flight *flights[FLIGHTS_MAX]; /* oldest first */
    size_t flight_count;
    uint64_t requests; /* ever sent */
    uint64_t failures; /* of them, but of watches, that ended without the server's own answer */
    bool split;        /* bodies come in pieces */
    uint64_t seed;
    struct actions actions;
    /** Log lines and starts of requests, for the trace; may be NULL. */
    void (*tell)(struct world *w, unsigned process, const char *line);
    /** The bytes of a watch that reach a process; may be NULL. */
    void (*hear)(void *ctx, const struct flight *f, const struct buf *bytes);
    void *hear_ctx;
};

void network_fini(struct network *n);

struct now process_now(const struct network *n, const struct process *p);
void process_start(struct network *n, struct process *p, const struct world_options *options,
                   const char *image);
/** At once, whatever it was doing. What is on its way to the server may still arrive. */
void process_kill(struct network *n, struct process *p);
/** SIGSTOP or SIGCONT. */
void process_pause(struct network *n, struct process *p, bool paused);
void process_step(struct network *n, struct process *p, const struct event *event);
/** True time of its next deadline; UINT64_MAX: none. */
uint64_t process_due_ms(const struct network *n, const struct process *p);

/** The server takes the request in: the answer is there, or the watch is open. */
void flight_execute(struct network *n, struct flight *f);

/** A watch that is served says so before there is anything to tell. @f may be gone after it:
 * whoever asked may give up on it at once. */
void flight_accept(struct network *n, struct flight *f);
/** Its whole answer reaches the process; the flight is over. */
void flight_answer(struct network *n, struct flight *f);
/** The next line of the watch, or its end, reaches the process. */
void flight_deliver(struct network *n, struct flight *f);
/** These bytes of a watch reach the process. */
void flight_feed(struct network *n, struct flight *f, const struct buf *bytes);
/** Answered by somebody on the way, or by an overloaded server: not executed. */
void flight_refuse(struct network *n, struct flight *f, int status, int64_t retry_after_ms,
                   const char *body);
/** The connection ends; the process sees an error, or a clean end of a watch. */
void flight_end(struct network *n, struct flight *f, bool clean);

/** It never arrives; for one that nobody waits for. */
void flight_drop(struct network *n, struct flight *f);

/** All connections of the process break. */
void network_disconnect(struct network *n, struct process *p);

/** Is something to happen to it by time alone? True time; UINT64_MAX: no. */
uint64_t flight_due_ms(const struct network *n, const struct flight *f);
/** Time-outs that have passed. Returns true when something happened. */
bool network_run_due(struct network *n);

/*
 * One simulated run: API server, the rest of Kubernetes, users, operator processes, the network
 * between them, and a clock that moves only when the scheduler says so. The world offers choices;
 * whoever schedules takes one after another. Same choices, same run: bit by bit.
 *
 *     struct world *w = world_new(&options);
 *     while (…) { n = world_choices(w, choices); world_take(w, &choices[pick]); }
 *     world_settle(w);  — all faults end, everything that is due happens, and what must hold is
 * checked world_failure(w)  — NULL, or what did not hold
 */
#pragma once
#include "kube/manager.h"
#include "sim/api.h"
#include "sim/cluster.h"
#include "sim/workload.h"

enum {
    WORLD_PROCESSES_MAX = 2,
    WORLD_CHOICES_MAX = 192,
    WORLD_CHOICE_BYTES = 320,
    WORLD_FREEZES = 4, /* all caches, or those of Memcacheds, Deployments, pods alone */
    WORLD_QUIET_MS = 10 * 60 * 1000,        /* after convergence, not one write for so long */
    WORLD_CONVERGE_MS = 2 * 60 * 60 * 1000, /* the longest backoff is 1000 s; rivals twice that */
};

/** What the scheduler may do beside letting things happen. A class of faults is on when its budget
 * is above 0; each use takes one. */
struct world_faults {
    unsigned crash;   /* a process dies, whatever it was doing; what it sent may still land */
    unsigned stop;    /* SIGTERM */
    unsigned pause;   /* SIGSTOP … SIGCONT */
    unsigned lose;    /* a connection breaks: no answer; the request may have been executed */
    unsigned refuse;  /* 429, 500, 503 in all their forms */
    unsigned watch;   /* watches end, break, get ERROR events */
    unsigned compact; /* history is forgotten */
    unsigned freeze;  /* a process comes back at a server whose caches are stale */
    unsigned clock;   /* wall clock jumps ± 1 h */
    unsigned split;   /* bodies come in pieces */
    unsigned crd;     /* the CRD goes, and comes back */
    unsigned restore; /* etcd from a backup */
};

struct world_options {
    uint64_t seed;
    unsigned processes; /* operators; 1 unless leader election is looked at */
    bool leader_elect;
    bool watch_list;                         /* of the server */
    bool no_pods;                            /* Deployments stay without: fewer things happen */
    double rate[WORLD_PROCESSES_MAX];        /* of each process's monotonic clock; 0: 1 */
    const char *images[WORLD_PROCESSES_MAX]; /* of memcached; NULL: the usual. The first one's is
                                                right in the end */
    struct world_faults faults;
    struct workload_spec workload;
    bool trace; /* keep the text of what happens (world_trace) */
    bool logs;  /* and the operators' log lines in it */
};

struct world;

struct world *world_new(const struct world_options *options);
void world_free(struct world *w);

enum choice_type {
    CHOICE_EXECUTE, /* a request reaches the server, which does it */
    CHOICE_ANSWER,  /* its answer reaches the process */
    CHOICE_DELIVER, /* the next line of a watch reaches the process */
    CHOICE_USER,    /* the next step of the workload */
    CHOICE_CLUSTER, /* a step of Kubernetes' own controllers */
    CHOICE_PASS,    /* time passes */
    /* faults, each within its budget */
    CHOICE_START, /* a process that is not there starts */
    CHOICE_CRASH,
    CHOICE_STOP,
    CHOICE_PAUSE,
    CHOICE_RESUME,
    CHOICE_DROP, /* a request of a process that is gone never arrives */
    CHOICE_LOSE,
    CHOICE_REFUSE,
    CHOICE_WATCH_END,
    CHOICE_WATCH_ERROR,
    CHOICE_BOOKMARK,
    CHOICE_COMPACT,
    CHOICE_FREEZE,
    CHOICE_THAW,
    CHOICE_CLOCK,
    CHOICE_CRD,
    CHOICE_RESTORE,
};

/** Valid until the next world_take(). */
struct choice {
    enum choice_type type;
    unsigned process;  /* whose; 0 where it does not matter */
    unsigned exchange; /* index of a request in flight; FREEZE: below WORLD_FREEZES, of what */
    int64_t value;     /* PASS: ms; REFUSE, WATCH_ERROR: which; COMPACT, FREEZE, RESTORE: revision;
                          CLOCK: ms of the jump; CLUSTER: index of the step */
};

/** All that may happen now, in a stable order. Never 0: time can always pass. */
size_t world_choices(struct world *w, struct choice out[WORLD_CHOICES_MAX]);

void world_take(struct world *w, const struct choice *choice);

/** The choice in words: "deliver 0 watch /apis/…", the same for the same thing in a rerun whose
 * past was a little different; how traces are replayed and made shorter. */
const char *world_choice_text(struct world *w, const struct choice *choice,
                              char out[WORLD_CHOICE_BYTES]);

/**
 * All faults end (processes run, servers thaw, the workload is played to its end), everything that
 * is due happens in a fair order until nothing changes any more, and for WORLD_QUIET_MS more.
 * Checks I1 to I6 on the way and in the end. True: all held.
 */
bool world_settle(struct world *w);

/** The same fair order, but only while something can happen without time passing; no checks of the
 * end state. */
void world_drain(struct world *w);

/** What to do with a choice that is about to be taken. */
enum world_say {
    SAY_TAKE,
    SAY_DID,     /* something else was done instead (a fault, for example): choices are made anew */
    SAY_NOT_NOW, /* it has to wait; it is asked about again in the next round (not CHOICE_PASS) */
};
typedef enum world_say world_say_fn(void *ctx, struct world *w, const struct choice *next);

/**
 * Play the workload to its end in the fair order, with a say in each choice: how perturbations put
 * one fault at every place. Ends when nothing has changed for @still_ms. Ended processes are
 * started again.
 */
void world_play(struct world *w, uint64_t still_ms, world_say_fn *say, void *ctx);

/** NULL, or the first thing that did not hold, with the invariant's name; borrowed. */
const char *world_failure(const struct world *w);

/** Fail: for checks outside the world. The first one stays. */
void world_fail(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** What has happened, line by line (options.trace); borrowed. */
const char *world_trace(const struct world *w);

/* ---- For workloads, invariants and perturbations ---- */

struct api *world_api(struct world *w);
uint64_t world_now_ms(const struct world *w); /* true time */

/** The manager of a process, or NULL while it is not running. */
struct manager *world_manager(struct world *w, unsigned process);

/** How often the process has started so far. */
unsigned world_starts(const struct world *w, unsigned process);

/** It runs, has noticed the time, and holds itself for the leader: it may send writes. */
bool world_leads(struct world *w, unsigned process);

/** The clocks of all processes show the true time, and have not been wrong so far. */
bool world_clocks_agree(const struct world *w);

/** So far every request of a process but watches got the server's own answer. */
bool world_is_calm(const struct world *w);

/** Writes (no Lease, no Event) that were executed for processes so far; of one process or, with
 * WORLD_PROCESSES_MAX, of all. */
uint64_t world_writes(const struct world *w, unsigned process);
/** Requests of any kind that processes have sent. */
uint64_t world_requests(const struct world *w);

/** The operators end (as by SIGTERM) and start anew with this image of memcached. */
void world_upgrade(struct world *w, const char *image);

/** A request in flight. */
struct exchange {
    unsigned process;
    uint64_t id; /* the manager's */
    enum http_method method;
    char *path;
    char *body; /* or NULL */
    bool is_watch;
    bool orphan;          /* nobody waits for it any more: its process died, or gave it up */
    bool executed;        /* the answer is there, or the watch is open */
    char *identity;       /* of its sender in leader election, or NULL */
    uint64_t sent_ms;     /* true time */
    uint64_t lands_by_ms; /* true time: what has not reached the server by then is lost */
};
size_t world_exchange_count(const struct world *w);
const struct exchange *world_exchange(const struct world *w, size_t i);

/** Tell @observe of every request (no watch) of a process as soon as the server has taken it in;
 * @answer is borrowed. */
typedef void world_observe_fn(void *ctx, struct world *w, const struct exchange *e,
                              const struct api_answer *answer);
void world_observe(struct world *w, world_observe_fn *observe, void *ctx);

/** From now on a mutating webhook changes what is written; NULL: not any more. As long as it does,
 * operators are not blamed for what they write. */
void world_admit(struct world *w, api_admit_fn *admit, void *ctx);

/** The last of the processes ends, and is not started again. */
void world_retire(struct world *w);

/** A write of somebody who is no operator; fails the world unless it is answered as @expect says
 * (0: whatever). */
void world_write(struct world *w, const char *who, enum http_method method, const char *path,
                 const char *content_type, const char *body, int expect);

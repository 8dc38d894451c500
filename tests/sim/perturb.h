/*
 * Classes of perturbation: each puts one kind of fault at every place where it can be put, over all
 * workloads, and counts the cases. What must hold is the world's business (world_settle()).
 *
 * To add one: a file perturb_NAME.c with a `const struct perturb_class`, and its line in perturb.c.
 */
#pragma once
#include "sim/world.h"

enum { PERTURB_TEXT_BYTES = 1200 };

struct perturb_case {
    char what[PERTURB_TEXT_BYTES];    /* the case in words: "crash after write 3 of claimants/1" */
    char failure[PERTURB_TEXT_BYTES]; /* "" when all held */
    bool trace;                       /* asked for: print world_trace() when it is over */
    bool logs;
};

struct perturb_class {
    const char *name;  /* "crash" */
    const char *about; /* one line for people */
    /** How many cases there are, found by running what is perturbed without faults. @many: the
     * larger set of `make soak`. */
    uint64_t (*count)(bool many);
    /** Run case @i of them: same @i, same case, in any process. */
    void (*run)(uint64_t i, bool many, struct perturb_case *c);
    /** Tell the figures of all cases, after them, in the process that has counted; or NULL. */
    void (*tell)(void);
};

extern const struct perturb_class *const perturb_classes[]; /* NULL at the end */
extern const struct perturb_class perturb_crash, perturb_lost, perturb_stale, perturb_blind,
    perturb_late, perturb_overtaken, perturb_lease, perturb_restart, perturb_restore,
    perturb_overload, perturb_reads, perturb_rivals, perturb_memory, perturb_pods;

/** All variants of the deterministic workloads as one list: the @i-th. */
unsigned perturb_workload_count(void);
void perturb_workload(unsigned i, struct workload_spec *out);

/** For cases that are points in the workloads: @points tells how many a workload has. */
uint64_t perturb_count(uint64_t (*points)(unsigned workload));
/** The workload of case *i, which becomes the point in it. */
unsigned perturb_locate(uint64_t (*points)(unsigned workload), uint64_t *i);

/** What a class has counted already, since counting means running. Zeroed at first. */
enum { PERTURB_WORKLOADS_MAX = 128 };
struct perturb_memo {
    bool known[PERTURB_WORKLOADS_MAX];
    uint64_t points[PERTURB_WORKLOADS_MAX];
};
bool perturb_known(const struct perturb_memo *memo, unsigned workload);
void perturb_remember(struct perturb_memo *memo, unsigned workload, uint64_t points);

/** It changes what people look at: no Lease, no Event. */
bool perturb_is_write(const struct exchange *e);

/** The path of the object that it writes to @path. Returns whether it writes its status. */
bool perturb_written(const struct exchange *e, char *path, size_t bytes);

/** The connections of all watches break. */
void perturb_cut_watches(struct world *w);

/** What to say to a CHOICE_PASS so that no more time passes than until then. */
enum world_say perturb_pass_until(struct world *w, const struct choice *pass, uint64_t until_ms);

/** A world of one process that plays @workload, with or without WatchList. @c may be NULL. */
struct world *perturb_world(unsigned workload, bool watch_list, const struct perturb_case *c);

/** The workload was played; @reached: the point that the case is about. Settles, and finishes. */
void perturb_judge(struct world *w, struct perturb_case *c, bool reached);

/** Take over world_failure() into @c, print the trace if asked, free the world. */
void perturb_finish(struct world *w, struct perturb_case *c);

/*
 * The Lease at work in a manager: its requests, and what people are told of it.
 */
#pragma once
#include "kube/manager.h"

struct leader {
    struct manager *manager;
    bool elects; /* else leads always */
    struct lease lease;
    struct metric *metric;
    char *holder; /* that the log has named */
    bool leading; /* as of the last pump */
};

/** By @manager's settings. */
void leader_init(struct leader *l, struct manager *manager, struct random *random,
                 struct metrics *metrics);
void leader_fini(struct leader *l);

/** May writes be sent now? */
bool leader_pump(struct leader *l);

/** Led once, and never will again: the process must end. */
bool leader_is_lost(const struct leader *l);

/** The Lease may be ours by a write that is on its way. */
bool leader_is_acquiring(const struct leader *l);

/** A write that ended without an answer is on its way until then, and forbids to give the Lease
 * back. 0: none is. */
uint64_t leader_keeps_until_ms(const struct leader *l);

/** Give the lease back; to be called in each step. True when that is over, or nothing to do. */
bool leader_release(struct leader *l);
bool leader_is_releasing(const struct leader *l);

uint64_t leader_deadline(const struct leader *l);

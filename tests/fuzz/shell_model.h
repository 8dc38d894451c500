/*
 * Takes the shell's place before a manager: performs its actions on nothing but memory, and checks
 * in each that the core keeps its side of the contract (kube/http.h) and its promises about writes.
 */
#pragma once
#include "kube/manager.h"

enum {
    MODEL_OPEN_MAX = 64,
    MODEL_STEPS_MAX = 3000, /* of one input, so that each ends soon */
};

struct open_request {
    uint64_t id;
    const struct request *request; /* the core's; within a step it may be gone before its cancel */
    char *object;                  /* owned: the path of what is written; NULL: nothing is */
    uint64_t began_ms;
    bool headed; /* its head was delivered */
    bool lease, event;
};

struct shell_model {
    struct manager *manager;
    struct manager_options options;
    struct now now;
    struct actions actions;
    struct open_request open[MODEL_OPEN_MAX];
    size_t open_count;
    uint64_t leading_until_ms; /* by the answers given: no write may begin after it */
    size_t steps;
    int exit_code; /* -1: runs */
};

/** Takes the manager, and makes its first step. */
void model_init(struct shell_model *m, struct manager *manager,
                const struct manager_options *options);
void model_fini(struct shell_model *m);

/** It has exited, or has made as many steps as one input gets. */
bool model_is_over(const struct shell_model *m);

/** One step, and the ticks that are due at once: not many, or the shell's loop would spin. */
void model_step(struct shell_model *m, const struct event *event);

/** Let time pass: deadlines are ticked at their time, requests that outlive their timeout fail. */
void model_pass(struct shell_model *m, uint64_t ms);

/** The machine slept, or its wall clock was set: nothing was ticked meanwhile. */
void model_jump(struct shell_model *m, uint64_t mono_ms, int64_t wall_us);

/** Deliver parts of the answer to open request @i. model_end() with @failure NULL completes it. */
void model_head(struct shell_model *m, size_t i, int http_status, int64_t retry_after_ms);
void model_body(struct shell_model *m, size_t i, const char *bytes, size_t len);
void model_end(struct shell_model *m, size_t i, const struct error *failure);

/** Index of the open request of that id, or MODEL_OPEN_MAX: it has been cancelled. */
size_t model_find(const struct shell_model *m, uint64_t id);

/*
 * Runs a program beside the loop: no shell, nothing on its standard input, its standard output
 * collected up to a limit, its standard error ours. Waited for by pidfd: no SIGCHLD, no thread.
 */
#pragma once
#include "base/buf.h"
#include "shell/poller.h"

struct child;

/** Once, from poller_wait() or child_tick(): @err NULL when it exited with 0, with all it wrote to
 * @output (borrowed). Else ERR_INVALID (exit code, signal), ERR_TOO_BIG, ERR_TRANSPORT (overdue:
 * killed). The child may be freed inside. */
typedef void child_done_fn(void *ctx, const struct buf *output, const struct error *err);

struct child_spec {
    const char *file; /* looked up in PATH when it has no slash */
    char *const *argv;
    char *const *envp;
    size_t output_bytes_max;
    uint64_t deadline_ms; /* mono_ms; killed then */
};

/** Start it. @spec is borrowed for the call. NULL with ERR_INVALID: cannot be run (why). */
struct child *child_start(struct poller *poller, const struct child_spec *spec, child_done_fn *fn,
                          void *ctx, struct error *err);

/** Kill it if it is overdue. */
void child_tick(struct child *c, struct now now);
uint64_t child_deadline(const struct child *c);

/** Kills it (and what it started) if it still runs; done() is not called any more. */
void child_free(struct child *c);

/*
 * The operator as a process under test: started with a kubeconfig for a server of the test's, its
 * output kept in a file, asked by its own metrics and probes.
 */
#pragma once
#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct subject_options {
    const char *program;
    const char *dir;        /* the test's own; files in it are named by @slot */
    unsigned slot;          /* unique among those that run at once */
    const char *kubeconfig; /* its text */
    const char *preload;    /* NULL: none */
    const char *board;      /* of failing.h; with @preload */
    bool leader_elect;
};

struct subject {
    pid_t pid;
    int pid_fd;
    char address[64]; /* where it serves metrics and probes */
    unsigned port;
    char log[128]; /* path of its output */
};

/** Ends the test when it cannot be started. */
void subject_start(struct subject *s, const struct subject_options *options);

/** Wait for its end. Returns the exit code, 128 + the signal that ended it, or -1: it still runs.
 */
int subject_wait(struct subject *s, int timeout_ms);

/** End it if it still runs; its output is removed. */
void subject_end(struct subject *s);

/** GET @path of its own server, e.g. "/metrics"; false when that did not succeed. @body is reset.
 */
bool subject_ask(const struct subject *s, const char *path, struct buf *body);

/** The value of the metric whose line begins with @name and a space; -1 without. */
double subject_metric(const struct subject *s, const char *name);

/** What it has written so far, appended to @out. */
void subject_read_log(const struct subject *s, struct buf *out);

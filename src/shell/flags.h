/*
 * The command line. `--flag=value`, `--flag value`, and with one dash as Go programs take them;
 * booleans as `--flag` or `--flag=false`.
 */
#pragma once
#include "base/error.h"
#include "base/log.h"
#include "shell/sandbox.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct flags {
    const char *kubeconfig, *context; /* NULL: not given */
    char **namespaces;                /* --watch-namespaces=a,b; validated */
    size_t namespace_count;           /* 0: all */
    const char *metrics_address;      /* ":8080" */
    const char *probe_address;        /* ":8081" */
    bool leader_elect;
    const char *leader_elect_ns; /* NULL: own namespace */
    unsigned max_concurrent;     /* 16; 1 … 1000 */
    uint64_t sync_period_ms;     /* Go duration: "10h", "1m30s"; 0: never */
    double qps;                  /* 0: no limit */
    bool dry_run;
    enum sandbox_mode seccomp; /* SANDBOX_ON */
    const char *image;         /* --memcached-image, else $MEMCACHED_IMAGE, else memcached:1.6 */
    struct log_format log;     /* --zap-devel (default true: console, debug), --zap-encoder,
                                  --zap-log-level, --zap-time-encoding */
    bool help, version;
};

/**
 * Parse. @argv's texts (and the environment's) are borrowed. Stops at --help and --version. The
 * last one of a repeated flag wins.
 *
 * Returns 0, or ERR_INVALID: unknown flag, missing or bad value, stray argument; the message names
 * the flag, what was given and what is expected. *f is for flags_fini() either way.
 */
int flags_parse(struct flags *f, int argc, char **argv, struct error *err);
void flags_fini(struct flags *f);

/** The text of --help, one line a flag, made from the same table as the parser. */
void flags_usage(FILE *out);

/*
 * The command line of `memcached-operator explain`.
 */
#pragma once
#include "base/error.h"
#include "shell/sandbox.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct explain_flags {
    const char *kubeconfig, *context; /* NULL: not given */
    const char *ns;                   /* NULL: not given */
    bool all_namespaces;              /* -n counts no more then, as for kubectl */
    const char *name;                 /* of one Memcached; NULL: all */
    bool as_json;
    uint64_t timeout_ms; /* 0: none */
    enum sandbox_mode seccomp;
    bool help;
};

/**
 * Parse what follows the command's name, argv[0]. Texts of @argv are borrowed. Stops at --help.
 *
 * Returns 0, or ERR_INVALID: as flags_parse(); more than one name, or no good one; a name together
 * with all namespaces.
 */
int explain_flags_parse(struct explain_flags *f, int argc, char **argv, struct error *err);

/** The text of --help. */
void explain_flags_usage(FILE *out);

/*
 * Flags of a command, from one table: parser and --help follow it, so they cannot disagree.
 * `--flag=value`, `--flag value`, and with one dash as Go programs take them; booleans as `--flag`
 * or `--flag=false`; letters as kubectl takes them: `-n value`, `-n=value`, `-nvalue`.
 */
#pragma once
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/** Returns false when @value is bad; *target may then be half set. */
typedef bool flag_set_fn(void *target, const char *value);

struct flag {
    const char *name;
    const char *argument; /* what --help calls the value; NULL: a boolean */
    const char *standard; /* the default: goes through the setter too; NULL: none */
    const char *help;
    const char *expected; /* what a good value is */
    flag_set_fn *set;
};

struct flag_table {
    const struct flag *flags;
    size_t count;
    const char *letters;    /* "nA": of the first two flags; NULL: none has one */
    flag_set_fn *stray;     /* takes an argument that is no flag; NULL: none is taken */
    const char *stray_else; /* what is expected in place of one that is not taken */
};

/** Set what is so by default, into @target. */
void flag_table_set_defaults(const struct flag_table *t, void *target);

/**
 * Take argv[*i], and the next one when the flag's value is there: then *i is counted up.
 * Returns 0, or ERR_INVALID: unknown flag, missing or bad value, stray argument; the message names
 * the flag, what was given and what is expected.
 */
int flag_table_take(const struct flag_table *t, void *target, int argc, char **argv, int *i,
                    struct error *err);

/** One line for each flag. */
void flag_table_usage(const struct flag_table *t, FILE *out);

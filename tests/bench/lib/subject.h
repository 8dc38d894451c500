/*
 * The operator that is measured, as a process of ours; and the floor, likewise.
 */
#pragma once
#include "lib/bare.h"

#include <sys/types.h>

struct subject {
    pid_t pid;
    double started; /* by seconds_now() */
};

/** Run @argv (NULL-terminated) with its output appended to @log. It dies with us. */
struct subject subject_start(const char *const *argv, const char *log);

/** Fails when it has ended by itself. */
void subject_check(const struct subject *s);

/** SIGTERM, and wait for its end. */
void subject_stop(struct subject *s);

void subject_pause(const struct subject *s);
void subject_resume(const struct subject *s);

/** Of all its threads, since its start; exact to the nanosecond, other than /proc/PID/stat. */
double subject_cpu_seconds(const struct subject *s);

/** A line of /proc/PID/status, "RssAnon" or "VmHWM", in KiB. */
long subject_kib(const struct subject *s, const char *what);

/** Run @argv to its end, and write the first line of its output to @line. @client's streams are
 * served meanwhile. */
void run_to_end(const char *const *argv, struct bare_client *client, char *line, size_t bytes);

/*
 * The figures, as a table for people and one line of JSON for programs.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { REPORT_FIGURES_MAX = 32 };

struct figure {
    const char *name; /* for programs: "sync_latency_p50" */
    const char *text; /* for people */
    const char *unit;
    double ours;
    double floor, ratio, ratio_min, ratio_max; /* has_floor only */
    bool has_floor;
    const char *must_reach; /* for people; NULL: not judged */
    bool ok;
};

struct report {
    struct figure figures[REPORT_FIGURES_MAX];
    size_t count;
};

/** A figure that stands for itself; @limit applies where there is a @must_reach. */
void report_value(struct report *r, const char *name, const char *text, const char *unit,
                  double ours, const char *must_reach, double limit);

/** A figure beside its floor, both measured once in each of @rounds rounds: judged is the median of
 * the rounds' ratios. */
void report_ratio(struct report *r, const char *name, const char *text, const char *unit,
                  const double *ours, const double *floors, size_t rounds, const char *must_reach,
                  double limit);

bool report_is_ok(const struct report *r);
void report_table(const struct report *r, FILE *out);

/** @head: the first members of the object, without braces: "\"n\":1000". */
void report_json(const struct report *r, const char *head, FILE *out);

/*
 * Where the model is known to differ from a real server, with reasons: the same list as in
 * tests/sim/README.md, "Where the model differs". Exactly these are excused.
 */
#pragma once
#include "sim/conformance_sequence.h"

struct known_difference {
    const char *name, *reason;
    /** Is it this one? Both texts are as of side_text(). */
    bool (*is_it)(const struct sequence *s, size_t i, const char *real, const char *model);
    bool ends; /* what comes after cannot be compared */
};

enum { KNOWN_MAX = 32 };
extern const struct known_difference known_table[KNOWN_MAX];

/** The one that excuses what is different in operation @i, or -1. */
int known_find(const struct sequence *s, size_t i, const char *real, const char *model);

/** How often each was met. */
void known_print(const unsigned long counts[KNOWN_MAX]);

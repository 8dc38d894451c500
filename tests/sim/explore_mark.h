/*
 * Which choices can change places without anything coming of it: what explore.c leaves out.
 */
#pragma once
#include "sim/world.h"

enum { EXPLORE_OBJECT_BYTES = 128 };

/* What a choice touches: some of the server's resources, the process, or everything. Two that touch
 * different things can change places, but for those at the two ends of one request. */
struct explore_mark {
    char text[WORLD_CHOICE_BYTES];
    unsigned reads, writes;            /* bits: resources; on the server */
    char object[EXPLORE_OBJECT_BYTES]; /* the one that is written; "": not known … */
    const char *watch;                 /* … and who hears of it; NULL: not known */
    bool process;
    const char *scope; /* an answer that only fills this cache: nothing is decided yet */
    bool all;
    uint64_t flight; /* 0: none, or all of the process's */
    bool all_flights;
};

/** What @choice, one of world_choices(), touches. Valid as long as @w's API server. */
struct explore_mark explore_mark_of(struct world *w, const struct choice *choice);

/** Either order of the two leads to the same. */
bool explore_are_independent(const struct explore_mark *a, const struct explore_mark *b);

/*
 * A run as a list of choices in words: recorded, replayed, made shorter, written to a file and read
 * back. Words and not numbers, so that a script still means the same when some of its lines are
 * left out: a line that names nothing that could happen is passed over.
 */
#pragma once
#include "sim/world.h"

struct script {
    struct world_options options;
    char **lines;
    size_t count, cap;
};

void script_init(struct script *s, const struct world_options *options);
void script_fini(struct script *s);
void script_add(struct script *s, const char *line);

/** Take @choice and write it down. */
void script_take(struct script *s, struct world *w, const struct choice *choice);

/** Take the choice that @line names. False: there is none now. */
bool script_follow(struct world *w, const char *line);

/** A new world in which the script was played (not settled). Freed by the caller. */
struct world *script_play(const struct script *s, bool trace, bool logs);

/** Leave out lines, and steps of a random workload, as long as the run (settled) fails in the same
 * way: with the same invariant. At most @runs_max reruns. */
void script_shorten(struct script *s, unsigned runs_max);

/** Returns 0, or -1 with a line about it on standard error. */
int script_write(const struct script *s, const char *path);
int script_read(struct script *s, const char *path);

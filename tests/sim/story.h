/*
 * A run told so that people can check it by eye: time, who, what, answer. What changed is reduced
 * to facts (facts.h); uids, revisions, bookmarks, watches that are opened anew and Leases that are
 * renewed are left out. Golden traces are stories.
 *
 *     [     0] kubectl   creates memcached default/cache: size=1
 *     [     0] operator  creates deployment default/cache: replicas=1 … → 201
 */
#pragma once
#include "base/map.h"
#include "sim/world.h"

struct story {
    struct world *world;
    bool silent; /* for what goes before */
    bool reads;  /* lists and watches are told, too */
    uint64_t revision;
    uint64_t began_ms;
    struct map heard; /* "watch ns/name" → JSON as last told by that watch */
    struct buf text;
};

/** Listen to @w from now on. */
void story_begin(struct story *s, struct world *w);
void story_fini(struct story *s);

/** From here on it is told, as from time 0. */
void story_start(struct story *s);

/** A line of its own. */
void story_tell(struct story *s, const char *who, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Take @choice and tell what came of it. */
void story_take(struct story *s, const struct choice *choice);

/** @who has just written: tell what has changed since the last line. Returns how many lines. */
unsigned story_tell_changes(struct story *s, const char *who);

/*
 * Where a scene is played: a world in which one thing happens after the other, so that its story
 * can be followed: users wait until all that they caused has happened, requests are answered in
 * their order, and a fault comes where the scene says.
 */
#pragma once
#include "sim/story.h"
#include "sim/workload_steps.h"

struct stage {
    struct world *world;
    struct story story;
    struct steps steps; /* scenes append to them: user_create_memcached(&s->steps, …) */
    size_t next;
    const char *lose;   /* the next write whose path has this in it is done, but not answered */
    const char *meddle; /* before the next one that has this in it, a user's next step */
    const char *deaf;   /* watches whose path has this in it are late */
    bool pods;          /* Deployments are rolled out; else Kubernetes only collects garbage */
};

/** Nothing is told yet. */
void stage_open(struct stage *s, const struct world_options *options);

/** From here on. @reads: also what is listed and watched. */
void stage_tell(struct stage *s, bool reads);

/** All faults end and the invariants are checked; then it is over. Returns the story (mem_free),
 * whose last line is what did not hold, if so. */
char *stage_close(struct stage *s);

/** The steps so far, one after the other, and all that follows from each within a second. */
void stage_play(struct stage *s);

/** The same without waiting for what follows from each. */
void stage_play_at_once(struct stage *s);

/** What is due meanwhile happens. */
void stage_pass(struct stage *s, uint64_t ms);

void stage_crash(struct stage *s, unsigned process);
void stage_stop(struct stage *s, unsigned process);
void stage_start(struct stage *s, unsigned process);
void stage_upgrade(struct stage *s, const char *image);
void stage_compact(struct stage *s);

/** etcd comes back as it was at @revision. */
void stage_restore(struct stage *s, uint64_t revision);

/** The server's cache of Deployments shows what was at @revision, until it catches up. */
void stage_lag(struct stage *s, uint64_t revision);
void stage_catch_up(struct stage *s);

/** Break the connections of all watches of the process. */
void stage_break_watches(struct stage *s);

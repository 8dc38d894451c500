/*
 * The inside of a world, for the files that make it up: world.c (making, judging), world_choices.c
 * (what may happen, in words), world_take.c (doing it), world_settle.c (the fair order, the
 * verdict).
 */
#pragma once
#include "sim/invariant.h"
#include "sim/network.h"

enum { WORLD_FAILURE_BYTES = 1024 };

struct world {
    struct world_options options;
    struct api *api;
    struct cluster *cluster;
    struct workload *workload;
    struct network network;
    struct invariants *invariants;
    char image[128];
    struct cluster_step steps[CLUSTER_STEPS_MAX];
    size_t step_count;
    bool crd_away;
    bool frozen;
    uint64_t revision;   /* up to which changes were judged */
    uint64_t changed_ms; /* when something changed last, Leases and Events aside */
    uint64_t writes[WORLD_PROCESSES_MAX];
    uint64_t snapshot; /* revision of the backup */
    bool probing;
    world_say_fn *say; /* while world_play() runs; may be NULL */
    void *say_ctx;
    world_observe_fn *observe; /* may be NULL */
    void *observe_ctx;
    bool admitted; /* a webhook is at work */
    char failure[WORLD_FAILURE_BYTES];
    char probed[WORLD_FAILURE_BYTES];
    struct buf trace;
};

/** A line of the trace. */
void world_tell(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Judge what has changed since the last call. @process: who has just written, or -1. */
void world_judge(struct world *w, int process, const struct exchange *exchange);

void world_set_now(struct world *w, uint64_t now_ms);

/** Choices that are no faults and take no time. Returns their count. */
size_t world_progress(struct world *w, struct choice out[WORLD_CHOICES_MAX]);

/** True time at which something happens by itself; UINT64_MAX: never. */
uint64_t world_due_ms(const struct world *w);
/** How long until then, or a while. */
uint64_t world_pass_ms(const struct world *w);
void world_pass(struct world *w, uint64_t ms);
void world_thaw(struct world *w);

/** Resources whose caches can be frozen by themselves, by index; [0] is NULL: all. */
extern const char *const world_freeze_texts[WORLD_FREEZES];

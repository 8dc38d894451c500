/*
 * A controller: a queue, a reconcile function, and the carrying out of its plans. Knows nothing of
 * what it controls.
 */
#pragma once
#include "base/time_text.h"
#include "kube/client.h"
#include "kube/plan.h"
#include "kube/queue.h"

enum { CONTROLLER_GONE_LOOK_MS = 30 * 1000 }; /* when to look again for what a write did not find */

struct manager;

struct controller_spec {
    const char *name;   /* metrics label: "memcached" */
    const char *logger; /* "controllers.Memcached" */
    /** What the keys name. Controllers keyed by one kind never work on one key at the same time: on
     * the same object their writes would only conflict. */
    const struct kind *keyed_by;
    void *ctx;

    /** Decide for one key. Never fails: what cannot be decided is said in the plan (log, event,
     * again_ms). */
    void (*reconcile)(void *ctx, const char *ns, const char *name, struct now now,
                      struct plan *plan);

    /**
     * The answer to the plan's write, before the runtime's own handling: on success the object goes
     * to write->into, on errors the key backs off, but for a 404: nothing was there to write to.
     * @object is the decoded object of a 2xx answer (borrowed) or NULL. Return true to have the key
     * looked at again at once, without backing off. NULL: nothing to add.
     */
    bool (*answered)(void *ctx, const char *ns, const char *name, struct now now,
                     const struct write *write, const struct answer *answer,
                     const struct object *object);

    /** Called once, when work begins: the caches are in step, and the lease is held. NULL: nothing
     * to do. */
    void (*start)(void *ctx, struct now now);

    /** Enqueue every key there is (--sync-period). NULL: nothing to do. */
    void (*resync)(void *ctx, struct now now);
};

struct controller;

struct controller *controller_new(const struct controller_spec *spec, struct manager *manager,
                                  uint64_t seed, struct metrics *metrics);
void controller_free(struct controller *c);

void controller_enqueue(struct controller *c, struct now now, const char *ns, const char *name);

void controller_start(struct controller *c, struct now now);

/** Start at most @slots reconciles; returns how many of them now have a write in flight. */
size_t controller_run(struct controller *c, struct now now, size_t slots);

/** @c has a write in flight for @key, an object of @kind. */
bool controller_works_on(const struct controller *c, const struct kind *kind, const char *key);

/** Nobody works on @key of @kind any more: take it up if it had to be put off. */
void controller_resume(struct controller *c, struct now now, const struct kind *kind,
                       const char *key);

/** Writes in flight. */
size_t controller_busy(const struct controller *c);
uint64_t controller_deadline(const struct controller *c);
void controller_resync(struct controller *c, struct now now);
/** Bring the queue's numbers to its metrics. */
void controller_update_metrics(struct controller *c, struct now now);

/*
 * A reflector at work in a manager: its request in flight, and what people are told of it.
 */
#pragma once
#include "kube/manager.h"

struct watcher;

/** Who wants to hear of it in place of people: each report; and when it was answered, may be due
 * before watcher_deadline() as it was, or has seen a reset. */
struct watcher_owner {
    reflector_report_fn *report;
    void (*stirred)(void *ctx);
    void *ctx;
};

/** Keeps @ns ("": all) of @store equal to the server, or its object @name (may be NULL) alone.
 * @ns, @name, @random, *spec's texts and kind outlive it. @owner is copied; NULL: people are told.
 */
struct watcher *watcher_new(struct manager *manager, const struct watch_spec *spec, const char *ns,
                            const char *name, struct store *store, struct random *random,
                            const struct watcher_owner *owner);
/** Nothing may be in flight: watcher_stop(). The scope stays with the store. */
void watcher_free(struct watcher *w);
struct store_scope *watcher_scope(const struct watcher *w);

/** Start the request that is wanted now, if it @may begin one; cut a watch that has outlived its
 * time. */
void watcher_pump(struct watcher *w, bool may);
/** mono_ms at which the request in flight began, as long as it is not answered; 0: there is none.
 */
uint64_t watcher_unanswered_since(const struct watcher *w);
uint64_t watcher_deadline(const struct watcher *w);
/** Nothing is sent before a backoff, or the server's Retry-After, is over. */
bool watcher_is_pausing(const struct watcher *w, struct now now);

/** reflector_take_history(), and what it says to the watchers that have not found it. */
enum reflector_history watcher_take_history(struct watcher *w);
void watcher_learn_history(struct watcher *w, enum reflector_history history);

bool watcher_keeps(const struct watcher *w, const struct store *store, const char *ns);

/** reflector_refresh(); true when it has begun. */
bool watcher_refresh(struct watcher *w);
bool watcher_is_refreshing(const struct watcher *w);

/** Cancel what is in flight, for good. */
void watcher_stop(struct watcher *w);

/** Why the first list is not there yet, and how many attempts have failed; NULL: none has, it is
 * there, or an owner was told. */
const struct error *watcher_trouble(const struct watcher *w, unsigned *attempts);

/** In step with the server, and not failing; else the reason is written to @why. */
bool watcher_is_ready(const struct watcher *w, char *why, size_t bytes);

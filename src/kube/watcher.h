/*
 * A reflector at work in a manager: its request in flight, and what people are told of it.
 */
#pragma once
#include "kube/manager.h"

struct watcher;

/** Keeps @ns ("": all) of @store equal to the server. @spec, @ns, @random outlive it; *spec's texts
 * too. */
struct watcher *watcher_new(struct manager *manager, const struct watch_spec *spec, const char *ns,
                            struct store *store, struct random *random);
void watcher_free(struct watcher *w);

/** Start the request that is wanted now; cut a watch that has outlived its time. */
void watcher_pump(struct watcher *w);
uint64_t watcher_deadline(const struct watcher *w);

/** reflector_take_reset() and reflector_distrust(). */
bool watcher_take_reset(struct watcher *w);
void watcher_distrust(struct watcher *w);

/** reflector_refresh(), if it keeps @ns of @store; true when it has begun. */
bool watcher_refresh(struct watcher *w, const struct store *store, const char *ns);

/** Cancel what is in flight, for good. */
void watcher_stop(struct watcher *w);

/** In step with the server, and not failing; else the reason is written to @why. */
bool watcher_is_ready(const struct watcher *w, char *why, size_t bytes);

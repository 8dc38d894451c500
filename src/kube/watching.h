/*
 * All that a manager watches: whole kinds, which everything waits for, and lookouts, which nothing
 * waits for.
 */
#pragma once
#include "kube/watcher.h"

struct watching {
    struct manager *manager;
    struct random *random;
    struct watcher **watchers;
    size_t watcher_count;
    struct lookout **lookouts;
    size_t lookout_count;
};

void watching_fini(struct watching *w);

/** The watch of @ns, as watcher_new(). */
void watching_add(struct watching *w, const struct watch_spec *spec, const char *ns,
                  struct store *store);

/** manager_lookout(). */
struct lookout *watching_lookout(struct watching *w, const struct lookout_spec *spec,
                                 struct error *err);

/** True when the server's history was reset: all has begun to be listed anew, and what answers have
 * brought shall be dropped. */
bool watching_pump(struct watching *w);
uint64_t watching_deadline(const struct watching *w);

/** manager_refresh(). */
bool watching_refresh(struct watching *w, const struct store *store, const char *ns);

/** watcher_is_ready() of all that is waited for. */
bool watching_is_ready(const struct watching *w, char *why, size_t bytes);

/** watcher_trouble() of what is waited for: the first that there is. */
const struct error *watching_trouble(const struct watching *w, unsigned *attempts);

/** Cancel what is in flight, for good. */
void watching_stop(struct watching *w);

/** Lookouts have no news any more. */
void watching_mute(struct watching *w);

/** The @i-th store of lookouts; NULL: there are no more. */
const struct store *watching_store(const struct watching *w, size_t i);

/*
 * Single objects of one kind that somebody refers to, each watched for itself. They come and go
 * while the manager is at work; what nobody refers to costs nothing.
 *
 *     struct lookout *l = manager_lookout(m, &(struct lookout_spec){.api_version = "apps/v1", …});
 *     lookout_add(l, "default", "web");       for each who refers to it, once
 *     struct sight sight = lookout_see(l, "default", "web");
 *     lookout_remove(l, "default", "web");
 *
 * Each object has a reflector of its own, with fieldSelector=metadata.name=…: its rules are those
 * of docs/reflector.md, the server sends nothing else, and the right to list and watch may be
 * limited to resourceNames. The controllers do not wait for any of them, and readiness does not
 * depend on them: whoever refers to an object asks lookout_see() what is known of it.
 *
 * A kind that is not compiled in is found on the server (kube/kind_search.h) as soon as one of its
 * objects is added; of these only the metadata is watched, and their replicas are read by a plan:
 *
 *     if (sight.scale_due) {
 *         struct write *w = plan_write(plan, "read scale", HTTP_GET, lookout_kind(l), ns, name);
 *         w->subresource = "scale";
 *         w->into = lookout_scales(l);
 *     }
 */
#pragma once
#include "kube/reflector.h"
#include "kube/scale.h"

enum {
    LOOKOUT_WATCHES_MAX = 1000, /* of one kind at a time; further objects wait for their turn */
    LOOKOUT_STARTS_MAX =
        8, /* requests that are not answered yet; where streams are used up, libcurl
              opens a connection for each that begins before the first is open */
    LOOKOUT_START_MS = 5000, /* one that is not answered for so long holds nobody up any more */
};

struct manager;
struct lookout;

/** What lookout_see() would say of @ns/@name has changed. Called from within the manager's step;
 * may enqueue keys, and add or remove objects. */
typedef void lookout_news_fn(void *ctx, struct lookout *l, const char *ns, const char *name);

struct lookout_spec {
    /** Compiled in; NULL: to be found on the server by the two names below. */
    const struct kind *kind;
    const char *api_version, *kind_name; /* "apps/v1", "Deployment"; hostile; copied */
    bool metadata_only;                  /* as in reflector_spec; for kinds that are compiled in */
    lookout_news_fn *news;
    void *ctx;
};

/** What is known of one object. Borrowed until the next step, or until it is removed. */
struct sight {
    const struct object *object; /* NULL: there is none, or it is not known yet */
    const struct scale *scale;   /* the last that was read of this object, by its uid; or NULL */
    bool scale_due;              /* the object may have other replicas than scale says: read it */
    /**
     * The first list is complete (and no restored history has made it doubtful since): object is
     * what the server has or, with trouble, what it had when it was last heard of. While false,
     * nothing may be concluded from object being NULL.
     */
    bool synced;
    /**
     * NULL: none. Else why the last attempt failed; it is tried again by itself. ERR_NOT_FOUND: the
     * kind is not served; ERR_INVALID: it is none that can be watched and scaled; ERR_FORBIDDEN;
     * ERR_TOO_BIG: LOOKOUT_WATCHES_MAX are watched already; ERR_TRANSPORT, …
     */
    const struct error *trouble;
    uint64_t lists; /* complete lists so far, as in store_scope */
};

/** Somebody refers to @ns/@name. Counted: the watch stays until as many have been removed. False,
 * with nothing done, if either is no valid name. */
bool lookout_add(struct lookout *l, const char *ns, const char *name);

/** Undoes one lookout_add(); nothing, if that returned false. The last one ends the watch, and what
 * was held of the object goes, at the beginning of the next step or later in this one; where a
 * backoff or the server's Retry-After runs, when that is over or others need the place. Added again
 * before that, the watch goes on as if nothing had been. */
void lookout_remove(struct lookout *l, const char *ns, const char *name);

/** All zero (neither synced nor in trouble) for what was not added. */
struct sight lookout_see(const struct lookout *l, const char *ns, const char *name);

/** What is held of @ns/@name may be too old to decide on: list it anew, by a consistent read that
 * begins from now on. sight.lists grows when that is done, and that is news. False when such a list
 * has begun already, or nothing watches. */
bool lookout_refresh(struct lookout *l, const char *ns, const char *name);

/** NULL: not found yet. Lives as long as the manager. */
const struct kind *lookout_kind(const struct lookout *l);

/** Where scales that are read go. Lives as long as the manager once the kind is known. */
struct store *lookout_scales(struct lookout *l);

/* For the manager. */
struct lookout *lookout_new(struct manager *m, const struct lookout_spec *spec,
                            struct random *random);
void lookout_free(struct lookout *l);

/** It watches @api_version's @kind. */
bool lookout_is_of(const struct lookout *l, const char *api_version, const char *kind);

/** Nothing is watched, the kind is not known, and no Retry-After runs: it may be freed. */
bool lookout_is_idle(const struct lookout *l);

/** Begin what was added, end what was removed, and all that is due; cheap when nothing is. */
void lookout_pump(struct lookout *l);
uint64_t lookout_deadline(const struct lookout *l);

/** watcher_take_history(): a watcher that has found something, and what; NULL when there is none
 * (more). */
struct watcher *lookout_take_history(struct lookout *l, enum reflector_history *history);
/** That is so, as @witness (may be another lookout's, or none's) has shown: list all else anew. */
void lookout_learn_history(struct lookout *l, const struct watcher *witness,
                           enum reflector_history history);

/** Cancel what is in flight, for good. */
void lookout_stop(struct lookout *l);
/** No news any more: the manager is about to be freed. */
void lookout_mute(struct lookout *l);
const struct store *lookout_store(const struct lookout *l);

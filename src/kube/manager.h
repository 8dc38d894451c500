/*
 * Ties the runtime together: reflectors, stores, controllers, leader election, events, metrics. Its
 * whole interface to the world is manager_step().
 *
 *     struct manager *m = manager_new(&options);
 *     struct store *deployments = manager_watch(m, &(struct watch_spec){…});
 *     struct controller *c = manager_add_controller(m, &(struct controller_spec){…});
 *     … then, from the shell's loop: manager_step(m, &event, now, &actions); … perform actions;
 * sleep until manager_deadline(m)
 */
#pragma once
#include "kube/controller.h"
#include "kube/lease.h"
#include "kube/lookout.h"
#include "kube/reflector.h"

enum {
    MANAGER_DRAIN_MS = 3000, /* after a stop, writes in flight get so long */
};

struct manager_options {
    struct log_format log;
    const char *name; /* "memcached-operator": field manager, reporting controller, user agent */
    const char *const *namespaces; /* watched; count 0: all */
    size_t namespace_count;
    unsigned max_concurrent; /* writes in flight, all controllers together */
    uint64_t sync_period_ms; /* 0: never */
    double qps;              /* 0: no limit */
    bool dry_run;            /* log what would be written, write nothing */
    bool leader_elect;
    const char *lease_ns, *lease_name;
    const char *identity; /* unique: host name and a random part */
    const char *host;     /* of the API server, for metrics */
    const char *user;     /* who we are to it, for messages on 401 */
    uint64_t seed;
};

struct manager;

/** Copies what it keeps of @options, texts included. */
struct manager *manager_new(const struct manager_options *options);
void manager_free(struct manager *m);

/** What manager_watch() takes: as reflector_spec, for every watched namespace; and advice for
 * people when the list is answered 404. */
struct watch_spec {
    const struct kind *kind;
    const char *label_selector;
    bool metadata_only;
    const char *if_not_served; /* e.g. "install the CRD: make install"; may be NULL */
};

/** A store kept equal to the server in every watched namespace. Owned by the manager. Before the
 * first step. */
struct store *manager_watch(struct manager *m, const struct watch_spec *spec);

/**
 * The lookout for single objects of a kind: the one that there is, or a new one as @spec has it. At
 * any time. Owned by the manager, for its whole life when the kind is compiled in, or was found;
 * until then only as long as something is added to it, so who has more to do with it asks anew.
 * NULL with *err filled (ERR_INVALID) when the names are none: discovery_check().
 */
struct lookout *manager_lookout(struct manager *m, const struct lookout_spec *spec,
                                struct error *err);

/** A store without a watch, for objects that answers bring. Owned by the manager. */
struct store *manager_add_store(struct manager *m, const struct kind *kind);

struct controller *manager_add_controller(struct manager *m, const struct controller_spec *spec);

/** The one step: take in @event, and append to @actions what the shell shall do. Never blocks,
 * never fails. */
void manager_step(struct manager *m, struct now now, const struct event *event,
                  struct actions *actions);

/** mono_ms at which to step with EVENT_TICK if nothing came before; UINT64_MAX: no need. */
uint64_t manager_deadline(const struct manager *m);

/** All caches synced and none failing, lookouts aside; else *why (may be NULL) says which is not,
 * static or borrowed until the next step. */
bool manager_ready(struct manager *m, const char **why);

/** Why one of the watches, lookouts aside, has not had its first list yet, and how many attempts
 * have failed; NULL: none has. Borrowed until the next step. For who does not want to wait until
 * that passes. */
const struct error *manager_trouble(const struct manager *m, unsigned *attempts);

/** The @i-th store, in the order in which they were added, then those of lookouts; NULL: there are
 * no more. For tests and people who debug. */
const struct store *manager_store(const struct manager *m, size_t i);

struct metrics *manager_metrics(struct manager *m);

/** Bring gauges that are derived (queue depth, …) up to date before rendering. */
void manager_update_metrics(struct manager *m, struct now now);

/* For controllers. */
struct client *manager_client(struct manager *m);
const struct manager_options *manager_settings(const struct manager *m);
void manager_log(struct manager *m, struct now now, enum log_level level, const char *logger,
                 const char *message, const struct log_field *fields, size_t count);
void manager_record(struct manager *m, struct now now, const struct recorder_event *event);
/** mono_ms by which a write begun now must have ended (the lease); UINT64_MAX without leader
 * election. */
uint64_t manager_write_deadline(const struct manager *m);
/** Some controller keyed by @kind has a write in flight for @key. */
bool manager_works_on(const struct manager *m, const struct kind *kind, const char *key);
/** The write for @key is over: those that put it off may take it up. */
void manager_resume(struct manager *m, const struct kind *kind, const char *key);
/** What @store has of @ns is older than what some decision was made from: list it anew, by a
 * consistent read. store_scope_of()->lists grows when that is done. False when such a list has
 * begun already, or nothing watches there. */
bool manager_refresh(struct manager *m, const struct store *store, const char *ns);
/** The time of the current step. For mappings, which run inside store callbacks. */
struct now manager_now(const struct manager *m);

/*
 * Keeps one scope of a store equal to the server: list, then watch, for ever. A pure state machine:
 * it says which request it wants, is fed the answer, and tells its deadline. The states and every
 * transition are those of client-go's reflector; the rules are listed in docs/reflector.md and
 * tested one by one.
 *
 *   WAITING ──► WATCH_LISTING ──► WATCHING ──► WAITING
 *   WAITING ──► LISTING (one page) ──► WAITING
 *   WAITING ──► CHECKING ──► WAITING
 */
#pragma once
#include "base/buf.h"
#include "base/log.h"
#include "base/random.h"
#include "kube/http.h"
#include "kube/list.h"
#include "kube/store.h"
#include "kube/watch.h"

enum {
    REFLECTOR_BACKOFF_MS_MIN = 800,
    REFLECTOR_BACKOFF_MS_MAX = 30 * 1000,       /* with jitter: no wait of ours is longer */
    REFLECTOR_BACKOFF_RESET_MS = 2 * 60 * 1000, /* quiet time after which the backoff starts anew */
    REFLECTOR_ABSENT_MS_MAX = 5 * 1000, /* in place of BACKOFF_MS_MAX while the resource type is not
                                           served, so that all starts soon after it is installed;
                                           not for single objects, as there may be many */
    REFLECTOR_RETRY_AFTER_MS_MAX = 2 * 60 * 1000, /* a longer wish of the server is cut to this */
    REFLECTOR_WATCH_MS_MIN =
        5 * 60 *
        1000, /* the server is asked to end a watch after a random time in [min, 2 × min] */
    REFLECTOR_WATCH_GRACE_MS =
        30 * 1000, /* if it does not, we do, this much later; and as much later, the transport */
    REFLECTOR_SHORT_WATCH_MS = 1000, /* a watch that ends sooner without an event backs off;
                                        the second in succession is a failure */
    REFLECTOR_PAGE_ITEMS = 500,
    REFLECTOR_LIST_TIMEOUT_MS = 60 * 1000, /* one page, or all initial events of a watch */
};

struct reflector_spec {
    const struct kind *kind;
    const char *ns;             /* "": all namespaces */
    const char *name;           /* this object alone, of one namespace; NULL: all objects */
    const char *label_selector; /* NULL: all objects */
    bool metadata_only;         /* ask for PartialObjectMetadata */
};

enum reflector_state {
    REFLECTOR_WAITING,       /* nothing in flight; a request is wanted from wake_ms on */
    REFLECTOR_WATCH_LISTING, /* a watch with sendInitialEvents, filling `pending` */
    REFLECTOR_LISTING,       /* a list page in flight, filling `pending` */
    REFLECTOR_WATCHING,
    REFLECTOR_CHECKING, /* a list of nothing: has the server reached the last version seen? */
};

/** What the next request is, decided when the last one ended. */
enum reflector_next {
    REFLECTOR_NEXT_LIST,
    REFLECTOR_NEXT_PAGE,
    REFLECTOR_NEXT_WATCH,
    REFLECTOR_NEXT_CHECK,
};

/** How the next list asks for its resourceVersion. */
enum reflector_list_rv {
    REFLECTOR_RV_ANY,    /* "0": the first list */
    REFLECTOR_RV_LAST,   /* the last one seen: a relist */
    REFLECTOR_RV_QUORUM, /* unset, paged: after 410 or ResourceVersionTooLarge on a list */
};

/** What a scope has found out about the server's history. */
enum reflector_history {
    REFLECTOR_HISTORY_GOES_ON,
    REFLECTOR_HISTORY_DOUBTED, /* the server is not as new as what is known, says a check */
    REFLECTOR_HISTORY_RESET,   /* etcd was restored from a backup, says a list */
};

/** Told about what people should know: @err NULL for good news (synced, recovered). One call per
 * failed attempt, with "list" or "watch" as @verb; docs/reflector.md says what is no failure. */
typedef void reflector_report_fn(void *ctx, const char *verb, const struct reflector_spec *spec,
                                 uint64_t retry_in_ms, const struct error *err);

struct reflector {
    struct reflector_spec spec;
    struct store *store;
    struct store_scope *scope;
    struct random *random;
    reflector_report_fn *report;
    void *report_ctx;

    enum reflector_state state;
    enum reflector_next next;
    enum reflector_list_rv list_rv;
    bool distrusted; /* what the store has may never have been: a list is taken as it is */
    enum reflector_history history; /* until somebody asks */
    bool list_whole;         /* without limit: a page expired before the next was asked for */
    bool watch_list_refused; /* this server does not know it: LIST from now on */
    uint64_t wake_ms;
    uint64_t backoff_ms; /* the next one, without jitter; 0: fresh */
    uint64_t last_failure_ms;
    bool failing;
    bool was_brief; /* the last watch ended within REFLECTOR_SHORT_WATCH_MS, without an event */

    /* the request in flight */
    uint64_t started_ms;
    uint64_t cut_ms;       /* a watch that is still open then is cut by us */
    uint64_t listed_by_ms; /* and so is one whose initial events are not complete then */
    int http_status;       /* 0: no head yet */
    int64_t retry_after_ms;
    bool event_seen;
    struct watch watch;
    struct list list;
    struct buf refusal; /* body of an answer that is not 200, for its Status */
    char *page_token;
    char *page_rv;  /* resourceVersion of the first page */
    char *known_rv; /* what was known when the list was asked for: a quorum read is as new */
    struct object **pending; /* list in progress */
    size_t pending_count, pending_cap;
};

/** Adds a scope to @store. All pointers in @spec and @store, @random live longer than the
 * reflector. @report may be NULL. */
void reflector_init(struct reflector *r, const struct reflector_spec *spec, struct store *store,
                    struct random *random, reflector_report_fn *report, void *report_ctx);
void reflector_fini(struct reflector *r);

/** True with *out filled (owned by the caller) when a request shall start now; the reflector then
 * awaits its answer. */
bool reflector_want(struct reflector *r, struct now now, struct request *out);

/** When reflector_want() or reflector_overdue() may next be true; UINT64_MAX: not before something
 * arrives. */
uint64_t reflector_deadline(const struct reflector *r);

/** The watch in flight has outlived its time, or has not brought its initial events in time: the
 * caller cancels it and calls reflector_end() with ERR_CANCELLED (which is no failure). */
bool reflector_overdue(const struct reflector *r, struct now now);

void reflector_head(struct reflector *r, struct now now, int http_status, int64_t retry_after_ms);

/** Returns 0; or a negative code: the caller cancels the request and calls reflector_end() with
 * *err. */
int reflector_body(struct reflector *r, struct now now, const char *bytes, size_t len,
                   struct error *err);

/** The answer is over: @failure NULL when it ended cleanly. */
void reflector_end(struct reflector *r, struct now now, const struct error *failure);

/** What was found out last. Once: then it goes on. Of what is not HISTORY_GOES_ON the other scopes
 * must learn: by reflector_refresh() or reflector_distrust(). */
enum reflector_history reflector_take_history(struct reflector *r);

/** It was reset, says another scope's list: forget how far this one had come, and list anew. Not
 * synced until that is done. The caller has cancelled what was in flight and says no more of it. */
void reflector_distrust(struct reflector *r, struct now now);

/** What the store has may be too old to decide on: list anew, by a consistent read. It stays synced
 * meanwhile. At once, or when a backoff ends. False when such a list is under way already; else the
 * caller cancels what was in flight and says no more of it. */
bool reflector_refresh(struct reflector *r, struct now now);

/** Such a list is under way, or to be begun. */
bool reflector_refreshing(const struct reflector *r);

/** The first list is complete. Stays true, but for reflector_distrust(). */
bool reflector_synced(const struct reflector *r);

/** The last attempt failed and nothing has worked since. */
bool reflector_failing(const struct reflector *r);

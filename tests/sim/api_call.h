/*
 * The inside of the model API server, shared by its parts: api.c (the truth, and who answers what),
 * api_options.c, api_read.c, api_write.c, api_delete.c, api_watch.c.
 */
#pragma once
#include "base/random.h"
#include "base/time_text.h"
#include "sim/api.h"
#include "sim/api_path.h"
#include "sim/api_status.h"
#include "sim/api_store.h"

/** What a server's watch cache knows of one resource. */
struct api_cache {
    bool frozen;
    uint64_t limit;   /* frozen: it knows nothing newer */
    uint64_t current; /* frozen: the revision that it says it has */
    uint64_t floor;   /* frozen: watches from before are too old */
};

struct api {
    struct api_options options;
    struct api_store store;
    struct random random;
    int64_t wall_us;
    char now_text[TIME_TEXT_BYTES];
    struct api_cache *caches[API_SERVERS_MAX]; /* by index of the resource */
    struct api_watch *watches;
    bool crd_served;
    unsigned page_objects; /* 0: no limit */
    api_admit_fn *admit;   /* or NULL */
    void *admit_ctx;
};

/* The caches, frozen or not. */
uint64_t api_cache_limit(const struct api *a, unsigned server, unsigned resource);
uint64_t api_cache_current(const struct api *a, unsigned server, unsigned resource);
uint64_t api_cache_floor(const struct api *a, unsigned server, unsigned resource);

/** In which form the client wants what it gets. */
enum api_accept { API_ACCEPT_WHOLE, API_ACCEPT_META, API_ACCEPT_META_LIST, API_ACCEPT_NOTHING };

/** A request on its way. */
struct api_call {
    struct api *api;
    unsigned server;
    const struct api_request *request;
    struct api_path path;
    unsigned resource; /* index */
    enum api_accept accept;
    struct api_answer *answer;
};

/** Take the request apart; api_call_fini() whatever the outcome. False: it is answered already. */
bool api_call_init(struct api_call *c, struct api *a, unsigned server,
                   const struct api_request *request, struct api_answer *answer);
void api_call_fini(struct api_call *c);

/** The newest state of the object that the path names, or NULL when it is not there. */
struct api_version *api_call_object(const struct api_call *c);

/** 404: the object that the path names is not there. */
void api_answer_missing(struct api_call *c);

/** Send this object, or its Scale, in the form that is wanted. */
void api_answer_version(struct api_call *c, int http_status, struct api_version *v);
void api_answer_doc(struct api_call *c, int http_status, yyjson_mut_doc *doc);

/** Store, tell the watches, and note it in the answer (several times for one request too). */
struct api_version *api_commit(struct api_call *c, const char *name, yyjson_mut_doc *doc);
struct api_version *api_commit_removal(struct api_call *c, struct api_version *newest);

/* ---- api_options.c: false: answered with what is wrong ---- */

/** A parameter that is there and not empty. */
bool api_is_given(const char *text);

/** Lists and watches are answered by a cache: of all but Events. */
bool api_has_cache(const struct api_resource *resource);

/** resourceVersion as a number; unset is 0. */
bool api_parse_revision(struct api_call *c, uint64_t *revision);

/** A parameter that is a whole number; unset is 0. */
bool api_parse_int(struct api_call *c, const char *text, int64_t *value);

/** Is it dryRun=All? @options: "CreateOptions" and so on. */
bool api_parse_dry_run(struct api_call *c, const char *options, bool *dry_run);

/** labelSelector and fieldSelector. */
bool api_parse_selector(struct api_call *c, struct api_selector **selector);

/** What a list or a watch may not ask for. */
bool api_check_list_options(struct api_call *c);

/* ---- api_read.c ---- */

void api_get_object(struct api_call *c);
void api_list(struct api_call *c);

/* ---- api_discovery.c ---- */

void api_discover(struct api_call *c);

/* ---- api_write.c ---- */

void api_create(struct api_call *c);
void api_update(struct api_call *c);
void api_patch(struct api_call *c);

/** A body that is to be a whole object, and is JSON at least. NULL: answered. */
yyjson_doc *api_parse_object(struct api_call *c);

/* ---- api_delete.c ---- */

void api_delete(struct api_call *c);

/** PUT of a namespace's /finalize. */
void api_finalize(struct api_call *c);

/** Put @doc in the place of @live, or, if it has nothing left that keeps it, delete it; answer. */
void api_commit_update(struct api_call *c, struct api_version *live, yyjson_mut_doc *doc);

/* ---- api_watch.c ---- */

/** There is something new. */
void api_watches_wake(struct api *a);
/** History up to @revision is forgotten. */
void api_watches_compact(struct api *a);
/** @server is up to date again. */
void api_watches_thaw(struct api *a, unsigned server);
/** They end now. */
void api_watches_end(struct api *a);
/** They end once they have told everything that has happened to Memcacheds. */
void api_watches_end_memcacheds(struct api *a);

/*
 * The model API server: the part of Kubernetes that this operator, its rivals and its users speak
 * to, as HTTP in and HTTP out, on memory, without a clock or a socket. It behaves like
 * kube-apiserver 1.20 (what hack/cluster builds) where both can be asked the same;
 * tests/sim/conformance.c holds the two together.
 *
 * One `struct api` is the cluster's truth: etcd with all its revisions. A server (a number) is a
 * way to it with a watch cache of its own, which can be frozen in the past, as a lagging API server
 * of a highly available control plane is. Writes and reads without a resourceVersion always go to
 * the truth.
 */
#pragma once
#include "base/buf.h"
#include "kube/http.h"

#include <stdbool.h>
#include <stdint.h>
#include <yyjson.h>

enum {
    API_SERVERS_MAX = 2,
    API_ANSWER_BYTES_MAX = 16 << 20,
};

/* ---- The truth ---- */

struct api;

struct api_options {
    uint64_t seed;           /* of uids and generated names */
    uint64_t first_revision; /* where resourceVersions begin; 0: 1 */
    bool watch_list;         /* serve sendInitialEvents, and caches that keep up with every revision
                                (Kubernetes ≥ 1.32). Else as 1.20: 422, for the resourceVersionMatch that
                                goes with it; and the cache of a resource is as new as its last write */
    bool without_crd;        /* Memcacheds are not served at first */
};

/*
 * What of Kubernetes can surprise, as it was seen on 1.20:
 *   - namespace "default" is there from the start; it is the first revision
 *   - a DELETE of a pod that has a node (spec.nodeName) leaves it terminating for its grace period;
 *     one without a node, or with gracePeriodSeconds=0, is gone after two writes: terminating, gone
 *   - a DELETE of a namespace makes it Terminating, and again changes nothing; it goes when
 *     PUT …/finalize takes the last of spec.finalizers away
 *   - a PUT of a Lease or Event that is not there creates it, whatever its resourceVersion
 *   - a write that takes the last finalizer of a deleted object away is a deletion and nothing else
 * Not served: deletecollection (405), strategic merge patch (415), /watch/ paths (404).
 */

struct api *api_new(const struct api_options *options);
void api_free(struct api *a);

/** The wall clock, for creationTimestamp, deletionTimestamp and managedFields. Never goes back. */
void api_set_time(struct api *a, int64_t wall_us);

/** etcd's revision: that of the last write. */
uint64_t api_revision(const struct api *a);

/** The last compaction's; changes after it are known. */
uint64_t api_oldest(const struct api *a);

/** Forget history up to and with @revision (at most the newest): older watches and lists are
 * answered 410; a watch that has not been told all up to there gets it as an ERROR event. Caches
 * are not older than this afterwards, but for frozen ones. */
void api_compact(struct api *a, uint64_t revision);

/** Everything as it was at @revision, which becomes the newest one: etcd restored from a backup.
 * Watches end, servers thaw. Later revisions are used again, for other things. Must not be
 * compacted. */
void api_restore(struct api *a, uint64_t revision);

/** Serve the CRD's resource or do not (the CRD is installed or removed, and with it all objects;
 * each object's removal is a revision of its own). While it is away its paths are answered with 404
 * and "404 page not found" as plain text, and its watches end. */
void api_serve_memcacheds(struct api *a, bool serve);

/** A mutating admission webhook: may change @object, which somebody is about to write (not through
 * scale), before it is validated. @subresource: NULL or "status". @admit NULL: there is none. */
typedef void api_admit_fn(void *ctx, const char *resource, const char *subresource,
                          yyjson_mut_doc *doc, yyjson_mut_val *object);
void api_set_admission(struct api *a, api_admit_fn *admit, void *ctx);

/* ---- Requests ---- */

struct api_request {
    enum http_method method;
    const char *path;         /* with query */
    const char *accept;       /* NULL: application/json */
    const char *content_type; /* NULL without a body */
    const char *body;         /* NULL: none */
    size_t body_len;
    const char *agent; /* User-Agent; names the field manager where the query does not */
};

struct api_answer {
    int http_status;
    int64_t retry_after_ms; /* -1: none */
    struct buf body;
    /** What it did, for whoever looks over the server's shoulder: the object before and after as
     * JSON texts, NULL where there was or is none. Owned by the api, valid until the next call of
     * any api_ function. Both NULL when nothing was written (also: a write that changed nothing).
     */
    const char *before, *after;
    uint64_t revision; /* of that write */
};

void api_answer_init(struct api_answer *answer);
void api_answer_fini(struct api_answer *answer);

/** Take in one request that is no watch, at @server. */
void api_handle(struct api *a, unsigned server, const struct api_request *request,
                struct api_answer *answer);

/** The request is a watch. */
bool api_is_watch(const struct api_request *request);

/* ---- Watches ---- */

struct api_watch;

/** Open a watch at @server: the handle, or NULL with the refusal in *answer. */
struct api_watch *api_watch_open(struct api *a, unsigned server, const struct api_request *request,
                                 struct api_answer *answer);
void api_watch_close(struct api_watch *w);

/** There is an event to send now. */
bool api_watch_has_event(const struct api_watch *w);

/** Of the change that the next event tells of; 0: there is none, or it tells of no single change.
 */
uint64_t api_watch_due_revision(const struct api_watch *w);

/** Append the next event's line, newline and all, to @out. False: there is none. After compaction
 * or a failure of the server, the event is an ERROR and the watch is over. */
bool api_watch_next(struct api_watch *w, struct buf *out);

/** Append a BOOKMARK line with as much as the watch has been told; false when the client did not
 * ask for bookmarks, or the initial events are not all sent. */
bool api_watch_bookmark(struct api_watch *w, struct buf *out);

/** Append an ERROR event with this Status (as the real one words it) and end the watch. */
void api_watch_error(struct api_watch *w, int code, const char *reason, struct buf *out);

/** Ended by the server (restore, CRD removed, error): the stream closes once all is sent. */
bool api_watch_is_over(const struct api_watch *w);

/** timeoutSeconds of the request in ms, for whoever keeps the time; 0: none. */
uint64_t api_watch_timeout_ms(const struct api_watch *w);

/** Leave out the next @count events of this watch (its cache never showed them), those that are due
 * and those to come. That they cancel out is the caller's business; for tests of unobserved states.
 */
void api_watch_skip(struct api_watch *w, unsigned count);

/* ---- Servers that lag ---- */

/** Freeze @server's caches at @revision: lists with resourceVersion 0 and watches see nothing newer
 * (a list or a watch-list that must be newer is answered 504 ResourceVersionTooLarge; a plain watch
 * from a newer resourceVersion waits). @resource: "deployments" and so on, or NULL for all of them.
 * @revision is taken as between the last compaction and the newest. */
void api_freeze(struct api *a, unsigned server, const char *resource, uint64_t revision);
void api_thaw(struct api *a, unsigned server);

/** A page of a list that has a limit looks at no more than @objects, before the selector: a few
 * objects make many pages, some of them empty. 0: as many as the limit says. */
void api_limit_pages(struct api *a, unsigned objects);

/* ---- Looking, for tests; no HTTP, nothing changes ---- */

/** The object's JSON text at the newest revision, or NULL. @resource: "memcacheds", "deployments",
 * "pods", "leases", "events", "namespaces", "replicasets". Borrowed until the next write. */
const char *api_get(const struct api *a, const char *resource, const char *ns, const char *name);

/** Call @each for every object of @resource (@ns NULL: all namespaces), by namespace and name;
 * nothing may be written inside. */
void api_each(const struct api *a, const char *resource, const char *ns,
              void (*each)(void *ctx, const char *json), void *ctx);

/** Changes after @revision, oldest first; @before/@after as in struct api_answer. */
struct api_change {
    uint64_t revision;
    const char *resource;
    const char *before, *after;
};
void api_each_change(const struct api *a, uint64_t after_revision,
                     void (*each)(void *ctx, const struct api_change *change), void *ctx);

/*
 * What the controllers of cluster.c see: the objects that concern them, decoded, kept in step with
 * the API by its changes; and how they write. Only for cluster's own files.
 */
#pragma once
#include "sim/api.h"

#include <yyjson.h>

enum thing_kind {
    THING_DEPLOYMENT,
    THING_MEMCACHED,
    THING_NAMESPACE,
    THING_POD,
    THING_REPLICASET,
    THING_STATEFULSET,
    THING_FLEET,
    THING_KINDS,
};

enum { TEMPLATE_HASH_BYTES = 11 };

/** One object. Texts and values are borrowed from its document. */
struct thing {
    enum thing_kind kind;
    yyjson_doc *doc;
    yyjson_val *json, *labels, *owners;
    const char *ns, *name, *uid;
    bool deleting;
    bool foreground, orphan; /* finalizers of the garbage collector */
    bool held;               /* by some finalizer */
    bool refused;            /* what a controller last wrote for it was refused; until it changes */
    /* Deployments */
    int64_t replicas, generation;
    bool has_pods; /* else they are taken for granted, see cluster_deployment.h */
    bool paused;
    /* Deployments: of the template; pods: of the one that they were made from */
    char template_hash[TEMPLATE_HASH_BYTES];
    /* pods */
    bool ready;
    const char *controller; /* uid of the controlling owner; NULL: none */
};

struct mirror {
    struct api *api;
    uint64_t revision;
    struct thing **things; /* by kind, namespace, name */
    size_t count, cap;
    bool has_gap; /* changes since the last look are missing (compacted): all is to be read anew */
};

void mirror_init(struct mirror *m, struct api *api);
void mirror_fini(struct mirror *m);

/** Come up to date; true when anything has changed, or at the first call. */
bool mirror_update(struct mirror *m);

struct thing *mirror_find(const struct mirror *m, enum thing_kind kind, const char *ns,
                          const char *name);

/** The namespace is on its way out, or not there. */
bool mirror_is_terminating(const struct mirror *m, const char *ns);

const char *thing_resource(enum thing_kind kind); /* "deployments" */
const char *thing_type(enum thing_kind kind);     /* "Deployment" */

/** Append "/apis/apps/v1/namespaces/NS/deployments"; names in a model need no escaping. */
void thing_path(struct buf *out, enum thing_kind kind, const char *ns);

/** Ten characters that name @template as the real pod-template-hash does. */
void template_hash(yyjson_val *template, char out[TEMPLATE_HASH_BYTES]);

/** @n as @len letters and digits that make no words, NUL behind them. */
void mirror_suffix(uint64_t n, size_t len, char *out);

/** Write as @agent to the path of @t with @subresource ("" or "/status"). When the server refuses,
 * @t is marked so. */
void mirror_write(struct mirror *m, const char *agent, struct thing *t, enum http_method method,
                  const char *subresource, const char *body);

/** Likewise to any path; returns the HTTP status. */
int mirror_send(struct mirror *m, const char *agent, enum http_method method, const char *path,
                const char *content_type, const char *body);

/** Delete it, if it is still the one with this uid. @policy: "Background" …; @now: without grace.
 */
void mirror_delete(struct mirror *m, const char *agent, struct thing *t, const char *policy,
                   bool now);

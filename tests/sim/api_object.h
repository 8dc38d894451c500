/*
 * What the model API server does to one object, whatever its storage: pure functions on JSON.
 * Creation, merge patch (RFC 7386), server-side apply, update, and the status and scale
 * subresources; defaulting, validation, metadata, generation and field ownership (managedFields) as
 * the real one has them for the resources of this model.
 *
 * It is kube-apiserver 1.20.2, and its apiextensions-apiserver, in answers, in the objects, and in
 * the words of refusals. Not modelled, and where it matters more permissive:
 *   - where the JSON parser complains it has its own words, and says no position;
 *   - quantities are kept as they were written ("0.5" stays so);
 *   - probes, affinity, volume sources and the like are stored as they come, without defaults and
 *     validation; a pod's requests do not follow its limits, and its QoS class is BestEffort; a pod
 *     gets no token volume, and needs no service account;
 *   - strategic merge patch, apply and JSON patch of a scale; events of the core group;
 *   - kubectl's last-applied annotation is no owner of fields;
 *   - a custom resource that was applied with nulls or empty maps in its metadata is stored without
 *     them (there, the next write that changes nothing is written once more for it).
 */
#pragma once
#include "base/buf.h"
#include "sim/api.h"

#include <stdbool.h>
#include <stdint.h>
#include <yyjson.h>

struct api_resource {
    const char *group, *version, *kind, *plural, *singular;
    bool namespaced;
    bool has_status, has_scale;
    bool has_generation; /* spec changes count; the status subresource is kept apart */
    bool is_custom;      /* by CRD: errors are worded otherwise, unknown fields are pruned */
    bool is_memcached;   /* by the CRD that can be taken away (api_serve_memcacheds) */
};

/** The resources: memcacheds, deployments, replicasets, statefulsets, pods, leases, events
 * (events.k8s.io), namespaces, and the custom fleets (stable.example.com/v1), of which nothing is
 * known but that they can be scaled. NULL: no such. */
const struct api_resource *api_resource_find(const char *group, const char *version,
                                             const char *plural);
extern const struct api_resource api_resources[];
extern const unsigned api_resource_count;

enum { API_MESSAGE_BYTES = 1024, API_DETAILS_BYTES = 2048 };

/** Why a request is refused: becomes a Status. */
struct api_refusal {
    int code; /* 400, 404, 405, 409, 415, 422, 500 … */
    const char
        *reason; /* static: "Invalid", "Conflict", "AlreadyExists", "BadRequest" …; NULL: none
                  */
    char message[API_MESSAGE_BYTES]; /* longer ones are cut */
    char details[API_DETAILS_BYTES]; /* the Status' details as JSON; "": it has none, or they are
                                        too long */
};

enum api_verb { API_CREATE, API_UPDATE, API_MERGE_PATCH, API_APPLY, API_JSON_PATCH };

/** One write of one object. */
struct api_change_request {
    const struct api_resource *resource;
    enum api_verb verb;
    const char *subresource; /* NULL, "status", "scale" */
    const char *ns, *name;   /* of the path; name NULL for a creation */
    const char *manager;     /* field manager */
    bool force;              /* apply: take over */
    const char *now_text;    /* RFC 3339 seconds, UTC */
    const char *new_uid;     /* for a creation (also by apply) */
    const char *suffix;      /* for generateName: five characters */
    api_admit_fn *admit;     /* or NULL */
    void *admit_ctx;
    yyjson_val *body; /* parsed, hostile */
};

/**
 * The object as it shall be stored, without resourceVersion (the storage's business).
 *
 * @live  the stored object with its resourceVersion, or NULL when there is none
 * Returns a new document (yyjson_mut_doc_free), or NULL with *refusal filled. Preconditions in the
 * body (uid, resourceVersion) are checked here. A result equal to @live in everything means that
 * nothing is written: *unchanged is set then.
 */
yyjson_mut_doc *api_object_change(const struct api_change_request *request, yyjson_val *live,
                                  bool *unchanged, struct api_refusal *refusal);

/** The Scale (autoscaling/v1) of @live; NULL when a custom resource has no replicas to show: 500,
 * `the spec replicas field ".spec.size" does not exist`. */
yyjson_mut_doc *api_object_scale(const struct api_resource *resource, yyjson_val *live);

/** PartialObjectMetadata of @live. */
yyjson_mut_doc *api_object_metadata(yyjson_val *live);

/** labelSelector and fieldSelector (metadata.name, metadata.namespace) of the query, parsed.
 * Returns 0, or -1 with *refusal. */
struct api_selector;
int api_selector_parse(const char *labels, const char *fields, struct api_selector **out,
                       struct api_refusal *refusal);
/** The one name that can match, or NULL: there may be others. */
const char *api_selector_name(const struct api_selector *s);
bool api_selector_matches(const struct api_selector *s, yyjson_val *object);
void api_selector_free(struct api_selector *s);

/*
 * DELETE: at once, or by a deletionTimestamp as long as finalizers, a grace period or a namespace's
 * content keep the object. Rules:
 * https://kubernetes.io/docs/concepts/architecture/garbage-collection/
 * https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
 */
#include "sim/api_call.h"

#include "base/mem.h"
#include "kube/json.h"

#include <stdio.h>
#include <string.h>

#define FINALIZER_ORPHAN     "orphan"
#define FINALIZER_FOREGROUND "foregroundDeletion"

enum { GRACE_DEFAULT_S = 30 };

struct deletion {
    const char *uid, *resource_version; /* preconditions; NULL: none */
    const char *policy;                 /* NULL: none is named */
    int64_t grace_s;                    /* -1: none is named */
    bool dry_run;
};

static bool equal(const char *a, const char *b)
{
    return a != NULL && strcmp(a, b) == 0;
}

/* ---- options --------------------------------------------------------------------------------- */

/* They are in the body, or else in the query. */
static bool parse_options(struct api_call *c, yyjson_val *body, struct deletion *d)
{
    const struct api_query *q = &c->path.query;
    *d = (struct deletion){.policy = q->propagation_policy, .grace_s = -1};
    int64_t grace_s;
    if (!api_parse_dry_run(c, "DeleteOptions", &d->dry_run) ||
        !api_parse_int(c, q->grace_period_seconds, &grace_s)) {
        return false;
    }
    if (q->grace_period_seconds != NULL) {
        d->grace_s = grace_s;
    }
    if (body != NULL) {
        d->uid = yyjson_get_str(json_at(body, "preconditions", "uid", NULL));
        d->resource_version =
            yyjson_get_str(json_at(body, "preconditions", "resourceVersion", NULL));
        d->policy = yyjson_get_str(json_at(body, "propagationPolicy", NULL));
        d->grace_s = json_get_int(json_at(body, "gracePeriodSeconds", NULL), -1);
    }
    if (d->policy == NULL || equal(d->policy, "Foreground") || equal(d->policy, "Background") ||
        equal(d->policy, "Orphan")) {
        return true;
    }
    char message[256];
    snprintf(message, sizeof message,
             "Unsupported value: \"%.80s\": supported values: \"Foreground\", \"Background\", "
             "\"Orphan\", \"nil\"",
             d->policy);
    const struct api_cause cause = {"FieldValueNotSupported", message, "propagationPolicy"};
    api_answer_bad_options(c->answer, "DeleteOptions", &cause, 1);
    return false;
}

static bool check_preconditions(struct api_call *c, const struct deletion *d, yyjson_val *live)
{
    const char *uid = yyjson_get_str(json_at(live, "metadata", "uid", NULL));
    const char *version = yyjson_get_str(json_at(live, "metadata", "resourceVersion", NULL));
    struct api_resource named = *c->path.resource;
    char why[300];
    if (d->uid != NULL && !equal(uid, d->uid)) {
        snprintf(why, sizeof why,
                 "the UID in the precondition (%.64s) does not match the UID in record (%s). The "
                 "object might have been deleted and then recreated",
                 d->uid, uid);
    } else if (d->resource_version != NULL && !equal(version, d->resource_version)) {
        snprintf(why, sizeof why,
                 "the ResourceVersion in the precondition (%.64s) does not match the "
                 "ResourceVersion in record (%s). The object might have been modified",
                 d->resource_version, version);
    } else {
        return true;
    }
    named.plural =
        named.kind; /* here it is called by its kind, and an Event is one of the core's */
    named.group = equal(named.kind, "Event") ? "" : named.group;
    api_answer_conflict(c->answer, &named, c->path.name, why);
    return false;
}

/* ---- marks ----------------------------------------------------------------------------------- */

struct marking {
    yyjson_mut_doc *doc;
    yyjson_mut_val *metadata;
    bool changed;
};

static void set(struct marking *m, const char *key, yyjson_mut_val *value)
{
    yyjson_mut_obj_put(m->metadata, yyjson_mut_str(m->doc, key), value);
    m->changed = true;
}

static bool has_finalizer(yyjson_mut_val *list, const char *name)
{
    size_t i;
    size_t count;
    yyjson_mut_val *item;
    yyjson_mut_arr_foreach(list, i, count, item)
    {
        if (yyjson_mut_equals_str(item, name)) {
            return true;
        }
    }
    return false;
}

/* What is named beats what the object bears from before; the default is neither. */
static void set_policy(struct marking *m, const char *policy)
{
    yyjson_mut_val *old = yyjson_mut_obj_get(m->metadata, "finalizers");
    bool was_orphan = has_finalizer(old, FINALIZER_ORPHAN);
    bool was_foreground = has_finalizer(old, FINALIZER_FOREGROUND);
    bool orphan = policy != NULL ? equal(policy, "Orphan") : was_orphan;
    bool foreground = policy != NULL ? equal(policy, "Foreground") : was_foreground && !was_orphan;
    if (orphan == was_orphan && foreground == was_foreground) {
        return;
    }
    yyjson_mut_val *list = yyjson_mut_arr(m->doc);
    size_t i;
    size_t count;
    yyjson_mut_val *item;
    yyjson_mut_arr_foreach(old, i, count, item)
    {
        if (!yyjson_mut_equals_str(item, FINALIZER_ORPHAN) &&
            !yyjson_mut_equals_str(item, FINALIZER_FOREGROUND)) {
            yyjson_mut_arr_append(list, yyjson_mut_val_mut_copy(m->doc, item));
        }
    }
    if (orphan) {
        yyjson_mut_arr_add_str(m->doc, list, FINALIZER_ORPHAN);
    }
    if (foreground) {
        yyjson_mut_arr_add_str(m->doc, list, FINALIZER_FOREGROUND);
    }
    if (yyjson_mut_arr_size(list) > 0) {
        set(m, "finalizers", list);
    } else {
        yyjson_mut_obj_remove_key(m->metadata, "finalizers");
        m->changed = true;
    }
}

/* To be gone @grace_s from now, or from when it was first deleted. */
static void mark(struct api *a, struct marking *m, int64_t grace_s)
{
    yyjson_mut_val *deleted = yyjson_mut_obj_get(m->metadata, "deletionTimestamp");
    yyjson_mut_val *old_grace = yyjson_mut_obj_get(m->metadata, "deletionGracePeriodSeconds");
    yyjson_mut_val *generation = yyjson_mut_obj_get(m->metadata, "generation");
    int64_t from_us = a->wall_us;
    char text[TIME_TEXT_BYTES];
    if (generation != NULL) {
        set(m, "generation", yyjson_mut_sint(m->doc, yyjson_mut_get_sint(generation) + 1));
    }
    if (deleted != NULL) {
        time_parse(yyjson_mut_get_str(deleted), yyjson_mut_get_len(deleted), &from_us);
        from_us -= yyjson_mut_get_sint(old_grace) * 1000000;
    }
    time_format(text, from_us + grace_s * 1000000, TIME_SECONDS);
    set(m, "deletionTimestamp", yyjson_mut_strcpy(m->doc, text));
    set(m, "deletionGracePeriodSeconds", yyjson_mut_sint(m->doc, grace_s));
}

static bool is_pod(const struct api_call *c)
{
    return strcmp(c->path.resource->kind, "Pod") == 0;
}

/* Only a pod that a kubelet looks after gets time to end. */
static int64_t grace_of(const struct deletion *d, yyjson_val *live)
{
    const char *phase = yyjson_get_str(json_at(live, "status", "phase", NULL));
    const char *node = yyjson_get_str(json_at(live, "spec", "nodeName", NULL));
    if (node == NULL || node[0] == '\0' || equal(phase, "Failed") || equal(phase, "Succeeded")) {
        return 0;
    }
    return d->grace_s >= 0
               ? d->grace_s
               : json_get_int(json_at(live, "spec", "terminationGracePeriodSeconds", NULL),
                              GRACE_DEFAULT_S);
}

enum outcome { OUTCOME_STAYS, OUTCOME_GOES, OUTCOME_IS_GOING };

/* A pod is marked in any case. The grace period of one that ends already can only get shorter. */
static enum outcome mark_pod(struct api *a, struct marking *m, const struct deletion *d,
                             yyjson_val *live)
{
    int64_t grace_s = grace_of(d, live);
    yyjson_val *deleted = json_at(live, "metadata", "deletionTimestamp", NULL);
    int64_t old_s = json_get_int(json_at(live, "metadata", "deletionGracePeriodSeconds", NULL), 0);
    if (deleted != NULL && old_s > 0) {
        if (d->grace_s < 0 || d->grace_s >= old_s) {
            return OUTCOME_IS_GOING;
        }
        grace_s = d->grace_s;
    }
    set_policy(m, d->policy);
    if (deleted == NULL || old_s > 0) {
        mark(a, m, grace_s);
    }
    bool is_kept = yyjson_mut_arr_size(yyjson_mut_obj_get(m->metadata, "finalizers")) > 0;
    return is_kept || grace_s > 0 ? OUTCOME_STAYS : OUTCOME_GOES;
}

/* Others are marked only if a finalizer keeps them. */
static enum outcome mark_other(struct api *a, struct marking *m, const struct deletion *d)
{
    set_policy(m, d->policy);
    if (yyjson_mut_arr_size(yyjson_mut_obj_get(m->metadata, "finalizers")) == 0) {
        m->changed = false; /* it goes without another state in between */
        return OUTCOME_GOES;
    }
    if (yyjson_mut_obj_get(m->metadata, "deletionTimestamp") == NULL) {
        mark(a, m, 0);
    }
    return OUTCOME_STAYS;
}

/* ---- deleting -------------------------------------------------------------------------------- */

/* Pods and namespaces are told as they were last, the others by a Status. */
static void answer_gone(struct api_call *c, struct api_version *last)
{
    const char *uid = yyjson_get_str(json_at(api_version_root(last), "metadata", "uid", NULL));
    if (is_pod(c)) {
        api_answer_version(c, 200, last);
    } else {
        api_answer_deleted(c->answer, c->path.resource, c->path.name, uid);
    }
}

static void delete_object(struct api_call *c, const struct deletion *d, struct api_version *live)
{
    struct marking m = {.doc = yyjson_doc_mut_copy(live->doc, NULL)};
    m.metadata = yyjson_mut_obj_get(yyjson_mut_doc_get_root(m.doc), "metadata");
    enum outcome outcome =
        is_pod(c) ? mark_pod(c->api, &m, d, api_version_root(live)) : mark_other(c->api, &m, d);
    struct api_version *last = live;
    if (m.changed && !d->dry_run) {
        last = api_commit(c, live->entry->name, m.doc);
    }
    if (outcome != OUTCOME_GOES && d->dry_run) {
        api_answer_doc(c, 200, m.doc);
    } else if (outcome != OUTCOME_GOES) {
        api_answer_version(c, 200, last);
    } else {
        answer_gone(c, last);
        if (!d->dry_run) {
            api_commit_removal(c, last);
        }
    }
    yyjson_mut_doc_free(m.doc);
}

static void delete_namespace(struct api_call *c, const struct deletion *d, struct api_version *live)
{
    yyjson_val *root = api_version_root(live);
    if (json_at(root, "metadata", "deletionTimestamp", NULL) != NULL || d->dry_run) {
        api_answer_version(c, 200, live);
        return;
    }
    struct marking m = {.doc = yyjson_doc_mut_copy(live->doc, NULL)};
    yyjson_mut_val *mut_root = yyjson_mut_doc_get_root(m.doc);
    yyjson_mut_val *status = yyjson_mut_obj_get(mut_root, "status");
    m.metadata = yyjson_mut_obj_get(mut_root, "metadata");
    set_policy(&m, d->policy);
    set(&m, "deletionTimestamp", yyjson_mut_str(m.doc, c->api->now_text));
    if (status == NULL) {
        status = yyjson_mut_obj_add_obj(m.doc, mut_root, "status");
    }
    yyjson_mut_obj_put(status, yyjson_mut_str(m.doc, "phase"),
                       yyjson_mut_str(m.doc, "Terminating"));
    api_answer_version(c, 200, api_commit(c, live->entry->name, m.doc));
    yyjson_mut_doc_free(m.doc);
}

static void answer_immortal(struct api_call *c)
{
    char message[512];
    snprintf(message, sizeof message,
             "namespaces \"%s\" is forbidden: this namespace may not be deleted", c->path.name);
    api_answer_status(c->answer, &(struct api_status){.code = 403,
                                                      .reason = "Forbidden",
                                                      .message = message,
                                                      .details = c->path.resource,
                                                      .name = c->path.name});
}

static void delete_with(struct api_call *c, yyjson_val *body)
{
    struct deletion d;
    if (!parse_options(c, body, &d)) {
        return;
    }
    bool is_namespace = strcmp(c->path.resource->plural, "namespaces") == 0;
    struct api_version *live = api_call_object(c);
    if (is_namespace && strcmp(c->path.name, "default") == 0) {
        answer_immortal(c);
    } else if (live == NULL) {
        api_answer_missing(c);
    } else if (!check_preconditions(c, &d, api_version_root(live))) {
        return;
    } else if (is_namespace) {
        delete_namespace(c, &d, live);
    } else {
        delete_object(c, &d, live);
    }
}

void api_delete(struct api_call *c)
{
    const struct api_request *request = c->request;
    if (request->body == NULL || request->body_len == 0) {
        delete_with(c, NULL);
        return;
    }
    yyjson_doc *body = json_parse(request->body, request->body_len, NULL);
    if (body == NULL) {
        api_answer_status(
            c->answer, &(struct api_status){
                           .code = 500, .message = "couldn't get version/kind; json parse error"});
        return;
    }
    delete_with(c, yyjson_doc_get_root(body));
    yyjson_doc_free(body);
}

/* ---- updates that are deletions -------------------------------------------------------------- */

/* With @doc in its place the object has nothing left that keeps it. */
static bool update_deletes(const struct api_version *live, yyjson_mut_doc *doc)
{
    yyjson_val *old = yyjson_obj_get(api_version_root(live), "metadata");
    yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);
    yyjson_mut_val *metadata = yyjson_mut_obj_get(root, "metadata");
    if (yyjson_obj_get(old, "deletionTimestamp") == NULL ||
        yyjson_mut_arr_size(yyjson_mut_obj_get(metadata, "finalizers")) > 0) {
        return false;
    }
    if (strcmp(api_resources[live->entry->resource].plural, "namespaces") == 0) {
        yyjson_mut_val *spec = yyjson_mut_obj_get(root, "spec");
        return yyjson_mut_arr_size(yyjson_mut_obj_get(spec, "finalizers")) == 0;
    }
    return json_get_int(yyjson_obj_get(old, "deletionGracePeriodSeconds"), -1) == 0;
}

void api_commit_update(struct api_call *c, struct api_version *live, yyjson_mut_doc *doc)
{
    if (update_deletes(live, doc)) {
        api_doc_set_revision(doc, live->revision);
        api_answer_doc(c, 200, doc);
        api_commit_removal(c, live);
    } else {
        api_answer_version(c, 200, api_commit(c, live->entry->name, doc));
    }
}

/* The namespace controller has cleaned up: what the body leaves of spec.finalizers stays. */
static void finalize(struct api_call *c, yyjson_val *body, struct api_version *live)
{
    yyjson_mut_doc *doc = yyjson_doc_mut_copy(live->doc, NULL);
    yyjson_mut_val *spec = yyjson_mut_obj_get(yyjson_mut_doc_get_root(doc), "spec");
    yyjson_val *left = json_at(body, "spec", "finalizers", NULL);
    yyjson_mut_obj_remove_key(spec, "finalizers");
    if (yyjson_arr_size(left) > 0) {
        yyjson_mut_obj_add_val(doc, spec, "finalizers", yyjson_val_mut_copy(doc, left));
    }
    api_commit_update(c, live, doc);
    yyjson_mut_doc_free(doc);
}

void api_finalize(struct api_call *c)
{
    yyjson_doc *body = api_parse_object(c);
    struct api_version *live = api_call_object(c);
    if (body != NULL && live != NULL) {
        finalize(c, yyjson_doc_get_root(body), live);
    } else if (body != NULL) {
        api_answer_missing(c);
    }
    yyjson_doc_free(body);
}

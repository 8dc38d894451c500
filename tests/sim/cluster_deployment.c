#include "sim/cluster_deployment.h"

#include "base/json_writer.h"
#include "base/mem.h"
#include "kube/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANAGER "kube-controller-manager"

enum { STATUS_BYTES_MAX = 4096, POD_NAME_STEM_BYTES = 220, POD_SUFFIX_BYTES = 5 };

/* ---- What there is ---- */

static bool selects(const struct thing *d, const struct thing *pod)
{
    yyjson_val *labels = json_at(d->json, "spec", "selector", "matchLabels", NULL);
    size_t index, max;
    yyjson_val *key, *value;
    yyjson_obj_foreach(labels, index, max, key, value)
    {
        if (!yyjson_equals(value, yyjson_obj_get(pod->labels, yyjson_get_str(key)))) {
            return false;
        }
    }
    return yyjson_obj_size(labels) > 0;
}

static bool is_old(const struct thing *d, const struct thing *pod)
{
    return strcmp(d->template_hash, pod->template_hash) != 0;
}

/* Of two pods, the one that goes first: of an old template, then not ready, then the later name. */
static struct thing *worse(const struct thing *d, struct thing *a, struct thing *b)
{
    if (a == NULL || b == NULL) {
        return a == NULL ? b : a;
    }
    if (is_old(d, a) != is_old(d, b)) {
        return is_old(d, a) ? a : b;
    }
    if (a->ready != b->ready) {
        return a->ready ? b : a;
    }
    return strcmp(a->name, b->name) > 0 ? a : b;
}

/* maxSurge and maxUnavailable are 25 %, rounded up and down. */
static int64_t surge(int64_t replicas)
{
    return replicas == 0 ? 0 : (replicas + 3) / 4;
}

static int64_t needed_ready(int64_t replicas)
{
    return replicas - replicas / 4;
}

static bool may_remove(const struct thing *d, const struct rollout *r, const struct thing *worst)
{
    if (r->total <= d->replicas) {
        return false;
    }
    return r->old == 0 || r->total > d->replicas + surge(d->replicas) || !worst->ready ||
           r->ready > needed_ready(d->replicas);
}

static void count_pods(const struct mirror *m, const struct thing *d, struct rollout *out)
{
    struct thing *worst = NULL;
    for (size_t i = 0; i < m->count; i++) {
        struct thing *pod = m->things[i];
        if (pod->kind != THING_POD || pod->deleting || strcmp(pod->ns, d->ns) != 0) {
            continue;
        }
        if (pod->controller == NULL && selects(d, pod)) {
            out->orphan = pod;
        }
        if (pod->controller != NULL && strcmp(pod->controller, d->uid) == 0) {
            out->total++;
            out->old += is_old(d, pod);
            out->ready += pod->ready;
            worst = worse(d, worst, pod);
        }
    }
    out->updated = out->total - out->old;
    out->surplus = worst != NULL && may_remove(d, out, worst) ? worst : NULL;
    out->wants_pod =
        out->orphan != NULL || (out->updated < d->replicas && out->total < CLUSTER_PODS_MAX &&
                                out->total < d->replicas + (out->old > 0 ? surge(d->replicas) : 0));
}

static int64_t status_int(const struct thing *d, const char *key)
{
    return json_get_int(json_at(d->json, "status", key, NULL), 0);
}

static bool condition_is(const struct thing *d, const char *type, const char *reason)
{
    size_t index, max;
    yyjson_val *c;
    yyjson_arr_foreach(json_at(d->json, "status", "conditions", NULL), index, max, c)
    {
        if (yyjson_equals_str(yyjson_obj_get(c, "type"), type)) {
            return yyjson_equals_str(yyjson_obj_get(c, "reason"), reason);
        }
    }
    return false;
}

static const char *available_reason(const struct thing *d, const struct rollout *r)
{
    return r->ready >= needed_ready(d->replicas) ? "MinimumReplicasAvailable"
                                                 : "MinimumReplicasUnavailable";
}

static const char *progress_reason(const struct thing *d, const struct rollout *r)
{
    bool complete = r->updated == d->replicas && r->total == d->replicas && r->ready == d->replicas;
    return complete ? "NewReplicaSetAvailable" : "ReplicaSetUpdated";
}

static int64_t unavailable(const struct thing *d, const struct rollout *r)
{
    int64_t wanted = d->replicas > r->total ? d->replicas : r->total;
    return wanted - r->ready;
}

void deployment_look(const struct mirror *m, const struct thing *d, struct rollout *out)
{
    *out = (struct rollout){0};
    if (d->has_pods) {
        count_pods(m, d, out);
    } else {
        out->total = out->updated = out->ready = d->replicas;
    }
    if (d->deleting || mirror_is_terminating(m, d->ns)) {
        out->surplus = NULL; /* the garbage collector's, or the namespace's */
        out->wants_pod = false;
    }
    if (d->paused && out->old > 0 && out->total <= d->replicas) {
        out->wants_pod = out->orphan != NULL; /* no new template while paused */
    }
    out->is_observed = status_int(d, "observedGeneration") == d->generation &&
                       status_int(d, "replicas") == out->total &&
                       status_int(d, "updatedReplicas") == out->updated &&
                       status_int(d, "readyReplicas") == out->ready &&
                       status_int(d, "availableReplicas") == out->ready &&
                       status_int(d, "unavailableReplicas") == unavailable(d, out) &&
                       condition_is(d, "Available", available_reason(d, out)) &&
                       condition_is(d, "Progressing", progress_reason(d, out));
}

/* ---- What is done ---- */

/* The real one leaves out a count of 0. */
static void write_count(struct json_writer *w, const char *key, int64_t n)
{
    json_key(w, key);
    if (n == 0) {
        json_string(w, NULL);
    } else {
        json_int(w, n);
    }
}

/* Nothing judges the times: that of the Deployment's creation is at hand. */
static void write_condition(struct json_writer *w, const struct thing *d, const char *type,
                            bool holds, const char *reason, const char *message)
{
    const char *created = yyjson_get_str(json_at(d->json, "metadata", "creationTimestamp", NULL));
    json_object_begin(w);
    json_member_string(w, "type", type);
    json_member_string(w, "status", holds ? "True" : "False");
    json_member_string(w, "lastUpdateTime", created);
    json_member_string(w, "lastTransitionTime", created);
    json_member_string(w, "reason", reason);
    json_member_string(w, "message", message);
    json_object_end(w);
}

void deployment_observe(struct mirror *m, struct thing *d)
{
    struct rollout r;
    deployment_look(m, d, &r);
    bool available = r.ready >= needed_ready(d->replicas);
    CLEANUP(buf_fini) struct buf body;
    struct json_writer w;
    buf_init(&body, STATUS_BYTES_MAX);
    json_writer_init(&w, &body, false);
    json_object_begin(&w);
    json_key(&w, "status");
    json_object_begin(&w);
    json_member_int(&w, "observedGeneration", d->generation);
    write_count(&w, "replicas", r.total);
    write_count(&w, "updatedReplicas", r.updated);
    write_count(&w, "readyReplicas", r.ready);
    write_count(&w, "availableReplicas", r.ready);
    write_count(&w, "unavailableReplicas", unavailable(d, &r));
    json_key(&w, "conditions");
    json_array_begin(&w);
    write_condition(&w, d, "Available", available, available_reason(d, &r),
                    available ? "Deployment has minimum availability."
                              : "Deployment does not have minimum availability.");
    write_condition(&w, d, "Progressing", true, progress_reason(d, &r), "ReplicaSet progresses.");
    json_array_end(&w);
    json_object_end(&w);
    json_object_end(&w);
    mirror_write(m, MANAGER, d, HTTP_PATCH, "/status", buf_text(&body));
}

static void write_owner(struct json_writer *w, const struct thing *d)
{
    json_key(w, "ownerReferences");
    json_array_begin(w);
    json_object_begin(w);
    json_member_string(w, "apiVersion", "apps/v1");
    json_member_string(w, "kind", "Deployment");
    json_member_string(w, "name", d->name);
    json_member_string(w, "uid", d->uid);
    json_member_bool(w, "controller", true);
    json_member_bool(w, "blockOwnerDeletion", true);
    json_object_end(w);
    json_array_end(w);
}

static void adopt(struct mirror *m, struct thing *d, struct thing *pod)
{
    CLEANUP(buf_fini) struct buf body;
    struct json_writer w;
    buf_init(&body, STATUS_BYTES_MAX);
    json_writer_init(&w, &body, false);
    json_object_begin(&w);
    json_key(&w, "metadata");
    json_object_begin(&w);
    json_member_string(&w, "uid", pod->uid);
    write_owner(&w, d);
    json_object_end(&w);
    json_object_end(&w);
    mirror_write(m, MANAGER, pod, HTTP_PATCH, "", buf_text(&body));
    d->refused = pod->refused;
}

/* The same for the n-th pod of that name in every run: a scheduler's notes stay true in a rerun
 * whose past was a little different. */
static void pod_name(const struct thing *d, struct map *made, uint64_t seed, char *out,
                     size_t bytes)
{
    char key[512], suffix[POD_SUFFIX_BYTES + 1];
    snprintf(key, sizeof key, "%s/%s", d->ns, d->name);
    uintptr_t nth = (uintptr_t)map_get(made, key) + 1;
    map_put(made, key, (void *)nth);
    uint64_t hash = seed ^ nth * 0x9e3779b97f4a7c15U;
    for (const char *c = key; *c != '\0'; c++) {
        hash = (hash ^ (unsigned char)*c) * 0x100000001b3U;
    }
    mirror_suffix(hash >> 16, POD_SUFFIX_BYTES, suffix);
    snprintf(out, bytes, "%.*s-%s-%s", POD_NAME_STEM_BYTES, d->name, d->template_hash, suffix);
}

static yyjson_mut_doc *make_pod(const struct thing *d, const char *name)
{
    yyjson_val *template = json_at(d->json, "spec", "template", NULL);
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_val_mut_copy(doc, template);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_str(doc, root, "apiVersion", "v1");
    yyjson_mut_obj_add_str(doc, root, "kind", "Pod");
    yyjson_mut_val *metadata = yyjson_mut_obj_get(root, "metadata");
    yyjson_mut_obj_remove_key(metadata, "creationTimestamp");
    yyjson_mut_obj_add_strcpy(doc, metadata, "name", name);
    yyjson_mut_obj_add_str(doc, metadata, "namespace", d->ns);
    yyjson_mut_obj_add_str(doc, yyjson_mut_obj_get(metadata, "labels"), "pod-template-hash",
                           d->template_hash);
    yyjson_mut_val *owners = yyjson_mut_obj_add_arr(doc, metadata, "ownerReferences");
    yyjson_mut_val *owner = yyjson_mut_arr_add_obj(doc, owners);
    yyjson_mut_obj_add_str(doc, owner, "apiVersion", "apps/v1");
    yyjson_mut_obj_add_str(doc, owner, "kind", "Deployment");
    yyjson_mut_obj_add_str(doc, owner, "name", d->name);
    yyjson_mut_obj_add_str(doc, owner, "uid", d->uid);
    yyjson_mut_obj_add_bool(doc, owner, "controller", true);
    yyjson_mut_obj_add_bool(doc, owner, "blockOwnerDeletion", true);
    yyjson_mut_obj_add_str(doc, yyjson_mut_obj_get(root, "spec"), "nodeName", "node-1");
    return doc;
}

void deployment_add_pod(struct mirror *m, struct thing *d, struct map *made, uint64_t seed)
{
    struct rollout r;
    deployment_look(m, d, &r);
    if (r.orphan != NULL) {
        adopt(m, d, r.orphan);
        return;
    }
    char name[254];
    pod_name(d, made, seed, name, sizeof name);
    yyjson_mut_doc *doc = make_pod(d, name);
    char *body = yyjson_mut_write(doc, 0, NULL);
    CLEANUP(buf_fini) struct buf path;
    buf_init(&path, 1024);
    thing_path(&path, THING_POD, d->ns);
    d->refused = mirror_send(m, MANAGER, HTTP_POST, buf_text(&path), MEDIA_JSON, body) >= 300;
    free(body); /* yyjson's own */
    yyjson_mut_doc_free(doc);
}

void pod_become_ready(struct mirror *m, struct thing *pod)
{
    static const char body[] =
        "{\"status\":{\"phase\":\"Running\",\"podIP\":\"10.0.0.1\",\"conditions\":[{\"type\":"
        "\"Ready\",\"status\":\"True\",\"lastProbeTime\":null,\"lastTransitionTime\":"
        "\"2026-01-01T00:00:00Z\"}]}}";
    mirror_write(m, "kubelet", pod, HTTP_PATCH, "/status", body);
}

#include "sim/api_defaults.h"

#include <string.h>

void defaults_put(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, yyjson_mut_val *v)
{
    yyjson_mut_obj_remove_key(object, key);
    if (v != NULL) {
        yyjson_mut_obj_add_val(doc, object, key, yyjson_mut_val_mut_copy(doc, v));
    }
}

/* ---- Defaults ---- */

static void text_if_missing(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key,
                            const char *text)
{
    if (yyjson_mut_obj_get(object, key) == NULL) {
        yyjson_mut_obj_add_str(doc, object, key, text);
    }
}

static void uint_if_missing(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key,
                            uint64_t value)
{
    if (yyjson_mut_obj_get(object, key) == NULL) {
        yyjson_mut_obj_add_uint(doc, object, key, value);
    }
}

static void object_if_missing(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key)
{
    if (yyjson_mut_obj_get(object, key) == NULL) {
        yyjson_mut_obj_add_obj(doc, object, key);
    }
}

/* "latest", said or meant, may be another one tomorrow. */
static const char *pull_policy(const char *image)
{
    const char *slash = strrchr(image, '/');
    const char *colon = strchr(slash == NULL ? image : slash, ':');
    if (image[0] == '\0') {
        return "IfNotPresent";
    }
    return colon == NULL || strcmp(colon, ":latest") == 0 ? "Always" : "IfNotPresent";
}

static void set_container(yyjson_mut_doc *doc, yyjson_mut_val *container)
{
    const char *image = yyjson_mut_get_str(yyjson_mut_obj_get(container, "image"));
    text_if_missing(doc, container, "terminationMessagePath", "/dev/termination-log");
    text_if_missing(doc, container, "terminationMessagePolicy", "File");
    text_if_missing(doc, container, "imagePullPolicy", pull_policy(image == NULL ? "" : image));
    size_t i, max;
    yyjson_mut_val *port;
    yyjson_mut_arr_foreach(yyjson_mut_obj_get(container, "ports"), i, max, port)
    {
        text_if_missing(doc, port, "protocol", "TCP");
    }
}

static void set_containers(yyjson_mut_doc *doc, yyjson_mut_val *list)
{
    size_t i, max;
    yyjson_mut_val *container;
    yyjson_mut_arr_foreach(list, i, max, container)
    {
        set_container(doc, container);
    }
}

/* Of a pod, not of a template: what is limited is requested. */
static void request_limits(yyjson_mut_doc *doc, yyjson_mut_val *containers)
{
    size_t i, n, max, count;
    yyjson_mut_val *container, *key, *value;
    yyjson_mut_arr_foreach(containers, i, max, container)
    {
        yyjson_mut_val *resources = yyjson_mut_obj_get(container, "resources");
        yyjson_mut_val *limits = yyjson_mut_obj_get(resources, "limits");
        if (yyjson_mut_obj_size(limits) > 0) {
            object_if_missing(doc, resources, "requests");
        }
        yyjson_mut_val *requests = yyjson_mut_obj_get(resources, "requests");
        yyjson_mut_obj_foreach(limits, n, count, key, value)
        {
            if (yyjson_mut_obj_getn(requests, yyjson_mut_get_str(key), yyjson_mut_get_len(key)) ==
                NULL) {
                yyjson_mut_obj_add(requests, yyjson_mut_val_mut_copy(doc, key),
                                   yyjson_mut_val_mut_copy(doc, value));
            }
        }
    }
}

static void set_pod(yyjson_mut_doc *doc, yyjson_mut_val *pod)
{
    yyjson_mut_val *spec = yyjson_mut_obj_get(pod, "spec");
    yyjson_mut_val *status = yyjson_mut_obj_get(pod, "status");
    yyjson_mut_val *ip = yyjson_mut_obj_get(status, "podIP");
    request_limits(doc, yyjson_mut_obj_get(spec, "containers"));
    request_limits(doc, yyjson_mut_obj_get(spec, "initContainers"));
    if (yyjson_mut_obj_get(spec, "enableServiceLinks") == NULL) {
        yyjson_mut_obj_add_bool(doc, spec, "enableServiceLinks", true);
    }
    if (ip != NULL && yyjson_mut_obj_get(status, "podIPs") == NULL) {
        yyjson_mut_val *ips = yyjson_mut_obj_add_arr(doc, status, "podIPs");
        yyjson_mut_obj_add_val(doc, yyjson_mut_arr_add_obj(doc, ips), "ip",
                               yyjson_mut_val_mut_copy(doc, ip));
    }
}

/* Two names of one thing. */
static void set_account(yyjson_mut_doc *doc, yyjson_mut_val *spec)
{
    yyjson_mut_val *account = yyjson_mut_obj_get(spec, "serviceAccountName");
    account = account != NULL ? account : yyjson_mut_obj_get(spec, "serviceAccount");
    if (account != NULL) {
        account = yyjson_mut_val_mut_copy(doc, account);
        defaults_put(doc, spec, "serviceAccountName", account);
        defaults_put(doc, spec, "serviceAccount", account);
    }
}

static void set_pod_spec(yyjson_mut_doc *doc, yyjson_mut_val *spec)
{
    set_account(doc, spec);
    set_containers(doc, yyjson_mut_obj_get(spec, "containers"));
    set_containers(doc, yyjson_mut_obj_get(spec, "initContainers"));
    text_if_missing(doc, spec, "restartPolicy", "Always");
    uint_if_missing(doc, spec, "terminationGracePeriodSeconds", 30);
    text_if_missing(doc, spec, "dnsPolicy", "ClusterFirst");
    object_if_missing(doc, spec, "securityContext");
    text_if_missing(doc, spec, "schedulerName", "default-scheduler");
}

static void set_strategy(yyjson_mut_doc *doc, yyjson_mut_val *strategy)
{
    text_if_missing(doc, strategy, "type", "RollingUpdate");
    if (yyjson_mut_equals_str(yyjson_mut_obj_get(strategy, "type"), "RollingUpdate")) {
        object_if_missing(doc, strategy, "rollingUpdate");
        yyjson_mut_val *rolling = yyjson_mut_obj_get(strategy, "rollingUpdate");
        text_if_missing(doc, rolling, "maxUnavailable", "25%");
        text_if_missing(doc, rolling, "maxSurge", "25%");
    }
}

static void set_update_strategy(yyjson_mut_doc *doc, yyjson_mut_val *strategy)
{
    if (yyjson_mut_obj_get(strategy, "type") == NULL) {
        yyjson_mut_obj_add_str(doc, strategy, "type", "RollingUpdate");
        yyjson_mut_obj_remove_key(strategy, "rollingUpdate");
        yyjson_mut_obj_add_obj(doc, strategy, "rollingUpdate");
    }
    yyjson_mut_val *rolling = yyjson_mut_obj_get(strategy, "rollingUpdate");
    if (rolling != NULL &&
        yyjson_mut_equals_str(yyjson_mut_obj_get(strategy, "type"), "RollingUpdate")) {
        uint_if_missing(doc, rolling, "partition", 0);
    }
}

static yyjson_mut_val *template_of(yyjson_mut_val *spec)
{
    return yyjson_mut_obj_get(yyjson_mut_obj_get(spec, "template"), "spec");
}

static bool is_kind(const struct api_resource *resource, const char *kind)
{
    return strcmp(resource->kind, kind) == 0;
}

void defaults_set(yyjson_mut_doc *doc, const struct api_resource *resource, yyjson_mut_val *object)
{
    yyjson_mut_val *spec = yyjson_mut_obj_get(object, "spec");
    if (is_kind(resource, "Deployment")) {
        uint_if_missing(doc, spec, "replicas", 1);
        set_strategy(doc, yyjson_mut_obj_get(spec, "strategy"));
        uint_if_missing(doc, spec, "revisionHistoryLimit", 10);
        uint_if_missing(doc, spec, "progressDeadlineSeconds", 600);
        set_pod_spec(doc, template_of(spec));
    } else if (is_kind(resource, "ReplicaSet")) {
        uint_if_missing(doc, spec, "replicas", 1);
        set_pod_spec(doc, template_of(spec));
    } else if (is_kind(resource, "StatefulSet")) {
        text_if_missing(doc, spec, "podManagementPolicy", "OrderedReady");
        set_update_strategy(doc, yyjson_mut_obj_get(spec, "updateStrategy"));
        uint_if_missing(doc, spec, "replicas", 1);
        uint_if_missing(doc, spec, "revisionHistoryLimit", 10);
        set_pod_spec(doc, template_of(spec));
    } else if (is_kind(resource, "Pod")) {
        set_pod_spec(doc, spec);
        set_pod(doc, object);
    } else if (is_kind(resource, "Namespace")) {
        text_if_missing(doc, yyjson_mut_obj_get(object, "status"), "phase", "Active");
    }
}

/* ---- Creation ---- */

static bool is_tolerated(yyjson_mut_val *list, const char *taint)
{
    size_t i, max;
    yyjson_mut_val *t;
    yyjson_mut_arr_foreach(list, i, max, t)
    {
        yyjson_mut_val *key = yyjson_mut_obj_get(t, "key");
        yyjson_mut_val *effect = yyjson_mut_obj_get(t, "effect");
        if ((key == NULL || yyjson_mut_equals_str(key, taint)) &&
            (effect == NULL || yyjson_mut_equals_str(effect, "NoExecute"))) {
            return true;
        }
    }
    return false;
}

static void tolerate(yyjson_mut_doc *doc, yyjson_mut_val *spec, const char *taint)
{
    yyjson_mut_val *list = yyjson_mut_obj_get(spec, "tolerations");
    if (is_tolerated(list, taint)) {
        return;
    }
    if (list == NULL) {
        list = yyjson_mut_obj_add_arr(doc, spec, "tolerations");
    }
    yyjson_mut_val *toleration = yyjson_mut_arr_add_obj(doc, list);
    yyjson_mut_obj_add_str(doc, toleration, "key", taint);
    yyjson_mut_obj_add_str(doc, toleration, "operator", "Exists");
    yyjson_mut_obj_add_str(doc, toleration, "effect", "NoExecute");
    yyjson_mut_obj_add_uint(doc, toleration, "tolerationSeconds", 300);
}

static void tolerate_lost_nodes(yyjson_mut_doc *doc, yyjson_mut_val *spec)
{
    tolerate(doc, spec, "node.kubernetes.io/not-ready");
    tolerate(doc, spec, "node.kubernetes.io/unreachable");
}

/* Admission plugins ServiceAccount (without its token), Priority and DefaultTolerationSeconds. */
static void admit_pod(yyjson_mut_doc *doc, yyjson_mut_val *spec)
{
    text_if_missing(doc, spec, "serviceAccountName", "default");
    set_account(doc, spec);
    uint_if_missing(doc, spec, "priority", 0);
    text_if_missing(doc, spec, "preemptionPolicy", "PreemptLowerPriority");
    tolerate_lost_nodes(doc, spec);
}

static bool has_resources(yyjson_mut_val *containers)
{
    size_t i, max;
    yyjson_mut_val *container;
    yyjson_mut_arr_foreach(containers, i, max, container)
    {
        yyjson_mut_val *resources = yyjson_mut_obj_get(container, "resources");
        if (yyjson_mut_obj_size(yyjson_mut_obj_get(resources, "requests")) > 0) {
            return true;
        }
    }
    return false;
}

/* "Guaranteed" is out of this model's scope. */
static const char *quality(yyjson_mut_val *spec)
{
    return has_resources(yyjson_mut_obj_get(spec, "containers")) ? "Burstable" : "BestEffort";
}

static void prepare_pod(yyjson_mut_doc *doc, yyjson_mut_val *object)
{
    yyjson_mut_val *status = yyjson_mut_obj(doc);
    yyjson_mut_obj_add_str(doc, status, "phase", "Pending");
    yyjson_mut_obj_add_str(doc, status, "qosClass", quality(yyjson_mut_obj_get(object, "spec")));
    defaults_put(doc, object, "status", status);
}

static void prepare_namespace(yyjson_mut_doc *doc, yyjson_mut_val *object)
{
    yyjson_mut_val *spec = yyjson_mut_obj_get(object, "spec");
    yyjson_mut_val *finalizers = yyjson_mut_obj_get(spec, "finalizers");
    yyjson_mut_val *status = yyjson_mut_obj(doc);
    yyjson_mut_obj_add_str(doc, status, "phase", "Active");
    defaults_put(doc, object, "status", status);
    if (finalizers == NULL) {
        finalizers = yyjson_mut_obj_add_arr(doc, spec, "finalizers");
    }
    size_t i, max;
    yyjson_mut_val *v;
    yyjson_mut_arr_foreach(finalizers, i, max, v)
    {
        if (yyjson_mut_equals_str(v, "kubernetes")) {
            return;
        }
    }
    yyjson_mut_arr_add_str(doc, finalizers, "kubernetes");
}

static void set_generation(yyjson_mut_doc *doc, yyjson_mut_val *object, uint64_t generation)
{
    yyjson_mut_val *metadata = yyjson_mut_obj_get(object, "metadata");
    yyjson_mut_obj_remove_key(metadata, "generation");
    if (generation > 0) {
        yyjson_mut_obj_add_uint(doc, metadata, "generation", generation);
    }
}

void defaults_prepare_create(yyjson_mut_doc *doc, const struct api_resource *resource,
                             yyjson_mut_val *object)
{
    if (resource->has_generation) {
        set_generation(doc, object, 1);
    }
    if (resource->is_custom) {
        yyjson_mut_obj_remove_key(object, "status");
    } else if (is_kind(resource, "Pod")) {
        admit_pod(doc, yyjson_mut_obj_get(object, "spec"));
        prepare_pod(doc, object);
    } else if (is_kind(resource, "Namespace")) {
        prepare_namespace(doc, object);
    } else if (resource->has_status) {
        yyjson_mut_val *status = yyjson_mut_obj(doc);
        if (is_kind(resource, "ReplicaSet") || is_kind(resource, "StatefulSet")) {
            yyjson_mut_obj_add_uint(doc, status, "replicas", 0);
        }
        defaults_put(doc, object, "status", status);
    }
}

/* ---- Updates ---- */

static uint64_t generation_of(yyjson_mut_val *object)
{
    return yyjson_mut_get_uint(
        yyjson_mut_obj_get(yyjson_mut_obj_get(object, "metadata"), "generation"));
}

static bool same(yyjson_mut_val *a, yyjson_mut_val *b, const char *key)
{
    yyjson_mut_val *left = yyjson_mut_obj_get(a, key), *right = yyjson_mut_obj_get(b, key);
    return left == right || (left != NULL && right != NULL && yyjson_mut_equals(left, right));
}

/* Does the change count? Annotations of a Deployment are copied to its ReplicaSets, so they do. */
static bool is_next_generation(const struct api_resource *resource, yyjson_mut_val *object,
                               yyjson_mut_val *live)
{
    if (is_kind(resource, "Deployment") &&
        !same(yyjson_mut_obj_get(object, "metadata"), yyjson_mut_obj_get(live, "metadata"),
              "annotations")) {
        return true;
    }
    return !same(object, live, "spec");
}

static void keep_own_part(yyjson_mut_doc *doc, const struct api_resource *resource,
                          yyjson_mut_val *object, yyjson_mut_val *live)
{
    yyjson_mut_val *metadata = yyjson_mut_obj_get(object, "metadata");
    yyjson_mut_val *live_metadata = yyjson_mut_obj_get(live, "metadata");
    if (is_kind(resource, "Deployment")) {
        defaults_put(doc, metadata, "labels", yyjson_mut_obj_get(live_metadata, "labels"));
    } else if (is_kind(resource, "Pod")) {
        yyjson_mut_obj_remove_key(metadata, "deletionTimestamp");
        defaults_put(doc, metadata, "ownerReferences",
                     yyjson_mut_obj_get(live_metadata, "ownerReferences"));
    }
    defaults_put(doc, object, "spec", yyjson_mut_obj_get(live, "spec"));
}

/* Of a custom resource nothing but the status is taken over, not even its uid. */
static void take_custom_status(yyjson_mut_doc *doc, yyjson_mut_val *object, yyjson_mut_val *live)
{
    yyjson_mut_val *managed =
        yyjson_mut_obj_get(yyjson_mut_obj_get(object, "metadata"), "managedFields");
    yyjson_mut_val *metadata = yyjson_mut_val_mut_copy(doc, yyjson_mut_obj_get(live, "metadata"));
    yyjson_mut_obj_remove_key(metadata, "managedFields");
    if (managed != NULL) {
        yyjson_mut_obj_add_val(doc, metadata, "managedFields",
                               yyjson_mut_val_mut_copy(doc, managed));
    }
    yyjson_mut_obj_remove_key(object, "metadata");
    yyjson_mut_obj_add_val(doc, object, "metadata", metadata);
    defaults_put(doc, object, "spec", yyjson_mut_obj_get(live, "spec"));
    defaults_put(doc, object, "apiVersion", yyjson_mut_obj_get(live, "apiVersion"));
    defaults_put(doc, object, "kind", yyjson_mut_obj_get(live, "kind"));
}

void defaults_prepare_update(yyjson_mut_doc *doc, const struct api_resource *resource,
                             const char *subresource, yyjson_mut_val *object, yyjson_mut_val *live)
{
    set_generation(doc, object, generation_of(live));
    if (subresource != NULL && strcmp(subresource, "status") == 0) {
        if (resource->is_custom) {
            take_custom_status(doc, object, live);
        } else {
            keep_own_part(doc, resource, object, live);
        }
        return;
    }
    if (resource->has_status) {
        defaults_put(doc, object, "status", yyjson_mut_obj_get(live, "status"));
    }
    if (is_kind(resource, "Pod")) {
        tolerate_lost_nodes(doc, yyjson_mut_obj_get(object, "spec"));
    }
    if (is_kind(resource, "Namespace") &&
        (subresource == NULL || strcmp(subresource, "finalize") != 0)) {
        defaults_put(doc, object, "spec", yyjson_mut_obj_get(live, "spec"));
    }
    if (resource->has_generation && is_next_generation(resource, object, live)) {
        set_generation(doc, object, generation_of(live) + 1);
    }
}

/*
 * Leases, Events and Namespaces, and what is asked of which resource.
 */
#include "sim/api_validate.h"

#include "base/mem.h"

#include <string.h>

/* ---- Namespaces ---- */

static void validate_phase(struct field_errors *e, yyjson_mut_val *metadata, yyjson_mut_val *status)
{
    const char *phase = validate_text(status, "phase");
    bool deleted = yyjson_mut_obj_get(metadata, "deletionTimestamp") != NULL;
    if (strcmp(phase, deleted ? "Terminating" : "Active") != 0) {
        field_invalid_text(e, "status.Phase", phase,
                           deleted ? "may only be 'Terminating' if `deletionTimestamp` is not empty"
                                   : "may only be 'Active' if `deletionTimestamp` is empty");
    }
}

/* ---- Leases ---- */

static void validate_lease(struct field_errors *e, yyjson_mut_val *spec)
{
    int64_t seconds = validate_int(spec, "leaseDurationSeconds", 1);
    int64_t transitions = validate_int(spec, "leaseTransitions", 0);
    if (seconds <= 0) {
        field_invalid_int(e, "spec.leaseDurationSeconds", seconds, "must be greater than 0");
    }
    if (transitions < 0) {
        field_invalid_int(e, "spec.leaseTransitions", transitions,
                          "must to greater or equal than 0");
    }
}

/* ---- Events, as of events.k8s.io/v1, but with the field names of the core's ---- */

static void validate_event_text(struct field_errors *e, yyjson_mut_val *event, const char *key,
                                const char *field, bool required, int max)
{
    const char *text = validate_text(event, key);
    if (required && text[0] == '\0') {
        field_required(e, field, "");
    }
    if (strlen(text) > (size_t)max) {
        field_invalid_text(e, field, "", "can have at most %d characters", max);
    }
}

static void validate_event(struct field_errors *e, yyjson_mut_val *event)
{
    const char *ns = validate_text(yyjson_mut_obj_get(event, "metadata"), "namespace");
    const char *about = validate_text(yyjson_mut_obj_get(event, "regarding"), "namespace");
    const char *controller = validate_text(event, "reportingController");
    bool timed = yyjson_mut_is_str(yyjson_mut_obj_get(event, "eventTime"));
    bool fits = timed ? about[0] != '\0' || strcmp(ns, "kube-system") == 0
                      : (about[0] == '\0' ? strcmp(ns, "default") == 0 : strcmp(ns, about) == 0);
    if (!fits) {
        field_invalid_text(e, "involvedObject.namespace", about, "does not match event.namespace");
    }
    if (timed) {
        if (controller[0] == '\0') {
            field_required(e, "reportingController", "");
        }
        validate_qualified_name(e, "reportingController", controller);
        validate_event_text(e, event, "reportingInstance", "reportingInstance", true, 128);
        validate_event_text(e, event, "action", "action", true, 128);
        validate_event_text(e, event, "reason", "reason", true, 128);
        validate_event_text(e, event, "note", "message", false, 1024);
    }
    validate_subdomain(e, "namespace", ns);
}

static void validate_new_event(struct field_errors *e, yyjson_mut_val *event)
{
    yyjson_mut_val *series = yyjson_mut_obj_get(event, "series");
    if (series != NULL && validate_int(series, "count", 0) < 2) {
        field_invalid_text(e, "series.count", "", "should be at least 2");
    }
    if (series != NULL && !yyjson_mut_is_str(yyjson_mut_obj_get(series, "lastObservedTime"))) {
        field_required(e, "series.lastObservedTime", "");
    }
    if (!yyjson_mut_is_str(yyjson_mut_obj_get(event, "eventTime"))) {
        field_required(e, "eventTime", "");
    }
    const char *type = validate_text(event, "type");
    if (strcmp(type, "Normal") != 0 && strcmp(type, "Warning") != 0) {
        field_invalid_text(e, "type", "", "has invalid value: %s", type);
    }
    static const char *const UNSET[][2] = {{"deprecatedFirstTimestamp", "firstTimestamp"},
                                           {"deprecatedLastTimestamp", "lastTimestamp"}};
    for (size_t i = 0; i < ARRAY_LEN(UNSET); i++) {
        if (yyjson_mut_is_str(yyjson_mut_obj_get(event, UNSET[i][0]))) {
            field_invalid_text(e, UNSET[i][1], "", "needs to be unset");
        }
    }
    if (validate_int(event, "deprecatedCount", 0) != 0) {
        field_invalid_text(e, "count", "", "needs to be unset");
    }
    if (yyjson_mut_obj_size(yyjson_mut_obj_get(event, "deprecatedSource")) > 0) {
        field_invalid_text(e, "source", "", "needs to be unset");
    }
}

/* ---- All of them ---- */

static enum workload_kind kind_of(const struct api_resource *resource)
{
    return strcmp(resource->kind, "Deployment") == 0   ? KIND_DEPLOYMENT
           : strcmp(resource->kind, "ReplicaSet") == 0 ? KIND_REPLICASET
                                                       : KIND_STATEFULSET;
}

static void validate_spec(struct field_errors *e, const struct api_resource *resource,
                          yyjson_mut_val *object, yyjson_mut_val *live)
{
    yyjson_mut_val *spec = yyjson_mut_obj_get(object, "spec");
    yyjson_mut_val *live_spec = yyjson_mut_obj_get(live, "spec");
    if (live != NULL && strcmp(resource->kind, "StatefulSet") == 0) {
        validate_statefulset_update(e, spec, live_spec);
    } else if (resource->has_scale) {
        validate_workload(e, kind_of(resource), spec);
        if (live != NULL) {
            validate_selector_update(e, spec, live_spec);
        }
    } else if (strcmp(resource->kind, "Pod") == 0 && live == NULL) {
        validate_pod_spec(e, "spec", spec);
    } else if (strcmp(resource->kind, "Pod") == 0) {
        validate_pod_update(e, spec, live_spec);
    } else if (strcmp(resource->kind, "Lease") == 0) {
        validate_lease(e, spec);
    }
}

static bool has_core_finalizers(const struct api_resource *resource)
{
    return !resource->is_custom && strcmp(resource->kind, "Lease") != 0;
}

/* An update of these is looked at as a new object, and then as an update. */
static bool is_seen_as_new(const struct api_resource *resource)
{
    return strcmp(resource->kind, "ReplicaSet") == 0 ||
           strcmp(resource->kind, "StatefulSet") == 0 || strcmp(resource->kind, "Pod") == 0;
}

void validate_object(struct field_errors *e, const struct api_resource *resource,
                     const char *subresource, yyjson_mut_val *object, yyjson_mut_val *live)
{
    yyjson_mut_val *metadata = yyjson_mut_obj_get(object, "metadata");
    yyjson_mut_val *live_metadata = yyjson_mut_obj_get(live, "metadata");
    bool status = subresource != NULL && strcmp(subresource, "status") == 0;
    bool is_event = strcmp(resource->kind, "Event") == 0;
    if (is_event && live == NULL) {
        validate_event(e, object);
    }
    validate_metadata(e, resource, metadata);
    if (live == NULL && has_core_finalizers(resource)) {
        validate_core_finalizers(e, yyjson_mut_obj_get(metadata, "finalizers"));
    }
    if (live != NULL) {
        validate_metadata_update(e, metadata, live_metadata);
        if (is_event) {
            validate_event(e, object);
        } else if (is_seen_as_new(resource) && !status) {
            validate_metadata(e, resource, metadata);
            validate_core_finalizers(e, yyjson_mut_obj_get(metadata, "finalizers"));
            validate_spec(e, resource, object, NULL);
        }
        /* Once for all resources, and once as part of this one's. */
        validate_metadata_update(e, metadata, is_event ? metadata : live_metadata);
    } else if (is_event) {
        validate_new_event(e, object);
    }
    if (live != NULL && has_core_finalizers(resource)) {
        validate_core_finalizers(e, yyjson_mut_obj_get(metadata, "finalizers"));
    }
    if (resource->is_custom) {
        validate_custom(e, resource, object, !status);
    } else if (!status) {
        validate_spec(e, resource, object, live);
    } else if (resource->has_scale) {
        validate_counts(e, kind_of(resource), yyjson_mut_obj_get(object, "status"));
    } else if (strcmp(resource->kind, "Namespace") == 0) {
        validate_phase(e, metadata, yyjson_mut_obj_get(object, "status"));
    }
}

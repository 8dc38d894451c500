/*
 * Is an object that is about to be stored valid? As kube-apiserver 1.20 asks, in its order and
 * words, for what the operator, its users and its tests can do; see api_object.h for what is left
 * out.
 */
#pragma once
#include "sim/api_object.h"
#include "sim/api_refusal.h"

/** Everything about @object, which is to be created (@live NULL) or to follow @live. @subresource:
 * NULL, "status" or "scale". */
void validate_object(struct field_errors *e, const struct api_resource *resource,
                     const char *subresource, yyjson_mut_val *object, yyjson_mut_val *live);

/* ---- Parts of it ---- */

void validate_metadata(struct field_errors *e, const struct api_resource *resource,
                       yyjson_mut_val *metadata);
void validate_metadata_update(struct field_errors *e, yyjson_mut_val *metadata,
                              yyjson_mut_val *live);
void validate_labels(struct field_errors *e, const char *field, yyjson_mut_val *labels);
void validate_annotations(struct field_errors *e, const char *field, yyjson_mut_val *annotations);
void validate_qualified_name(struct field_errors *e, const char *field, const char *value);
bool validate_is_qualified(const char *text); /* whatever its length */
void validate_label_value(struct field_errors *e, const char *field, const char *value);
void validate_label(struct field_errors *e, const char *field, const char *value);     /* DNS */
void validate_subdomain(struct field_errors *e, const char *field, const char *value); /* DNS */
void validate_not_negative(struct field_errors *e, const char *field, int64_t value);

/** Finalizers of kinds that have the rules of Kubernetes' core. */
void validate_core_finalizers(struct field_errors *e, yyjson_mut_val *finalizers);

enum workload_kind { KIND_DEPLOYMENT, KIND_REPLICASET, KIND_STATEFULSET };

/** The spec of one; that its selector stays; its status. */
void validate_workload(struct field_errors *e, enum workload_kind kind, yyjson_mut_val *spec);
void validate_selector_update(struct field_errors *e, yyjson_mut_val *spec, yyjson_mut_val *live);
void validate_statefulset_update(struct field_errors *e, yyjson_mut_val *spec,
                                 yyjson_mut_val *live);
void validate_counts(struct field_errors *e, enum workload_kind kind, yyjson_mut_val *status);

/** A pod's spec, at @field ("spec", "spec.template.spec"). */
void validate_pod_spec(struct field_errors *e, const char *field, yyjson_mut_val *spec);
void validate_pod_update(struct field_errors *e, yyjson_mut_val *spec, yyjson_mut_val *live);

/** The schema of a Memcached (config/crd/bases) or a Fleet, and its scale paths. */
void validate_custom(struct field_errors *e, const struct api_resource *resource,
                     yyjson_mut_val *object, bool with_spec_scale);

/* Texts and numbers of an object; "" and @fallback when missing. */
const char *validate_text(yyjson_mut_val *object, const char *key);
int64_t validate_int(yyjson_mut_val *object, const char *key, int64_t fallback);

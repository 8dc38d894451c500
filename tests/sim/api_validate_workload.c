/*
 * Deployments, ReplicaSets and StatefulSets.
 */
#include "sim/api_validate.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* ---- Selectors of labels ---- */

static bool has_value(yyjson_mut_val *values, const char *value)
{
    size_t i, max;
    yyjson_mut_val *v;
    yyjson_mut_arr_foreach(values, i, max, v)
    {
        if (yyjson_mut_equals_str(v, value)) {
            return true;
        }
    }
    return false;
}

static bool requirement_matches(yyjson_mut_val *requirement, yyjson_mut_val *labels)
{
    const char *op = validate_text(requirement, "operator");
    const char *have =
        yyjson_mut_get_str(yyjson_mut_obj_get(labels, validate_text(requirement, "key")));
    yyjson_mut_val *values = yyjson_mut_obj_get(requirement, "values");
    if (strcmp(op, "In") == 0) {
        return have != NULL && has_value(values, have);
    }
    if (strcmp(op, "NotIn") == 0) {
        return have == NULL || !has_value(values, have);
    }
    return strcmp(op, "Exists") == 0 ? have != NULL : have == NULL;
}

static bool selects(yyjson_mut_val *selector, yyjson_mut_val *labels)
{
    if (!yyjson_mut_is_obj(selector)) {
        return false;
    }
    size_t i, max;
    yyjson_mut_val *key, *v;
    yyjson_mut_obj_foreach(yyjson_mut_obj_get(selector, "matchLabels"), i, max, key, v)
    {
        yyjson_mut_val *have = yyjson_mut_obj_get(labels, yyjson_mut_get_str(key));
        if (have == NULL || !yyjson_mut_equals(have, v)) {
            return false;
        }
    }
    yyjson_mut_arr_foreach(yyjson_mut_obj_get(selector, "matchExpressions"), i, max, v)
    {
        if (!requirement_matches(v, labels)) {
            return false;
        }
    }
    return true;
}

static int compare_pairs(const void *a, const void *b)
{
    yyjson_mut_val *const *left = a, *const *right = b;
    return strcmp(yyjson_mut_get_str(*left), yyjson_mut_get_str(*right));
}

/* Go's %#v: map[string]string{"app":"x"} */
static void print_map(struct buf *out, yyjson_mut_val *map)
{
    size_t count = yyjson_mut_obj_size(map);
    if (map == NULL) {
        buf_append_text(out, "map[string]string(nil)");
        return;
    }
    yyjson_mut_val **keys = mem_alloc(count * sizeof(*keys));
    size_t i, max;
    yyjson_mut_val *key, *value;
    yyjson_mut_obj_foreach(map, i, max, key, value)
    {
        keys[i] = key;
    }
    qsort(keys, count, sizeof(*keys), compare_pairs);
    buf_append_text(out, "map[string]string{");
    for (i = 0; i < count; i++) {
        buf_printf(out, "%s\"%s\":\"%s\"", i > 0 ? ", " : "", yyjson_mut_get_str(keys[i]),
                   yyjson_mut_get_str(keys[i]->next));
    }
    buf_append_char(out, '}');
    mem_free(keys);
}

static void print_selector(struct buf *out, yyjson_mut_val *selector)
{
    if (!yyjson_mut_is_obj(selector)) {
        buf_append_text(out, "\"null\"");
        return;
    }
    buf_append_text(out, "v1.LabelSelector{MatchLabels:");
    print_map(out, yyjson_mut_obj_get(selector, "matchLabels"));
    buf_append_text(out, ", MatchExpressions:[]v1.LabelSelectorRequirement(nil)}");
}

static void invalid_selector(struct field_errors *e, yyjson_mut_val *selector, const char *detail)
{
    struct buf value;
    buf_init(&value, 1 << 20);
    print_selector(&value, selector);
    field_invalid(e, "spec.selector", buf_text(&value), "%s", detail);
    buf_fini(&value);
}

static void validate_requirement(struct field_errors *e, size_t index, yyjson_mut_val *v)
{
    const char *op = validate_text(v, "operator");
    size_t values = yyjson_mut_arr_size(yyjson_mut_obj_get(v, "values"));
    bool listed = strcmp(op, "In") == 0 || strcmp(op, "NotIn") == 0;
    bool unary = strcmp(op, "Exists") == 0 || strcmp(op, "DoesNotExist") == 0;
    struct field_path at = field_path("spec.selector.matchExpressions[%zu].%s", index,
                                      listed || unary ? "values" : "operator");
    if (listed && values == 0) {
        field_required(e, at.text, "must be specified when `operator` is 'In' or 'NotIn'");
    } else if (unary && values > 0) {
        field_forbidden(e, at.text,
                        "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    } else if (!listed && !unary) {
        field_invalid_text(e, at.text, op, "not a valid selector operator");
    }
    validate_qualified_name(e, field_path("spec.selector.matchExpressions[%zu].key", index).text,
                            validate_text(v, "key"));
}

/* Returns whether it is good enough to be matched. */
static bool validate_selector(struct field_errors *e, enum workload_kind kind,
                              yyjson_mut_val *selector)
{
    if (!yyjson_mut_is_obj(selector)) {
        field_required(e, "spec.selector", "");
        return true;
    }
    size_t before = e->count, i, max;
    yyjson_mut_val *labels = yyjson_mut_obj_get(selector, "matchLabels");
    yyjson_mut_val *expressions = yyjson_mut_obj_get(selector, "matchExpressions"), *v;
    validate_labels(e, "spec.selector.matchLabels", labels);
    yyjson_mut_arr_foreach(expressions, i, max, v)
    {
        validate_requirement(e, i, v);
    }
    bool good = e->count == before;
    if (yyjson_mut_obj_size(labels) + yyjson_mut_arr_size(expressions) == 0) {
        invalid_selector(e, selector,
                         kind == KIND_STATEFULSET ? "empty selector is invalid for statefulset"
                                                  : "empty selector is invalid for deployment");
    }
    if (!good) {
        invalid_selector(e, selector, "invalid label selector");
    }
    return good;
}

/* ---- Deployments, ReplicaSets, StatefulSets ---- */

/* "25%" → 25; -1: no percentage. */
static int percent_of(yyjson_mut_val *v)
{
    const char *text = yyjson_mut_get_str(v);
    size_t digits = text == NULL ? 0 : strspn(text, "0123456789");
    bool good = digits > 0 && strcmp(text + digits, "%") == 0;
    return good ? atoi(text) : -1;
}

static void validate_share(struct field_errors *e, const char *field, yyjson_mut_val *v)
{
    if (yyjson_mut_is_str(v) && percent_of(v) < 0) {
        field_invalid_text(
            e, field, yyjson_mut_get_str(v),
            "a valid percent string must be a numeric string followed by an ending "
            "'%%' (e.g. '1%%',  or '93%%', regex used for validation is '[0-9]+%%')");
    } else if (yyjson_mut_is_int(v)) {
        validate_not_negative(e, field, yyjson_mut_get_sint(v));
    }
}

static bool is_no_share(yyjson_mut_val *v)
{
    return yyjson_mut_is_int(v) ? yyjson_mut_get_sint(v) == 0 : percent_of(v) <= 0;
}

static void validate_rolling(struct field_errors *e, yyjson_mut_val *rolling)
{
    static const char UNAVAILABLE[] = "spec.strategy.rollingUpdate.maxUnavailable";
    yyjson_mut_val *unavailable = yyjson_mut_obj_get(rolling, "maxUnavailable");
    yyjson_mut_val *surge = yyjson_mut_obj_get(rolling, "maxSurge");
    validate_share(e, UNAVAILABLE, unavailable);
    validate_share(e, "spec.strategy.rollingUpdate.maxSurge", surge);
    char *text = yyjson_mut_val_write(unavailable, 0, NULL);
    char value[64];
    snprintf(value, sizeof value, "%.*s", (int)sizeof value - 1, text);
    free(text);
    if (is_no_share(unavailable) && is_no_share(surge)) {
        field_invalid(e, UNAVAILABLE, value, "may not be 0 when `maxSurge` is 0");
    }
    if (percent_of(unavailable) > 100) {
        field_invalid(e, UNAVAILABLE, value, "must not be greater than 100%%");
    }
}

static void validate_strategy(struct field_errors *e, yyjson_mut_val *strategy)
{
    static const char *const TYPES[] = {"Recreate", "RollingUpdate", NULL};
    const char *type = validate_text(strategy, "type");
    yyjson_mut_val *rolling = yyjson_mut_obj_get(strategy, "rollingUpdate");
    if (strcmp(type, "Recreate") == 0) {
        if (rolling != NULL) {
            field_forbidden(e, "spec.strategy.rollingUpdate",
                            "may not be specified when strategy `type` is 'Recreate'");
        }
    } else if (strcmp(type, "RollingUpdate") == 0) {
        validate_rolling(e, rolling);
    } else {
        struct buf value;
        buf_init(&value, 1 << 20);
        buf_printf(&value,
                   "apps.DeploymentStrategy{Type:\"%s\", "
                   "RollingUpdate:(*apps.RollingUpdateDeployment)(%s)}",
                   type, rolling == NULL ? "nil" : "0x0");
        field_unsupported_struct(e, "spec.strategy", buf_text(&value), TYPES);
        buf_fini(&value);
    }
}

static void validate_template(struct field_errors *e, yyjson_mut_val *spec, bool selectable)
{
    static const char *const POLICIES[] = {"Always", NULL};
    yyjson_mut_val *template = yyjson_mut_obj_get(spec, "template");
    yyjson_mut_val *metadata = yyjson_mut_obj_get(template, "metadata");
    yyjson_mut_val *labels = yyjson_mut_obj_get(metadata, "labels");
    yyjson_mut_val *pod = yyjson_mut_obj_get(template, "spec");
    yyjson_mut_val *selector = yyjson_mut_obj_get(spec, "selector");
    bool everything = yyjson_mut_is_obj(selector) && yyjson_mut_obj_size(selector) == 0;
    if (selectable && !everything && !selects(selector, labels)) {
        struct buf value;
        buf_init(&value, 1 << 20);
        print_map(&value, labels);
        field_invalid(e, "spec.template.metadata.labels", buf_text(&value),
                      "`selector` does not match template `labels`");
        buf_fini(&value);
    }
    validate_labels(e, "spec.template.labels", labels);
    validate_annotations(e, "spec.template.annotations",
                         yyjson_mut_obj_get(metadata, "annotations"));
    validate_pod_spec(e, "spec.template.spec", pod);
    const char *policy = validate_text(pod, "restartPolicy");
    if (strcmp(policy, "Always") != 0) {
        field_unsupported(e, "spec.template.spec.restartPolicy", policy, POLICIES);
    }
    if (yyjson_mut_obj_get(pod, "activeDeadlineSeconds") != NULL) {
        field_forbidden(e, "spec.template.spec.activeDeadlineSeconds",
                        "activeDeadlineSeconds in ReplicaSet is not Supported");
    }
}

static void validate_progress(struct field_errors *e, yyjson_mut_val *spec)
{
    int64_t ready = validate_int(spec, "minReadySeconds", 0);
    int64_t progress = validate_int(spec, "progressDeadlineSeconds", INT64_MAX);
    validate_not_negative(e, "spec.minReadySeconds", ready);
    validate_not_negative(e, "spec.revisionHistoryLimit",
                          validate_int(spec, "revisionHistoryLimit", 0));
    validate_not_negative(e, "spec.progressDeadlineSeconds", progress);
    if (progress <= ready) {
        field_invalid_int(e, "spec.progressDeadlineSeconds", progress,
                          "must be greater than minReadySeconds");
    }
}

static void validate_updates(struct field_errors *e, yyjson_mut_val *spec)
{
    static const char *const POLICIES[] = {"OrderedReady", "Parallel", NULL};
    static const char *const TYPES[] = {"RollingUpdate", "OnDelete", NULL};
    yyjson_mut_val *strategy = yyjson_mut_obj_get(spec, "updateStrategy");
    const char *policy = validate_text(spec, "podManagementPolicy");
    const char *type = validate_text(strategy, "type");
    if (strcmp(policy, POLICIES[0]) != 0 && strcmp(policy, POLICIES[1]) != 0) {
        field_invalid_text(e, "spec.podManagementPolicy", policy, "must be '%s' or '%s'",
                           POLICIES[0], POLICIES[1]);
    }
    if (strcmp(type, TYPES[0]) != 0 && strcmp(type, TYPES[1]) != 0) {
        field_invalid_text(e, "spec.updateStrategy", type, "must be '%s' or '%s'", TYPES[0],
                           TYPES[1]);
    }
    validate_not_negative(
        e, "spec.updateStrategy.rollingUpdate.partition",
        validate_int(yyjson_mut_obj_get(strategy, "rollingUpdate"), "partition", 0));
}

void validate_workload(struct field_errors *e, enum workload_kind kind, yyjson_mut_val *spec)
{
    if (kind == KIND_STATEFULSET) {
        validate_updates(e, spec);
    }
    validate_not_negative(e, "spec.replicas", validate_int(spec, "replicas", 0));
    if (kind == KIND_REPLICASET) {
        validate_not_negative(e, "spec.minReadySeconds", validate_int(spec, "minReadySeconds", 0));
    }
    bool selectable = validate_selector(e, kind, yyjson_mut_obj_get(spec, "selector"));
    validate_template(e, spec, selectable);
    if (kind == KIND_DEPLOYMENT) {
        validate_strategy(e, yyjson_mut_obj_get(spec, "strategy"));
        validate_progress(e, spec);
    }
}

void validate_selector_update(struct field_errors *e, yyjson_mut_val *spec, yyjson_mut_val *live)
{
    yyjson_mut_val *selector = yyjson_mut_obj_get(spec, "selector");
    if (!yyjson_mut_equals(selector, yyjson_mut_obj_get(live, "selector"))) {
        invalid_selector(e, selector, "field is immutable");
    }
}

/* All but these three may not change. */
void validate_statefulset_update(struct field_errors *e, yyjson_mut_val *spec, yyjson_mut_val *live)
{
    static const char *const FREE[] = {"replicas", "template", "updateStrategy", NULL};
    size_t i, max;
    yyjson_mut_val *key, *value, *other;
    bool same = true;
    yyjson_mut_obj_foreach(spec, i, max, key, value)
    {
        const char *name = yyjson_mut_get_str(key);
        other = yyjson_mut_obj_get(live, name);
        same &= strcmp(name, FREE[0]) == 0 || strcmp(name, FREE[1]) == 0 ||
                strcmp(name, FREE[2]) == 0 || (other != NULL && yyjson_mut_equals(value, other));
    }
    if (!same) {
        field_forbidden(e, "spec",
                        "updates to statefulset spec for fields other than 'replicas', "
                        "'template', and 'updateStrategy' are forbidden");
    }
    validate_not_negative(e, "spec.replicas", validate_int(spec, "replicas", 0));
}

void validate_counts(struct field_errors *e, enum workload_kind kind, yyjson_mut_val *status)
{
    static const char *const OF_DEPLOYMENT[] = {"observedGeneration", "replicas",
                                                "updatedReplicas",    "readyReplicas",
                                                "availableReplicas",  "unavailableReplicas",
                                                "collisionCount",     NULL};
    static const char *const OF_REPLICA_SET[] = {"replicas",           "fullyLabeledReplicas",
                                                 "readyReplicas",      "availableReplicas",
                                                 "observedGeneration", NULL};
    static const char *const OF_STATEFUL_SET[] = {"replicas",
                                                  "readyReplicas",
                                                  "currentReplicas",
                                                  "updatedReplicas",
                                                  "observedGeneration",
                                                  "collisionCount",
                                                  NULL};
    static const char *const FIRST_PART[] = {"updatedReplicas", "fullyLabeledReplicas",
                                             "readyReplicas"};
    static const char *const *const COUNTS[] = {OF_DEPLOYMENT, OF_REPLICA_SET, OF_STATEFUL_SET};
    const char *const parts[] = {
        FIRST_PART[kind], kind == KIND_STATEFULSET ? "currentReplicas" : "readyReplicas",
        kind == KIND_STATEFULSET ? "updatedReplicas" : "availableReplicas"};
    const char *const *counts = COUNTS[kind];
    for (size_t i = 0; counts[i] != NULL; i++) {
        validate_not_negative(e, field_path("status.%s", counts[i]).text,
                              validate_int(status, counts[i], 0));
    }
    int64_t all = validate_int(status, "replicas", 0);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        int64_t part = validate_int(status, parts[i], 0);
        if (part > all) {
            field_invalid_int(e, field_path("status.%s", parts[i]).text, part,
                              "cannot be greater than status.replicas");
        }
    }
    int64_t available = validate_int(status, "availableReplicas", 0);
    if (available > validate_int(status, "readyReplicas", 0)) {
        field_invalid_int(e, "status.availableReplicas", available,
                          "cannot be greater than readyReplicas");
    }
}

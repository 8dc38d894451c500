/*
 * Pods, and templates of pods: names, images, ports, policies, users. Volumes, probes, affinity,
 * resources and the like are not looked at.
 */
#include "base/mem.h"
#include "sim/api_validate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USER_MAX = INT32_MAX };

static bool is_one_of(const char *value, const char *const *allowed)
{
    for (; *allowed != NULL; allowed++) {
        if (strcmp(value, *allowed) == 0) {
            return true;
        }
    }
    return false;
}

static void validate_choice(struct field_errors *e, const char *field, const char *value,
                            const char *const *allowed)
{
    if (value[0] == '\0') {
        field_required(e, field, "");
    } else if (!is_one_of(value, allowed)) {
        field_unsupported(e, field, value, allowed);
    }
}

static void validate_id(struct field_errors *e, const char *prefix, yyjson_mut_val *context,
                        const char *key)
{
    int64_t id = validate_int(context, key, 0);
    if (id < 0 || id > USER_MAX) {
        field_invalid_int(e, field_path("%s.%s", prefix, key).text, id,
                          "must be between 0 and %d, inclusive", USER_MAX);
    }
}

static void validate_seccomp(struct field_errors *e, const char *prefix, yyjson_mut_val *profile)
{
    static const char *const TYPES[] = {"Localhost", "RuntimeDefault", "Unconfined", NULL};
    if (profile != NULL) {
        const char *type = validate_text(profile, "type");
        if (type[0] == '\0') {
            field_required(e, field_path("%s.seccompProfile.type", prefix).text,
                           "type is required when seccompProfile is set");
        } else if (!is_one_of(type, TYPES)) {
            field_unsupported(e, field_path("%s.seccompProfile.type", prefix).text, type, TYPES);
        }
    }
}

/* ---- Ports ---- */

static void validate_port_name(struct field_errors *e, const char *field, const char *name)
{
    size_t len = strlen(name);
    if (len > 15) {
        field_invalid_text(e, field, name, "must be no more than 15 characters");
    }
    if (strspn(name, "-abcdefghijklmnopqrstuvwxyz0123456789") != len) {
        field_invalid_text(
            e, field, name,
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
    }
    if (strpbrk(name, "abcdefghijklmnopqrstuvwxyz") == NULL) {
        field_invalid_text(e, field, name, "must contain at least one letter or number (a-z, 0-9)");
    }
    if (strstr(name, "--") != NULL) {
        field_invalid_text(e, field, name, "must not contain consecutive hyphens");
    }
    if (name[0] == '-' || name[len - 1] == '-') {
        field_invalid_text(e, field, name, "must not begin or end with a hyphen");
    }
}

static bool name_came_before(yyjson_mut_val *list, size_t index, const char *name)
{
    size_t i, max;
    yyjson_mut_val *item;
    yyjson_mut_arr_foreach(list, i, max, item)
    {
        if (i == index) {
            return false;
        }
        if (strcmp(validate_text(item, "name"), name) == 0) {
            return true;
        }
    }
    return false;
}

static void validate_port(struct field_errors *e, const char *prefix, yyjson_mut_val *ports,
                          size_t index, yyjson_mut_val *port)
{
    static const char *const PROTOCOLS[] = {"SCTP", "TCP", "UDP", NULL};
    const char *name = validate_text(port, "name");
    if (name[0] != '\0') {
        size_t before = e->count;
        validate_port_name(e, field_path("%s.ports[%zu].name", prefix, index).text, name);
        if (e->count == before && name_came_before(ports, index, name)) {
            field_duplicate(e, field_path("%s.ports[%zu].name", prefix, index).text, name);
        }
    }
    int64_t number = validate_int(port, "containerPort", 0);
    if (number == 0) {
        field_required(e, field_path("%s.ports[%zu].containerPort", prefix, index).text, "");
    } else if (number < 1 || number > 65535) {
        field_invalid_int(e, field_path("%s.ports[%zu].containerPort", prefix, index).text, number,
                          "must be between 1 and 65535, inclusive");
    }
    validate_choice(e, field_path("%s.ports[%zu].protocol", prefix, index).text,
                    validate_text(port, "protocol"), PROTOCOLS);
}

/* ---- Containers ---- */

static void validate_container(struct field_errors *e, const char *prefix, yyjson_mut_val *list,
                               size_t index, yyjson_mut_val *c)
{
    static const char *const PULL[] = {"Always", "IfNotPresent", "Never", NULL};
    const char *name = validate_text(c, "name");
    if (name[0] == '\0') {
        field_required(e, field_path("%s.name", prefix).text, "");
    } else {
        validate_label(e, field_path("%s.name", prefix).text, name);
    }
    if (name_came_before(list, index, name)) {
        field_duplicate(e, field_path("%s.name", prefix).text, name);
    }
    if (validate_text(c, "image")[0] == '\0') {
        field_required(e, field_path("%s.image", prefix).text, "");
    }
    const char *policy = validate_text(c, "terminationMessagePolicy");
    if (strcmp(policy, "File") != 0 && strcmp(policy, "FallbackToLogsOnError") != 0) {
        field_invalid_text(e, field_path("%s.terminationMessagePolicy", prefix).text, policy,
                           "must be 'File' or 'FallbackToLogsOnError'");
    }
    size_t i, max;
    yyjson_mut_val *ports = yyjson_mut_obj_get(c, "ports"), *v;
    yyjson_mut_arr_foreach(ports, i, max, v)
    {
        validate_port(e, prefix, ports, i, v);
    }
    yyjson_mut_arr_foreach(yyjson_mut_obj_get(c, "env"), i, max, v)
    {
        if (validate_text(v, "name")[0] == '\0') {
            field_required(e, field_path("%s.env[%zu].name", prefix, i).text, "");
        }
    }
    validate_choice(e, field_path("%s.imagePullPolicy", prefix).text,
                    validate_text(c, "imagePullPolicy"), PULL);
    yyjson_mut_val *context = yyjson_mut_obj_get(c, "securityContext");
    validate_id(e, field_path("%s.securityContext", prefix).text, context, "runAsUser");
    validate_id(e, field_path("%s.securityContext", prefix).text, context, "runAsGroup");
    validate_seccomp(e, field_path("%s.securityContext", prefix).text,
                     yyjson_mut_obj_get(context, "seccompProfile"));
}

static void validate_containers(struct field_errors *e, const char *field, yyjson_mut_val *list)
{
    size_t i, max;
    yyjson_mut_val *c;
    yyjson_mut_arr_foreach(list, i, max, c)
    {
        validate_container(e, field_path("%s[%zu]", field, i).text, list, i, c);
    }
}

void validate_pod_spec(struct field_errors *e, const char *prefix, yyjson_mut_val *spec)
{
    static const char *const RESTART[] = {"Always", "OnFailure", "Never", NULL};
    static const char *const DNS[] = {"ClusterFirstWithHostNet", "ClusterFirst", "Default", "None",
                                      NULL};
    yyjson_mut_val *containers = yyjson_mut_obj_get(spec, "containers");
    if (yyjson_mut_arr_size(containers) == 0) {
        field_required(e, field_path("%s.containers", prefix).text, "");
    }
    validate_containers(e, field_path("%s.containers", prefix).text, containers);
    validate_containers(e, field_path("%s.initContainers", prefix).text,
                        yyjson_mut_obj_get(spec, "initContainers"));
    validate_choice(e, field_path("%s.restartPolicy", prefix).text,
                    validate_text(spec, "restartPolicy"), RESTART);
    validate_choice(e, field_path("%s.dnsPolicy", prefix).text, validate_text(spec, "dnsPolicy"),
                    DNS);
    validate_labels(e, field_path("%s.nodeSelector", prefix).text,
                    yyjson_mut_obj_get(spec, "nodeSelector"));
    yyjson_mut_val *context = yyjson_mut_obj_get(spec, "securityContext");
    validate_id(e, field_path("%s.securityContext", prefix).text, context, "fsGroup");
    validate_id(e, field_path("%s.securityContext", prefix).text, context, "runAsUser");
    validate_id(e, field_path("%s.securityContext", prefix).text, context, "runAsGroup");
    validate_seccomp(e, field_path("%s.securityContext", prefix).text,
                     yyjson_mut_obj_get(context, "seccompProfile"));
    const char *account = validate_text(spec, "serviceAccountName");
    if (account[0] != '\0') {
        validate_subdomain(e, field_path("%s.serviceAccountName", prefix).text, account);
    }
}

/* ---- Updates: images may change, little else may ---- */

static bool is_free(const char *key)
{
    return strcmp(key, "activeDeadlineSeconds") == 0 || strcmp(key, "tolerations") == 0;
}

static bool same_but_image(yyjson_mut_val *a, yyjson_mut_val *b)
{
    size_t i, max;
    yyjson_mut_val *key, *v;
    yyjson_mut_obj_foreach(a, i, max, key, v)
    {
        const char *name = yyjson_mut_get_str(key);
        if (strcmp(name, "image") != 0 && !yyjson_mut_equals(v, yyjson_mut_obj_get(b, name))) {
            return false;
        }
    }
    return yyjson_mut_obj_size(a) == yyjson_mut_obj_size(b);
}

static bool same_containers(yyjson_mut_val *a, yyjson_mut_val *b)
{
    size_t i, max;
    yyjson_mut_val *c;
    yyjson_mut_arr_foreach(a, i, max, c)
    {
        if (!same_but_image(c, yyjson_mut_arr_get(b, i))) {
            return false;
        }
    }
    return true;
}

static bool same_spec(yyjson_mut_val *a, yyjson_mut_val *b)
{
    size_t i, max;
    yyjson_mut_val *key, *v;
    yyjson_mut_obj_foreach(a, i, max, key, v)
    {
        const char *name = yyjson_mut_get_str(key);
        yyjson_mut_val *other = yyjson_mut_obj_get(b, name);
        bool containers = strcmp(name, "containers") == 0 || strcmp(name, "initContainers") == 0;
        if (!is_free(name) &&
            !(containers ? same_containers(v, other) : yyjson_mut_equals(v, other))) {
            return false;
        }
    }
    yyjson_mut_obj_foreach(b, i, max, key, v)
    {
        const char *name = yyjson_mut_get_str(key);
        if (!is_free(name) && yyjson_mut_obj_get(a, name) == NULL) {
            return false;
        }
    }
    return true;
}

/* But for how long. */
static bool is_same_toleration(yyjson_mut_val *a, yyjson_mut_val *b)
{
    static const char *const KEYS[] = {"key", "operator", "value", "effect"};
    for (size_t i = 0; i < ARRAY_LEN(KEYS); i++) {
        if (strcmp(validate_text(a, KEYS[i]), validate_text(b, KEYS[i])) != 0) {
            return false;
        }
    }
    return true;
}

static bool has_toleration(yyjson_mut_val *list, yyjson_mut_val *wanted)
{
    size_t i, max;
    yyjson_mut_val *v;
    yyjson_mut_arr_foreach(list, i, max, v)
    {
        if (is_same_toleration(v, wanted)) {
            return true;
        }
    }
    return false;
}

static void validate_tolerations_stay(struct field_errors *e, yyjson_mut_val *spec,
                                      yyjson_mut_val *live)
{
    size_t i, max;
    yyjson_mut_val *v;
    yyjson_mut_arr_foreach(yyjson_mut_obj_get(live, "tolerations"), i, max, v)
    {
        if (!has_toleration(yyjson_mut_obj_get(spec, "tolerations"), v)) {
            field_forbidden(e, "spec.tolerations",
                            "existing toleration can not be modified except its tolerationSeconds");
            return;
        }
    }
}

void validate_pod_update(struct field_errors *e, yyjson_mut_val *spec, yyjson_mut_val *live)
{
    static const char *const LISTS[][2] = {{"containers", "spec.containers"},
                                           {"initContainers", "spec.initContainers"}};
    for (size_t i = 0; i < ARRAY_LEN(LISTS); i++) {
        if (yyjson_mut_arr_size(yyjson_mut_obj_get(spec, LISTS[i][0])) !=
            yyjson_mut_arr_size(yyjson_mut_obj_get(live, LISTS[i][0]))) {
            field_forbidden(e, LISTS[i][1], "pod updates may not add or remove containers");
            return;
        }
    }
    validate_tolerations_stay(e, spec, live);
    if (!same_spec(spec, live)) {
        /* The real one appends the difference. */
        field_forbidden(e, "spec",
                        "pod updates may not change fields other than `spec.containers[*].image`, "
                        "`spec.initContainers[*].image`, `spec.activeDeadlineSeconds` or "
                        "`spec.tolerations` (only additions to existing tolerations)");
    }
}

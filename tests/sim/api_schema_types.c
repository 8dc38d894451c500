/*
 * The types of the resources. Parts that neither the operator nor its tests touch (probes,
 * affinity, volume sources …) are SCHEMA_ANY.
 */
#include "base/mem.h"
#include "sim/api_object.h"
#include "sim/api_schema.h"

#include <assert.h>
#include <string.h>

static const struct schema any = {.class = SCHEMA_ANY};
static const struct schema string = {.class = SCHEMA_STRING};
static const struct schema int32 = {.class = SCHEMA_INT32};
static const struct schema int64 = {.class = SCHEMA_INT64};
static const struct schema boolean = {.class = SCHEMA_BOOL};
static const struct schema time = {.class = SCHEMA_TIME};
static const struct schema micro_time = {.class = SCHEMA_MICRO_TIME};
static const struct schema quantity = {.class = SCHEMA_QUANTITY};
static const struct schema int_or_string = {.class = SCHEMA_INT_OR_STRING};

static const struct schema atomic_anys = {.class = SCHEMA_LIST, .atomic = true, .element = &any};
static const struct schema strings = {.class = SCHEMA_LIST, .atomic = true, .element = &string};
static const struct schema int64s = {.class = SCHEMA_LIST, .atomic = true, .element = &int64};
static const struct schema string_set = {.class = SCHEMA_LIST, .set = true, .element = &string};
static const struct schema string_map = {.class = SCHEMA_MAP, .element = &string};
static const struct schema quantities = {.class = SCHEMA_MAP, .element = &quantity};
static const struct schema anys_by_name = {.class = SCHEMA_LIST, .keys = {"name"}, .element = &any};
static const struct schema anys_by_ip = {.class = SCHEMA_LIST, .keys = {"ip"}, .element = &any};

/* ---- Metadata ---- */

static const struct schema_field owner_fields[] = {
    {"apiVersion", &string, FIELD_ALWAYS},
    {"kind", &string, FIELD_ALWAYS},
    {"name", &string, FIELD_ALWAYS},
    {"uid", &string, FIELD_ALWAYS},
    {"controller", &boolean, FIELD_IF_GIVEN},
    {"blockOwnerDeletion", &boolean, FIELD_IF_GIVEN},
    {0},
};
static const struct schema owner = {.class = SCHEMA_STRUCT, .fields = owner_fields};
static const struct schema owners = {
    .class = SCHEMA_LIST, .keys = {"uid"}, .key_defaults = {""}, .element = &owner};

static const struct schema_field managed_fields[] = {
    {"manager", &string, FIELD_UNLESS_ZERO},
    {"operation", &string, FIELD_UNLESS_ZERO},
    {"apiVersion", &string, FIELD_UNLESS_ZERO},
    {"time", &time, FIELD_IF_GIVEN},
    {"fieldsType", &string, FIELD_UNLESS_ZERO},
    {"fieldsV1", &any, FIELD_IF_GIVEN},
    {0},
};
static const struct schema managed = {.class = SCHEMA_STRUCT, .fields = managed_fields};
static const struct schema manageds = {.class = SCHEMA_LIST, .atomic = true, .element = &managed};

static const struct schema_field metadata_fields[] = {
    {"name", &string, FIELD_UNLESS_ZERO},
    {"generateName", &string, FIELD_UNLESS_ZERO},
    {"namespace", &string, FIELD_UNLESS_ZERO},
    {"selfLink", &string, FIELD_UNLESS_ZERO},
    {"uid", &string, FIELD_UNLESS_ZERO},
    {"resourceVersion", &string, FIELD_UNLESS_ZERO},
    {"generation", &int64, FIELD_UNLESS_ZERO},
    {"creationTimestamp", &time, FIELD_ALWAYS},
    {"deletionTimestamp", &time, FIELD_IF_GIVEN},
    {"deletionGracePeriodSeconds", &int64, FIELD_IF_GIVEN},
    {"labels", &string_map, FIELD_UNLESS_ZERO},
    {"annotations", &string_map, FIELD_UNLESS_ZERO},
    {"ownerReferences", &owners, FIELD_UNLESS_ZERO},
    {"finalizers", &string_set, FIELD_UNLESS_ZERO},
    {"clusterName", &string, FIELD_UNLESS_ZERO},
    {"managedFields", &manageds, FIELD_UNLESS_ZERO},
    {0},
};
static const struct schema metadata = {.class = SCHEMA_STRUCT, .fields = metadata_fields};

/* ---- Pods ---- */

static const struct schema_field port_fields[] = {
    {"name", &string, FIELD_UNLESS_ZERO},    {"hostPort", &int32, FIELD_UNLESS_ZERO},
    {"containerPort", &int32, FIELD_ALWAYS}, {"protocol", &string, FIELD_UNLESS_ZERO},
    {"hostIP", &string, FIELD_UNLESS_ZERO},  {0},
};
static const struct schema port = {.class = SCHEMA_STRUCT, .fields = port_fields};
static const struct schema ports = {.class = SCHEMA_LIST,
                                    .keys = {"containerPort", "protocol"},
                                    .key_defaults = {NULL, "TCP"},
                                    .element = &port};

static const struct schema_field env_fields[] = {
    {"name", &string, FIELD_ALWAYS},
    {"value", &string, FIELD_UNLESS_ZERO},
    {"valueFrom", &any, FIELD_IF_GIVEN},
    {0},
};
static const struct schema env = {.class = SCHEMA_STRUCT, .fields = env_fields};
static const struct schema envs = {
    .class = SCHEMA_LIST, .keys = {"name"}, .key_defaults = {""}, .element = &env};

static const struct schema_field resources_fields[] = {
    {"limits", &quantities, FIELD_UNLESS_ZERO},
    {"requests", &quantities, FIELD_UNLESS_ZERO},
    {0},
};
static const struct schema resources = {.class = SCHEMA_STRUCT, .fields = resources_fields};

static const struct schema_field mount_fields[] = {
    {"name", &string, FIELD_ALWAYS},
    {"readOnly", &boolean, FIELD_UNLESS_ZERO},
    {"mountPath", &string, FIELD_ALWAYS},
    {"subPath", &string, FIELD_UNLESS_ZERO},
    {"mountPropagation", &string, FIELD_IF_GIVEN},
    {"subPathExpr", &string, FIELD_UNLESS_ZERO},
    {0},
};
static const struct schema mount = {.class = SCHEMA_STRUCT, .fields = mount_fields};
static const struct schema mounts = {
    .class = SCHEMA_LIST, .keys = {"mountPath"}, .key_defaults = {""}, .element = &mount};
static const struct schema devices = {
    .class = SCHEMA_LIST, .keys = {"devicePath"}, .key_defaults = {""}, .element = &any};

static const struct schema_field capabilities_fields[] = {
    {"add", &strings, FIELD_UNLESS_ZERO},
    {"drop", &strings, FIELD_UNLESS_ZERO},
    {0},
};
static const struct schema capabilities = {.class = SCHEMA_STRUCT, .fields = capabilities_fields};

static const struct schema_field seccomp_fields[] = {
    {"type", &string, FIELD_ALWAYS},
    {"localhostProfile", &string, FIELD_IF_GIVEN},
    {0},
};
static const struct schema seccomp = {.class = SCHEMA_STRUCT, .fields = seccomp_fields};

static const struct schema_field security_fields[] = {
    {"capabilities", &capabilities, FIELD_IF_GIVEN},
    {"privileged", &boolean, FIELD_IF_GIVEN},
    {"seLinuxOptions", &any, FIELD_IF_GIVEN},
    {"windowsOptions", &any, FIELD_IF_GIVEN},
    {"runAsUser", &int64, FIELD_IF_GIVEN},
    {"runAsGroup", &int64, FIELD_IF_GIVEN},
    {"runAsNonRoot", &boolean, FIELD_IF_GIVEN},
    {"readOnlyRootFilesystem", &boolean, FIELD_IF_GIVEN},
    {"allowPrivilegeEscalation", &boolean, FIELD_IF_GIVEN},
    {"procMount", &string, FIELD_IF_GIVEN},
    {"seccompProfile", &seccomp, FIELD_IF_GIVEN},
    {0},
};
static const struct schema security = {.class = SCHEMA_STRUCT, .fields = security_fields};

static const struct schema_field container_fields[] = {
    {"name", &string, FIELD_ALWAYS},
    {"image", &string, FIELD_UNLESS_ZERO},
    {"command", &strings, FIELD_UNLESS_ZERO},
    {"args", &strings, FIELD_UNLESS_ZERO},
    {"workingDir", &string, FIELD_UNLESS_ZERO},
    {"ports", &ports, FIELD_UNLESS_ZERO},
    {"envFrom", &atomic_anys, FIELD_UNLESS_ZERO},
    {"env", &envs, FIELD_UNLESS_ZERO},
    {"resources", &resources, FIELD_ALWAYS},
    {"volumeMounts", &mounts, FIELD_UNLESS_ZERO},
    {"volumeDevices", &devices, FIELD_UNLESS_ZERO},
    {"livenessProbe", &any, FIELD_IF_GIVEN},
    {"readinessProbe", &any, FIELD_IF_GIVEN},
    {"startupProbe", &any, FIELD_IF_GIVEN},
    {"lifecycle", &any, FIELD_IF_GIVEN},
    {"terminationMessagePath", &string, FIELD_UNLESS_ZERO},
    {"terminationMessagePolicy", &string, FIELD_UNLESS_ZERO},
    {"imagePullPolicy", &string, FIELD_UNLESS_ZERO},
    {"securityContext", &security, FIELD_IF_GIVEN},
    {"stdin", &boolean, FIELD_UNLESS_ZERO},
    {"stdinOnce", &boolean, FIELD_UNLESS_ZERO},
    {"tty", &boolean, FIELD_UNLESS_ZERO},
    {0},
};
static const struct schema container = {.class = SCHEMA_STRUCT, .fields = container_fields};
static const struct schema containers = {
    .class = SCHEMA_LIST, .keys = {"name"}, .key_defaults = {""}, .element = &container};

static const struct schema_field pod_security_fields[] = {
    {"seLinuxOptions", &any, FIELD_IF_GIVEN},
    {"windowsOptions", &any, FIELD_IF_GIVEN},
    {"runAsUser", &int64, FIELD_IF_GIVEN},
    {"runAsGroup", &int64, FIELD_IF_GIVEN},
    {"runAsNonRoot", &boolean, FIELD_IF_GIVEN},
    {"supplementalGroups", &int64s, FIELD_UNLESS_ZERO},
    {"fsGroup", &int64, FIELD_IF_GIVEN},
    {"sysctls", &atomic_anys, FIELD_UNLESS_ZERO},
    {"fsGroupChangePolicy", &string, FIELD_IF_GIVEN},
    {"seccompProfile", &seccomp, FIELD_IF_GIVEN},
    {0},
};
static const struct schema pod_security = {.class = SCHEMA_STRUCT, .fields = pod_security_fields};

static const struct schema_field toleration_fields[] = {
    {"key", &string, FIELD_UNLESS_ZERO},           {"operator", &string, FIELD_UNLESS_ZERO},
    {"value", &string, FIELD_UNLESS_ZERO},         {"effect", &string, FIELD_UNLESS_ZERO},
    {"tolerationSeconds", &int64, FIELD_IF_GIVEN}, {0},
};
static const struct schema toleration = {.class = SCHEMA_STRUCT, .fields = toleration_fields};
static const struct schema tolerations = {
    .class = SCHEMA_LIST, .atomic = true, .element = &toleration};
static const struct schema spreads = {
    .class = SCHEMA_LIST, .keys = {"topologyKey", "whenUnsatisfiable"}, .element = &any};

static const struct schema_field pod_spec_fields[] = {
    {"volumes", &anys_by_name, FIELD_UNLESS_ZERO},
    {"initContainers", &containers, FIELD_UNLESS_ZERO},
    {"containers", &containers, FIELD_ALWAYS},
    {"ephemeralContainers", &anys_by_name, FIELD_UNLESS_ZERO},
    {"restartPolicy", &string, FIELD_UNLESS_ZERO},
    {"terminationGracePeriodSeconds", &int64, FIELD_IF_GIVEN},
    {"activeDeadlineSeconds", &int64, FIELD_IF_GIVEN},
    {"dnsPolicy", &string, FIELD_UNLESS_ZERO},
    {"nodeSelector", &string_map, FIELD_UNLESS_ZERO},
    {"serviceAccountName", &string, FIELD_UNLESS_ZERO},
    {"serviceAccount", &string, FIELD_UNLESS_ZERO},
    {"automountServiceAccountToken", &boolean, FIELD_IF_GIVEN},
    {"nodeName", &string, FIELD_UNLESS_ZERO},
    {"hostNetwork", &boolean, FIELD_UNLESS_ZERO},
    {"hostPID", &boolean, FIELD_UNLESS_ZERO},
    {"hostIPC", &boolean, FIELD_UNLESS_ZERO},
    {"shareProcessNamespace", &boolean, FIELD_IF_GIVEN},
    {"securityContext", &pod_security, FIELD_IF_GIVEN},
    {"imagePullSecrets", &anys_by_name, FIELD_UNLESS_ZERO},
    {"hostname", &string, FIELD_UNLESS_ZERO},
    {"subdomain", &string, FIELD_UNLESS_ZERO},
    {"affinity", &any, FIELD_IF_GIVEN},
    {"schedulerName", &string, FIELD_UNLESS_ZERO},
    {"tolerations", &tolerations, FIELD_UNLESS_ZERO},
    {"hostAliases", &anys_by_ip, FIELD_UNLESS_ZERO},
    {"priorityClassName", &string, FIELD_UNLESS_ZERO},
    {"priority", &int32, FIELD_IF_GIVEN},
    {"dnsConfig", &any, FIELD_IF_GIVEN},
    {"readinessGates", &atomic_anys, FIELD_UNLESS_ZERO},
    {"runtimeClassName", &string, FIELD_IF_GIVEN},
    {"enableServiceLinks", &boolean, FIELD_IF_GIVEN},
    {"preemptionPolicy", &string, FIELD_IF_GIVEN},
    {"overhead", &quantities, FIELD_UNLESS_ZERO},
    {"topologySpreadConstraints", &spreads, FIELD_UNLESS_ZERO},
    {"setHostnameAsFQDN", &boolean, FIELD_IF_GIVEN},
    {0},
};
static const struct schema pod_spec = {.class = SCHEMA_STRUCT, .fields = pod_spec_fields};

static const struct schema_field pod_condition_fields[] = {
    {"type", &string, FIELD_ALWAYS},
    {"status", &string, FIELD_ALWAYS},
    {"lastProbeTime", &time, FIELD_ALWAYS},
    {"lastTransitionTime", &time, FIELD_ALWAYS},
    {"reason", &string, FIELD_UNLESS_ZERO},
    {"message", &string, FIELD_UNLESS_ZERO},
    {0},
};
static const struct schema pod_condition = {.class = SCHEMA_STRUCT, .fields = pod_condition_fields};
static const struct schema pod_conditions = {
    .class = SCHEMA_LIST, .keys = {"type"}, .key_defaults = {""}, .element = &pod_condition};

static const struct schema_field pod_status_fields[] = {
    {"phase", &string, FIELD_UNLESS_ZERO},
    {"conditions", &pod_conditions, FIELD_UNLESS_ZERO},
    {"message", &string, FIELD_UNLESS_ZERO},
    {"reason", &string, FIELD_UNLESS_ZERO},
    {"nominatedNodeName", &string, FIELD_UNLESS_ZERO},
    {"hostIP", &string, FIELD_UNLESS_ZERO},
    {"podIP", &string, FIELD_UNLESS_ZERO},
    {"podIPs", &anys_by_ip, FIELD_UNLESS_ZERO},
    {"startTime", &time, FIELD_IF_GIVEN},
    {"initContainerStatuses", &atomic_anys, FIELD_UNLESS_ZERO},
    {"containerStatuses", &atomic_anys, FIELD_UNLESS_ZERO},
    {"qosClass", &string, FIELD_UNLESS_ZERO},
    {"ephemeralContainerStatuses", &atomic_anys, FIELD_UNLESS_ZERO},
    {0},
};
static const struct schema pod_status = {.class = SCHEMA_STRUCT, .fields = pod_status_fields};

static const struct schema_field pod_fields[] = {
    {"kind", &string, FIELD_UNLESS_ZERO},  {"apiVersion", &string, FIELD_UNLESS_ZERO},
    {"metadata", &metadata, FIELD_ALWAYS}, {"spec", &pod_spec, FIELD_ALWAYS},
    {"status", &pod_status, FIELD_ALWAYS}, {0},
};
static const struct schema pod = {.class = SCHEMA_STRUCT, .fields = pod_fields};

/* ---- Deployments, ReplicaSets ---- */

static const struct schema_field template_fields[] = {
    {"metadata", &metadata, FIELD_ALWAYS},
    {"spec", &pod_spec, FIELD_ALWAYS},
    {0},
};
static const struct schema template = {.class = SCHEMA_STRUCT, .fields = template_fields};

static const struct schema_field requirement_fields[] = {
    {"key", &string, FIELD_ALWAYS},
    {"operator", &string, FIELD_ALWAYS},
    {"values", &strings, FIELD_UNLESS_ZERO},
    {0},
};
static const struct schema requirement = {.class = SCHEMA_STRUCT, .fields = requirement_fields};
static const struct schema requirements = {
    .class = SCHEMA_LIST, .atomic = true, .element = &requirement};
static const struct schema_field selector_fields[] = {
    {"matchLabels", &string_map, FIELD_UNLESS_ZERO},
    {"matchExpressions", &requirements, FIELD_UNLESS_ZERO},
    {0},
};
static const struct schema selector = {
    .class = SCHEMA_STRUCT, .atomic = true, .fields = selector_fields};

static const struct schema_field rolling_fields[] = {
    {"maxUnavailable", &int_or_string, FIELD_IF_GIVEN},
    {"maxSurge", &int_or_string, FIELD_IF_GIVEN},
    {0},
};
static const struct schema rolling = {.class = SCHEMA_STRUCT, .fields = rolling_fields};
static const struct schema_field strategy_fields[] = {
    {"type", &string, FIELD_UNLESS_ZERO},
    {"rollingUpdate", &rolling, FIELD_IF_GIVEN},
    {0},
};
static const struct schema strategy = {.class = SCHEMA_STRUCT, .fields = strategy_fields};

static const struct schema_field deployment_spec_fields[] = {
    {"replicas", &int32, FIELD_IF_GIVEN},
    {"selector", &selector, FIELD_ALWAYS},
    {"template", &template, FIELD_ALWAYS},
    {"strategy", &strategy, FIELD_ALWAYS},
    {"minReadySeconds", &int32, FIELD_UNLESS_ZERO},
    {"revisionHistoryLimit", &int32, FIELD_IF_GIVEN},
    {"paused", &boolean, FIELD_UNLESS_ZERO},
    {"progressDeadlineSeconds", &int32, FIELD_IF_GIVEN},
    {0},
};
static const struct schema deployment_spec = {.class = SCHEMA_STRUCT,
                                              .fields = deployment_spec_fields};

static const struct schema_field deployment_condition_fields[] = {
    {"type", &string, FIELD_ALWAYS},
    {"status", &string, FIELD_ALWAYS},
    {"lastUpdateTime", &time, FIELD_ALWAYS},
    {"lastTransitionTime", &time, FIELD_ALWAYS},
    {"reason", &string, FIELD_UNLESS_ZERO},
    {"message", &string, FIELD_UNLESS_ZERO},
    {0},
};
static const struct schema deployment_condition = {.class = SCHEMA_STRUCT,
                                                   .fields = deployment_condition_fields};
static const struct schema deployment_conditions = {
    .class = SCHEMA_LIST, .keys = {"type"}, .key_defaults = {""}, .element = &deployment_condition};

static const struct schema_field deployment_status_fields[] = {
    {"observedGeneration", &int64, FIELD_UNLESS_ZERO},
    {"replicas", &int32, FIELD_UNLESS_ZERO},
    {"updatedReplicas", &int32, FIELD_UNLESS_ZERO},
    {"readyReplicas", &int32, FIELD_UNLESS_ZERO},
    {"availableReplicas", &int32, FIELD_UNLESS_ZERO},
    {"unavailableReplicas", &int32, FIELD_UNLESS_ZERO},
    {"conditions", &deployment_conditions, FIELD_UNLESS_ZERO},
    {"collisionCount", &int32, FIELD_IF_GIVEN},
    {0},
};
static const struct schema deployment_status = {.class = SCHEMA_STRUCT,
                                                .fields = deployment_status_fields};

static const struct schema_field deployment_fields[] = {
    {"kind", &string, FIELD_UNLESS_ZERO},         {"apiVersion", &string, FIELD_UNLESS_ZERO},
    {"metadata", &metadata, FIELD_ALWAYS},        {"spec", &deployment_spec, FIELD_ALWAYS},
    {"status", &deployment_status, FIELD_ALWAYS}, {0},
};
static const struct schema deployment = {.class = SCHEMA_STRUCT, .fields = deployment_fields};

static const struct schema_field replicaset_spec_fields[] = {
    {"replicas", &int32, FIELD_IF_GIVEN},
    {"minReadySeconds", &int32, FIELD_UNLESS_ZERO},
    {"selector", &selector, FIELD_ALWAYS},
    {"template", &template, FIELD_ALWAYS},
    {0},
};
static const struct schema replicaset_spec = {.class = SCHEMA_STRUCT,
                                              .fields = replicaset_spec_fields};

static const struct schema_field replicaset_condition_fields[] = {
    {"type", &string, FIELD_ALWAYS},
    {"status", &string, FIELD_ALWAYS},
    {"lastTransitionTime", &time, FIELD_ALWAYS},
    {"reason", &string, FIELD_UNLESS_ZERO},
    {"message", &string, FIELD_UNLESS_ZERO},
    {0},
};
static const struct schema replicaset_condition = {.class = SCHEMA_STRUCT,
                                                   .fields = replicaset_condition_fields};
static const struct schema replicaset_conditions = {
    .class = SCHEMA_LIST, .keys = {"type"}, .key_defaults = {""}, .element = &replicaset_condition};

static const struct schema_field replicaset_status_fields[] = {
    {"replicas", &int32, FIELD_ALWAYS},
    {"fullyLabeledReplicas", &int32, FIELD_UNLESS_ZERO},
    {"readyReplicas", &int32, FIELD_UNLESS_ZERO},
    {"availableReplicas", &int32, FIELD_UNLESS_ZERO},
    {"observedGeneration", &int64, FIELD_UNLESS_ZERO},
    {"conditions", &replicaset_conditions, FIELD_UNLESS_ZERO},
    {0},
};
static const struct schema replicaset_status = {.class = SCHEMA_STRUCT,
                                                .fields = replicaset_status_fields};

static const struct schema_field replicaset_fields[] = {
    {"kind", &string, FIELD_UNLESS_ZERO},         {"apiVersion", &string, FIELD_UNLESS_ZERO},
    {"metadata", &metadata, FIELD_ALWAYS},        {"spec", &replicaset_spec, FIELD_ALWAYS},
    {"status", &replicaset_status, FIELD_ALWAYS}, {0},
};
static const struct schema replicaset = {.class = SCHEMA_STRUCT, .fields = replicaset_fields};

/* ---- StatefulSets ---- */

static const struct schema_field partition_fields[] = {
    {"partition", &int32, FIELD_IF_GIVEN},
    {0},
};
static const struct schema partition = {.class = SCHEMA_STRUCT, .fields = partition_fields};
static const struct schema_field update_strategy_fields[] = {
    {"type", &string, FIELD_UNLESS_ZERO},
    {"rollingUpdate", &partition, FIELD_IF_GIVEN},
    {0},
};
static const struct schema update_strategy = {.class = SCHEMA_STRUCT,
                                              .fields = update_strategy_fields};

static const struct schema_field statefulset_spec_fields[] = {
    {"replicas", &int32, FIELD_IF_GIVEN},
    {"selector", &selector, FIELD_ALWAYS},
    {"template", &template, FIELD_ALWAYS},
    {"volumeClaimTemplates", &atomic_anys, FIELD_UNLESS_ZERO},
    {"serviceName", &string, FIELD_ALWAYS},
    {"podManagementPolicy", &string, FIELD_UNLESS_ZERO},
    {"updateStrategy", &update_strategy, FIELD_ALWAYS},
    {"revisionHistoryLimit", &int32, FIELD_IF_GIVEN},
    {0},
};
static const struct schema statefulset_spec = {.class = SCHEMA_STRUCT,
                                               .fields = statefulset_spec_fields};

static const struct schema_field statefulset_status_fields[] = {
    {"observedGeneration", &int64, FIELD_UNLESS_ZERO},
    {"replicas", &int32, FIELD_ALWAYS},
    {"readyReplicas", &int32, FIELD_UNLESS_ZERO},
    {"currentReplicas", &int32, FIELD_UNLESS_ZERO},
    {"updatedReplicas", &int32, FIELD_UNLESS_ZERO},
    {"currentRevision", &string, FIELD_UNLESS_ZERO},
    {"updateRevision", &string, FIELD_UNLESS_ZERO},
    {"collisionCount", &int32, FIELD_IF_GIVEN},
    {"conditions", &replicaset_conditions, FIELD_UNLESS_ZERO},
    {0},
};
static const struct schema statefulset_status = {.class = SCHEMA_STRUCT,
                                                 .fields = statefulset_status_fields};

static const struct schema_field statefulset_fields[] = {
    {"kind", &string, FIELD_UNLESS_ZERO},          {"apiVersion", &string, FIELD_UNLESS_ZERO},
    {"metadata", &metadata, FIELD_ALWAYS},         {"spec", &statefulset_spec, FIELD_ALWAYS},
    {"status", &statefulset_status, FIELD_ALWAYS}, {0},
};
static const struct schema statefulset = {.class = SCHEMA_STRUCT, .fields = statefulset_fields};

/* ---- Namespaces, Leases, Events ---- */

static const struct schema_field namespace_spec_fields[] = {
    {"finalizers", &strings, FIELD_UNLESS_ZERO},
    {0},
};
static const struct schema namespace_spec = {.class = SCHEMA_STRUCT,
                                             .fields = namespace_spec_fields};
static const struct schema namespace_conditions = {
    .class = SCHEMA_LIST, .keys = {"type"}, .element = &any};
static const struct schema_field namespace_status_fields[] = {
    {"phase", &string, FIELD_UNLESS_ZERO},
    {"conditions", &namespace_conditions, FIELD_UNLESS_ZERO},
    {0},
};
static const struct schema namespace_status = {.class = SCHEMA_STRUCT,
                                               .fields = namespace_status_fields};
static const struct schema_field namespace_fields[] = {
    {"kind", &string, FIELD_UNLESS_ZERO},        {"apiVersion", &string, FIELD_UNLESS_ZERO},
    {"metadata", &metadata, FIELD_ALWAYS},       {"spec", &namespace_spec, FIELD_ALWAYS},
    {"status", &namespace_status, FIELD_ALWAYS}, {0},
};
static const struct schema namespace = {.class = SCHEMA_STRUCT, .fields = namespace_fields};

static const struct schema_field lease_spec_fields[] = {
    {"holderIdentity", &string, FIELD_IF_GIVEN},  {"leaseDurationSeconds", &int32, FIELD_IF_GIVEN},
    {"acquireTime", &micro_time, FIELD_IF_GIVEN}, {"renewTime", &micro_time, FIELD_IF_GIVEN},
    {"leaseTransitions", &int32, FIELD_IF_GIVEN}, {0},
};
static const struct schema lease_spec = {.class = SCHEMA_STRUCT, .fields = lease_spec_fields};
static const struct schema_field lease_fields[] = {
    {"kind", &string, FIELD_UNLESS_ZERO},
    {"apiVersion", &string, FIELD_UNLESS_ZERO},
    {"metadata", &metadata, FIELD_ALWAYS},
    {"spec", &lease_spec, FIELD_ALWAYS},
    {0},
};
static const struct schema lease = {.class = SCHEMA_STRUCT, .fields = lease_fields};

static const struct schema_field series_fields[] = {
    {"count", &int32, FIELD_ALWAYS},
    {"lastObservedTime", &micro_time, FIELD_ALWAYS},
    {0},
};
static const struct schema series = {.class = SCHEMA_STRUCT, .fields = series_fields};
static const struct schema_field reference_fields[] = {
    {"kind", &string, FIELD_UNLESS_ZERO},       {"namespace", &string, FIELD_UNLESS_ZERO},
    {"name", &string, FIELD_UNLESS_ZERO},       {"uid", &string, FIELD_UNLESS_ZERO},
    {"apiVersion", &string, FIELD_UNLESS_ZERO}, {"resourceVersion", &string, FIELD_UNLESS_ZERO},
    {"fieldPath", &string, FIELD_UNLESS_ZERO},  {0},
};
static const struct schema reference = {.class = SCHEMA_STRUCT, .fields = reference_fields};
static const struct schema_field source_fields[] = {
    {"component", &string, FIELD_UNLESS_ZERO},
    {"host", &string, FIELD_UNLESS_ZERO},
    {0},
};
static const struct schema source = {.class = SCHEMA_STRUCT, .fields = source_fields};
static const struct schema_field event_fields[] = {
    {"kind", &string, FIELD_UNLESS_ZERO},
    {"apiVersion", &string, FIELD_UNLESS_ZERO},
    {"metadata", &metadata, FIELD_ALWAYS},
    {"eventTime", &micro_time, FIELD_ALWAYS},
    {"series", &series, FIELD_IF_GIVEN},
    {"reportingController", &string, FIELD_UNLESS_ZERO},
    {"reportingInstance", &string, FIELD_UNLESS_ZERO},
    {"action", &string, FIELD_UNLESS_ZERO},
    {"reason", &string, FIELD_UNLESS_ZERO},
    {"regarding", &reference, FIELD_ALWAYS},
    {"related", &reference, FIELD_IF_GIVEN},
    {"note", &string, FIELD_UNLESS_ZERO},
    {"type", &string, FIELD_UNLESS_ZERO},
    {"deprecatedSource", &source, FIELD_ALWAYS},
    {"deprecatedFirstTimestamp", &time, FIELD_ALWAYS},
    {"deprecatedLastTimestamp", &time, FIELD_ALWAYS},
    {"deprecatedCount", &int32, FIELD_UNLESS_ZERO},
    {0},
};
static const struct schema event = {.class = SCHEMA_STRUCT, .fields = event_fields};

/* ---- Scale ---- */

static const struct schema_field scale_spec_fields[] = {
    {"replicas", &int32, FIELD_UNLESS_ZERO},
    {0},
};
static const struct schema scale_spec = {.class = SCHEMA_STRUCT, .fields = scale_spec_fields};
static const struct schema_field scale_status_fields[] = {
    {"replicas", &int32, FIELD_ALWAYS},
    {"selector", &string, FIELD_UNLESS_ZERO},
    {0},
};
static const struct schema scale_status = {.class = SCHEMA_STRUCT, .fields = scale_status_fields};
static const struct schema_field scale_fields[] = {
    {"kind", &string, FIELD_UNLESS_ZERO},    {"apiVersion", &string, FIELD_UNLESS_ZERO},
    {"metadata", &metadata, FIELD_ALWAYS},   {"spec", &scale_spec, FIELD_ALWAYS},
    {"status", &scale_status, FIELD_ALWAYS}, {0},
};
const struct schema schema_scale = {.class = SCHEMA_STRUCT, .fields = scale_fields};

/* ---- Memcacheds ---- */

static const struct schema_field memcached_fields[] = {
    {"kind", &string, FIELD_IF_GIVEN},
    {"apiVersion", &string, FIELD_IF_GIVEN},
    {"metadata", &metadata, FIELD_IF_GIVEN},
    {"spec", &schema_memcached_spec, FIELD_IF_GIVEN},
    {"status", &schema_memcached_status, FIELD_IF_GIVEN},
    {0},
};
static const struct schema memcached = {.class = SCHEMA_STRUCT, .fields = memcached_fields};

/* ---- Fleets: of a stranger's CRD ---- */

static const struct schema_field fleet_spec_fields[] = {
    {"replicas", &int32, FIELD_IF_GIVEN},
    {"note", &string, FIELD_IF_GIVEN},
    {0},
};
static const struct schema fleet_spec = {.class = SCHEMA_STRUCT, .fields = fleet_spec_fields};
static const struct schema_field fleet_status_fields[] = {
    {"replicas", &int32, FIELD_IF_GIVEN},
    {"selector", &string, FIELD_IF_GIVEN},
    {0},
};
static const struct schema fleet_status = {.class = SCHEMA_STRUCT, .fields = fleet_status_fields};
static const struct schema_field fleet_fields[] = {
    {"kind", &string, FIELD_IF_GIVEN},         {"apiVersion", &string, FIELD_IF_GIVEN},
    {"metadata", &metadata, FIELD_IF_GIVEN},   {"spec", &fleet_spec, FIELD_IF_GIVEN},
    {"status", &fleet_status, FIELD_IF_GIVEN}, {0},
};
static const struct schema fleet = {.class = SCHEMA_STRUCT, .fields = fleet_fields};

const struct api_resource api_resources[] = {
    {"cache.example.com", "v1alpha1", "Memcached", "memcacheds", "memcached", true, true, true,
     true, true, true},
    {"apps", "v1", "Deployment", "deployments", "deployment", true, true, true, true, false, false},
    {"apps", "v1", "ReplicaSet", "replicasets", "replicaset", true, true, true, true, false, false},
    {"", "v1", "Pod", "pods", "pod", true, true, false, false, false, false},
    {"coordination.k8s.io", "v1", "Lease", "leases", "lease", true, false, false, false, false,
     false},
    {"events.k8s.io", "v1", "Event", "events", "event", true, false, false, false, false, false},
    {"", "v1", "Namespace", "namespaces", "namespace", false, true, false, false, false, false},
    {"apps", "v1", "StatefulSet", "statefulsets", "statefulset", true, true, true, true, false,
     false},
    {"stable.example.com", "v1", "Fleet", "fleets", "fleet", true, true, true, true, true, false},
};
const unsigned api_resource_count = ARRAY_LEN(api_resources);

static const struct schema *const schemas[] = {
    &memcached, &deployment, &replicaset, &pod, &lease, &event, &namespace, &statefulset, &fleet,
};
static_assert(ARRAY_LEN(schemas) == ARRAY_LEN(api_resources), "one for each, in their order");

const struct api_resource *api_resource_find(const char *group, const char *version,
                                             const char *plural)
{
    for (unsigned i = 0; i < api_resource_count; i++) {
        const struct api_resource *r = &api_resources[i];
        if (strcmp(r->plural, plural) == 0 && strcmp(r->group, group) == 0 &&
            strcmp(r->version, version) == 0) {
            return r;
        }
    }
    return NULL;
}

const struct schema *schema_of(const struct api_resource *resource)
{
    return schemas[resource - api_resources];
}

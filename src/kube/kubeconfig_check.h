/*
 * Are the things in a kubeconfig file of the kinds that they must be? Done once per file, before
 * anything is taken out of it. Field names and kinds:
 * https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
 */
#pragma once
#include "base/error.h"
#include "kube/yaml.h"

enum {
    KUBECONFIG_VISITS_MAX = 1 << 20, /* nodes looked at, counting a shared one each time */
};

/**
 * @root  may be NULL: an empty file is fine. Unknown keys are ignored, as kubectl does.
 * Returns 0, or ERR_PARSE: "PATH:12:5: clusters[0].cluster.server: expected a string".
 */
int kubeconfig_check(const char *path, const struct yaml_node *root, struct error *err);

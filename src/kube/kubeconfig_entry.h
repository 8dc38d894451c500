/*
 * One cluster, user or context of a kubeconfig file: what kubeconfig.c found by name, on its way
 * into a struct client_config.
 */
#pragma once
#include "kube/kubeconfig.h"
#include "kube/yaml.h"

struct kubeconfig_entry {
    const char *path; /* of its file */
    const char *kind; /* "cluster", "user", "context" */
    const char *name;
    const struct yaml_node *named;  /* the list's item, with its name */
    const struct yaml_node *fields; /* below it; NULL: none is given */
};

/** The text of a field; NULL when absent or empty. */
const char *entry_get(const struct kubeconfig_entry *e, const char *field);

/** ERR_INVALID: "PATH:12:5: user "admin": FIELD: reason"; @field may be NULL. @reason must hold no
 * secret. */
int entry_fail(const struct kubeconfig_entry *e, const char *field, struct error *err,
               const char *reason);

/** Each returns 0, or ERR_INVALID with *c partly filled (client_config_fini frees it). The cluster
 * comes first: its server decides whether the user's secrets are taken. */
int entry_take_cluster(const struct kubeconfig_entry *e, struct client_config *c,
                       struct error *err);
int entry_take_user(const struct kubeconfig_entry *e, struct client_config *c, struct error *err);

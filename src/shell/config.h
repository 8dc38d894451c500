/*
 * Finds the configuration as kubectl and client-go do: --kubeconfig alone, else $KUBECONFIG (a
 * list), else ~/.kube/config, else in-cluster. Rules:
 * https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/ and
 * https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
 */
#pragma once
#include "kube/kubeconfig.h"

#define CONFIG_SERVICE_ACCOUNT_DIR "/var/run/secrets/kubernetes.io/serviceaccount"

/** Where config_load() looks: the process's environment, or what a test makes up. NULL and "" say
 * the same. */
struct config_places {
    const char *kubeconfig_env; /* $KUBECONFIG */
    const char *home;           /* $HOME */
    const char *service_host;   /* $KUBERNETES_SERVICE_HOST */
    const char *service_port;   /* $KUBERNETES_SERVICE_PORT */
    const char *service_account_dir;
};

/**
 * @kubeconfig_flag, @context_flag  NULL or "": not given.
 *
 * With the flag, that file alone counts and must exist. Files of $KUBECONFIG that do not exist are
 * skipped; when none is left, or no file says anything, it is the in-cluster configuration's turn.
 *
 * Returns 0 with *out owned by the caller, or ERR_INVALID, ERR_PARSE, ERR_TOO_BIG with one clear
 * line: which file, which line, what is expected; or, with no configuration at all, all that was
 * looked for.
 */
int config_load(const char *kubeconfig_flag, const char *context_flag, struct client_config *out,
                struct error *err);

/** The namespace of the process's own service account, else @config's, else "default". Returned
 * text is owned by the caller (mem_free). */
char *config_own_namespace(const struct client_config *config);

/** The same two, looking elsewhere. */
int config_load_from(const struct config_places *places, const char *kubeconfig_flag,
                     const char *context_flag, struct client_config *out, struct error *err);
char *config_own_namespace_from(const struct config_places *places,
                                const struct client_config *config);

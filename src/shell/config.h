/*
 * Finds the configuration as kubectl and client-go do: --kubeconfig alone, else $KUBECONFIG (a
 * list), else ~/.kube/config, else in-cluster.
 */
#pragma once
#include "kube/kubeconfig.h"

/**
 * @kubeconfig_flag, @context_flag  NULL or "": not given.
 * Returns 0 with *out owned by the caller, or ERR_INVALID, ERR_PARSE, ERR_TOO_BIG with one clear
 * line: which file, which line, what is expected.
 */
int config_load(const char *kubeconfig_flag, const char *context_flag, struct client_config *out,
                struct error *err);

/** The namespace of the process's own service account, else @config's, else "default". Returned
 * text is owned by the caller (mem_free). */
char *config_own_namespace(const struct client_config *config);

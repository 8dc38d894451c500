/*
 * kubeconfig files: YAML bytes to the one configuration that a client needs, by the rules of
 * kubectl. Rules:
 * https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/ (merging,
 * relative paths, precedence of *-data), and
 * https://kubernetes.io/docs/reference/config-api/client-authentication.v1/ (exec).
 * Reads no file: the caller hands in bytes and later reads the files that the result names.
 */
#pragma once
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    KUBECONFIG_BYTES_MAX = 1 << 20,
};

struct exec_env {
    char *name, *value;
};

/** A credential plugin to run. */
struct exec_plugin {
    char *api_version; /* client.authentication.k8s.io/v1 or v1beta1 */
    char *command;     /* absolute, or relative with a slash: made absolute against the file's
                          directory; else looked up in PATH */
    char **args;       /* NULL-terminated, without the command; never NULL when command is set */
    struct exec_env *env;
    size_t env_count;
    char *install_hint;
    bool provide_cluster_info;
};

/** All that it takes to talk to one API server. Every text is owned; absent ones are NULL. Where
 * there are file and data, one of them at most is set; a certificate never without its key. An
 * http:// server has no user's credentials: as client-go does, they are kept off an open line. */
struct client_config {
    char *server; /* "https://host:port/prefix", without a trailing slash */
    char *tls_server_name;
    char *proxy_url;
    char *ca_file, *ca_data; /* data: PEM, decoded */
    size_t ca_data_len;
    bool insecure;
    char *cert_file, *cert_data;
    size_t cert_data_len;
    char *key_file, *key_data; /* secret */
    size_t key_data_len;
    char *token, *token_file;  /* secret. Both: the file wins once it could be read (kubeconfig.v1,
                                  AuthInfo.tokenFile) */
    char *username, *password; /* secret */
    struct exec_plugin *exec;  /* or NULL */
    char *as, *as_uid;
    char **as_groups;          /* NULL-terminated or NULL */
    struct exec_env *as_extra; /* name: key, value; repeated keys allowed */
    size_t as_extra_count;
    char *ns;                                      /* the context's namespace */
    char *context_name, *cluster_name, *user_name; /* for messages */
};

void client_config_fini(struct client_config *c); /* wipes secrets */

struct kubeconfig; /* the merge of one or more files */

struct kubeconfig *kubeconfig_new(void);
void kubeconfig_free(struct kubeconfig *k);

/**
 * Merge one more file: for every cluster, user, context and scalar the first file that sets it
 * wins.
 *
 * @path  for messages and for relative paths inside; @bytes borrowed.
 * Returns 0 or, with *k as it was: ERR_TOO_BIG; ERR_PARSE (not YAML, aliases nested beyond reason,
 * wrong kind of node: file, line, column, what is expected).
 */
int kubeconfig_add(struct kubeconfig *k, const char *path, const char *bytes, size_t len,
                   struct error *err);

/** True when no file so far has a cluster, a context or a current-context. */
bool kubeconfig_is_empty(const struct kubeconfig *k);

/**
 * Resolve @context (NULL: current-context) to *out.
 * Returns 0 or ERR_INVALID: no such context, cluster or user (the known ones are named), no server
 * or a bad one, bad base64, token together with basic auth, CA together with insecure, an exec
 * plugin of an unknown apiVersion, auth-provider, a client certificate without key. Messages name
 * file and entry, never a secret. *out is touched on success only.
 */
int kubeconfig_resolve(const struct kubeconfig *k, const char *context, struct client_config *out,
                       struct error *err);

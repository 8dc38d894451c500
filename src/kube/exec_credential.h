/*
 * What goes to and comes from an exec credential plugin: ExecCredential of
 * client.authentication.k8s.io. Pure; running it is the shell's work. Rules:
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
 * and https://kubernetes.io/docs/reference/config-api/client-authentication.v1/
 */
#pragma once
#include "base/buf.h"
#include "kube/kubeconfig.h"

#include <stdint.h>

enum { EXEC_REPLY_BYTES_MAX = 1 << 20 };

struct exec_credential {
    char *token;        /* secret; may be NULL; without spaces and control characters */
    char *cert, *key;   /* PEM; both or neither; secret */
    int64_t expires_us; /* INT64_MAX: never */
};

void exec_credential_fini(struct exec_credential *c); /* wipes */

/**
 * Append the JSON text of KUBERNETES_EXEC_INFO for @config's plugin. The cluster is told when the
 * plugin wants it (provideClusterInfo), its CA as @config's ca_data: a caller that has read ca_file
 * passes a copy of the struct with ca_data and ca_data_len set.
 * Returns 0, or ERR_TOO_BIG when @out is too small.
 */
int exec_credential_info(const struct client_config *config, struct buf *out, struct error *err);

/** Parse a plugin's output. Returns 0, or with *out untouched ERR_TOO_BIG, ERR_PARSE, ERR_INVALID:
 * not JSON, another kind or apiVersion than asked, no status, neither token nor certificate, half a
 * certificate pair, bad expirationTimestamp. Messages never quote the output. */
int exec_credential_parse(const char *api_version, const char *bytes, size_t len,
                          struct exec_credential *out, struct error *err);

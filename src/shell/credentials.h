/*
 * Who we are to the API server, kept fresh: token files re-read at least every 60 s, CA and client
 * certificate within 5 minutes, exec plugins run without blocking and again on expiry or 401. A bad
 * new one never replaces a good old one. Secrets are wiped after use and never logged.
 */
#pragma once
#include "base/buf.h"
#include "base/log.h"
#include "kube/kubeconfig.h"
#include "shell/poller.h"

enum {
    CREDENTIALS_TOKEN_MS = 60 * 1000,
    CREDENTIALS_CERT_MS = 5 * 60 * 1000,
    CREDENTIALS_RETRY_MS = 5 * 1000, /* after a 401, files are read again at most so often */
};

/** PEM texts for TLS; NULL where none. Borrowed until @generation changes. */
struct tls_material {
    const char *ca, *cert, *key;
    size_t ca_len, cert_len, key_len;
    uint64_t generation; /* counts up when any of them changes: new connections must be made */
};

typedef void credentials_log_fn(void *ctx, enum log_level level, const char *message,
                                const char *detail);

struct credentials;

/** Takes *config. Reads files once; returns NULL with ERR_INVALID when a file that is named cannot
 * be read or is no PEM. Starts an exec plugin, if any. */
struct credentials *credentials_new(struct client_config *config, struct poller *poller,
                                    credentials_log_fn *log, void *log_ctx, struct error *err);
void credentials_free(struct credentials *c);

const struct client_config *credentials_config(const struct credentials *c);

/** True when requests can be authenticated now: no exec plugin, or its answer is there and has not
 * expired. */
bool credentials_ready(const struct credentials *c);

/** The last failure while not ready (plugin failed: how); code ERR_NONE when it merely runs. */
const struct error *credentials_error(const struct credentials *c);

/** Append the Authorization header's value to @out ("Bearer …", "Basic …"); appends nothing when
 * certificates alone do. The caller wipes. */
void credentials_authorization(struct credentials *c, struct buf *out);

/** Counts up whenever anything of what authorization and TLS say has changed. */
uint64_t credentials_generation(const struct credentials *c);

struct tls_material credentials_tls(struct credentials *c);

/** The server answered 401: drop a token that was read from a file or plugin and get it anew, the
 * first time at once, then not more often than every CREDENTIALS_RETRY_MS; the old one is used
 * until then. */
void credentials_reject(struct credentials *c, struct now now);

/** We do not trust the server: read the files anew in the same way, its authority may be another by
 * now. */
void credentials_distrust(struct credentials *c, struct now now);

/** Re-read what is due. Cheap when nothing is. */
void credentials_tick(struct credentials *c, struct now now);
uint64_t credentials_deadline(const struct credentials *c);

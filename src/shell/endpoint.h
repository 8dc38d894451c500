/*
 * Where the API server is and how to get there: the parts of the configured URL as libcurl and
 * people want them.
 */
#pragma once
#include "kube/kubeconfig.h"

struct endpoint {
    char *url;        /* "https://host:port/prefix" without a trailing slash; with tls-server-name
                         in place of the host, for libcurl takes the name to verify from the URL */
    char *authority;  /* "host:port" as configured; the Host header and the metrics' label */
    char *peer;       /* "host:port" with the port always there; for messages */
    char *connect_to; /* "::host:port" when url has another host, else NULL */
    char *proxy;      /* NULL: the environment decides; "": none */
};

/** Returns 0 with *out owned by the caller, or ERR_INVALID: server or proxy-url is no URL or of an
 * unknown scheme. */
int endpoint_init(struct endpoint *out, const struct client_config *config, struct error *err);
void endpoint_fini(struct endpoint *e);

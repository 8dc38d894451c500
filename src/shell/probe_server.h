/*
 * /metrics, /healthz and /readyz by libmicrohttpd in external-epoll mode (no thread of its own).
 * GET and HEAD only; small limits on connections and time.
 */
#pragma once
#include "base/buf.h"
#include "shell/poller.h"

struct probe_handlers {
    void *ctx;
    /** Append the Prometheus text. */
    void (*metrics)(void *ctx, struct buf *out);
    /** True: ready. Else *why is a short text for the body. */
    bool (*ready)(void *ctx, const char **why);
};

enum {
    PROBE_CONNECTIONS_MAX = 64,
    PROBE_CONNECTIONS_PER_IP_MAX = 32,
    PROBE_CONNECTION_BYTES = 8 << 10, /* of one connection: its request's head must fit */
    PROBE_TIMEOUT_S = 10,             /* without a byte from the client */
    PROBE_METRICS_BYTES_MAX = 4 << 20,
};

struct probe_server;

/** True for what probe_server_new() understands, "0" and "" included. */
bool probe_address_is_valid(const char *address);

/**
 * Listen on @address: ":8080", "127.0.0.1:8080", "[::1]:8080"; "0" or "": not at all (returns NULL
 * with err->code ERR_NONE).
 * @with_metrics, @with_probes choose the paths; both may share one server. NULL with ERR_INVALID
 * (bad address: what is expected) or ERR_TRANSPORT (address in use, …).
 */
struct probe_server *probe_server_new(struct poller *poller, const char *address, bool with_metrics,
                                      bool with_probes, const struct probe_handlers *handlers,
                                      struct error *err);
void probe_server_free(struct probe_server *s);

/** The port that it listens on; the kernel's choice when the address named port 0. */
unsigned probe_server_port(const struct probe_server *s);

/** libmicrohttpd's own timeouts. Call after every poller_wait(). Both take NULL for "not at all".
 */
void probe_server_tick(struct probe_server *s);
uint64_t probe_server_deadline(const struct probe_server *s);

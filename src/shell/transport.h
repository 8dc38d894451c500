/*
 * HTTP/2 and TLS by libcurl's multi interface on our poller: performs ACTION_START and
 * ACTION_CANCEL, and delivers EVENT_HEAD, EVENT_BODY, EVENT_END. All requests share one connection
 * where the server speaks HTTP/2. No redirects; certificates verified unless the configuration says
 * otherwise; response headers limited to 64 KiB; keepalive and TCP_USER_TIMEOUT notice a half-open
 * connection within 45 s, and a server that takes a request but says nothing is left after that
 * request's timeout; proxies by proxy-url, else HTTPS_PROXY and NO_PROXY.
 */
#pragma once
#include "kube/http.h"
#include "shell/credentials.h"
#include "shell/poller.h"

/** Called for each event, from inside libcurl as a rule: what it starts or cancels takes effect
 * with the next tick. */
typedef void transport_event_fn(void *ctx, const struct event *event);

struct transport;

/** @user_agent copied; @credentials and @poller outlive the transport. NULL with *err filled:
 * libcurl lacks TLS or HTTP/2, or the server's URL is unusable. */
struct transport *transport_new(struct poller *poller, struct credentials *credentials,
                                const char *user_agent, transport_event_fn *fn, void *ctx,
                                struct error *err);
void transport_free(struct transport *t);

/** Begin @request (borrowed until EVENT_END or cancel). Waits inside while credentials are not
 * ready. A failure to begin comes as EVENT_END from the next tick. */
void transport_start(struct transport *t, uint64_t id, const struct request *request);

/** End it; no further event for @id. Unknown ids are ignored. */
void transport_cancel(struct transport *t, uint64_t id);

/** Drive timers; deliver what is finished. Call after every poller_wait(). */
void transport_tick(struct transport *t, struct now now);
uint64_t transport_deadline(const struct transport *t);

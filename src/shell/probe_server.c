/*
 * libmicrohttpd without a thread of its own: its epoll descriptor sits in our poller, MHD_run()
 * does what is ready. The listening socket is ours, so that it is dual-stack, close-on-exec, and
 * its failures have names.
 */
#include "shell/probe_server.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    HOST_BYTES = 64, /* "[" IPv6 "]" fits */
    LISTEN_BACKLOG = 64,
};

struct probe_server {
    struct MHD_Daemon *daemon;
    struct poller *poller;
    struct probe_handlers handlers;
    bool with_metrics, with_probes;
    int epoll_fd;
    unsigned port;
};

union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static bool parse_port(const char *text, uint16_t *port)
{
    unsigned value = 0;
    size_t len = strlen(text);
    if (len == 0 || len > 5 || strspn(text, "0123456789") != len) {
        return false;
    }
    for (; *text != '\0'; text++) {
        value = value * 10 + (unsigned)(*text - '0');
    }
    *port = (uint16_t)value;
    return value <= UINT16_MAX;
}

/* "", an IPv4 address, "[IPv6]" or "localhost": no name service is asked, so starting never hangs.
 */
static bool parse_host(const char *host, uint16_t port, union socket_address *out)
{
    char inner[HOST_BYTES] = "";
    size_t len = strlen(host);
    *out = (union socket_address){.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)}};
    if (len == 0) {
        return true; /* the IPv6 wildcard, which takes IPv4 as well */
    }
    if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
        memcpy(inner, host + 1, len - 2);
        return inet_pton(AF_INET6, inner, &out->v6.sin6_addr) == 1;
    }
    *out = (union socket_address){.v4 = {.sin_family = AF_INET, .sin_port = htons(port)}};
    return inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host,
                     &out->v4.sin_addr) == 1;
}

static bool address_parse(const char *address, union socket_address *out)
{
    char host[HOST_BYTES] = "";
    uint16_t port = 0;
    const char *colon = strrchr(address, ':');
    if (colon == NULL || (size_t)(colon - address) >= sizeof(host) ||
        !parse_port(colon + 1, &port)) {
        return false;
    }
    memcpy(host, address, (size_t)(colon - address));
    return parse_host(host, port, out);
}

static bool address_is_none(const char *address)
{
    return *address == '\0' || strcmp(address, "0") == 0;
}

bool probe_address_is_valid(const char *address)
{
    union socket_address parsed;
    return address_is_none(address) || address_parse(address, &parsed);
}

static bool address_is_wildcard(const union socket_address *a)
{
    return a->any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->v6.sin6_addr);
}

/* A socket that listens on @a, or -1 with errno. */
static int listen_on(const union socket_address *a)
{
    static const int yes = 1;
    int v6_only = !address_is_wildcard(a);
    socklen_t size = a->any.sa_family == AF_INET6 ? sizeof(a->v6) : sizeof(a->v4);
    int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    bool prepared = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
                    (a->any.sa_family != AF_INET6 ||
                     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only)) == 0);
    if (!prepared || bind(fd, &a->any, size) != 0 || listen(fd, LISTEN_BACKLOG) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

/* Like listen_on(), and a host without IPv6 still serves ":8080". */
static int listen_on_any_stack(const union socket_address *a)
{
    int fd = listen_on(a);
    if (fd < 0 && address_is_wildcard(a) && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
        const union socket_address v4 = {
            .v4 = {.sin_family = AF_INET, .sin_port = a->v6.sin6_port}};
        fd = listen_on(&v4);
    }
    return fd;
}

static unsigned bound_port(int fd)
{
    union socket_address a = {0};
    socklen_t size = sizeof(a);
    if (getsockname(fd, &a.any, &size) != 0) {
        return 0;
    }
    return ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
}

/* Queue @response (consumed); @allow may be NULL. */
static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
                              const char *allow, struct MHD_Response *response)
{
    if (response == NULL) {
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (allow != NULL) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
    }
    enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned status,
                                   const char *allow, const char *text)
{
    char *body = mem_strdup(text);
    return answer(connection, status, "text/plain; charset=utf-8", allow,
                  MHD_create_response_from_buffer_with_free_callback(strlen(body), body, mem_free));
}

static enum MHD_Result answer_ready(struct probe_server *s, struct MHD_Connection *connection)
{
    const char *why = "not ready";
    bool ready = s->handlers.ready(s->handlers.ctx, &why);
    return answer_text(connection, ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, NULL,
                       ready ? "ok" : why);
}

static enum MHD_Result answer_metrics(struct probe_server *s, struct MHD_Connection *connection)
{
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, PROBE_METRICS_BYTES_MAX);
    s->handlers.metrics(s->handlers.ctx, &text);
    if (text.truncated) {
        return answer_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL,
                           "the metrics are larger than 4 MiB");
    }
    size_t len = text.len;
    return answer(
        connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", NULL,
        MHD_create_response_from_buffer_with_free_callback(len, buf_take(&text), mem_free));
}

static enum MHD_Result route(struct probe_server *s, struct MHD_Connection *connection,
                             const char *path)
{
    if (s->with_metrics && strcmp(path, "/metrics") == 0) {
        return answer_metrics(s, connection);
    }
    if (s->with_probes && strcmp(path, "/healthz") == 0) {
        return answer_text(connection, MHD_HTTP_OK, NULL, "ok");
    }
    if (s->with_probes && strcmp(path, "/readyz") == 0) {
        return answer_ready(s, connection);
    }
    return answer_text(connection, MHD_HTTP_NOT_FOUND, NULL, "not found");
}

/* libmicrohttpd calls once for the head of a request, then for its body and its end. */
static enum MHD_Result handle(void *ctx, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *body,
                              size_t *body_bytes, void **request)
{
    static char head_seen;
    (void)version;
    (void)body;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET, HEAD",
                           "only GET and HEAD");
    }
    if (*request == NULL) {
        *request = &head_seen;
        return MHD_YES;
    }
    if (*body_bytes > 0) {
        return MHD_NO; /* nobody has a body to GET with: hang up */
    }
    return route(ctx, connection, path);
}

static void on_ready(void *ctx, int fd, uint32_t events)
{
    struct probe_server *s = ctx;
    (void)fd;
    (void)events;
    MHD_run(s->daemon);
}

/* Takes @fd on success. */
static struct MHD_Daemon *daemon_start(struct probe_server *s, int fd)
{
    return MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, handle, s, MHD_OPTION_LISTEN_SOCKET, fd,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)PROBE_CONNECTIONS_MAX,
                            MHD_OPTION_PER_IP_CONNECTION_LIMIT,
                            (unsigned)PROBE_CONNECTIONS_PER_IP_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
                            (unsigned)PROBE_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t)PROBE_CONNECTION_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1,
                            MHD_OPTION_END);
}

struct probe_server *probe_server_new(struct poller *poller, const char *address, bool with_metrics,
                                      bool with_probes, const struct probe_handlers *handlers,
                                      struct error *err)
{
    union socket_address parsed;
    if (address_is_none(address)) {
        return NULL;
    }
    if (!address_parse(address, &parsed)) {
        error_set(err, ERR_INVALID,
                  "listen on \"%.64s\": expected host:port as in :8080, 127.0.0.1:8080 or "
                  "[::1]:8080",
                  address);
        return NULL;
    }
    int fd = listen_on_any_stack(&parsed);
    if (fd < 0) {
        error_set(err, ERR_TRANSPORT, "listen on %s: %s", address, strerror(errno));
        return NULL;
    }
    struct probe_server *s = mem_zalloc(sizeof(*s));
    *s = (struct probe_server){.poller = poller,
                               .handlers = *handlers,
                               .with_metrics = with_metrics,
                               .with_probes = with_probes,
                               .port = bound_port(fd)};
    s->daemon = daemon_start(s, fd);
    if (s->daemon == NULL) {
        error_set(err, ERR_TRANSPORT, "listen on %s: libmicrohttpd does not start", address);
        close(fd);
        mem_free(s);
        return NULL;
    }
    s->epoll_fd = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    poller_set(poller, s->epoll_fd, EPOLLIN, on_ready, s);
    return s;
}

void probe_server_free(struct probe_server *s)
{
    if (s == NULL) {
        return;
    }
    poller_remove(s->poller, s->epoll_fd);
    MHD_stop_daemon(s->daemon);
    mem_free(s);
}

unsigned probe_server_port(const struct probe_server *s)
{
    return s->port;
}

/* Until libmicrohttpd must run again, or UINT64_MAX. */
static uint64_t timeout_ms(const struct probe_server *s)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;
    return MHD_get_timeout(s->daemon, &ms) == MHD_YES ? ms : UINT64_MAX;
}

void probe_server_tick(struct probe_server *s)
{
    if (s != NULL && timeout_ms(s) == 0) {
        MHD_run(s->daemon);
    }
}

uint64_t probe_server_deadline(const struct probe_server *s)
{
    uint64_t ms = s != NULL ? timeout_ms(s) : UINT64_MAX;
    return ms == UINT64_MAX ? ms : clock_now().mono_ms + ms;
}

#include "shell/transport.h"

#include "base/mem.h"
#include "shell/endpoint.h"
#include "shell/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum {
    KEEPALIVE_IDLE_S = 15,
    KEEPALIVE_INTERVAL_S = 10,
    KEEPALIVE_PROBES = 3,
    RECEIVE_BUFFER_BYTES = 16 << 10,
    SEND_BUFFER_BYTES = 16 << 10, /* libcurl takes 64 KiB for each body otherwise */
    STREAMS_MAX = 1000,           /* on one connection, if the server allows as many */
    IDLE_TRANSFERS_MAX = 24,      /* kept for reuse */
    URL_BYTES_MAX = 64 << 10,
    RETRY_AFTER_S_MAX = 24 * 60 * 60, /* a greater one is cut to this */
};

enum transfer_state {
    TRANSFER_WAITING, /* for credentials, or for libcurl to return from a callback */
    TRANSFER_RUNNING, /* libcurl has it */
    TRANSFER_OVER,    /* failed to begin, or cancelled from a callback: the next tick ends it */
};

/* One exchange. It keeps its libcurl handle over many of them: making one costs more than a
 * request. */
struct transfer {
    struct transfer *prev, *next;
    struct transport *transport;
    CURL *easy;
    struct identity *identity; /* whose TLS options the handle has */
    enum transfer_state state;
    bool silenced; /* cancelled: no more events */
    uint64_t id;
    const struct request *request;
    uint64_t began_ms;
    bool answered; /* EVENT_HEAD was delivered */
    int http_status;
    int64_t retry_after_ms;
    size_t header_bytes;
    struct error failure; /* found by ourselves; code ERR_NONE: none */
    char reason[CURL_ERROR_SIZE];
};

struct transport {
    struct poller *poller;
    struct credentials *credentials;
    transport_event_fn *fn;
    void *ctx;
    char *user_agent;
    struct endpoint endpoint;
    struct identity *identity; /* of requests that begin now */
    struct curl_slist *connect_to;
    CURLM *multi;
    bool inside;       /* libcurl is on the stack */
    uint64_t timer_ms; /* when libcurl wants to be called */
    uint64_t heard_ms; /* when the server last said anything */
    struct transfer *first, *last;
    struct transfer *idle;
    size_t idle_count;
    struct buf url;
};

/* ---- what libcurl calls ---- */

static int fail(struct transfer *x, int code, const char *text)
{
    if (x->failure.code == ERR_NONE) {
        error_set(&x->failure, code, "%s: %s", x->transport->endpoint.peer, text);
    }
    return code;
}

static void deliver(const struct transfer *x, struct event event)
{
    if (!x->silenced) {
        event.id = x->id;
        x->transport->fn(x->transport->ctx, &event);
    }
}

/* Retry-After as integer seconds; the form with a date is not used by Kubernetes. */
static int64_t parse_retry_after(const char *value, size_t len)
{
    int64_t seconds = -1;
    size_t i = 0;
    while (i < len && (value[i] == ' ' || value[i] == '\t')) {
        i++;
    }
    for (; i < len && value[i] >= '0' && value[i] <= '9'; i++) {
        seconds = (seconds < 0 ? 0 : seconds * 10) + (value[i] - '0');
        seconds = seconds < RETRY_AFTER_S_MAX ? seconds : RETRY_AFTER_S_MAX;
    }
    while (i < len && strchr(" \t\r\n", value[i]) != NULL) {
        i++;
    }
    return i == len && seconds >= 0 ? seconds * 1000 : -1;
}

/* "HTTP/2 200 OK": the three digits, or 0. */
static int parse_status(const char *line, size_t len)
{
    const char *space = memchr(line, ' ', len);
    size_t rest = space != NULL ? len - (size_t)(space - line) : 0;
    int status = 0;
    for (size_t i = 1; i < rest && i <= 3 && space[i] >= '0' && space[i] <= '9'; i++) {
        status = status * 10 + (space[i] - '0');
    }
    return status;
}

/* Once per header line; the status line comes first and an empty one last. Informational answers
 * (1xx) come before, trailers behind. */
static size_t on_header(char *line, size_t size, size_t count, void *ctx)
{
    struct transfer *x = ctx;
    static const char retry_after[] = "retry-after:";
    const size_t name_len = sizeof(retry_after) - 1;
    size_t len = size * count;
    x->header_bytes += len;
    if (x->header_bytes > TRANSPORT_HEADER_BYTES_MAX) {
        fail(x, ERR_TOO_BIG, "the answer's headers are longer than 64 KiB");
        return 0;
    }
    if (x->answered) {
        return len;
    }
    if (len > 5 && memcmp(line, "HTTP/", 5) == 0) {
        x->http_status = parse_status(line, len);
        x->retry_after_ms = -1;
    } else if (len > name_len && strncasecmp(line, retry_after, name_len) == 0) {
        x->retry_after_ms = parse_retry_after(line + name_len, len - name_len);
    } else if (len <= 2 && x->http_status >= 200) {
        x->answered = true;
        x->transport->heard_ms = clock_now().mono_ms;
        deliver(x, (struct event){.type = EVENT_HEAD,
                                  .http_status = x->http_status,
                                  .retry_after_ms = x->retry_after_ms});
    }
    return len;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct transfer *x = ctx;
    size_t len = size * count;
    if (!x->answered) {
        fail(x, ERR_TRANSPORT, "a body without a status");
        return 0;
    }
    x->transport->heard_ms = clock_now().mono_ms;
    deliver(x, (struct event){.type = EVENT_BODY, .bytes = bytes, .len = len});
    return x->silenced ? 0 : len;
}

static void set_int(int fd, int level, int option, int value)
{
    setsockopt(fd, level, option, &value, sizeof(value));
}

/* A peer that vanished without a word is noticed: with data on the way after the user timeout, else
 * by probes. */
static int on_socket_made(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
    (void)ctx;
    (void)purpose;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
    set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, TRANSPORT_USER_TIMEOUT_MS);
    return CURL_SOCKOPT_OK;
}

/* One connection for days: buffers only while they are used, and no sessions to resume. */
static CURLcode on_tls_context(CURL *easy, void *tls_context, void *ctx)
{
    (void)easy;
    (void)ctx;
    SSL_CTX_set_mode(tls_context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(tls_context, SSL_SESS_CACHE_OFF);
    return CURLE_OK;
}

static void on_socket_ready(void *ctx, int fd, uint32_t events)
{
    struct transport *t = ctx;
    int ready = (events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) |
                (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                (events & EPOLLERR ? CURL_CSELECT_ERR : 0);
    int running;
    t->inside = true;
    curl_multi_socket_action(t->multi, fd, ready, &running);
    t->inside = false;
}

static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    (void)easy;
    (void)socket_ctx;
    struct transport *t = ctx;
    if (what == CURL_POLL_REMOVE) {
        poller_remove(t->poller, fd);
    } else {
        uint32_t events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
                          (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
        poller_set(t->poller, fd, events, on_socket_ready, t);
    }
    return 0;
}

static int on_timer_wanted(CURLM *multi, long timeout_ms, void *ctx)
{
    (void)multi;
    struct transport *t = ctx;
    t->timer_ms = timeout_ms < 0 ? UINT64_MAX : clock_now().mono_ms + (uint64_t)timeout_ms;
    return 0;
}

/* ---- handles ---- */

static CURLM *multi_new(struct transport *t)
{
    CURLM *multi = curl_multi_init();
    if (multi == NULL) {
        mem_out_of_memory(0);
    }
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    curl_multi_setopt(multi, CURLMOPT_MAX_CONCURRENT_STREAMS, (long)STREAMS_MAX);
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, t);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, t);
    return multi;
}

/* All that is the same for every request. */
static void set_constant_options(const struct transport *t, struct transfer *x)
{
    const struct client_config *config = credentials_config(t->credentials);
    CURL *easy = x->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, x);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, x->reason);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket_made);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_tls_context);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https,http");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)TRANSPORT_CONNECT_MS);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER_BYTES);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)SEND_BUFFER_BYTES);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, config->insecure ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, config->insecure ? 0L : 2L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, t->user_agent);
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, t->connect_to);
    if (t->endpoint.proxy != NULL) {
        curl_easy_setopt(easy, CURLOPT_PROXY, t->endpoint.proxy);
    }
}

static struct transfer *transfer_new(struct transport *t)
{
    struct transfer *x = mem_zalloc(sizeof(*x));
    x->transport = t;
    x->easy = curl_easy_init();
    if (x->easy == NULL) {
        mem_out_of_memory(0);
    }
    set_constant_options(t, x);
    return x;
}

static void transfer_free(struct transfer *x)
{
    curl_easy_cleanup(x->easy);
    identity_drop(x->identity);
    mem_free(x);
}

static struct transfer *take_idle(struct transport *t)
{
    struct transfer *x = t->idle;
    if (x == NULL) {
        return transfer_new(t);
    }
    t->idle = x->next;
    t->idle_count--;
    return x;
}

static void give_back(struct transport *t, struct transfer *x)
{
    if (t->idle_count == IDLE_TRANSFERS_MAX) {
        transfer_free(x);
        return;
    }
    x->next = t->idle;
    t->idle = x;
    t->idle_count++;
}

static void link_last(struct transport *t, struct transfer *x)
{
    x->prev = t->last;
    x->next = NULL;
    *(t->last != NULL ? &t->last->next : &t->first) = x;
    t->last = x;
}

static void unlink_transfer(struct transport *t, struct transfer *x)
{
    *(x->prev != NULL ? &x->prev->next : &t->first) = x->next;
    *(x->next != NULL ? &x->next->prev : &t->last) = x->prev;
}

/* ---- beginning ---- */

static int refresh_identity(struct transport *t, struct error *err)
{
    if (t->identity != NULL &&
        identity_generation(t->identity) == credentials_generation(t->credentials)) {
        return 0;
    }
    const char *host = t->endpoint.connect_to != NULL ? t->endpoint.authority : NULL;
    struct identity *now = identity_new(t->credentials, host, err);
    if (now == NULL) {
        return err->code;
    }
    identity_drop(t->identity);
    t->identity = now;
    return 0;
}

static void set_request_options(struct transport *t, struct transfer *x)
{
    const struct request *r = x->request;
    if (x->identity != t->identity) {
        identity_set_tls(t->identity, x->easy);
        identity_drop(x->identity);
        x->identity = identity_take(t->identity);
    }
    curl_easy_setopt(x->easy, CURLOPT_URL, t->url.data);
    curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER,
                     identity_headers(x->identity, r->accept, r->content_type));
    if (r->body != NULL) {
        curl_easy_setopt(x->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(x->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
        curl_easy_setopt(x->easy, CURLOPT_POSTFIELDS, r->body);
    } else {
        curl_easy_setopt(x->easy, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(x->easy, CURLOPT_CUSTOMREQUEST, http_method_name(r->method));
}

/* Hand it to libcurl, or leave it waiting, or mark it failed. */
static void begin(struct transport *t, struct transfer *x)
{
    if (t->inside) {
        return;
    }
    if (!credentials_ready(t->credentials)) {
        const struct error *why = credentials_error(t->credentials);
        if (why->code != ERR_NONE) {
            fail(x, ERR_TRANSPORT, why->message);
            x->state = TRANSFER_OVER;
        }
        return;
    }
    struct error err = ERROR_INIT;
    buf_reset(&t->url, t->url.cap);
    if (refresh_identity(t, &err) != 0 || buf_append_text(&t->url, t->endpoint.url) != 0 ||
        buf_append_text(&t->url, x->request->path) != 0) {
        fail(x, ERR_INVALID, err.code != ERR_NONE ? err.message : "the URL is too long");
        x->state = TRANSFER_OVER;
        return;
    }
    set_request_options(t, x);
    CURLMcode code = curl_multi_add_handle(t->multi, x->easy);
    if (code != CURLM_OK) {
        fail(x, ERR_TRANSPORT, curl_multi_strerror(code));
        x->state = TRANSFER_OVER;
        return;
    }
    x->state = TRANSFER_RUNNING;
}

void transport_start(struct transport *t, uint64_t id, const struct request *request)
{
    struct transfer *x = take_idle(t);
    *x = (struct transfer){
        .transport = t,
        .easy = x->easy,
        .identity = x->identity,
        .id = id,
        .request = request,
        .began_ms = clock_now().mono_ms,
        .retry_after_ms = -1,
        .failure = ERROR_INIT,
    };
    link_last(t, x);
    begin(t, x);
}

/* ---- ending ---- */

/* Take it away from libcurl, which may use the request's memory up to here. */
static void detach(struct transport *t, struct transfer *x)
{
    if (x->state == TRANSFER_RUNNING) {
        t->inside = true;
        curl_multi_remove_handle(t->multi, x->easy);
        t->inside = false;
        x->state = TRANSFER_OVER;
    }
}

static void release(struct transport *t, struct transfer *x)
{
    detach(t, x);
    unlink_transfer(t, x);
    give_back(t, x);
}

void transport_cancel(struct transport *t, uint64_t id)
{
    for (struct transfer *x = t->first; x != NULL; x = x->next) {
        if (x->id == id && !x->silenced) {
            x->silenced = true;
            if (!t->inside) {
                release(t, x);
            }
            return;
        }
    }
}

static void end(struct transport *t, struct transfer *x, struct now now)
{
    if (x->answered && x->http_status == 401) {
        credentials_reject(t->credentials, now);
    }
    detach(t, x);
    const struct error *failure = x->failure.code != ERR_NONE ? &x->failure : NULL;
    deliver(x, (struct event){.type = EVENT_END, .failure = failure});
    release(t, x);
}

/* What libcurl says went wrong, for people. */
static void explain(struct transfer *x, CURLcode code)
{
    const char *peer = x->transport->endpoint.peer;
    const char *text = x->reason[0] != '\0' ? x->reason : curl_easy_strerror(code);
    long os_error = 0;
    switch (code) {
    case CURLE_OUT_OF_MEMORY:
        mem_out_of_memory(0);
    case CURLE_COULDNT_CONNECT:
        curl_easy_getinfo(x->easy, CURLINFO_OS_ERRNO, &os_error);
        error_set(&x->failure, ERR_TRANSPORT, "connect to %s: %s", peer,
                  os_error != 0 ? strerror((int)os_error) : text);
        return;
    case CURLE_OPERATION_TIMEDOUT: /* the only timeout that libcurl was given */
        error_set(&x->failure, ERR_TRANSPORT, "connect to %s: no connection within %d s", peer,
                  TRANSPORT_CONNECT_MS / 1000);
        return;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        error_set(&x->failure, ERR_TRANSPORT, "connect to %s: %s", peer, text);
        return;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
        error_set(&x->failure, ERR_TRANSPORT, "TLS with %s: %s", peer, text);
        return;
    default:
        error_set(&x->failure, ERR_TRANSPORT, "connection to %s failed: %s", peer, text);
        return;
    }
}

static void end_finished(struct transport *t, struct now now)
{
    int left;
    const CURLMsg *message;
    while ((message = curl_multi_info_read(t->multi, &left)) != NULL) {
        CURLcode code = message->data.result;
        struct transfer *x;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&x);
        if (x->failure.code == ERR_NONE && code != CURLE_OK) {
            explain(x, code);
        } else if (x->failure.code == ERR_NONE && !x->answered) {
            fail(x, ERR_TRANSPORT, "the connection ended without an answer");
        }
        end(t, x, now);
    }
}

/* The server accepts what we send but says nothing at all: it hangs, or something between us does.
 * Only a new connection can help. */
static void reconnect(struct transport *t, struct now now)
{
    for (struct transfer *x = t->first, *next; x != NULL; x = next) {
        next = x->next;
        if (x->state == TRANSFER_RUNNING) {
            fail(x, ERR_TRANSPORT, "the server fell silent");
            end(t, x, now);
        }
    }
    t->inside = true;
    curl_multi_cleanup(t->multi);
    t->inside = false;
    t->multi = multi_new(t);
    t->timer_ms = UINT64_MAX;
}

static uint64_t deadline_of(const struct transfer *x)
{
    return x->began_ms + x->request->timeout_ms;
}

static bool expire(struct transport *t, struct transfer *x, struct now now)
{
    char text[64];
    snprintf(text, sizeof(text), "no %sanswer within %.1f s", x->answered ? "complete " : "",
             (double)x->request->timeout_ms / 1000);
    bool silent = x->state == TRANSFER_RUNNING && t->heard_ms < x->began_ms &&
                  now.mono_ms - x->began_ms >= TRANSPORT_USER_TIMEOUT_MS;
    fail(x, ERR_TRANSPORT, text);
    end(t, x, now);
    return silent;
}

static void look_after_all(struct transport *t, struct now now)
{
    bool silent = false;
    for (struct transfer *x = t->first, *next; x != NULL; x = next) {
        next = x->next;
        if (x->state == TRANSFER_WAITING && !x->silenced && now.mono_ms < deadline_of(x)) {
            begin(t, x);
        }
        if (x->silenced) {
            release(t, x);
        } else if (x->state == TRANSFER_OVER) {
            end(t, x, now);
        } else if (now.mono_ms >= deadline_of(x)) {
            silent |= expire(t, x, now);
        }
    }
    if (silent) {
        reconnect(t, now);
    }
}

void transport_tick(struct transport *t, struct now now)
{
    look_after_all(t, now);
    /* a request that was just begun goes out here and not one turn of the loop later */
    while (t->timer_ms <= now.mono_ms) {
        int running;
        t->timer_ms = UINT64_MAX;
        t->inside = true;
        curl_multi_socket_action(t->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        t->inside = false;
    }
    end_finished(t, now);
}

uint64_t transport_deadline(const struct transport *t)
{
    uint64_t at_ms = t->timer_ms;
    for (const struct transfer *x = t->first; x != NULL; x = x->next) {
        uint64_t due_ms = x->state == TRANSFER_OVER || x->silenced ? 0 : deadline_of(x);
        at_ms = due_ms < at_ms ? due_ms : at_ms;
    }
    return at_ms;
}

/* ---- life ---- */

static int check_library(struct error *err)
{
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    if ((info->features & CURL_VERSION_SSL) == 0 || (info->features & CURL_VERSION_HTTP2) == 0) {
        return error_set(err, ERR_INVALID, "libcurl %s was built without TLS or HTTP/2",
                         info->version);
    }
    return 0;
}

struct transport *transport_new(struct poller *poller, struct credentials *credentials,
                                const char *user_agent, transport_event_fn *fn, void *ctx,
                                struct error *err)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct transport *t = mem_zalloc(sizeof(*t));
    *t = (struct transport){
        .poller = poller,
        .credentials = credentials,
        .fn = fn,
        .ctx = ctx,
        .user_agent = mem_strdup(user_agent),
        .timer_ms = UINT64_MAX,
    };
    buf_init(&t->url, URL_BYTES_MAX);
    if (check_library(err) != 0 ||
        endpoint_init(&t->endpoint, credentials_config(credentials), err) != 0 ||
        refresh_identity(t, err) != 0) {
        transport_free(t);
        return NULL;
    }
    if (t->endpoint.connect_to != NULL) {
        t->connect_to = curl_slist_append(NULL, t->endpoint.connect_to);
    }
    t->multi = multi_new(t);
    return t;
}

void transport_free(struct transport *t)
{
    if (t == NULL) {
        return;
    }
    while (t->first != NULL) {
        release(t, t->first);
    }
    while (t->idle != NULL) {
        transfer_free(take_idle(t));
    }
    curl_multi_cleanup(t->multi);
    curl_slist_free_all(t->connect_to);
    identity_drop(t->identity);
    endpoint_fini(&t->endpoint);
    buf_fini(&t->url);
    mem_free(t->user_agent);
    mem_free(t);
    curl_global_cleanup();
}

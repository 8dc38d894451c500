#include "shell/exchange.h"

#include "base/mem.h"
#include "shell/poller.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>

enum {
    KEEPALIVE_IDLE_S = 15,
    KEEPALIVE_INTERVAL_S = 10,
    KEEPALIVE_PROBES = 3,
    RECEIVE_BUFFER_BYTES = 16 << 10,
    SEND_BUFFER_BYTES = 16 << 10, /* libcurl takes 64 KiB for each body otherwise */
};

void exchange_fail(struct exchange *x, int code, const char *text)
{
    if (x->failure.code == ERR_NONE) {
        error_set(&x->failure, code, "%s: %s", x->site->endpoint.peer, text);
    }
}

void exchange_deliver(const struct exchange *x, struct event event)
{
    if (!x->silenced) {
        event.id = x->id;
        x->site->fn(x->site->ctx, &event);
    }
}

/* ---- what libcurl calls ---- */

/* Once per header line. */
static size_t on_header(char *line, size_t size, size_t count, void *ctx)
{
    struct exchange *x = ctx;
    bool answered = x->head.complete;
    size_t len = size * count;
    if (http_head_line(&x->head, line, len) != 0) {
        exchange_fail(x, ERR_TOO_BIG, "the answer's headers are longer than 64 KiB");
        return 0;
    }
    if (x->head.complete && !answered) {
        x->site->heard_ms = clock_now().mono_ms;
        exchange_deliver(x, (struct event){.type = EVENT_HEAD,
                                           .http_status = x->head.status,
                                           .retry_after_ms = x->head.retry_after_ms});
    }
    return len;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct exchange *x = ctx;
    size_t len = size * count;
    if (!x->head.complete) {
        exchange_fail(x, ERR_TRANSPORT, "a body without a status");
        return 0;
    }
    x->site->heard_ms = clock_now().mono_ms;
    exchange_deliver(x, (struct event){.type = EVENT_BODY, .bytes = bytes, .len = len});
    return x->silenced ? 0 : len;
}

static void set_int(int fd, int level, int option, int value)
{
    setsockopt(fd, level, option, &value, sizeof(value));
}

/* A peer that vanished without a word is noticed: with data on the way after the user timeout, else
 * by probes. What has not left when the socket is closed never does, also when the process ends: a
 * write that the kernel held back could land when another leads already. */
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
    set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, EXCHANGE_SILENCE_MS);
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
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

/* ---- the handle ---- */

/* All that is the same for every request. */
static void set_constant_options(struct exchange *x)
{
    const struct exchange_site *site = x->site;
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
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* a lookup that hangs is left to its thread */
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https,http");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)EXCHANGE_CONNECT_MS);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER_BYTES);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)SEND_BUFFER_BYTES);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, site->insecure ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, site->insecure ? 0L : 2L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, site->user_agent);
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, site->connect_to);
    if (site->endpoint.proxy != NULL) {
        curl_easy_setopt(easy, CURLOPT_PROXY, site->endpoint.proxy);
        curl_easy_setopt(easy, CURLOPT_NOPROXY, ""); /* $NO_PROXY is not about this one */
    }
}

struct exchange *exchange_new(struct exchange_site *site)
{
    struct exchange *x = mem_zalloc(sizeof(*x));
    x->site = site;
    x->easy = curl_easy_init();
    if (x->easy == NULL) {
        mem_out_of_memory(0);
    }
    set_constant_options(x);
    return x;
}

void exchange_free(struct exchange *x)
{
    curl_easy_cleanup(x->easy);
    identity_drop(x->identity);
    mem_free(x);
}

void exchange_reset(struct exchange *x, uint64_t id, const struct request *request, uint64_t now_ms)
{
    *x = (struct exchange){
        .site = x->site,
        .easy = x->easy,
        .identity = x->identity,
        .id = id,
        .request = request,
        .began_ms = now_ms,
        .head = HTTP_HEAD_INIT,
        .failure = ERROR_INIT,
    };
}

void exchange_prepare(struct exchange *x, struct identity *identity, const char *url)
{
    const struct request *r = x->request;
    if (x->identity != identity) {
        identity_set_tls(identity, x->easy);
        identity_drop(x->identity);
        x->identity = identity_take(identity);
    }
    curl_easy_setopt(x->easy, CURLOPT_URL, url);
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

/* ---- the end ---- */

/* What libcurl says went wrong, for people. */
static void explain(struct exchange *x, CURLcode code)
{
    const char *peer = x->site->endpoint.peer;
    const char *text = x->reason[0] != '\0' ? x->reason : curl_easy_strerror(code);
    long os_error = 0;
    switch (code) {
    case CURLE_OUT_OF_MEMORY:
        /* libcurl says so too when a header line passes its own limit: bytes of the server must not
         * end the process */
        error_set(&x->failure, ERR_TRANSPORT,
                  "connection to %s failed: the answer's headers are too large, or memory is short",
                  peer);
        return;
    case CURLE_COULDNT_CONNECT:
        curl_easy_getinfo(x->easy, CURLINFO_OS_ERRNO, &os_error);
        error_set(&x->failure, ERR_TRANSPORT, "connect to %s: %s", peer,
                  os_error != 0 ? strerror((int)os_error) : text);
        return;
    case CURLE_OPERATION_TIMEDOUT: /* the only timeout that libcurl was given */
        error_set(&x->failure, ERR_TRANSPORT, "connect to %s: no connection within %d s", peer,
                  EXCHANGE_CONNECT_MS / 1000);
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
        x->distrusted = true;
        error_set(&x->failure, ERR_TRANSPORT, "TLS with %s: %s", peer, text);
        return;
    default:
        error_set(&x->failure, ERR_TRANSPORT, "connection to %s failed: %s", peer, text);
        return;
    }
}

void exchange_conclude(struct exchange *x, CURLcode code)
{
    if (x->failure.code != ERR_NONE) {
        return;
    }
    if (code != CURLE_OK) {
        explain(x, code);
    } else if (!x->head.complete) {
        exchange_fail(x, ERR_TRANSPORT, "the connection ended without an answer");
    }
}

uint64_t exchange_deadline(const struct exchange *x)
{
    return x->began_ms + x->request->timeout_ms;
}

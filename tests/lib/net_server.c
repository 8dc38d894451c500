#include "lib/net_server.h"

#include "base/buf.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    REQUESTS_MAX = 256,
    CONNECTIONS_MAX = 64,
    REQUEST_BYTES_MAX = 4 << 20,
    FRAME_HEADER_BYTES = 9,
    FRAME_BYTES = 16 << 10,
};

/* https://www.rfc-editor.org/rfc/rfc9113#section-6 */
enum frame_type {
    FRAME_DATA = 0,
    FRAME_HEADERS = 1,
    FRAME_RST_STREAM = 3,
    FRAME_SETTINGS = 4,
    FRAME_PING = 6,
    FRAME_GOAWAY = 7,
    FRAME_CONTINUATION = 9,
};

enum { FLAG_END_STREAM = 1, FLAG_ACK = 1, FLAG_END_HEADERS = 4 };
enum { CODE_NO_ERROR = 0, CODE_INTERNAL_ERROR = 2, CODE_REFUSED_STREAM = 7 };

struct connection {
    struct net_server *server;
    pthread_t thread;
    int fd;
    SSL *ssl;    /* NULL: in the clear */
    size_t room; /* so many bytes may go out yet */
};

struct net_server {
    struct net_server_options options;
    SSL_CTX *ctx;
    int fd;
    unsigned port;
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    struct connection connections[CONNECTIONS_MAX];
    unsigned connection_count;
    char *requests[REQUESTS_MAX];
    unsigned request_count;
    unsigned reset_count;
    char client[128];
};

/* ---- bytes ---- */

static void count_reset(struct connection *c, bool is_reset)
{
    pthread_mutex_lock(&c->server->lock);
    c->server->reset_count += is_reset ? 1 : 0;
    pthread_mutex_unlock(&c->server->lock);
}

static bool get(struct connection *c, void *to, size_t len)
{
    char *at = to;
    while (len > 0) {
        ssize_t got = c->ssl != NULL ? SSL_read(c->ssl, at, (int)len) : read(c->fd, at, len);
        if (got <= 0) {
            count_reset(c, got < 0 && errno == ECONNRESET);
            return false;
        }
        at += got;
        len -= (size_t)got;
    }
    return true;
}

static void put(struct connection *c, const void *from, size_t len)
{
    len = len < c->room ? len : c->room;
    c->room -= c->room != SIZE_MAX ? len : 0;
    if (len > 0 && c->ssl != NULL) {
        SSL_write(c->ssl, from, (int)len);
    } else if (len > 0) {
        send(c->fd, from, len, MSG_NOSIGNAL);
    }
}

static void put_text(struct connection *c, const char *text)
{
    put(c, text, strlen(text));
}

/* The next reply of the script, and a note of what was asked. */
static struct net_reply next_reply(struct connection *c, const char *request)
{
    struct net_server *s = c->server;
    struct net_reply reply = {.then = NET_HANG};
    pthread_mutex_lock(&s->lock);
    assert(s->request_count < REQUESTS_MAX);
    if (s->options.answer != NULL) {
        reply = s->options.answer(s->options.ctx, request);
    } else if (s->request_count < s->options.reply_count) {
        reply = s->options.replies[s->request_count];
    }
    s->requests[s->request_count++] = mem_strdup(request);
    pthread_mutex_unlock(&s->lock);
    c->room = reply.cut != 0 ? reply.cut : SIZE_MAX;
    return reply;
}

/* True when the answer was cut: the connection has ended. */
static bool end_if_cut(struct connection *c, const struct net_reply *reply)
{
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    if (c->room != 0) {
        return false;
    }
    if (reply->reset) {
        connect(c->fd, &nobody, sizeof(nobody)); /* how Linux is told to send RST */
    }
    return true;
}

/* ---- HTTP/1.1 ---- */

static size_t body_len_of(const char *head)
{
    const char *field = strcasestr(head, "\r\ncontent-length:");
    return field != NULL ? strtoul(field + strlen("\r\ncontent-length:"), NULL, 10) : 0;
}

static bool read_request(struct connection *c, struct buf *request)
{
    buf_reset(request, REQUEST_BYTES_MAX);
    char byte;
    while (strstr(buf_text(request), "\r\n\r\n") == NULL) {
        if (!get(c, &byte, 1)) {
            return false;
        }
        buf_append_char(request, byte);
    }
    size_t len = body_len_of(request->data);
    char *body = buf_reserve(request, len);
    if (body == NULL || !get(c, body, len)) {
        return false;
    }
    request->len += len;
    body[len] = '\0';
    return true;
}

/* False: the connection is to be closed. */
static bool answer_http1(struct connection *c, const struct net_reply *reply)
{
    const char *body = reply->body != NULL ? reply->body : "";
    size_t len = reply->claimed_len != 0 ? reply->claimed_len : strlen(body);
    if (reply->raw != NULL) {
        put_text(c, reply->raw);
    }
    if (reply->status != 0) {
        struct buf head;
        buf_init(&head, REQUEST_BYTES_MAX);
        buf_printf(&head, "HTTP/1.1 %d Whatever\r\n%s", reply->status,
                   reply->headers != NULL ? reply->headers : "");
        if (reply->then == NET_HANG) { /* without an end */
            buf_append_text(&head, "\r\n");
        } else {
            buf_printf(&head, "content-length: %zu\r\n\r\n", len);
        }
        buf_append_text(&head, body);
        put(c, head.data, head.len);
        buf_fini(&head);
    }
    return reply->then == NET_END || reply->then == NET_HANG;
}

static void serve_http1(struct connection *c)
{
    CLEANUP(buf_fini) struct buf request;
    buf_init(&request, REQUEST_BYTES_MAX);
    while (read_request(c, &request)) {
        struct net_reply reply = next_reply(c, request.data);
        if (!answer_http1(c, &reply) || end_if_cut(c, &reply)) {
            return;
        }
    }
}

/* ---- HTTP/2 ---- */

static void put_frame(struct connection *c, enum frame_type type, unsigned flags, uint32_t stream,
                      const void *payload, size_t len)
{
    const unsigned char header[FRAME_HEADER_BYTES] = {
        (unsigned char)(len >> 16),    (unsigned char)(len >> 8),    (unsigned char)len,
        (unsigned char)type,           (unsigned char)flags,         (unsigned char)(stream >> 24),
        (unsigned char)(stream >> 16), (unsigned char)(stream >> 8), (unsigned char)stream,
    };
    put(c, header, sizeof(header));
    put(c, payload, len);
}

/* A literal header without indexing: https://www.rfc-editor.org/rfc/rfc7541#section-6.2.2 */
static void add_literal(struct buf *block, const char *name, size_t name_len, const char *value,
                        size_t value_len)
{
    assert(name_len < 127 && value_len < 127); /* one byte of length each */
    buf_append_char(block, 0);
    buf_append_char(block, (char)name_len);
    buf_append(block, name, name_len);
    buf_append_char(block, (char)value_len);
    buf_append(block, value, value_len);
}

static void put_head(struct connection *c, uint32_t stream, const struct net_reply *reply)
{
    CLEANUP(buf_fini) struct buf block;
    buf_init(&block, REQUEST_BYTES_MAX);
    char status[16];
    snprintf(status, sizeof(status), "%d", reply->status);
    add_literal(&block, ":status", strlen(":status"), status, strlen(status));
    for (const char *line = reply->headers; line != NULL && *line != '\0';) {
        size_t len = strcspn(line, "\r");
        size_t name_len = strcspn(line, ":");
        add_literal(&block, line, name_len, line + name_len + 2, len - name_len - 2);
        line += len + 2;
    }
    size_t first = block.len < FRAME_BYTES ? block.len : FRAME_BYTES;
    put_frame(c, FRAME_HEADERS, first == block.len ? FLAG_END_HEADERS : 0, stream, block.data,
              first);
    for (size_t at = first; at < block.len;) {
        size_t part = block.len - at < FRAME_BYTES ? block.len - at : FRAME_BYTES;
        put_frame(c, FRAME_CONTINUATION, at + part == block.len ? FLAG_END_HEADERS : 0, stream,
                  block.data + at, part);
        at += part;
    }
}

static void put_code(struct connection *c, enum frame_type type, uint32_t stream, uint32_t first,
                     uint32_t second, size_t len)
{
    const uint32_t payload[2] = {htonl(first), htonl(second)};
    put_frame(c, type, 0, stream, payload, len);
}

static bool answer_http2(struct connection *c, uint32_t stream, const struct net_reply *reply)
{
    if (reply->then == NET_GOAWAY_CLOSE) {
        put_code(c, FRAME_GOAWAY, 0, stream - 2, CODE_NO_ERROR, 8);
        return false;
    }
    if (reply->status != 0) {
        put_head(c, stream, reply);
    }
    bool complete = reply->then == NET_END || reply->then == NET_GOAWAY;
    const char *body = reply->body != NULL ? reply->body : "";
    if (complete || *body != '\0') {
        put_frame(c, FRAME_DATA, complete ? FLAG_END_STREAM : 0, stream, body, strlen(body));
    }
    if (reply->then == NET_RESET || reply->then == NET_REFUSE) {
        put_code(c, FRAME_RST_STREAM, stream,
                 reply->then == NET_RESET ? CODE_INTERNAL_ERROR : CODE_REFUSED_STREAM, 0, 4);
    }
    if (reply->then == NET_GOAWAY) {
        put_code(c, FRAME_GOAWAY, 0, stream, CODE_NO_ERROR, 8);
    }
    return reply->then != NET_CLOSE;
}

static void serve_http2(struct connection *c)
{
    char preface[24];
    unsigned char header[FRAME_HEADER_BYTES], payload[FRAME_BYTES];
    if (!get(c, preface, sizeof(preface))) {
        return;
    }
    put_frame(c, FRAME_SETTINGS, 0, 0, NULL, 0);
    while (get(c, header, sizeof(header))) {
        size_t len = (size_t)header[0] << 16 | (size_t)header[1] << 8 | header[2];
        uint32_t stream = (uint32_t)(header[5] & 0x7f) << 24 | (uint32_t)header[6] << 16 |
                          (uint32_t)header[7] << 8 | header[8];
        assert(len <= sizeof(payload));
        if (!get(c, payload, len)) {
            return;
        }
        bool asked = (header[3] == FRAME_HEADERS || header[3] == FRAME_DATA) &&
                     (header[4] & FLAG_END_STREAM) != 0;
        if (header[3] == FRAME_SETTINGS && (header[4] & FLAG_ACK) == 0) {
            put_frame(c, FRAME_SETTINGS, FLAG_ACK, 0, NULL, 0);
        } else if (header[3] == FRAME_PING && (header[4] & FLAG_ACK) == 0) {
            put_frame(c, FRAME_PING, FLAG_ACK, 0, payload, len);
        } else if (asked) {
            struct net_reply reply = next_reply(c, "");
            if (!answer_http2(c, stream, &reply) || end_if_cut(c, &reply)) {
                return;
            }
        }
    }
}

/* ---- connections ---- */

static bool shake_hands(struct connection *c)
{
    if (SSL_accept(c->ssl) != 1) {
        return false;
    }
    X509 *client = SSL_get1_peer_certificate(c->ssl);
    if (client != NULL) {
        pthread_mutex_lock(&c->server->lock);
        X509_NAME_get_text_by_NID(X509_get_subject_name(client), NID_commonName, c->server->client,
                                  sizeof(c->server->client));
        pthread_mutex_unlock(&c->server->lock);
        X509_free(client);
    }
    return true;
}

static void *serve(void *ctx)
{
    struct connection *c = ctx;
    if (c->ssl == NULL || shake_hands(c)) {
        if (c->server->options.http2) {
            serve_http2(c);
        } else {
            serve_http1(c);
        }
    }
    shutdown(c->fd, SHUT_RDWR);
    return NULL;
}

static void *accept_all(void *ctx)
{
    struct net_server *s = ctx;
    int fd;
    while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
        pthread_mutex_lock(&s->lock);
        assert(s->connection_count < CONNECTIONS_MAX);
        struct connection *c = &s->connections[s->connection_count++];
        *c = (struct connection){.server = s, .fd = fd, .room = SIZE_MAX};
        if (s->ctx != NULL) {
            c->ssl = SSL_new(s->ctx);
            SSL_set_fd(c->ssl, fd);
        }
        pthread_create(&c->thread, NULL, serve, c);
        pthread_mutex_unlock(&s->lock);
    }
    return NULL;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned in_len, void *ctx)
{
    (void)ssl;
    const struct net_server *s = ctx;
    const char *ours = s->options.http2 ? "\x02h2" : "\x08http/1.1";
    return SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_len,
                                 (const unsigned char *)ours, (unsigned)strlen(ours), in,
                                 in_len) == OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_NOACK;
}

static X509 *certificate_from(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    return certificate;
}

static SSL_CTX *make_context(struct net_server *s)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    X509 *certificate = certificate_from(s->options.cert->cert);
    BIO *bio = BIO_new_mem_buf(s->options.cert->key, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    SSL_CTX_use_certificate(ctx, certificate);
    SSL_CTX_use_PrivateKey(ctx, key);
    EVP_PKEY_free(key);
    BIO_free(bio);
    X509_free(certificate);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, s);
    if (s->options.client_ca != NULL) {
        X509 *ca = certificate_from(s->options.client_ca->cert);
        X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca);
        X509_free(ca);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    }
    return ctx;
}

struct net_server *net_server_new(const struct net_server_options *options)
{
    struct net_server *s = mem_zalloc(sizeof(*s));
    s->options = *options;
    pthread_mutex_init(&s->lock, NULL);
    signal(SIGPIPE, SIG_IGN); /* writes of OpenSSL to a client that is gone */
    s->ctx = options->cert != NULL ? make_context(s) : NULL;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int code = bind(s->fd, (struct sockaddr *)&address, len);
    assert(code == 0);
    listen(s->fd, CONNECTIONS_MAX);
    getsockname(s->fd, (struct sockaddr *)&address, &len);
    s->port = ntohs(address.sin_port);
    pthread_create(&s->thread, NULL, accept_all, s);
    return s;
}

void net_server_free(struct net_server *s)
{
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
    for (unsigned i = 0; i < s->connection_count; i++) {
        struct connection *c = &s->connections[i];
        shutdown(c->fd, SHUT_RDWR);
        pthread_join(c->thread, NULL);
        SSL_free(c->ssl);
        close(c->fd);
    }
    for (unsigned i = 0; i < s->request_count; i++) {
        mem_free(s->requests[i]);
    }
    SSL_CTX_free(s->ctx);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

unsigned net_server_port(const struct net_server *s)
{
    return s->port;
}

unsigned net_server_connections(struct net_server *s)
{
    pthread_mutex_lock(&s->lock);
    unsigned count = s->connection_count;
    pthread_mutex_unlock(&s->lock);
    return count;
}

unsigned net_server_requests(struct net_server *s)
{
    pthread_mutex_lock(&s->lock);
    unsigned count = s->request_count;
    pthread_mutex_unlock(&s->lock);
    return count;
}

unsigned net_server_resets(struct net_server *s)
{
    pthread_mutex_lock(&s->lock);
    unsigned count = s->reset_count;
    pthread_mutex_unlock(&s->lock);
    return count;
}

const char *net_server_request(struct net_server *s, unsigned n)
{
    return n < net_server_requests(s) ? s->requests[n] : "";
}

const char *net_server_client(struct net_server *s)
{
    return s->client;
}

/*
 * The transport against scripted servers on loopback (tests/lib/net_server): no sleeps, but real
 * sockets and threads; every wait ends after ten seconds at most.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "lib/net_server.h"
#include "shell/exchange.h"
#include "shell/transport.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    WAIT_MS_MAX = 10 * 1000,
    ANSWERS_MAX = 64,
};

/* What came for one request id. */
struct answer_seen {
    unsigned heads, ends;
    int http_status;
    int64_t retry_after_ms;
    struct buf body;
    bool failed;
    struct error error;
};

struct fixture {
    struct net_cert ca, other_ca, server_cert, client_cert;
    struct net_server *server;
    struct poller *poller;
    struct credentials *credentials;
    struct transport *transport;
    struct answer_seen answers[ANSWERS_MAX];
    uint64_t cancel_inside; /* cancel this id from its first event */
    uint64_t skew_ms;       /* how far the transport's clock is ahead */
};

static struct fixture f;

/* ---- set-up ---- */

static int set_up_all(void **state)
{
    (void)state;
    f.ca = net_cert_new("ca", NULL, NULL);
    f.other_ca = net_cert_new("other ca", NULL, NULL);
    f.server_cert = net_cert_new("server", "IP:127.0.0.1,DNS:kube.test", &f.ca);
    f.client_cert = net_cert_new("the-client", NULL, &f.ca);
    return 0;
}

static int tear_down_all(void **state)
{
    (void)state;
    net_cert_fini(&f.ca);
    net_cert_fini(&f.other_ca);
    net_cert_fini(&f.server_cert);
    net_cert_fini(&f.client_cert);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    f.poller = poller_new(NULL);
    f.cancel_inside = UINT64_MAX;
    f.skew_ms = 0;
    for (size_t i = 0; i < ANSWERS_MAX; i++) {
        f.answers[i] = (struct answer_seen){.error = ERROR_INIT};
        buf_init(&f.answers[i].body, 1 << 24);
    }
    return f.poller != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    transport_free(f.transport);
    credentials_free(f.credentials);
    if (f.server != NULL) {
        net_server_free(f.server);
    }
    poller_free(f.poller);
    f.transport = NULL;
    f.credentials = NULL;
    f.server = NULL;
    for (size_t i = 0; i < ANSWERS_MAX; i++) {
        buf_fini(&f.answers[i].body);
    }
    return 0;
}

static void start_anew(void)
{
    tear_down(NULL);
    set_up(NULL);
}

static void on_event(void *ctx, const struct event *event)
{
    assert_ptr_equal(ctx, &f);
    assert_true(event->id < ANSWERS_MAX);
    struct answer_seen *a = &f.answers[event->id];
    assert_int_equal(a->ends, 0); /* nothing after the end */
    switch (event->type) {
    case EVENT_HEAD:
        a->heads++;
        a->http_status = event->http_status;
        a->retry_after_ms = event->retry_after_ms;
        if (event->id == f.cancel_inside) {
            transport_cancel(f.transport, event->id);
        }
        break;
    case EVENT_BODY:
        assert_int_equal(a->heads, 1);
        buf_append(&a->body, event->bytes, event->len);
        break;
    case EVENT_END:
        a->ends++;
        a->failed = event->failure != NULL;
        a->error = event->failure != NULL ? *event->failure : ERROR_INIT;
        break;
    default:
        fail();
    }
}

static void on_log(void *ctx, enum log_level level, const char *message, const char *detail)
{
    (void)ctx;
    (void)level;
    (void)message;
    (void)detail;
}

static char *copy(const char *text)
{
    return text != NULL ? mem_strdup(text) : NULL;
}

static void start_server(bool http2, const struct net_cert *cert, const struct net_reply *replies,
                         size_t count)
{
    f.server = net_server_new(&(struct net_server_options){
        .http2 = http2, .cert = cert, .replies = replies, .reply_count = count});
}

/* Takes @config; without a server in it, that of the test. */
static void start_transport(struct client_config config)
{
    if (config.server == NULL) {
        char url[64];
        snprintf(url, sizeof(url), "https://127.0.0.1:%u", net_server_port(f.server));
        config.server = mem_strdup(url);
    }
    struct error err = ERROR_INIT;
    f.credentials = credentials_new(&config, f.poller, on_log, NULL, &err);
    assert_string_equal(err.message, "");
    f.transport = transport_new(f.poller, f.credentials, "tester/1", on_event, &f, &err);
    assert_string_equal(err.message, "");
}

static struct client_config trusting(const struct net_cert *ca)
{
    return (struct client_config){.ca_data = copy(ca->cert), .ca_data_len = strlen(ca->cert)};
}

static void start_both(bool http2, const struct net_reply *replies, size_t count)
{
    start_server(http2, &f.server_cert, replies, count);
    start_transport(trusting(&f.ca));
}

/* ---- driving ---- */

static const struct request get = {
    .method = HTTP_GET, .path = (char[]){"/version"}, .timeout_ms = 60000};

static struct now skewed_now(void)
{
    struct now now = clock_now();
    now.mono_ms += f.skew_ms;
    return now;
}

static void turn(void)
{
    uint64_t soon_ms = clock_now().mono_ms + 20;
    uint64_t due_ms = transport_deadline(f.transport);
    poller_wait(f.poller, due_ms < soon_ms ? due_ms : soon_ms);
    transport_tick(f.transport, skewed_now());
}

static void await_end(uint64_t id)
{
    uint64_t until_ms = clock_now().mono_ms + WAIT_MS_MAX;
    while (f.answers[id].ends == 0 && clock_now().mono_ms < until_ms) {
        turn();
    }
    assert_int_equal(f.answers[id].ends, 1);
}

static void await_body(uint64_t id, const char *body)
{
    uint64_t until_ms = clock_now().mono_ms + WAIT_MS_MAX;
    while (strcmp(buf_text(&f.answers[id].body), body) != 0 && clock_now().mono_ms < until_ms) {
        turn();
    }
    assert_string_equal(buf_text(&f.answers[id].body), body);
}

static void await_head(uint64_t id)
{
    uint64_t until_ms = clock_now().mono_ms + WAIT_MS_MAX;
    while (f.answers[id].heads == 0 && clock_now().mono_ms < until_ms) {
        turn();
    }
    assert_int_equal(f.answers[id].heads, 1);
}

static void await_requests(unsigned count)
{
    uint64_t until_ms = clock_now().mono_ms + WAIT_MS_MAX;
    while (net_server_requests(f.server) < count && clock_now().mono_ms < until_ms) {
        turn();
    }
    assert_int_equal(net_server_requests(f.server), count);
}

static void exchange(uint64_t id, const struct request *request)
{
    transport_start(f.transport, id, request);
    await_end(id);
}

static void assert_answer(uint64_t id, int http_status, const char *body)
{
    const struct answer_seen *a = &f.answers[id];
    assert_string_equal(a->error.message, "");
    assert_false(a->failed);
    assert_int_equal(a->heads, 1);
    assert_int_equal(a->http_status, http_status);
    assert_string_equal(buf_text(&a->body), body);
}

/* @message may have %u in it for the server's port. */
static void assert_failure(uint64_t id, int code, const char *message)
{
    char expected[256];
    const char *port = strstr(message, "%u");
    if (port != NULL) {
        snprintf(expected, sizeof(expected), "%.*s%u%s", (int)(port - message), message,
                 net_server_port(f.server), port + 2);
    } else {
        snprintf(expected, sizeof(expected), "%s", message);
    }
    const struct answer_seen *a = &f.answers[id];
    assert_int_equal(a->error.code, code);
    if (strstr(a->error.message, expected) == NULL) {
        assert_string_equal(a->error.message, expected); /* shows both */
    }
}

/* ---- answers ---- */

static void answers_come_whole(void **state)
{
    (void)state;
    static const struct net_reply replies[] = {
        {.status = 200, .body = "{}"},
        {.status = 404, .body = "not here"},
        {.status = 201},
        {.status = 302, .headers = "location: https://127.0.0.1:1/\r\n", .body = "elsewhere"},
        {.status = 500, .body = "oops"},
    };
    for (int http2 = 0; http2 < 2; http2++) {
        start_both(http2 != 0, replies, ARRAY_LEN(replies));
        for (uint64_t id = 0; id < ARRAY_LEN(replies); id++) {
            exchange(id, &get);
            assert_answer(id, replies[id].status, replies[id].body != NULL ? replies[id].body : "");
            assert_int_equal(f.answers[id].retry_after_ms, -1);
        }
        assert_int_equal(net_server_connections(f.server), 1);
        start_anew();
    }
}

static void retry_after_is_read_in_seconds(void **state)
{
    (void)state;
    static const struct net_reply replies[] = {
        {.status = 429, .headers = "retry-after: 7\r\n"},
        {.status = 429, .headers = "retry-after: 0\r\n"},
        {.status = 429, .headers = "retry-after:  12 \r\n"},
        {.status = 503, .headers = "retry-after: Fri, 31 Dec 1999 23:59:59 GMT\r\n"},
        {.status = 503, .headers = "retry-after: 1.5\r\n"},
        {.status = 503, .headers = "retry-after: -3\r\n"},
        {.status = 503, .headers = "retry-after: 99999999999999999999999\r\n"},
        {.status = 503, .headers = "x-retry-after: 3\r\n"},
        {.status = 503, .headers = "retry-after: \r\n"},
    };
    static const int64_t expected[] = {7000, 0, 12000, -1, -1, -1, 86400 * 1000, -1, -1};
    start_both(true, replies, ARRAY_LEN(replies));
    for (uint64_t id = 0; id < ARRAY_LEN(replies); id++) {
        exchange(id, &get);
        assert_int_equal(f.answers[id].retry_after_ms, expected[id]);
    }
}

static void informational_answers_are_passed_over(void **state)
{
    (void)state;
    static const struct net_reply replies[] = {
        {.raw = "HTTP/1.1 100 Continue\r\n\r\n"
                "HTTP/1.1 103 Early Hints\r\nretry-after: 5\r\n\r\n",
         .status = 200,
         .body = "x"},
    };
    start_both(false, replies, ARRAY_LEN(replies));
    exchange(1, &get);
    assert_answer(1, 200, "x");
    assert_int_equal(f.answers[1].retry_after_ms, -1);
}

static void headers_are_limited(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf headers;
    buf_init(&headers, 1 << 20);
    while (headers.len < 60 << 10) {
        buf_append_text(&headers, "x-filler: 0123456789012345678901234567890123456789\r\n");
    }
    struct net_reply replies[2] = {{.status = 200, .headers = copy(headers.data)}};
    while (headers.len < 70 << 10) {
        buf_append_text(&headers, "x-filler: 0123456789012345678901234567890123456789\r\n");
    }
    replies[1] = (struct net_reply){.status = 200, .headers = headers.data};
    start_both(false, replies, ARRAY_LEN(replies));
    exchange(1, &get);
    assert_answer(1, 200, "");
    exchange(2, &get);
    assert_failure(2, ERR_TOO_BIG, "127.0.0.1:%u: the answer's headers are longer than 64 KiB");
    mem_free((char *)(uintptr_t)replies[0].headers);
}

static void a_stream_is_delivered_as_it_comes(void **state)
{
    (void)state;
    static const struct net_reply replies[] = {
        {.status = 200, .body = "first\n", .then = NET_HANG},
        {.status = 200, .then = NET_HANG},
    };
    for (int http2 = 0; http2 < 2; http2++) {
        start_both(http2 != 0, replies, ARRAY_LEN(replies));
        transport_start(f.transport, 1, &get);
        await_body(1, "first\n");
        transport_start(f.transport, 2, &get);
        await_head(2); /* it comes though there is no body yet */
        assert_int_equal(f.answers[1].ends + f.answers[2].ends, 0);
        transport_cancel(f.transport, 1);
        transport_cancel(f.transport, 1);
        transport_cancel(f.transport, 99);
        turn();
        assert_int_equal(f.answers[1].ends, 0);
        start_anew();
    }
}

static void a_cancel_from_within_is_obeyed(void **state)
{
    (void)state;
    static const struct net_reply replies[] = {{.status = 200, .body = "x"},
                                               {.status = 200, .body = "y"}};
    start_both(true, replies, ARRAY_LEN(replies));
    f.cancel_inside = 1;
    transport_start(f.transport, 1, &get);
    await_head(1);
    exchange(2, &get);
    assert_answer(2, 200, "y");
    assert_int_equal(f.answers[1].body.len, 0);
    assert_int_equal(f.answers[1].ends, 0);
}

static void many_requests_share_one_connection(void **state)
{
    (void)state;
    struct net_reply replies[60];
    for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
        replies[i] = (struct net_reply){.status = 200, .body = "{}"};
    }
    start_both(true, replies, ARRAY_LEN(replies));
    for (uint64_t id = 0; id < ARRAY_LEN(replies); id++) {
        transport_start(f.transport, id, &get);
    }
    for (uint64_t id = 0; id < ARRAY_LEN(replies); id++) {
        await_end(id);
        assert_answer(id, 200, "{}");
    }
    assert_int_equal(net_server_connections(f.server), 1);
}

/* ---- requests ---- */

static bool has_line(const char *request, const char *line)
{
    char whole[256];
    snprintf(whole, sizeof(whole), "\r\n%s\r\n", line);
    return strstr(request, whole) != NULL;
}

static const struct net_reply five_times_ok[] = {
    {.status = 200}, {.status = 200}, {.status = 200}, {.status = 200}, {.status = 200}};

static void requests_are_sent_as_they_are(void **state)
{
    (void)state;
    char body[] = "{\"a\":1}";
    const struct request requests[] = {
        {.method = HTTP_GET, .path = (char[]){"/a%2Fb/../c%20d?x=1&y=%26"}},
        {.method = HTTP_POST, .path = (char[]){"/p"}, .content_type = MEDIA_JSON, .body = body},
        {.method = HTTP_PATCH,
         .path = (char[]){"/q"},
         .content_type = MEDIA_APPLY_PATCH,
         .body = body},
        {.method = HTTP_PUT, .path = (char[]){"/r"}, .content_type = MEDIA_JSON, .body = body},
        {.method = HTTP_DELETE, .path = (char[]){"/s"}, .accept = "application/x"},
    };
    start_both(false, five_times_ok, ARRAY_LEN(five_times_ok));
    for (unsigned i = 0; i < ARRAY_LEN(requests); i++) {
        struct request r = requests[i];
        r.timeout_ms = 60000;
        r.body_len = r.body != NULL ? strlen(r.body) : 0;
        exchange(i, &r);
        const char *sent = net_server_request(f.server, i);
        char line[128];
        snprintf(line, sizeof(line), "%s %s HTTP/1.1\r\n", http_method_name(r.method), r.path);
        assert_memory_equal(sent, line, strlen(line));
        snprintf(line, sizeof(line), "Accept: %s", r.accept != NULL ? r.accept : MEDIA_JSON);
        assert_true(has_line(sent, line));
        assert_true(has_line(sent, "User-Agent: tester/1"));
        snprintf(line, sizeof(line), "Content-Type: %s", r.content_type);
        assert_int_equal(has_line(sent, line), r.body != NULL);
        assert_string_equal(strstr(sent, "\r\n\r\n") + 4, r.body != NULL ? body : "");
        assert_null(strcasestr(sent, "expect"));
        assert_null(strcasestr(sent, "accept-encoding"));
        assert_null(strcasestr(sent, "authorization"));
        assert_null(strcasestr(sent, "transfer-encoding"));
    }
    assert_int_equal(net_server_connections(f.server), 1);
}

/* Longer than any buffer of libcurl's, and than what it would send without asking first. */
static void a_long_body_is_sent_whole(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf body;
    buf_init(&body, 1 << 21);
    while (body.len < 1200000) {
        buf_printf(&body, "%zu,", body.len);
    }
    start_both(false, five_times_ok, ARRAY_LEN(five_times_ok));
    const struct request r = {.method = HTTP_POST,
                              .path = (char[]){"/"},
                              .content_type = MEDIA_JSON,
                              .body = body.data,
                              .body_len = body.len,
                              .timeout_ms = 60000};
    exchange(1, &r);
    assert_answer(1, 200, "");
    const char *sent = net_server_request(f.server, 0);
    assert_string_equal(strstr(sent, "\r\n\r\n") + 4, body.data);
    assert_null(strcasestr(sent, "expect"));
}

static void we_say_who_we_are(void **state)
{
    (void)state;
    start_server(false, &f.server_cert, five_times_ok, ARRAY_LEN(five_times_ok));
    struct client_config config = trusting(&f.ca);
    config.token = copy("abc");
    config.as = copy("jane doe");
    config.as_uid = copy("17");
    config.as_groups = mem_zalloc(3 * sizeof(char *));
    config.as_groups[0] = copy("dev");
    config.as_groups[1] = copy("ops:eu");
    config.as_extra_count = 3;
    config.as_extra = mem_zalloc(3 * sizeof(struct exec_env));
    config.as_extra[0] = (struct exec_env){copy("acme.com/project"), copy("some-project")};
    config.as_extra[1] = (struct exec_env){copy("50%"), copy("")};
    config.as_extra[2] = (struct exec_env){copy("acme.com/project"), copy("other")};
    start_transport(config);
    exchange(1, &get);
    const char *sent = net_server_request(f.server, 0);
    assert_true(has_line(sent, "Authorization: Bearer abc"));
    assert_true(has_line(sent, "Impersonate-User: jane doe"));
    assert_true(has_line(sent, "Impersonate-Uid: 17"));
    assert_true(has_line(sent, "Impersonate-Group: dev"));
    assert_true(has_line(sent, "Impersonate-Group: ops:eu"));
    assert_true(has_line(sent, "Impersonate-Extra-acme.com%2Fproject: some-project"));
    assert_true(has_line(sent, "Impersonate-Extra-acme.com%2Fproject: other"));
    assert_true(has_line(sent, "Impersonate-Extra-50%25:"));
}

static void line_breaks_in_names_are_refused(void **state)
{
    (void)state;
    struct client_config config = {.server = copy("http://127.0.0.1:1"),
                                   .as = copy("jane\r\nX-Evil: yes")};
    struct error err = ERROR_INIT;
    f.credentials = credentials_new(&config, f.poller, on_log, NULL, &err);
    assert_null(transport_new(f.poller, f.credentials, "tester/1", on_event, &f, &err));
    assert_int_equal(err.code, ERR_INVALID);
    assert_string_equal(err.message, "header Impersonate-User: a control character in its value");
}

/* ---- failures ---- */

static void an_answer_that_does_not_end_in_time(void **state)
{
    (void)state;
    static const struct net_reply replies[] = {
        {.then = NET_HANG}, {.status = 200, .body = "half", .then = NET_HANG}, {.status = 200}};
    start_both(true, replies, ARRAY_LEN(replies));
    struct request hurried = get;
    hurried.timeout_ms = 150;
    exchange(1, &hurried);
    assert_failure(1, ERR_TRANSPORT, "127.0.0.1:%u: no answer within 0.1");
    exchange(2, &hurried);
    assert_failure(2, ERR_TRANSPORT, "127.0.0.1:%u: no complete answer within 0.1");
    exchange(3, &get);
    assert_answer(3, 200, "");
    assert_int_equal(net_server_connections(f.server), 1);
}

static unsigned closed_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    getsockname(fd, (struct sockaddr *)&address, &len);
    close(fd);
    return ntohs(address.sin_port);
}

static void connections_refused(void **state)
{
    (void)state;
    char url[64], message[64];
    unsigned port = closed_port();
    snprintf(url, sizeof(url), "https://127.0.0.1:%u", port);
    snprintf(message, sizeof(message), "connect to 127.0.0.1:%u: Connection refused", port);
    start_transport((struct client_config){.server = copy(url), .insecure = true});
    for (uint64_t id = 0; id < 10; id++) { /* all at once: the others wait for the first's */
        transport_start(f.transport, id, &get);
    }
    for (uint64_t id = 0; id < 10; id++) {
        await_end(id);
        assert_failure(id, ERR_TRANSPORT, message);
    }
}

static void names_that_do_not_resolve(void **state)
{
    (void)state;
    start_transport((struct client_config){.server = copy("https://kube.invalid:6443")});
    exchange(1, &get);
    assert_failure(1, ERR_TRANSPORT, "connect to kube.invalid:6443: Could not resolve host");
}

static void answers_that_break_off(void **state)
{
    (void)state;
    static const struct net_reply over_http1[] = {
        {.status = 200, .body = "half", .claimed_len = 1000, .then = NET_CLOSE},
        {.status = 200, .body = "whole"},
    };
    static const struct net_reply over_http2[] = {
        {.status = 200, .body = "half", .then = NET_CLOSE},
        {.status = 200, .body = "whole"},
        {.status = 200, .body = "half", .then = NET_RESET},
        {.status = 200, .body = "whole"},
        {.then = NET_RESET},
        {.status = 200, .body = "whole"},
    };
    start_both(false, over_http1, ARRAY_LEN(over_http1));
    exchange(1, &get);
    assert_failure(1, ERR_TRANSPORT, "connection to 127.0.0.1:%u failed: ");
    exchange(2, &get);
    assert_answer(2, 200, "whole");

    start_anew();
    start_both(true, over_http2, ARRAY_LEN(over_http2));
    for (uint64_t id = 0; id < ARRAY_LEN(over_http2); id += 2) {
        exchange(id, &get);
        assert_failure(id, ERR_TRANSPORT, "connection to 127.0.0.1:%u failed: ");
        exchange(id + 1, &get);
        assert_answer(id + 1, 200, "whole");
    }
}

/* The server is restarted: streams break, and the next request makes a new connection. */
static void a_dead_connection_is_not_used_again(void **state)
{
    (void)state;
    static const struct net_reply replies[] = {
        {.status = 200, .body = "w", .then = NET_HANG}, /* a watch */
        {.status = 200, .body = "w", .then = NET_HANG},
        {.then = NET_CLOSE},
        {.status = 200, .body = "again"},
        {.status = 200, .body = "again"},
    };
    start_both(true, replies, ARRAY_LEN(replies));
    transport_start(f.transport, 1, &get);
    await_body(1, "w");
    transport_start(f.transport, 2, &get);
    await_body(2, "w");
    transport_start(f.transport, 3, &get);
    await_end(1);
    await_end(2);
    assert_failure(1, ERR_TRANSPORT, "connection to");
    await_end(3); /* libcurl may have sent it again on a new connection by itself */
    exchange(4, &get);
    assert_answer(4, 200, "again");
    assert_int_equal(net_server_connections(f.server), 2);
}

/* What an API server does now and then to spread its clients (--goaway-chance). */
static void after_goaway_new_requests_use_a_new_connection(void **state)
{
    (void)state;
    static const struct net_reply replies[] = {
        {.status = 200, .body = "w", .then = NET_HANG}, /* a watch goes on */
        {.status = 200, .body = "bye", .then = NET_GOAWAY},
        {.status = 200, .body = "new"},
        {.status = 200, .body = "new"},
    };
    start_both(true, replies, ARRAY_LEN(replies));
    transport_start(f.transport, 1, &get);
    await_body(1, "w");
    exchange(2, &get);
    assert_answer(2, 200, "bye");
    exchange(3, &get);
    assert_answer(3, 200, "new");
    exchange(4, &get);
    assert_answer(4, 200, "new");
    assert_int_equal(net_server_connections(f.server), 2);
    assert_int_equal(f.answers[1].ends, 0);
}

static void streams_that_were_refused_are_answered_in_the_end(void **state)
{
    (void)state;
    static const struct net_reply replies[] = {
        {.status = 200},
        {.then = NET_REFUSE},
        {.status = 200, .body = "a"},
        {.then = NET_GOAWAY_CLOSE},
        {.status = 200, .body = "b"},
        {.status = 200, .body = "c"},
    };
    start_both(true, replies, ARRAY_LEN(replies));
    exchange(1, &get);
    for (uint64_t id = 2; net_server_requests(f.server) < ARRAY_LEN(replies) && id < 20; id++) {
        exchange(id, &get);
        assert_true(!f.answers[id].failed || f.answers[id].error.code == ERR_TRANSPORT);
    }
    assert_int_equal(net_server_requests(f.server), ARRAY_LEN(replies));
}

/* It takes our bytes and says nothing: a hung process, a middlebox that lost its table. */
static void a_silent_server_is_left(void **state)
{
    (void)state;
    static const struct net_reply replies[] = {
        {.status = 200, .body = "w", .then = NET_HANG}, {.then = NET_HANG}, {.status = 200}};
    start_both(true, replies, ARRAY_LEN(replies));
    transport_start(f.transport, 1, &get);
    await_body(1, "w");
    struct request slow = get;
    slow.timeout_ms = EXCHANGE_SILENCE_MS;
    poller_wait(f.poller, clock_now().mono_ms + 2); /* not in the millisecond of that "w" */
    transport_start(f.transport, 2, &slow);
    await_requests(2);
    f.skew_ms = EXCHANGE_SILENCE_MS;
    await_end(2);
    assert_failure(2, ERR_TRANSPORT, "127.0.0.1:%u: no answer within 30.0 s");
    await_end(1);
    assert_failure(1, ERR_TRANSPORT, "127.0.0.1:%u: the server fell silent");
    f.skew_ms = 0;
    exchange(3, &get);
    assert_answer(3, 200, "");
    assert_int_equal(net_server_connections(f.server), 2);
}

static void a_slow_answer_among_others_is_no_reason_to_leave(void **state)
{
    (void)state;
    static const struct net_reply replies[] = {
        {.status = 200, .body = "w", .then = NET_HANG}, {.then = NET_HANG}, {.status = 200}};
    start_both(true, replies, ARRAY_LEN(replies));
    transport_start(f.transport, 1, &get);
    await_body(1, "w");
    struct request slow = get;
    slow.timeout_ms = EXCHANGE_SILENCE_MS;
    transport_start(f.transport, 2, &slow);
    await_requests(2);
    exchange(3, &get);
    f.skew_ms = EXCHANGE_SILENCE_MS;
    await_end(2);
    assert_failure(2, ERR_TRANSPORT, "127.0.0.1:%u: no answer within 30.0 s");
    assert_int_equal(f.answers[1].ends, 0);
    assert_int_equal(net_server_connections(f.server), 1);
}

/* ---- TLS ---- */

static void certificates_are_verified(void **state)
{
    (void)state;
    static const struct {
        bool other_ca, insecure;
        const char *tls_server_name;
        const char *failure; /* NULL: it works */
    } rows[] = {
        {.failure = NULL},
        {.other_ca = true, .failure = "TLS with 127.0.0.1:%u: SSL certificate problem"},
        {.insecure = true},
        {.tls_server_name = "kube.test"},
        {.tls_server_name = "other.test", .failure = "TLS with 127.0.0.1:%u: SSL: no alternative "},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        start_server(false, &f.server_cert, five_times_ok, ARRAY_LEN(five_times_ok));
        struct client_config config = rows[i].insecure
                                          ? (struct client_config){.insecure = true}
                                          : trusting(rows[i].other_ca ? &f.other_ca : &f.ca);
        config.tls_server_name = copy(rows[i].tls_server_name);
        start_transport(config);
        exchange(1, &get);
        if (rows[i].failure != NULL) {
            assert_failure(1, ERR_TRANSPORT, rows[i].failure);
            assert_int_equal(net_server_requests(f.server), 0);
        } else {
            assert_answer(1, 200, "");
            char host[64];
            snprintf(host, sizeof(host), "Host: 127.0.0.1:%u", net_server_port(f.server));
            assert_true(has_line(net_server_request(f.server, 0), host));
        }
        start_anew();
    }
}

static void an_address_that_the_certificate_lacks_is_refused(void **state)
{
    (void)state;
    struct net_cert named = net_cert_new("server", "DNS:kube.test,IP:127.0.0.2", &f.ca);
    start_server(true, &named, five_times_ok, ARRAY_LEN(five_times_ok));
    start_transport(trusting(&f.ca));
    exchange(1, &get);
    assert_failure(1, ERR_TRANSPORT, "TLS with 127.0.0.1:%u: SSL: no alternative");
    net_cert_fini(&named);
}

static void a_client_certificate_is_shown(void **state)
{
    (void)state;
    f.server = net_server_new(&(struct net_server_options){.http2 = true,
                                                           .cert = &f.server_cert,
                                                           .client_ca = &f.ca,
                                                           .replies = five_times_ok,
                                                           .reply_count = 5});
    struct client_config config = trusting(&f.ca);
    config.cert_data = copy(f.client_cert.cert);
    config.cert_data_len = strlen(config.cert_data);
    config.key_data = copy(f.client_cert.key);
    config.key_data_len = strlen(config.key_data);
    start_transport(config);
    exchange(1, &get);
    assert_answer(1, 200, "");
    assert_string_equal(net_server_client(f.server), "the-client");
}

/* ---- other ways to a server ---- */

static void a_server_without_tls(void **state)
{
    (void)state;
    start_server(false, NULL, five_times_ok, ARRAY_LEN(five_times_ok));
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/prefix/", net_server_port(f.server));
    start_transport((struct client_config){.server = copy(url)});
    exchange(1, &get);
    assert_answer(1, 200, "");
    const char line[] = "GET /prefix/version HTTP/1.1\r\n";
    assert_memory_equal(net_server_request(f.server, 0), line, sizeof(line) - 1);
}

/* Closing ends a connection by RST, so the kernel sends nothing of it any more. */
static void nothing_is_sent_after_the_end(void **state)
{
    (void)state;
    start_server(false, NULL, NULL, 0);
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u", net_server_port(f.server));
    start_transport((struct client_config){.server = copy(url)});
    transport_start(f.transport, 1, &get);
    await_requests(1);
    assert_int_equal(net_server_resets(f.server), 0);
    transport_free(f.transport);
    f.transport = NULL;
    uint64_t until_ms = clock_now().mono_ms + WAIT_MS_MAX;
    while (net_server_resets(f.server) == 0 && clock_now().mono_ms < until_ms) {
        poller_wait(f.poller, clock_now().mono_ms + 1);
    }
    assert_int_equal(net_server_resets(f.server), 1);
}

static void a_proxy_of_the_configuration(void **state)
{
    (void)state;
    static const struct net_reply replies[] = {{.status = 200, .body = "x"}, {.status = 407}};
    start_server(false, NULL, replies, ARRAY_LEN(replies));
    char proxy[64];
    snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", net_server_port(f.server));
    start_transport(
        (struct client_config){.server = copy("http://kube.invalid"), .proxy_url = copy(proxy)});
    exchange(1, &get);
    assert_answer(1, 200, "x");
    const char line[] = "GET http://kube.invalid/version HTTP/1.1\r\n";
    assert_memory_equal(net_server_request(f.server, 0), line, sizeof(line) - 1);
    transport_free(f.transport);
    credentials_free(f.credentials);

    start_transport((struct client_config){
        .server = copy("https://kube.invalid"), .proxy_url = copy(proxy), .token = copy("secret")});
    exchange(2, &get);
    assert_failure(2, ERR_TRANSPORT, "connection to kube.invalid:443 failed: ");
    const char connect[] = "CONNECT kube.invalid:443 HTTP/1.1\r\n";
    assert_memory_equal(net_server_request(f.server, 1), connect, sizeof(connect) - 1);
    assert_null(strstr(net_server_request(f.server, 1), "secret"));
    assert_int_equal(f.answers[2].heads, 0); /* the proxy's answer is not the server's */
}

/* ---- credentials ---- */

static void write_token(const char *path, const char *token)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(token, file);
    fclose(file);
}

static void a_401_brings_a_new_token(void **state)
{
    (void)state;
    static const struct net_reply replies[] = {{.status = 401}, {.status = 200}};
    char path[] = "/tmp/test-transport-XXXXXX";
    close(mkstemp(path));
    write_token(path, "old");
    start_server(false, &f.server_cert, replies, ARRAY_LEN(replies));
    struct client_config config = trusting(&f.ca);
    config.token_file = copy(path);
    start_transport(config);
    write_token(path, "new");
    exchange(1, &get);
    assert_answer(1, 401, "");
    struct now now = clock_now();
    now.mono_ms += CREDENTIALS_RETRY_MS;
    credentials_tick(f.credentials, now);
    exchange(2, &get);
    assert_true(has_line(net_server_request(f.server, 0), "Authorization: Bearer old"));
    assert_true(has_line(net_server_request(f.server, 1), "Authorization: Bearer new"));
    unlink(path);
}

static struct client_config with_plugin(const char *script)
{
    struct client_config config = trusting(&f.ca);
    config.exec = mem_zalloc(sizeof(*config.exec));
    *config.exec = (struct exec_plugin){
        .api_version = copy("client.authentication.k8s.io/v1"),
        .command = copy("sh"),
        .args = mem_zalloc(3 * sizeof(char *)),
    };
    config.exec->args[0] = copy("-c");
    config.exec->args[1] = copy(script);
    return config;
}

static void requests_wait_for_the_plugin(void **state)
{
    (void)state;
    start_server(false, &f.server_cert, five_times_ok, ARRAY_LEN(five_times_ok));
    start_transport(with_plugin("sleep 0.1; echo '{\"kind\":\"ExecCredential\",\"apiVersion\":"
                                "\"client.authentication.k8s.io/v1\",\"status\":{\"token\":"
                                "\"late\"}}'"));
    transport_start(f.transport, 1, &get);
    transport_start(f.transport, 2, &get);
    transport_cancel(f.transport, 2); /* while it waits */
    await_end(1);
    assert_answer(1, 200, "");
    assert_true(has_line(net_server_request(f.server, 0), "Authorization: Bearer late"));
    assert_int_equal(net_server_requests(f.server), 1);
    assert_int_equal(f.answers[2].ends, 0);
}

static void a_failed_plugin_fails_requests(void **state)
{
    (void)state;
    start_server(false, &f.server_cert, five_times_ok, ARRAY_LEN(five_times_ok));
    start_transport(with_plugin("exit 5"));
    transport_start(f.transport, 1, &get);
    assert_int_equal(f.answers[1].ends, 0); /* never from within */
    await_end(1);
    assert_failure(1, ERR_TRANSPORT, "credential plugin \"sh\": exited with code 5");
    transport_start(f.transport, 2, &get);
    assert_int_equal(f.answers[2].ends, 0);
    await_end(2);
    assert_failure(2, ERR_TRANSPORT, "credential plugin \"sh\": exited with code 5");
    assert_int_equal(net_server_connections(f.server), 0);
}

/* A write that waited may not be sent when its time is over. */
static void waiting_counts_towards_the_timeout(void **state)
{
    (void)state;
    start_server(false, &f.server_cert, five_times_ok, ARRAY_LEN(five_times_ok));
    start_transport(with_plugin("sleep 100"));
    struct request hurried = get;
    hurried.timeout_ms = 50;
    exchange(1, &hurried);
    assert_failure(1, ERR_TRANSPORT, "no answer within 0.1 s");
    assert_int_equal(net_server_connections(f.server), 0);
}

static void an_unusable_server_is_an_error(void **state)
{
    (void)state;
    struct client_config config = {.server = copy("ftp://kube.test")};
    struct error err = ERROR_INIT;
    f.credentials = credentials_new(&config, f.poller, on_log, NULL, &err);
    assert_null(transport_new(f.poller, f.credentials, "tester/1", on_event, &f, &err));
    assert_int_equal(err.code, ERR_INVALID);
    transport_free(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(answers_come_whole),
        TEST(retry_after_is_read_in_seconds),
        TEST(informational_answers_are_passed_over),
        TEST(headers_are_limited),
        TEST(a_stream_is_delivered_as_it_comes),
        TEST(a_cancel_from_within_is_obeyed),
        TEST(many_requests_share_one_connection),
        TEST(requests_are_sent_as_they_are),
        TEST(a_long_body_is_sent_whole),
        TEST(we_say_who_we_are),
        TEST(line_breaks_in_names_are_refused),
        TEST(an_answer_that_does_not_end_in_time),
        TEST(connections_refused),
        TEST(names_that_do_not_resolve),
        TEST(answers_that_break_off),
        TEST(a_dead_connection_is_not_used_again),
        TEST(after_goaway_new_requests_use_a_new_connection),
        TEST(streams_that_were_refused_are_answered_in_the_end),
        TEST(a_silent_server_is_left),
        TEST(a_slow_answer_among_others_is_no_reason_to_leave),
        TEST(certificates_are_verified),
        TEST(an_address_that_the_certificate_lacks_is_refused),
        TEST(a_client_certificate_is_shown),
        TEST(a_server_without_tls),
        TEST(nothing_is_sent_after_the_end),
        TEST(a_proxy_of_the_configuration),
        TEST(a_401_brings_a_new_token),
        TEST(requests_wait_for_the_plugin),
        TEST(a_failed_plugin_fails_requests),
        TEST(waiting_counts_towards_the_timeout),
        TEST(an_unusable_server_is_an_error),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}

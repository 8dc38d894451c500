#include "lib/testing.h"

#include "base/mem.h"
#include "shell/probe_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 5000 }; /* only a failing test waits that long */

static struct poller *poller;
static bool ready;
static const char *why_not;
static size_t metrics_bytes;

static void render_metrics(void *ctx, struct buf *out)
{
    assert_string_equal(ctx, "ctx");
    for (size_t i = 0; i < metrics_bytes; i++) {
        buf_append_char(out, 'm');
    }
}

static bool is_ready(void *ctx, const char **why)
{
    assert_string_equal(ctx, "ctx");
    if (!ready) {
        *why = why_not;
    }
    return ready;
}

static const struct probe_handlers handlers = {
    .ctx = (void *)(uintptr_t) "ctx", .metrics = render_metrics, .ready = is_ready};

static int set_up(void **state)
{
    (void)state;
    poller = poller_new(NULL);
    ready = true;
    why_not = "";
    metrics_bytes = 10;
    return poller != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    poller_free(poller);
    return 0;
}

static struct probe_server *start(const char *address)
{
    struct error err = ERROR_INIT;
    struct probe_server *s = probe_server_new(poller, address, true, true, &handlers, &err);
    if (s == NULL) {
        fail_msg("%s", err.message);
    }
    return s;
}

/* A non-blocking client socket on loopback; @family AF_INET or AF_INET6. */
static int connect_to(const struct probe_server *s, int family)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)probe_server_port(s)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                              .sin6_port = htons((uint16_t)probe_server_port(s)),
                              .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    int failed = family == AF_INET ? connect(fd, (struct sockaddr *)&v4, sizeof(v4))
                                   : connect(fd, (struct sockaddr *)&v6, sizeof(v6));
    assert_int_equal(failed, 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static void turn(struct probe_server *s, uint64_t until_ms)
{
    uint64_t deadline = probe_server_deadline(s);
    poller_wait(poller, deadline < until_ms ? deadline : until_ms);
    probe_server_tick(s);
}

static void on_client(void *ctx, int fd, uint32_t events)
{
    (void)ctx;
    (void)fd;
    (void)events; /* wakes poller_wait() */
}

/* Turn the loop until the answer's end: the peer closes, or @enough is in it (NULL: only that). */
static void collect(struct probe_server *s, int fd, const char *enough, struct buf *out)
{
    uint64_t until_ms = clock_now().mono_ms + PATIENCE_MS;
    poller_set(poller, fd, EPOLLIN, on_client, NULL);
    for (;;) {
        char bytes[4096];
        ssize_t got = recv(fd, bytes, sizeof(bytes), 0);
        if (got > 0) {
            buf_append(out, bytes, (size_t)got);
        } else if (got == 0 || errno != EAGAIN) {
            break;
        } else if (enough != NULL && strstr(buf_text(out), enough) != NULL) {
            break;
        } else if (clock_now().mono_ms > until_ms) {
            fail_msg("no end of: %s", buf_text(out));
        } else {
            turn(s, until_ms);
        }
    }
    poller_remove(poller, fd);
}

static void send_all(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* The whole answer to @request on a connection of its own. */
static const char *ask(struct probe_server *s, const char *request)
{
    static char answer[64 << 10];
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, 8 << 20);
    int fd = connect_to(s, AF_INET);
    send_all(fd, request);
    collect(s, fd, NULL, &out);
    close(fd);
    snprintf(answer, sizeof(answer), "%s", buf_text(&out));
    return answer;
}

#define CLOSE " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

static void assert_answer(const char *answer, const char *status, const char *header,
                          const char *body)
{
    const char *end = strstr(answer, "\r\n\r\n");
    if (end == NULL || strncmp(answer, status, strlen(status)) != 0 ||
        strstr(answer, header) == NULL || strcmp(end + 4, body) != 0) {
        fail_msg("expected %s with %s and \"%s\", not %s", status, header, body, answer);
    }
}

static void test_paths(void **state)
{
    (void)state;
    struct probe_server *s = start("127.0.0.1:0");
    assert_answer(ask(s, "GET /healthz" CLOSE), "HTTP/1.1 200 ", "text/plain; charset=utf-8", "ok");
    assert_answer(ask(s, "GET /healthz?verbose=1" CLOSE), "HTTP/1.1 200 ", "nosniff", "ok");
    assert_answer(ask(s, "GET /readyz" CLOSE), "HTTP/1.1 200 ", "Content-Length: 2", "ok");
    assert_answer(ask(s, "GET /metrics" CLOSE), "HTTP/1.1 200 ",
                  "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n", "mmmmmmmmmm");
    assert_answer(ask(s, "GET /" CLOSE), "HTTP/1.1 404 ", "", "not found");
    assert_answer(ask(s, "GET /metrics/x" CLOSE), "HTTP/1.1 404 ", "", "not found");
    assert_answer(ask(s, "GET /../../etc/passwd" CLOSE), "HTTP/1.1 404 ", "", "not found");
    probe_server_free(s);
}

static void test_not_ready_says_why(void **state)
{
    (void)state;
    struct probe_server *s = start("127.0.0.1:0");
    ready = false;
    why_not = "memcacheds are not listed yet";
    assert_answer(ask(s, "GET /readyz" CLOSE), "HTTP/1.1 503 ", "text/plain", why_not);
    assert_answer(ask(s, "GET /healthz" CLOSE), "HTTP/1.1 200 ", "", "ok");
    ready = true;
    assert_answer(ask(s, "GET /readyz" CLOSE), "HTTP/1.1 200 ", "", "ok");
    probe_server_free(s);
}

static void test_methods(void **state)
{
    (void)state;
    struct probe_server *s = start("127.0.0.1:0");
    assert_answer(ask(s, "HEAD /metrics" CLOSE), "HTTP/1.1 200 ", "Content-Length: 10\r\n", "");
    assert_answer(ask(s, "DELETE /metrics" CLOSE), "HTTP/1.1 405 ", "Allow: GET, HEAD\r\n",
                  "only GET and HEAD");
    assert_answer(ask(s, "OPTIONS *" CLOSE), "HTTP/1.1 405 ", "Allow: GET, HEAD\r\n",
                  "only GET and HEAD");
    assert_answer(ask(s, "POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                         "Content-Length: 5\r\n\r\nhello"),
                  "HTTP/1.1 405 ", "Allow: GET, HEAD\r\n", "only GET and HEAD");
    probe_server_free(s);
}

static void test_garbage_is_no_harm(void **state)
{
    (void)state;
    static char huge[64 << 10];
    struct probe_server *s = start("127.0.0.1:0");
    (void)ask(s, "\r\n\r\n\x01\x02 garbage\r\n\r\n");
    (void)ask(s, "GET /metrics HTTP/1.1\r\n\r\n"); /* without Host */
    (void)ask(s,
              "GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n");
    assert_string_equal(
        ask(s, "GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"), "");
    memset(huge, 'h', sizeof(huge) - 1);
    memcpy(huge, "GET /", 5);
    int fd = connect_to(s, AF_INET);
    (void)!send(fd, huge, sizeof(huge) - 1, MSG_NOSIGNAL);
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, 1 << 20);
    collect(s, fd, NULL, &out);
    close(fd);
    assert_answer(ask(s, "GET /healthz" CLOSE), "HTTP/1.1 200 ", "", "ok");
    probe_server_free(s);
}

static void test_byte_by_byte_and_pipelined_on_one_connection(void **state)
{
    (void)state;
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    struct probe_server *s = start("127.0.0.1:0");
    int fd = connect_to(s, AF_INET);
    for (const char *c = request; *c != '\0'; c++) {
        char byte[2] = {*c, '\0'};
        send_all(fd, byte);
        turn(s, clock_now().mono_ms);
    }
    CLEANUP(buf_fini) struct buf first;
    CLEANUP(buf_fini) struct buf second;
    buf_init(&first, 4096);
    buf_init(&second, 4096);
    collect(s, fd, "\r\n\r\nok", &first);
    assert_answer(buf_text(&first), "HTTP/1.1 200 ", "", "ok");
    send_all(fd, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing" CLOSE);
    collect(s, fd, NULL, &second);
    assert_non_null(strstr(buf_text(&second), "\r\n\r\nokHTTP/1.1 404 "));
    close(fd);
    probe_server_free(s);
}

static void test_large_metrics_arrive_whole(void **state)
{
    (void)state;
    struct probe_server *s = start("127.0.0.1:0");
    metrics_bytes = 3 << 20;
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, 8 << 20);
    int fd = connect_to(s, AF_INET);
    send_all(fd, "GET /metrics" CLOSE);
    collect(s, fd, NULL, &out);
    close(fd);
    assert_int_equal(strlen(strstr(buf_text(&out), "\r\n\r\n") + 4), metrics_bytes);
    metrics_bytes = PROBE_METRICS_BYTES_MAX + 1;
    assert_answer(ask(s, "GET /metrics" CLOSE), "HTTP/1.1 500 ", "",
                  "the metrics are larger than 4 MiB");
    probe_server_free(s);
}

static void test_only_the_chosen_paths(void **state)
{
    (void)state;
    struct probe_server *metrics =
        probe_server_new(poller, "127.0.0.1:0", true, false, &handlers, NULL);
    struct probe_server *probes =
        probe_server_new(poller, "127.0.0.1:0", false, true, &handlers, NULL);
    assert_answer(ask(metrics, "GET /metrics" CLOSE), "HTTP/1.1 200 ", "", "mmmmmmmmmm");
    assert_answer(ask(metrics, "GET /healthz" CLOSE), "HTTP/1.1 404 ", "", "not found");
    assert_answer(ask(metrics, "GET /readyz" CLOSE), "HTTP/1.1 404 ", "", "not found");
    assert_answer(ask(probes, "GET /metrics" CLOSE), "HTTP/1.1 404 ", "", "not found");
    assert_answer(ask(probes, "GET /readyz" CLOSE), "HTTP/1.1 200 ", "", "ok");
    probe_server_free(metrics);
    probe_server_free(probes);
}

static void test_the_wildcard_takes_both_families(void **state)
{
    (void)state;
    struct probe_server *s = start(":0");
    assert_answer(ask(s, "GET /healthz" CLOSE), "HTTP/1.1 200 ", "", "ok");
    int probe = socket(AF_INET6, SOCK_STREAM, 0);
    if (probe >= 0) {
        close(probe);
        CLEANUP(buf_fini) struct buf out;
        buf_init(&out, 4096);
        int fd = connect_to(s, AF_INET6);
        send_all(fd, "GET /healthz" CLOSE);
        collect(s, fd, NULL, &out);
        close(fd);
        assert_answer(buf_text(&out), "HTTP/1.1 200 ", "", "ok");
    }
    probe_server_free(s);
}

/* One address cannot take all places, and gives back what it took. */
static void test_many_connections(void **state)
{
    (void)state;
    int fds[PROBE_CONNECTIONS_MAX * 2];
    struct probe_server *s = start("127.0.0.1:0");
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = connect_to(s, AF_INET);
        turn(s, clock_now().mono_ms);
    }
    size_t hung_up = 0;
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        char byte;
        hung_up += recv(fds[i], &byte, 1, 0) == 0;
    }
    assert_int_equal(hung_up, ARRAY_LEN(fds) - PROBE_CONNECTIONS_PER_IP_MAX);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        close(fds[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        turn(s, clock_now().mono_ms);
    }
    assert_answer(ask(s, "GET /healthz" CLOSE), "HTTP/1.1 200 ", "", "ok");
    probe_server_free(s);
}

static void test_silent_connections_have_a_deadline(void **state)
{
    (void)state;
    struct probe_server *s = start("127.0.0.1:0");
    assert_true(probe_server_deadline(s) == UINT64_MAX);
    int fd = connect_to(s, AF_INET);
    uint64_t before_ms = clock_now().mono_ms;
    for (int i = 0; i < 5; i++) {
        turn(s, clock_now().mono_ms);
    }
    uint64_t deadline_ms = probe_server_deadline(s);
    assert_true(deadline_ms > before_ms + PROBE_TIMEOUT_S * 1000 - 1000);
    assert_true(deadline_ms < before_ms + PROBE_TIMEOUT_S * 1000 + 1000);
    close(fd);
    probe_server_free(s);
}

static void test_addresses(void **state)
{
    (void)state;
    static const char *const good[] = {"",         "0",          ":8080",     "127.0.0.1:0",
                                       "[::1]:80", "[::]:65535", "0.0.0.0:1", "localhost:8080"};
    static const char *const bad[] = {
        "8080",
        ":",
        "::",
        ":65536",
        ":-1",
        ":+1",
        ": 80",
        ":80x",
        ":000080",
        "[::1]",
        "::1:80",
        "[::1:80",
        "[]:80",
        "1.2.3:80",
        "host:80",
        "1.2.3.4",
        "256.0.0.1:80",
        "http://1.2.3.4:80",
        "[1.2.3.4]:80",
        ":99999999999999999999",
        "[::1]]:80",
        "00",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        if (!probe_address_is_valid(good[i])) {
            fail_msg("refused: %s", good[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct error err = ERROR_INIT;
        if (probe_address_is_valid(bad[i])) {
            fail_msg("taken: %s", bad[i]);
        }
        assert_null(probe_server_new(poller, bad[i], true, true, &handlers, &err));
        assert_int_equal(err.code, ERR_INVALID);
        assert_non_null(strstr(err.message, "expected host:port as in :8080"));
    }
}

static void test_nowhere_and_taken(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char address[32];
    assert_null(probe_server_new(poller, "0", true, true, &handlers, &err));
    assert_null(probe_server_new(poller, "", true, true, &handlers, &err));
    assert_int_equal(err.code, ERR_NONE);
    struct probe_server *s = start("127.0.0.1:0");
    snprintf(address, sizeof(address), "127.0.0.1:%u", probe_server_port(s));
    assert_null(probe_server_new(poller, address, true, true, &handlers, &err));
    assert_int_equal(err.code, ERR_TRANSPORT);
    assert_non_null(strstr(err.message, "Address already in use"));
    (void)ask(s, "GET /healthz" CLOSE); /* closed by us: leaves the port in TIME_WAIT */
    probe_server_free(s);
    assert_null(probe_server_new(poller, "192.0.2.1:80", true, true, &handlers, &err));
    assert_int_equal(err.code, ERR_TRANSPORT);
    s = start(address); /* free again at once */
    probe_server_free(s);
    probe_server_free(NULL);
    probe_server_tick(NULL);
    assert_true(probe_server_deadline(NULL) == UINT64_MAX);
}

/* Descriptors that a child process would get. */
static size_t count_inherited(void)
{
    size_t count = 0;
    for (int fd = 0; fd < 256; fd++) {
        int flags = fcntl(fd, F_GETFD);
        count += flags >= 0 && (flags & FD_CLOEXEC) == 0;
    }
    return count;
}

static void test_sockets_are_not_inherited(void **state)
{
    (void)state;
    size_t before = count_inherited();
    struct probe_server *s = start("127.0.0.1:0");
    int fd = connect_to(s, AF_INET);
    for (int i = 0; i < 5; i++) {
        turn(s, clock_now().mono_ms);
    }
    assert_int_equal(count_inherited(), before);
    close(fd);
    probe_server_free(s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_paths),
        TEST(test_not_ready_says_why),
        TEST(test_methods),
        TEST(test_garbage_is_no_harm),
        TEST(test_byte_by_byte_and_pipelined_on_one_connection),
        TEST(test_large_metrics_arrive_whole),
        TEST(test_only_the_chosen_paths),
        TEST(test_the_wildcard_takes_both_families),
        TEST(test_many_connections),
        TEST(test_silent_connections_have_a_deadline),
        TEST(test_addresses),
        TEST(test_nowhere_and_taken),
        TEST(test_sockets_are_not_inherited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Connections that end after every byte of an answer, and answers that lie about their length: each
 * exchange ends once, with the whole answer or an error, and the next one is not disturbed.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "lib/net_server.h"
#include "shell/transport.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

enum {
    WAIT_MS_MAX = 20 * 1000,
    ANSWER_BYTES_MAX = 1 << 16,
    EXCHANGES_PER_SERVER = 20, /* each may take three connections */
    CUT_MAX = 400,             /* no answer here is longer */
};

struct fixture {
    struct net_cert ca, server_cert;
    struct net_server *server;
    struct poller *poller;
    struct credentials *credentials;
    struct transport *transport;
    /* the exchange in flight */
    uint64_t id;
    unsigned heads, ends;
    int http_status;
    int64_t retry_after_ms;
    bool failed;
    struct buf body;
    /* what the server does: the next request is answered so, all later ones well */
    struct net_reply bad;
    unsigned left; /* how often */
};

static struct fixture f;

static struct net_reply answer(void *ctx, const char *request)
{
    (void)ctx;
    (void)request;
    if (f.left > 0) {
        f.left--;
        return f.bad;
    }
    return (struct net_reply){.status = 200, .body = "well"};
}

static void on_event(void *ctx, const struct event *event)
{
    (void)ctx;
    assert_int_equal(event->id, f.id);
    assert_int_equal(f.ends, 0); /* nothing after the end */
    if (event->type == EVENT_HEAD) {
        f.heads++;
        f.http_status = event->http_status;
        f.retry_after_ms = event->retry_after_ms;
    } else if (event->type == EVENT_BODY) {
        assert_int_equal(f.heads, 1);
        buf_append(&f.body, event->bytes, event->len);
    } else {
        f.ends++;
        f.failed = event->failure != NULL;
        assert_true(f.failed || f.heads == 1);
        assert_true(!f.failed || event->failure->code == ERR_TRANSPORT);
    }
}

static void on_log(void *ctx, enum log_level level, const char *message, const char *detail)
{
    (void)ctx;
    (void)level;
    fail_msg("%s: %s", message, detail);
}

static int set_up_all(void **state)
{
    (void)state;
    f.ca = net_cert_new("ca", NULL, NULL);
    f.server_cert = net_cert_new("server", "IP:127.0.0.1", &f.ca);
    return 0;
}

static int tear_down_all(void **state)
{
    (void)state;
    net_cert_fini(&f.ca);
    net_cert_fini(&f.server_cert);
    return 0;
}

static void start(bool http2)
{
    char url[64];
    struct error err = ERROR_INIT;
    buf_init(&f.body, ANSWER_BYTES_MAX);
    f.server = net_server_new(&(struct net_server_options){
        .http2 = http2, .cert = http2 ? &f.server_cert : NULL, .answer = answer});
    snprintf(url, sizeof(url), "http%s://127.0.0.1:%u", http2 ? "s" : "",
             net_server_port(f.server));
    struct client_config config = {.server = mem_strdup(url),
                                   .ca_data = mem_strdup(f.ca.cert),
                                   .ca_data_len = strlen(f.ca.cert)};
    f.poller = poller_new(&err);
    f.credentials = credentials_new(&config, f.poller, on_log, NULL, &err);
    f.transport = transport_new(f.poller, f.credentials, "tester/1", on_event, NULL, &err);
    assert_string_equal(err.message, "");
}

static void stop(void)
{
    transport_free(f.transport);
    credentials_free(f.credentials);
    net_server_free(f.server);
    poller_free(f.poller);
    buf_fini(&f.body);
}

static const struct request get = {
    .method = HTTP_GET, .path = (char[]){"/version"}, .timeout_ms = 60000};

static void exchange(void)
{
    uint64_t until_ms = clock_now().mono_ms + WAIT_MS_MAX;
    f.id++;
    f.heads = f.ends = 0;
    buf_reset(&f.body, 0);
    transport_start(f.transport, f.id, &get);
    while (f.ends == 0 && clock_now().mono_ms < until_ms) {
        poller_wait(f.poller, transport_deadline(f.transport));
        transport_tick(f.transport, clock_now());
    }
    assert_int_equal(f.ends, 1);
}

/* The next exchange after whatever has happened. A request that met a connection which is just
 * ending may fail once. */
static void assert_well(void)
{
    exchange();
    if (f.failed) {
        exchange();
    }
    assert_false(f.failed);
    assert_int_equal(f.http_status, 200);
    assert_string_equal(buf_text(&f.body), "well");
}

/* ---- cut ---- */

#define GOOD "{\"kind\":\"Good\"}"

static const struct {
    bool http2;
    struct net_reply reply;
    const char *body;
} answers[] = {
    {false,
     {.raw =
          "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n" GOOD},
     GOOD},
    {false,
     {.raw =
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"kin\r\nA\r\nd\":\"Good\"}"
          "\r\n0\r\n\r\n"},
     GOOD},
    {false,
     {.raw = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\n"
             "Content-Type: text/plain\r\nContent-Length: 9\r\n\r\ntoo many\n"},
     "too many\n"},
    {true, {.status = 200, .headers = "content-type: application/json\r\n", .body = GOOD}, GOOD},
    {true, {.status = 429, .headers = "retry-after: 7\r\n", .body = "too many\n"}, "too many\n"},
};

/* Cut the answer after @cut bytes. Returns whether it came whole. */
static bool cut_once(size_t i, size_t cut, bool reset)
{
    f.bad = answers[i].reply;
    f.bad.cut = cut;
    f.bad.reset = reset;
    f.left = 2; /* libcurl itself tries again when a kept connection ends without a byte */
    exchange();
    bool whole = !f.failed;
    if (whole) {
        assert_string_equal(buf_text(&f.body), answers[i].body);
    }
    if (f.heads > 0 && f.http_status == 429) {
        assert_int_equal(f.retry_after_ms, 7000);
    }
    f.left = 0;
    assert_well();
    return whole;
}

/* From the first byte on, until one byte more makes no difference. */
static void cut_everywhere(size_t i, bool reset)
{
    bool whole = false;
    size_t cut = 0;
    while (!whole && cut < CUT_MAX) {
        start(answers[i].http2);
        for (size_t n = 0; !whole && n < EXCHANGES_PER_SERVER; n++) {
            whole = cut_once(i, ++cut, reset);
        }
        stop();
    }
    assert_true(whole);
    assert_true(cut >= strlen(answers[i].body) + 30); /* there were heads to cut, too */
}

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count;
}

static void an_answer_may_end_after_any_byte(void **state)
{
    (void)state;
    unsigned before = open_descriptors();
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        cut_everywhere(i, false);
        cut_everywhere(i, true);
    }
    assert_int_equal(open_descriptors(), before);
}

/* ---- lies ---- */

/* Bytes behind an answer's end never become part of the next one. */
static void an_answer_longer_than_it_says(void **state)
{
    (void)state;
    start(false);
    f.bad = (struct net_reply){.raw = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
                                      "goodHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"};
    f.left = 1;
    exchange();
    assert_false(f.failed);
    assert_string_equal(buf_text(&f.body), "good");
    assert_well();
    stop();
}

static void lengths_that_are_none(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "Content-Length: -1\r\n",
        "Content-Length: 99999999999999999999999999\r\n",
        "Content-Length: 4x\r\n",
        "Content-Length: \r\n",
        "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Transfer-Encoding: unheard-of\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        char raw[512];
        snprintf(raw, sizeof(raw), "HTTP/1.1 200 OK\r\n%s\r\nevil", heads[i]);
        start(false);
        f.bad = (struct net_reply){.raw = raw, .then = NET_CLOSE};
        f.left = 1;
        exchange(); /* whatever comes of it, it ends once */
        assert_well();
        stop();
    }
}

static void bad_chunks(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "zz\r\nevil\r\n0\r\n\r\n",
        "ffffffffffffffffffff\r\nevil\r\n0\r\n\r\n",
        "4\r\nevil and more\r\n0\r\n\r\n",
        "-4\r\nevil\r\n0\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        char raw[512];
        snprintf(raw, sizeof(raw), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s",
                 bodies[i]);
        start(false);
        f.bad = (struct net_reply){.raw = raw, .then = NET_CLOSE};
        f.left = 1;
        exchange();
        assert_true(f.failed);
        assert_well();
        stop();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_may_end_after_any_byte),
        cmocka_unit_test(an_answer_longer_than_it_says),
        cmocka_unit_test(lengths_that_are_none),
        cmocka_unit_test(bad_chunks),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}

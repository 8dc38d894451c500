/*
 * Leader election against a Lease kept in one variable: golden traces of the cycle, tables of
 * hostile records, and machines at random with lost answers, late requests and pauses.
 */
#include "lib/testing.h"

#include "base/buf.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/lease.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WALL_US 1795345985000000 /* 2026-11-22T11:13:05Z at mono_ms 0 */

static struct now at(uint64_t mono_ms)
{
    return (struct now){.mono_ms = mono_ms, .wall_us = WALL_US + (int64_t)mono_ms * 1000};
}

/* The server: one Lease. */

struct server {
    bool exists;
    unsigned rv;
    unsigned uid;
    char *spec; /* JSON */
};

struct reply {
    struct error err; /* ERR_NONE: 2xx */
    char *body;
};

static void server_set(struct server *s, const char *spec)
{
    char *copy = mem_strdup(spec);
    mem_free(s->spec);
    s->spec = copy;
    s->uid += !s->exists;
    s->exists = true;
    s->rv++;
}

static void server_delete(struct server *s)
{
    s->exists = false;
}

/* A sign of life of another holder. */
static void server_renew(struct server *s, const char *holder, unsigned n)
{
    char spec[256];
    snprintf(spec, sizeof spec,
             "{\"holderIdentity\":\"%s\",\"leaseDurationSeconds\":15,\"leaseTransitions\":4,"
             "\"renewTime\":\"2001-01-01T00:00:%02u.000000Z\"}",
             holder, n % 60);
    server_set(s, spec);
}

static char *server_body(const struct server *s)
{
    struct buf b;
    buf_init(&b, BODY_BYTES_MAX);
    buf_printf(&b, "{\"metadata\":{\"name\":\"op\",\"uid\":\"u%u\",\"resourceVersion\":\"%u\"}",
               s->uid, s->rv);
    if (s->spec[0] != '\0') {
        buf_append_text(&b, ",\"spec\":");
        buf_append_text(&b, s->spec);
    }
    buf_append_text(&b, "}");
    assert_false(b.truncated);
    return buf_take(&b);
}

static int server_write(struct server *s, const struct request *r)
{
    if (r->method == HTTP_POST && s->exists) {
        return ERR_EXISTS;
    }
    if (r->method == HTTP_PUT && !s->exists) {
        return ERR_NOT_FOUND;
    }
    struct error err = ERROR_INIT;
    yyjson_doc *doc = json_parse(r->body, r->body_len, &err);
    assert_non_null(doc);
    yyjson_val *root = yyjson_doc_get_root(doc);
    const char *rv = yyjson_get_str(json_at(root, "metadata", "resourceVersion", NULL));
    bool fresh = r->method == HTTP_POST ? rv == NULL : (unsigned)atoi(rv) == s->rv;
    if (fresh) {
        char *spec = yyjson_val_write(json_at(root, "spec", NULL), 0, NULL);
        server_set(s, spec);
        free(spec);
    }
    yyjson_doc_free(doc);
    return fresh ? ERR_NONE : ERR_CONFLICT;
}

static struct reply server_reply(struct server *s, const struct request *r)
{
    struct reply reply = {.err = ERROR_INIT};
    if (r->method != HTTP_GET) {
        reply.err.code = server_write(s, r);
    } else if (!s->exists) {
        reply.err.code = ERR_NOT_FOUND;
    }
    reply.body = reply.err.code == ERR_NONE ? server_body(s) : mem_strdup("");
    return reply;
}

/* One machine and its trace. */

struct rig {
    struct server server;
    struct random random;
    struct lease lease;
    struct request request; /* in flight */
    struct buf trace;
};

static const char *state_name(enum lease_state state)
{
    static const char *const names[] = {"standby", "leading", "lost", "releasing", "released"};
    return names[state];
}

static int make(void **state)
{
    struct rig *rig = mem_zalloc(sizeof *rig);
    rig->server.spec = mem_strdup("");
    random_init(&rig->random, 1);
    lease_init(&rig->lease, "ns", "op", "me", &rig->random);
    buf_init(&rig->trace, 1 << 20);
    *state = rig;
    return 0;
}

static int unmake(void **state)
{
    struct rig *rig = *state;
    lease_fini(&rig->lease);
    request_fini(&rig->request);
    buf_fini(&rig->trace);
    mem_free(rig->server.spec);
    mem_free(rig);
    return 0;
}

static bool want(struct rig *rig, struct now now)
{
    request_fini(&rig->request);
    rig->request = (struct request){0};
    return lease_want(&rig->lease, now, &rig->request);
}

/* Ask for a request, which must come, at @ms. */
static void ask(struct rig *rig, uint64_t ms, enum http_method method)
{
    assert_true(want(rig, at(ms)));
    assert_string_equal(http_method_name(rig->request.method), http_method_name(method));
}

static void ask_nothing(struct rig *rig, uint64_t ms)
{
    struct request none = {0};
    assert_false(lease_want(&rig->lease, at(ms), &none)); /* the one in flight stays */
}

static void refuse(struct rig *rig, uint64_t ms, int code)
{
    struct error err = ERROR_INIT;
    err.code = code;
    lease_answer(&rig->lease, at(ms), "", 0, &err);
}

/* The server's answer to the request in flight. */
static int answer(struct rig *rig, uint64_t ms)
{
    struct reply reply = server_reply(&rig->server, &rig->request);
    bool ok = reply.err.code == ERR_NONE;
    lease_answer(&rig->lease, at(ms), reply.body, strlen(reply.body), ok ? NULL : &reply.err);
    mem_free(reply.body);
    return reply.err.code;
}

static void exchange(struct rig *rig, uint64_t ms, enum http_method method)
{
    ask(rig, ms, method);
    answer(rig, ms);
}

static void lead(struct rig *rig, uint64_t ms)
{
    exchange(rig, ms, HTTP_GET);
    exchange(rig, ms, rig->server.exists ? HTTP_PUT : HTTP_POST);
    assert_true(lease_step(&rig->lease, at(ms)));
}

/* Let it run by its own deadlines up to @until_ms, each request answered at once. */
static void run(struct rig *rig, uint64_t until_ms)
{
    for (;;) {
        uint64_t ms = lease_deadline(&rig->lease);
        if (ms > until_ms) {
            return;
        }
        if (!want(rig, at(ms))) {
            buf_printf(&rig->trace, "[%2u] %s\n", (unsigned)(ms / 1000),
                       state_name(rig->lease.state));
            continue;
        }
        buf_printf(&rig->trace, "[%2u] %s ", (unsigned)(ms / 1000),
                   http_method_name(rig->request.method));
        int code = answer(rig, ms);
        buf_printf(&rig->trace, "%s → %s\n", error_code_name(code), state_name(rig->lease.state));
    }
}

static void expect_trace(struct rig *rig, const char *want)
{
    assert_string_equal(buf_text(&rig->trace), want);
    buf_reset(&rig->trace, 0);
}

static void expect_spec(const struct rig *rig, const char *want)
{
    assert_string_equal(rig->server.spec, want);
}

/* The cycle. */

static void creates_and_renews(void **state)
{
    struct rig *rig = *state;
    run(rig, 5000);
    expect_trace(rig, "[ 0] GET not-found → standby\n"
                      "[ 0] POST none → leading\n"
                      "[ 2] PUT none → leading\n"
                      "[ 4] PUT none → leading\n");
    assert_string_equal(lease_holder(&rig->lease), "me");
}

static void requests_are_as_the_api_wants_them(void **state)
{
    struct rig *rig = *state;
    ask(rig, 0, HTTP_GET);
    assert_string_equal(rig->request.path, "/apis/coordination.k8s.io/v1/namespaces/ns/leases/op");
    assert_null(rig->request.body);
    assert_int_equal(rig->request.timeout_ms, LEASE_REQUEST_MS);
    answer(rig, 0);
    ask(rig, 0, HTTP_POST);
    assert_string_equal(rig->request.path, "/apis/coordination.k8s.io/v1/namespaces/ns/leases");
    assert_string_equal(rig->request.content_type, "application/json");
    assert_int_equal(rig->request.body_len, strlen(rig->request.body));
    assert_string_equal(rig->request.body,
                        "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\","
                        "\"metadata\":{\"name\":\"op\",\"namespace\":\"ns\"},"
                        "\"spec\":{\"holderIdentity\":\"me\",\"leaseDurationSeconds\":15,"
                        "\"acquireTime\":\"2026-11-22T11:13:05.000000Z\","
                        "\"renewTime\":\"2026-11-22T11:13:05.000000Z\",\"leaseTransitions\":0}}");
    answer(rig, 0);
    ask(rig, 2400, HTTP_PUT);
    assert_string_equal(rig->request.path, "/apis/coordination.k8s.io/v1/namespaces/ns/leases/op");
    assert_string_equal(rig->request.body,
                        "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\","
                        "\"metadata\":{\"name\":\"op\",\"namespace\":\"ns\","
                        "\"resourceVersion\":\"1\",\"uid\":\"u1\"},"
                        "\"spec\":{\"holderIdentity\":\"me\",\"leaseDurationSeconds\":15,"
                        "\"acquireTime\":\"2026-11-22T11:13:05.000000Z\","
                        "\"renewTime\":\"2026-11-22T11:13:07.400000Z\",\"leaseTransitions\":0}}");
}

static void one_attempt_at_a_time(void **state)
{
    struct rig *rig = *state;
    ask(rig, 0, HTTP_GET);
    ask_nothing(rig, 4000);
    assert_int_equal(lease_deadline(&rig->lease), UINT64_MAX);
}

static void stands_by_while_another_renews(void **state)
{
    struct rig *rig = *state;
    for (unsigned s = 0; s < 60; s += 10) {
        server_renew(&rig->server, "other", s);
        run(rig, s * 1000 + 9999);
        assert_int_equal(rig->lease.state, LEASE_STANDBY);
    }
    assert_string_equal(lease_holder(&rig->lease), "other");
    assert_null(strstr(buf_text(&rig->trace), "P"));
}

static void takes_over_15_s_after_the_last_change_seen(void **state)
{
    struct rig *rig = *state;
    server_renew(&rig->server, "other", 1); /* its own times are decades old */
    exchange(rig, 1000, HTTP_GET);
    exchange(rig, 10000, HTTP_GET);
    server_renew(&rig->server, "other", 2);
    exchange(rig, 12500, HTTP_GET);
    exchange(rig, 27499, HTTP_GET);
    ask_nothing(rig, 27499);
    exchange(rig, 30000, HTTP_GET);
    exchange(rig, 30000, HTTP_PUT);
    assert_int_equal(rig->lease.state, LEASE_LEADING);
    expect_spec(rig, "{\"holderIdentity\":\"me\",\"leaseDurationSeconds\":15,"
                     "\"acquireTime\":\"2026-11-22T11:13:35.000000Z\","
                     "\"renewTime\":\"2026-11-22T11:13:35.000000Z\",\"leaseTransitions\":5}");
}

static void a_rival_was_faster(void **state)
{
    struct rig *rig = *state;
    server_set(&rig->server, "{\"holderIdentity\":\"\",\"leaseDurationSeconds\":1}");
    exchange(rig, 0, HTTP_GET);
    ask(rig, 0, HTTP_PUT);
    server_renew(&rig->server, "other", 2);
    assert_int_equal(answer(rig, 0), ERR_CONFLICT);
    ask_nothing(rig, 1999); /* no circles */
    exchange(rig, 2400, HTTP_GET);
    ask_nothing(rig, 2400);
    assert_string_equal(lease_holder(&rig->lease), "other");
}

static void a_rival_created_it_first(void **state)
{
    struct rig *rig = *state;
    exchange(rig, 0, HTTP_GET);
    ask(rig, 0, HTTP_POST);
    server_renew(&rig->server, "other", 1);
    assert_int_equal(answer(rig, 0), ERR_EXISTS);
    assert_int_equal(rig->lease.state, LEASE_STANDBY);
    exchange(rig, 2400, HTTP_GET);
    ask_nothing(rig, 2400);
}

static void failures_wait_for_the_next_try(void **state)
{
    static const int codes[] = {ERR_TRANSPORT, ERR_FORBIDDEN, ERR_UNAUTHORIZED, ERR_SERVER,
                                ERR_TOO_MANY,  ERR_TOO_BIG,   ERR_CANCELLED};
    struct rig *rig = *state;
    uint64_t ms = 0;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        ask(rig, ms, HTTP_GET);
        refuse(rig, ms + 100, codes[i]);
        ask_nothing(rig, ms + 2099);
        uint64_t next_ms = lease_deadline(&rig->lease);
        assert_in_range(next_ms, ms + 2100, ms + 2500);
        ms = next_ms;
    }
    ask(rig, ms, HTTP_GET);
}

static void a_namespace_that_is_missing_is_waited_for(void **state)
{
    struct rig *rig = *state;
    exchange(rig, 0, HTTP_GET);
    ask(rig, 0, HTTP_POST);
    refuse(rig, 0, ERR_NOT_FOUND);
    ask_nothing(rig, 1999);
    exchange(rig, 2400, HTTP_GET);
    exchange(rig, 2400, HTTP_POST);
    assert_int_equal(rig->lease.state, LEASE_LEADING);
}

/* What was lost on the way. */

static void a_post_whose_answer_was_lost_is_found_out(void **state)
{
    struct rig *rig = *state;
    exchange(rig, 0, HTTP_GET);
    ask(rig, 0, HTTP_POST);
    mem_free(server_reply(&rig->server, &rig->request).body);
    refuse(rig, 5000, ERR_TRANSPORT);
    assert_int_equal(rig->lease.state, LEASE_STANDBY);
    exchange(rig, 7400, HTTP_GET);
    assert_int_equal(rig->lease.state, LEASE_STANDBY); /* the look itself proves nothing new */
    exchange(rig, 7400, HTTP_PUT);
    assert_int_equal(rig->lease.state, LEASE_LEADING);
    assert_int_equal(lease_write_deadline(&rig->lease), 7400 + 9000);
    assert_non_null(strstr(rig->server.spec, "\"leaseTransitions\":0"));
}

static void a_renewal_whose_answer_was_lost_is_found_out(void **state)
{
    struct rig *rig = *state;
    lead(rig, 0);
    ask(rig, 2400, HTTP_PUT);
    mem_free(server_reply(&rig->server, &rig->request).body);
    refuse(rig, 7400, ERR_TRANSPORT);
    assert_int_equal(lease_write_deadline(&rig->lease), 9000); /* not counted */
    exchange(rig, 7400, HTTP_GET);
    exchange(rig, 7400, HTTP_PUT);
    assert_int_equal(lease_write_deadline(&rig->lease), 7400 + 9000);
}

static void a_foreign_change_of_the_lease_is_no_loss(void **state)
{
    struct rig *rig = *state;
    lead(rig, 0);
    rig->server.rv++; /* someone put a label on it */
    run(rig, 3000);
    expect_trace(rig, "[ 2] PUT conflict → leading\n"
                      "[ 2] GET none → leading\n"
                      "[ 2] PUT none → leading\n");
}

static void endless_conflicts_make_no_hot_loop(void **state)
{
    struct rig *rig = *state;
    lead(rig, 0);
    unsigned requests = 0;
    while (lease_deadline(&rig->lease) < 60000) {
        uint64_t ms = lease_deadline(&rig->lease);
        if (want(rig, at(ms))) {
            rig->server.rv += rig->request.method == HTTP_PUT;
            answer(rig, ms);
            requests++;
        }
    }
    assert_int_equal(rig->lease.state, LEASE_LOST);
    assert_in_range(requests, 6, 12);
}

static void a_holder_that_was_cleared_is_set_again(void **state)
{
    struct rig *rig = *state;
    lead(rig, 0);
    server_renew(&rig->server, "", 1);
    run(rig, 3000);
    expect_trace(rig, "[ 2] PUT conflict → leading\n"
                      "[ 2] GET none → leading\n"
                      "[ 2] PUT none → leading\n");
    assert_non_null(strstr(rig->server.spec, "\"me\""));
    assert_non_null(strstr(rig->server.spec, "\"leaseTransitions\":5"));
}

static void a_lease_that_was_deleted_is_made_again(void **state)
{
    struct rig *rig = *state;
    lead(rig, 0);
    server_delete(&rig->server);
    run(rig, 3000);
    expect_trace(rig, "[ 2] PUT not-found → leading\n"
                      "[ 2] GET not-found → leading\n"
                      "[ 2] POST none → leading\n");
}

static void a_deleted_lease_of_another_is_waited_out(void **state)
{
    struct rig *rig = *state;
    server_renew(&rig->server, "other", 1);
    exchange(rig, 0, HTTP_GET);
    server_delete(&rig->server);
    exchange(rig, 14000, HTTP_GET);
    ask_nothing(rig, 14000); /* the other may not know yet */
    exchange(rig, 16400, HTTP_GET);
    exchange(rig, 16400, HTTP_POST);
    assert_int_equal(rig->lease.state, LEASE_LEADING);
}

/* By hand: its holder finds out only when it renews. */
static void a_lease_that_was_cleared_is_waited_out(void **state)
{
    struct rig *rig = *state;
    server_renew(&rig->server, "other", 1);
    exchange(rig, 0, HTTP_GET);
    server_set(&rig->server, "{\"holderIdentity\":\"\",\"leaseDurationSeconds\":15}");
    exchange(rig, 2400, HTTP_GET);
    ask_nothing(rig, 2400);
    server_set(&rig->server, "{}");
    exchange(rig, 4800, HTTP_GET);
    exchange(rig, 19799, HTTP_GET);
    exchange(rig, 22200, HTTP_GET);
    exchange(rig, 22200, HTTP_PUT);
    assert_int_equal(rig->lease.state, LEASE_LEADING);
}

/* Its name was never seen, but that it was there. */
static void a_rival_whose_lease_was_deleted_is_waited_out(void **state)
{
    struct rig *rig = *state;
    exchange(rig, 0, HTTP_GET);
    ask(rig, 0, HTTP_POST);
    server_renew(&rig->server, "other", 1);
    assert_int_equal(answer(rig, 0), ERR_EXISTS);
    server_delete(&rig->server);
    exchange(rig, 2400, HTTP_GET);
    ask_nothing(rig, 2400);
    exchange(rig, 15000, HTTP_GET);
    exchange(rig, 15000, HTTP_POST);
}

/* The end of leading. */

static void counts_from_when_the_attempt_began(void **state)
{
    struct rig *rig = *state;
    exchange(rig, 1000, HTTP_GET);
    ask(rig, 1000, HTTP_POST);
    answer(rig, 5000);
    assert_true(lease_step(&rig->lease, at(5000)));
    assert_int_equal(lease_write_deadline(&rig->lease), 10000);
    assert_true(lease_step(&rig->lease, at(10999)));
    assert_false(lease_step(&rig->lease, at(11000)));
    assert_int_equal(rig->lease.state, LEASE_LOST);
}

static void an_answer_that_comes_too_late_makes_no_leader(void **state)
{
    struct rig *rig = *state;
    exchange(rig, 0, HTTP_GET);
    ask(rig, 0, HTTP_POST);
    answer(rig, 10000); /* we were stopped meanwhile */
    assert_int_equal(rig->lease.state, LEASE_STANDBY);
    assert_false(lease_step(&rig->lease, at(10000)));
    exchange(rig, 12400, HTTP_GET);
    exchange(rig, 12400, HTTP_PUT);
    assert_int_equal(rig->lease.state, LEASE_LEADING);
}

static void a_server_that_hangs_is_asked_twice_before_it_is_lost(void **state)
{
    struct rig *rig = *state;
    lead(rig, 0);
    ask(rig, 2400, HTTP_PUT);
    assert_int_equal(rig->request.timeout_ms, 5000);
    assert_int_equal(lease_deadline(&rig->lease), 10000);
    refuse(rig, 7400, ERR_TRANSPORT);
    ask(rig, 7400, HTTP_GET);
    assert_int_equal(rig->request.timeout_ms, 2600);
    refuse(rig, 9999, ERR_TRANSPORT);
    assert_true(lease_step(&rig->lease, at(9999)));
    assert_int_equal(lease_deadline(&rig->lease), 10000);
    ask_nothing(rig, 10000);
    assert_int_equal(rig->lease.state, LEASE_LOST);
    assert_int_equal(lease_deadline(&rig->lease), UINT64_MAX);
}

static void lost_when_another_has_it(void **state)
{
    struct rig *rig = *state;
    lead(rig, 0);
    server_renew(&rig->server, "other", 1);
    run(rig, 60000);
    expect_trace(rig, "[ 2] PUT conflict → leading\n"
                      "[ 2] GET none → lost\n");
    assert_false(lease_step(&rig->lease, at(60000)));
}

static void lost_after_suspend(void **state)
{
    struct rig *rig = *state;
    lead(rig, 0);
    ask_nothing(rig, 3600 * 1000);
    assert_int_equal(rig->lease.state, LEASE_LOST);
}

static void lost_stays_lost(void **state)
{
    struct rig *rig = *state;
    lead(rig, 0);
    ask(rig, 2400, HTTP_PUT);
    assert_false(lease_step(&rig->lease, at(10000)));
    answer(rig, 10001); /* it did take effect */
    assert_false(lease_step(&rig->lease, at(10001)));
    ask_nothing(rig, 20000);
    assert_int_equal(rig->lease.state, LEASE_LOST);
}

static void wall_clock_jumps_change_nothing(void **state)
{
    struct rig *rig = *state;
    lead(rig, 0);
    static const int64_t jumps[] = {INT64_MIN / 2, -WALL_US, 0, INT64_MAX / 2};
    for (size_t i = 0; i < ARRAY_LEN(jumps); i++) {
        struct now now = {.mono_ms = 2400 * (i + 1), .wall_us = jumps[i]};
        assert_true(want(rig, now));
        answer(rig, now.mono_ms);
        assert_int_equal(lease_write_deadline(&rig->lease), now.mono_ms + 9000);
    }
}

/* Giving it back. */

static void releases(void **state)
{
    struct rig *rig = *state;
    lead(rig, 0);
    lease_release(&rig->lease, at(1000));
    assert_false(lease_step(&rig->lease, at(1000)));
    ask(rig, 1000, HTTP_PUT);
    assert_int_equal(rig->request.timeout_ms, 1000);
    lease_release(&rig->lease, at(1200)); /* again: no matter */
    assert_int_equal(rig->lease.state, LEASE_RELEASING);
    answer(rig, 1500);
    assert_int_equal(rig->lease.state, LEASE_RELEASED);
    assert_int_equal(lease_deadline(&rig->lease), UINT64_MAX);
    ask_nothing(rig, 9000);
    expect_spec(rig, "{\"holderIdentity\":\"\",\"leaseDurationSeconds\":1,"
                     "\"acquireTime\":\"2026-11-22T11:13:06.000000Z\","
                     "\"renewTime\":\"2026-11-22T11:13:06.000000Z\",\"leaseTransitions\":0}");
}

static void a_released_lease_is_taken_at_once(void **state)
{
    struct rig *rig = *state;
    server_renew(&rig->server, "other", 1);
    exchange(rig, 0, HTTP_GET);
    server_set(&rig->server, "{\"holderIdentity\":\"\",\"leaseDurationSeconds\":1}");
    exchange(rig, 2400, HTTP_GET);
    exchange(rig, 2400, HTTP_PUT);
    assert_int_equal(rig->lease.state, LEASE_LEADING);
}

static void a_release_that_takes_too_long_is_given_up(void **state)
{
    struct rig *rig = *state;
    lead(rig, 0);
    lease_release(&rig->lease, at(1000));
    ask(rig, 1000, HTTP_PUT);
    assert_int_equal(lease_deadline(&rig->lease), 2000);
    lease_step(&rig->lease, at(1999));
    assert_int_equal(rig->lease.state, LEASE_RELEASING);
    lease_step(&rig->lease, at(2000));
    assert_int_equal(rig->lease.state, LEASE_RELEASED);
}

static void a_release_waits_for_the_renewal_in_flight(void **state)
{
    struct rig *rig = *state;
    lead(rig, 0);
    ask(rig, 2400, HTTP_PUT);
    lease_release(&rig->lease, at(2500));
    ask_nothing(rig, 2500);
    answer(rig, 2600);
    assert_int_equal(rig->lease.state, LEASE_RELEASING);
    exchange(rig, 2600, HTTP_PUT);
    assert_int_equal(rig->lease.state, LEASE_RELEASED);
    assert_non_null(strstr(rig->server.spec, "\"holderIdentity\":\"\""));
}

static void a_release_after_a_lost_answer_looks_first(void **state)
{
    struct rig *rig = *state;
    lead(rig, 0);
    ask(rig, 2400, HTTP_PUT);
    mem_free(server_reply(&rig->server, &rig->request).body);
    lease_release(&rig->lease, at(2500));
    refuse(rig, 2600, ERR_TRANSPORT);
    exchange(rig, 2600, HTTP_GET);
    exchange(rig, 2600, HTTP_PUT);
    assert_int_equal(rig->lease.state, LEASE_RELEASED);
    assert_non_null(strstr(rig->server.spec, "\"holderIdentity\":\"\""));
}

/* It landed when its loss had been noticed, and looked after, already. */
static void a_release_after_a_renewal_that_landed_late_looks_again(void **state)
{
    struct rig *rig = *state;
    lead(rig, 0);
    ask(rig, 2400, HTTP_PUT);
    refuse(rig, 2500, ERR_TRANSPORT);
    exchange(rig, 2500, HTTP_GET);
    server_renew(&rig->server, "me", 1);
    lease_release(&rig->lease, at(4000));
    ask(rig, 4000, HTTP_PUT);
    assert_int_equal(answer(rig, 4000), ERR_CONFLICT);
    exchange(rig, 4000, HTTP_GET);
    exchange(rig, 4000, HTTP_PUT);
    assert_int_equal(rig->lease.state, LEASE_RELEASED);
    assert_non_null(strstr(rig->server.spec, "\"holderIdentity\":\"\""));
}

static void a_release_leaves_what_is_not_ours(void **state)
{
    struct rig *rig = *state;
    lead(rig, 0);
    server_renew(&rig->server, "other", 1);
    lease_release(&rig->lease, at(1000));
    run(rig, 9000);
    expect_trace(rig, "[ 1] PUT conflict → releasing\n"
                      "[ 1] GET none → released\n");
    assert_non_null(strstr(rig->server.spec, "\"other\""));
}

static void a_release_does_not_bring_back_what_was_deleted(void **state)
{
    struct rig *rig = *state;
    lead(rig, 0);
    server_delete(&rig->server);
    lease_release(&rig->lease, at(1000));
    run(rig, 9000);
    expect_trace(rig, "[ 1] PUT not-found → releasing\n"
                      "[ 1] GET not-found → released\n");
}

static void who_does_not_lead_has_nothing_to_release(void **state)
{
    struct rig *rig = *state;
    server_renew(&rig->server, "other", 1);
    exchange(rig, 0, HTTP_GET);
    lease_release(&rig->lease, at(1000));
    assert_int_equal(rig->lease.state, LEASE_RELEASED);
    ask_nothing(rig, 60000);
}

static void what_is_lost_is_not_released(void **state)
{
    struct rig *rig = *state;
    lead(rig, 0);
    lease_release(&rig->lease, at(10000));
    assert_int_equal(rig->lease.state, LEASE_RELEASED);
}

/* Records that nobody should have written. */

enum { NEVER = 0, HUGE_TEXT_BYTES = 1 << 20 };

static void strange_records_are_waited_out(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        unsigned taken_after_s;
    } table[] = {
        {"{\"holderIdentity\":\"x\",\"leaseDurationSeconds\":15}", 15},
        {"{\"holderIdentity\":\"x\",\"leaseDurationSeconds\":3}", 15},
        {"{\"holderIdentity\":\"x\",\"leaseDurationSeconds\":60}", 60},
        {"{\"holderIdentity\":\"x\"}", 15},
        {"{\"holderIdentity\":\"x\",\"leaseDurationSeconds\":0}", 15},
        {"{\"holderIdentity\":\"x\",\"leaseDurationSeconds\":-7}", 15},
        {"{\"holderIdentity\":\"x\",\"leaseDurationSeconds\":\"1\"}", 15},
        {"{\"holderIdentity\":\"x\",\"leaseDurationSeconds\":1.5}", 15},
        {"{\"holderIdentity\":\"x\",\"leaseDurationSeconds\":null}", 15},
        {"{\"holderIdentity\":\"x\",\"leaseDurationSeconds\":18446744073709551615}", 15},
        {"{\"holderIdentity\":\"x\",\"leaseTransitions\":2147483647}", 15},
        {"{\"holderIdentity\":\"x\",\"leaseTransitions\":-1,\"acquireTime\":17}", 15},
        {"{\"holderIdentity\":\"x\",\"acquireTime\":\"yesterday\",\"renewTime\":[]}", 15},
        {"{\"holderIdentity\":\"me\\u0000\"}", 15},
        {"{\"holderIdentity\":\"m\"}", 15},
        {"{\"holderIdentity\":7}", 15},
        {"{\"holderIdentity\":[\"me\"]}", 15},
        {"", 15},
        {"null", 15},
        {"[]", 15},
        {"\"me\"", 15},
        {"{\"holderIdentity\":null}", 15},
        {"{\"holderIdentity\":\"\",\"leaseDurationSeconds\":60}", 60},
        {"{}", 15},
        {"{\"holderIdentity\":\"\",\"leaseDurationSeconds\":1}", 0},
        {"{\"holderIdentity\":null,\"leaseDurationSeconds\":1}", 0},
        {"{\"holderIdentity\":\"me\",\"leaseDurationSeconds\":60}", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct rig *rig = NULL;
        make((void **)&rig);
        server_set(&rig->server, table[i].spec);
        uint64_t end_ms = table[i].taken_after_s * 1000;
        if (end_ms > 0) {
            run(rig, end_ms - 1);
            assert_int_equal(rig->lease.state, LEASE_STANDBY);
        }
        run(rig, end_ms + 2400);
        assert_int_equal(rig->lease.state, LEASE_LEADING);
        unmake((void **)&rig);
    }
}

static void a_holder_of_a_megabyte(void **state)
{
    struct rig *rig = *state;
    struct buf spec;
    buf_init(&spec, 2 * HUGE_TEXT_BYTES);
    buf_append_text(&spec, "{\"holderIdentity\":\"");
    for (unsigned i = 0; i < HUGE_TEXT_BYTES; i++) {
        buf_append_char(&spec, 'x');
    }
    buf_append_text(&spec, "\"}");
    server_set(&rig->server, buf_text(&spec));
    buf_fini(&spec);
    run(rig, 14999);
    assert_int_equal(rig->lease.state, LEASE_STANDBY);
    assert_int_equal(strlen(lease_holder(&rig->lease)), HUGE_TEXT_BYTES);
    run(rig, 17400);
    assert_int_equal(rig->lease.state, LEASE_LEADING);
}

static void transitions_do_not_overflow(void **state)
{
    static const struct {
        const char *before;
        const char *after;
    } table[] = {
        {"7", "8}"},  {"2147483646", "2147483647}"}, {"2147483647", "2147483647}"},
        {"-2", "1}"}, {"9223372036854775807", "1}"}, {"\"5\"", "1}"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct rig *rig = NULL;
        make((void **)&rig);
        char spec[128];
        snprintf(spec, sizeof spec, "{\"leaseDurationSeconds\":1,\"leaseTransitions\":%s}",
                 table[i].before);
        server_set(&rig->server, spec);
        lead(rig, 0);
        const char *written = strstr(rig->server.spec, "\"leaseTransitions\":");
        assert_string_equal(written + strlen("\"leaseTransitions\":"), table[i].after);
        unmake((void **)&rig);
    }
}

static void what_is_no_lease_is_never_written_on(void **state)
{
    static const char *const bodies[] = {
        "",
        "null",
        "{",
        "{}",
        "[]",
        "<html>",
        "{\"metadata\":{},\"spec\":{}}",
        "{\"metadata\":{\"resourceVersion\":\"\"},\"spec\":{}}",
        "{\"metadata\":{\"resourceVersion\":7},\"spec\":{}}",
        "{\"metadata\":[\"resourceVersion\"],\"spec\":{}}",
        "{\"metadata\":{\"resourceVersion\":"
        "\"000000000011111111112222222222333333333344444444445555555555666666666677777777778"
        "888888888999999999900000000001111111111222222222233333333334\"},\"spec\":{}}",
    };
    struct rig *rig = *state;
    uint64_t ms = 0;
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
            ask(rig, ms, HTTP_GET);
            lease_answer(&rig->lease, at(ms), bodies[i], strlen(bodies[i]), NULL);
            ask_nothing(rig, ms + 1999);
            ms += 2400;
        }
    }
}

static void a_success_that_says_nothing_does_not_count(void **state)
{
    struct rig *rig = *state;
    lead(rig, 0);
    ask(rig, 2400, HTTP_PUT);
    lease_answer(&rig->lease, at(2400), "{}", 2, NULL);
    assert_int_equal(lease_write_deadline(&rig->lease), 9000);
    exchange(rig, 2400, HTTP_GET);
    exchange(rig, 2400, HTTP_PUT); /* it had not taken effect */
    assert_int_equal(lease_write_deadline(&rig->lease), 11400);
}

static void a_success_that_names_another_does_not_count(void **state)
{
    struct rig *rig = *state;
    exchange(rig, 0, HTTP_GET);
    ask(rig, 0, HTTP_POST);
    server_renew(&rig->server, "other", 1);
    char *body = server_body(&rig->server);
    lease_answer(&rig->lease, at(0), body, strlen(body), NULL);
    mem_free(body);
    assert_int_equal(rig->lease.state, LEASE_STANDBY);
    exchange(rig, 2400, HTTP_GET);
    ask_nothing(rig, 2400);
}

/* Several machines, one Lease, and a network that loses, delays and reorders. */

enum { MACHINES = 3, MESSAGES_MAX = 16, CHAOS_RUNS = 2000, CHAOS_MS = 90 * 1000 };

struct message {
    bool used;
    uint64_t arrives_ms; /* UINT64_MAX: lost */
    struct request request;
    /* how its sender hears of it, unless it stopped listening */
    struct machine *sender;
    uint64_t answered_ms; /* the answer's way may be longer than the sender's patience */
};

struct machine {
    struct lease lease;
    struct message *waiting;
    uint64_t timeout_ms;
    struct reply reply;
    bool replied;
    uint64_t paused_until_ms;
    unsigned generation;
};

struct chaos {
    struct random random;
    struct server server;
    struct machine machines[MACHINES];
    struct message messages[MESSAGES_MAX];
    uint64_t now_ms;
    unsigned elections;
    bool calm; /* faults are over */
};

static bool one_in(struct chaos *c, uint64_t n)
{
    return !c->calm && random_below(&c->random, n) == 0;
}

static void machine_start(struct chaos *c, struct machine *m)
{
    char identity[32];
    snprintf(identity, sizeof identity, "%c%u", (int)('a' + (m - c->machines)), m->generation++);
    lease_init(&m->lease, "ns", "op", identity, &c->random);
}

/* The process is gone; what it has sent is still on its way. */
static void machine_end(struct machine *m)
{
    lease_fini(&m->lease);
    mem_free(m->reply.body);
    if (m->waiting != NULL) {
        m->waiting->sender = NULL;
    }
    *m = (struct machine){.generation = m->generation};
}

static void machine_send(struct chaos *c, struct machine *m, struct request request)
{
    struct message *msg = c->messages;
    while (msg < c->messages + MESSAGES_MAX && msg->used) {
        msg++;
    }
    m->timeout_ms = c->now_ms + request.timeout_ms;
    if (msg == c->messages + MESSAGES_MAX) {
        request_fini(&request); /* the network is full */
        return;
    }
    uint64_t there_ms =
        one_in(c, 8) ? random_below(&c->random, 25000) : random_below(&c->random, 60);
    uint64_t back_ms = one_in(c, 8) ? random_below(&c->random, 9000) : random_below(&c->random, 60);
    *msg = (struct message){.used = true,
                            .arrives_ms = one_in(c, 12) ? UINT64_MAX : c->now_ms + there_ms,
                            .answered_ms = c->now_ms + there_ms + back_ms,
                            .request = request,
                            .sender = m};
    m->waiting = msg;
}

static void network_step(struct chaos *c)
{
    for (struct message *msg = c->messages; msg < c->messages + MESSAGES_MAX; msg++) {
        if (!msg->used || msg->arrives_ms > c->now_ms) {
            continue;
        }
        struct reply reply = server_reply(&c->server, &msg->request);
        if (msg->sender != NULL) {
            msg->sender->reply = reply;
            msg->sender->replied = true;
            msg->sender->waiting = NULL;
            if (msg->answered_ms < msg->sender->timeout_ms) {
                msg->sender->timeout_ms = msg->answered_ms;
            } else {
                msg->sender->replied = false;
            }
        } else {
            mem_free(reply.body);
        }
        request_fini(&msg->request);
        *msg = (struct message){0};
    }
}

/* Hand over the answer, or that none came in time. */
static void machine_hear(struct chaos *c, struct machine *m)
{
    if (!m->lease.in_flight || c->now_ms < m->timeout_ms) {
        return;
    }
    struct error lost = ERROR_INIT;
    lost.code = ERR_TRANSPORT;
    const struct error *err = &lost;
    if (m->replied) {
        err = m->reply.err.code == ERR_NONE ? NULL : &m->reply.err;
    }
    const char *body = m->replied ? m->reply.body : "";
    lease_answer(&m->lease, at(c->now_ms), body, strlen(body), err);
    mem_free(m->reply.body);
    m->reply.body = NULL;
    m->replied = false;
    if (m->waiting != NULL) {
        if (m->waiting->arrives_ms == UINT64_MAX) {
            request_fini(&m->waiting->request);
            *m->waiting = (struct message){0};
        } else {
            m->waiting->sender = NULL;
        }
        m->waiting = NULL;
    }
}

static void machine_step(struct chaos *c, struct machine *m)
{
    if (c->now_ms < m->paused_until_ms) {
        return;
    }
    if (one_in(c, 60)) {
        m->paused_until_ms = c->now_ms + random_below(&c->random, 30000);
        return;
    }
    bool led = m->lease.state == LEASE_LEADING;
    machine_hear(c, m);
    if (lease_step(&m->lease, at(c->now_ms)) && one_in(c, 100)) {
        lease_release(&m->lease, at(c->now_ms));
    }
    struct request request = {0};
    if (lease_want(&m->lease, at(c->now_ms), &request)) {
        machine_send(c, m, request);
    }
    c->elections += !led && m->lease.state == LEASE_LEADING;
    bool over = m->lease.state == LEASE_RELEASED || m->lease.state == LEASE_LOST;
    if (over && (c->calm || one_in(c, 10))) {
        machine_end(m);
        machine_start(c, m);
    }
}

/* How many may have writes in flight now; a paused one as well as one that has not noticed. */
static unsigned writers(const struct chaos *c)
{
    unsigned count = 0;
    for (const struct machine *m = c->machines; m < c->machines + MACHINES; m++) {
        bool may = m->lease.state == LEASE_LEADING || m->lease.state == LEASE_LOST;
        count += may && c->now_ms < lease_write_deadline(&m->lease);
    }
    return count;
}

static void chaos_run_until(struct chaos *c, uint64_t end_ms)
{
    while (c->now_ms < end_ms) {
        c->now_ms += 1 + random_below(&c->random, 300);
        network_step(c);
        for (size_t i = 0; i < MACHINES; i++) {
            machine_step(c, &c->machines[i]);
            if (writers(c) > 1) {
                fail_msg("two leaders at %u ms", (unsigned)c->now_ms);
            }
        }
    }
}

static unsigned chaos_run(uint64_t seed)
{
    struct chaos c = {.server.spec = mem_strdup("")};
    random_init(&c.random, seed);
    for (size_t i = 0; i < MACHINES; i++) {
        machine_start(&c, &c.machines[i]);
    }
    chaos_run_until(&c, CHAOS_MS);
    c.calm = true;
    chaos_run_until(&c,
                    CHAOS_MS + 80 * 1000); /* pauses end, late requests arrive, leases run out */
    if (writers(&c) != 1) {
        fail_msg("no leader in the end, seed %u", (unsigned)seed);
    }
    for (size_t i = 0; i < MACHINES; i++) {
        machine_end(&c.machines[i]);
    }
    for (size_t i = 0; i < MESSAGES_MAX; i++) {
        request_fini(&c.messages[i].request);
    }
    mem_free(c.server.spec);
    return c.elections;
}

static void never_two_leaders(void **state)
{
    (void)state;
    unsigned elections = 0;
    for (uint64_t seed = 0; seed < CHAOS_RUNS; seed++) {
        elections += chaos_run(seed);
    }
    assert_true(elections > 2 * CHAOS_RUNS); /* the faults did bite */
}

#define RULE(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(creates_and_renews),
        RULE(requests_are_as_the_api_wants_them),
        RULE(one_attempt_at_a_time),
        RULE(stands_by_while_another_renews),
        RULE(takes_over_15_s_after_the_last_change_seen),
        RULE(a_rival_was_faster),
        RULE(a_rival_created_it_first),
        RULE(failures_wait_for_the_next_try),
        RULE(a_namespace_that_is_missing_is_waited_for),
        RULE(a_post_whose_answer_was_lost_is_found_out),
        RULE(a_renewal_whose_answer_was_lost_is_found_out),
        RULE(a_foreign_change_of_the_lease_is_no_loss),
        RULE(endless_conflicts_make_no_hot_loop),
        RULE(a_holder_that_was_cleared_is_set_again),
        RULE(a_lease_that_was_deleted_is_made_again),
        RULE(a_deleted_lease_of_another_is_waited_out),
        RULE(a_lease_that_was_cleared_is_waited_out),
        RULE(a_rival_whose_lease_was_deleted_is_waited_out),
        RULE(counts_from_when_the_attempt_began),
        RULE(an_answer_that_comes_too_late_makes_no_leader),
        RULE(a_server_that_hangs_is_asked_twice_before_it_is_lost),
        RULE(lost_when_another_has_it),
        RULE(lost_after_suspend),
        RULE(lost_stays_lost),
        RULE(wall_clock_jumps_change_nothing),
        RULE(releases),
        RULE(a_released_lease_is_taken_at_once),
        RULE(a_release_that_takes_too_long_is_given_up),
        RULE(a_release_waits_for_the_renewal_in_flight),
        RULE(a_release_after_a_lost_answer_looks_first),
        RULE(a_release_after_a_renewal_that_landed_late_looks_again),
        RULE(a_release_leaves_what_is_not_ours),
        RULE(a_release_does_not_bring_back_what_was_deleted),
        RULE(who_does_not_lead_has_nothing_to_release),
        RULE(what_is_lost_is_not_released),
        cmocka_unit_test(strange_records_are_waited_out),
        RULE(a_holder_of_a_megabyte),
        cmocka_unit_test(transitions_do_not_overflow),
        RULE(what_is_no_lease_is_never_written_on),
        RULE(a_success_that_says_nothing_does_not_count),
        RULE(a_success_that_names_another_does_not_count),
        cmocka_unit_test(never_two_leaders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The manager: what starts when, leading, stopping, and what people are told.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "lib/toy.h"

#include <stdio.h>
#include <string.h>

#define LEASE "/apis/coordination.k8s.io/v1/namespaces/system/leases"

static struct toy toy;

static struct driver *begin_with(const struct manager_options *options)
{
    toy_init(&toy, options);
    return &toy.driver;
}

static struct driver *begin(void)
{
    struct manager_options options = toy_options();
    return begin_with(&options);
}

static int teardown(void **state)
{
    (void)state;
    toy_fini(&toy);
    return 0;
}

static void list_things(struct driver *d, size_t count)
{
    char items[8192] = "";
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(items);
        snprintf(items + len, sizeof items - len,
                 "%s{'metadata':{'namespace':'default','name':'t%zu','uid':'u%zu','resourceVersion'"
                 ":'%zu'}}",
                 i > 0 ? "," : "", i, i, i + 1);
    }
    driver_list(d, THINGS, "%s", items);
}

static void writes_in_flight_are_limited(void **state)
{
    (void)state;
    struct manager_options options = toy_options();
    options.max_concurrent = 3;
    struct driver *d = begin_with(&options);
    toy.write = true;
    list_things(d, 10);
    assert_int_equal(toy_patches(&toy), 3);
    toy.write = false;
    toy_patched(&toy, "t0", 200);
    assert_int_equal(toy.reconciles, 11); /* the rest needs no writes */
}

static void each_namespace_has_its_own_watch(void **state)
{
    (void)state;
    struct manager_options options = toy_options();
    options.namespaces = (const char *const[]){"a", "b"};
    options.namespace_count = 2;
    struct driver *d = begin_with(&options);
    assert_int_equal(driver_count(d, "GET /apis/toys.example.com/v1/namespaces/a/things?"), 1);
    assert_int_equal(driver_count(d, "GET /apis/toys.example.com/v1/namespaces/b/things?"), 1);
    driver_list(d, "/apis/toys.example.com/v1/namespaces/a/things?", "%s", "");
    assert_false(manager_ready(d->manager, NULL));
    driver_list(d, "/apis/toys.example.com/v1/namespaces/b/things?", "%s", "");
    assert_true(manager_ready(d->manager, NULL));
}

struct complaint {
    int status;
    const char *body;
    const char *logged;
};

static void people_are_told_what_to_do(void **state)
{
    static const struct complaint table[] = {
        {404, "404 page not found", "\"what-to-do\": \"install the toys\""},
        {401, "{'kind':'Status','code':401,'reason':'Unauthorized','message':'Unauthorized'}",
         "\"verb\": \"list\", \"resource\": \"things.toys.example.com\", \"namespace\": \"\", "
         "\"user\": \"tester\", \"error\": \"401 Unauthorized"},
        {403,
         "{'kind':'Status','code':403,'reason':'Forbidden','message':'things is forbidden: User x "
         "cannot list'}",
         "does not let this user do that"},
        {503, "busy", "Cannot reach"},
    };
    (void)state;
    struct driver *d = begin();
    driver_answer(d, "GET " THINGS, 422, "{}"); /* no WatchList here */
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        buf_reset(&d->logs, 0);
        driver_answer(d, "GET " THINGS, table[i].status, "%s", table[i].body);
        if (strstr(buf_text(&d->logs), table[i].logged) == NULL) {
            fail_msg("no %s in %s", table[i].logged, buf_text(&d->logs));
        }
        assert_false(manager_ready(d->manager, NULL));
        assert_null(driver_find(d, "GET"));
        driver_pass(d, 61000);
        assert_int_equal(driver_count(d, "GET " THINGS), 1);
    }
    list_things(d, 0);
    assert_true(manager_ready(d->manager, NULL));
}

static void a_failing_watch_is_not_ready(void **state)
{
    (void)state;
    struct driver *d = begin();
    list_things(d, 0);
    assert_true(manager_ready(d->manager, NULL));
    driver_break(d, "GET " THINGS);
    const char *why;
    assert_false(manager_ready(d->manager, &why));
    assert_string_equal(why, "things.toys.example.com: the watch is failing");
    driver_pass(d, 5000);
    driver_answer(d, "GET " THINGS, 200, "{'metadata':{'resourceVersion':'100'},'items':[]}");
    driver_feed(d, "GET " THINGS, "%s", "");
    assert_true(manager_ready(d->manager, NULL));
}

/* What the other namespace's watch has told may never have been, too. */
static void nothing_is_written_between_the_first_list_of_a_reset_history_and_the_last(void **state)
{
    (void)state;
    const char *a = "GET /apis/toys.example.com/v1/namespaces/a/things?";
    const char *b = "GET /apis/toys.example.com/v1/namespaces/b/things?";
    struct manager_options options = toy_options();
    options.namespaces = (const char *const[]){"a", "b"};
    options.namespace_count = 2;
    struct driver *d = begin_with(&options);
    toy.again_ms = 10000;
    driver_list(d, a + strlen("GET "),
                "{'metadata':{'namespace':'a','name':'t','uid':'u','resourceVersion':'5'}}");
    driver_list(d, b + strlen("GET "), "%s", "");
    driver_break(d, a);
    driver_pass(d, 2000);
    driver_answer(d, a, 504,
                  "{'kind':'Status','code':504,'reason':'Timeout','details':{'causes':["
                  "{'reason':'ResourceVersionTooLarge'}]}}");
    toy.write = true;
    driver_answer(d, a, 200,
                  "{'metadata':{'resourceVersion':'9'},'items':[{'metadata':{'namespace':'a','name'"
                  ":'t','uid':'u','resourceVersion':'8'}}]}");
    assert_non_null(strstr(buf_text(&d->logs), "history was reset"));
    assert_false(manager_ready(d->manager, NULL));
    driver_pass(d, 11000);
    assert_int_equal(driver_count(d, "PATCH"), 0);
    assert_true(manager_deadline(d->manager) > d->now.mono_ms); /* and it does not spin */
    assert_int_equal(driver_count(d, b), 1);                    /* the old watch is gone */
    driver_answer(d, b, 200, "{'metadata':{'resourceVersion':'9'},'items':[]}");
    assert_int_equal(driver_count(d, "PATCH"), 1);
    driver_feed(d, a, "%s", "");
    assert_true(manager_ready(d->manager, NULL));
}

static void a_dry_run_says_and_writes_nothing(void **state)
{
    (void)state;
    struct manager_options options = toy_options();
    options.dry_run = true;
    options.leader_elect = true;
    struct driver *d = begin_with(&options);
    toy.write = true;
    list_things(d, 2);
    assert_int_equal(driver_count(d, "PATCH"), 0);
    assert_int_equal(driver_count(d, "POST"), 0);
    assert_null(driver_find(d, "GET " LEASE));
    assert_non_null(strstr(buf_text(&d->logs),
                           "Dry run: would send\t{\"method\": \"PATCH\", \"path\": \"" THING
                           "t0?"));
    driver_pass(d, 100000);
    assert_int_equal(toy.reconciles, 2);
    toy.write = false;
    toy.look = true;
    toy_tell(&toy, "t0", 110);
    assert_int_equal(driver_count(d, "GET " THING "t0"), 1); /* to look is no write */
}

static void all_keys_come_round_after_the_sync_period(void **state)
{
    (void)state;
    struct manager_options options = toy_options();
    options.sync_period_ms = 100000;
    struct driver *d = begin_with(&options);
    list_things(d, 3);
    assert_int_equal(toy.reconciles, 3);
    driver_pass(d, 99000);
    assert_int_equal(toy.reconciles, 3);
    driver_pass(d, 12000);
    assert_int_equal(toy.reconciles, 6);
}

/* ---- Events ---- */

#define EVENTS "POST /apis/events.k8s.io/v1/namespaces/default/events"

static void record(struct driver *d, const char *uid)
{
    static const struct kind things = {
        .group = "toys.example.com", .version = "v1", .kind = "Thing", .plural = "things"};
    manager_record(d->manager, d->now,
                   &(struct recorder_event){.kind = &things,
                                            .ns = "default",
                                            .name = "t0",
                                            .uid = uid,
                                            .rv = "1",
                                            .severity = EVENT_WARNING,
                                            .reason = "Tested",
                                            .action = "Test",
                                            .note = "n"});
    driver_pass(d, 1);
}

static void events_wait_while_there_is_work(void **state)
{
    (void)state;
    struct driver *d = begin();
    toy.write = true;
    list_things(d, 1);
    record(d, "u0");
    assert_null(driver_find(d, EVENTS));
    toy.write = false;
    toy_patched(&toy, "t0", 90);
    assert_non_null(driver_find(d, EVENTS));
}

static void events_do_not_wait_for_ever(void **state)
{
    (void)state;
    struct driver *d = begin();
    toy.write = true;
    list_things(d, 1);
    record(d, "u0");
    driver_pass(d, 1998);
    assert_null(driver_find(d, EVENTS));
    driver_pass(d, 1);
    assert_non_null(driver_find(d, EVENTS));
    assert_int_equal(toy_patches(&toy), 1);
}

static void a_dry_run_records_no_events(void **state)
{
    (void)state;
    struct manager_options options = toy_options();
    options.dry_run = true;
    struct driver *d = begin_with(&options);
    list_things(d, 1);
    record(d, "u0");
    assert_null(driver_find(d, EVENTS));
}

static void a_standby_records_no_events(void **state)
{
    (void)state;
    struct manager_options options = toy_options();
    options.leader_elect = true;
    struct driver *d = begin_with(&options);
    list_things(d, 1);
    record(d, "u0");
    driver_answer(d, "GET /apis/coordination", 404,
                  "{'kind':'Status','code':404,'reason':'NotFound'}");
    driver_answer(d, "POST /apis/coordination", 201,
                  "{'metadata':{'name':'toy','namespace':'system','uid':'l','resourceVersion':'5'},"
                  "'spec':{'holderIdentity':'me','leaseDurationSeconds':15}}");
    driver_pass(d, 1);
    assert_null(driver_find(d, EVENTS));
}

/* ---- Leading ---- */

static struct driver *begin_election(void)
{
    struct manager_options options = toy_options();
    options.leader_elect = true;
    struct driver *d = begin_with(&options);
    toy.write = true;
    list_things(d, 1);
    return d;
}

static const char *lease_json(const char *holder, int rv)
{
    static char text[512];
    snprintf(
        text, sizeof text,
        "{'metadata':{'name':'toy','namespace':'system','uid':'l','resourceVersion':'%d'},'spec':{"
        "'holderIdentity':'%s','leaseDurationSeconds':15,'leaseTransitions':1,"
        "'acquireTime':'2026-01-01T00:00:00.000000Z','renewTime':'2026-01-01T00:00:00.000000Z'}}",
        rv, holder);
    return text;
}

static void become_leader(struct driver *d)
{
    driver_answer(d, "GET " LEASE "/toy", 404, "{'kind':'Status','code':404,'reason':'NotFound'}");
    driver_answer(d, "POST " LEASE, 201, "%s", lease_json("me", 5));
}

static void only_the_leader_writes(void **state)
{
    (void)state;
    struct driver *d = begin_election();
    assert_int_equal(toy_patches(&toy), 0);
    assert_true(manager_ready(d->manager, NULL));
    become_leader(d);
    assert_int_equal(toy_patches(&toy), 1);
    /* and no write may land after the lease has run out */
    assert_true(driver_find(d, "PATCH")->timeout_ms <= LEASE_DURATION_MS);
}

static void a_standby_waits(void **state)
{
    (void)state;
    struct driver *d = begin_election();
    driver_answer(d, "GET " LEASE "/toy", 200, "%s", lease_json("another", 5));
    assert_non_null(strstr(buf_text(&d->logs), "Standing by: another holds the lease\t{\"lease\": "
                                               "\"toy\", \"holder\": \"another\"}"));
    driver_pass(d, 14000);
    assert_int_equal(toy_patches(&toy), 0);
    assert_int_equal(toy.reconciles, 0);
}

static void a_lease_that_cannot_be_renewed_ends_the_process(void **state)
{
    (void)state;
    struct driver *d = begin_election();
    become_leader(d);
    driver_pass(d, LEASE_RENEW_DEADLINE_MS + 1);
    assert_int_equal(d->exit_code, 1);
    assert_non_null(strstr(buf_text(&d->logs), "The lease is lost"));
    size_t started = d->started;
    driver_pass(d, 10000);
    assert_int_equal(d->started, started);
}

/* A write that waits for Retry-After while the process sleeps past the renew deadline. */
static void nothing_is_sent_once_the_lease_is_lost(void **state)
{
    (void)state;
    struct driver *d = begin_election();
    become_leader(d);
    driver_retry_after(d, "PATCH", 429, 5000);
    size_t started = d->started;
    d->now.mono_ms += 20000; /* SIGSTOP: no step in between */
    driver_pass(d, 0);
    assert_int_equal(d->exit_code, 1);
    assert_int_equal(d->started, started);
}

static void stopping_gives_the_lease_back_after_the_writes(void **state)
{
    (void)state;
    struct driver *d = begin_election();
    become_leader(d);
    driver_stop(d);
    assert_null(driver_find(d, "PUT " LEASE));
    toy.write = false;
    toy_patched(&toy, "t0", 90);
    assert_non_null(driver_find(d, "PUT " LEASE));
    assert_non_null(strstr(driver_find(d, "PUT " LEASE)->body, "\"holderIdentity\":\"\""));
    driver_answer(d, "PUT " LEASE, 200, "%s", lease_json("", 9));
    assert_int_equal(d->exit_code, 0);
}

/* Neither does one whose answer was lost a moment ago. */
static void the_lease_is_kept_until_a_lost_write_has_landed(void **state)
{
    (void)state;
    struct driver *d = begin_election();
    become_leader(d);
    toy.write = false;
    driver_break(d, "PATCH");
    driver_pass(d, 400);
    driver_stop(d);
    assert_null(driver_find(d, "PUT " LEASE));
    driver_pass(d, LEASE_LANDED_MS - 401);
    assert_null(driver_find(d, "PUT " LEASE));
    assert_int_equal(manager_deadline(d->manager), d->now.mono_ms + 1);
    driver_pass(d, 1);
    driver_answer(d, "PUT " LEASE, 200, "%s", lease_json("", 9));
    assert_int_equal(d->exit_code, 0);
}

/* The release is given up when its own answer is lost; nobody waits for that. */
static void a_lost_release_holds_up_nothing(void **state)
{
    (void)state;
    struct driver *d = begin_election();
    become_leader(d);
    toy.write = false;
    toy_patched(&toy, "t0", 90);
    driver_stop(d);
    driver_pass(d, 10);
    driver_break(d, "PUT " LEASE);
    for (int i = 0; i < 100 && d->exit_code == -1; i++) {
        assert_true(manager_deadline(d->manager) > d->now.mono_ms);
        driver_pass(d, manager_deadline(d->manager) - d->now.mono_ms);
    }
    assert_int_equal(d->exit_code, 0);
}

/* The Lease may be ours by a write that is on its way: to leave at once would leave it held. */
static void stopping_while_the_lease_is_asked_for_gives_it_back(void **state)
{
    (void)state;
    struct driver *d = begin_election();
    driver_answer(d, "GET " LEASE "/toy", 404, "{'kind':'Status','code':404}");
    driver_stop(d);
    assert_int_equal(d->exit_code, -1);
    driver_answer(d, "POST " LEASE, 201, "%s", lease_json("me", 5));
    assert_non_null(strstr(driver_find(d, "PUT " LEASE)->body, "\"holderIdentity\":\"\""));
    driver_answer(d, "PUT " LEASE, 200, "%s", lease_json("", 9));
    assert_int_equal(d->exit_code, 0);
}

static void stopping_does_not_wait_for_a_lease_that_another_holds(void **state)
{
    (void)state;
    struct driver *d = begin_election();
    driver_answer(d, "GET " LEASE "/toy", 200, "%s", lease_json("another", 5));
    driver_stop(d);
    assert_int_equal(d->exit_code, 0);
}

/* A deadline that has passed and does not move would have the shell turn without a pause. */
static void stopping_leaves_no_deadline_behind(void **state)
{
    (void)state;
    struct driver *d = begin_election();
    become_leader(d);
    driver_stop(d);
    driver_pass(d, MANAGER_DRAIN_MS - 1); /* longer than until the next renewal */
    assert_true(manager_deadline(d->manager) > d->now.mono_ms);
    toy.write = false;
    toy_patched(&toy, "t0", 90);
    assert_non_null(driver_find(d, "PUT " LEASE));
    driver_pass(d, LEASE_RELEASE_MS - 1);
    assert_true(manager_deadline(d->manager) > d->now.mono_ms);
    driver_pass(d, 1);
    assert_int_equal(d->exit_code, 0);
}

/* A release that the request rate holds up is sent when its turn comes, and nobody spins until
 * then. */
static void stopping_gives_the_lease_back_at_the_request_rate(void **state)
{
    (void)state;
    struct manager_options options = toy_options();
    options.leader_elect = true;
    options.qps = 1.5;
    struct driver *d = begin_with(&options);
    driver_pass(d, 5000);
    driver_answer(d, "GET " LEASE "/toy", 404, "{'kind':'Status','code':404}");
    for (int i = 0; i < 100 && driver_find(d, "POST " LEASE) == NULL; i++) {
        driver_pass(d, 20);
    }
    driver_answer(d, "POST " LEASE, 201, "%s", lease_json("me", 5));
    driver_stop(d);
    assert_null(driver_find(d, "PUT " LEASE));
    assert_true(manager_deadline(d->manager) > d->now.mono_ms);
    driver_pass(d, LEASE_RELEASE_MS - 1);
    driver_answer(d, "PUT " LEASE, 200, "%s", lease_json("", 9));
    assert_int_equal(d->exit_code, 0);
}

/* ---- Stopping ---- */

static void stopping_waits_for_writes_and_begins_none(void **state)
{
    (void)state;
    struct driver *d = begin();
    toy.write = true;
    list_things(d, 2);
    assert_int_equal(toy_patches(&toy), 2);
    driver_stop(d);
    assert_null(driver_find(d, "GET " THINGS));
    assert_int_equal(d->exit_code, -1);
    toy_patched(&toy, "t0", 90);
    assert_int_equal(toy_patches(&toy), 1);
    toy_patched(&toy, "t1", 91);
    assert_int_equal(d->exit_code, 0);
    assert_int_equal(toy.reconciles, 2);
}

/* Nor for what the server told to come later. */
static void stopping_gives_up_what_waits_for_retry_after(void **state)
{
    (void)state;
    struct driver *d = begin();
    toy.write = true;
    list_things(d, 1);
    driver_retry_after(d, "PATCH", 429, 60000);
    driver_stop(d);
    assert_int_equal(d->exit_code, 0);
}

static void stopping_does_not_wait_for_ever(void **state)
{
    (void)state;
    struct driver *d = begin();
    toy.write = true;
    list_things(d, 1);
    driver_stop(d);
    driver_pass(d, MANAGER_DRAIN_MS - 1);
    assert_int_equal(d->exit_code, -1);
    driver_pass(d, 1);
    assert_int_equal(d->exit_code, 0);
}

/* A write that may still land forbids to give the lease to another. */
static void a_lease_is_not_given_back_over_a_hanging_write(void **state)
{
    (void)state;
    struct driver *d = begin_election();
    become_leader(d);
    driver_stop(d);
    driver_pass(d, MANAGER_DRAIN_MS);
    assert_int_equal(d->exit_code, 0);
    assert_null(driver_find(d, "PUT " LEASE));
}

#define TEST(f) cmocka_unit_test_teardown(f, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(writes_in_flight_are_limited),
        TEST(each_namespace_has_its_own_watch),
        TEST(people_are_told_what_to_do),
        TEST(a_failing_watch_is_not_ready),
        TEST(nothing_is_written_between_the_first_list_of_a_reset_history_and_the_last),
        TEST(a_dry_run_says_and_writes_nothing),
        TEST(all_keys_come_round_after_the_sync_period),
        TEST(events_wait_while_there_is_work),
        TEST(events_do_not_wait_for_ever),
        TEST(a_dry_run_records_no_events),
        TEST(a_standby_records_no_events),
        TEST(only_the_leader_writes),
        TEST(a_standby_waits),
        TEST(a_lease_that_cannot_be_renewed_ends_the_process),
        TEST(nothing_is_sent_once_the_lease_is_lost),
        TEST(stopping_gives_the_lease_back_after_the_writes),
        TEST(the_lease_is_kept_until_a_lost_write_has_landed),
        TEST(a_lost_release_holds_up_nothing),
        TEST(stopping_while_the_lease_is_asked_for_gives_it_back),
        TEST(stopping_does_not_wait_for_a_lease_that_another_holds),
        TEST(stopping_leaves_no_deadline_behind),
        TEST(stopping_gives_the_lease_back_at_the_request_rate),
        TEST(stopping_waits_for_writes_and_begins_none),
        TEST(stopping_gives_up_what_waits_for_retry_after),
        TEST(stopping_does_not_wait_for_ever),
        TEST(a_lease_is_not_given_back_over_a_hanging_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

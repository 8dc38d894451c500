/*
 * The model API server: history is forgotten, servers lag, etcd goes back, the CRD goes and comes.
 */
#include "lib/testing.h"

#include "sim/api_driver.h"

#include "base/mem.h"

#include <string.h>

static void test_compaction(void **state)
{
    struct api_driver *d = *state;
    CLEANUP(buf_fini) struct buf line;
    buf_init(&line, 1 << 16);
    api_driver_memcached(d, "default", "a", NULL); /* 101 */
    struct api_watch *told = api_driver_watch(d, MEMCACHEDS "?watch=1");
    struct api_watch *late = api_driver_watch(d, MEMCACHEDS "?watch=1&resourceVersion=101");
    struct api_watch *other = api_driver_watch(d, DEPLOYMENTS "?watch=1&resourceVersion=100");
    api_driver_label(d, "a", "1"); /* 102 */
    api_driver_label(d, "a", "2"); /* 103 */
    assert_string_equal(api_driver_events(d, told), "ADDED a@101 MODIFIED a@102 MODIFIED a@103");
    api_compact(d->api, 102);
    api_compact(d->api, 101); /* no way back */
    assert_true(api_watch_next(late, &line));
    assert_string_equal(line.data, "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\","
                                   "\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
                                   "\"message\":\"too old resource version: 101 (102)\","
                                   "\"reason\":\"Expired\",\"code\":410}}\n");
    assert_true(api_watch_is_over(late));
    api_driver_label(d, "a", "3"); /* 104 */
    assert_string_equal(api_driver_events(d, told), "MODIFIED a@104");
    assert_string_equal(api_driver_events(d, late), "");
    assert_false(api_watch_is_over(other));

    struct api_watch *w = api_driver_watch(d, MEMCACHEDS "?watch=1&resourceVersion=101");
    assert_string_equal(api_driver_events(d, w), "ERROR 410 Expired");
    w = api_driver_watch(d, MEMCACHEDS "?watch=1&resourceVersion=102");
    assert_string_equal(api_driver_events(d, w), "MODIFIED a@103 MODIFIED a@104");
    /* caches are not older than this, so that a relist gets on */
    api_compact(d->api, 104);
    api_driver_deployment(d, "w", NULL); /* 105 */
    api_compact(d->api, 105);
    api_driver_expect_items(d, "GET " MEMCACHEDS "?resourceVersion=0", "a@104", "105");
}

static void test_freeze(void **state)
{
    struct api_driver *d = *state;
    api_driver_memcached(d, "default", "a", NULL); /* 101 */
    api_driver_deployment(d, "w", NULL);           /* 102 */
    api_driver_memcached(d, "default", "b", NULL); /* 103 */
    api_driver_expect(d, "DELETE " MEMCACHEDS "/a", NULL, 200, "");
    d->server = 1;
    api_freeze(d->api, 1, NULL, 102);
    api_driver_expect_items(d, "GET " MEMCACHEDS "?resourceVersion=0", "a@101", "101");
    api_driver_expect_items(d, "GET " MEMCACHEDS, "b@103", "104"); /* from etcd */
    api_driver_expect(d, "GET " MEMCACHEDS "?resourceVersion=104", NULL, 504,
                      "Too large resource version: 104, current: 101");
    api_driver_expect(d, "GET " MEMCACHEDS "/a?resourceVersion=0", NULL, 200, "'size'");
    api_driver_expect(d, "GET " MEMCACHEDS "/a", NULL, 404, "");
    struct api_watch *w = api_driver_watch(d, MEMCACHEDS "?watch=1&resourceVersion=101");
    struct api_watch *zero = api_driver_watch(d, MEMCACHEDS "?watch=1");
    assert_string_equal(api_driver_events(d, zero), "ADDED a@101");
    struct api_watch *ahead = api_driver_watch(d, MEMCACHEDS "?watch=1&resourceVersion=103");
    assert_string_equal(api_driver_events(d, w), "");
    /* it does not notice that history was forgotten */
    api_compact(d->api, 103);
    api_driver_expect_items(d, "GET " MEMCACHEDS "?resourceVersion=0", "a@101", "101");
    struct api_watch *again = api_driver_watch(d, MEMCACHEDS "?watch=1&resourceVersion=101");
    assert_string_equal(api_driver_events(d, again), "");
    d->server = 0;
    api_driver_expect(d, "GET " MEMCACHEDS "?resourceVersion=102&resourceVersionMatch=Exact", NULL,
                      410, "Expired");
    api_driver_expect_items(d, "GET " MEMCACHEDS "?resourceVersion=0", "b@103", "104");
    api_thaw(d->api, 1);
    assert_string_equal(api_driver_events(d, ahead), "DELETED a@104");
    assert_string_equal(api_driver_events(d, w), "ERROR 410 Expired");
    assert_string_equal(api_driver_events(d, again), "ERROR 410 Expired");
    api_freeze(d->api, 0, NULL, 1); /* as far back as there is something to show */
    api_driver_expect_items(d, "GET " MEMCACHEDS "?resourceVersion=0", "a@101 b@103", "103");
}

static void test_thaw_goes_on(void **state)
{
    struct api_driver *d = *state;
    api_driver_memcached(d, "default", "a", NULL); /* 101 */
    api_freeze(d->api, 0, "memcacheds", 101);
    struct api_watch *w = api_driver_watch(d, MEMCACHEDS "?watch=1&allowWatchBookmarks=true");
    struct api_watch *other = api_driver_watch(d, DEPLOYMENTS "?watch=1");
    api_driver_label(d, "a", "1");
    api_driver_deployment(d, "w", NULL);
    assert_string_equal(api_driver_events(d, w), "ADDED a@101");
    assert_string_equal(api_driver_bookmark(d, w), "101");
    assert_string_equal(api_driver_events(d, other), "ADDED w@103");
    api_thaw(d->api, 0);
    assert_string_equal(api_driver_events(d, w), "MODIFIED a@102");
}

static void test_restore(void **state)
{
    struct api_driver *d = *state;
    api_driver_memcached(d, "default", "a", NULL); /* 101 */
    api_driver_label(d, "a", "1");                 /* 102 */
    api_driver_memcached(d, "default", "b", NULL); /* 103 */
    api_driver_expect(d, "DELETE " MEMCACHEDS "/a", NULL, 200, "");
    struct api_watch *w = api_driver_watch(d, MEMCACHEDS "?watch=1");
    api_freeze(d->api, 0, NULL, 101);
    api_restore(d->api, 102);
    assert_int_equal(api_revision(d->api), 102);
    assert_true(api_watch_is_over(w));
    assert_false(api_watch_has_event(w));
    api_driver_expect_items(d, "GET " MEMCACHEDS, "a@102", "102");
    api_driver_expect_items(d, "GET " MEMCACHEDS "?resourceVersion=0", "a@102", "102");
    api_driver_expect(d, "GET " MEMCACHEDS "?resourceVersion=104", NULL, 504, "current: 102");
    /* a watch from the future hears nothing of what happens in between */
    w = api_driver_watch(d, MEMCACHEDS "?watch=1&resourceVersion=103");
    api_driver_memcached(d, "default", "c", NULL); /* 103 again */
    api_driver_memcached(d, "default", "d", NULL);
    assert_string_equal(api_driver_events(d, w), "ADDED d@104");
}

static void test_crd_goes_and_comes(void **state)
{
    struct api_driver *d = *state;
    api_driver_memcached(d, "default", "a", NULL); /* 101 */
    api_driver_memcached(d, "default", "b", NULL); /* 102 */
    struct api_watch *w = api_driver_watch(d, MEMCACHEDS "?watch=1&resourceVersion=101");
    struct api_watch *other = api_driver_watch(d, DEPLOYMENTS "?watch=1");
    api_serve_memcacheds(d->api, false);
    api_serve_memcacheds(d->api, false);
    assert_int_equal(api_revision(d->api), 104);
    assert_false(api_watch_is_over(w));
    assert_string_equal(api_driver_events(d, w), "ADDED b@102 DELETED a@103 DELETED b@104");
    assert_true(api_watch_is_over(w));
    assert_false(api_watch_is_over(other));
    api_driver_expect(d, "GET " MEMCACHEDS "/a", NULL, 404, "404 page not found\n");
    const struct api_request r = {.path = MEMCACHEDS "?watch=1"};
    assert_null(api_watch_open(d->api, 0, &r, &d->answer));
    assert_int_equal(d->answer.http_status, 404);

    api_driver_deployment(d, "w", NULL); /* 105 */
    api_serve_memcacheds(d->api, true);
    api_driver_expect_items(d, "GET " MEMCACHEDS "?resourceVersion=0", "", "105");
    api_driver_memcached(d, "default", "a", NULL);
    assert_string_equal(api_driver_events(d, w), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        API_TEST(test_compaction),         API_TEST(test_freeze),
        API_TEST(test_thaw_goes_on),       API_TEST(test_restore),
        API_TEST(test_crd_goes_and_comes),
    };
    return cmocka_run_group_tests_name("api_history", tests, NULL, NULL);
}

/*
 * The model API server: watches.
 * Expectations are what a kube-apiserver 1.20 answered to the same; for
 * sendInitialEvents, what KEP-3157 says.
 */
#include "lib/testing.h"

#include "sim/api_driver.h"

#include "base/mem.h"

#include <string.h>

static void test_watch(void **state)
{
    struct api_driver *d = *state;
    api_driver_namespace(d, "n");
    api_driver_memcached(d, "default", "b", NULL); /* 102 */
    api_driver_memcached(d, "n", "a", NULL);
    struct api_watch *all = api_driver_watch(d, CACHE "/memcacheds?watch=true&timeoutSeconds=7");
    struct api_watch *zero = api_driver_watch(d, MEMCACHEDS "?watch=1&resourceVersion=0");
    struct api_watch *since = api_driver_watch(d, MEMCACHEDS "?watch=1&resourceVersion=101");
    struct api_watch *ahead = api_driver_watch(d, MEMCACHEDS "?watch=1&resourceVersion=105");
    assert_int_equal(api_watch_timeout_ms(all), 7000);
    assert_int_equal(api_watch_timeout_ms(zero), 0);
    assert_string_equal(api_driver_events(d, all), "ADDED b@102 ADDED a@103");
    assert_string_equal(api_driver_events(d, zero), "ADDED b@102");
    api_driver_label(d, "b", "1");                                         /* 104 */
    api_driver_deployment(d, "w", NULL);                                   /* 105 */
    api_driver_expect(d, "DELETE " MEMCACHEDS "/b", NULL, 200, "Success"); /* 106 */
    assert_string_equal(api_driver_events(d, all), "MODIFIED b@104 DELETED b@106");
    assert_string_equal(api_driver_events(d, zero), "MODIFIED b@104 DELETED b@106");
    assert_string_equal(api_driver_events(d, since), "ADDED b@102 MODIFIED b@104 DELETED b@106");
    assert_string_equal(api_driver_events(d, ahead), "DELETED b@106");
    assert_false(api_watch_is_over(all));
    api_watch_close(zero);
    api_watch_close(NULL);
    api_driver_memcached(d, "default", "c", NULL);
    assert_string_equal(api_driver_events(d, since), "ADDED c@107");
}

static void test_filtered_watch(void **state)
{
    struct api_driver *d = *state;
    CLEANUP(buf_fini) struct buf line;
    buf_init(&line, 1 << 16);
    api_driver_memcached(d, "default", "a", NULL); /* 101 */
    struct api_watch *w =
        api_driver_watch(d, MEMCACHEDS "?watch=1&resourceVersion=0&labelSelector=x%3D1");
    assert_string_equal(api_driver_events(d, w), "");
    api_driver_label(d, "a", "1");
    api_driver_label(d, "a", "2");
    api_driver_label(d, "a", "3");
    api_driver_label(d, "a", "1");
    assert_true(api_watch_next(w, &line));
    assert_non_null(strstr(line.data, "{\"type\":\"ADDED\",\"object\":{"));
    buf_reset(&line, 0);
    /* it leaves as it was, under the revision that took it away */
    assert_true(api_watch_next(w, &line));
    assert_non_null(strstr(line.data, "\"DELETED\""));
    assert_non_null(strstr(line.data, "\"x\":\"1\""));
    assert_non_null(strstr(line.data, "\"resourceVersion\":\"103\""));
    assert_string_equal(api_driver_events(d, w), "ADDED a@105");
    api_driver_expect(d, "DELETE " MEMCACHEDS "/a", NULL, 200, "");
    assert_string_equal(api_driver_events(d, w), "DELETED a@106");
}

static void test_metadata_watch(void **state)
{
    struct api_driver *d = *state;
    CLEANUP(buf_fini) struct buf line;
    buf_init(&line, 1 << 16);
    d->accept = META_OBJECT;
    struct api_watch *w = api_driver_watch(d, DEPLOYMENTS "?watch=1&allowWatchBookmarks=true");
    api_driver_deployment(d, "w", NULL);
    api_driver_expect(d, "DELETE " DEPLOYMENTS "/w", NULL, 200, "");
    while (api_watch_next(w, &line)) {
    }
    assert_true(api_watch_bookmark(w, &line));
    assert_null(strstr(line.data, "\"spec\""));
    assert_non_null(strstr(line.data,
                           "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"PartialObjectMetadata\","
                           "\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{\"resourceVersion\":"
                           "\"102\",\"creationTimestamp\":null}}}\n"));
}

static void test_watch_refusals(void **state)
{
    struct api_driver *d = *state;
    static const struct {
        const char *path;
        int http_status;
        const char *part;
    } CASES[] = {
        {MEMCACHEDS "?watch=1&resourceVersion=x", 500, "invalid syntax"},
        {MEMCACHEDS "?watch=1&timeoutSeconds=x", 400, "strconv.ParseInt"},
        {MEMCACHEDS "?watch=1&labelSelector=%3D%3D", 400, "'reason':'BadRequest'"},
        {MEMCACHEDS "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan", 422,
         "ListOptions.meta.k8s.io \\\"\\\" is invalid: [resourceVersionMatch: Forbidden: "
         "resourceVersionMatch is forbidden for watch, resourceVersionMatch: Forbidden: "
         "resourceVersionMatch is forbidden unless resourceVersion is provided]"},
        {APPS "/foos?watch=1", 404, "the server could not find the requested resource"},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        const struct api_request r = {.path = CASES[i].path};
        assert_null(api_watch_open(d->api, 0, &r, &d->answer));
        assert_int_equal(d->answer.http_status, CASES[i].http_status);
        assert_true(api_driver_has(d, CASES[i].part));
    }
    assert_false(api_is_watch(&(struct api_request){.path = MEMCACHEDS "?watch=false"}));
    assert_false(api_is_watch(&(struct api_request){.path = MEMCACHEDS "/a?watch=true"}));
    assert_false(
        api_is_watch(&(struct api_request){.method = HTTP_POST, .path = MEMCACHEDS "?watch=true"}));
}

static void test_bookmarks(void **state)
{
    struct api_driver *d = *state;
    api_driver_memcached(d, "default", "a", NULL); /* 101 */
    struct api_watch *none = api_driver_watch(d, MEMCACHEDS "?watch=1");
    struct api_watch *w = api_driver_watch(d, MEMCACHEDS "?watch=1&allowWatchBookmarks=true");
    struct api_watch *ahead =
        api_driver_watch(d, MEMCACHEDS "?watch=1&allowWatchBookmarks=true&resourceVersion=900");
    assert_string_equal(api_driver_events(d, none), "ADDED a@101");
    assert_string_equal(api_driver_bookmark(d, none), "");
    assert_string_equal(api_driver_bookmark(d, w), ""); /* not amid the first objects */
    assert_string_equal(api_driver_bookmark(d, ahead), "");
    assert_string_equal(api_driver_events(d, w), "ADDED a@101");
    assert_string_equal(api_driver_bookmark(d, w), "101");
    api_driver_deployment(d, "w", NULL); /* 102 */
    assert_string_equal(api_driver_bookmark(d, w), "101");
    api_driver_memcached(d, "default", "b", NULL);         /* 103 */
    assert_string_equal(api_driver_bookmark(d, w), "102"); /* b is not told yet */
    assert_string_equal(api_driver_events(d, w), "ADDED b@103");
    assert_string_equal(api_driver_bookmark(d, w), "103");
}

static void test_watch_list(void **state)
{
#define INITIAL "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
#define MARKS   "&allowWatchBookmarks=true"
    struct api_driver *d = *state;
    api_driver_memcached(d, "default", "a", NULL); /* 101 */
    api_driver_deployment(d, "w", NULL);           /* 102 */
    struct api_watch *w = api_driver_watch(d, MEMCACHEDS INITIAL MARKS);
    struct api_watch *zero = api_driver_watch(d, MEMCACHEDS INITIAL "&resourceVersion=0" MARKS);
    struct api_watch *unmarked = api_driver_watch(d, MEMCACHEDS INITIAL);
    api_driver_memcached(d, "default", "b", NULL); /* 103 */
    CLEANUP(buf_fini) struct buf line;
    buf_init(&line, 1 << 16);
    assert_true(api_watch_next(w, &line));
    assert_string_equal(api_driver_bookmark(d, w), "");
    buf_reset(&line, 0);
    assert_true(api_watch_next(w, &line));
    assert_string_equal(line.data,
                        "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Memcached\",\"apiVersion\":"
                        "\"cache.example.com/v1alpha1\",\"metadata\":{\"resourceVersion\":\"102\","
                        "\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}\n");
    assert_string_equal(api_driver_events(d, w), "ADDED b@103");
    assert_string_equal(api_driver_events(d, zero), "ADDED a@101 BOOKMARK @102 ADDED b@103");
    assert_string_equal(api_driver_events(d, unmarked), "ADDED a@101 ADDED b@103");

    static const struct {
        const char *path;
        int http_status;
        const char *part;
    } CASES[] = {
        {MEMCACHEDS "?watch=1&sendInitialEvents=true", 422,
         "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"},
        {MEMCACHEDS "?watch=1&resourceVersionMatch=NotOlderThan", 422, "unless sendInitialEvents"},
        {MEMCACHEDS INITIAL "&resourceVersion=104", 504, "Too large resource version: 104"},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        const struct api_request r = {.path = CASES[i].path};
        assert_null(api_watch_open(d->api, 0, &r, &d->answer));
        assert_int_equal(d->answer.http_status, CASES[i].http_status);
        assert_true(api_driver_has(d, CASES[i].part));
    }
    api_freeze(d->api, 1, "memcacheds", 102);
    const struct api_request newest = {.path = MEMCACHEDS INITIAL};
    assert_null(api_watch_open(d->api, 1, &newest, &d->answer));
    assert_int_equal(d->answer.http_status, 504);
}

static void test_skip(void **state)
{
    struct api_driver *d = *state;
    struct api_watch *w = api_driver_watch(d, MEMCACHEDS "?watch=1");
    api_driver_memcached(d, "default", "a", NULL); /* 101 */
    assert_true(api_watch_has_event(w));
    api_watch_skip(w, 2);
    assert_false(api_watch_has_event(w));
    api_driver_expect(d, "DELETE " MEMCACHEDS "/a", NULL, 200, "");
    assert_false(api_watch_has_event(w));
    api_driver_memcached(d, "default", "a", NULL); /* 103 */
    assert_string_equal(api_driver_events(d, w), "ADDED a@103");
}

static void test_error(void **state)
{
    struct api_driver *d = *state;
    CLEANUP(buf_fini) struct buf line;
    buf_init(&line, 1 << 16);
    struct api_watch *w = api_driver_watch(d, MEMCACHEDS "?watch=1");
    api_driver_memcached(d, "default", "a", NULL);
    api_watch_error(w, 500, "InternalError", &line);
    assert_non_null(strstr(line.data, "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\""));
    assert_non_null(strstr(line.data, "\"reason\":\"InternalError\",\"code\":500}}\n"));
    assert_true(api_watch_is_over(w));
    assert_false(api_watch_has_event(w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        API_TEST(test_watch),
        API_TEST(test_filtered_watch),
        API_TEST(test_metadata_watch),
        API_TEST(test_watch_refusals),
        API_TEST(test_bookmarks),
        cmocka_unit_test_setup_teardown(test_watch_list, api_driver_setup_watch_list,
                                        api_driver_teardown),
        API_TEST(test_skip),
        API_TEST(test_error),
    };
    return cmocka_run_group_tests_name("api_watch", tests, NULL, NULL);
}

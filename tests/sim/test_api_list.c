/*
 * The model API server: lists and their pages.
 * Expectations are what a kube-apiserver 1.20 answered to the same.
 */
#include "lib/testing.h"

#include "sim/api_driver.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

static void test_list(void **state)
{
    struct api_driver *d = *state;
    api_driver_namespace(d, "n");                 /* 101 */
    api_driver_memcached(d, "default", "b", "1"); /* 102 */
    api_driver_memcached(d, "n", "c", NULL);
    api_driver_memcached(d, "default", "a", "2");
    api_driver_deployment(d, "w", NULL); /* 105 */
    api_driver_expect_items(d, "GET " CACHE "/memcacheds", "a@104 b@102 c@103", "105");
    assert_true(api_driver_has(d, "{'apiVersion':'cache.example.com/v1alpha1','items':[{'"));
    assert_true(api_driver_has(d, "'kind':'Memcached'"));
    api_driver_expect_items(d, "GET " MEMCACHEDS, "a@104 b@102", "105");
    api_driver_expect_items(d, "GET " MEMCACHEDS "?labelSelector=x%3D1", "b@102", "105");
    api_driver_expect_items(d, "GET " MEMCACHEDS "?labelSelector=x+in+(2,3)", "a@104", "105");
    api_driver_expect_items(d, "GET " MEMCACHEDS "?fieldSelector=metadata.name%3Da", "a@104",
                            "105");
    api_driver_expect_items(d, "GET " CACHE "/namespaces/none/memcacheds", "", "105");
    /* the cache is as new as the last write of its resource */
    api_driver_expect_items(d, "GET " MEMCACHEDS "?resourceVersion=0", "a@104 b@102", "104");
    api_driver_expect_items(d, "GET " MEMCACHEDS "?resourceVersion=103", "a@104 b@102", "104");
    api_driver_expect_items(d, "GET " MEMCACHEDS "?resourceVersion=103&resourceVersionMatch=Exact",
                            "b@102", "103");
    api_driver_expect_items(d, "GET " MEMCACHEDS "?resourceVersion=103&limit=5", "b@102", "103");
    api_driver_expect_items(d, "GET " DEPLOYMENTS, "w@105", "105");
    assert_true(api_driver_has(d, "{'kind':'DeploymentList','apiVersion':'apps/v1','metadata':{"
                                  "'resourceVersion':'105'},'items':[{"));
    assert_false(api_driver_has(d, "'kind':'Deployment'"));
    d->accept = META_LIST;
    api_driver_expect_items(d, "GET " DEPLOYMENTS, "w@105", "105");
    assert_true(api_driver_has(d, "'kind':'PartialObjectMetadata'"));
}

static void test_list_refusals(void **state)
{
    struct api_driver *d = *state;
    static const struct {
        const char *query;
        int http_status;
        const char *part;
    } CASES[] = {
        {"resourceVersion=abc", 500,
         "resourceVersion: Invalid value: \\\"abc\\\": strconv.ParseUint: parsing \\\"abc\\\": "
         "invalid syntax"},
        {"resourceVersion=-1", 500, "invalid syntax"},
        {"resourceVersion=99999999999999999999", 500, "value out of range"},
        {"limit=abc", 400, "strconv.ParseInt: parsing \\\"abc\\\": invalid syntax"},
        {"resourceVersionMatch=Exact", 422,
         "'message':'ListOptions.meta.k8s.io \\\"\\\" is invalid: resourceVersionMatch: Forbidden: "
         "resourceVersionMatch is forbidden unless resourceVersion is provided','reason':'Invalid',"
         "'details':{'group':'meta.k8s.io','kind':'ListOptions','causes':[{'reason':"
         "'FieldValueForbidden','message':'Forbidden: resourceVersionMatch is forbidden unless "
         "resourceVersion is provided','field':'resourceVersionMatch'}]},'code':422"},
        {"resourceVersionMatch=Exact&resourceVersion=0", 422, "forbidden for resourceVersion"},
        {"resourceVersionMatch=Foo&resourceVersion=0", 422,
         "Unsupported value: \\\"Foo\\\": supported values: \\\"Exact\\\", \\\"NotOlderThan\\\", "},
        {"resourceVersionMatch=Exact&resourceVersion=1&continue=x", 422,
         "resourceVersionMatch is forbidden when continue is provided"},
        {"continue=abcde", 400,
         "invalid continue token: continue key is not valid: illegal base64"},
        {"continue=junk", 400, "u008e"},
        {"fieldSelector=spec.x%3D1", 400, "field label not supported: spec.x"},
        {"resourceVersion=999", 504,
         "'message':'Timeout: Too large resource version: 999, current: 100','reason':'Timeout',"
         "'details':{'causes':[{'reason':'ResourceVersionTooLarge','message':'Too large resource "
         "version'}],'retryAfterSeconds':1},'code':504"},
        {"resourceVersion=999&resourceVersionMatch=NotOlderThan&limit=5", 504, "Too large"},
        {"resourceVersion=999&limit=5", 500, "required revision is a future revision"},
        {"labelSelector=%3D%3D", 400, "'reason':'BadRequest'"},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        char line[256];
        snprintf(line, sizeof line, "GET " MEMCACHEDS "?%s", CASES[i].query);
        api_driver_expect(d, line, NULL, CASES[i].http_status, CASES[i].part);
        assert_int_equal(d->answer.retry_after_ms, CASES[i].http_status == 504 ? 1000 : -1);
    }
    api_driver_memcached(d, "default", "a", NULL);
    api_driver_expect(d, "GET " MEMCACHEDS "/a?resourceVersion=102", NULL, 504, "Too large");
    api_driver_expect(d, "GET " MEMCACHEDS "/a?resourceVersion=101", NULL, 200, "'size'");
}

/* The next page of @query, with what belongs into every page. */
static const char *next_page(struct api_driver *d, char line[1024], const char *query)
{
    char token[512];
    snprintf(token, sizeof token, "%s", api_driver_at(d, "/metadata/continue"));
    assert_string_not_equal(token, "");
    snprintf(line, 1024, "GET " CACHE "/memcacheds?%s&continue=%s", query, token);
    return line;
}

static void test_pages(void **state)
{
    struct api_driver *d = *state;
    char line[1024];
    static const char *const NAMES[] = {"a", "b", "c", "d", "e"};
    api_driver_namespace(d, "n");
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) { /* 102 … 106 */
        api_driver_memcached(d, i < 3 ? "default" : "n", NAMES[i], i == 1 ? "1" : NULL);
    }
    api_driver_expect_items(d, "GET " CACHE "/memcacheds?limit=2", "a@102 b@103", "106");
    assert_string_equal(api_driver_at(d, "/metadata/remainingItemCount"), "3");
    next_page(d, line, "limit=2");

    /* what comes between does not show */
    api_driver_memcached(d, "default", "bb", NULL);
    api_driver_expect(d, "DELETE " MEMCACHEDS "/c", NULL, 200, "");
    api_driver_expect_items(d, line, "c@104 d@105", "106");
    assert_string_equal(api_driver_at(d, "/metadata/remainingItemCount"), "1");
    api_driver_expect_items(d, next_page(d, line, "limit=2"), "e@106", "106");
    assert_string_equal(api_driver_at(d, "/metadata/continue"), "");
    assert_string_equal(api_driver_at(d, "/metadata/remainingItemCount"), "");

    api_driver_expect_items(d, "GET " CACHE "/memcacheds?limit=1&labelSelector=x", "b@103", "108");
    assert_string_equal(api_driver_at(d, "/metadata/remainingItemCount"), "");
    api_driver_expect_items(d, next_page(d, line, "limit=1&labelSelector=x"), "", "108");
    /* caches know no pages */
    api_driver_expect_items(d, "GET " MEMCACHEDS "?limit=1&resourceVersion=0", "a@102 b@103 bb@107",
                            "108");
    api_driver_expect(d, "GET " MEMCACHEDS "?limit=1", NULL, 200, "");
    api_driver_expect(d, next_page(d, line, "limit=1&resourceVersion=5"), NULL, 400,
                      "specifying resource version is not allowed when using continue");
}

static void test_expired_page(void **state)
{
    struct api_driver *d = *state;
    char line[1024];
    api_driver_memcached(d, "default", "a", NULL);
    api_driver_memcached(d, "default", "b", NULL);
    api_driver_expect(d, "GET " CACHE "/memcacheds?limit=1", NULL, 200, "");
    next_page(d, line, "limit=1");
    api_driver_memcached(d, "default", "c", NULL);
    api_compact(d->api, 103);
    api_driver_expect(d, line, NULL, 410,
                      "'status':'Failure','message':'The provided continue parameter is too old to "
                      "display a consistent list result. You can start a new list without the "
                      "continue parameter, or use the continue token in this response");
    assert_true(api_driver_has(d, "'reason':'Expired','code':410"));
    /* the token that comes with it goes on, inconsistently */
    api_driver_expect_items(d, next_page(d, line, "limit=1"), "b@102", "103");

    api_driver_expect(d, "GET " MEMCACHEDS "?resourceVersion=102&resourceVersionMatch=Exact", NULL,
                      410, "The resourceVersion for the provided list is too old.");
    api_driver_expect_items(d, "GET " MEMCACHEDS "?resourceVersion=103&resourceVersionMatch=Exact",
                            "a@101 b@102 c@103", "103");
    api_driver_expect_items(d, "GET " MEMCACHEDS "?resourceVersion=101", "a@101 b@102 c@103",
                            "103");
}

/* Pages of what was looked at, not of what was found. */
static void test_limited_pages(void **state)
{
    struct api_driver *d = *state;
    char line[1024];
    api_driver_memcached(d, "default", "a", NULL);
    api_driver_memcached(d, "default", "b", "1");
    api_limit_pages(d->api, 1);
    for (int cached = 0; cached < 2; cached++) {
        const char *first = cached ? "GET " CACHE
                                     "/memcacheds?limit=9&labelSelector=x&resourceVersion=0"
                                   : "GET " CACHE "/memcacheds?limit=9&labelSelector=x";
        api_driver_expect_items(d, first, "", "102");
        api_driver_expect_items(d, next_page(d, line, "limit=9&labelSelector=x"), "b@102", "102");
        assert_string_equal(api_driver_at(d, "/metadata/continue"), "");
    }
    api_driver_expect_items(d, "GET " CACHE "/memcacheds", "a@101 b@102", "102");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        API_TEST(test_list),          API_TEST(test_list_refusals), API_TEST(test_pages),
        API_TEST(test_limited_pages), API_TEST(test_expired_page),
    };
    return cmocka_run_group_tests_name("api_list", tests, NULL, NULL);
}

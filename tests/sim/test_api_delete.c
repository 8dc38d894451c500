/*
 * The model API server: how objects and namespaces end.
 * Expectations are what a kube-apiserver 1.20 answered to the same.
 */
#include "lib/testing.h"

#include "sim/api_driver.h"

#include <stdio.h>
#include <string.h>

static const char CACHE_BODY[] = "{'apiVersion':'cache.example.com/v1alpha1','kind':'Memcached',"
                                 "'metadata':{'name':'a'},'spec':{'size':1}}";

/* ---- namespaces ------------------------------------------------------------------------------ */

static void test_namespaces(void **state)
{
    struct api_driver *d = *state;
    api_driver_expect(d, "POST " CACHE "/namespaces/n/memcacheds", CACHE_BODY, 404,
                      "namespaces \\\"n\\\" not found");
    api_driver_expect(d, "DELETE " NAMESPACES "/default", NULL, 403,
                      "namespaces \\\"default\\\" is forbidden: this namespace may not be deleted");
    api_driver_namespace(d, "n");
    api_driver_memcached(d, "n", "b", NULL);
    api_driver_expect(d, "DELETE " NAMESPACES "/n", NULL, 200, "'phase':'Terminating'");
    assert_string_equal(api_driver_at(d, "/metadata/deletionTimestamp"), "2026-01-01T00:00:00Z");
    uint64_t revision = api_revision(d->api);
    api_driver_expect(d, "DELETE " NAMESPACES "/n", NULL, 200, "'phase':'Terminating'");
    assert_int_equal(api_revision(d->api), revision);

    api_driver_expect(
        d, "POST " CACHE "/namespaces/n/memcacheds", CACHE_BODY, 403,
        "'message':'memcacheds.cache.example.com \\\"a\\\" is forbidden: unable to "
        "create new content in namespace n because it is being terminated','reason':"
        "'Forbidden','details':{'name':'a','group':'cache.example.com','kind':"
        "'memcacheds','causes':[{'reason':'NamespaceTerminating','message':'namespace "
        "n is being terminated','field':'metadata.namespace'}]},'code':403");
    assert_int_equal(api_driver_ask_as(d,
                                       "PATCH " CACHE "/namespaces/n/memcacheds/a?fieldManager=x",
                                       MEDIA_APPLY_PATCH, CACHE_BODY),
                     403);
    api_driver_expect(d, "PATCH " CACHE "/namespaces/n/memcacheds/b", "{'spec':{'size':7}}", 200,
                      "'size':7");

    static const char FINALIZE[] = "{'apiVersion':'v1','kind':'Namespace','metadata':{'name':'n'},"
                                   "'spec':{'finalizers':[%s]}}";
    char body[256];
    snprintf(body, sizeof body, FINALIZE, "'kubernetes'");
    api_driver_expect(d, "PUT " NAMESPACES "/n/finalize", body, 200, "'kubernetes'");
    snprintf(body, sizeof body, FINALIZE, "");
    api_driver_expect(d, "PUT " NAMESPACES "/n/finalize", body, 200, "'Terminating'");
    assert_null(d->answer.after);
    api_driver_expect(d, "PUT " NAMESPACES "/n/finalize", body, 404, "not found");
    api_driver_expect(d, "GET " NAMESPACES "/n", NULL, 404, "");
}

/* ---- deleting -------------------------------------------------------------------------------- */

static void test_delete(void **state)
{
    struct api_driver *d = *state;
    api_driver_memcached(d, "default", "a", NULL);
    api_driver_expect(d, "DELETE " MEMCACHEDS "/a", "{'preconditions':{'uid':'x'}}", 409,
                      "Operation cannot be fulfilled on Memcached.cache.example.com \\\"a\\\": the "
                      "UID in the precondition (x) does not match the UID in record (");
    api_driver_expect(d, "DELETE " MEMCACHEDS "/a", "{'preconditions':{'resourceVersion':'5'}}",
                      409, "the ResourceVersion in the precondition (5) does not match");
    api_driver_expect(d, "DELETE " MEMCACHEDS "/a", "{'preconditions':{'resourceVersion':'101'}}",
                      200, "'status':'Success','details':{'name':'a','group':'cache.example.com'");
    assert_non_null(d->answer.before);
    assert_null(d->answer.after);
    assert_int_equal(d->answer.revision, 102);
    api_driver_expect(d, "DELETE " MEMCACHEDS "/a", NULL, 404, "not found");
    api_driver_memcached(d, "default", "a", NULL);
    assert_int_equal(api_revision(d->api), 103);
}

static void test_policies(void **state)
{
    struct api_driver *d = *state;
    api_driver_deployment(d, "a", NULL);
    api_driver_expect(d, "DELETE " DEPLOYMENTS "/a", "{'propagationPolicy':'Foreground'}", 200,
                      "'finalizers':['foregroundDeletion']");
    assert_string_equal(api_driver_at(d, "/metadata/deletionTimestamp"), "2026-01-01T00:00:00Z");
    assert_string_equal(api_driver_at(d, "/metadata/deletionGracePeriodSeconds"), "0");
    assert_string_equal(api_driver_at(d, "/metadata/generation"), "2");
    /* without a policy, the one that it bears holds: nothing changes */
    api_driver_expect(d, "DELETE " DEPLOYMENTS "/a", NULL, 200, "'resourceVersion':'102'");
    assert_int_equal(api_revision(d->api), 102);
    api_driver_expect(d, "DELETE " DEPLOYMENTS "/a?propagationPolicy=Orphan", NULL, 200,
                      "'finalizers':['orphan']");
    api_driver_expect(d, "DELETE " DEPLOYMENTS "/a", NULL, 200, "'resourceVersion':'103'");
    assert_string_equal(api_driver_at(d, "/metadata/generation"), "2");
    api_driver_expect(d, "DELETE " DEPLOYMENTS "/a", "{'propagationPolicy':'Background'}", 200,
                      "'status':'Success'");
    assert_null(api_get(d->api, "deployments", "default", "a"));
    assert_int_equal(api_revision(d->api), 104);
}

static void test_last_finalizer(void **state)
{
    struct api_driver *d = *state;
    api_driver_memcached(d, "default", "a", NULL);
    api_driver_expect(d, "PATCH " MEMCACHEDS "/a", "{'metadata':{'finalizers':['e.com/x']}}", 200,
                      "");
    api_driver_expect(d, "DELETE " MEMCACHEDS "/a", NULL, 200, "'finalizers':['e.com/x']");
    api_driver_expect(d, "POST " MEMCACHEDS, CACHE_BODY, 409,
                      "object is being deleted: memcacheds.cache.example.com \\\"a\\\" already");
    api_driver_expect(d, "PATCH " MEMCACHEDS "/a", "{'spec':{'size':5}}", 200, "'size':5");
    assert_int_equal(api_revision(d->api), 104);
    /* that update is a deletion, and leaves no other trace */
    api_driver_expect(d, "PATCH " MEMCACHEDS "/a", "{'metadata':{'finalizers':null}}", 200,
                      "'resourceVersion':'104'");
    assert_non_null(strstr(d->answer.before, "e.com/x"));
    assert_null(d->answer.after);
    assert_int_equal(api_revision(d->api), 105);
    assert_null(api_get(d->api, "memcacheds", "default", "a"));
}

static void test_pods_end_gracefully(void **state)
{
    struct api_driver *d = *state;
    api_driver_pod(d, "a", NULL);
    api_driver_expect(d, "DELETE " PODS "/a", NULL, 200, "'deletionGracePeriodSeconds':0");
    assert_null(strstr(d->answer.before, "deletionTimestamp"));
    assert_null(d->answer.after);
    assert_int_equal(d->answer.revision, 103);
    assert_null(api_get(d->api, "pods", "default", "a"));

    api_driver_pod(d, "b", "node");
    api_driver_expect(d, "DELETE " PODS "/b", NULL, 200, "'deletionGracePeriodSeconds':30");
    assert_string_equal(api_driver_at(d, "/metadata/deletionTimestamp"), "2026-01-01T00:00:30Z");
    api_driver_expect(d, "PATCH " PODS "/b", "{'metadata':{'labels':{'x':'y'}}}", 200, "'x':'y'");
    assert_non_null(d->answer.after);
    api_driver_expect(d, "DELETE " PODS "/b", NULL, 200, "'resourceVersion':'106'");
    api_driver_expect(d, "DELETE " PODS "/b?gracePeriodSeconds=60", NULL, 200,
                      "'resourceVersion':'106'");
    api_driver_expect(d, "DELETE " PODS "/b", "{'gracePeriodSeconds':5}", 200,
                      "'resourceVersion':'107'");
    assert_string_equal(api_driver_at(d, "/metadata/deletionTimestamp"), "2026-01-01T00:00:05Z");
    api_driver_expect(d, "DELETE " PODS "/b", "{'gracePeriodSeconds':0}", 200, "");
    assert_int_equal(api_revision(d->api), 109);
    assert_null(api_get(d->api, "pods", "default", "b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        API_TEST(test_namespaces),
        API_TEST(test_delete),
        API_TEST(test_policies),
        API_TEST(test_last_finalizer),
        API_TEST(test_pods_end_gracefully),
    };
    return cmocka_run_group_tests_name("api_delete", tests, NULL, NULL);
}

/*
 * The model API server: requests for single objects, and what they do.
 * Expectations are what a kube-apiserver 1.20 answered to the same.
 */
#include "lib/testing.h"

#include "sim/api_driver.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

static const char CACHE_BODY[] = "{'apiVersion':'cache.example.com/v1alpha1','kind':'Memcached',"
                                 "'metadata':{'name':'a'},'spec':{'size':1}}";

/* ---- what there is --------------------------------------------------------------------------- */

static void test_paths(void **state)
{
#define NO_RESOURCE "'message':'the server could not find the requested resource'"
#define NO_PAGE     "404 page not found\n"
#define NO_METHOD   "'message':'the server does not allow this method on the requested resource'"
    static const struct {
        const char *line;
        int http_status;
        const char *part;
    } CASES[] = {
        {"GET " MEMCACHEDS, 200, "'kind':'MemcachedList'"},
        {"GET " MEMCACHEDS "/", 200, "'kind':'MemcachedList'"},
        {"GET " CACHE "/memcacheds?x=y&&limit=", 200, "'items':[]"},
        {"GET " MEMCACHEDS "/no%70e", 404, "memcacheds.cache.example.com \\\"nope\\\" not found"},
        {"GET " MEMCACHEDS "/nope/foo", 404, "memcacheds.cache.example.com"},
        {"GET " MEMCACHEDS "/nope/scale", 404, "memcacheds.cache.example.com \\\"nope\\\""},
        {"GET " DEPLOYMENTS "/a%2Fb", 404, NO_RESOURCE},
        {"GET " DEPLOYMENTS "/a%20b", 404, "deployments.apps \\\"a b\\\" not found"},
        {"GET " DEPLOYMENTS "/x/foo", 404, NO_RESOURCE},
        {"GET " DEPLOYMENTS "/x/scale", 404, "deployments/scale.apps \\\"x\\\" not found"},
        {"GET " PODS "/x/scale", 404, NO_RESOURCE},
        {"GET " DEPLOYMENTS "?fieldSelector=spec.x%3D1", 400,
         "\\\"spec.x\\\" is not a known field selector: only \\\"metadata.name\\\""},
        {"GET " PODS "/x", 404, "'details':{'name':'x','kind':'pods'}"},
        {"GET " NAMESPACES "/x/status", 404, "namespaces \\\"x\\\" not found"},
        {"GET " APPS "/namespaces/default/namespaces", 404, NO_RESOURCE},
        {"GET " APPS "/foos", 404, NO_RESOURCE},
        {"GET /apis/apps/v2/deployments", 404, NO_RESOURCE},
        {"GET /api/v2/pods", 404, NO_RESOURCE},
        {"GET " CACHE "/foos", 404, NO_PAGE},
        {"GET /apis/cache.example.com/v2/memcacheds", 404, NO_PAGE},
        {"GET /apis/none.example.com/v1/foos", 404, NO_PAGE},
        {"POST " APPS "/deployments", 405, NO_METHOD},
        {"POST " CACHE "/memcacheds", 404, NO_PAGE},
        {"POST " DEPLOYMENTS "/x", 405, NO_METHOD},
        {"PUT " DEPLOYMENTS, 405, NO_METHOD},
        {"PUT " MEMCACHEDS, 400, "name must be provided"},
        {"PATCH " DEPLOYMENTS, 405, NO_METHOD},
        {"DELETE " APPS "/deployments", 405, NO_METHOD},
        {"DELETE " DEPLOYMENTS "/x/status", 405, NO_METHOD},
        {"GET " NAMESPACES "/default/finalize", 405, NO_METHOD},
        {"GET /apis/apps/v1", 200,
         "{'kind':'APIResourceList','apiVersion':'v1','groupVersion':'apps/v1'"},
        {"GET /apis/apps/v1/", 200,
         "{'name':'statefulsets/scale','singularName':'','namespaced':true,'group':'autoscaling',"
         "'version':'v1','kind':'Scale','verbs':['get','patch','update']}"},
        {"GET /apis/stable.example.com/v1", 200, "'namespaced':true,'kind':'Fleet','verbs':['"},
        {"GET /api/v1", 200, "'groupVersion':'v1','resources':[{'name':'pods'"},
        {"GET /apis/apps/v2", 404, NO_PAGE},
        {"GET /apis/stable.example.com/v1/foos", 404, NO_PAGE},
        {"POST /apis/apps/v1", 405, NO_METHOD},
        {"GET /", 404, NO_PAGE},
        {"GET /api", 404, NO_PAGE},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        api_driver_expect(*state, CASES[i].line, NULL, CASES[i].http_status, CASES[i].part);
    }
}

static void test_accept(void **state)
{
    struct api_driver *d = *state;
    static const struct {
        const char *accept, *line;
        int http_status;
        const char *part;
    } CASES[] = {
        {"*/*", MEMCACHEDS "/a", 200, "'size':1"},
        {"application/json", MEMCACHEDS "/a", 200, "'size':1"},
        {"text/plain", MEMCACHEDS "/a", 406, "406: Not Acceptable"},
        {META_OBJECT, MEMCACHEDS "/a", 200, "'kind':'PartialObjectMetadata'"},
        {META_LIST, MEMCACHEDS "/a", 406, "is not a list"},
        {META_LIST, MEMCACHEDS, 200, "{'kind':'PartialObjectMetadataList'"},
        {META_OBJECT, MEMCACHEDS, 406, "is a list"},
        {"application/json;as=Table;g=meta.k8s.io;v=v1,application/json", MEMCACHEDS, 200, "spec"},
    };
    api_driver_memcached(d, "default", "a", NULL);
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        char line[256];
        d->accept = CASES[i].accept;
        snprintf(line, sizeof line, "GET %s", CASES[i].line);
        api_driver_expect(d, line, NULL, CASES[i].http_status, CASES[i].part);
        if (strncmp(CASES[i].accept, "application/json;as=P", 21) == 0) {
            assert_false(api_driver_has(d, "'size'"));
        }
    }
}

/* ---- creating -------------------------------------------------------------------------------- */

static void test_create(void **state)
{
    struct api_driver *d = *state;
    assert_int_equal(api_revision(d->api), 100);
    api_driver_expect(d, "POST " MEMCACHEDS, CACHE_BODY, 201, "'resourceVersion':'101'");
    assert_string_equal(api_driver_at(d, "/metadata/namespace"), "default");
    assert_string_equal(api_driver_at(d, "/metadata/creationTimestamp"), "2026-01-01T00:00:00Z");
    assert_int_equal(strlen(api_driver_at(d, "/metadata/uid")), 36);
    assert_null(d->answer.before);
    assert_non_null(strstr(d->answer.after, "\"resourceVersion\":\"101\""));
    assert_int_equal(d->answer.revision, 101);

    api_driver_expect(d, "POST " MEMCACHEDS, CACHE_BODY, 409,
                      "'message':'memcacheds.cache.example.com \\\"a\\\" already exists','reason':"
                      "'AlreadyExists','details':{'name':'a','group':'cache.example.com','kind':"
                      "'memcacheds'},'code':409");
    assert_null(d->answer.after);
    assert_int_equal(api_revision(d->api), 101);
    api_driver_expect(d, "GET " MEMCACHEDS "/a", NULL, 200, "'size':1");
}

static void test_generated_names_differ(void **state)
{
    struct api_driver *d = *state;
    static const char BODY[] = "{'apiVersion':'cache.example.com/v1alpha1','kind':'Memcached',"
                               "'metadata':{'generateName':'g-'},'spec':{'size':1}}";
    char first[32];
    api_driver_expect(d, "POST " MEMCACHEDS, BODY, 201, "");
    snprintf(first, sizeof first, "%s", api_driver_at(d, "/metadata/name"));
    api_driver_expect(d, "POST " MEMCACHEDS, BODY, 201, "");
    assert_int_equal(strlen(first), strlen("g-12345"));
    assert_string_not_equal(first, api_driver_at(d, "/metadata/name"));
}

static void test_bodies(void **state)
{
    struct api_driver *d = *state;
    static const struct {
        const char *line, *type, *body;
        int http_status;
        const char *part;
    } CASES[] = {
        {"POST " MEMCACHEDS, MEDIA_JSON, "{bad", 400, "must be of type Memcached"},
        {"POST " MEMCACHEDS, MEDIA_JSON, "[]", 400, "'reason':'BadRequest'"},
        {"POST " MEMCACHEDS, MEDIA_JSON, "", 400, "'reason':'BadRequest'"},
        {"POST " MEMCACHEDS, "text/plain", "{}", 415, "application/vnd.kubernetes.protobuf"},
        {"POST " MEMCACHEDS "?dryRun=Some", MEDIA_JSON, CACHE_BODY, 422,
         "CreateOptions.meta.k8s.io \\\"\\\" is invalid: dryRun"},
        {"POST " MEMCACHEDS, MEDIA_JSON, "null", 400, "'reason':'BadRequest'"},
        {"PUT " MEMCACHEDS "/a", MEDIA_JSON, "{bad", 400, "'reason':'BadRequest'"},
        {"PUT " MEMCACHEDS "/none", MEDIA_JSON, CACHE_BODY, 400, "the name on the URL (none)"},
        {"PUT " CACHE "/namespaces/n/memcacheds/a", MEDIA_JSON, CACHE_BODY, 404,
         "memcacheds.cache.example.com \\\"a\\\" not found"},
        {"PATCH " MEMCACHEDS "/none", MEDIA_MERGE_PATCH, "{bad", 404, "\\\"none\\\" not found"},
        {"PATCH " MEMCACHEDS "/a", MEDIA_MERGE_PATCH, "{bad", 500, "Invalid JSON Patch"},
        {"PATCH " MEMCACHEDS "/a", MEDIA_JSON, "{}", 415, "application/apply-patch+yaml"},
        {"PATCH " DEPLOYMENTS "/a", MEDIA_JSON, "{}", 415, "415: Unsupported Media Type"},
        {"PATCH " DEPLOYMENTS "/a/scale", MEDIA_MERGE_PATCH, "{}", 404,
         "deployments.apps \\\"a\\\""},
        {"PATCH " MEMCACHEDS "/a?force=true", MEDIA_MERGE_PATCH, "{}", 422,
         "force: Forbidden: may not be specified for non-apply patch"},
        {"PATCH " MEMCACHEDS "/a", MEDIA_APPLY_PATCH, CACHE_BODY, 422,
         "fieldManager: Required value: is required for apply patch"},
        {"PATCH " MEMCACHEDS "/a?fieldManager=x", MEDIA_APPLY_PATCH, "{bad", 400, "YAML"},
        {"PATCH " MEMCACHEDS "/a?fieldManager=x", MEDIA_APPLY_PATCH, "", 400,
         "Incorrect version specified in apply patch"},
        {"PATCH " MEMCACHEDS "/a?fieldManager=x", MEDIA_APPLY_PATCH, "null", 400,
         "Incorrect version specified in apply patch"},
        {"PATCH " MEMCACHEDS "/none/status?fieldManager=x", MEDIA_APPLY_PATCH, CACHE_BODY, 404,
         "\\\"none\\\" not found"},
        {"DELETE " MEMCACHEDS "/a", MEDIA_JSON, "{bad", 500, "json parse error"},
        {"DELETE " MEMCACHEDS "/a?gracePeriodSeconds=x", NULL, NULL, 400, "strconv.ParseInt"},
        {"DELETE " MEMCACHEDS "/a", MEDIA_JSON, "{'propagationPolicy':'Foo'}", 422,
         "propagationPolicy: Unsupported value: \\\"Foo\\\""},
        {"POST " MEMCACHEDS, "application/json; charset=utf-8", CACHE_BODY, 409, "exists"},
    };
    api_driver_memcached(d, "default", "a", NULL);
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        int status = api_driver_ask_as(d, CASES[i].line, CASES[i].type, CASES[i].body);
        if (status != CASES[i].http_status || !api_driver_has(d, CASES[i].part)) {
            fail_msg("%s %s: %d %s", CASES[i].line, CASES[i].body, status,
                     buf_text(&d->answer.body));
        }
    }
    assert_int_equal(api_revision(d->api), 101);
}

static void test_dry_run_writes_nothing(void **state)
{
    struct api_driver *d = *state;
    api_driver_expect(d, "POST " MEMCACHEDS "?dryRun=All", CACHE_BODY, 201, "'size':1");
    assert_false(api_driver_has(d, "resourceVersion"));
    api_driver_expect(d, "GET " MEMCACHEDS "/a", NULL, 404, "");
    api_driver_memcached(d, "default", "a", NULL);
    api_driver_expect(d, "PATCH " MEMCACHEDS "/a?dryRun=All", "{'spec':{'size':2}}", 200,
                      "'size':2");
    assert_true(api_driver_has(d, "'resourceVersion':'101'"));
    api_driver_expect(d, "DELETE " MEMCACHEDS "/a?dryRun=All", NULL, 200, "Success");
    api_driver_expect(d, "GET " MEMCACHEDS "/a", NULL, 200, "'size':1");
    assert_int_equal(api_revision(d->api), 101);
}

static void test_field_manager(void **state)
{
    struct api_driver *d = *state;
    api_driver_expect(d, "POST " MEMCACHEDS, CACHE_BODY, 201, "'manager':'tester'");
    api_driver_expect(d, "PATCH " MEMCACHEDS "/a?fieldManager=me%21", "{'spec':{'size':2}}", 200,
                      "'manager':'me!'");
}

/* ---- changing -------------------------------------------------------------------------------- */

static void test_patch_and_update(void **state)
{
    struct api_driver *d = *state;
    api_driver_memcached(d, "default", "a", NULL);
    api_driver_expect(d, "PATCH " MEMCACHEDS "/a", "{'spec':{'size':2}}", 200,
                      "'resourceVersion':'102'");
    assert_non_null(strstr(d->answer.before, "\"size\":1"));
    assert_non_null(strstr(d->answer.after, "\"size\":2"));
    assert_string_equal(d->answer.after, api_get(d->api, "memcacheds", "default", "a"));

    /* the same again is no write */
    api_driver_expect(d, "PATCH " MEMCACHEDS "/a", "{'spec':{'size':2}}", 200,
                      "'resourceVersion':'102'");
    assert_null(d->answer.before);
    assert_null(d->answer.after);
    assert_int_equal(api_revision(d->api), 102);

    api_driver_expect(d, "PATCH " MEMCACHEDS "/a",
                      "{'metadata':{'resourceVersion':'101'},'spec':{'size':3}}", 409,
                      "the object has been modified; please apply your changes to the latest "
                      "version and try again");
    assert_true(api_driver_has(d, "'details':{'name':'a','group':'cache.example.com'"));
    api_driver_expect(d, "PUT " MEMCACHEDS "/a",
                      "{'apiVersion':'cache.example.com/v1alpha1','kind':'Memcached','metadata':{"
                      "'name':'a','resourceVersion':'102'},'spec':{'size':3}}",
                      200, "'resourceVersion':'103'");
    api_driver_expect(d, "GET " MEMCACHEDS "/a/scale", NULL, 200, "'kind':'Scale'");
    api_driver_expect(d, "GET " MEMCACHEDS "/a/status", NULL, 200, "'size':3");
}

static void test_no_scale_without_size(void **state)
{
    struct api_driver *d = *state;
    api_driver_expect(d, "POST " MEMCACHEDS,
                      "{'apiVersion':'cache.example.com/v1alpha1','kind':'Memcached','metadata':{"
                      "'name':'a'}}",
                      201, "");
    api_driver_expect(d, "GET " MEMCACHEDS "/a/scale", NULL, 500,
                      "'message':'Internal error occurred: the spec replicas field "
                      "\\\".spec.size\\\" does not exist','reason':'InternalError'");
}

static void test_update_creates_leases(void **state)
{
    struct api_driver *d = *state;
    api_driver_expect(d, "PUT " LEASES "/l",
                      "{'apiVersion':'coordination.k8s.io/v1','kind':'Lease','metadata':{'name':"
                      "'l','uid':'x'},'spec':{}}",
                      409, "Precondition failed: UID in precondition: x, UID in object meta: ");
    api_driver_expect(d, "PUT " LEASES "/l",
                      "{'apiVersion':'coordination.k8s.io/v1','kind':'Lease','metadata':{'name':"
                      "'l','resourceVersion':'5'},'spec':{}}",
                      201, "'resourceVersion':'101'");
    api_driver_expect(d, "PUT /apis/coordination.k8s.io/v1/namespaces/none/leases/l",
                      "{'apiVersion':'coordination.k8s.io/v1','kind':'Lease','metadata':{'name':"
                      "'l'},'spec':{}}",
                      404, "namespaces \\\"none\\\" not found");
}

/* ---- as a whole ------------------------------------------------------------------------------ */

static void note_change(void *ctx, const struct api_change *change)
{
    struct buf *out = ctx;
    buf_printf(out, "%d %s %c%c\n", (int)change->revision, change->resource,
               change->before != NULL ? 'x' : '-', change->after != NULL ? 'x' : '-');
}

static void note_object(void *ctx, const char *json)
{
    struct buf *out = ctx;
    const char *name = strstr(json, "\"name\":\"");
    buf_printf(out, "%.1s ", name + strlen("\"name\":\""));
}

static void test_looking(void **state)
{
    struct api_driver *d = *state;
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, 4096);
    api_driver_namespace(d, "n");
    api_driver_memcached(d, "n", "z", NULL);
    api_driver_memcached(d, "default", "b", NULL);
    api_driver_memcached(d, "default", "a", NULL);
    api_driver_label(d, "b", "1");
    api_driver_expect(d, "DELETE " MEMCACHEDS "/b", NULL, 200, "");
    api_each_change(d->api, 101, note_change, &out);
    assert_string_equal(out.data, "102 memcacheds -x\n"
                                  "103 memcacheds -x\n"
                                  "104 memcacheds -x\n"
                                  "105 memcacheds xx\n"
                                  "106 memcacheds x-\n");
    buf_reset(&out, out.cap);
    api_each(d->api, "memcacheds", NULL, note_object, &out);
    api_each(d->api, "memcacheds", "n", note_object, &out);
    assert_string_equal(out.data, "a z z ");
    assert_null(api_get(d->api, "memcacheds", "default", "b"));
    assert_non_null(api_get(d->api, "namespaces", "", "n"));
}

/* Same seed, same requests: same bytes. */
static void test_replays(void **state)
{
    struct api_driver *d = *state;
    struct api_driver other;
    api_driver_init(&other, false);
    for (int i = 0; i < 2; i++) {
        struct api_driver *at = i == 0 ? d : &other;
        api_driver_memcached(at, "default", "a", "1");
        api_driver_expect(at, "GET " MEMCACHEDS, NULL, 200, "");
    }
    assert_string_equal(d->answer.body.data, other.answer.body.data);
    api_driver_fini(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        API_TEST(test_paths),
        API_TEST(test_accept),
        API_TEST(test_create),
        API_TEST(test_generated_names_differ),
        API_TEST(test_bodies),
        API_TEST(test_dry_run_writes_nothing),
        API_TEST(test_field_manager),
        API_TEST(test_patch_and_update),
        API_TEST(test_no_scale_without_size),
        API_TEST(test_update_creates_leases),
        API_TEST(test_looking),
        API_TEST(test_replays),
    };
    return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}

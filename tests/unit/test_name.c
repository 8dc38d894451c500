#include "lib/testing.h"

#include "base/error.h"
#include "base/mem.h"
#include "kube/name.h"

#include <string.h>

static const struct kind DEPLOYMENT = {
    .group = "apps", .version = "v1", .kind = "Deployment", .plural = "deployments"};
static const struct kind POD = {.group = "", .version = "v1", .kind = "Pod", .plural = "pods"};

static void names_are_subdomains_and_namespaces_labels(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool name_valid;
        bool namespace_valid;
    } cases[] = {
        {"a", true, true},          {"0", true, true},      {"memcached-sample", true, true},
        {"a--b", true, true},       {"a.b", true, false},   {"a-1.b-2.c", true, false},
        {"", false, false},         {".", false, false},    {"..", false, false},
        {"-", false, false},        {".a", false, false},   {"a.", false, false},
        {"a..b", false, false},     {"-a", false, false},   {"a-", false, false},
        {"a.-b", false, false},     {"a-.b", false, false}, {"A", false, false},
        {"a_b", false, false},      {"a/b", false, false},  {"../secrets", false, false},
        {"a b", false, false},      {"a\n", false, false},  {"a%2fb", false, false},
        {"\xC3\xA4", false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(name_is_valid(cases[i].name), cases[i].name_valid);
        assert_int_equal(namespace_is_valid(cases[i].name), cases[i].namespace_valid);
    }
}

static void the_longest_names_are_valid(void **state)
{
    (void)state;
    char name[300];
    memset(name, 'a', sizeof name);
    name[63] = '\0';
    assert_true(namespace_is_valid(name));
    name[63] = 'a';
    name[64] = '\0';
    assert_false(namespace_is_valid(name));
    assert_true(name_is_valid(name)); /* the API server limits no label of a subdomain */
    name[64] = 'a';
    name[253] = '\0';
    assert_true(name_is_valid(name));
    name[253] = 'a';
    name[254] = '\0';
    assert_false(name_is_valid(name));
}

static void escaping_leaves_the_unreserved_only(void **state)
{
    (void)state;
    static const char HEX[] = "0123456789ABCDEF";
    static const char unreserved[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (int c = 1; c < 256; c++) {
        CLEANUP(buf_fini) struct buf out;
        buf_init(&out, 100);
        const char text[] = {(char)c, '\0'};
        const char escaped[] = {'%', HEX[c >> 4], HEX[c & 15], '\0'};
        assert_int_equal(path_append_escaped(&out, text), 0);
        assert_string_equal(buf_text(&out), strchr(unreserved, c) != NULL ? text : escaped);
    }
}

static void resources_have_their_paths(void **state)
{
    (void)state;
    static const struct {
        const struct kind *kind;
        const char *ns;
        const char *name;
        const char *subresource;
        const char *path;
    } cases[] = {
        {&DEPLOYMENT, "web", "cache", "status",
         "/apis/apps/v1/namespaces/web/deployments/cache/status"},
        {&DEPLOYMENT, "web", "cache", NULL, "/apis/apps/v1/namespaces/web/deployments/cache"},
        {&DEPLOYMENT, "web", NULL, NULL, "/apis/apps/v1/namespaces/web/deployments"},
        {&DEPLOYMENT, "", NULL, NULL, "/apis/apps/v1/deployments"},
        {&DEPLOYMENT, NULL, NULL, NULL, "/apis/apps/v1/deployments"},
        {&POD, "web", "a", NULL, "/api/v1/namespaces/web/pods/a"},
        {&POD, NULL, NULL, NULL, "/api/v1/pods"},
        {&POD, NULL, "node-1", NULL, "/api/v1/pods/node-1"},
        {&POD, "a/b", "c?d#e f%", NULL, "/api/v1/namespaces/a%2Fb/pods/c%3Fd%23e%20f%25"},
        {&POD, "web", "../../secrets", NULL, "/api/v1/namespaces/web/pods/..%2F..%2Fsecrets"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_fini) struct buf out;
        buf_init(&out, 1000);
        assert_int_equal(path_append_resource(&out, cases[i].kind, cases[i].ns, cases[i].name,
                                              cases[i].subresource),
                         0);
        assert_string_equal(buf_text(&out), cases[i].path);
    }
}

static void segments_that_address_something_else_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *ns;
        const char *name;
        const char *subresource;
    } cases[] = {
        {"web", "", NULL}, {"web", ".", NULL}, {"web", "..", NULL}, {".", "a", NULL},
        {"..", "a", NULL}, {"web", "a", ""},   {"web", "a", ".."},  {NULL, "", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_fini) struct buf out;
        buf_init(&out, 1000);
        buf_append_text(&out, "before");
        assert_int_equal(path_append_resource(&out, &DEPLOYMENT, cases[i].ns, cases[i].name,
                                              cases[i].subresource),
                         ERR_INVALID);
        assert_string_equal(buf_text(&out), "before");
    }
}

static void queries_begin_with_a_question_mark_once(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, 1000);
    path_append_resource(&out, &POD, NULL, NULL, NULL);
    assert_int_equal(path_append_query(&out, "labelSelector", "a=b,c in (d)"), 0);
    assert_int_equal(path_append_query(&out, "continue", "x&y=+?"), 0);
    assert_int_equal(path_append_query(&out, "empty", ""), 0);
    assert_string_equal(
        buf_text(&out),
        "/api/v1/pods?labelSelector=a%3Db%2Cc%20in%20%28d%29&continue=x%26y%3D%2B%3F&empty=");
}

/* At each limit: all of it or nothing. */
static void what_does_not_fit_is_not_begun(void **state)
{
    (void)state;
    static const char path[] = "/apis/apps/v1/namespaces/web/deployments/c%20d/scale";
    static const char query[] = "?a%20b=c%2Fd";
    for (size_t max = 0; max < strlen(path) + 5; max++) {
        CLEANUP(buf_fini) struct buf out;
        buf_init(&out, max);
        bool fits = max >= strlen(path);
        assert_int_equal(path_append_resource(&out, &DEPLOYMENT, "web", "c d", "scale"),
                         fits ? 0 : ERR_TOO_BIG);
        assert_string_equal(buf_text(&out), fits ? path : "");
    }
    for (size_t max = 0; max < strlen(query) + 5; max++) {
        CLEANUP(buf_fini) struct buf out;
        buf_init(&out, max);
        bool fits = max >= strlen(query);
        assert_int_equal(path_append_query(&out, "a b", "c/d"), fits ? 0 : ERR_TOO_BIG);
        assert_string_equal(buf_text(&out), fits ? query : "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_subdomains_and_namespaces_labels),
        cmocka_unit_test(the_longest_names_are_valid),
        cmocka_unit_test(escaping_leaves_the_unreserved_only),
        cmocka_unit_test(resources_have_their_paths),
        cmocka_unit_test(segments_that_address_something_else_are_refused),
        cmocka_unit_test(queries_begin_with_a_question_mark_once),
        cmocka_unit_test(what_does_not_fit_is_not_begun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Kinds as the server describes them, and what people are told of those that it does not, or not as
 * it must.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "kube/discovery.h"

#include <stdio.h>
#include <string.h>

#define V     "example.com/v1"
#define VERBS "'verbs':['create','get','list','watch']"
#define WIDGETS                                                                                    \
    "{'name':'widgets','singularName':'widget','namespaced':true,'kind':'Widget'," VERBS "}"
#define SCALES                                                                                     \
    "{'name':'widgets/scale','namespaced':true,'group':'autoscaling','version':'v1',"              \
    "'kind':'Scale','verbs':['get','update']}"
#define STATUS                                                                                     \
    "{'name':'widgets/status','namespaced':true,'kind':'Widget','verbs':['get','update']}"
#define RESOURCES(entries)                                                                         \
    "{'kind':'APIResourceList','apiVersion':'v1','groupVersion':'" V "','resources':[" entries "]" \
    "}"

/* Single quotes become double ones. */
static struct answer answer_of(int http_status, const char *body, char *text, size_t bytes)
{
    struct answer answer = {.http_status = http_status, .body = text, .error = ERROR_INIT};

    snprintf(text, bytes, "%s", body);
    for (char *c = text; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    answer.body_len = strlen(text);
    return answer;
}

static int judge(const char *body, struct kind **out, struct error *err)
{
    char text[4096];
    struct answer answer = answer_of(200, body, text, sizeof text);

    *out = NULL;
    return discovery_judge(V, "Widget", &answer, out, err);
}

static void a_kind_is_found_whatever_the_order_of_the_list(void **state)
{
    static const char *const bodies[] = {
        RESOURCES(WIDGETS "," SCALES "," STATUS),
        RESOURCES(STATUS "," SCALES "," WIDGETS),
        RESOURCES("{'name':'gadgets','namespaced':true,'kind':'Gadget'},7,null,{}," SCALES
                  "," WIDGETS ",{'name':'widgets2','namespaced':false,'kind':'Widget'}"),
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct kind *kind;
        assert_int_equal(judge(bodies[i], &kind, NULL), 0);
        assert_string_equal(kind->group, "example.com");
        assert_string_equal(kind->version, "v1");
        assert_string_equal(kind->kind, "Widget");
        assert_string_equal(kind->plural, "widgets");
        assert_null(kind->decode);
        mem_free(kind);
    }
}

static void a_kind_of_the_core_group_has_no_group(void **state)
{
    char text[1024];
    struct kind *kind = NULL;
    struct answer answer = answer_of(
        200,
        "{'resources':[{'name':'replicationcontrollers','namespaced':true,"
        "'kind':'ReplicationController'," VERBS "},{'name':'replicationcontrollers/scale',"
        "'group':'autoscaling','version':'v1','kind':'Scale','verbs':['get']}]}",
        text, sizeof text);

    (void)state;
    assert_int_equal(discovery_judge("v1", "ReplicationController", &answer, &kind, NULL), 0);
    assert_string_equal(kind->group, "");
    assert_string_equal(kind->version, "v1");
    assert_string_equal(kind->plural, "replicationcontrollers");
    mem_free(kind);
}

struct refusal {
    const char *body;
    int code;
    const char *message;
};

static void people_are_told_what_is_wrong_with_a_kind(void **state)
{
    static const struct refusal table[] = {
        {RESOURCES(""), ERR_NOT_FOUND, "the server knows no kind \"Widget\" in " V},
        {RESOURCES(STATUS), ERR_NOT_FOUND, "the server knows no kind \"Widget\" in " V},
        {RESOURCES("{'name':'widgets','namespaced':true,'kind':'WIDGET'}"), ERR_NOT_FOUND,
         "the server knows no kind \"Widget\" in " V "; it knows \"WIDGET\""},
        {RESOURCES("{'name':'../x','namespaced':true,'kind':'Widget'," VERBS "}"), ERR_NOT_FOUND,
         "the server knows no kind \"Widget\" in " V},
        {RESOURCES("{'name':'a\\u0000b','namespaced':true,'kind':'Widget'," VERBS "}"),
         ERR_NOT_FOUND, "the server knows no kind \"Widget\" in " V},
        {RESOURCES("{'name':'widgets','namespaced':false,'kind':'Widget'," VERBS "}," SCALES),
         ERR_INVALID, "Widget of " V " is not namespaced"},
        {RESOURCES("{'name':'widgets','kind':'Widget'," VERBS "}," SCALES), ERR_INVALID,
         "Widget of " V " is not namespaced"},
        {RESOURCES("{'name':'widgets','namespaced':true,'kind':'Widget','verbs':['list']}," SCALES),
         ERR_INVALID, "Widget of " V " cannot be listed and watched"},
        {RESOURCES("{'name':'widgets','namespaced':true,'kind':'Widget','verbs':3}," SCALES),
         ERR_INVALID, "Widget of " V " cannot be listed and watched"},
        {RESOURCES(WIDGETS "," STATUS), ERR_INVALID,
         "Widget of " V " has no scale subresource of autoscaling/v1"},
        {RESOURCES(WIDGETS ",{'name':'widgets/scale','group':'extensions','version':'v1beta1',"
                           "'kind':'Scale','verbs':['get']}"),
         ERR_INVALID, "Widget of " V " has no scale subresource of autoscaling/v1"},
        {RESOURCES(WIDGETS ",{'name':'widgets/scale','group':'autoscaling','version':'v1',"
                           "'kind':'Scale','verbs':['update']}"),
         ERR_INVALID, "Widget of " V " has no scale subresource of autoscaling/v1"},
        {RESOURCES(WIDGETS ",{'name':'widgets2/scale','group':'autoscaling','version':'v1',"
                           "'kind':'Scale','verbs':['get']}"),
         ERR_INVALID, "Widget of " V " has no scale subresource of autoscaling/v1"},
        {"{'kind':'Status'}", ERR_PARSE,
         "looking up kind \"Widget\" in " V ": the answer is no APIResourceList"},
        {"{'resources':{}}", ERR_PARSE,
         "looking up kind \"Widget\" in " V ": the answer is no APIResourceList"},
        {"[]", ERR_PARSE, "looking up kind \"Widget\" in " V ": the answer is no APIResourceList"},
        {"", ERR_PARSE, "looking up kind \"Widget\" in " V ": JSON: empty input"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct error err = ERROR_INIT;
        struct kind *kind;
        assert_int_equal(judge(table[i].body, &kind, &err), table[i].code);
        assert_int_equal(err.code, table[i].code);
        assert_string_equal(err.message, table[i].message);
        assert_null(kind);
    }
}

static void an_answer_cut_anywhere_is_no_kind(void **state)
{
    char text[4096];
    struct answer whole = answer_of(200, RESOURCES(WIDGETS "," SCALES), text, sizeof text);

    (void)state;
    for (size_t len = 0; len < whole.body_len; len++) {
        struct answer cut = whole;
        struct error err = ERROR_INIT;
        struct kind *kind = NULL;
        char *exact = mem_alloc(len); /* so that reading beyond it shows */
        memcpy(exact, text, len);
        cut.body = exact;
        cut.body_len = len;
        assert_int_equal(discovery_judge(V, "Widget", &cut, &kind, &err), ERR_PARSE);
        assert_null(kind);
        mem_free(exact);
    }
}

static void a_failed_question_says_by_what(void **state)
{
    struct answer answer = {.http_status = 404, .body = "", .error = ERROR_INIT};
    struct error err = ERROR_INIT;
    struct kind *kind = NULL;

    (void)state;
    error_set(&answer.error, ERR_NOT_FOUND, "404 NotFound: 404 page not found");
    assert_int_equal(discovery_judge(V, "Widget", &answer, &kind, &err), ERR_NOT_FOUND);
    assert_string_equal(err.message,
                        "the server knows no " V ": is its CustomResourceDefinition installed?");
    error_set(&answer.error, ERR_FORBIDDEN, "403 Forbidden: no");
    answer.error.retry_after_ms = 5000;
    assert_int_equal(discovery_judge(V, "Widget", &answer, &kind, &err), ERR_FORBIDDEN);
    assert_string_equal(err.message, "looking up kind \"Widget\" in " V ": 403 Forbidden: no");
    assert_int_equal(err.retry_after_ms, 5000);
    assert_null(kind);
}

static void names_are_checked(void **state)
{
    static const struct {
        const char *api_version, *kind;
        bool good;
    } table[] = {
        {"v1", "Pod", true},
        {"apps/v1", "Deployment", true},
        {"argoproj.io/v1alpha1", "Rollout", true},
        {"apps/v1", "X-1", true},
        {"", "Pod", false},
        {"/v1", "Pod", false},
        {"apps/", "Pod", false},
        {"apps/v1/x", "Pod", false},
        {"../v1", "Pod", false},
        {"..", "Pod", false},
        {"a%2fb/v1", "Pod", false},
        {"apps/v1?x", "Pod", false},
        {"Apps/v1", "Pod", false},
        {"apps/v1", "", false},
        {"apps/v1", "1Pod", false},
        {"apps/v1", "Pod/x", false},
        {"apps/v1",
         "P\xc3\xb6"
         "d",
         false},
        {"apps/v1", "A123456789b123456789c123456789d123456789e123456789f123456789g12", true},
        {"apps/v1", "A123456789b123456789c123456789d123456789e123456789f123456789g123", false},
    };
    char huge[2000];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct error err = ERROR_INIT;
        int rc = discovery_check(table[i].api_version, table[i].kind, &err);
        if (rc != (table[i].good ? 0 : ERR_INVALID)) {
            fail_msg("%s %s: %s", table[i].api_version, table[i].kind, err.message);
        }
    }
    memset(huge, 'a', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    assert_int_equal(discovery_check(huge, "Pod", NULL), ERR_INVALID);
    assert_int_equal(discovery_check("v1", huge, NULL), ERR_INVALID);
    memcpy(huge + 1000, "/v1", 4);
    assert_int_equal(discovery_check(huge, "Pod", NULL), ERR_INVALID);
    memcpy(huge + 252, "/v1", 4); /* as long as kind_api_version() can say */
    assert_int_equal(discovery_check(huge, "Pod", NULL), 0);
    memcpy(huge + 252, "/v10", 5);
    assert_int_equal(discovery_check(huge, "Pod", NULL), ERR_INVALID);
}

static void a_wrong_name_is_said_to_be_wrong(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    discovery_check("apps", "Deployment", &err);
    assert_int_equal(err.code, ERR_NONE); /* might be one of the core group */
    discovery_check("apps/v1/", "Deployment", &err);
    assert_string_equal(err.message,
                        "apiVersion \"apps/v1/\" is none: write it as in \"apps/v1\", or \"v1\"");
    discovery_check("apps/v1", "P\xc3\xb6\n", &err);
    assert_string_equal(err.message, "kind \"P???\" is none: write it as in \"Deployment\"");
    discovery_check("apps/v1", "my app", &err);
    assert_string_equal(err.message, "kind \"my app\" is none: write it as in \"Deployment\"");
}

static void the_path_is_that_of_the_group_and_version(void **state)
{
    CLEANUP(buf_fini) struct buf path;

    (void)state;
    buf_init(&path, 512);
    discovery_append_path(&path, "v1");
    discovery_append_path(&path, "argoproj.io/v1alpha1");
    assert_string_equal(buf_text(&path), "/api/v1/apis/argoproj.io/v1alpha1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kind_is_found_whatever_the_order_of_the_list),
        cmocka_unit_test(a_kind_of_the_core_group_has_no_group),
        cmocka_unit_test(people_are_told_what_is_wrong_with_a_kind),
        cmocka_unit_test(an_answer_cut_anywhere_is_no_kind),
        cmocka_unit_test(a_failed_question_says_by_what),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(a_wrong_name_is_said_to_be_wrong),
        cmocka_unit_test(the_path_is_that_of_the_group_and_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

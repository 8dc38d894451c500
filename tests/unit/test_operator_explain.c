/*
 * The operator that explains, on the real manager: what it reads, that it writes nothing, when it
 * knows enough, and that it says what the operator does. The test plays the server.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "lib/driver.h"
#include "operator/operator.h"

#include <stdio.h>
#include <string.h>

#define CACHE       "/apis/cache.example.com/v1alpha1"
#define NS          "/namespaces/default"
#define MEMCACHEDS  CACHE NS "/memcacheds?"
#define DEPLOYMENTS "/apis/apps/v1" NS "/deployments"
#define SOURCES     DEPLOYMENTS "?labelSelector=memcached-operator%2F"
#define OPERANDS    DEPLOYMENTS "?labelSelector=app.kubernetes.io%2F"
#define NAMED       "?fieldSelector=metadata.name%3D"
#define WEB         DEPLOYMENTS NAMED "web"
#define ROLLOUTS    "/apis/argoproj.io/v1alpha1"
#define ROLLOUT     ROLLOUTS NS "/rollouts" NAMED "blue"
#define SCALE       "GET " ROLLOUTS NS "/rollouts/blue/scale"
#define LOOK        "GET " DEPLOYMENTS "/"
#define CONFIRM     "GET " CACHE NS "/memcacheds/cache"

#define FROM_WEB "{'sources':[{'kind':'Deployment','name':'web'}]}"
#define FROM_ROLLOUT                                                                               \
    "{'sources':[{'apiVersion':'argoproj.io/v1alpha1','kind':'Rollout','name':'blue'}]}"

enum { OUT_BYTES_MAX = 64 << 10 };

struct fixture {
    struct driver driver;
    struct operator* operator;
    struct buf out;
    size_t unknown;
    struct error err;
};

static int setup(void **state)
{
    static const char *const namespaces[] = {"default"};
    struct fixture *f = mem_zalloc(sizeof *f);
    struct manager *m = manager_new(&(struct manager_options){
        .log = {.level_min = LOG_ERROR},
        .name = "memcached-operator",
        .namespaces = namespaces,
        .namespace_count = 1,
        .identity = "explain",
        .host = "server:443",
        .user = "tester",
        .max_concurrent = 16,
        .seed = 1,
    });
    f->operator= operator_new(m, &(struct operator_options){.image = "", .explains = true});
    driver_init(&f->driver, m);
    buf_init(&f->out, OUT_BYTES_MAX);
    *state = f;
    return 0;
}

/* Nothing was written, whatever the test did. */
static int teardown(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(driver_count(&f->driver, "P"), 0); /* POST, PUT, PATCH */
    assert_int_equal(driver_count(&f->driver, "DELETE"), 0);
    driver_fini(&f->driver);
    operator_free(f->operator);
    buf_fini(&f->out);
    mem_free(f);
    return 0;
}

/* ---- The server ---- */

static const char *memcached_json(const char *name, int size, const char *size_from)
{
    static char texts[4][1024];
    static unsigned next;
    char *text = texts[next++ % ARRAY_LEN(texts)];
    snprintf(text, sizeof texts[0],
             "{'metadata':{'namespace':'default','name':'%s','uid':'m-%s','resourceVersion':'10',"
             "'generation':1,'creationTimestamp':'2026-01-01T00:00:00Z'},'spec':{'size':%d,"
             "'sizeFrom':%s}}",
             name, name, size, size_from);
    return text;
}

/* Of @owner, a Memcached; NULL: of nobody. */
static const char *deployment_json(const char *name, int replicas, const char *claim,
                                   const char *owner)
{
    static char texts[4][1024];
    static unsigned next;
    char *text = texts[next++ % ARRAY_LEN(texts)];
    char reference[256] = "";
    if (owner != NULL) {
        snprintf(reference, sizeof reference,
                 ",'ownerReferences':[{'apiVersion':'cache.example.com/v1alpha1','kind':"
                 "'Memcached','name':'%s','uid':'m-%s','controller':true}]",
                 owner, owner);
    }
    snprintf(
        text, sizeof texts[0],
        "{'metadata':{'namespace':'default','name':'%s','uid':'d-%s','resourceVersion':'11',"
        "'generation':1,'creationTimestamp':'2026-01-01T00:00:00Z','labels':{"
        "'app.kubernetes.io/managed-by':'memcached-operator'%s%s%s}%s},'spec':{'replicas':%d}}",
        name, name,
        claim != NULL ? ",'memcached-operator/associated-memcached-deployment-name':'" : "",
        claim != NULL ? claim : "", claim != NULL ? "'" : "", reference, replicas);
    return text;
}

static void list_all(struct fixture *f, const char *memcacheds, const char *claimants,
                     const char *operands)
{
    driver_list(&f->driver, MEMCACHEDS, "%s", memcacheds);
    driver_list(&f->driver, SOURCES, "%s", claimants);
    driver_list(&f->driver, OPERANDS, "%s", operands);
    driver_pass(&f->driver, 1);
}

/* The first list, and the consistent read that follows. */
static void list_named(struct fixture *f, const char *path, const char *object)
{
    char prefix[512];
    snprintf(prefix, sizeof prefix, "GET %s", path);
    driver_list(&f->driver, path, "%s", object);
    driver_pass(&f->driver, 1);
    driver_answer(&f->driver, prefix, 200, "{'metadata':{'resourceVersion':'300'},'items':[%s]}",
                  object);
    driver_pass(&f->driver, 1);
}

/* Whoever has no Deployment is looked for. */
static void no_deployment(struct fixture *f, const char *name)
{
    char prefix[256];
    snprintf(prefix, sizeof prefix, LOOK "%s", name);
    driver_answer(&f->driver, prefix, 404, "{'kind':'Status','code':404,'reason':'NotFound'}");
    driver_pass(&f->driver, 1);
}

static int explain(struct fixture *f, const char *name)
{
    f->err = ERROR_INIT;
    buf_reset(&f->out, 0);
    return operator_explain(f->operator, &(struct explain_wish){.name = name}, f->driver.now,
                            &f->out, &f->unknown, &f->err);
}

static void assert_explained(struct fixture *f, const char *name, const char *text)
{
    assert_true(operator_is_explained(f->operator));
    assert_int_equal(explain(f, name), 1);
    assert_int_equal(f->unknown, 0);
    if (strstr(buf_text(&f->out), text) == NULL) {
        fail_msg("%s\ndoes not have\n%s", buf_text(&f->out), text);
    }
}

/* ---- Cases ---- */

static void pods_are_of_no_interest(void **state)
{
    struct fixture *f = *state;
    driver_pass(&f->driver, 1);
    assert_int_equal(driver_count(&f->driver, "GET /api/v1"), 0);
    assert_int_equal(f->driver.open_count, 3);
}

static void before_all_is_listed_there_is_nothing_to_say(void **state)
{
    struct fixture *f = *state;
    driver_list(&f->driver, MEMCACHEDS, "%s", memcached_json("cache", 1, "null"));
    driver_list(&f->driver, SOURCES, "%s", "");
    driver_pass(&f->driver, 1);
    assert_false(operator_is_explained(f->operator));
    assert_int_equal(explain(f, NULL), ERR_CANCELLED);
}

static void why_there_is_no_list_is_told(void **state)
{
    struct fixture *f = *state;
    unsigned attempts = 0;
    assert_null(manager_trouble(f->driver.manager, &attempts));
    driver_answer(&f->driver, "GET " MEMCACHEDS, 403,
                  "{'kind':'Status','code':403,'reason':'Forbidden','message':'you cannot'}");
    const struct error *trouble = manager_trouble(f->driver.manager, &attempts);
    assert_non_null(trouble);
    assert_int_equal(trouble->code, ERR_FORBIDDEN);
    assert_string_equal(trouble->message, "403 Forbidden: you cannot");
    assert_int_equal(attempts, 1);
    driver_pass(&f->driver, 2000);
    driver_break(&f->driver, "GET " MEMCACHEDS);
    assert_int_equal(manager_trouble(f->driver.manager, &attempts)->code, ERR_TRANSPORT);
    assert_int_equal(attempts, 2);
    driver_pass(&f->driver, 4000);
    list_all(f, "", "", "");
    assert_null(manager_trouble(f->driver.manager, &attempts));
    driver_break(&f->driver, "GET " MEMCACHEDS); /* the watch: the list is there all the same */
    assert_null(manager_trouble(f->driver.manager, &attempts));
}

static void no_memcached_at_all(void **state)
{
    struct fixture *f = *state;
    list_all(f, "", "", "");
    assert_true(operator_is_explained(f->operator));
    assert_int_equal(explain(f, NULL), 0);
    assert_string_equal(buf_text(&f->out), "");
    assert_int_equal(explain(f, "cache"), ERR_NOT_FOUND);
    assert_string_equal(f->err.message, "there is no Memcached \"cache\"");
    buf_reset(&f->out, 0);
    assert_int_equal(operator_explain(f->operator, &(struct explain_wish){.as_json = true},
                                      f->driver.now, &f->out, NULL, NULL),
                     0);
    assert_string_equal(buf_text(&f->out), "[]\n");
}

static void a_label_decides_and_the_deployment_follows(void **state)
{
    struct fixture *f = *state;
    list_all(f, memcached_json("cache", 1, "null"), deployment_json("web", 4, "cache", NULL),
             deployment_json("cache", 1, NULL, "cache"));
    assert_explained(f, NULL,
                     "Would write: spec.size 1 → 4\n"
                     "             replicas of the Deployment 1 → 4\n");
}

static void what_is_as_it_shall_be_is_not_written(void **state)
{
    struct fixture *f = *state;
    list_all(f, memcached_json("cache", 4, "null"), deployment_json("web", 4, "cache", NULL),
             deployment_json("cache", 4, NULL, "cache"));
    assert_explained(f, "cache", "Would write: nothing\n");
}

static void in_order_of_names_with_blank_lines_between(void **state)
{
    struct fixture *f = *state;
    char two[2048];
    snprintf(two, sizeof two, "%s,%s", memcached_json("b", 1, "null"),
             memcached_json("a", 1, "null"));
    list_all(f, two, "", "");
    no_deployment(f, "a");
    assert_false(operator_is_explained(f->operator));
    no_deployment(f, "b");
    assert_true(operator_is_explained(f->operator));
    assert_int_equal(explain(f, NULL), 2);
    assert_string_equal(buf_text(&f->out),
                        "Memcached:   default/a\n"
                        "Size:        1\n"
                        "State:       nobody decides: the size is what somebody writes\n"
                        "Would write: a new Deployment with 1 replica\n"
                        "\n"
                        "Memcached:   default/b\n"
                        "Size:        1\n"
                        "State:       nobody decides: the size is what somebody writes\n"
                        "Would write: a new Deployment with 1 replica\n");
    assert_int_equal(explain(f, "b"), 1);
    assert_null(strstr(buf_text(&f->out), "default/a"));
}

static void a_foreign_deployment_is_in_the_way(void **state)
{
    struct fixture *f = *state;
    list_all(f, memcached_json("cache", 2, "null"), "", "");
    assert_false(operator_is_explained(f->operator));
    assert_int_equal(explain(f, NULL), 1);
    assert_int_equal(f->unknown, 1);
    assert_non_null(strstr(buf_text(&f->out),
                           "Would write: not known, as to the Deployment: not all has been read"));
    driver_answer(&f->driver, LOOK "cache", 200, "%s", deployment_json("cache", 1, NULL, NULL));
    driver_pass(&f->driver, 1);
    assert_explained(f, NULL,
                     "Would write: no Deployment: one of that name is not this Memcached's\n");
}

static void who_may_not_look_is_told_so(void **state)
{
    struct fixture *f = *state;
    list_all(f, memcached_json("cache", 2, "null"), "", "");
    driver_answer(&f->driver, LOOK "cache", 403,
                  "{'kind':'Status','code':403,'reason':'Forbidden','message':'no get'}");
    driver_pass(&f->driver, 1);
    assert_explained(f, NULL,
                     "Would write: not known, as to the Deployment: 403 Forbidden: no get\n");
}

static void a_named_source_is_waited_for(void **state)
{
    struct fixture *f = *state;
    list_all(f, memcached_json("cache", 1, FROM_WEB), "",
             deployment_json("cache", 1, NULL, "cache"));
    assert_false(operator_is_explained(f->operator));
    assert_int_equal(explain(f, "cache"), 1);
    assert_int_equal(f->unknown, 1);
    assert_non_null(strstr(buf_text(&f->out), "SourceUnknown: Deployment/web is not known yet\n"));
    list_named(f, WEB, deployment_json("web", 6, NULL, NULL));
    assert_explained(f, "cache",
                     "Would write: spec.size 1 → 6\n"
                     "             replicas of the Deployment 1 → 6\n");
}

static void a_source_that_may_not_be_read_is_an_answer(void **state)
{
    struct fixture *f = *state;
    list_all(f, memcached_json("cache", 1, FROM_WEB), "",
             deployment_json("cache", 1, NULL, "cache"));
    driver_answer(&f->driver, "GET " WEB, 403,
                  "{'kind':'Status','code':403,'reason':'Forbidden','message':'no list'}");
    driver_pass(&f->driver, 1);
    assert_explained(f, "cache",
                     "SourceMissing: Deployment/web cannot be read: 403 Forbidden: no list; size "
                     "stays as it is\nWould write: nothing\n");
}

/* It is one only as long as nobody knows that web is no Deployment of the Memcached's. */
static void what_looks_like_a_loop_is_waited_for(void **state)
{
    struct fixture *f = *state;
    list_all(f, memcached_json("web", 1, FROM_WEB), "", "");
    no_deployment(f, "web"); /* of ours; that another one is there comes now */
    assert_false(operator_is_explained(f->operator));
    list_named(f, WEB, deployment_json("web", 6, NULL, NULL));
    assert_explained(f, "web", "Would write: spec.size 1 → 6\n");
}

static void find_rollouts(struct fixture *f)
{
    driver_answer(&f->driver, "GET " ROLLOUTS, 200,
                  "{'kind':'APIResourceList','groupVersion':'argoproj.io/v1alpha1','resources':["
                  "{'name':'rollouts','kind':'Rollout','namespaced':true,'verbs':['list','watch']},"
                  "{'name':'rollouts/scale','kind':'Scale','group':'autoscaling','version':'v1',"
                  "'namespaced':true,'verbs':['get','update']}]}");
    driver_pass(&f->driver, 1);
}

static void a_scale_is_read(void **state)
{
    struct fixture *f = *state;
    list_all(f, memcached_json("cache", 1, FROM_ROLLOUT), "",
             deployment_json("cache", 1, NULL, "cache"));
    find_rollouts(f);
    list_named(f, ROLLOUT, deployment_json("blue", 3, NULL, NULL));
    assert_false(operator_is_explained(f->operator));
    driver_answer(&f->driver, SCALE, 200,
                  "{'kind':'Scale','metadata':{'namespace':'default','name':'blue','uid':'d-blue',"
                  "'resourceVersion':'11'},'spec':{'replicas':3}}");
    driver_pass(&f->driver, 1);
    assert_explained(f, "cache", "Would write: spec.size 1 → 3\n");
}

static void assert_refused_scale_is_said(struct fixture *f)
{
    list_named(f, ROLLOUT, deployment_json("blue", 3, NULL, NULL));
    driver_answer(&f->driver, SCALE, 403,
                  "{'kind':'Status','code':403,'reason':'Forbidden','message':'no scale'}");
    driver_pass(&f->driver, 10);
    assert_explained(f, "cache", "Rollout/blue cannot be read: 403 Forbidden: no scale");
}

static void a_scale_that_may_not_be_read_is_an_answer(void **state)
{
    struct fixture *f = *state;
    list_all(f, memcached_json("cache", 1, FROM_ROLLOUT), "",
             deployment_json("cache", 1, NULL, "cache"));
    find_rollouts(f);
    assert_refused_scale_is_said(f);
}

/* Which of them is asked for first makes no difference to what is decided. */
static void one_scale_that_may_not_be_read_is_answer_enough(void **state)
{
    struct fixture *f = *state;
    list_all(f,
             memcached_json("cache", 1,
                            "{'sources':[{'apiVersion':'argoproj.io/v1alpha1','kind':'Rollout',"
                            "'name':'blue'},{'apiVersion':'argoproj.io/v1alpha1','kind':'Rollout',"
                            "'name':'green'}]}"),
             "", deployment_json("cache", 1, NULL, "cache"));
    find_rollouts(f);
    assert_refused_scale_is_said(f);
}

static void a_window_is_gone_on_with_after_a_read(void **state)
{
    struct fixture *f = *state;
    const char *m = memcached_json(
        "cache", 9, "{'sources':[{'kind':'Deployment','name':'web'}],'scaleDownAfterSeconds':300}");
    list_all(f, m, "", deployment_json("cache", 9, NULL, "cache"));
    list_named(f, WEB, deployment_json("web", 6, NULL, NULL));
    assert_false(operator_is_explained(f->operator));
    assert_int_equal(explain(f, NULL), 1);
    assert_int_equal(f->unknown, 1);
    assert_non_null(strstr(buf_text(&f->out), "SourceUnknown: what is known may be older"));
    assert_non_null(strstr(buf_text(&f->out), "Would write: not known"));
    driver_answer(&f->driver, CONFIRM, 200, "%s", m);
    driver_pass(&f->driver, 1);
    assert_explained(f, "cache", "Arithmetic:  web 6 → highest of 300 s = 9\n");
    assert_explained(f, "cache", "Would write: nothing\n");
}

static void a_memcached_that_goes_is_not_waited_for(void **state)
{
    struct fixture *f = *state;
    list_all(f, memcached_json("cache", 1, FROM_WEB), "", "");
    assert_false(operator_is_explained(f->operator));
    driver_feed(&f->driver, "GET " MEMCACHEDS,
                "{'type':'DELETED','object':{'metadata':{'namespace':'default','name':'cache',"
                "'uid':'m-cache','resourceVersion':'900'},'spec':{'size':1}}}\n");
    no_deployment(f, "cache"); /* that was asked already */
    assert_true(operator_is_explained(f->operator));
    assert_int_equal(explain(f, "cache"), ERR_NOT_FOUND);
}

static void more_than_there_is_room_for(void **state)
{
    struct fixture *f = *state;
    struct buf small;
    buf_init(&small, 50);
    list_all(f, memcached_json("cache", 1, "null"), "", "");
    assert_int_equal(operator_explain(f->operator, &(struct explain_wish){0}, f->driver.now, &small,
                                      NULL, &f->err),
                     ERR_TOO_BIG);
    buf_fini(&small);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(pods_are_of_no_interest),
        CASE(before_all_is_listed_there_is_nothing_to_say),
        CASE(why_there_is_no_list_is_told),
        CASE(no_memcached_at_all),
        CASE(a_label_decides_and_the_deployment_follows),
        CASE(what_is_as_it_shall_be_is_not_written),
        CASE(in_order_of_names_with_blank_lines_between),
        CASE(a_foreign_deployment_is_in_the_way),
        CASE(who_may_not_look_is_told_so),
        CASE(a_named_source_is_waited_for),
        CASE(a_source_that_may_not_be_read_is_an_answer),
        CASE(what_looks_like_a_loop_is_waited_for),
        CASE(a_scale_is_read),
        CASE(a_scale_that_may_not_be_read_is_an_answer),
        CASE(one_scale_that_may_not_be_read_is_answer_enough),
        CASE(a_window_is_gone_on_with_after_a_read),
        CASE(a_memcached_that_goes_is_not_waited_for),
        CASE(more_than_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

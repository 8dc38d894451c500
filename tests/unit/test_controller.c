/*
 * How a controller carries out plans: one key once at a time, backoff, what each answer means.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "lib/toy.h"

#include <stdio.h>
#include <string.h>

static int setup(void **state)
{
    struct toy *t = mem_zalloc(sizeof *t);
    struct manager_options options = toy_options();
    toy_init(t, &options);
    driver_list(&t->driver, THINGS, "%s", "");
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    toy_fini(*state);
    mem_free(*state);
    return 0;
}

static void a_key_is_never_worked_on_twice_at_once(void **state)
{
    struct toy *t = *state;
    t->write = true;
    toy_tell(t, "a", 101);
    toy_tell(t, "a", 102);
    toy_tell(t, "a", 103);
    assert_int_equal(t->reconciles, 1);
    assert_int_equal(toy_patches(t), 1);
    t->write = false;
    toy_patched(t, "a", 104);
    assert_int_equal(t->reconciles, 2); /* once for all that came meanwhile */
}

static void the_answers_object_goes_to_the_store(void **state)
{
    struct toy *t = *state;
    t->write = true;
    toy_tell(t, "a", 101);
    t->write = false;
    toy_patched(t, "a", 110);
    assert_string_equal(store_get(t->things, "default", "a")->rv, "110");
    assert_true(t->last_object);
}

/* The watch often tells of a write before its answer does. */
static void an_answer_that_the_watch_has_brought_is_not_decoded_again(void **state)
{
    struct toy *t = *state;
    t->write = true;
    toy_tell(t, "a", 101);
    toy_tell(t, "a", 110);
    t->write = false;
    driver_answer(
        &t->driver, "PATCH", 200,
        "{'metadata':{'name':'a','namespace':'default','resourceVersion':'110'}, no JSON }");
    assert_int_equal(t->last_code, ERR_NONE);
    assert_true(t->last_object);
    assert_int_equal(t->reconciles, 2); /* for what the watch brought */
}

/* Somebody deleted what was just created, and a list, which tells only of what it has, came before
 * the answer. */
static void an_answer_that_lists_have_overtaken_is_looked_into(void **state)
{
    struct toy *t = *state;
    t->write = true;
    toy_tell(t, "a", 101);
    t->write = false;
    toy_tell(t, "other", 110);
    size_t before = t->reconciles;
    driver_answer(
        &t->driver, "PATCH", 200,
        "{'metadata':{'namespace':'default','name':'created','uid':'u','resourceVersion':'105'}}");
    assert_null(store_get(t->things, "default", "created"));
    assert_int_equal(t->reconciles, before + 1);
}

static void failures_back_off(void **state)
{
    struct toy *t = *state;
    t->write = true;
    toy_tell(t, "a", 101);
    uint64_t delay_ms = QUEUE_BACKOFF_MS_MIN;
    for (int i = 0; i < 30; i++) {
        driver_answer(&t->driver, "PATCH", 500, "boom");
        assert_int_equal(toy_patches(t), 0);
        driver_pass(&t->driver, delay_ms - 1);
        assert_int_equal(toy_patches(t), 0);
        driver_pass(&t->driver, 1);
        assert_int_equal(toy_patches(t), 1);
        delay_ms = delay_ms * 2 < QUEUE_BACKOFF_MS_MAX ? delay_ms * 2 : QUEUE_BACKOFF_MS_MAX;
    }
    t->write = false;
    toy_patched(t, "a", 110);
    t->write = true;
    /* watches were not answered meanwhile: the server is asked how far it has come */
    driver_answer(&t->driver, "GET", 200, "{'metadata':{'resourceVersion':'110'},'items':[]}");
    toy_tell(t, "a", 120);
    driver_answer(&t->driver, "PATCH", 500, "boom"); /* forgotten: starts anew */
    driver_pass(&t->driver, QUEUE_BACKOFF_MS_MIN);
    assert_int_equal(toy_patches(t), 1);
}

struct outcome {
    int status;
    const char *body;
    const char *logged; /* NULL: no error line */
    bool comes_back;
};

static void what_each_answer_means(void **state)
{
    static const struct outcome table[] = {
        {404, "{'kind':'Status','code':404,'reason':'NotFound'}", NULL, false},
        {409, "{'kind':'Status','code':409,'reason':'Conflict'}", NULL, true},
        {403, "{'kind':'Status','code':403,'reason':'Forbidden','message':'no way'}",
         "patch Thing \\\"default/t2\\\"\", \"error\": \"403 Forbidden: no way\"", true},
        {422, "{'kind':'Status','code':422,'reason':'Invalid','message':'bad'}", "422 Invalid: bad",
         true},
        {200, "this is no JSON", "\"error\": \"", true},
        {200, "{'metadata':7}", "\"error\": \"", true},
    };
    struct toy *t = *state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        char name[16];
        snprintf(name, sizeof name, "t%zu", i);
        buf_reset(&t->driver.logs, 0);
        t->write = true;
        toy_tell(t, name, 101);
        driver_answer(&t->driver, "PATCH", table[i].status, "%s", table[i].body);
        const char *logs = buf_text(&t->driver.logs);
        if (table[i].logged == NULL) {
            assert_null(strstr(logs, "ERROR"));
        } else {
            assert_non_null(strstr(logs, "ERROR\tcontrollers.Thing\tReconciler error"));
            if (strstr(logs, table[i].logged) == NULL) {
                fail_msg("%s not in %s", table[i].logged, logs);
            }
        }
        size_t before = t->reconciles;
        t->write = false;
        driver_pass(&t->driver, QUEUE_BACKOFF_MS_MIN);
        assert_int_equal(t->reconciles - before, table[i].comes_back ? 1 : 0);
    }
}

/* A 404 need not mean that the object is gone: nobody may say anything about it ever again. */
static void what_was_not_found_is_looked_at_again_later(void **state)
{
    struct toy *t = *state;
    t->write = true;
    toy_tell(t, "a", 101);
    driver_answer(&t->driver, "PATCH", 404, "404 page not found\n");
    size_t before = t->reconciles;
    driver_pass(&t->driver, CONTROLLER_GONE_LOOK_MS - 1);
    assert_int_equal(t->reconciles, before);
    driver_pass(&t->driver, 1);
    assert_int_equal(t->reconciles, before + 1);
    assert_int_equal(toy_patches(t), 1);
}

/* An answer that cannot be read is no success, for nobody. */
static void an_unreadable_answer_is_told_as_a_failure(void **state)
{
    struct toy *t = *state;
    t->write = true;
    toy_tell(t, "a", 101);
    driver_answer(&t->driver, "PATCH", 200, "%s", "junk");
    assert_int_equal(t->last_code, ERR_PARSE);
    assert_false(t->last_object);
}

static void looking_again_skips_the_backoff(void **state)
{
    struct toy *t = *state;
    t->write = true;
    t->look_again = true;
    toy_tell(t, "a", 101);
    driver_answer(&t->driver, "PATCH", 500, "boom");
    assert_int_equal(t->reconciles, 2);
    assert_int_equal(toy_patches(t), 1);
}

static void a_wish_to_come_again_is_kept(void **state)
{
    struct toy *t = *state;
    t->again_ms = 700;
    toy_tell(t, "a", 101);
    driver_pass(&t->driver, 699);
    assert_int_equal(t->reconciles, 1);
    driver_pass(&t->driver, 1);
    assert_int_equal(t->reconciles, 2);
}

static void metrics_have_controller_runtimes_names(void **state)
{
    static const char *const lines[] = {
        "controller_runtime_reconcile_total{controller=\"thing\",result=\"success\"} 1\n",
        "controller_runtime_reconcile_total{controller=\"thing\",result=\"error\"} 1\n",
        "controller_runtime_reconcile_errors_total{controller=\"thing\"} 1\n",
        "controller_runtime_reconcile_time_seconds_count{controller=\"thing\"} 2\n",
        "workqueue_depth{name=\"thing\"} 0\n",
        "workqueue_adds_total{name=\"thing\"} ",
        "workqueue_retries_total{name=\"thing\"} 1\n",
        "rest_client_requests_total{code=\"500\",method=\"PATCH\",host=\"server:443\"} 1\n",
    };
    struct toy *t = *state;
    toy_tell(t, "a", 101);
    t->write = true;
    toy_tell(t, "b", 102);
    driver_answer(&t->driver, "PATCH", 500, "boom");
    manager_update_metrics(t->driver.manager, t->driver.now);
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, 1 << 20);
    metrics_render(manager_metrics(t->driver.manager), &text);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        if (strstr(buf_text(&text), lines[i]) == NULL) {
            fail_msg("no %s in:\n%s", lines[i], buf_text(&text));
        }
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_is_never_worked_on_twice_at_once),
        TEST(the_answers_object_goes_to_the_store),
        TEST(an_answer_that_the_watch_has_brought_is_not_decoded_again),
        TEST(an_answer_that_lists_have_overtaken_is_looked_into),
        TEST(failures_back_off),
        TEST(what_each_answer_means),
        TEST(what_was_not_found_is_looked_at_again_later),
        TEST(an_unreadable_answer_is_told_as_a_failure),
        TEST(looking_again_skips_the_backoff),
        TEST(a_wish_to_come_again_is_kept),
        TEST(metrics_have_controller_runtimes_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

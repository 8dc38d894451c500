/*
 * What the comparison of two servers overlooks, and what it must not.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "sim/conformance_side.h"

#include <string.h>

enum { ANSWERS_MAX = 4, TEXT_BYTES_MAX = 1 << 20 };

/* What a server said of three operations on Memcacheds, with single quotes: a write, another one,
 * and the lines of a watch. */
struct told {
    const char *first, *second, *events;
};

static const struct told usual = {
    "{'kind':'Memcached','metadata':{'name':'a','uid':'11111111-1111-1111-1111-111111111111',"
    "'resourceVersion':'41','creationTimestamp':'2026-11-22T11:13:05Z'}}",
    "{'kind':'Memcached','metadata':{'name':'b','uid':'22222222-2222-2222-2222-222222222222',"
    "'resourceVersion':'77','creationTimestamp':'2026-11-22T11:13:09Z'}}",
    "{'type':'ADDED','object':{'metadata':{'name':'a','resourceVersion':'41'}}}\n"
    "{'type':'ADDED','object':{'metadata':{'name':'b','resourceVersion':'77'}}}\n",
};

static void answer(struct side *side, size_t i, const char *text)
{
    char *json = mem_strdup(text);
    for (char *c = json; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    side->said[i].status = 200;
    if (side->sequence->operations[i].is_watch) {
        side_watch_bytes(side, i, json, strlen(json));
    } else {
        buf_append_text(&side->said[i].bytes, json);
        side_learn(side, i);
    }
    mem_free(json);
}

static char *text_of(const struct sequence *s, const char *ns, const struct told *told)
{
    struct buf out;
    struct side *side = side_new(s, ns);
    buf_init(&out, TEXT_BYTES_MAX);
    answer(side, 0, told->first);
    answer(side, 1, told->second);
    answer(side, 2, told->events);
    side_prepare(side);
    for (size_t i = 0; i < s->count; i++) {
        side_text(side, i, &out);
    }
    side_free(side);
    return buf_take(&out);
}

static bool same(const struct told *told)
{
    struct sequence s = {0};
    sequence_add(&s, HTTP_POST, RESOURCE_MEMCACHEDS, NULL, NULL, "/x");
    sequence_add(&s, HTTP_POST, RESOURCE_MEMCACHEDS, NULL, NULL, "/x");
    sequence_add(&s, HTTP_GET, RESOURCE_MEMCACHEDS, NULL, NULL, "/x")->is_watch = true;
    char *a = text_of(&s, "ns-one", &usual), *b = text_of(&s, "ns-two", told);
    bool equal = strcmp(a, b) == 0;
    mem_free(a);
    mem_free(b);
    sequence_fini(&s);
    return equal;
}

/* NULL: as usual */
static bool same_with(const char *first, const char *second, const char *events)
{
    return same(&(struct told){first != NULL ? first : usual.first,
                               second != NULL ? second : usual.second,
                               events != NULL ? events : usual.events});
}

static void test_what_every_server_makes_up_is_not_compared(void **state)
{
    (void)state;
    const struct told other = {
        "{'metadata':{'resourceVersion':'900','uid':'aaaaaaaa-1111-1111-1111-111111111111',"
        "'name':'a','creationTimestamp':'2030-01-01T00:00:00Z'},'kind':'Memcached'}",
        "{'kind':'Memcached','metadata':{'name':'b','uid':'bbbbbbbb-2222-2222-2222-222222222222',"
        "'resourceVersion':'1000','creationTimestamp':'2030-01-01T00:00:00Z'}}",
        "{'type':'ADDED','object':{'metadata':{'name':'a','resourceVersion':'900'}}}\n"
        "{'type':'BOOKMARK','object':{'metadata':{'resourceVersion':'950'}}}\n"
        "{'type':'ADDED','object':{'metadata':{'name':'b','resourceVersion':'1000'}}}\n",
    };
    assert_true(same(&usual));
    assert_true(same(&other));
}

static void test_a_uid_that_was_used_before_is_seen(void **state)
{
    (void)state;
    assert_false(same_with(NULL,
                           "{'kind':'Memcached','metadata':{'name':'b','uid':'11111111-"
                           "1111-1111-1111-111111111111','resourceVersion':'77',"
                           "'creationTimestamp':'2026-11-22T11:13:09Z'}}",
                           NULL));
}

static void test_a_version_that_is_not_the_events_is_seen(void **state)
{
    (void)state;
    assert_false(
        same_with(NULL, NULL,
                  "{'type':'ADDED','object':{'metadata':{'name':'a','resourceVersion':'41'}}}\n"
                  "{'type':'ADDED','object':{'metadata':{'name':'b','resourceVersion':'78'}}}\n"));
    assert_false(
        same_with(NULL, NULL,
                  "{'type':'ADDED','object':{'metadata':{'name':'a','resourceVersion':'77'}}}\n"
                  "{'type':'ADDED','object':{'metadata':{'name':'b','resourceVersion':'77'}}}\n"));
}

static void test_versions_out_of_order_are_seen(void **state)
{
    (void)state;
    assert_false(
        same_with(NULL, NULL,
                  "{'type':'ADDED','object':{'metadata':{'name':'b','resourceVersion':'77'}}}\n"
                  "{'type':'ADDED','object':{'metadata':{'name':'a','resourceVersion':'41'}}}\n"));
}

static void test_events_too_few_too_many_or_of_another_type_are_seen(void **state)
{
    (void)state;
    const char *a = "{'type':'ADDED','object':{'metadata':{'name':'a','resourceVersion':'41'}}}\n";
    assert_false(same_with(NULL, NULL, a));
    assert_false(same_with(
        NULL, NULL,
        "{'type':'ADDED','object':{'metadata':{'name':'a','resourceVersion':'41'}}}\n"
        "{'type':'MODIFIED','object':{'metadata':{'name':'b','XX,'object':{'metadata':{'name':'a','"
        "resourceVersion':'41'}}}\n"
        "{'type':'ADDED','object':{'metadata':{'name':'b','resourceVersion':'77'}}}\n"
        "{'type':'DELETED','object':{'metadata':{'name':'b','resourceVersion':'90'}}}\n"));
}

static void test_members_more_less_or_different_are_seen(void **state)
{
    (void)state;
    assert_false(
        same_with("{'kind':'Memcached','metadata':{'name':'a','uid':'11111111-1111-1111-1111-"
                  "111111111111','resourceVersion':'41'}}",
                  NULL, NULL));
    assert_false(same_with("{'kind':'Memcached','metadata':{'name':'a','uid':'11111111-1111-"
                           "1111-1111-111111111111','resourceVersion':'41',"
                           "'creationTimestamp':'2026-11-22T11:13:05Z','generation':1}}",
                           NULL, NULL));
    assert_false(same_with("{'kind':'Memcached','metadata':{'name':'a','uid':'11111111-1111-"
                           "1111-1111-111111111111','resourceVersion':'41',"
                           "'creationTimestamp':null}}",
                           NULL, NULL));
}

static void test_equal_seeds_make_equal_sequences(void **state)
{
    (void)state;
    struct sequence a, b, c;
    sequence_generate(&a, 7, 30);
    sequence_generate(&b, 7, 30);
    sequence_generate(&c, 8, 30);
    assert_int_equal(a.count, b.count);
    size_t differ = 0;
    for (size_t i = 0; i < a.count; i++) {
        assert_string_equal(a.operations[i].path, b.operations[i].path);
        differ += i >= c.count || strcmp(a.operations[i].path, c.operations[i].path) != 0;
    }
    assert_int_not_equal(differ, 0);
    sequence_fini(&a);
    sequence_fini(&b);
    sequence_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_every_server_makes_up_is_not_compared),
        cmocka_unit_test(test_a_uid_that_was_used_before_is_seen),
        cmocka_unit_test(test_a_version_that_is_not_the_events_is_seen),
        cmocka_unit_test(test_versions_out_of_order_are_seen),
        cmocka_unit_test(test_events_too_few_too_many_or_of_another_type_are_seen),
        cmocka_unit_test(test_members_more_less_or_different_are_seen),
        cmocka_unit_test(test_equal_seeds_make_equal_sequences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

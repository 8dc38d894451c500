/*
 * Status as text: hostile input, one order, conditions.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "operator/status.h"

#include <stdio.h>
#include <string.h>

static const char *canonical(struct arena *arena, const char *json)
{
    yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
    assert_non_null(doc);
    const char *text = status_canonical(arena, yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
    return text;
}

#define EMPTY                                                                                      \
    "{\"nodes\":[],\"replicas\":0,\"readyReplicas\":0,\"selector\":\"\",\"source\":\"\","          \
    "\"sizing\":null,"                                                                             \
    "\"observedGeneration\":0,\"conditions\":[]}"

static void whatever_the_server_says_has_one_text(void **state)
{
    static const struct {
        const char *json, *text;
    } table[] = {
        {"{}", EMPTY},
        {"null", EMPTY},
        {"7", EMPTY},
        {"{\"nodes\":\"a\",\"replicas\":\"x\",\"conditions\":{},\"selector\":3}", EMPTY},
        {"{\"replicas\":-1,\"readyReplicas\":99999999999}", EMPTY},
        {"{\"conditions\":[],\"unknown\":1,\"source\":\"s\",\"nodes\":[\"a\",7,\"b\"]}",
         "{\"nodes\":[\"a\",\"b\"],\"replicas\":0,\"readyReplicas\":0,\"selector\":\"\",\"source\":"
         "\"s\",\"sizing\":null,"
         "\"observedGeneration\":0,\"conditions\":[]}"},
        {"{\"conditions\":[{\"type\":\"A\",\"status\":\"True\",\"extra\":1}]}",
         "{\"nodes\":[],\"replicas\":0,\"readyReplicas\":0,\"selector\":\"\",\"source\":\"\","
         "\"sizing\":null,"
         "\"observedGeneration\":0,\"conditions\":[{\"type\":\"A\",\"status\":\"True\",\"reason\":"
         "\"\","
         "\"message\":\"\",\"lastTransitionTime\":\"\"}]}"},
    };
    (void)state;
    CLEANUP(arena_fini) struct arena arena = {0};
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const char *text = canonical(&arena, table[i].json);
        assert_string_equal(text, table[i].text);
        assert_string_equal(canonical(&arena, text), text);
    }
    assert_string_equal(status_canonical(&arena, NULL), EMPTY);
}

static void conditions_beyond_the_maximum_are_dropped(void **state)
{
    (void)state;
    CLEANUP(arena_fini) struct arena arena = {0};
    struct status s = {0};
    for (int i = 0; i < STATUS_CONDITIONS_MAX + 3; i++) {
        status_set_condition(&s, arena_printf(&arena, "T%d", i), "True", "r", "m", "now");
    }
    assert_int_equal(s.condition_count, STATUS_CONDITIONS_MAX);
    assert_null(status_condition(&s, "T16"));
}

static void times_change_with_the_status_only(void **state)
{
    (void)state;
    struct status s = {0};
    status_set_condition(&s, "A", "True", "r1", "m1", "t1");
    status_set_condition(&s, "B", "False", "r", "m", "t1");
    status_set_condition(&s, "A", "True", "r2", "m2", "t2");
    const struct condition *a = status_condition(&s, "A");
    assert_string_equal(a->since, "t1");
    assert_string_equal(a->reason, "r2");
    status_set_condition(&s, "A", "False", "r2", "m2", "t3");
    assert_string_equal(a->since, "t3");
    status_remove_condition(&s, "A");
    assert_null(status_condition(&s, "A"));
    assert_non_null(status_condition(&s, "B"));
    status_remove_condition(&s, "A");
    assert_int_equal(s.condition_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_the_server_says_has_one_text),
        cmocka_unit_test(conditions_beyond_the_maximum_are_dropped),
        cmocka_unit_test(times_change_with_the_status_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

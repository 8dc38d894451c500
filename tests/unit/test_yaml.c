#include "lib/testing.h"

#include "base/buf.h"
#include "base/mem.h"
#include "kube/yaml.h"

#include <string.h>

static void parse(struct yaml *y, const char *text)
{
    struct error err = ERROR_INIT;
    if (yaml_parse(y, "f", text, strlen(text), &err) != 0) {
        fail_msg("%s", err.message);
    }
}

static void test_tree_with_positions(void **state)
{
    (void)state;
    struct yaml y;
    parse(&y, "a: 1\nlist:\n  - x\n  - {k: \"v\"}\n---\nsecond: document\n");
    assert_int_equal(y.root->kind, YAML_MAP);
    assert_string_equal(yaml_get_text(y.root, "a"), "1");
    assert_null(yaml_get(y.root, "second"));
    const struct yaml_node *list = yaml_get(y.root, "list");
    assert_int_equal(list->kind, YAML_LIST);
    assert_null(yaml_get_text(y.root, "list"));
    const struct yaml_node *second = list->items->next->value;
    assert_null(list->items->next->next);
    assert_int_equal(second->line, 4);
    assert_int_equal(second->column, 5);
    assert_string_equal(yaml_get_text(second, "k"), "v");
    assert_int_equal(yaml_get(second, "k")->column, 9);
    yaml_fini(&y);
}

static void test_json_is_yaml(void **state)
{
    (void)state;
    struct yaml y;
    parse(&y, "{\"a\":{\"b\":[true,null,\"\\u00e4\"]}}");
    const struct yaml_node *list = yaml_get(yaml_get(y.root, "a"), "b");
    assert_string_equal(list->items->next->next->value->text, "\xc3\xa4");
    yaml_fini(&y);
}

static void test_empty_documents(void **state)
{
    (void)state;
    static const char *const empty[] = {"", "\n\n", "# only a comment\n"};
    for (size_t i = 0; i < ARRAY_LEN(empty); i++) {
        struct yaml y;
        parse(&y, empty[i]);
        assert_null(y.root);
        yaml_fini(&y);
    }
}

static void test_nulls_and_booleans(void **state)
{
    (void)state;
    struct yaml y;
    bool value = false;
    parse(&y,
          "n1: ~\nn2:\nn3: null\nt1: 'null'\nt2: \"\"\nb1: yes\nb2: False\nb3: 'true'\nb4: 1\n");
    assert_null(yaml_get(y.root, "n1"));
    assert_null(yaml_get(y.root, "n2"));
    assert_null(yaml_get(y.root, "n3"));
    assert_string_equal(yaml_get_text(y.root, "t1"), "null");
    assert_non_null(yaml_get(y.root, "t2"));
    assert_null(yaml_get_text(y.root, "t2"));
    assert_true(yaml_get_bool(y.root, "b1"));
    assert_false(yaml_get_bool(y.root, "b2"));
    assert_true(yaml_is_bool(yaml_get(y.root, "b2"), &value));
    assert_false(yaml_is_bool(yaml_get(y.root, "b3"), &value)); /* quoted: a text */
    assert_false(yaml_is_bool(yaml_get(y.root, "b4"), &value));
    assert_false(yaml_get_bool(NULL, "b1"));
    yaml_fini(&y);
}

static void test_aliases_share_and_never_circle(void **state)
{
    (void)state;
    struct yaml y;
    struct error err = ERROR_INIT;
    parse(&y, "a: &x {k: v}\nb: *x\nc: &x 2\nd: *x\n");
    assert_ptr_equal(yaml_get(y.root, "a"), yaml_get(y.root, "b"));
    assert_string_equal(yaml_get_text(y.root, "d"), "2");
    yaml_fini(&y);
    assert_int_equal(yaml_parse(&y, "f", "a: &x [*x]\n", 11, &err), ERR_PARSE);
    assert_string_equal(err.message, "f:1:8: an alias without an anchor before it");
    assert_null(y.root);
}

static void test_a_billion_laughs_stay_small(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf text;
    struct yaml y;
    buf_init(&text, 10000);
    buf_append_text(&text, "a0: &a0 lol\n");
    for (int i = 1; i < 20; i++) {
        buf_printf(&text, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++) {
            buf_printf(&text, "*a%d,", i - 1);
        }
        buf_append_text(&text, "]\n");
    }
    parse(&y, buf_text(&text));
    assert_true(y.nodes < 100);
    yaml_fini(&y);
}

static void test_limits(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf text;
    struct yaml y;
    struct error err = ERROR_INIT;
    buf_init(&text, 1 << 20);
    for (int depth = YAML_DEPTH_MAX; depth <= YAML_DEPTH_MAX + 1; depth++) {
        buf_reset(&text, 0);
        for (int i = 0; i < depth; i++) {
            buf_append_text(&text, "[");
        }
        for (int i = 0; i < depth; i++) {
            buf_append_text(&text, "]");
        }
        int expected = depth == YAML_DEPTH_MAX ? 0 : ERR_TOO_BIG;
        assert_int_equal(yaml_parse(&y, "f", buf_text(&text), text.len, &err), expected);
        yaml_fini(&y);
    }
    assert_string_equal(err.message, "f:1:65: nested deeper than 64 levels");
    for (int nodes = YAML_NODES_MAX; nodes <= YAML_NODES_MAX + 1; nodes++) {
        buf_reset(&text, 0);
        buf_append_text(&text, "[");
        for (int i = 1; i < nodes; i++) {
            buf_append_text(&text, "x,");
        }
        buf_append_text(&text, "]");
        int expected = nodes == YAML_NODES_MAX ? 0 : ERR_TOO_BIG;
        assert_int_equal(yaml_parse(&y, "f", buf_text(&text), text.len, &err), expected);
        yaml_fini(&y);
    }
}

static void test_errors_say_where_and_never_quote(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *where;
    } cases[] = {
        {"a: [S3CRET", "f:2:1: "},
        {"a: b\n\tS3CRET: d", "f:2:1: "},
        {"a: \"S3CRET", "f:1:"},
        {"a: S3CRET: b", "f:1:10: "},
        {"a: S3CRET\n b: c\n", "f:2:"},
        {"a: S3CRET\nb: \xff\n", "f:2:4: "},
        {"a: *S3CRET", "f:1:4: an alias without an anchor"},
        {"? [S3CRET]\n: b", "f:1:3: expected a text as key"},
        {"a: \"S3CRET\\0\"", "f:1:4: a text must not contain NUL"},
        {"%S3CRET\n---\n", "f:1:"},
        {"\x01", "f:1:1: "},
        {"{\"a\": S3CRET\n", "f:2:1: "},
        {"- a\nb: S3CRET", "f:2:1: "},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct yaml y;
        struct error err = ERROR_INIT;
        assert_int_equal(yaml_parse(&y, "f", cases[i].text, strlen(cases[i].text), &err),
                         ERR_PARSE);
        assert_null(y.root);
        if (strncmp(err.message, cases[i].where, strlen(cases[i].where)) != 0 ||
            strstr(err.message, "S3CRET") != NULL) {
            fail_msg("%s: %s", cases[i].text, err.message);
        }
    }
}

static void test_cut_anywhere_it_ends_well(void **state)
{
    (void)state;
    static const char text[] = "a: &x [1, 'two', {b: \"\\u00e4\"}]\nc: |\n  block\n  text\nd: *x\n";
    for (size_t len = 0; len < sizeof(text); len++) {
        struct yaml y;
        char *copy = mem_alloc(len); /* its own block: reading past the end shows */
        memcpy(copy, text, len);
        (void)yaml_parse(&y, "f", copy, len, NULL);
        yaml_fini(&y);
        mem_free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree_with_positions),
        cmocka_unit_test(test_json_is_yaml),
        cmocka_unit_test(test_empty_documents),
        cmocka_unit_test(test_nulls_and_booleans),
        cmocka_unit_test(test_aliases_share_and_never_circle),
        cmocka_unit_test(test_a_billion_laughs_stay_small),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_errors_say_where_and_never_quote),
        cmocka_unit_test(test_cut_anywhere_it_ends_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

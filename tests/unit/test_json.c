#include "lib/testing.h"

#include "base/mem.h"
#include "kube/json.h"

#include <string.h>

static yyjson_doc *parse(const char *text)
{
    struct error err = ERROR_INIT;
    yyjson_doc *doc = json_parse(text, strlen(text), &err);
    assert_non_null(doc);
    assert_int_equal(err.code, ERR_NONE);
    return doc;
}

static void valid_json_of_any_kind_is_taken(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "{}",
        "[]",
        " {\"a\" : [1, 2.5, null, true]}\r\n",
        "1",
        "null",
        "\"\"",
        "{\"a\":\"\\\"]}\\\\\"}",
        "\"ä\xC3\xA4\"",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        yyjson_doc_free(parse(cases[i]));
    }
}

static void garbage_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
    } cases[] = {
        {"", 0},        {" ", 1},        {"{", 1},       {"[1,]", 4},  {"{}x", 3},
        {"{} {}", 5},   {"{}\0", 3},     {"nul", 3},     {"\"abc", 4}, {"\"abc\\", 5},
        {"\"\n\"", 3},  {"\"\xFF\"", 3}, {"{'a':1}", 7}, {"[NaN]", 5}, {"[1e999]", 7},
        {"// c\n1", 6}, {"]]]]", 4},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = ERROR_INIT;
        char *exact = mem_alloc(cases[i].len); /* ASan sees a byte read behind it */
        memcpy(exact, cases[i].text, cases[i].len);
        assert_null(json_parse(exact, cases[i].len, &err));
        assert_int_equal(err.code, ERR_PARSE);
        assert_memory_equal(err.message, "JSON: ", 6);
        mem_free(exact);
    }
    struct error err = ERROR_INIT;
    assert_null(json_parse("{\"a\":1}}", 8, &err));
    assert_non_null(strstr(err.message, "byte 7: "));
    assert_null(json_parse("{", 1, NULL));
    assert_null(json_parse(NULL, 0, &err));
}

static void write_nested(char *out, int depth, const char *open, const char *innermost,
                         const char *close)
{
    out[0] = '\0';
    for (int i = 0; i < depth; i++) {
        strcat(out, open);
    }
    strcat(out, innermost);
    for (int i = 0; i < depth; i++) {
        strcat(out, close);
    }
}

static void the_depth_limit_is_exact(void **state)
{
    (void)state;
    static const char *const shapes[][2] = {{"[", "]"}, {"{\"[\":", "}"}};
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        char text[1000];
        write_nested(text, JSON_DEPTH_MAX, shapes[i][0], "1", shapes[i][1]);
        yyjson_doc_free(parse(text));
        write_nested(text, JSON_DEPTH_MAX + 1, shapes[i][0], "1", shapes[i][1]);
        struct error err = ERROR_INIT;
        assert_null(json_parse(text, strlen(text), &err));
        assert_int_equal(err.code, ERR_TOO_BIG);
    }
}

/* A parser or a check that recursed would overflow the stack here. */
static void the_deepest_input_there_can_be_is_refused(void **state)
{
    (void)state;
    char *text = mem_alloc(BODY_BYTES_MAX);
    struct error err = ERROR_INIT;
    memset(text, '[', BODY_BYTES_MAX / 2);
    memset(text + BODY_BYTES_MAX / 2, ']', BODY_BYTES_MAX / 2);
    assert_null(json_parse(text, BODY_BYTES_MAX, &err));
    assert_int_equal(err.code, ERR_TOO_BIG);
    assert_null(json_parse(text, BODY_BYTES_MAX / 2, &err));
    assert_int_equal(err.code, ERR_PARSE);
    mem_free(text);
}

static void brackets_in_texts_do_not_nest(void **state)
{
    (void)state;
    char text[1000];
    char many[500] = "\"";
    for (int i = 0; i < 100; i++) {
        strcat(many, "[{\\\"");
    }
    strcat(many, "\\\\\"");
    write_nested(text, JSON_DEPTH_MAX, "[", many, "]");
    yyjson_doc_free(parse(text));
}

static void siblings_do_not_nest(void **state)
{
    (void)state;
    char text[1000];
    strcpy(text, "[");
    for (int i = 0; i < 200; i++) {
        strcat(text, "[],");
    }
    strcat(text, "{}]");
    yyjson_doc_free(parse(text));
}

static void the_size_limit_is_exact(void **state)
{
    (void)state;
    char *text = mem_alloc(BODY_BYTES_MAX + 1);
    struct error err = ERROR_INIT;
    memset(text, ' ', BODY_BYTES_MAX + 1);
    text[0] = '1';
    yyjson_doc *doc = json_parse(text, BODY_BYTES_MAX, &err);
    assert_non_null(doc);
    yyjson_doc_free(doc);
    assert_null(json_parse(text, BODY_BYTES_MAX + 1, &err));
    assert_int_equal(err.code, ERR_TOO_BIG);
    mem_free(text);
}

static void the_input_is_copied(void **state)
{
    (void)state;
    char text[] = "{\"name\":\"cache\"}";
    yyjson_doc *doc = parse(text);
    memset(text, 'x', sizeof text);
    assert_string_equal(yyjson_get_str(json_at(yyjson_doc_get_root(doc), "name", NULL)), "cache");
    yyjson_doc_free(doc);
}

static void members_are_found_or_null(void **state)
{
    (void)state;
    yyjson_doc *doc = parse("{\"spec\":{\"replicas\":4,\"list\":[{\"a\":1}],\"none\":null}}");
    yyjson_val *root = yyjson_doc_get_root(doc);
    assert_ptr_equal(json_at(root, NULL), root);
    assert_int_equal(json_get_int(json_at(root, "spec", "replicas", NULL), -1), 4);
    assert_true(yyjson_is_null(json_at(root, "spec", "none", NULL)));
    assert_null(json_at(root, "spec", "absent", NULL));
    assert_null(json_at(root, "absent", "replicas", NULL));
    assert_null(json_at(root, "spec", "replicas", "deeper", NULL));
    assert_null(json_at(root, "spec", "none", "deeper", NULL));
    assert_null(json_at(root, "spec", "list", "a", NULL));
    assert_null(json_at(NULL, "spec", NULL));
    yyjson_doc_free(doc);
}

static void whole_numbers_are_read_and_others_fall_back(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int64_t value; /* -7: the fallback */
    } cases[] = {
        {"0", 0},
        {"-0", 0},
        {"-5", -5},
        {"4.0", 4},
        {"1e3", 1000},
        {"-25e-1", -7},
        {"4.5", -7},
        {"9223372036854775807", INT64_MAX},
        {"9223372036854775808", -7},
        {"18446744073709551615", -7},
        {"-9223372036854775808", INT64_MIN},
        {"-9223372036854775809", INT64_MIN}, /* a double, rounded to the limit */
        {"-1e19", -7},
        {"9.3e18", -7},
        {"1e300", -7},
        {"\"4\"", -7},
        {"true", -7},
        {"null", -7},
        {"[4]", -7},
        {"{\"a\":4}", -7},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        yyjson_doc *doc = parse(cases[i].json);
        assert_true(json_get_int(yyjson_doc_get_root(doc), -7) == cases[i].value);
        yyjson_doc_free(doc);
    }
    assert_int_equal(json_get_int(NULL, -7), -7);
}

static void text_of_values(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1,\"\u00e4\",null]}";
    struct error err = ERROR_INIT;
    yyjson_doc *doc = json_parse(text, strlen(text), &err);
    char *again = json_text(yyjson_doc_get_root(doc));
    assert_string_equal(again, text);
    mem_free(again);
    yyjson_doc_free(doc);
    char *nothing = json_text(NULL);
    assert_string_equal(nothing, "");
    mem_free(nothing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_json_of_any_kind_is_taken),
        cmocka_unit_test(garbage_is_refused_with_its_place),
        cmocka_unit_test(the_depth_limit_is_exact),
        cmocka_unit_test(the_deepest_input_there_can_be_is_refused),
        cmocka_unit_test(brackets_in_texts_do_not_nest),
        cmocka_unit_test(siblings_do_not_nest),
        cmocka_unit_test(the_size_limit_is_exact),
        cmocka_unit_test(the_input_is_copied),
        cmocka_unit_test(members_are_found_or_null),
        cmocka_unit_test(whole_numbers_are_read_and_others_fall_back),
        cmocka_unit_test(text_of_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "lib/testing.h"

#include "base/error.h"
#include "base/json_writer.h"
#include "base/mem.h"

#include <string.h>
#include <yyjson.h>

static void write_sample(struct json_writer *w)
{
    json_object_begin(w);
    json_member_string(w, "name", "cache");
    json_member_int(w, "size", -4);
    json_member_bool(w, "ready", true);
    json_member_bool(w, "gone", false);
    json_member_string(w, "none", NULL);
    json_key(w, "list");
    json_array_begin(w);
    json_int(w, INT64_MIN);
    json_int(w, INT64_MAX);
    json_object_begin(w);
    json_object_end(w);
    json_array_begin(w);
    json_array_end(w);
    json_raw(w, "1.5");
    json_array_end(w);
    json_key(w, "nested");
    json_object_begin(w);
    json_member_int(w, "a", 1);
    json_object_end(w);
    json_member_int(w, "last", 0);
    json_object_end(w);
}

static void puts_commas_and_colons(void **state)
{
    (void)state;
    static const struct {
        bool spaced;
        const char *expected;
    } cases[] = {
        {false, "{\"name\":\"cache\",\"size\":-4,\"ready\":true,\"gone\":false,\"none\":null,"
                "\"list\":[-9223372036854775808,9223372036854775807,{},[],1.5],"
                "\"nested\":{\"a\":1},\"last\":0}"},
        {true, "{\"name\": \"cache\", \"size\": -4, \"ready\": true, \"gone\": false, \"none\": "
               "null, \"list\": [-9223372036854775808, 9223372036854775807, {}, [], 1.5], "
               "\"nested\": {\"a\": 1}, \"last\": 0}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_fini) struct buf out;
        struct json_writer w;
        buf_init(&out, 1000);
        json_writer_init(&w, &out, cases[i].spaced);
        write_sample(&w);
        assert_string_equal(buf_text(&out), cases[i].expected);
    }
}

static void nests_to_the_limit(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf out;
    struct json_writer w;
    buf_init(&out, 1000);
    json_writer_init(&w, &out, false);
    for (int i = 0; i < JSON_WRITER_DEPTH_MAX; i++) {
        json_array_begin(&w);
    }
    json_int(&w, 1);
    json_int(&w, 2);
    for (int i = 0; i < JSON_WRITER_DEPTH_MAX; i++) {
        json_array_end(&w);
    }
    assert_non_null(strstr(buf_text(&out), "[[1,2]]"));
    assert_int_equal(out.len, 2 * JSON_WRITER_DEPTH_MAX + 3);
}

static void escapes_what_json_terminals_and_utf8_ask_for(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *quoted;
        const char *plain; /* NULL: the same */
    } cases[] = {
        {"", "", NULL},
        {"a\"b\\c", "a\\\"b\\\\c", "a\"b\\c"},
        {"\n\r\t", "\\n\\r\\t", NULL},
        {"\x01\b\f\x1b[31m\x1f ", "\\u0001\\u0008\\u000c\\u001b[31m\\u001f ", NULL},
        {"\x7f", "\\u007f", NULL},
        {"\xC2\x80\xC2\x9B\xC2\x9F\xC2\xA0", "\\u0080\\u009b\\u009f\xC2\xA0", NULL},
        {"/<>&'", "/<>&'", NULL},
        {"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80", "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80", NULL},
        {"\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF", "\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF",
         NULL},
        {"\x80", "\\ufffd", NULL},                                  /* continuation alone */
        {"\xC3", "\\ufffd", NULL},                                  /* cut */
        {"\xE2\x82", "\\ufffd\\ufffd", NULL},                       /* cut */
        {"\xF0\x9F\x98", "\\ufffd\\ufffd\\ufffd", NULL},            /* cut */
        {"\xC0\xAF", "\\ufffd\\ufffd", NULL},                       /* overlong '/' */
        {"\xC1\xBF", "\\ufffd\\ufffd", NULL},                       /* overlong */
        {"\xE0\x9F\xBF", "\\ufffd\\ufffd\\ufffd", NULL},            /* overlong */
        {"\xF0\x8F\xBF\xBF", "\\ufffd\\ufffd\\ufffd\\ufffd", NULL}, /* overlong */
        {"\xED\xA0\x80", "\\ufffd\\ufffd\\ufffd", NULL},            /* surrogate */
        {"\xF4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd", NULL}, /* past U+10FFFF */
        {"\xF5\x80\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd", NULL},
        {"\xFF\xFE", "\\ufffd\\ufffd", NULL},
        {"a\xC3\xA4\xC3(b", "a\xC3\xA4\\ufffd(b", NULL}, /* the byte behind a bad one stays */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_fini) struct buf out;
        buf_init(&out, 1000);
        json_escape(&out, cases[i].text, strlen(cases[i].text), true);
        assert_string_equal(buf_text(&out), cases[i].quoted);
        buf_reset(&out, 0);
        json_escape(&out, cases[i].text, strlen(cases[i].text), false);
        assert_string_equal(buf_text(&out),
                            cases[i].plain != NULL ? cases[i].plain : cases[i].quoted);
    }
}

/* Every text of two bytes, between two that are plain, comes out as JSON that a parser takes. */
static void any_bytes_come_out_as_valid_json(void **state)
{
    (void)state;
    for (int pair = 0; pair < 65536; pair++) {
        char text[] = {'a', (char)(pair >> 8), (char)pair, 'z', '\0'};
        CLEANUP(buf_fini) struct buf out;
        struct json_writer w;
        buf_init(&out, 1000);
        json_writer_init(&w, &out, false);
        json_string(&w, text);
        yyjson_doc *doc = yyjson_read(buf_text(&out), out.len, 0);
        assert_non_null(doc);
        const char *back = yyjson_get_str(yyjson_doc_get_root(doc));
        assert_int_equal(back[0], 'a');
        yyjson_doc_free(doc);
    }
}

static void escaping_takes_the_length_not_the_nul(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, 1000);
    json_escape(&out, "a\0b", 3, true);
    assert_string_equal(buf_text(&out), "a\\u0000b");
    for (size_t len = 1; len < 4;
         len++) { /* a character cut at the end: what follows is not read */
        buf_reset(&out, 1000);
        json_escape(&out, "\xF0\x9F\x98\x80", len, true);
        assert_int_equal(out.len, len * strlen("\\ufffd"));
    }
}

static void a_full_buffer_shows_as_truncated(void **state)
{
    (void)state;
    for (size_t max = 0; max < strlen("{\"key\":\"value\\n\"}"); max++) {
        CLEANUP(buf_fini) struct buf out;
        struct json_writer w;
        buf_init(&out, max);
        json_writer_init(&w, &out, false);
        json_object_begin(&w);
        json_member_string(&w, "key", "value\n");
        json_object_end(&w);
        assert_true(out.truncated);
        assert_true(out.len <= max);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_commas_and_colons),
        cmocka_unit_test(nests_to_the_limit),
        cmocka_unit_test(escapes_what_json_terminals_and_utf8_ask_for),
        cmocka_unit_test(any_bytes_come_out_as_valid_json),
        cmocka_unit_test(escaping_takes_the_length_not_the_nul),
        cmocka_unit_test(a_full_buffer_shows_as_truncated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

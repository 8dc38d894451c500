#include "lib/testing.h"

#include "base/base64.h"
#include "base/error.h"
#include "base/mem.h"

#include <string.h>

static void test_known_texts(void **state)
{
    (void)state;
    /* RFC 4648 §10 */
    static const char *const pairs[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xff\xfe\xfb", "//77"},
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        CLEANUP(buf_fini) struct buf out;
        size_t len = 99;
        buf_init(&out, 100);
        assert_int_equal(base64_encode(&out, pairs[i][0], strlen(pairs[i][0])), 0);
        assert_string_equal(buf_text(&out), pairs[i][1]);
        char *back = base64_decode(pairs[i][1], strlen(pairs[i][1]), &len);
        assert_non_null(back);
        assert_int_equal(len, strlen(pairs[i][0]));
        assert_string_equal(back, pairs[i][0]);
        mem_free(back);
    }
}

static void test_every_byte_and_length_comes_back(void **state)
{
    (void)state;
    unsigned char bytes[300];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (unsigned char)(i * 7);
    }
    for (size_t n = 0; n <= sizeof(bytes); n++) {
        CLEANUP(buf_fini) struct buf out;
        size_t len = 0;
        buf_init(&out, 1000);
        assert_int_equal(base64_encode(&out, bytes, n), 0);
        char *back = base64_decode(buf_text(&out), out.len, &len);
        assert_int_equal(len, n);
        assert_memory_equal(back, bytes, n);
        assert_int_equal(back[n], '\0');
        mem_free(back);
    }
}

static void test_wrapped_text_is_fine(void **state)
{
    (void)state;
    size_t len = 0;
    char *out = base64_decode("\nZm9\r\nv Yg\n==\n", 14, &len);
    assert_non_null(out);
    assert_int_equal(len, 4);
    assert_string_equal(out, "foob");
    mem_free(out);
}

static void test_anything_else_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "Z",     "Zg",       "Zg=",      "Zm9",   "=",     "==",   "====",
        "Z===",  "Zg==Zg==", "Zm8=Zg==", "Zg===", "Zg=a",  "Zg=A", "Zg=\nA",
        "Zm9v=", "Zm9-",     "Zm9_",     "Zm9\t", "Zm9v!", "Zh==", /* bits behind the end */
        "Zm9=",  "\x80m9v",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        size_t len = 99;
        assert_null(base64_decode(bad[i], strlen(bad[i]), &len));
        assert_int_equal(len, 99);
    }
    assert_null(base64_decode("Zm9v\0", 5, &(size_t){0}));
}

static void test_encoding_past_the_limit_appends_nothing(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, 9);
    assert_int_equal(base64_encode(&out, "abc", 3), 0);
    assert_int_equal(base64_encode(&out, "abcd", 4), ERR_TOO_BIG);
    assert_string_equal(buf_text(&out), "YWJj");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_texts),
        cmocka_unit_test(test_every_byte_and_length_comes_back),
        cmocka_unit_test(test_wrapped_text_is_fine),
        cmocka_unit_test(test_anything_else_is_refused),
        cmocka_unit_test(test_encoding_past_the_limit_appends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "lib/testing.h"

#include "base/error.h"

#include <string.h>

static void set_fills_all_and_returns_the_code(void **state)
{
    (void)state;
    struct error err = {.http_status = 503, .retry_after_ms = 7000, .message = "old"};
    assert_int_equal(error_set(&err, ERR_INVALID, "flag --%s: %d", "x", 3), ERR_INVALID);
    assert_int_equal(err.code, ERR_INVALID);
    assert_int_equal(err.http_status, 0);
    assert_int_equal(err.retry_after_ms, -1);
    assert_string_equal(err.message, "flag --x: 3");
}

static void nobody_has_to_take_the_error(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, ERR_GONE, "%s", "x"), ERR_GONE);
    assert_int_not_equal(error_wrap(NULL, "context"), 0);
}

static void wrap_puts_context_first_and_keeps_the_rest(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    error_set(&err, ERR_FORBIDDEN, "403 Forbidden: no");
    err.http_status = 403;
    err.retry_after_ms = 1000;
    assert_int_equal(error_wrap(&err, "apply %s", "Deployment"), ERR_FORBIDDEN);
    error_wrap(&err, "memcached \"%s\"", "cache/web");
    assert_string_equal(err.message,
                        "memcached \"cache/web\": apply Deployment: 403 Forbidden: no");
    assert_int_equal(err.http_status, 403);
    assert_int_equal(err.retry_after_ms, 1000);
}

static void the_message_may_be_its_own_argument(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    error_set(&err, ERR_PARSE, "inner");
    error_set(&err, ERR_INVALID, "outer of %s", err.message);
    assert_string_equal(err.message, "outer of inner");
    error_wrap(&err, "twice %s", err.message);
    assert_string_equal(err.message, "twice outer of inner: outer of inner");
}

static void fill_text(char *text, size_t len)
{
    memset(text, 'a', len);
    text[len] = '\0';
}

static void long_messages_end_with_an_ellipsis(void **state)
{
    (void)state;
    char text[2 * ERROR_MESSAGE_BYTES];
    struct error err = ERROR_INIT;

    fill_text(text, ERROR_MESSAGE_BYTES - 1);
    error_set(&err, ERR_PARSE, "%s", text);
    assert_string_equal(err.message, text); /* fits exactly */

    fill_text(text, ERROR_MESSAGE_BYTES);
    error_set(&err, ERR_PARSE, "%s", text);
    assert_int_equal(strlen(err.message), ERROR_MESSAGE_BYTES - 1);
    assert_string_equal(err.message + ERROR_MESSAGE_BYTES - 1 - strlen("…"), "…");

    error_wrap(&err, "ctx");
    assert_memory_equal(err.message, "ctx: aaa", 8);
    assert_string_equal(err.message + strlen(err.message) - strlen("…"), "…");

    error_wrap(&err, "%s", text);
    assert_string_equal(err.message + strlen(err.message) - strlen("…"), "…");
}

/* At each shift the cut falls on another byte of the characters. */
static void the_cut_is_never_inside_a_character(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        char text[2 * ERROR_MESSAGE_BYTES];
        fill_text(text, shift);
        while (strlen(text) < ERROR_MESSAGE_BYTES + 8) {
            strcat(text, "\U0001F600"); /* four bytes */
        }
        struct error err = ERROR_INIT;
        error_set(&err, ERR_PARSE, "%s", text);
        size_t kept = strlen(err.message) - strlen("…");
        assert_string_equal(err.message + kept, "…");
        assert_memory_equal(err.message, text, kept);
        assert_int_equal((kept - shift) % 4, 0);
    }
}

static void codes_have_names(void **state)
{
    (void)state;
    assert_string_equal(error_code_name(ERR_NONE), "none");
    assert_string_equal(error_code_name(ERR_NOT_FOUND), "not-found");
    assert_string_equal(error_code_name(ERR_RV_TOO_LARGE), "rv-too-large");
    assert_string_equal(error_code_name(12345), "unknown");
    for (int code = ERR_SERVER; code <= ERR_BAD_REQUEST; code++) {
        assert_string_not_equal(error_code_name(code), "unknown");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_fills_all_and_returns_the_code),
        cmocka_unit_test(nobody_has_to_take_the_error),
        cmocka_unit_test(wrap_puts_context_first_and_keeps_the_rest),
        cmocka_unit_test(the_message_may_be_its_own_argument),
        cmocka_unit_test(long_messages_end_with_an_ellipsis),
        cmocka_unit_test(the_cut_is_never_inside_a_character),
        cmocka_unit_test(codes_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

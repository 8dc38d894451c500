#include "lib/testing.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"

#include <string.h>

static void starts_empty_without_memory(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    assert_null(b.data);
    assert_string_equal(buf_text(&b), "");
    buf_fini(&b);
    buf_fini(NULL);
}

static void appends_are_terminated(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf b;
    buf_init(&b, 1000);
    assert_int_equal(buf_append(&b, "ab\0c", 4), 0);
    assert_int_equal(b.len, 4);
    assert_memory_equal(b.data, "ab\0c\0", 5);
    buf_reset(&b, 1000);
    assert_int_equal(buf_append_text(&b, "one "), 0);
    assert_int_equal(buf_append_char(&b, '2'), 0);
    assert_int_equal(buf_printf(&b, " %s-%d", "three", 4), 0);
    assert_string_equal(buf_text(&b), "one 2 three-4");
    assert_int_equal(b.len, strlen("one 2 three-4"));
}

static void an_append_of_nothing_is_fine(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf b;
    buf_init(&b, 0);
    assert_int_equal(buf_append(&b, NULL, 0), 0);
    assert_int_equal(buf_append_text(&b, ""), 0);
    assert_int_equal(buf_printf(&b, "%s", ""), 0);
    assert_string_equal(buf_text(&b), "");
    assert_false(b.truncated);
}

static void the_limit_is_exact_and_a_failed_append_changes_nothing(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf b;
    buf_init(&b, 100);
    for (int i = 0; i < 99; i++) {
        assert_int_equal(buf_append_char(&b, 'x'), 0);
    }
    assert_int_equal(buf_append_text(&b, "yy"), ERR_TOO_BIG);
    assert_int_equal(buf_printf(&b, "%d", 42), ERR_TOO_BIG);
    assert_null(buf_reserve(&b, 2));
    assert_null(buf_reserve(&b, SIZE_MAX));
    assert_int_equal(b.len, 99);
    assert_int_equal(b.data[98], 'x');
    assert_int_equal(b.data[99], '\0');
    assert_true(b.truncated);
    assert_int_equal(buf_append_char(&b, 'z'), 0);
    assert_int_equal(b.len, 100);
    assert_true(b.truncated);
    assert_true(b.cap <= 101);
    buf_reset(&b, 1000);
    assert_false(b.truncated);
    assert_null(buf_reserve(&b, 101));
    buf_reset(&b, 0);
    assert_false(b.truncated);
}

static void reserve_gives_room_that_the_caller_fills(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf b;
    buf_init(&b, 5000);
    buf_append_text(&b, "ab");
    char *room = buf_reserve(&b, 4000);
    assert_non_null(room);
    assert_string_equal(buf_text(&b), "ab");
    memset(room, 'c', 4000);
    b.len += 4000;
    buf_append_char(&b, 'd');
    assert_int_equal(b.len, 4003);
    assert_int_equal(b.data[4001], 'c');
    assert_string_equal(b.data + 4002, "d");
}

static void consume_and_cut_drop_either_end(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf b;
    buf_init(&b, 100);
    buf_consume(&b, 0);
    buf_cut(&b, 0);
    buf_append_text(&b, "first second");
    buf_consume(&b, 6);
    assert_string_equal(buf_text(&b), "second");
    buf_cut(&b, 3);
    assert_string_equal(buf_text(&b), "sec");
    buf_consume(&b, 3);
    assert_string_equal(buf_text(&b), "");
    assert_int_equal(b.len, 0);
}

static void reset_keeps_small_memory_only(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf b;
    buf_init(&b, 1 << 20);
    buf_append_text(&b, "small");
    const char *before = b.data;
    buf_reset(&b, 4096);
    assert_ptr_equal(b.data, before);
    assert_string_equal(buf_text(&b), "");
    assert_non_null(buf_reserve(&b, 100000));
    buf_reset(&b, 4096);
    assert_true(b.cap <= 4096);
    assert_int_equal(buf_append_text(&b, "again"), 0);
    assert_string_equal(buf_text(&b), "again");
}

static void free_text(char **text)
{
    mem_free(*text);
}

static void take_hands_the_memory_over(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    CLEANUP(free_text) char *empty = buf_take(&b);
    assert_string_equal(empty, "");
    buf_append_text(&b, "text");
    CLEANUP(free_text) char *text = buf_take(&b);
    assert_string_equal(text, "text");
    assert_string_equal(buf_text(&b), "");
    assert_int_equal(buf_append_text(&b, "next"), 0);
    assert_string_equal(buf_text(&b), "next");
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_empty_without_memory),
        cmocka_unit_test(appends_are_terminated),
        cmocka_unit_test(an_append_of_nothing_is_fine),
        cmocka_unit_test(the_limit_is_exact_and_a_failed_append_changes_nothing),
        cmocka_unit_test(reserve_gives_room_that_the_caller_fills),
        cmocka_unit_test(consume_and_cut_drop_either_end),
        cmocka_unit_test(reset_keeps_small_memory_only),
        cmocka_unit_test(take_hands_the_memory_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "lib/testing.h"

#include "base/arena.h"

#include <string.h>

static void memory_is_aligned_and_zeroed_even_after_a_reset(void **state)
{
    (void)state;
    struct arena a = {0};
    for (int round = 0; round < 2; round++) {
        for (size_t bytes = 0; bytes < 300; bytes++) {
            unsigned char *memory = arena_alloc(&a, bytes);
            assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
            for (size_t i = 0; i < bytes; i++) {
                assert_int_equal(memory[i], 0);
            }
            memset(memory, 0xAA, bytes);
        }
        arena_reset(&a);
    }
    arena_fini(&a);
}

/* Overlaps would show as another pattern; the sizes straddle that of a chunk. */
static void allocations_do_not_overlap(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 4000, 17, 4096, 64, 100000, 4040, 4064, 4065, 3, 8192};
    unsigned char *blocks[sizeof sizes / sizeof *sizes];
    struct arena a = {0};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        blocks[i] = arena_alloc(&a, sizes[i]);
        memset(blocks[i], (int)i + 1, sizes[i]);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (size_t j = 0; j < sizes[i]; j++) {
            assert_int_equal(blocks[i][j], i + 1);
        }
    }
    arena_fini(&a);
}

static void reset_keeps_one_chunk_for_reuse(void **state)
{
    (void)state;
    struct arena a = {0};
    void *first = arena_alloc(&a, 8);
    arena_alloc(&a, 50000);
    arena_reset(&a);
    assert_non_null(a.chunks);
    assert_ptr_equal(arena_alloc(&a, 8), first);
    arena_fini(&a);
}

static void reset_drops_a_huge_chunk(void **state)
{
    (void)state;
    struct arena a = {0};
    arena_alloc(&a, 1 << 20);
    arena_reset(&a);
    assert_null(a.chunks);
    arena_fini(&a);
}

/* A big request in between must not cost the room left in the chunk in use. */
static void a_huge_request_leaves_the_current_chunk_in_use(void **state)
{
    (void)state;
    struct arena a = {0};
    char *before = arena_alloc(&a, 16);
    arena_alloc(&a, 50000);
    char *after = arena_alloc(&a, 16);
    assert_ptr_equal(after, before + 16);
    arena_fini(&a);
}

static void texts_are_copied(void **state)
{
    (void)state;
    struct arena a = {0};
    char source[] = "default/cache";
    char *copy = arena_strdup(&a, source);
    char *part = arena_strndup(&a, source, 7);
    char *whole = arena_strndup(&a, source, 100);
    memset(source, 'x', sizeof source - 1);
    assert_string_equal(copy, "default/cache");
    assert_string_equal(part, "default");
    assert_string_equal(whole, "default/cache");
    assert_string_equal(arena_strdup(&a, ""), "");
    assert_string_equal(arena_printf(&a, "%s=%d", "size", 4), "size=4");
    assert_int_equal(strlen(arena_printf(&a, "%9000d", 1)), 9000);
    arena_fini(&a);
}

static void empty_ones_can_be_reset_and_finished(void **state)
{
    (void)state;
    struct arena a = {0};
    arena_reset(&a);
    arena_fini(&a);
    arena_fini(&a);
    arena_fini(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_aligned_and_zeroed_even_after_a_reset),
        cmocka_unit_test(allocations_do_not_overlap),
        cmocka_unit_test(reset_keeps_one_chunk_for_reuse),
        cmocka_unit_test(reset_drops_a_huge_chunk),
        cmocka_unit_test(a_huge_request_leaves_the_current_chunk_in_use),
        cmocka_unit_test(texts_are_copied),
        cmocka_unit_test(empty_ones_can_be_reset_and_finished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

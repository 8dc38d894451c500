#include "lib/testing.h"

#include "base/random.h"

static void a_seed_replays(void **state)
{
    (void)state;
    struct random a;
    struct random b;
    struct random c;
    random_init(&a, 42);
    random_init(&b, 42);
    random_init(&c, 43);
    int same_as_other_seed = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t draw = random_next(&a);
        assert_true(draw == random_next(&b));
        same_as_other_seed += draw == random_next(&c);
    }
    assert_int_equal(same_as_other_seed, 0);
}

/* What the reference implementation gives first for the state 1, 2, 3, 4. */
static void it_is_xoshiro256_star_star(void **state)
{
    (void)state;
    struct random r = {{1, 2, 3, 4}};
    assert_true(random_next(&r) == 11520);
    assert_true(random_next(&r) == 0);
    assert_true(random_next(&r) == 1509978240);
}

/* SplitMix64's published first outputs for the seed 0. */
static void the_seed_is_spread_by_splitmix64(void **state)
{
    (void)state;
    struct random r;
    random_init(&r, 0);
    assert_true(r.state[0] == UINT64_C(0xE220A8397B1DCDAF));
    assert_true(r.state[1] == UINT64_C(0x6E789E6AA1B965F4));
}

static void below_stays_below_and_reaches_all(void **state)
{
    (void)state;
    struct random r;
    random_init(&r, 1);
    unsigned seen[7] = {0};
    for (int i = 0; i < 70000; i++) {
        uint64_t draw = random_below(&r, 7);
        assert_true(draw < 7);
        seen[draw]++;
    }
    for (int i = 0; i < 7; i++) {
        assert_in_range(seen[i], 9500, 10500);
    }
    for (int i = 0; i < 100; i++) {
        assert_true(random_below(&r, 1) == 0);
        assert_true(random_below(&r, UINT64_MAX) < UINT64_MAX);
    }
}

/* With this bound a plain remainder would give the lower third twice as often. */
static void below_favours_no_remainder(void **state)
{
    (void)state;
    const uint64_t bound = UINT64_MAX / 3 * 2;
    struct random r;
    random_init(&r, 5);
    unsigned low = 0;
    for (int i = 0; i < 30000; i++) {
        low += random_below(&r, bound) < bound / 2;
    }
    assert_in_range(low, 14500, 15500);
}

static void jitter_covers_its_range_and_no_more(void **state)
{
    (void)state;
    struct random r;
    random_init(&r, 9);
    uint64_t least = UINT64_MAX;
    uint64_t most = 0;
    for (int i = 0; i < 10000; i++) {
        uint64_t ms = random_jitter_ms(&r, 150, 20);
        least = ms < least ? ms : least;
        most = ms > most ? ms : most;
    }
    assert_int_equal(least, 150);
    assert_int_equal(most, 180);
    assert_int_equal(random_jitter_ms(&r, 0, 50), 0);
    assert_int_equal(random_jitter_ms(&r, 2000, 0), 2000);
}

static void jitter_does_not_overflow(void **state)
{
    (void)state;
    struct random r;
    random_init(&r, 9);
    for (int i = 0; i < 100; i++) {
        assert_true(random_jitter_ms(&r, UINT64_MAX, 100) == UINT64_MAX);
        assert_true(random_jitter_ms(&r, UINT64_MAX - 5, 100) >= UINT64_MAX - 5);
        assert_true(random_jitter_ms(&r, UINT64_MAX / 2, 400) >= UINT64_MAX / 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_replays),
        cmocka_unit_test(it_is_xoshiro256_star_star),
        cmocka_unit_test(the_seed_is_spread_by_splitmix64),
        cmocka_unit_test(below_stays_below_and_reaches_all),
        cmocka_unit_test(below_favours_no_remainder),
        cmocka_unit_test(jitter_covers_its_range_and_no_more),
        cmocka_unit_test(jitter_does_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

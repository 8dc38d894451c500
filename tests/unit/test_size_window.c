/*
 * The highest wish of the last N seconds: exact while there are few peaks, never too low and never
 * much too long when there are many, and the same after a restart.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "base/random.h"
#include "operator/size_window.h"

#include <string.h>

enum { WALL_S = 1767225600, HISTORY_MAX = 4096 };

static struct now at(uint64_t mono_ms)
{
    return (struct now){.mono_ms = mono_ms,
                        .wall_us = WALL_S * INT64_C(1000000) + (int64_t)mono_ms * 1000};
}

/* ---- What it should be: the whole history is kept, and looked through ---- */

struct history {
    uint64_t from_ms[HISTORY_MAX];
    int32_t wish[HISTORY_MAX];
    size_t count;
};

static void history_note(struct history *h, int32_t wish, uint64_t now_ms)
{
    assert_true(h->count < HISTORY_MAX);
    h->from_ms[h->count] = now_ms;
    h->wish[h->count++] = wish;
}

static int32_t history_highest(const struct history *h, uint64_t window_ms, uint64_t now_ms)
{
    int32_t highest = h->wish[h->count - 1];
    for (size_t i = 0; i + 1 < h->count; i++) {
        if (h->from_ms[i + 1] + window_ms > now_ms && h->wish[i] > highest) {
            highest = h->wish[i];
        }
    }
    return highest;
}

/* ---- Tables ---- */

struct moment {
    uint64_t ms;
    int32_t wish;
    int32_t highest;
    uint64_t lasts_ms;
};

static void play(const struct moment *moments, size_t count, int64_t seconds)
{
    struct size_window w = {0};
    for (size_t i = 0; i < count; i++) {
        struct now now = at(moments[i].ms);
        size_window_note(&w, moments[i].wish, seconds, now);
        assert_int_equal(size_window_highest(&w), moments[i].highest);
        assert_int_equal(size_window_lasts_ms(&w, seconds, now), moments[i].lasts_ms);
    }
}

static void up_at_once_down_after_the_last_higher_wish(void **state)
{
    (void)state;
    static const struct moment moments[] = {
        {0, 5, 5, 0},
        {1000, 9, 9, 0},
        {2000, 4, 9, 10000},
        {7000, 4, 9, 5000},
        {8000, 7, 9, 4000},
        {9000, 3, 9, 3000},
        {11999, 3, 9, 1},
        {12000, 3, 7, 7000},
        {18999, 3, 7, 1},
        {19000, 3, 3, 0},
        {20000, 2, 3, 10000},
        {21000, 8, 8, 0},
        {22000, 8, 8, 0},
        {23000, 0, 8, 10000},
        {33000, 0, 0, 0},
        {99000, 1, 1, 0},
        {99001, INT32_MAX, INT32_MAX, 0},
        {99002, 0, INT32_MAX, 10000},
        {109002, 0, 0, 0},
        {110000, 6, 6, 0},
        {111000, 2, 6, 10000},
        {112000, 6, 6, 0},
    };
    play(moments, ARRAY_LEN(moments), 10);
}

static void without_seconds_only_the_wish_counts(void **state)
{
    (void)state;
    static const struct moment moments[] = {{0, 5, 5, 0}, {1, 4, 4, 0}, {1, 0, 0, 0}, {2, 9, 9, 0}};
    play(moments, ARRAY_LEN(moments), 0);
}

static void what_began_before_counts(void **state)
{
    (void)state;
    struct size_window w = {0};
    size_window_begin(&w, 12);
    size_window_note(&w, 4, 10, at(0)); /* a machine that has only just started */
    assert_int_equal(size_window_highest(&w), 12);
    size_window_note(&w, 4, 10, at(9999));
    assert_int_equal(size_window_highest(&w), 12);
    size_window_note(&w, 4, 10, at(10000));
    assert_int_equal(size_window_highest(&w), 4);
}

static void seconds_that_change_count_at_once(void **state)
{
    (void)state;
    struct size_window w = {0};
    size_window_note(&w, 9, 100, at(0));
    size_window_note(&w, 4, 100, at(1000));
    assert_int_equal(size_window_lasts_ms(&w, 300, at(2000)), 299000);
    size_window_note(&w, 4, 2, at(2999));
    assert_int_equal(size_window_highest(&w), 9);
    size_window_note(&w, 4, 0, at(2999));
    assert_int_equal(size_window_highest(&w), 4);
}

/* ---- Properties ---- */

/* Any history that makes few peaks: exactly the reference. */
static void few_peaks_are_exact(void **state)
{
    (void)state;
    static struct history h;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct random r;
        random_init(&r, seed);
        int64_t seconds = 1 + (int64_t)random_below(&r, 600);
        struct size_window w = {0};
        uint64_t now_ms = random_below(&r, 1000000);
        h.count = 0;
        for (int i = 0; i < 200; i++) {
            int32_t wish = (int32_t)random_below(&r, SIZE_WINDOW_PEAKS_MAX);
            history_note(&h, wish, now_ms);
            size_window_note(&w, wish, seconds, at(now_ms));
            assert_int_equal(size_window_highest(&w),
                             history_highest(&h, (uint64_t)seconds * 1000, now_ms));
            now_ms += random_below(&r, (uint64_t)seconds * 400);
        }
    }
}

/* Wishes that mostly fall, so that peaks pile up far beyond what there is room for. */
static int32_t next_wish(struct random *r, int32_t wish)
{
    if (random_below(r, 100) == 0) {
        return (int32_t)random_below(r, INT32_MAX);
    }
    return wish - (int32_t)random_below(r, (uint64_t)(wish / 50 + 1));
}

/* Never lower than it should be, and held for less than a grain too long. */
static void check_bounds(const struct history *h, const struct size_window *w, int64_t seconds,
                         uint64_t now_ms, uint64_t slack_ms)
{
    uint64_t window_ms = (uint64_t)seconds * 1000;
    int32_t highest = size_window_highest(w);
    assert_true(highest >= history_highest(h, window_ms, now_ms));
    assert_true(highest <= history_highest(h, window_ms + slack_ms, now_ms));
}

static void restart(struct size_window *w, int64_t seconds, struct now now)
{
    struct size_hold holds[SIZE_WINDOW_PEAKS_MAX];
    size_t count = size_window_holds(w, seconds, holds);
    int32_t wish = w->wish;
    *w = (struct size_window){0};
    size_window_resume(w, wish, holds, count, seconds, now);
}

static void many_peaks_err_by_less_than_a_grain(uint64_t seed, bool restarts)
{
    static struct history h;
    struct random r;
    random_init(&r, seed);
    int64_t seconds = 1 + (int64_t)random_below(&r, 300);
    uint64_t slack_ms = (uint64_t)size_window_grain(seconds) * 1000;
    uint64_t pace_ms = (uint64_t)seconds * 1000 / (1 + random_below(&r, 200)) + 1;
    struct size_window w = {0};
    uint64_t now_ms = random_below(&r, 1000000);
    uint64_t boot_ms = 0; /* the monotonic clock of another machine begins elsewhere */
    int32_t wish = INT32_MAX;
    h.count = 0;
    for (int i = 0; i < 1000; i++) {
        history_note(&h, wish, now_ms);
        struct now now = at(now_ms);
        now.mono_ms += boot_ms;
        size_window_note(&w, wish, seconds, now);
        check_bounds(&h, &w, seconds, now_ms, slack_ms);
        now_ms += random_below(&r, pace_ms);
        wish = next_wish(&r, wish);
        if (restarts && random_below(&r, 20) == 0) {
            boot_ms = random_below(&r, 1000000);
            now = at(now_ms);
            now.mono_ms += boot_ms;
            restart(&w, seconds, now);
        }
    }
}

static void many_peaks_stay_within_bounds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        many_peaks_err_by_less_than_a_grain(seed, false);
    }
}

static void restarts_neither_shorten_nor_prolong(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        many_peaks_err_by_less_than_a_grain(seed, true);
    }
}

/* ---- Restarts ---- */

static void a_status_says_whole_seconds_and_stays_the_same(void **state)
{
    (void)state;
    struct size_window w = {0};
    size_window_note(&w, 9, 10, at(0));
    size_window_note(&w, 7, 10, at(1234));
    size_window_note(&w, 4, 10, at(2000));
    struct size_hold before[SIZE_WINDOW_PEAKS_MAX], after[SIZE_WINDOW_PEAKS_MAX];
    assert_int_equal(size_window_holds(&w, 10, before), 2);
    assert_int_equal(before[0].size, 9);
    assert_int_equal(before[0].until_us, (WALL_S + 12) * INT64_C(1000000));
    assert_int_equal(before[1].size, 7);
    assert_int_equal(before[1].until_us, (WALL_S + 12) * INT64_C(1000000));
    for (int i = 0; i < 5; i++) {
        restart(&w, 10, at(3000 + (uint64_t)i));
        assert_int_equal(size_window_holds(&w, 10, after), 2);
        assert_memory_equal(before, after, 2 * sizeof *before);
    }
    size_window_note(&w, 4, 10, at(11999));
    assert_int_equal(size_window_highest(&w), 9);
    size_window_note(&w, 4, 10, at(12000));
    assert_int_equal(size_window_highest(&w), 4);
}

static void nonsense_in_a_status_holds_nothing_for_long(void **state)
{
    (void)state;
    struct now now = at(5000);
    int64_t now_us = now.wall_us;
    const struct size_hold holds[] = {
        {50, now_us - 1},       /* past */
        {3, now_us + 1000000},  /* not above the wish */
        {20, INT64_MAX / 2},    /* in a far future: N seconds at most */
        {30, now_us + 2000000}, /* higher than the one before */
        {10, now_us + 2000000}, /* over before the one before */
        {INT32_MIN, INT64_MIN}, /* no number at all */
    };
    struct size_window w = {0};
    size_window_resume(&w, 4, holds, ARRAY_LEN(holds), 10, now);
    assert_int_equal(size_window_highest(&w), 20);
    assert_int_equal(size_window_lasts_ms(&w, 10, now), 10000);
    assert_int_equal(w.peak_count, 1);
    size_window_note(&w, 4, 10, at(15000));
    assert_int_equal(size_window_highest(&w), 4);

    struct size_hold many[SIZE_WINDOW_PEAKS_MAX + 8];
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        many[i] = (struct size_hold){1000 - (int32_t)i, now_us + 1 + (int64_t)i};
    }
    size_window_resume(&w, 4, many, ARRAY_LEN(many), 10, now);
    assert_int_equal(w.peak_count, SIZE_WINDOW_PEAKS_MAX);
    size_window_note(&w, 3, 10, now);
    assert_int_equal(size_window_highest(&w), 1000);
}

/* However the wall clock jumps, there is room, and no hold is lost. */
static void a_wall_clock_that_jumps_costs_no_pods(void **state)
{
    (void)state;
    struct size_window w = {0};
    for (int i = 0; i < 500; i++) {
        struct now now = at((uint64_t)i);
        now.wall_us += (i % 2 == 0 ? 1 : -1) * (int64_t)i * 3600 * 1000000;
        size_window_note(&w, 1000 - i, 10, now);
        assert_int_equal(size_window_highest(&w), 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(up_at_once_down_after_the_last_higher_wish),
        cmocka_unit_test(without_seconds_only_the_wish_counts),
        cmocka_unit_test(what_began_before_counts),
        cmocka_unit_test(seconds_that_change_count_at_once),
        cmocka_unit_test(few_peaks_are_exact),
        cmocka_unit_test(many_peaks_stay_within_bounds),
        cmocka_unit_test(restarts_neither_shorten_nor_prolong),
        cmocka_unit_test(a_status_says_whole_seconds_and_stays_the_same),
        cmocka_unit_test(nonsense_in_a_status_holds_nothing_for_long),
        cmocka_unit_test(a_wall_clock_that_jumps_costs_no_pods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

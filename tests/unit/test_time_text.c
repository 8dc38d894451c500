#include "lib/testing.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/time_text.h"

#include <string.h>

static const int64_t SECOND = 1000000;

static void known_moments_are_formatted(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        int fraction_us;
        enum time_precision precision;
        const char *text;
    } cases[] = {
        {0, 0, TIME_SECONDS, "1970-01-01T00:00:00Z"},
        {1700000000, 123456, TIME_SECONDS, "2023-11-14T22:13:20Z"},
        {1700000000, 123456, TIME_MILLISECONDS, "2023-11-14T22:13:20.123Z"},
        {1700000000, 123456, TIME_MICROSECONDS, "2023-11-14T22:13:20.123456Z"},
        {1700000000, 999999, TIME_MILLISECONDS, "2023-11-14T22:13:20.999Z"}, /* not rounded up */
        {1700000000, 5, TIME_MICROSECONDS, "2023-11-14T22:13:20.000005Z"},
        {951782400, 0, TIME_SECONDS, "2000-02-29T00:00:00Z"},
        {951868799, 0, TIME_SECONDS, "2000-02-29T23:59:59Z"},
        {951868800, 0, TIME_SECONDS, "2000-03-01T00:00:00Z"},
        {4107542400, 0, TIME_SECONDS, "2100-03-01T00:00:00Z"}, /* no leap year */
        {4107542399, 0, TIME_SECONDS, "2100-02-28T23:59:59Z"},
        {1798761599, 0, TIME_SECONDS, "2026-12-31T23:59:59Z"},
        {-1, 0, TIME_SECONDS, "1969-12-31T23:59:59Z"},
        {-1, 999999, TIME_MICROSECONDS, "1969-12-31T23:59:59.999999Z"},
        {-62167219200, 0, TIME_SECONDS, "0000-01-01T00:00:00Z"},
        {-62162035200, 0, TIME_SECONDS, "0000-03-01T00:00:00Z"},
        {-62162121600, 0, TIME_SECONDS, "0000-02-29T00:00:00Z"},
        {253402300799, 999999, TIME_MICROSECONDS, "9999-12-31T23:59:59.999999Z"},
        {253402300800, 0, TIME_SECONDS, "9999-12-31T23:59:59Z"}, /* clamped */
        {-62167219201, 0, TIME_SECONDS, "0000-01-01T00:00:00Z"}, /* clamped */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[TIME_TEXT_BYTES];
        int64_t us = cases[i].seconds * SECOND + cases[i].fraction_us;
        assert_ptr_equal(time_format(out, us, cases[i].precision), out);
        assert_string_equal(out, cases[i].text);
    }
}

static void the_extremes_are_clamped(void **state)
{
    (void)state;
    char out[TIME_TEXT_BYTES];
    assert_string_equal(time_format(out, INT64_MAX, TIME_MICROSECONDS),
                        "9999-12-31T23:59:59.999999Z");
    assert_string_equal(time_format(out, INT64_MIN, TIME_MICROSECONDS),
                        "0000-01-01T00:00:00.000000Z");
}

static void rfc_3339_is_parsed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2023-11-14T22:13:20Z", 1700000000000000},
        {"2023-11-14t22:13:20z", 1700000000000000},
        {"2023-11-14T22:13:20.5Z", 1700000000500000},
        {"2023-11-14T22:13:20.123456Z", 1700000000123456},
        {"2023-11-14T22:13:20.123456999999999999999999Z", 1700000000123456},
        {"2023-11-14T23:43:20+01:30", 1700000000000000},
        {"2023-11-14T14:13:20.25-08:00", 1700000000250000},
        {"2023-11-14T22:13:20-00:00", 1700000000000000},
        {"2016-12-31T23:59:60Z", 1483228800000000}, /* leap second */
        {"1969-12-31T23:59:59.5Z", -500000},
        {"0000-01-01T00:00:00Z", -62167219200000000},
        {"9999-12-31T23:59:59.999999Z", 253402300799999999},
        {"2024-02-29T00:00:00Z", 1709164800000000},
        {"2000-02-29T00:00:00Z", 951782400000000},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t us = -7;
        assert_int_equal(time_parse(cases[i].text, strlen(cases[i].text), &us), 0);
        assert_true(us == cases[i].us);
    }
}

static void anything_else_is_refused_and_leaves_the_time_alone(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "2023",
        "2023-11-14",
        "2023-11-14T22:13:20",
        "2023-11-14 22:13:20Z",
        "2023-11-14T22:13Z",
        "2023-11-14T22:13:20.Z",
        "2023-11-14T22:13:20,5Z",
        "2023-11-14T22:13:20+0100",
        "2023-11-14T22:13:20+01",
        "2023-11-14T22:13:20+24:00",
        "2023-11-14T22:13:20+01:60",
        "2023-11-14T22:13:20ZZ",
        "2023-11-14T22:13:20Z ",
        " 2023-11-14T22:13:20Z",
        "2023-00-14T22:13:20Z",
        "2023-13-14T22:13:20Z",
        "2023-11-00T22:13:20Z",
        "2023-11-31T22:13:20Z",
        "2023-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2023-11-14T24:00:00Z",
        "2023-11-14T22:60:00Z",
        "2023-11-14T22:13:61Z",
        "-023-11-14T22:13:20Z",
        "+2023-11-14T22:13:20Z",
        "12023-11-14T22:13:20Z",
        "2023-1-14T22:13:20Z",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t us = -7;
        assert_int_equal(time_parse(cases[i], strlen(cases[i]), &us), ERR_PARSE);
        assert_int_equal(us, -7);
    }
}

/* The text need not end with a NUL: no byte behind @len is read (ASan would say so). */
static void only_len_bytes_are_read(void **state)
{
    (void)state;
    static const char text[] = "2023-11-14T22:13:20.123456+01:00";
    for (size_t len = 0; len < sizeof text; len++) {
        char *exact = mem_alloc(len);
        memcpy(exact, text, len);
        int64_t us = -7;
        assert_int_equal(time_parse(exact, len, &us), len == sizeof text - 1 ? 0 : ERR_PARSE);
        mem_free(exact);
    }
}

/* Every day of 800 years, which is two whole eras of the calendar. */
static void every_day_survives_the_round_trip(void **state)
{
    (void)state;
    for (int64_t day = -146097; day <= 146097; day++) {
        char out[TIME_TEXT_BYTES];
        int64_t us = day * 86400 * SECOND + 45296 * SECOND;
        int64_t back = -7;
        time_format(out, us, TIME_SECONDS);
        assert_int_equal(time_parse(out, strlen(out), &back), 0);
        assert_true(back == us);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_moments_are_formatted),
        cmocka_unit_test(the_extremes_are_clamped),
        cmocka_unit_test(rfc_3339_is_parsed),
        cmocka_unit_test(anything_else_is_refused_and_leaves_the_time_alone),
        cmocka_unit_test(only_len_bytes_are_read),
        cmocka_unit_test(every_day_survives_the_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

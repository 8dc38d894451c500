/*
 * RFC 3339 to a number, as libc's calendar has it, and back.
 */
#include "base/error.h"
#include "base/mem.h"
#include "base/time_text.h"
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const int64_t YEAR_0_US = INT64_C(-62167219200) * 1000000;
static const int64_t YEAR_10000_US = INT64_C(253402300800) * 1000000;

static int64_t parse_back(int64_t us, enum time_precision precision)
{
    char text[TIME_TEXT_BYTES];
    int64_t again = 0;
    time_format(text, us, precision);
    assert(time_parse(text, strlen(text), &again) == 0);
    return again;
}

static int64_t floor_to(int64_t us, int64_t unit)
{
    int64_t rest = us % unit;
    return us - (rest < 0 ? rest + unit : rest);
}

/* In whole seconds, by timegm(); @text is known to have the right form. */
static int64_t reckon(const char *text)
{
    struct tm tm = {0};
    char sign = 'Z';
    int hours = 0, minutes = 0;
    sscanf(text, "%4d-%2d-%2d%*c%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
           &tm.tm_min, &tm.tm_sec);
    const char *offset = text + 19;
    offset += offset[0] == '.' ? 1 + strspn(offset + 1, "0123456789") : 0;
    sscanf(offset, "%c%2d:%2d", &sign, &hours, &minutes);
    int64_t east_s = (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    int day = tm.tm_mday, second = tm.tm_sec;
    int64_t s = timegm(&tm);
    assert(tm.tm_mday == day || second == 60); /* there is such a day */
    return s - east_s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = part_copy((struct part){(const char *)data, size});
    int64_t us = 42;
    int rc = time_parse(text, size, &us);
    assert(rc == 0 || (rc == ERR_PARSE && us == 42));
    if (rc == 0) {
        char *whole = part_text((struct part){(const char *)data, size});
        assert(floor_to(us, 1000000) == reckon(whole) * 1000000);
        mem_free(whole);
    }
    if (rc == 0 && us >= YEAR_0_US && us < YEAR_10000_US) {
        assert(parse_back(us, TIME_MICROSECONDS) == us);
        assert(parse_back(us, TIME_MILLISECONDS) == floor_to(us, 1000));
        assert(parse_back(us, TIME_SECONDS) == floor_to(us, 1000000));
    }
    if (size >= sizeof us) { /* any number has a text */
        memcpy(&us, data, sizeof us);
        int64_t clamped = us < YEAR_0_US ? YEAR_0_US : us >= YEAR_10000_US ? YEAR_10000_US - 1 : us;
        assert(parse_back(us, TIME_MICROSECONDS) == clamped);
    }
    mem_free(text);
    return 0;
}

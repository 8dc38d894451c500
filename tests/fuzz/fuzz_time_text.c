/*
 * RFC 3339 to a number and back.
 */
#include "base/error.h"
#include "base/mem.h"
#include "base/time_text.h"
#include "fuzz/fuzz.h"

#include <string.h>

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = part_copy((struct part){(const char *)data, size});
    int64_t us = 42;
    int rc = time_parse(text, size, &us);
    assert(rc == 0 || (rc == ERR_PARSE && us == 42));
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

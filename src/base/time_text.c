#include "base/time_text.h"
#include "base/error.h"

#include <stdbool.h>

static const int64_t US_PER_SECOND = 1000000;
static const int64_t US_PER_DAY = INT64_C(86400) * 1000000;
static const int64_t DAYS_YEAR_0 = -719528;     /* 0000-01-01, in days since 1970 */
static const int64_t DAYS_YEAR_10000 = 2932897; /* 10000-01-01 */

struct date {
    int year, month, day;
};

/* Days are counted from 0000-03-01 here, so that the leap day is the last of its year and of its
 * 400-year era; the months from March follow (153 m + 2) / 5. */
static const int64_t DAYS_TO_MARCH_0000 = 719468;
static const int DAYS_PER_ERA = 146097;

static struct date date_of(int64_t days)
{
    int shifted = (int)(days + DAYS_TO_MARCH_0000) + DAYS_PER_ERA; /* one era more: year 0 begins
                                                                      before 0000-03-01 */
    int era = shifted / DAYS_PER_ERA;
    int day_of_era = shifted % DAYS_PER_ERA;
    int year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month_from_march = (5 * day_of_year + 2) / 153;
    int month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    return (struct date){
        .year = (era - 1) * 400 + year_of_era + (month <= 2),
        .month = month,
        .day = day_of_year - (153 * month_from_march + 2) / 5 + 1,
    };
}

static int64_t days_of(struct date d)
{
    int year = d.year - (d.month <= 2) + 400;
    int month_from_march = d.month > 2 ? d.month - 3 : d.month + 9;
    int year_of_era = year % 400;
    int day_of_year = (153 * month_from_march + 2) / 5 + d.day - 1;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return (int64_t)(year / 400 - 1) * DAYS_PER_ERA + day_of_era - DAYS_TO_MARCH_0000;
}

/* @value in @width digits and a character behind; returns the place behind that. Every log line and
 * status has a time: no printf here. */
static char *put(char *at, int value, size_t width, char behind)
{
    for (size_t i = width; i-- > 0; value /= 10) {
        at[i] = (char)('0' + value % 10);
    }
    at[width] = behind;
    return at + width + 1;
}

const char *time_format(char out[TIME_TEXT_BYTES], int64_t wall_us, enum time_precision precision)
{
    if (wall_us < DAYS_YEAR_0 * US_PER_DAY) {
        wall_us = DAYS_YEAR_0 * US_PER_DAY;
    } else if (wall_us >= DAYS_YEAR_10000 * US_PER_DAY) {
        wall_us = DAYS_YEAR_10000 * US_PER_DAY - 1;
    }
    int64_t days = wall_us / US_PER_DAY;
    int64_t us = wall_us % US_PER_DAY;
    if (us < 0) {
        days--;
        us += US_PER_DAY;
    }
    struct date d = date_of(days);
    int second = (int)(us / US_PER_SECOND);
    int fraction = (int)(us % US_PER_SECOND);
    char *at = put(out, d.year, 4, '-');
    at = put(at, d.month, 2, '-');
    at = put(at, d.day, 2, 'T');
    at = put(at, second / 3600, 2, ':');
    at = put(at, second / 60 % 60, 2, ':');
    at = put(at, second % 60, 2, precision == TIME_SECONDS ? 'Z' : '.');
    if (precision == TIME_MILLISECONDS) {
        at = put(at, fraction / 1000, 3, 'Z');
    } else if (precision == TIME_MICROSECONDS) {
        at = put(at, fraction, 6, 'Z');
    }
    *at = '\0';
    return out;
}

/* What is left to parse. */
struct cursor {
    const char *next;
    const char *end;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool take_char(struct cursor *c, const char *any_of)
{
    for (; c->next < c->end && *any_of != '\0'; any_of++) {
        if (*c->next == *any_of) {
            c->next++;
            return true;
        }
    }
    return false;
}

static bool take_number(struct cursor *c, int digits, int min, int max, int *out)
{
    int value = 0;
    for (int i = 0; i < digits; i++) {
        if (c->next == c->end || !is_digit(*c->next)) {
            return false;
        }
        value = value * 10 + (*c->next++ - '0');
    }
    *out = value;
    return value >= min && value <= max;
}

static bool take_date(struct cursor *c, struct date *d)
{
    static const int MONTH_DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (!take_number(c, 4, 0, 9999, &d->year) || !take_char(c, "-") ||
        !take_number(c, 2, 1, 12, &d->month) || !take_char(c, "-") ||
        !take_number(c, 2, 1, 31, &d->day)) {
        return false;
    }
    bool leap = (d->year % 4 == 0 && d->year % 100 != 0) || d->year % 400 == 0;
    return d->day <= MONTH_DAYS[d->month - 1] + (d->month == 2 && leap);
}

/* Second 60 is a leap second (RFC 3339 §5.6): the next second here, as POSIX time has none. */
static bool take_time_of_day(struct cursor *c, int64_t *us)
{
    int hour;
    int minute;
    int second;
    if (!take_number(c, 2, 0, 23, &hour) || !take_char(c, ":") ||
        !take_number(c, 2, 0, 59, &minute) || !take_char(c, ":") ||
        !take_number(c, 2, 0, 60, &second)) {
        return false;
    }
    *us = (hour * 3600 + minute * 60 + second) * US_PER_SECOND;
    if (!take_char(c, ".")) {
        return true;
    }
    const char *fraction = c->next;
    for (int64_t unit = US_PER_SECOND / 10; c->next < c->end && is_digit(*c->next); unit /= 10) {
        *us += unit * (*c->next++ - '0');
    }
    return c->next > fraction;
}

static bool take_offset(struct cursor *c, int64_t *us)
{
    *us = 0;
    if (take_char(c, "Zz")) {
        return true;
    }
    bool west = take_char(c, "-");
    int hour;
    int minute;
    if ((!west && !take_char(c, "+")) || !take_number(c, 2, 0, 23, &hour) || !take_char(c, ":") ||
        !take_number(c, 2, 0, 59, &minute)) {
        return false;
    }
    *us = (west ? -1 : 1) * (hour * 3600 + minute * 60) * US_PER_SECOND;
    return true;
}

int time_parse(const char *text, size_t len, int64_t *wall_us)
{
    struct cursor c = {text, text + len};
    struct date d;
    int64_t time_us;
    int64_t offset_us;
    if (!take_date(&c, &d) || !take_char(&c, "Tt") || !take_time_of_day(&c, &time_us) ||
        !take_offset(&c, &offset_us) || c.next != c.end) {
        return ERR_PARSE;
    }
    *wall_us = days_of(d) * US_PER_DAY + time_us - offset_us;
    return 0;
}

uint64_t time_earlier(uint64_t a_ms, uint64_t b_ms)
{
    return a_ms < b_ms ? a_ms : b_ms;
}

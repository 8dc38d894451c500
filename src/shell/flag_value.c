#include "shell/flag_value.h"

#include "base/mem.h"

#include <ctype.h>
#include <string.h>

bool flag_value_bool(const char *text, bool *out)
{
    static const char *const yes[] = {"1", "t", "T", "true", "True", "TRUE"};
    static const char *const no[] = {"0", "f", "F", "false", "False", "FALSE"};
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
            *out = strcmp(text, yes[i]) == 0;
            return true;
        }
    }
    return false;
}

bool flag_value_whole(const char *text, unsigned max, unsigned *out)
{
    unsigned value = 0;
    if (*text == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (!isdigit((unsigned char)*text)) {
            return false;
        }
        value = value * 10 + (unsigned)(*text - '0');
        if (value > max) {
            return false;
        }
    }
    *out = value;
    return true;
}

/* The length of a Go unit of time at @text in nanoseconds, or 0. */
static uint64_t duration_unit_ns(const char **text)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {
        {"ns", 1},           {"us", 1000},      {"\xc2\xb5s", 1000}, /* micro sign */
        {"\xce\xbcs", 1000},                                         /* Greek mu */
        {"ms", 1000000},     {"s", 1000000000}, {"m", 60000000000},  {"h", 3600000000000},
    };
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        size_t len = strlen(units[i].name);
        if (strncmp(*text, units[i].name, len) == 0) {
            *text += len;
            return units[i].ns;
        }
    }
    return 0;
}

/*
 * One "1.5h" of a duration. Fractions count to the nearest nanosecond.
 * Returns false on bad text or past 64 bits.
 */
static bool duration_part_ns(const char **text, uint64_t *ns)
{
    uint64_t whole = 0;
    double fraction = 0;
    bool digits = false;
    for (; isdigit((unsigned char)**text); (*text)++, digits = true) {
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, (uint64_t)(**text - '0'), &whole)) {
            return false;
        }
    }
    if (**text == '.') {
        (*text)++;
        for (double scale = 0.1; isdigit((unsigned char)**text); (*text)++, digits = true) {
            fraction += (**text - '0') * scale;
            scale /= 10;
        }
    }
    uint64_t unit = digits ? duration_unit_ns(text) : 0;
    uint64_t extra = (uint64_t)(fraction * (double)unit + 0.5);
    return unit != 0 && !__builtin_mul_overflow(whole, unit, ns) &&
           !__builtin_add_overflow(*ns, extra, ns);
}

bool flag_value_duration_ms(const char *text, uint64_t *out_ms)
{
    uint64_t total = 0;
    if (strcmp(text, "0") == 0) {
        *out_ms = 0;
        return true;
    }
    if (*text == '\0') {
        return false;
    }
    while (*text != '\0') {
        uint64_t part = 0;
        if (!duration_part_ns(&text, &part) || __builtin_add_overflow(total, part, &total) ||
            total > INT64_MAX) { /* Go's limit */
            return false;
        }
    }
    *out_ms = (total + 999999) / 1000000;
    return true;
}

bool flag_value_name(const char *text, const char *const *names, size_t count, size_t *out)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

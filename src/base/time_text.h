/*
 * The time that the shell hands in, and its RFC 3339 text. Pure arithmetic: no clock, no time zone
 * data base.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

/** One reading of both clocks, taken by the shell. */
struct now {
    uint64_t mono_ms; /* since some fixed point, counts suspend (CLOCK_BOOTTIME); for every duration
                         and deadline */
    int64_t wall_us;  /* since 1970 UTC; only for people: logs, conditions, events */
};

/** The earlier of two deadlines (mono_ms); UINT64_MAX is never. */
uint64_t time_earlier(uint64_t a_ms, uint64_t b_ms);

enum {
    TIME_TEXT_BYTES = 40,
};

enum time_precision {
    TIME_SECONDS,      /* 2026-11-22T11:13:05Z            metav1.Time */
    TIME_MILLISECONDS, /* 2026-11-22T11:13:05.123Z        zap's iso8601 (with "Z" for UTC) */
    TIME_MICROSECONDS, /* 2026-11-22T11:13:05.123456Z     metav1.MicroTime */
};

/** Write @wall_us as UTC text to @out (TIME_TEXT_BYTES); returns @out. Years outside 0–9999 are
 * clamped. */
const char *time_format(char out[TIME_TEXT_BYTES], int64_t wall_us, enum time_precision precision);

/** Parse RFC 3339 (any offset, any fraction) of @len bytes to microseconds since 1970. Returns 0,
 * or ERR_PARSE with *wall_us untouched. */
int time_parse(const char *text, size_t len, int64_t *wall_us);

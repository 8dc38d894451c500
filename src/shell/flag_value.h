/*
 * Values of flags as Go programs write them, so that manifests for the Go operator keep working.
 * Each function returns false, with *out in any state, when @text is something else.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** https://pkg.go.dev/strconv#ParseBool: 1, t, T, true, True, TRUE and their opposites. */
bool flag_value_bool(const char *text, bool *out);

/** Digits only, no sign, no space, up to @max. */
bool flag_value_whole(const char *text, unsigned max, unsigned *out);

/** https://pkg.go.dev/time#ParseDuration without signs: "1h30m", "500ms", "0". A part of a
 * millisecond counts as a whole one, as 0 may mean "never". */
bool flag_value_duration_ms(const char *text, uint64_t *out_ms);

/** One of @names; *out is which. */
bool flag_value_name(const char *text, const char *const *names, size_t count, size_t *out);

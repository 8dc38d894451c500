/*
 * The highest wish of the last N seconds: what lets a size go down only after the wish was lower
 * for so long. One window for each Memcached that has scaleDownAfterSeconds; a plain value, copied
 * by assignment. sizing_decide() makes the next one of it; the operator keeps it, and resumes it.
 *
 * A wish is in force from when it is noted until another one takes its place, and counts for N
 * seconds more. So a hold ends N seconds after the higher wish did, and each of the wishes that
 * were lowered since, a peak, may have a hold of its own behind it: a staircase down.
 *
 * Memory is bounded: while there are at most SIZE_WINDOW_PEAKS_MAX peaks the window is exact.
 * Beyond, peaks that ended in the same grain of time (N/30 in whole seconds, size_window_grain())
 * become one, the higher for as long as the later. So it errs on the side of more pods, for less
 * than a grain.
 *
 * After a restart the window goes on from what the status says: the wish that was in force, and all
 * holds, not only the highest (status.sizing.wish and .holds). They are points in time on the wall,
 * in whole seconds rounded up, so no hold gets shorter; and since grains are of whole seconds too,
 * merging and restarting together still prolong none by a grain or more, however often. A wish that
 * changed while nobody looked counts up to when somebody did.
 */
#pragma once
#include "base/time_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIZE_WINDOW_PEAKS_MAX = 32 };

/** For the status: the size is not less than @size before @until_us (wall clock, whole seconds). */
struct size_hold {
    int32_t size;
    int64_t until_us;
};

/** A wish that was lowered. */
struct size_peak {
    int32_t wish;
    int64_t ended_ms; /* on the monotonic clock; may be before its zero */
    int64_t ended_us; /* on the wall clock */
};

/** Zeroed: nothing is known of the past. */
struct size_window {
    bool begun;
    int32_t wish; /* in force */
    unsigned peak_count;
    struct size_peak peaks[SIZE_WINDOW_PEAKS_MAX]; /* in the order of their ends; ever lower, all
                                                      above @wish */
};

/** Nothing is known of the past but that @wish was in force until now. */
void size_window_begin(struct size_window *w, int32_t wish);

/** Go on from what a status says: @wish was in force until now, and @count @holds are not over. A
 * hold never lasts longer than @seconds from now, whatever the status or the clock says; one that
 * does not fit the staircase is left out. */
void size_window_resume(struct size_window *w, int32_t wish, const struct size_hold *holds,
                        size_t count, int64_t seconds, struct now now);

/** @wish is in force from @now on; what has ended @seconds ago or more is forgotten. Noting an
 * unchanged wish changes nothing else. With @seconds 0 only the wish in force counts. */
void size_window_note(struct size_window *w, int32_t wish, int64_t seconds, struct now now);

/** The highest wish, of those that size_window_note() left. */
int32_t size_window_highest(const struct size_window *w);

/** How long it stays the highest from @now on if no other is noted; 0: for ever. */
uint64_t size_window_lasts_ms(const struct size_window *w, int64_t seconds, struct now now);

/** The staircase, for the status; returns how many there are. */
size_t size_window_holds(const struct size_window *w, int64_t seconds,
                         struct size_hold out[SIZE_WINDOW_PEAKS_MAX]);

/** In seconds: a hold lasts longer than it should by less than that; rounded up, @seconds / 30. */
int64_t size_window_grain(int64_t seconds);

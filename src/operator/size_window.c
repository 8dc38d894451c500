#include "operator/size_window.h"

#include <string.h>

/* One less than what has room, and one for the cell that the window's begin cuts in two. */
enum { GRAINS = SIZE_WINDOW_PEAKS_MAX - 2 };

static const int64_t SECOND_US = 1000 * 1000;

int64_t size_window_grain(int64_t seconds)
{
    return (seconds + GRAINS - 1) / GRAINS;
}

/* A status has whole seconds. */
static int64_t seconds_up(int64_t us)
{
    return us / SECOND_US + (us % SECOND_US > 0);
}

void size_window_begin(struct size_window *w, int32_t wish)
{
    *w = (struct size_window){.begun = true, .wish = wish};
}

static int64_t left_ms(const struct size_peak *peak, int64_t seconds, struct now now)
{
    return peak->ended_ms + seconds * 1000 - (int64_t)now.mono_ms;
}

static void forget_past(struct size_window *w, int64_t seconds, struct now now)
{
    unsigned past = 0;
    while (past < w->peak_count && left_ms(&w->peaks[past], seconds, now) <= 0) {
        past++;
    }
    w->peak_count -= past;
    memmove(w->peaks, w->peaks + past, w->peak_count * sizeof *w->peaks);
}

/* Counted on the wall clock and as a status has it, so that a restart merges along the same lines.
 */
static int64_t grain_of(const struct size_peak *peak, int64_t grain)
{
    return seconds_up(peak->ended_us) / grain;
}

/* The peak and the one behind it become one. */
static void merge(struct size_window *w, unsigned i)
{
    w->peaks[i + 1].wish = w->peaks[i].wish;
    w->peak_count--;
    memmove(&w->peaks[i], &w->peaks[i + 1], (w->peak_count - i) * sizeof *w->peaks);
}

static void make_room(struct size_window *w, int64_t seconds)
{
    int64_t grain = size_window_grain(seconds);
    for (unsigned i = 0; i + 1 < w->peak_count;) {
        if (grain_of(&w->peaks[i], grain) == grain_of(&w->peaks[i + 1], grain)) {
            merge(w, i);
        } else {
            i++;
        }
    }
    if (w->peak_count == SIZE_WINDOW_PEAKS_MAX) {
        merge(w, 0); /* the wall clock was turned */
    }
}

void size_window_note(struct size_window *w, int32_t wish, int64_t seconds, struct now now)
{
    if (!w->begun) {
        size_window_begin(w, wish);
    }
    forget_past(w, seconds, now);
    if (wish < w->wish && seconds > 0) {
        if (w->peak_count == SIZE_WINDOW_PEAKS_MAX) {
            make_room(w, seconds);
        }
        w->peaks[w->peak_count++] = (struct size_peak){
            .wish = w->wish, .ended_ms = (int64_t)now.mono_ms, .ended_us = now.wall_us};
    }
    while (w->peak_count > 0 && w->peaks[w->peak_count - 1].wish <= wish) {
        w->peak_count--;
    }
    w->wish = wish;
}

void size_window_resume(struct size_window *w, int32_t wish, const struct size_hold *holds,
                        size_t count, int64_t seconds, struct now now)
{
    size_window_begin(w, wish);
    int64_t span_us = seconds * SECOND_US;
    for (size_t i = 0; i < count && w->peak_count < SIZE_WINDOW_PEAKS_MAX; i++) {
        if (holds[i].until_us <= now.wall_us || holds[i].size <= wish) {
            continue;
        }
        int64_t left_us = holds[i].until_us - now.wall_us;
        left_us = left_us < span_us ? left_us : span_us;
        struct size_peak peak = {.wish = holds[i].size,
                                 .ended_us = now.wall_us + left_us - span_us,
                                 .ended_ms = (int64_t)now.mono_ms + (left_us + 999) / 1000 -
                                             seconds * 1000};
        const struct size_peak *last = w->peak_count > 0 ? &w->peaks[w->peak_count - 1] : NULL;
        if (last == NULL || (peak.wish < last->wish && peak.ended_ms >= last->ended_ms)) {
            w->peaks[w->peak_count++] = peak;
        }
    }
}

int32_t size_window_highest(const struct size_window *w)
{
    return w->peak_count > 0 ? w->peaks[0].wish : w->wish;
}

uint64_t size_window_lasts_ms(const struct size_window *w, int64_t seconds, struct now now)
{
    int64_t ms = w->peak_count > 0 ? left_ms(&w->peaks[0], seconds, now) : 0;
    return ms > 0 ? (uint64_t)ms : 0;
}

size_t size_window_holds(const struct size_window *w, int64_t seconds,
                         struct size_hold out[SIZE_WINDOW_PEAKS_MAX])
{
    for (unsigned i = 0; i < w->peak_count; i++) {
        out[i] = (struct size_hold){.size = w->peaks[i].wish,
                                    .until_us =
                                        (seconds_up(w->peaks[i].ended_us) + seconds) * SECOND_US};
    }
    return w->peak_count;
}

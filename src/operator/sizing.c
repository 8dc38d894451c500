#include "operator/sizing_parts.h"

/* ---- Arithmetic ---- */

/* sum × memcached ÷ per, rounded, at most INT32_MAX. */
static int32_t scale(const struct size_from *f, int64_t sum)
{
    int64_t product;
    if (__builtin_mul_overflow(sum, (int64_t)f->ratio_memcached, &product)) {
        return INT32_MAX; /* ÷ per, which is less than 2³¹, would still be more than that */
    }
    int64_t whole = product / f->ratio_per;
    int64_t rest = product % f->ratio_per;
    bool up = (f->rounding == SIZE_ROUNDING_UP && rest > 0) ||
              (f->rounding == SIZE_ROUNDING_NEAREST && rest >= f->ratio_per - rest);
    whole += up;
    return whole < INT32_MAX ? (int32_t)whole : INT32_MAX;
}

static int32_t larger(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static int32_t smaller(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

int32_t sizing_clamp(const struct size_from *f, int32_t scaled)
{
    return smaller(larger(scaled, f->min), f->max);
}

/* What those ask for that are there, and what ifMissing adds where not all are. */
static void wish(const struct sizing_view *view, const struct size_from *f, struct sizing *s)
{
    s->scaled = scale(f, s->sum);
    s->wish = sizing_clamp(f, s->scaled);
    s->has_wish = true;
    if (s->reason != SIZING_SOURCE_MISSING) {
        return;
    }
    if (f->if_missing == SIZE_IF_MISSING_KEEP) {
        s->has_wish = s->counting > 0 && s->wish >= view->memcached->size;
    } else if (f->if_missing == SIZE_IF_MISSING_FALLBACK) {
        s->wish = larger(s->wish, f->fallback);
    }
}

/* ---- Not all at once ---- */

static bool is_carried_out(const struct deployment *d, int32_t size, bool up)
{
    return d != NULL && d->replicas == size && d->observed_generation >= d->object.generation &&
           d->current_replicas == size && (!up || d->ready_replicas >= size);
}

/* What a step is counted from: the nearer to @goal of spec.size and what our Deployment has, so
 * that a size that was changed by hand need not be walked back to. If @goal is between them, one
 * of them was: spec.size is what counts. */
static int32_t step_base(const struct sizing_view *view, int32_t goal)
{
    int32_t size = view->memcached->size;
    int32_t has = view->operand != NULL ? view->operand->replicas : REPLICAS_INVALID;
    if (has == REPLICAS_INVALID) {
        return size;
    }
    if (size <= goal && has <= goal) {
        return larger(size, has);
    }
    return size >= goal && has >= goal ? smaller(size, has) : size;
}

static int32_t step(const struct sizing_view *view, const struct size_from *f, int32_t goal)
{
    if (view->memcached->size == REPLICAS_INVALID) {
        return goal;
    }
    int32_t base = step_base(view, goal);
    bool up = goal > base;
    int32_t limit = up ? f->step_up : f->step_down;
    int32_t way = up ? goal - base : base - goal;
    if (limit == 0 || way == 0) {
        return goal;
    }
    if (!is_carried_out(view->operand, base, up)) {
        return base;
    }
    return way <= limit ? goal : up ? base + limit : base - limit;
}

/* ---- Time ---- */

/* From the wish to the size. */
static void follow(const struct sizing_view *view, const struct size_from *f, struct now now,
                   struct sizing *s)
{
    int32_t size = view->memcached->size;
    if (!s->window.begun) {
        size_window_begin(&s->window, size);
    }
    size_window_note(&s->window, s->wish, f->scale_down_after_s, now);
    s->held = larger(smaller(size_window_highest(&s->window), f->max), s->wish);
    s->goal = f->mode == SIZE_MODE_SCALE_UP_ONLY ? larger(s->held, size) : s->held;
    s->size = step(view, f, s->goal);
}

/* Nothing is wished: the size is what was wished so far, whoever changes it meanwhile. */
static void rest(const struct sizing_view *view, struct sizing *s)
{
    s->window = (struct size_window){0};
    if (view->memcached->size != REPLICAS_INVALID) {
        size_window_begin(&s->window, view->memcached->size);
    }
}

static void show_holds(const struct size_from *f, struct now now, struct sizing *s)
{
    int64_t seconds = f->scale_down_after_s;
    if (!s->window.begun) {
        return;
    }
    size_window_note(&s->window, s->window.wish, seconds, now); /* what is past goes */
    s->hold_count = size_window_holds(&s->window, seconds, s->holds);
    s->again_ms = size_window_lasts_ms(&s->window, seconds, now);
}

/* ---- Deciding ---- */

static bool some_source_is(const struct sizing_view *view, const struct size_from *f,
                           enum source_state state)
{
    for (size_t i = 0; i < f->source_count; i++) {
        if (sizing_source_at(view, i).state == state) {
            return true;
        }
    }
    return false;
}

/* IN_SYNC: all of them count. */
static enum sizing_reason look_at_sources(const struct sizing_view *view, const struct size_from *f,
                                          const struct sizing *s)
{
    if (f->source_count == 0) {
        return s->counting > 0 ? SIZING_IN_SYNC : SIZING_NOBODY;
    }
    if (some_source_is(view, f, SOURCE_LOOP)) {
        return SIZING_LOOP;
    }
    if (some_source_is(view, f, SOURCE_NO_SCALE)) {
        return SIZING_INVALID_SPEC;
    }
    if (some_source_is(view, f, SOURCE_UNREADABLE)) {
        return SIZING_SOURCE_MISSING;
    }
    if (some_source_is(view, f, SOURCE_UNKNOWN)) {
        return SIZING_UNKNOWN;
    }
    return s->counting == f->source_count ? SIZING_IN_SYNC : SIZING_SOURCE_MISSING;
}

static bool is_paused(const struct sizing_view *view, const struct size_from *f)
{
    return f->paused || view->memcached->paused == PAUSED_YES;
}

/* What there is to say in the end. A pause is meant: it hides what only the time of it brings. */
static enum sizing_reason verdict(const struct sizing_view *view, const struct size_from *f,
                                  const struct sizing *s)
{
    bool is_of_now = s->reason != SIZING_LOOP && s->reason != SIZING_INVALID_SPEC &&
                     s->reason != SIZING_NOBODY && s->reason != SIZING_UNKNOWN;
    if (is_paused(view, f) && is_of_now) {
        return SIZING_PAUSED;
    }
    if (s->reason != SIZING_IN_SYNC) {
        return s->reason;
    }
    if (f->mode == SIZE_MODE_OBSERVE) {
        return SIZING_OBSERVING;
    }
    return s->size == s->wish ? SIZING_IN_SYNC : SIZING_HOLDING;
}

struct sizing sizing_decide(const struct sizing_view *view, struct now now, struct arena *arena)
{
    const struct size_from *f = sizing_rules(view);
    struct sizing s = {.source = "", .size = view->memcached->size};
    if (view->window != NULL) {
        s.window = *view->window;
    }
    if (f->fault != NULL || view->memcached->paused == PAUSED_UNCLEAR) {
        s.reason = SIZING_INVALID_SPEC;
        rest(view, &s);
        s.message = sizing_message(view, &s, arena);
        return s;
    }
    sizing_gather(view, &s, arena);
    s.reason = look_at_sources(view, f, &s);
    bool is_known = !some_source_is(view, f, SOURCE_UNREADABLE);
    if (is_known && (s.reason == SIZING_IN_SYNC || s.reason == SIZING_SOURCE_MISSING)) {
        wish(view, f, &s);
    }
    if (s.has_wish) {
        follow(view, f, now, &s);
    } else if (s.reason != SIZING_UNKNOWN) {
        rest(view, &s);
    }
    show_holds(f, now, &s);
    s.has_target = s.has_wish && !is_paused(view, f) && f->mode != SIZE_MODE_OBSERVE;
    s.target = s.has_target ? s.size : 0;
    s.reason = verdict(view, f, &s);
    s.message = sizing_message(view, &s, arena);
    return s;
}

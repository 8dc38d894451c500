/*
 * Property: whatever the sources do over time, and however often the operator restarts, the size
 * that is written is that of a reference function of ten lines, which looks through the whole
 * history. It is written apart from the code: no window, no 64 bit tricks, no order of cases.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "base/random.h"
#include "operator/sizing.h"

#include <string.h>

enum { MOMENTS = 120, SOURCES_MAX = 4, ABSENT = -1 };

static const int64_t NOW_US = INT64_C(1767225600000000);

__extension__ typedef __int128 wide;

/* ---- The reference ---- */

struct past {
    uint64_t from_s;
    int64_t wish;
};

/* What is wished; ABSENT where nothing is. */
static int64_t reference_wish(const struct size_from *f, const int32_t *replicas, int64_t size)
{
    wide all = 0;
    size_t missing = 0;
    for (size_t i = 0; i < f->source_count; i++) {
        wide n = replicas[i] == ABSENT ? 0 : replicas[i];
        missing += replicas[i] == ABSENT;
        all = f->aggregate == SIZE_AGGREGATE_SUM ? all + n : n > all ? n : all;
    }
    wide tenths = all * f->ratio_memcached * 10 / f->ratio_per;
    bool is_whole = all * f->ratio_memcached % f->ratio_per == 0;
    bool up = (f->rounding == SIZE_ROUNDING_UP && !is_whole) ||
              (f->rounding == SIZE_ROUNDING_NEAREST && tenths % 10 >= 5);
    wide asked = tenths / 10 + (up ? 1 : 0);
    asked = asked > f->max ? f->max : asked < f->min ? f->min : asked;
    if (missing > 0 && f->if_missing == SIZE_IF_MISSING_KEEP) {
        return missing < f->source_count && asked >= size ? (int64_t)asked : ABSENT;
    }
    return missing > 0 && asked < f->fallback ? f->fallback : (int64_t)asked;
}

/* The size, where all steps so far were carried out. */
static int64_t reference_size(const struct size_from *f, const struct past *past, size_t count,
                              uint64_t now_s, int64_t size)
{
    int64_t goal = past[count - 1].wish;
    for (size_t i = 0; i + 1 < count; i++) {
        bool counts = past[i + 1].from_s + (uint64_t)f->scale_down_after_s > now_s;
        goal = counts && past[i].wish > goal ? past[i].wish : goal;
    }
    goal = goal > f->max && past[count - 1].wish <= f->max ? f->max : goal;
    goal = f->mode == SIZE_MODE_SCALE_UP_ONLY && goal < size ? size : goal;
    int64_t up = f->step_up > 0 ? f->step_up : INT32_MAX;
    int64_t down = f->step_down > 0 ? f->step_down : INT32_MAX;
    return goal > size + up ? size + up : goal < size - down ? size - down : goal;
}

/* ---- A random world ---- */

struct world {
    struct random r;
    struct size_from rules;
    struct size_source sources[SOURCES_MAX];
    int32_t replicas[SOURCES_MAX];
    struct memcached memcached;
    struct deployment operand;
    struct size_window window;
    struct past past[MOMENTS + 2];
    size_t past_count;
    uint64_t now_s;
    uint64_t boot_ms; /* where the monotonic clock began */
    struct arena arena;
};

static int32_t below(struct world *w, uint64_t bound)
{
    return (int32_t)random_below(&w->r, bound);
}

/* Small numbers mostly, sometimes the largest. */
static int32_t any_count(struct world *w)
{
    return below(w, 12) == 0 ? INT32_MAX - below(w, 3) : below(w, 40);
}

static int32_t any_ratio(struct world *w)
{
    return below(w, 8) == 0 ? INT32_MAX - below(w, 3) : 1 + below(w, 9);
}

static void choose_rules(struct world *w)
{
    struct size_from *f = &w->rules;
    *f = size_from_default;
    f->sources = w->sources;
    f->source_count = 1 + (size_t)below(w, SOURCES_MAX);
    f->aggregate = (enum size_aggregate)below(w, 2);
    f->ratio_memcached = below(w, 2) ? any_ratio(w) : 1;
    f->ratio_per = below(w, 2) ? any_ratio(w) : 1;
    f->rounding = (enum size_rounding)below(w, 3);
    f->min = below(w, 2) ? below(w, 5) : 0;
    f->max = below(w, 2) ? f->min + below(w, 30) : INT32_MAX;
    f->mode = below(w, 4) == 0 ? SIZE_MODE_SCALE_UP_ONLY : SIZE_MODE_ENFORCE;
    if (f->mode == SIZE_MODE_ENFORCE) {
        f->scale_down_after_s = below(w, 3) ? below(w, 400) : 0;
        f->step_down = below(w, 2) ? below(w, 6) : 0;
    }
    f->step_up = below(w, 2) ? below(w, 6) : 0;
    f->if_missing = (enum size_if_missing)below(w, 3);
    if (f->if_missing == SIZE_IF_MISSING_FALLBACK) {
        int32_t room = f->max - f->min;
        f->fallback = f->min + below(w, (uint64_t)(room < 20 ? room : 20) + 1);
    }
}

static void world_init(struct world *w, uint64_t seed)
{
    static const char *const names[SOURCES_MAX] = {"a", "b", "c", "d"};
    *w = (struct world){0};
    random_init(&w->r, seed);
    for (size_t i = 0; i < SOURCES_MAX; i++) {
        w->sources[i] = (struct size_source){"apps/v1", "Deployment", names[i]};
        w->replicas[i] = any_count(w);
    }
    choose_rules(w);
    w->memcached = (struct memcached){
        .object = {.ns = "default", .name = "cache"}, .size = any_count(w), .size_from = &w->rules};
    w->past[w->past_count++] = (struct past){.wish = w->memcached.size};
}

static void pods_follow(struct world *w)
{
    int32_t size = w->memcached.size;
    w->operand =
        (struct deployment){.replicas = size, .current_replicas = size, .ready_replicas = size};
}

static struct now world_now(const struct world *w)
{
    return (struct now){.mono_ms = w->boot_ms + w->now_s * 1000,
                        .wall_us = NOW_US + (int64_t)w->now_s * 1000000};
}

static void something_changes(struct world *w)
{
    size_t i = (size_t)below(w, w->rules.source_count);
    w->replicas[i] = below(w, 6) == 0 ? ABSENT : any_count(w);
}

/* What the operator does: look, decide, remember. */
static struct sizing world_decide(struct world *w)
{
    struct sizing_source known[SOURCES_MAX] = {0};
    for (size_t i = 0; i < w->rules.source_count; i++) {
        known[i] = w->replicas[i] == ABSENT
                       ? (struct sizing_source){.state = SOURCE_MISSING}
                       : (struct sizing_source){.state = SOURCE_FOUND, .replicas = w->replicas[i]};
    }
    struct sizing_view view = {
        .memcached = &w->memcached, .sources = known, .window = &w->window, .operand = &w->operand};
    struct sizing s = sizing_decide(&view, world_now(w), &w->arena);
    w->window = s.window;
    return s;
}

/* The operator stops, and begins again elsewhere from what the status says. */
static void restart(struct world *w, const struct sizing *s)
{
    w->boot_ms = random_below(&w->r, 1000000);
    w->window = (struct size_window){0};
    if (s->window.begun) {
        size_window_resume(&w->window, s->window.wish, s->holds, s->hold_count,
                           w->rules.scale_down_after_s, world_now(w));
    }
}

static void expect(struct world *w, const struct sizing *s)
{
    int64_t wish = reference_wish(&w->rules, w->replicas, w->memcached.size);
    assert_int_equal(s->has_wish, wish != ABSENT);
    if (wish == ABSENT) { /* the size is what counts from now on */
        assert_false(s->has_target);
        w->past[0] = (struct past){.from_s = w->now_s, .wish = w->memcached.size};
        w->past_count = 1;
        return;
    }
    w->past[w->past_count++] = (struct past){.from_s = w->now_s, .wish = wish};
    assert_int_equal(s->wish, wish);
    assert_true(s->has_target);
    assert_int_equal(
        s->target, reference_size(&w->rules, w->past, w->past_count, w->now_s, w->memcached.size));
    w->memcached.size = s->target;
}

/* Moments are so far apart that there is room for all peaks: then the window is exact. */
static void live(uint64_t seed, bool restarts)
{
    static struct world w;
    world_init(&w, seed);
    for (int i = 0; i < MOMENTS; i++) {
        pods_follow(&w);
        struct sizing s = world_decide(&w);
        expect(&w, &s);
        w.now_s += 1 + (uint64_t)w.rules.scale_down_after_s / 30 +
                   random_below(&w.r, 1 + (uint64_t)w.rules.scale_down_after_s / 5);
        if (restarts && below(&w, 10) == 0) {
            restart(&w, &s);
        }
        if (below(&w, 3) > 0) {
            something_changes(&w);
        }
        arena_reset(&w.arena);
    }
    arena_fini(&w.arena);
}

static void the_size_is_the_references(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        live(seed, false);
    }
}

static void also_over_restarts(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        live(seed, true);
    }
}

/* ---- Other properties of the same worlds ---- */

/* Deciding again at once, with what was written: nothing more is written, unless a step follows. */
static void what_is_decided_stays_decided(void **state)
{
    (void)state;
    static struct world w;
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        world_init(&w, seed);
        struct sizing s = {0};
        size_t writes = 0;
        do {
            pods_follow(&w);
            s = world_decide(&w);
            writes += s.has_target && s.target != w.memcached.size;
            assert_true(writes <= 100 || w.rules.step_up > 0 || w.rules.step_down > 0);
            if (!s.has_target || s.target == w.memcached.size || writes > 1000) {
                break;
            }
            w.memcached.size = s.target;
        } while (true);
        assert_true(writes <= 1 || w.rules.step_up > 0 || w.rules.step_down > 0);
        assert_int_equal(s.has_target && writes <= 1000 ? s.size : s.goal, s.goal);
        arena_fini(&w.arena);
    }
}

/* Nothing is due before again_ms: until then every moment gives the same. */
static void nothing_happens_before_it_is_due(void **state)
{
    (void)state;
    static struct world w;
    unsigned holds = 0;
    for (uint64_t seed = 1; seed <= 500; seed++) {
        world_init(&w, seed);
        w.rules.step_up = w.rules.step_down = 0;
        pods_follow(&w);
        struct sizing s = world_decide(&w);
        something_changes(&w);
        s = world_decide(&w);
        if (s.reason == SIZING_HOLDING && s.again_ms > 1000) {
            w.memcached.size = s.target;
            w.now_s += (s.again_ms - 1) / 1000;
            assert_int_equal(world_decide(&w).target, s.target);
            w.now_s += 1;
            struct sizing due = world_decide(&w);
            bool is_cut = s.window.peaks[0].wish > w.rules.max; /* the size that was there first */
            assert_true(due.target < s.target || (is_cut && due.target == s.target));
            holds++;
        }
        arena_fini(&w.arena);
    }
    assert_true(holds > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_size_is_the_references),
        cmocka_unit_test(also_over_restarts),
        cmocka_unit_test(what_is_decided_stays_decided),
        cmocka_unit_test(nothing_happens_before_it_is_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

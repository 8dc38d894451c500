/*
 * A spec.sizeFrom, and what follows from it over some moments. The second part is those moments:
 * each byte is what a source does next, or how much time goes by. The third is a status.sizing.
 */
#include "base/arena.h"
#include "base/mem.h"
#include "fuzz/fuzz.h"
#include "kube/name.h"
#include "operator/sizing_status.h"

#include <string.h>

enum { MOMENTS_MAX = 200, CLAIMANTS = 3 };

static void check_rules(const struct size_from *f)
{
    assert(f->source_count <= SIZE_FROM_SOURCES_MAX);
    for (size_t i = 0; i < f->source_count; i++) {
        assert(name_is_valid(f->sources[i].name) && f->sources[i].kind[0] != '\0');
        assert(strpbrk(f->sources[i].kind, "/%?#.") == NULL);
        for (size_t j = 0; j < i; j++) {
            assert(!size_source_is_same(&f->sources[i], &f->sources[j]));
        }
    }
    assert(f->min >= 0 && f->min <= f->max);
    assert(f->ratio_memcached >= 1 && f->ratio_per >= 1);
    assert(f->step_up >= 0 && f->step_down >= 0);
    assert(f->scale_down_after_s >= 0 && f->scale_down_after_s <= SIZE_FROM_SECONDS_MAX);
    assert(f->if_missing != SIZE_IF_MISSING_FALLBACK ||
           (f->min <= f->fallback && f->fallback <= f->max));
    assert(f->if_missing == SIZE_IF_MISSING_KEEP || f->source_count > 0);
}

/* What the world is like, and what was decided. */
struct world {
    struct arena arena;
    struct memcached memcached;
    struct sizing_source sources[SIZE_FROM_SOURCES_MAX];
    struct deployment claimants[CLAIMANTS];
    const struct object *claimant_list[CLAIMANTS];
    struct deployment operand;
    struct size_window window;
    struct now now;
};

static void world_init(struct world *w, const struct size_from *f)
{
    static const char *const names[CLAIMANTS] = {"api", "other", "web"};
    *w = (struct world){.now = {.mono_ms = 1000, .wall_us = 1767225600000000}};
    w->memcached =
        (struct memcached){.object = {.ns = "default", .name = "cache"}, .size = 3, .size_from = f};
    for (size_t i = 0; i < CLAIMANTS; i++) {
        w->claimants[i] = (struct deployment){.object = {.ns = "default", .name = names[i]},
                                              .claim = "cache",
                                              .replicas = (int32_t)i};
        w->claimant_list[i] = &w->claimants[i].object;
    }
}

static void step_world(struct world *w, uint8_t choice)
{
    size_t at = choice / 16;
    enum source_state state = (enum source_state)(choice % 16);
    if (state <= SOURCE_LOOP) {
        w->sources[at] = (struct sizing_source){
            .state = state, .replicas = at % 3 == 0 ? INT32_MAX : (int32_t)at * 5 - 1};
        w->claimants[at % CLAIMANTS].replicas = (int32_t)at * 7 - 1;
    } else {
        w->now.mono_ms += (uint64_t)choice * choice * 10;
        w->now.wall_us += (int64_t)choice * choice * 10000;
        w->operand = (struct deployment){.replicas = w->memcached.size,
                                         .current_replicas = w->memcached.size,
                                         .ready_replicas = w->memcached.size};
    }
}

static void check_decision(const struct sizing_view *view, const struct sizing *s,
                           struct arena *arena)
{
    const struct size_from *f = view->memcached->size_from;
    const char *line = sizing_explain(view, s, arena);
    assert((line[0] != '\0') == s->has_wish);
    assert(s->reason == SIZING_NOBODY ? s->message[0] == '\0' : is_printable(s->message));
    assert(!s->has_target || (s->has_wish && s->target == s->size && s->target >= 0));
    assert(!s->has_wish || (f->min <= s->wish && s->wish <= f->max && s->wish <= s->held));
    assert(s->counting <= s->claimant_count);
    if (f->fault != NULL || f->paused || f->mode == SIZE_MODE_OBSERVE) {
        assert(!s->has_target);
    }
    if (f->mode == SIZE_MODE_SCALE_UP_ONLY && s->has_target) {
        assert(s->target >= view->memcached->size);
    }
}

static char *text_of(const struct sizing_status *status)
{
    struct buf text;
    struct json_writer w;
    buf_init(&text, 1 << 24);
    json_writer_init(&w, &text, false);
    sizing_status_write(&w, status);
    return buf_take(&text);
}

/* Written and read again it says the same. */
static struct sizing_status read_back(const struct sizing_status *status, struct arena *arena)
{
    struct sizing_status again;
    char *text = text_of(status);
    yyjson_doc *doc = parse((struct part){text, strlen(text)});
    assert(doc != NULL);
    sizing_status_read(arena, yyjson_doc_get_root(doc), &again);
    char *text_again = text_of(&again);
    assert(strcmp(text, text_again) == 0);
    yyjson_doc_free(doc);
    mem_free(text_again);
    mem_free(text);
    return again;
}

/* An operator that starts now, and knows only the status, decides the same. */
static void restart(const struct world *w, struct sizing_view view, const struct sizing *s,
                    struct arena *arena)
{
    struct sizing_status none = {0}, status = sizing_status_of(s, &none, w->now, arena);
    status = read_back(&status, arena);
    struct size_window window;
    sizing_status_resume(&status, w->memcached.size_from, w->now, &window);
    view.window = &window;
    struct sizing again = sizing_decide(&view, w->now, arena);
    if (s->reason != SIZING_UNKNOWN) {
        assert(again.has_target == s->has_target && again.target == s->target);
        assert(again.held == s->held && again.hold_count == s->hold_count);
    }
}

static void decide(struct world *w)
{
    struct sizing_view view = {.memcached = &w->memcached,
                               .claimants = w->claimant_list,
                               .claimant_count = CLAIMANTS,
                               .sources = w->sources,
                               .window = &w->window,
                               .operand = &w->operand};
    struct sizing s = sizing_decide(&view, w->now, &w->arena);
    check_decision(&view, &s, &w->arena);
    w->window = s.window;
    struct sizing again = sizing_decide(&view, w->now, &w->arena);
    assert(again.has_target == s.has_target && again.target == s.target);
    assert(again.reason == s.reason && strcmp(again.message, s.message) == 0);
    assert(again.again_ms == s.again_ms && again.hold_count == s.hold_count);
    restart(w, view, &s, &w->arena);
    if (s.has_target) {
        w->memcached.size = s.target;
    }
}

static void live(const struct size_from *f, struct part moments)
{
    static struct world w;
    world_init(&w, f);
    for (size_t i = 0; i < moments.len && i < MOMENTS_MAX; i++) {
        step_world(&w, (uint8_t)moments.bytes[i]);
        decide(&w);
        arena_reset(&w.arena);
    }
    arena_fini(&w.arena);
}

static void check_status(const struct size_from *f, struct part json)
{
    CLEANUP(arena_fini) struct arena arena = {0};
    struct sizing_status status;
    struct size_window window;
    struct now now = {.mono_ms = 1000, .wall_us = 1767225600000000};
    yyjson_doc *doc = parse(json);
    sizing_status_read(&arena, yyjson_doc_get_root(doc), &status);
    yyjson_doc_free(doc);
    status = read_back(&status, &arena);
    sizing_status_resume(&status, f, now, &window);
    int64_t seconds = f != NULL ? f->scale_down_after_s : 0;
    assert(!window.begun || size_window_highest(&window) >= status.wish);
    assert(size_window_lasts_ms(&window, seconds, now) <= (uint64_t)seconds * 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_fini) struct arena arena = {0};
    struct input in = input_of(data, size);
    struct part json, moments, status;
    input_next(&in, &json);
    input_next(&in, &moments);
    input_next(&in, &status);
    yyjson_doc *doc = parse(json);
    const struct size_from *f = size_from_read(&arena, yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
    check_status(f, status);
    if (f != NULL) {
        struct object_packer p;
        struct object *o = object_alloc(sizeof *o, size_from_bytes(f), &p);
        const struct size_from *packed = size_from_pack(&p, f);
        assert((packed->fault != NULL) == (f->fault != NULL));
        if (packed->fault == NULL) {
            check_rules(packed);
        } else {
            assert(is_printable(packed->fault) && packed->source_count == 0);
        }
        live(packed, moments);
        object_free(o);
    }
    return 0;
}

/*
 * What a Memcached's size shall be: one table for each rule, with the arithmetic in one line.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "lib/objects.h"
#include "operator/sizing.h"

#include <stdio.h>
#include <string.h>

#define WEB  "{'kind':'Deployment','name':'web'}"
#define API  "{'kind':'StatefulSet','name':'api'}"
#define ONE  "'sources':[" WEB "]"
#define BOTH "'sources':[" WEB "," API "]"

enum { NONE = -1, MANY = 2000 };
static const int64_t NOW_US = INT64_C(1767225600000000);

static struct now at(uint64_t ms)
{
    return (struct now){.mono_ms = ms, .wall_us = NOW_US + (int64_t)ms * 1000};
}

/* ---- A scene: a Memcached, its sources, those who claim it, its Deployment ---- */

struct scene {
    struct memcached *memcached;
    struct sizing_source sources[SIZE_FROM_SOURCES_MAX];
    struct object *claimants[MANY];
    size_t claimant_count;
    struct size_window window;
    struct deployment operand;
    bool has_operand;
    struct arena arena;
};

/* @size_from in single quotes; NULL: without. */
static void scene_init(struct scene *s, int size, const char *size_from)
{
    *s = (struct scene){0};
    s->memcached = (struct memcached *)object_from(
        &memcached_kind,
        "{'metadata':{'namespace':'default','name':'cache','uid':'u','resourceVersion':'1'},"
        "'spec':{'size':%d,'sizeFrom':%s}}",
        size, size_from != NULL ? size_from : "null");
}

static void scene_fini(struct scene *s)
{
    object_free(&s->memcached->object);
    for (size_t i = 0; i < s->claimant_count; i++) {
        object_free(s->claimants[i]);
    }
    arena_fini(&s->arena);
}

static void scene_found(struct scene *s, size_t source, int32_t replicas)
{
    s->sources[source] = (struct sizing_source){.state = SOURCE_FOUND, .replicas = replicas};
}

static void scene_source(struct scene *s, size_t source, enum source_state state,
                         const char *detail)
{
    s->sources[source] = (struct sizing_source){.state = state, .detail = detail};
}

/* Younger than those before. */
static struct deployment *scene_claim(struct scene *s, const char *name, int32_t replicas)
{
    struct deployment *d = make_source(name, "cache", 0, (int)s->claimant_count);
    d->replicas = replicas;
    s->claimants[s->claimant_count++] = &d->object;
    return d;
}

/* Our Deployment, with so many replicas, and so many of them ready. */
static void scene_operand(struct scene *s, int32_t replicas, int32_t ready)
{
    s->has_operand = true;
    s->operand = (struct deployment){
        .replicas = replicas, .current_replicas = replicas, .ready_replicas = ready};
}

static struct sizing_view view_of(const struct scene *s)
{
    return (struct sizing_view){.memcached = s->memcached,
                                .claimants = (const struct object *const *)s->claimants,
                                .claimant_count = s->claimant_count,
                                .sources = s->sources,
                                .window = &s->window,
                                .operand = s->has_operand ? &s->operand : NULL};
}

/* Decide, keep the window, and do what was decided. */
static struct sizing decide(struct scene *s, uint64_t ms)
{
    struct sizing_view view = view_of(s);
    struct sizing sizing = sizing_decide(&view, at(ms), &s->arena);
    s->window = sizing.window;
    return sizing;
}

static int32_t target_of(const struct sizing *sizing)
{
    return sizing->has_target ? sizing->target : NONE;
}

static const char *explain(struct scene *s, const struct sizing *sizing)
{
    struct sizing_view view = view_of(s);
    return sizing_explain(&view, sizing, &s->arena);
}

static void check(struct scene *s, enum sizing_reason reason, const char *source, int32_t target,
                  const char *message, const char *line)
{
    struct sizing sizing = decide(s, 0);
    assert_string_equal(sizing.message, message);
    assert_int_equal(sizing.reason, reason);
    assert_string_equal(sizing.source, source);
    assert_int_equal(target_of(&sizing), target);
    assert_string_equal(explain(s, &sizing), line);
    scene_fini(s);
}

/* ---- Labels ---- */

static void without_size_from_the_oldest_decides(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, 3, NULL);
    check(&s, SIZING_NOBODY, "", NONE, "", "");
    scene_init(&s, 3, NULL);
    scene_claim(&s, "web", 5);
    scene_claim(&s, "api", 2);
    check(&s, SIZING_IN_SYNC, "Deployment/web", 5, "size follows Deployment/web", "web 5");
    scene_init(&s, 3, NULL);
    scene_claim(&s, "web", 0);
    check(&s, SIZING_IN_SYNC, "Deployment/web", 0, "size follows Deployment/web", "web 0");
    scene_init(&s, REPLICAS_INVALID, NULL);
    scene_claim(&s, "web", 7);
    check(&s, SIZING_IN_SYNC, "Deployment/web", 7, "size follows Deployment/web", "web 7");
}

static void labels_count_as_claims_says(void **state)
{
    (void)state;
    static const struct {
        const char *size_from, *source, *message, *line;
        enum sizing_reason reason;
        int32_t target;
    } table[] = {
        {"{}", "Deployment/b", "size follows Deployment/b", "b 5", SIZING_IN_SYNC, 5},
        {"{'claims':'Oldest','max':4}", "Deployment/b", "size follows Deployment/b",
         "b 5 → at most 4 = 4", SIZING_IN_SYNC, 4},
        {"{'claims':'Max'}", "Max of 3 Deployments", "size follows Max of 3 Deployments",
         "max(b 5, a 9, c 1) = 9", SIZING_IN_SYNC, 9},
        {"{'claims':'Sum'}", "Sum of 3 Deployments", "size follows Sum of 3 Deployments",
         "b 5 + a 9 + c 1 = 15", SIZING_IN_SYNC, 15},
        {"{'claims':'Ignore'}", "", "", "", SIZING_NOBODY, NONE},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct scene s;
        scene_init(&s, 3, table[i].size_from);
        scene_claim(&s, "b", 5);
        scene_claim(&s, "a", 9);
        scene_claim(&s, "c", 1);
        check(&s, table[i].reason, table[i].source, table[i].target, table[i].message,
              table[i].line);
    }
    struct scene s;
    scene_init(&s, 3, "{'claims':'Sum','min':7}");
    scene_claim(&s, "web", 5);
    check(&s, SIZING_IN_SYNC, "Deployment/web", 7, "size follows Deployment/web",
          "web 5 → at least 7 = 7");
    scene_init(&s, 3, "{'claims':'Sum','min':7}"); /* limits alone decide nothing */
    check(&s, SIZING_NOBODY, "", NONE, "", "");
}

/* By name, the reason why each does not count; those that do come first. */
static void who_is_ignored_and_why(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, 3, NULL);
    scene_claim(&s, "going", 9)->object.deleting = true;
    scene_claim(&s, "own", 9)->object.controller =
        (struct owner){MEMCACHED_API_VERSION, "Memcached", "cache", "u"};
    scene_claim(&s, "broken", REPLICAS_INVALID);
    scene_claim(&s, "bad", 9)->claim = "Not_A_Name";
    scene_claim(&s, "web", 4);
    scene_claim(&s, "young", 9);
    static const struct {
        const char *name;
        enum sizing_ignored ignored;
    } expected[] = {{"web", SIZING_COUNTS},   {"going", SIZING_TERMINATING},
                    {"own", SIZING_OWN},      {"broken", SIZING_BAD_REPLICAS},
                    {"bad", SIZING_BAD_NAME}, {"young", SIZING_YOUNGER}};
    struct sizing sizing = decide(&s, 0);
    assert_int_equal(sizing.claimant_count, ARRAY_LEN(expected));
    assert_int_equal(sizing.counting, 1);
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        assert_string_equal(sizing.claimants[i].name, expected[i].name);
        assert_int_equal(sizing.claimants[i].ignored, expected[i].ignored);
        assert_string_equal(sizing.claimants[i].kind, "Deployment");
        assert_non_null(sizing.claimants[i].labelled);
        assert_true((sizing_ignored_text(expected[i].ignored) == NULL) == (i == 0));
    }
    assert_int_equal(sizing.target, 4);
    scene_fini(&s);
}

static void sources_are_heard_and_labels_are_not(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, 3, "{" BOTH "}");
    scene_found(&s, 0, 5);
    scene_found(&s, 1, 2);
    scene_claim(&s, "web", 5); /* is a source, too */
    scene_claim(&s, "api", 9); /* has a source's name, but is another kind */
    scene_claim(&s, "stranger", 9);
    struct sizing sizing = decide(&s, 0);
    assert_int_equal(sizing.target, 7);
    assert_int_equal(sizing.claimant_count, 4);
    assert_int_equal(sizing.counting, 2);
    assert_null(sizing.claimants[0].labelled);
    assert_string_equal(sizing.claimants[1].kind, "StatefulSet");
    assert_string_equal(sizing.claimants[2].name, "api");
    assert_int_equal(sizing.claimants[2].ignored, SIZING_UNHEARD);
    assert_string_equal(sizing.claimants[3].name, "stranger");
    assert_int_equal(sizing.claimants[3].ignored, SIZING_UNHEARD);
    scene_fini(&s);

    scene_init(&s, 3, "{'claims':'Ignore'}");
    scene_claim(&s, "web", 5);
    assert_int_equal(decide(&s, 0).claimants[0].ignored, SIZING_NOT_WANTED);
    scene_fini(&s);
}

/* ---- Arithmetic ---- */

static void sums_ratios_and_limits(void **state)
{
    (void)state;
    static const struct {
        const char *rules;
        int32_t web, api;
        int32_t target;
        const char *line;
    } table[] = {
        {"'ratio':{'per':2},'min':1,'max':20", 5, 2, 4,
         "web 5 + api 2 = 7 → ÷2 up = 4 → clamp 1..20 = 4"},
        {"'aggregate':'Sum'", 5, 2, 7, "web 5 + api 2 = 7"},
        {"'aggregate':'Max'", 5, 2, 5, "max(web 5, api 2) = 5"},
        {"'aggregate':'Max'", 0, 0, 0, "max(web 0, api 0) = 0"},
        {"'ratio':{'per':2,'rounding':'Up'}", 1, 0, 1, "web 1 + api 0 = 1 → ÷2 up = 1"},
        {"'ratio':{'per':2,'rounding':'Down'}", 5, 2, 3, "web 5 + api 2 = 7 → ÷2 down = 3"},
        {"'ratio':{'per':4,'rounding':'Nearest'}", 5, 0, 1, "web 5 + api 0 = 5 → ÷4 nearest = 1"},
        {"'ratio':{'per':4,'rounding':'Nearest'}", 6, 0, 2, "web 6 + api 0 = 6 → ÷4 nearest = 2"},
        {"'ratio':{'per':4,'rounding':'Nearest'}", 7, 0, 2, "web 7 + api 0 = 7 → ÷4 nearest = 2"},
        {"'ratio':{'per':3,'rounding':'Nearest'}", 4, 0, 1, "web 4 + api 0 = 4 → ÷3 nearest = 1"},
        {"'ratio':{'memcached':3}", 5, 2, 21, "web 5 + api 2 = 7 → ×3 = 21"},
        {"'ratio':{'memcached':3,'per':2}", 5, 2, 11, "web 5 + api 2 = 7 → ×3 ÷2 up = 11"},
        {"'ratio':{'memcached':2,'per':2,'rounding':'Down'}", 5, 2, 7,
         "web 5 + api 2 = 7 → ×2 ÷2 down = 7"},
        {"'max':6", 5, 2, 6, "web 5 + api 2 = 7 → at most 6 = 6"},
        {"'min':8", 5, 2, 8, "web 5 + api 2 = 7 → at least 8 = 8"},
        {"'min':9,'max':9", 5, 2, 9, "web 5 + api 2 = 7 → clamp 9..9 = 9"},
        {"'ratio':{'per':2147483647}", 1, 0, 1, "web 1 + api 0 = 1 → ÷2147483647 up = 1"},
        {"'ratio':{'per':2147483647}", INT32_MAX, INT32_MAX, 2,
         "web 2147483647 + api 2147483647 = 4294967294 → ÷2147483647 up = 2"},
        {"'ratio':{'per':2147483647,'rounding':'Down'}", INT32_MAX - 1, 0, 0,
         "web 2147483646 + api 0 = 2147483646 → ÷2147483647 down = 0"},
        {"'ratio':{'per':2147483647,'rounding':'Nearest'}", 1073741823, 0, 0,
         "web 1073741823 + api 0 = 1073741823 → ÷2147483647 nearest = 0"},
        {"'ratio':{'per':2147483647,'rounding':'Nearest'}", 1073741824, 0, 1,
         "web 1073741824 + api 0 = 1073741824 → ÷2147483647 nearest = 1"},
        {"'ratio':{'memcached':2147483647}", 1, 0, INT32_MAX,
         "web 1 + api 0 = 1 → ×2147483647 = 2147483647"},
        {"'ratio':{'memcached':2147483647}", 0, 0, 0, "web 0 + api 0 = 0 → ×2147483647 = 0"},
        {"'ratio':{'memcached':2147483647}", INT32_MAX, INT32_MAX, INT32_MAX,
         "web 2147483647 + api 2147483647 = 4294967294 → ×2147483647 = 2147483647"},
        {"'ratio':{'memcached':2147483647,'per':2147483646}", INT32_MAX - 1, 0, INT32_MAX,
         "web 2147483646 + api 0 = 2147483646 → ×2147483647 ÷2147483646 up = 2147483647"},
        {"'aggregate':'Sum'", INT32_MAX, 1, INT32_MAX,
         "web 2147483647 + api 1 = 2147483648 → at most = 2147483647"},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        char size_from[512];
        snprintf(size_from, sizeof size_from, "{" BOTH ",%s}", table[i].rules);
        struct scene s;
        scene_init(&s, 3, size_from);
        scene_found(&s, 0, table[i].web);
        scene_found(&s, 1, table[i].api);
        bool maximum = strstr(size_from, "'Max'") != NULL;
        check(&s, SIZING_IN_SYNC, maximum ? "Max of 2 sources" : "Sum of 2 sources",
              table[i].target,
              maximum ? "size follows Max of 2 sources" : "size follows Sum of 2 sources",
              table[i].line);
    }
}

/* As much as there can be: thousands of claimants with the most replicas, and the highest ratio. */
static void many_do_not_overflow(void **state)
{
    (void)state;
    static struct scene s;
    scene_init(&s, 3, "{'claims':'Sum','ratio':{'memcached':2147483647,'per':2147483647},'max':9}");
    for (int i = 0; i < MANY; i++) {
        char name[32];
        snprintf(name, sizeof name, "d%d", i);
        scene_claim(&s, name, INT32_MAX);
    }
    struct sizing sizing = decide(&s, 0);
    assert_true(sizing.sum == (int64_t)INT32_MAX * MANY);
    assert_int_equal(sizing.scaled, INT32_MAX);
    assert_int_equal(sizing.target, 9);
    assert_string_equal(sizing.source, "Sum of 2000 Deployments");
    assert_non_null(strstr(explain(&s, &sizing), "d9 2147483647 + 1990 more = 4294967294000 → ×"));
    scene_fini(&s);
}

/* ---- Sources that are not there ---- */

static void while_a_source_is_missing(void **state)
{
    (void)state;
    static const struct {
        const char *rules;
        int size;
        int32_t web, api; /* NONE: missing */
        int32_t target;
        const char *line;
    } table[] = {
        {"'ifMissing':'Keep'", 6, NONE, NONE, NONE, ""},
        {"'ifMissing':'Keep','min':8", 6, NONE, NONE, NONE, ""},
        {"'ifMissing':'Keep'", 6, 5, NONE, NONE, ""},
        {"'ifMissing':'Keep'", 5, 5, NONE, 5, "web 5 + api missing = 5"},
        {"'ifMissing':'Keep'", 4, 5, NONE, 5, "web 5 + api missing = 5"},
        {"'ifMissing':'Keep','aggregate':'Max'", 4, 5, NONE, 5, "max(web 5, api missing) = 5"},
        {"'ifMissing':'Keep','max':3", 9, 5, NONE, NONE, ""},
        {"'ifMissing':'Min','min':2", 6, NONE, NONE, 2,
         "web missing + api missing = 0 → at least 2 = 2"},
        {"'ifMissing':'Min','min':2", 6, 5, NONE, 5, "web 5 + api missing = 5 → at least 2 = 5"},
        {"'ifMissing':'Min','min':2", 6, 1, NONE, 2, "web 1 + api missing = 1 → at least 2 = 2"},
        {"'ifMissing':'Min','min':0", 6, NONE, NONE, 0, "web missing + api missing = 0"},
        {"'ifMissing':'Fallback','fallback':4", 6, NONE, NONE, 4,
         "web missing + api missing = 0 → fallback at least 4 = 4"},
        {"'ifMissing':'Fallback','fallback':4", 6, 1, NONE, 4,
         "web 1 + api missing = 1 → fallback at least 4 = 4"},
        {"'ifMissing':'Fallback','fallback':4,'max':8", 6, 9, NONE, 8,
         "web 9 + api missing = 9 → at most 8 = 8"},
        {"'ifMissing':'Fallback','fallback':0", 6, NONE, NONE, 0, "web missing + api missing = 0"},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        char size_from[512];
        snprintf(size_from, sizeof size_from, "{" BOTH ",%s}", table[i].rules);
        struct scene s;
        scene_init(&s, table[i].size, size_from);
        scene_source(&s, 0, SOURCE_MISSING, NULL);
        scene_source(&s, 1, SOURCE_MISSING, NULL);
        if (table[i].web != NONE) {
            scene_found(&s, 0, table[i].web);
        }
        struct sizing sizing = decide(&s, 0);
        assert_int_equal(sizing.reason, SIZING_SOURCE_MISSING);
        assert_int_equal(target_of(&sizing), table[i].target);
        assert_string_equal(explain(&s, &sizing), table[i].line);
        scene_fini(&s);
    }
}

static void what_is_said_of_sources(void **state)
{
    (void)state;
    static const struct {
        enum source_state api;
        const char *detail, *rules, *message;
        enum sizing_reason reason;
        int32_t target; /* of web 5, at size 6 */
    } table[] = {
        {SOURCE_UNKNOWN, NULL, "", "StatefulSet/api is not known yet", SIZING_UNKNOWN, NONE},
        {SOURCE_UNREADABLE, "403 Forbidden", ",'ifMissing':'Min','min':1",
         "StatefulSet/api cannot be read: 403 Forbidden; size stays as it is",
         SIZING_SOURCE_MISSING, NONE},
        {SOURCE_MISSING, NULL, "",
         "StatefulSet/api is not there; size does not go down (ifMissing: Keep)",
         SIZING_SOURCE_MISSING, NONE},
        {SOURCE_TERMINATING, NULL, ",'ifMissing':'Min','min':1",
         "StatefulSet/api is being deleted; size is at least 1 (ifMissing: Min)",
         SIZING_SOURCE_MISSING, 5},
        {SOURCE_INVALID, NULL, ",'ifMissing':'Fallback','fallback':7",
         "StatefulSet/api has no replicas from 0 to 2147483647; size is at least 7 "
         "(ifMissing: Fallback)",
         SIZING_SOURCE_MISSING, 7},
        {SOURCE_NO_KIND, "apps/v1 has none", "",
         "StatefulSet/api is of a kind that the server does not know: apps/v1 has none; size does "
         "not go down (ifMissing: Keep)",
         SIZING_SOURCE_MISSING, NONE},
        {SOURCE_NO_SCALE, NULL, ",'ifMissing':'Min','min':1",
         "StatefulSet/api is of a kind that cannot be scaled: it has no scale subresource",
         SIZING_INVALID_SPEC, NONE},
        {SOURCE_LOOP, "cache → api → cache", ",'ifMissing':'Min','min':1",
         "StatefulSet/api follows this Memcached itself: cache → api → cache", SIZING_LOOP, NONE},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        char size_from[512];
        snprintf(size_from, sizeof size_from, "{" BOTH "%s}", table[i].rules);
        struct scene s;
        scene_init(&s, 6, size_from);
        scene_found(&s, 0, 5);
        scene_source(&s, 1, table[i].api, table[i].detail);
        struct sizing sizing = decide(&s, 0);
        assert_string_equal(sizing.message, table[i].message);
        assert_int_equal(sizing.reason, table[i].reason);
        assert_int_equal(target_of(&sizing), table[i].target);
        assert_int_equal(sizing.counting, 1);
        assert_false(sizing_is_synced(sizing.reason));
        scene_fini(&s);
    }
}

static void namesakes_are_told_apart(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, 3, "{'sources':[" WEB ",{'kind':'StatefulSet','name':'web'}," API "]}");
    for (size_t i = 0; i < 3; i++) {
        scene_found(&s, i, (int32_t)i + 1);
    }
    check(&s, SIZING_IN_SYNC, "Sum of 3 sources", 6, "size follows Sum of 3 sources",
          "Deployment/web 1 + StatefulSet/web 2 + api 3 = 6");
}

/* As a decoder gives it. */
static void invalid_replicas_are_none(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, 6, "{" ONE ",'ifMissing':'Min','min':1}");
    scene_found(&s, 0, REPLICAS_INVALID);
    check(&s, SIZING_SOURCE_MISSING, "Deployment/web", 1,
          "Deployment/web has no replicas from 0 to 2147483647; size is at least 1 (ifMissing: "
          "Min)",
          "web missing = 0 → at least 1 = 1");
}

static void nothing_known_of_sources_decides_nothing(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, 6, "{" BOTH ",'ifMissing':'Min','min':1}");
    struct sizing_view view = view_of(&s);
    view.sources = NULL;
    view.window = NULL;
    struct sizing sizing = sizing_decide(&view, at(0), &s.arena);
    assert_int_equal(sizing.reason, SIZING_UNKNOWN);
    assert_false(sizing.has_target);
    assert_int_equal(sizing.size, 6);
    scene_fini(&s);
}

/* The worst is told first. */
static void what_is_worse_is_said(void **state)
{
    (void)state;
    static const enum source_state order[] = {SOURCE_LOOP, SOURCE_NO_SCALE, SOURCE_UNREADABLE,
                                              SOURCE_UNKNOWN, SOURCE_MISSING};
    static const enum sizing_reason reasons[] = {SIZING_LOOP, SIZING_INVALID_SPEC,
                                                 SIZING_SOURCE_MISSING, SIZING_UNKNOWN,
                                                 SIZING_SOURCE_MISSING};
    for (size_t a = 0; a < ARRAY_LEN(order); a++) {
        for (size_t b = a; b < ARRAY_LEN(order); b++) {
            struct scene s;
            scene_init(&s, 6, "{" BOTH ",'ifMissing':'Keep'}");
            scene_source(&s, 0, order[b], NULL);
            scene_source(&s, 1, order[a], NULL);
            assert_int_equal(decide(&s, 0).reason, reasons[a]);
            scene_fini(&s);
        }
    }
}

/* ---- Faults, pauses, modes ---- */

static void a_fault_leaves_all_as_it_is(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, 6, "{" ONE ",'min':5,'max':3}");
    scene_claim(&s, "web", 9);
    check(&s, SIZING_INVALID_SPEC, "", NONE, "spec.sizeFrom: min is more than max", "");
    scene_init(&s, 6, NULL);
    scene_claim(&s, "web", 9);
    s.memcached->paused = PAUSED_UNCLEAR;
    check(&s, SIZING_INVALID_SPEC, "", NONE,
          "the annotation memcached-operator/paused is neither \"true\" nor \"false\"", "");
}

static void paused(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, 6, "{" ONE ",'paused':true}");
    scene_found(&s, 0, 9);
    check(&s, SIZING_PAUSED, "Deployment/web", NONE,
          "spec.sizeFrom.paused is true: size is left alone; it would be 9", "web 9");
    scene_init(&s, 6, "{" ONE ",'paused':true}");
    scene_source(&s, 0, SOURCE_MISSING, NULL);
    check(&s, SIZING_PAUSED, "Deployment/web", NONE,
          "spec.sizeFrom.paused is true: size is left alone", "");
    scene_init(&s, 6, "{" ONE ",'paused':true}"); /* a start: what was said before stays */
    scene_source(&s, 0, SOURCE_UNKNOWN, NULL);
    check(&s, SIZING_UNKNOWN, "Deployment/web", NONE, "Deployment/web is not known yet", "");
    scene_init(&s, 6, "{" ONE ",'paused':true}");
    scene_source(&s, 0, SOURCE_LOOP, NULL);
    check(&s, SIZING_LOOP, "Deployment/web", NONE, "Deployment/web follows this Memcached itself",
          "");
    scene_init(&s, 6, NULL);
    scene_claim(&s, "web", 9);
    s.memcached->paused = PAUSED_YES;
    check(&s, SIZING_PAUSED, "Deployment/web", NONE,
          "the annotation memcached-operator/paused is true: size is left alone; it would be 9",
          "web 9");
    scene_init(&s, 6, NULL);
    s.memcached->paused = PAUSED_YES;
    check(&s, SIZING_NOBODY, "", NONE, "", "");
}

static void observed(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, 6, "{" ONE ",'mode':'Observe'}");
    scene_found(&s, 0, 9);
    check(&s, SIZING_OBSERVING, "Deployment/web", NONE,
          "mode Observe: size is left alone; it would be 9", "web 9");
    scene_init(&s, 6, "{" ONE ",'mode':'Observe','ifMissing':'Min','min':1}");
    scene_source(&s, 0, SOURCE_MISSING, NULL);
    check(&s, SIZING_SOURCE_MISSING, "Deployment/web", NONE,
          "Deployment/web is not there; size is at least 1 (ifMissing: Min)",
          "web missing = 0 → at least 1 = 1");
}

static void only_up(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, 6, "{" ONE ",'mode':'ScaleUpOnly'}");
    scene_found(&s, 0, 9);
    check(&s, SIZING_IN_SYNC, "Deployment/web", 9, "size follows Deployment/web",
          "web 9 → only up = 9");
    scene_init(&s, 6, "{" ONE ",'mode':'ScaleUpOnly','max':5}");
    scene_found(&s, 0, 9);
    check(&s, SIZING_HOLDING, "Deployment/web", 6, "wish is 5; mode ScaleUpOnly keeps size 6",
          "web 9 → at most 5 = 5 → only up = 6");
}

/* ---- Time ---- */

static void assert_size(struct scene *s, uint64_t ms, int32_t web, int32_t size,
                        enum sizing_reason reason, uint64_t again_ms)
{
    scene_found(s, 0, web);
    struct sizing sizing = decide(s, ms);
    assert_int_equal(target_of(&sizing), size);
    assert_int_equal(sizing.reason, reason);
    assert_int_equal(sizing.again_ms, again_ms);
    s->memcached->size = sizing.target;
}

static void down_only_after_a_while(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, 6, "{" ONE ",'scaleDownAfterSeconds':10}");
    assert_size(&s, 0, 4, 6, SIZING_HOLDING, 10000); /* the size that was there is held, too */
    assert_size(&s, 1000, 9, 9, SIZING_IN_SYNC, 0);
    assert_size(&s, 2000, 7, 9, SIZING_HOLDING, 10000);
    assert_size(&s, 3500, 2, 9, SIZING_HOLDING, 8500);
    struct sizing sizing = decide(&s, 4000);
    assert_string_equal(sizing.message, "wish is 2; size stays 9, the highest wish of 10 seconds, "
                                        "until 2026-01-01T00:00:12Z");
    assert_string_equal(explain(&s, &sizing), "web 2 → highest of 10 s = 9");
    assert_int_equal(sizing.hold_count, 2);
    assert_int_equal(sizing.holds[0].size, 9);
    assert_int_equal(sizing.holds[0].until_us, NOW_US + 12000000);
    assert_int_equal(sizing.holds[1].size, 7);
    assert_int_equal(sizing.holds[1].until_us, NOW_US + 14000000);
    assert_size(&s, 12000, 2, 7, SIZING_HOLDING, 1500);
    assert_size(&s, 13500, 2, 2, SIZING_IN_SYNC, 0);
    scene_fini(&s);
}

/* Somebody else's size is put back to what is held; a lower max counts at once. */
static void a_hold_is_of_wishes_and_not_of_sizes(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, 9, "{" ONE ",'scaleDownAfterSeconds':10,'max':8}");
    size_window_begin(&s.window, 9);
    assert_size(&s, 0, 4, 8, SIZING_HOLDING, 10000);
    s.memcached->size = 50;
    assert_size(&s, 1000, 4, 8, SIZING_HOLDING, 9000);
    scene_fini(&s);
}

/* Then the size counts as what was wished. */
static void while_nothing_is_wished(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, 9, "{" ONE ",'scaleDownAfterSeconds':10}");
    assert_size(&s, 0, 4, 9, SIZING_HOLDING, 10000);
    scene_source(&s, 0, SOURCE_UNKNOWN, NULL); /* a moment after a restart: the hold goes on */
    struct sizing sizing = decide(&s, 1000);
    assert_int_equal(sizing.hold_count, 1);
    assert_int_equal(sizing.again_ms, 9000);
    scene_source(&s, 0, SOURCE_MISSING, NULL);
    sizing = decide(&s, 2000);
    assert_int_equal(target_of(&sizing), NONE);
    assert_int_equal(sizing.hold_count, 0);
    assert_int_equal(sizing.window.wish, 9);
    assert_int_equal(decide(&s, 20000).window.wish, 9);
    assert_size(&s, 30000, 4, 9, SIZING_HOLDING, 10000);
    scene_source(&s, 0, SOURCE_MISSING, NULL);
    s.memcached->size = 2; /* by hand: not put back to 9 when the source is there again */
    decide(&s, 31000);
    assert_size(&s, 32000, 2, 2, SIZING_IN_SYNC, 0);
    scene_source(&s, 0, SOURCE_MISSING, NULL);
    s.memcached->size = REPLICAS_INVALID;
    assert_false(decide(&s, 33000).window.begun);
    scene_fini(&s);
}

static void a_label_that_comes_back_holds_nothing_of_before(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, 9, "{'scaleDownAfterSeconds':10}");
    scene_claim(&s, "web", 9);
    assert_int_equal(decide(&s, 0).target, 9);
    s.claimant_count = 0;
    s.memcached->size = 2;
    assert_int_equal(decide(&s, 1000).reason, SIZING_NOBODY);
    s.claimant_count = 1;
    ((struct deployment *)s.claimants[0])->replicas = 2;
    assert_int_equal(decide(&s, 2000).target, 2);
    scene_fini(&s);
}

/* ---- Steps ---- */

static void assert_step(struct scene *s, int32_t has, int32_t ready, int32_t target,
                        const char *line)
{
    scene_operand(s, has, ready);
    struct sizing sizing = decide(s, 0);
    assert_int_equal(target_of(&sizing), target);
    assert_string_equal(explain(s, &sizing), line);
    s->memcached->size = sizing.target;
}

static void steps_up_wait_for_ready_pods(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, 3, "{" ONE ",'step':{'up':2}}");
    scene_found(&s, 0, 8);
    struct sizing sizing = decide(&s, 0);
    assert_int_equal(sizing.target, 3); /* there is no Deployment yet */
    assert_int_equal(sizing.reason, SIZING_HOLDING);
    assert_string_equal(sizing.message, "size goes to 8 by steps, and is 3 now");
    assert_step(&s, 3, 2, 3, "web 8 → by steps of 2 = 3");
    assert_step(&s, 3, 3, 5, "web 8 → by steps of 2 = 5");
    assert_step(&s, 3, 3, 5, "web 8 → by steps of 2 = 5"); /* it is not there yet */
    assert_step(&s, 5, 4, 5, "web 8 → by steps of 2 = 5");
    scene_operand(&s, 5, 5);
    s.operand.object.generation = 2; /* not observed yet */
    assert_int_equal(decide(&s, 0).target, 5);
    scene_operand(&s, 5, 5);
    s.operand.replicas = 4; /* somebody has just changed it */
    assert_int_equal(decide(&s, 0).target, 5);
    assert_step(&s, 5, 5, 7, "web 8 → by steps of 2 = 7");
    assert_step(&s, 7, 7, 8, "web 8");
    assert_step(&s, 8, 0, 8, "web 8");
    scene_found(&s, 0, 1);
    assert_step(&s, 8, 8, 1, "web 1"); /* down as many as there are */
    scene_fini(&s);
}

static void steps_down_wait_for_what_is_carried_out(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, 9, "{" ONE ",'step':{'down':3}}");
    scene_found(&s, 0, 1);
    assert_step(&s, 9, 0, 6, "web 1 → by steps of 3 = 6"); /* ready or not */
    assert_step(&s, 9, 9, 6, "web 1 → by steps of 3 = 6");
    scene_operand(&s, 6, 6);
    s.operand.current_replicas = 9; /* not carried out yet */
    assert_int_equal(decide(&s, 0).target, 6);
    assert_step(&s, 6, 0, 3, "web 1 → by steps of 3 = 3");
    assert_step(&s, 3, 0, 1, "web 1");
    scene_found(&s, 0, INT32_MAX);
    assert_step(&s, 1, 1, INT32_MAX, "web 2147483647");
    scene_fini(&s);
}

/* Somebody changed spec.size, or our Deployment: that is not walked back to. */
static void steps_are_no_way_for_what_was_changed_by_hand(void **state)
{
    (void)state;
    static const struct {
        int32_t wish, size, has, target;
    } table[] = {
        {5, 50, 5, 5},   /* in sync, scaled by hand: put back at once */
        {5, 0, 5, 5},    /* likewise */
        {5, 5, 50, 5},   /* the Deployment: not followed */
        {5, 5, 0, 5},    /**/
        {9, 0, 5, 7},    /* on the way up, scaled down: goes on from what the Deployment has */
        {9, 7, 5, 7},    /* the step before is not carried out */
        {9, 7, 2, 7},    /* the Deployment is put back first */
        {1, 50, 5, 4},   /* on the way down, scaled up */
        {1, 4, 9, 4},    /* the step before is not carried out */
        {5, 8, 2, 8},    /* the wish lies between: spec.size counts */
        {5, 2, 8, 2},    /**/
        {5, NONE, 8, 5}, /* no size at all */
        {5, 3, NONE, 3}, /* a Deployment without valid replicas */
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct scene s;
        scene_init(&s, table[i].size, "{" ONE ",'step':{'up':2,'down':1}}");
        scene_found(&s, 0, table[i].wish);
        scene_operand(&s, table[i].has, table[i].has);
        assert_int_equal(decide(&s, 0).target, table[i].target);
        scene_fini(&s);
    }
}

static void reasons_have_texts(void **state)
{
    (void)state;
    static const struct {
        enum sizing_reason reason;
        const char *text;
        bool synced;
    } table[] = {{SIZING_NOBODY, "", false},
                 {SIZING_UNKNOWN, "SourceUnknown", false},
                 {SIZING_IN_SYNC, "InSync", true},
                 {SIZING_HOLDING, "Holding", true},
                 {SIZING_PAUSED, "Paused", true},
                 {SIZING_OBSERVING, "Observing", true},
                 {SIZING_SOURCE_MISSING, "SourceMissing", false},
                 {SIZING_INVALID_SPEC, "InvalidSpec", false},
                 {SIZING_LOOP, "Loop", false}};
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        assert_string_equal(sizing_reason_text(table[i].reason), table[i].text);
        assert_int_equal(sizing_is_synced(table[i].reason), table[i].synced);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_size_from_the_oldest_decides),
        cmocka_unit_test(labels_count_as_claims_says),
        cmocka_unit_test(who_is_ignored_and_why),
        cmocka_unit_test(sources_are_heard_and_labels_are_not),
        cmocka_unit_test(sums_ratios_and_limits),
        cmocka_unit_test(many_do_not_overflow),
        cmocka_unit_test(while_a_source_is_missing),
        cmocka_unit_test(what_is_said_of_sources),
        cmocka_unit_test(namesakes_are_told_apart),
        cmocka_unit_test(invalid_replicas_are_none),
        cmocka_unit_test(nothing_known_of_sources_decides_nothing),
        cmocka_unit_test(what_is_worse_is_said),
        cmocka_unit_test(a_fault_leaves_all_as_it_is),
        cmocka_unit_test(paused),
        cmocka_unit_test(observed),
        cmocka_unit_test(only_up),
        cmocka_unit_test(down_only_after_a_while),
        cmocka_unit_test(a_hold_is_of_wishes_and_not_of_sizes),
        cmocka_unit_test(while_nothing_is_wished),
        cmocka_unit_test(a_label_that_comes_back_holds_nothing_of_before),
        cmocka_unit_test(steps_up_wait_for_ready_pods),
        cmocka_unit_test(steps_down_wait_for_what_is_carried_out),
        cmocka_unit_test(steps_are_no_way_for_what_was_changed_by_hand),
        cmocka_unit_test(reasons_have_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

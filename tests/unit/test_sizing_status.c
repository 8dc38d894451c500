/*
 * status.sizing: composed, written, read again; and what a restart makes of it.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "kube/json.h"
#include "lib/objects.h"
#include "operator/sizing_status.h"

#include <stdio.h>
#include <string.h>

static const int64_t NOW_US = INT64_C(1767225600000000);

static struct now at(uint64_t s)
{
    return (struct now){.mono_ms = s * 1000, .wall_us = NOW_US + (int64_t)s * 1000000};
}

static const char *text_of(const struct sizing_status *s, struct arena *arena)
{
    CLEANUP(buf_fini) struct buf text;
    struct json_writer w;
    buf_init(&text, 1 << 20);
    json_writer_init(&w, &text, false);
    sizing_status_write(&w, s);
    return arena_strdup(arena, buf_text(&text));
}

/* As the server gives it back. */
static struct sizing_status read_back(const char *text, struct arena *arena)
{
    struct error err = ERROR_INIT;
    struct sizing_status s;
    yyjson_doc *doc = json_parse(text, strlen(text), &err);
    assert_non_null(doc);
    sizing_status_read(arena, yyjson_doc_get_root(doc), &s);
    yyjson_doc_free(doc);
    return s;
}

/* Decisions borrow from their Memcacheds: these live as long as a test. */
static struct memcached *memcacheds[16];
static size_t memcached_count;

static int free_memcacheds(void **state)
{
    (void)state;
    while (memcached_count > 0) {
        object_free(&memcacheds[--memcached_count]->object);
    }
    return 0;
}

static struct sizing decide(const char *size_from, int size, struct sizing_source *sources,
                            const struct size_window *window, struct now now, struct arena *arena)
{
    struct memcached *m = (struct memcached *)object_from(
        &memcached_kind,
        "{'metadata':{'namespace':'n','name':'cache'},'spec':{'size':%d,'sizeFrom':%s}}", size,
        size_from);
    struct sizing_view view = {.memcached = m, .sources = sources, .window = window};
    memcacheds[memcached_count++] = m;
    return sizing_decide(&view, now, arena);
}

#define FOLLOWS                                                                                    \
    "{'sources':[{'kind':'Deployment','name':'web'},{'kind':'StatefulSet','name':'api'}],"         \
    "'scaleDownAfterSeconds':300}"

static void what_is_written(void **state)
{
    (void)state;
    CLEANUP(arena_fini) struct arena arena = {0};
    struct sizing_source sources[] = {
        {.state = SOURCE_FOUND, .replicas = 5, .created_us = NOW_US - 60000000},
        {.state = SOURCE_FOUND, .replicas = 2}};
    struct sizing_status none = {0};
    struct sizing s = decide(FOLLOWS, 9, sources, NULL, at(10), &arena);
    struct sizing_status after = sizing_status_of(&s, &none, at(10), &arena);
    const char *text = text_of(&after, &arena);
    assert_string_equal(
        text, "{\"source\":\"Sum of 2 sources\",\"wish\":7,\"size\":9,\"reason\":\"Holding\","
              "\"since\":\"2026-01-01T00:00:10Z\",\"holdUntil\":\"2026-01-01T00:05:10Z\","
              "\"holds\":[{\"size\":9,\"until\":\"2026-01-01T00:05:10Z\"}],\"claimants\":["
              "{\"name\":\"Deployment/web\",\"replicas\":5,\"since\":\"2025-12-31T23:59:00Z\","
              "\"deciding\":true},{\"name\":\"StatefulSet/api\",\"replicas\":2,\"deciding\":true}"
              "]}");
    struct sizing_status again = read_back(text, &arena);
    assert_string_equal(text_of(&again, &arena), text);

    sources[1].state = SOURCE_MISSING;
    s = decide(FOLLOWS, 9, sources, &s.window, at(20), &arena);
    after = sizing_status_of(&s, &after, at(20), &arena);
    assert_string_equal(
        text_of(&after, &arena),
        "{\"source\":\"Sum of 2 sources\",\"wish\":9,\"size\":9,\"reason\":\"SourceMissing\","
        "\"since\":\"2026-01-01T00:00:20Z\",\"holdUntil\":null,\"holds\":[],\"claimants\":["
        "{\"name\":\"Deployment/web\",\"replicas\":5,\"since\":\"2025-12-31T23:59:00Z\","
        "\"deciding\":true},{\"name\":\"StatefulSet/api\",\"deciding\":false}]}");
}

static void since_is_of_source_and_wish(void **state)
{
    (void)state;
    CLEANUP(arena_fini) struct arena arena = {0};
    struct sizing_source sources[] = {{.state = SOURCE_FOUND, .replicas = 5},
                                      {.state = SOURCE_FOUND, .replicas = 2}};
    struct sizing_status none = {0};
    struct sizing s = decide(FOLLOWS, 7, sources, NULL, at(10), &arena);
    struct sizing_status status = sizing_status_of(&s, &none, at(10), &arena);
    sources[0].replicas = 4;
    sources[1].replicas = 3; /* others, but the same wish */
    s = decide(FOLLOWS, 7, sources, &s.window, at(20), &arena);
    status = sizing_status_of(&s, &status, at(20), &arena);
    assert_string_equal(status.since, "2026-01-01T00:00:10Z");
    sources[0].replicas = 5;
    s = decide(FOLLOWS, 7, sources, &s.window, at(30), &arena);
    status = sizing_status_of(&s, &status, at(30), &arena);
    assert_string_equal(status.since, "2026-01-01T00:00:30Z");
    s = decide("{'sources':[{'kind':'Deployment','name':'web'}],'min':8}", 8, sources, NULL, at(40),
               &arena);
    status = sizing_status_of(&s, &status, at(40), &arena);
    assert_int_equal(status.wish, 8);
    assert_string_equal(status.since, "2026-01-01T00:00:40Z"); /* another source */
}

static void nobody_leaves_nothing_and_not_knowing_all(void **state)
{
    (void)state;
    CLEANUP(arena_fini) struct arena arena = {0};
    struct sizing_status before = {.present = true, .wish = 3, .since = "x", .source = "y"};
    struct sizing s = decide("{}", 9, NULL, NULL, at(10), &arena);
    struct sizing_status after = sizing_status_of(&s, &before, at(10), &arena);
    assert_string_equal(text_of(&after, &arena), "null");
    s = decide(FOLLOWS, 9, NULL, NULL, at(10), &arena);
    after = sizing_status_of(&s, &before, at(10), &arena);
    assert_memory_equal(&after, &before, sizeof after);
    s = decide("{'min':5,'max':3}", REPLICAS_INVALID, NULL, NULL, at(10), &arena);
    after = sizing_status_of(&s, &before, at(10), &arena);
    assert_string_equal(text_of(&after, &arena),
                        "{\"source\":null,\"wish\":null,\"size\":null,\"reason\":\"InvalidSpec\","
                        "\"since\":\"2026-01-01T00:00:10Z\",\"holdUntil\":null,\"holds\":[],"
                        "\"claimants\":[]}");
}

/* Whatever is in it, it has room, and its own text comes back from its own text. */
static void hostile_statuses(void **state)
{
    (void)state;
    static const char *const table[][2] = {
        {"null", "null"},
        {"[]", "null"},
        {"\"x\"", "null"},
        {"{}", "{\"source\":null,\"wish\":null,\"size\":null,\"reason\":null,\"since\":null,"
               "\"holdUntil\":null,\"holds\":[],\"claimants\":[]}"},
        {"{\"source\":7,\"wish\":-1,\"size\":2147483648,\"reason\":\"\",\"since\":[1,2],\"holds\":{"
         "\"a\":1},"
         "\"claimants\":[null,{},{\"name\":\"a\",\"replicas\":\"1\",\"deciding\":1}]}",
         "{\"source\":null,\"wish\":null,\"size\":null,\"reason\":null,\"since\":null,"
         "\"holdUntil\":null,\"holds\":[],\"claimants\":[{\"name\":\"a\",\"deciding\":false}]}"},
        {"{\"holds\":[{\"size\":1},{\"until\":\"x\"},{\"size\":2,\"until\":\"x\"}]}",
         "{\"source\":null,\"wish\":null,\"size\":null,\"reason\":null,\"since\":null,"
         "\"holdUntil\":null,\"holds\":[{\"size\":2,\"until\":\"x\"}],\"claimants\":[]}"},
    };
    CLEANUP(arena_fini) struct arena arena = {0};
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct sizing_status s = read_back(table[i][0], &arena);
        assert_string_equal(text_of(&s, &arena), table[i][1]);
        s = read_back(table[i][1], &arena);
        assert_string_equal(text_of(&s, &arena), table[i][1]);
    }
}

static void lists_are_bounded(void **state)
{
    (void)state;
    CLEANUP(arena_fini) struct arena arena = {0};
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, 1 << 20);
    buf_append_text(&text, "{\"wish\":1,\"holds\":[");
    for (int i = 0; i < 1000; i++) {
        buf_printf(&text, "%s{\"size\":%d,\"until\":\"2026-01-01T00:%02d:%02dZ\"}",
                   i > 0 ? "," : "", 2000 - i, i / 60 + 1, i % 60);
    }
    buf_append_text(&text, "],\"claimants\":[");
    for (int i = 0; i < 1000; i++) {
        buf_printf(&text, "%s{\"name\":\"a\"}", i > 0 ? "," : "");
    }
    buf_append_text(&text, "]}");
    struct sizing_status s = read_back(text.data, &arena);
    assert_int_equal(s.hold_count, SIZE_WINDOW_PEAKS_MAX);
    assert_int_equal(s.claimant_count, SIZING_CLAIMANTS_SHOWN_MAX);
    struct size_window w;
    sizing_status_resume(&s, &(struct size_from){.scale_down_after_s = 300}, at(0), &w);
    assert_int_equal(size_window_highest(&w), 2000);

    struct sizing_claimant many[100];
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        many[i] = (struct sizing_claimant){.kind = "Deployment", .name = "web", .replicas = 1};
    }
    struct sizing sizing = {.reason = SIZING_IN_SYNC,
                            .source = "",
                            .claimants = many,
                            .claimant_count = ARRAY_LEN(many)};
    s = sizing_status_of(&sizing, &s, at(0), &arena);
    assert_int_equal(s.claimant_count, SIZING_CLAIMANTS_SHOWN_MAX);
}

/* The text of a status is all that a new operator has: its holds end when they should. */
static void a_restart_goes_on_from_the_text(void **state)
{
    (void)state;
    CLEANUP(arena_fini) struct arena arena = {0};
    struct size_from rules = {.scale_down_after_s = 300};
    struct sizing_source sources[] = {{.state = SOURCE_FOUND, .replicas = 5},
                                      {.state = SOURCE_FOUND, .replicas = 2}};
    struct sizing s = decide(FOLLOWS, 9, sources, NULL, at(10), &arena);
    sources[0].replicas = 1;
    s = decide(FOLLOWS, 9, sources, &s.window, at(100), &arena);
    struct sizing_status none = {0};
    struct sizing_status written = sizing_status_of(&s, &none, at(100), &arena);
    struct sizing_status read = read_back(text_of(&written, &arena), &arena);

    struct size_window w;
    struct now later = {.mono_ms = 5, .wall_us = at(200).wall_us}; /* another machine */
    sizing_status_resume(&read, &rules, later, &w);
    static const struct {
        int64_t at_s;
        int32_t size;
    } table[] = {{200, 9}, {309, 9}, {310, 7}, {399, 7}, {400, 3}};
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct now now = {.mono_ms = 5 + (uint64_t)(table[i].at_s - 200) * 1000,
                          .wall_us = NOW_US + table[i].at_s * 1000000};
        s = decide(FOLLOWS, 9, sources, &w, now, &arena);
        assert_int_equal(s.target, table[i].size);
        struct sizing_status now_text = sizing_status_of(&s, &read, now, &arena);
        assert_string_equal(now_text.since, "2026-01-01T00:01:40Z");
        w = s.window;
    }
}

static void without_a_wish_nothing_is_resumed(void **state)
{
    (void)state;
    struct size_window w = {.begun = true};
    struct sizing_status s = {0};
    sizing_status_resume(&s, NULL, at(0), &w);
    assert_false(w.begun);
    s = (struct sizing_status){.present = true, .wish = SIZING_ABSENT};
    sizing_status_resume(&s, NULL, at(0), &w);
    assert_false(w.begun);
    s.wish = 4;
    s.holds = &(struct sizing_status_hold){9, "2026-01-01T00:01:00Z"};
    s.hold_count = 1;
    sizing_status_resume(&s, NULL, at(0), &w); /* no seconds any more */
    size_window_note(&w, 4, 0, at(0));
    assert_int_equal(size_window_highest(&w), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(what_is_written, free_memcacheds),
        cmocka_unit_test_teardown(since_is_of_source_and_wish, free_memcacheds),
        cmocka_unit_test_teardown(nobody_leaves_nothing_and_not_knowing_all, free_memcacheds),
        cmocka_unit_test_teardown(hostile_statuses, free_memcacheds),
        cmocka_unit_test_teardown(lists_are_bounded, free_memcacheds),
        cmocka_unit_test_teardown(a_restart_goes_on_from_the_text, free_memcacheds),
        cmocka_unit_test_teardown(without_a_wish_nothing_is_resumed, free_memcacheds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

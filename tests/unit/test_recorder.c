/*
 * The event recorder against a server of Events in a map: what is sent, what is counted up, and
 * every limit.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "kube/json.h"
#include "kube/name.h"
#include "kube/recorder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WALL_US 1795345985000000 /* 2026-11-22T11:13:05Z at mono_ms 0 */

static const struct kind widget = {
    .group = "example.com", .version = "v1", .kind = "Widget", .plural = "widgets"};

static struct now at(uint64_t mono_ms)
{
    return (struct now){.mono_ms = mono_ms, .wall_us = WALL_US + (int64_t)mono_ms * 1000};
}

struct rig {
    struct random random;
    struct recorder recorder;
    struct request request; /* the last one */
    uint64_t token;
    enum event_severity severity; /* of what add() adds */
};

static int make(void **state)
{
    struct rig *rig = mem_zalloc(sizeof *rig);
    random_init(&rig->random, 1);
    recorder_init(&rig->recorder, "an-operator", "host_1", &rig->random);
    *state = rig;
    return 0;
}

static int unmake(void **state)
{
    struct rig *rig = *state;
    recorder_fini(&rig->recorder);
    request_fini(&rig->request);
    mem_free(rig);
    return 0;
}

static struct recorder_event event_of(const char *uid, const char *note)
{
    return (struct recorder_event){.kind = &widget,
                                   .ns = "ns",
                                   .name = "w",
                                   .uid = uid,
                                   .rv = "7",
                                   .severity = EVENT_NORMAL,
                                   .reason = "Made",
                                   .action = "Make",
                                   .note = note};
}

static void add(struct rig *rig, uint64_t ms, const char *uid, const char *note)
{
    struct recorder_event e = event_of(uid, note);
    e.severity = rig->severity;
    recorder_add(&rig->recorder, at(ms), &e);
}

static bool want(struct rig *rig, uint64_t ms)
{
    request_fini(&rig->request);
    rig->request = (struct request){0};
    return recorder_want(&rig->recorder, at(ms), &rig->request, &rig->token);
}

static void expect(struct rig *rig, uint64_t ms, enum http_method method)
{
    assert_true(want(rig, ms));
    assert_string_equal(http_method_name(rig->request.method), http_method_name(method));
    assert_int_equal(rig->request.body_len, strlen(rig->request.body));
}

static void expect_nothing(struct rig *rig, uint64_t ms)
{
    struct request none = {0};
    uint64_t token = 0;
    assert_false(recorder_want(&rig->recorder, at(ms), &none, &token));
    assert_true(recorder_deadline(&rig->recorder) > ms);
}

static void reply(struct rig *rig, uint64_t ms, int code)
{
    struct error err = ERROR_INIT;
    err.code = code;
    recorder_answer(&rig->recorder, at(ms), rig->token, code == ERR_NONE ? NULL : &err);
}

static void tell(struct rig *rig, uint64_t ms, enum http_method method)
{
    expect(rig, ms, method);
    reply(rig, ms, ERR_NONE);
}

/* series.count in the last request; 1 without. */
static int64_t sent_count(const struct rig *rig)
{
    struct error err = ERROR_INIT;
    yyjson_doc *doc = json_parse(rig->request.body, rig->request.body_len, &err);
    assert_non_null(doc);
    yyjson_val *count = json_at(yyjson_doc_get_root(doc), "series", "count", NULL);
    int64_t n = json_get_int(count, 1);
    yyjson_doc_free(doc);
    return n;
}

/* A text of the last request's body, to be freed. */
static char *sent_text(const struct rig *rig, const char *object, const char *member)
{
    struct error err = ERROR_INIT;
    yyjson_doc *doc = json_parse(rig->request.body, rig->request.body_len, &err);
    assert_non_null(doc);
    yyjson_val *root = yyjson_doc_get_root(doc);
    yyjson_val *in = object != NULL ? json_at(root, object, NULL) : root;
    const char *text = yyjson_get_str(json_at(in, member, NULL));
    char *copy = text != NULL ? mem_strdup(text) : NULL;
    yyjson_doc_free(doc);
    return copy;
}

/* What is sent. */

static void posts_an_event(void **state)
{
    struct rig *rig = *state;
    struct recorder_event e = event_of("u1", "made \"it\"\n");
    e.severity = EVENT_WARNING;
    recorder_add(&rig->recorder, at(250), &e);
    assert_int_equal(recorder_deadline(&rig->recorder), 250);
    expect(rig, 300, HTTP_POST);
    assert_string_equal(rig->request.path, "/apis/events.k8s.io/v1/namespaces/ns/events");
    assert_string_equal(rig->request.content_type, "application/json");
    assert_int_equal(rig->request.timeout_ms, RECORDER_REQUEST_MS);
    char *name = sent_text(rig, "metadata", "name");
    assert_int_equal(strlen(name), strlen("w.0123456789abcdef"));
    char want_body[1024];
    snprintf(want_body, sizeof want_body,
             "{\"apiVersion\":\"events.k8s.io/v1\",\"kind\":\"Event\","
             "\"metadata\":{\"name\":\"%s\",\"namespace\":\"ns\"},"
             "\"eventTime\":\"2026-11-22T11:13:05.250000Z\","
             "\"reportingController\":\"an-operator\",\"reportingInstance\":\"host_1\","
             "\"type\":\"Warning\",\"reason\":\"Made\",\"action\":\"Make\","
             "\"note\":\"made \\\"it\\\"\\n\","
             "\"regarding\":{\"apiVersion\":\"example.com/v1\",\"kind\":\"Widget\","
             "\"namespace\":\"ns\",\"name\":\"w\",\"uid\":\"u1\",\"resourceVersion\":\"7\"}}",
             name);
    assert_string_equal(rig->request.body, want_body);
    mem_free(name);
    expect_nothing(rig, 300);
    reply(rig, 400, ERR_NONE);
    expect_nothing(rig, 400);
    assert_int_equal(recorder_deadline(&rig->recorder), UINT64_MAX);
}

static void repeats_are_counted_by_patches(void **state)
{
    struct rig *rig = *state;
    add(rig, 0, "u1", "n");
    expect(rig, 0, HTTP_POST);
    char *name = sent_text(rig, "metadata", "name");
    reply(rig, 0, ERR_NONE);
    add(rig, 1000, "u1", "n");
    expect(rig, 1000, HTTP_PATCH);
    char path[128];
    snprintf(path, sizeof path, "/apis/events.k8s.io/v1/namespaces/ns/events/%s", name);
    mem_free(name);
    assert_string_equal(rig->request.path, path);
    assert_string_equal(rig->request.content_type, "application/merge-patch+json");
    assert_string_equal(rig->request.body,
                        "{\"series\":{\"count\":2,"
                        "\"lastObservedTime\":\"2026-11-22T11:13:06.000000Z\"}}");
    reply(rig, 1000, ERR_NONE);
    expect_nothing(rig, 1000);
    add(rig, 2000, "u1", "n");
    tell(rig, 2000, HTTP_PATCH);
    assert_int_equal(sent_count(rig), 3);
}

static void what_comes_while_it_waits_is_only_counted(void **state)
{
    struct rig *rig = *state;
    add(rig, 0, "u1", "n");
    add(rig, 1, "u1", "n"); /* not sent yet: goes along */
    expect(rig, 2, HTTP_POST);
    assert_int_equal(sent_count(rig), 2);
    for (unsigned i = 0; i < 100; i++) {
        add(rig, 3, "u1", "n");
    }
    expect_nothing(rig, 3);
    reply(rig, 4, ERR_NONE);
    expect(rig, 4, HTTP_PATCH);
    assert_int_equal(sent_count(rig), 102);
    add(rig, 5, "u1", "n");
    expect_nothing(rig, 5);
    reply(rig, 6, ERR_NONE);
    tell(rig, 6, HTTP_PATCH);
    assert_int_equal(sent_count(rig), 103);
    expect_nothing(rig, 6);
    assert_int_equal(rig->recorder.dropped_total, 0);
}

static void same_means_the_same(void **state)
{
    struct rig *rig = *state;
    struct recorder_event variants[] = {
        event_of("u1", "n"), event_of("u1", "n"),  event_of("u1", "n"), event_of("u1", "n"),
        event_of("u1", "m"), event_of("u2", "n"),  event_of("", "n"),   event_of("", "n"),
        event_of("", "n"),   event_of(NULL, "n2"), event_of("u1", ""),
    };
    static const struct kind gadget = {
        .group = "example.com", .version = "v1", .kind = "Gadget", .plural = "gadgets"};
    variants[1].severity = EVENT_WARNING;
    variants[2].reason = "Broke";
    variants[3].action = "Break";
    variants[7].ns = "other";
    variants[8].kind = &gadget;
    for (size_t i = 0; i < ARRAY_LEN(variants); i++) {
        recorder_add(&rig->recorder, at(0), &variants[i]);
        tell(rig, 0, HTTP_POST);
    }
    variants[0].rv = "8";
    variants[0].name = "uid counts, not the name";
    recorder_add(&rig->recorder, at(1), &variants[0]);
    tell(rig, 1, HTTP_PATCH);
    variants[9].uid = "";
    variants[9].rv = NULL;
    recorder_add(&rig->recorder, at(1), &variants[9]);
    tell(rig, 1, HTTP_PATCH);
}

static void a_series_ends_six_minutes_after_the_last(void **state)
{
    struct rig *rig = *state;
    uint64_t ms = 1000;
    add(rig, ms, "u1", "n");
    tell(rig, ms, HTTP_POST);
    char *first = sent_text(rig, "metadata", "name");
    ms += RECORDER_SERIES_MS - 1;
    add(rig, ms, "u1", "n");
    tell(rig, ms, HTTP_PATCH);
    ms += RECORDER_SERIES_MS - 1;
    recorder_expire(&rig->recorder, at(ms));
    add(rig, ms, "u1", "n");
    tell(rig, ms, HTTP_PATCH);
    assert_int_equal(sent_count(rig), 3);
    ms += RECORDER_SERIES_MS;
    add(rig, ms, "u1", "n");
    tell(rig, ms, HTTP_POST);
    assert_int_equal(sent_count(rig), 1);
    char *second = sent_text(rig, "metadata", "name");
    assert_string_not_equal(first, second);
    mem_free(first);
    mem_free(second);
}

static void a_series_that_still_waits_does_not_end(void **state)
{
    struct rig *rig = *state;
    add(rig, 0, "u1", "n");
    expect(rig, 0, HTTP_POST);
    add(rig, 2 * RECORDER_SERIES_MS, "u1", "n");
    recorder_expire(&rig->recorder, at(4 * RECORDER_SERIES_MS));
    reply(rig, 4 * RECORDER_SERIES_MS, ERR_TRANSPORT);
    add(rig, 6 * RECORDER_SERIES_MS, "u1", "n");
    tell(rig, 6 * RECORDER_SERIES_MS, HTTP_POST);
    assert_int_equal(sent_count(rig), 3);
}

static void absent_texts_are_left_out(void **state)
{
    struct rig *rig = *state;
    struct recorder_event e = event_of(NULL, "");
    e.rv = NULL;
    e.ns = ""; /* a cluster-scoped object: its events go to "default" */
    recorder_add(&rig->recorder, at(0), &e);
    expect(rig, 0, HTTP_POST);
    assert_string_equal(rig->request.path, "/apis/events.k8s.io/v1/namespaces/default/events");
    assert_non_null(strstr(rig->request.body, "\"namespace\":\"default\"},"));
    assert_non_null(strstr(rig->request.body, "\"action\":\"Make\",\"regarding\":{"
                                              "\"apiVersion\":\"example.com/v1\","
                                              "\"kind\":\"Widget\",\"name\":\"w\"}}"));
}

static void event_names_are_valid(void **state)
{
    struct rig *rig = *state;
    char longest[RECORDER_NAME_BYTES_MAX + 1] = {0};
    memset(longest, 'a', RECORDER_NAME_BYTES_MAX);
    char dotted[RECORDER_NAME_BYTES_MAX + 1] = {0};
    memset(dotted, 'b', RECORDER_NAME_BYTES_MAX);
    dotted[235] = '.'; /* the last byte that stays */
    char dashed[RECORDER_NAME_BYTES_MAX + 1] = {0};
    memset(dashed, 'c', RECORDER_NAME_BYTES_MAX);
    memset(dashed + 230, '-', 10);
    const struct {
        const char *name;
        const char *stem;
        size_t stem_bytes;
    } table[] = {
        {"w", "w", 1},         {"a.b-c", "a.b-c", 5},   {longest, longest, 236},
        {dotted, dotted, 235}, {dashed, dashed, 230},   {"system:admin", "event", 5},
        {"Upper", "event", 5}, {"../../x", "event", 5},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct recorder_event e = event_of(NULL, "n");
        e.name = table[i].name;
        recorder_add(&rig->recorder, at(0), &e);
        tell(rig, 0, HTTP_POST);
        char *name = sent_text(rig, "metadata", "name");
        char *about = sent_text(rig, "regarding", "name");
        assert_true(name_is_valid(name));
        assert_int_equal(strlen(name), table[i].stem_bytes + 17);
        assert_memory_equal(name, table[i].stem, table[i].stem_bytes);
        assert_int_equal(name[table[i].stem_bytes], '.');
        assert_string_equal(about, table[i].name);
        mem_free(name);
        mem_free(about);
    }
}

static void notes_are_cut_between_characters(void **state)
{
    static const struct {
        const char *end; /* behind 1022 bytes */
        size_t bytes;
    } table[] = {
        {"", 1022},   {"ab", 1024}, {"abc", 1024}, {"é", 1024},
        {"aé", 1023}, {"€", 1022},  {"a€", 1023},  {"😀", 1022},
    };
    struct rig *rig = *state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        char note[2048];
        memset(note, 'x', 1022);
        snprintf(note + 1022, sizeof note - 1022, "%s", table[i].end);
        struct recorder_event e = event_of("u1", note);
        char reason[] = {'R', (char)('a' + i), '\0'};
        e.reason = reason;
        recorder_add(&rig->recorder, at(0), &e);
        tell(rig, 0, HTTP_POST);
        char *sent = sent_text(rig, NULL, "note");
        assert_int_equal(strlen(sent), table[i].bytes);
        mem_free(sent);
        recorder_add(&rig->recorder, at(0), &e);
        tell(rig, 0, HTTP_PATCH); /* known by what is left of it */
    }
}

static void a_note_without_any_character_is_none(void **state)
{
    struct rig *rig = *state;
    char note[2048] = {0};
    memset(note, '\xbf', sizeof note - 1);
    add(rig, 0, "u1", note);
    tell(rig, 0, HTTP_POST);
    assert_null(sent_text(rig, NULL, "note"));
}

static void what_the_api_would_refuse_is_dropped(void **state)
{
    struct rig *rig = *state;
    char text[300] = {0};
    memset(text, 'a', sizeof text - 1);
    struct recorder_event bad[7];
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        bad[i] = event_of("u1", "n");
    }
    bad[0].name = "";
    bad[1].name = text;
    bad[2].ns = text;
    bad[3].uid = text;
    bad[4].rv = text;
    bad[5].reason = text;
    bad[6].action = "";
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        recorder_add(&rig->recorder, at(0), &bad[i]);
        expect_nothing(rig, 0);
        assert_int_equal(rig->recorder.dropped_total, i + 1);
    }
    assert_int_equal(rig->recorder.buckets.count, 0);
}

/* When it goes wrong. */

static void tries_again_three_times(void **state)
{
    static const int codes[] = {ERR_TRANSPORT, ERR_UNAUTHORIZED, ERR_CONFLICT, ERR_TOO_MANY,
                                ERR_SERVER};
    struct rig *rig = *state;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        uint64_t ms = 1000 * 1000 * (i + 1);
        add(rig, ms, "u1", "n");
        uint64_t delay_ms = 1000;
        for (unsigned n = 0; n < 3; n++, delay_ms *= 2) {
            expect(rig, ms, HTTP_POST);
            reply(rig, ms, codes[i]);
            assert_int_equal(recorder_deadline(&rig->recorder), ms + delay_ms);
            expect_nothing(rig, ms + delay_ms - 1);
            ms += delay_ms;
        }
        expect(rig, ms, HTTP_POST);
        assert_int_equal(rig->recorder.dropped_total, i);
        reply(rig, ms, codes[i]);
        assert_int_equal(rig->recorder.dropped_total, i + 1);
        assert_int_equal(recorder_deadline(&rig->recorder), UINT64_MAX);
        assert_int_equal(rig->recorder.series.count, 0);
    }
}

static void a_later_success_starts_the_count_of_tries_anew(void **state)
{
    struct rig *rig = *state;
    add(rig, 0, "u1", "n");
    expect(rig, 0, HTTP_POST);
    reply(rig, 0, ERR_SERVER);
    expect(rig, 1000, HTTP_POST);
    reply(rig, 1000, ERR_SERVER);
    tell(rig, 3000, HTTP_POST);
    add(rig, 4000, "u1", "n");
    expect(rig, 4000, HTTP_PATCH);
    reply(rig, 4000, ERR_SERVER);
    assert_int_equal(recorder_deadline(&rig->recorder), 5000);
}

static void gives_up_at_once_on_what_stays_wrong(void **state)
{
    static const int codes[] = {ERR_FORBIDDEN, ERR_NOT_FOUND, ERR_BAD_REQUEST, ERR_CANCELLED,
                                ERR_TOO_BIG};
    struct rig *rig = *state;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        add(rig, i, "u1", "n");
        expect(rig, i, HTTP_POST);
        reply(rig, i, codes[i]);
        expect_nothing(rig, i + 60000);
        assert_int_equal(rig->recorder.dropped_total, i + 1);
    }
    add(rig, 1000, "u1", "n");
    tell(rig, 1000, HTTP_POST);
    add(rig, 1000, "u1", "n");
    expect(rig, 1000, HTTP_PATCH);
    reply(rig, 1000, ERR_FORBIDDEN);
    assert_int_equal(rig->recorder.series.count, 0);
}

static void those_that_wait_do_not_hold_up_others(void **state)
{
    struct rig *rig = *state;
    add(rig, 0, "u1", "n");
    expect(rig, 0, HTTP_POST);
    reply(rig, 0, ERR_SERVER);
    add(rig, 500, "u2", "n");
    tell(rig, 500, HTTP_POST);
    expect_nothing(rig, 999);
    tell(rig, 1000, HTTP_POST);
}

static void a_post_whose_answer_was_lost_is_not_doubled(void **state)
{
    struct rig *rig = *state;
    add(rig, 0, "u1", "n");
    expect(rig, 0, HTTP_POST);
    char *first = sent_text(rig, "metadata", "name");
    reply(rig, 0, ERR_TRANSPORT);
    add(rig, 500, "u1", "n");
    expect(rig, 1000, HTTP_POST);
    char *second = sent_text(rig, "metadata", "name");
    assert_string_equal(first, second);
    reply(rig, 1000, ERR_EXISTS);
    tell(rig, 1000, HTTP_PATCH); /* what the first did not say */
    assert_int_equal(sent_count(rig), 2);
    expect_nothing(rig, 9000);
    assert_int_equal(rig->recorder.dropped_total, 0);
    mem_free(first);
    mem_free(second);
}

static void an_event_that_was_deleted_is_posted_again(void **state)
{
    struct rig *rig = *state;
    add(rig, 0, "u1", "n");
    tell(rig, 0, HTTP_POST);
    add(rig, 1000, "u1", "n");
    expect(rig, 1000, HTTP_PATCH);
    reply(rig, 1000, ERR_NOT_FOUND);
    tell(rig, 1000, HTTP_POST);
    assert_int_equal(sent_count(rig), 2);
    add(rig, 2000, "u1", "n");
    tell(rig, 2000, HTTP_PATCH);
    assert_int_equal(sent_count(rig), 3);
}

/* Limits. */

static void at_most_25_at_once_then_one_per_5_minutes(void **state)
{
    struct rig *rig = *state;
    unsigned sent = 0;
    char note[16];
    for (unsigned i = 0; i < 40; i++) {
        snprintf(note, sizeof note, "%u", i);
        add(rig, 0, "u1", note);
        while (want(rig, 0)) {
            reply(rig, 0, ERR_NONE);
            sent++;
        }
    }
    assert_int_equal(sent, 25);
    assert_int_equal(rig->recorder.dropped_total, 15);
    add(rig, 0, "u2", "of another object");
    tell(rig, 0, HTTP_POST);
    add(rig, RECORDER_REFILL_MS - 1, "u1", "too early");
    expect_nothing(rig, RECORDER_REFILL_MS - 1);
    add(rig, RECORDER_REFILL_MS, "u1", "a");
    tell(rig, RECORDER_REFILL_MS, HTTP_POST);
    add(rig, 2 * RECORDER_REFILL_MS - 1, "u1", "too early");
    expect_nothing(rig, 2 * RECORDER_REFILL_MS - 1);
    sent = 0;
    for (unsigned i = 0; i < 40; i++) { /* three more came since, not more than fit */
        snprintf(note, sizeof note, "again %u", i);
        add(rig, 4 * RECORDER_REFILL_MS, "u1", note);
        while (want(rig, 4 * RECORDER_REFILL_MS)) {
            reply(rig, 4 * RECORDER_REFILL_MS, ERR_NONE);
            sent++;
        }
    }
    assert_int_equal(sent, 3);
}

static void a_bucket_does_not_overflow(void **state)
{
    struct rig *rig = *state;
    uint64_t ms = 1000ULL * RECORDER_REFILL_MS + 7;
    char note[16];
    add(rig, 0, "u1", "n");
    for (unsigned i = 0; i < 40; i++) {
        snprintf(note, sizeof note, "%u", i);
        add(rig, ms, "u1", note);
    }
    assert_int_equal(rig->recorder.dropped_total, 15);
    add(rig, ms + RECORDER_REFILL_MS - 1, "u1", "a full one saves nothing up");
    assert_int_equal(rig->recorder.dropped_total, 16);

    add(rig, 0, "u2", "n");
    ms = 2 * RECORDER_REFILL_MS - 1; /* u2's has been full for almost a refill's time */
    for (unsigned i = 0; i < 25; i++) {
        snprintf(note, sizeof note, "%u", i);
        add(rig, ms, "u2", note);
    }
    assert_int_equal(rig->recorder.dropped_total, 16);
    add(rig, ms + 1, "u2", "nor does one just full");
    assert_int_equal(rig->recorder.dropped_total, 17);
}

static void the_bucket_that_is_forgotten_is_the_least_used(void **state)
{
    struct rig *rig = *state;
    rig->severity = EVENT_WARNING;
    char text[16];
    for (unsigned i = 0; i < 25; i++) {
        snprintf(text, sizeof text, "%u", i);
        add(rig, 0, "busy", text);
        tell(rig, 0, HTTP_POST);
    }
    for (unsigned i = 0; i < 2 * RECORDER_BUCKETS_MAX; i++) {
        snprintf(text, sizeof text, "u%u", i);
        add(rig, 0, text, "n");
        tell(rig, 0, HTTP_POST);
        add(rig, 0, "busy", "one more");
        assert_int_equal(rig->recorder.dropped_total, i + 1);
    }
    assert_int_equal(rig->recorder.buckets.count, RECORDER_BUCKETS_MAX);
}

static void counts_need_tokens_too_and_the_last_is_told(void **state)
{
    struct rig *rig = *state;
    unsigned sent = 0;
    for (unsigned i = 0; i < 1000; i++) {
        add(rig, i, "u1", "n");
        while (want(rig, i)) {
            reply(rig, i, ERR_NONE);
            sent++;
        }
    }
    assert_int_equal(sent, 25);
    assert_int_equal(rig->recorder.dropped_total, 0); /* counted, only not told yet */
    uint64_t over_ms = 999 + RECORDER_SERIES_MS;
    recorder_expire(&rig->recorder, at(over_ms - 1));
    expect_nothing(rig, over_ms - 1);
    recorder_expire(&rig->recorder, at(over_ms));
    tell(rig, over_ms, HTTP_PATCH);
    assert_int_equal(sent_count(rig), 1000);
    recorder_expire(&rig->recorder, at(over_ms));
    expect_nothing(rig, over_ms);
    assert_int_equal(rig->recorder.series.count, 0);
}

static void at_most_four_in_flight(void **state)
{
    struct rig *rig = *state;
    uint64_t tokens[4];
    char uid[16];
    for (unsigned i = 0; i < 6; i++) {
        snprintf(uid, sizeof uid, "u%u", i);
        add(rig, 0, uid, "n");
    }
    for (unsigned i = 0; i < 4; i++) {
        expect(rig, 0, HTTP_POST);
        tokens[i] = rig->token;
    }
    expect_nothing(rig, 0);
    assert_int_equal(recorder_deadline(&rig->recorder), UINT64_MAX);
    rig->token = tokens[2]; /* answers come in any order */
    reply(rig, 0, ERR_NONE);
    expect(rig, 0, HTTP_POST);
    assert_true(rig->token > tokens[3]);
    expect_nothing(rig, 0);
    assert_int_equal(rig->recorder.in_flight, 4);
    assert_int_equal(rig->recorder.pending, 1);
}

/* A thousand objects that change at once are not a thousand requests more. */
static void a_storm_of_normal_events_is_thinned_out_but_no_warning(void **state)
{
    struct rig *rig = *state;
    char uid[16];
    for (unsigned i = 0; i < RECORDER_NORMAL_BURST + 30; i++) {
        snprintf(uid, sizeof uid, "u%u", i);
        add(rig, 0, uid, "n");
    }
    assert_int_equal(rig->recorder.pending, RECORDER_NORMAL_BURST);
    assert_int_equal(rig->recorder.dropped_total, 30);
    add(rig, RECORDER_NORMAL_REFILL_MS - 1, "too early", "n");
    assert_int_equal(rig->recorder.pending, RECORDER_NORMAL_BURST);
    add(rig, RECORDER_NORMAL_REFILL_MS, "in time", "n");
    assert_int_equal(rig->recorder.pending, RECORDER_NORMAL_BURST + 1);
    rig->severity = EVENT_WARNING;
    add(rig, RECORDER_NORMAL_REFILL_MS, "warned", "n");
    assert_int_equal(rig->recorder.pending, RECORDER_NORMAL_BURST + 2);
}

static void a_slow_server_makes_it_drop(void **state)
{
    struct rig *rig = *state;
    rig->severity = EVENT_WARNING;
    char uid[16];
    for (unsigned i = 0; i < RECORDER_QUEUE_MAX + 10; i++) {
        snprintf(uid, sizeof uid, "u%u", i);
        add(rig, 0, uid, "n");
    }
    assert_int_equal(rig->recorder.pending, RECORDER_QUEUE_MAX);
    assert_int_equal(rig->recorder.dropped_total, 10);
    add(rig, 0, "u0", "n"); /* known: counted */
    assert_int_equal(rig->recorder.dropped_total, 10);
    tell(rig, 0, HTTP_POST);
    assert_int_equal(sent_count(rig), 2); /* first come, first served */
    add(rig, 0, "u9999", "n");
    assert_int_equal(rig->recorder.pending, RECORDER_QUEUE_MAX);
    add(rig, 0, "u0", "n"); /* no room to tell the count: kept for later */
    assert_int_equal(rig->recorder.pending, RECORDER_QUEUE_MAX);
    assert_int_equal(rig->recorder.dropped_total, 10);
}

/* The oldest is forgotten, so what is seen again then is new. */
static void knows_so_many_series_at_most(void **state)
{
    struct rig *rig = *state;
    rig->severity = EVENT_WARNING;
    char uid[16];
    for (unsigned i = 0; i < RECORDER_SERIES_MAX; i++) {
        snprintf(uid, sizeof uid, "u%u", i);
        add(rig, 0, uid, "n");
        tell(rig, 0, HTTP_POST);
    }
    add(rig, 0, "u0", "n"); /* young again */
    tell(rig, 0, HTTP_PATCH);
    add(rig, 0, "one more", "n");
    tell(rig, 0, HTTP_POST);
    assert_int_equal(rig->recorder.series.count, RECORDER_SERIES_MAX);
    add(rig, 0, "u0", "n");
    tell(rig, 0, HTTP_PATCH);
    add(rig, 0, "u1", "n");
    tell(rig, 0, HTTP_POST);
}

static void memory_is_bounded_and_goes_back(void **state)
{
    enum { NAMES = 1000 * 1000, NAMES_PER_MS = 100 };
    struct rig *rig = *state;
    rig->severity = EVENT_WARNING;
    char uid[16];
    uint64_t ms = 0;
    for (unsigned i = 0; i < NAMES; i++) {
        snprintf(uid, sizeof uid, "u%u", i);
        ms = i / NAMES_PER_MS;
        add(rig, ms, uid, "n");
        if (i % 8 == 0 && want(rig, ms)) {
            reply(rig, ms, i % 3 == 0 ? ERR_TRANSPORT : ERR_NONE);
        }
        recorder_expire(&rig->recorder, at(ms));
    }
    assert_true(rig->recorder.series.count <= RECORDER_SERIES_MAX);
    assert_true(rig->recorder.buckets.count <= RECORDER_BUCKETS_MAX);
    assert_true(rig->recorder.dropped_total > NAMES / 2);
    ms += 60 * 1000;
    while (want(rig, ms)) {
        reply(rig, ms, ERR_NONE);
    }
    ms += RECORDER_SERIES_MS;
    recorder_expire(&rig->recorder, at(ms));
    assert_int_equal(rig->recorder.series.count, 0);
    assert_int_equal(rig->recorder.buckets.count, 0);
    assert_int_equal(rig->recorder.pending, 0);
}

static void buckets_are_kept_until_full(void **state)
{
    struct rig *rig = *state;
    char note[16];
    for (unsigned i = 0; i < 25; i++) {
        snprintf(note, sizeof note, "%u", i);
        add(rig, 0, "u1", note);
        tell(rig, 0, HTTP_POST);
    }
    recorder_expire(&rig->recorder, at(25 * RECORDER_REFILL_MS - 1));
    assert_int_equal(rig->recorder.buckets.count, 1);
    recorder_expire(&rig->recorder, at(25 * RECORDER_REFILL_MS));
    assert_int_equal(rig->recorder.buckets.count, 0);
}

/* At random: where no limit bites, the server knows every count in the end, whatever was lost. */

enum { EVENTS = 12, RUNS = 500, STEPS = 120 };

struct told {
    char name[RECORDER_NAME_BYTES_MAX + 1];
    int64_t count;
};

struct events_server {
    struct told told[4 * EVENTS];
    size_t count;
};

static struct told *find_told(struct events_server *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->told[i].name, name) == 0) {
            return &s->told[i];
        }
    }
    return NULL;
}

static int server_take(struct events_server *s, const struct rig *rig)
{
    if (rig->request.method == HTTP_PATCH) {
        struct told *told = find_told(s, strrchr(rig->request.path, '/') + 1);
        if (told == NULL) {
            return ERR_NOT_FOUND;
        }
        assert_true(sent_count(rig) >= told->count);
        told->count = sent_count(rig);
        return ERR_NONE;
    }
    char *name = sent_text(rig, "metadata", "name");
    bool exists = find_told(s, name) != NULL;
    if (!exists) {
        assert_true(s->count < ARRAY_LEN(s->told));
        struct told *told = &s->told[s->count++];
        snprintf(told->name, sizeof told->name, "%s", name);
        told->count = sent_count(rig);
    }
    mem_free(name);
    return exists ? ERR_EXISTS : ERR_NONE;
}

struct flight {
    uint64_t token;
    int code;
};

static void land(struct rig *rig, struct flight *flights, size_t *count, size_t i, uint64_t ms)
{
    rig->token = flights[i].token;
    reply(rig, ms, flights[i].code);
    flights[i] = flights[--*count];
}

static void random_run(uint64_t seed)
{
    struct rig *rig = NULL;
    make((void **)&rig);
    struct random r;
    random_init(&r, seed);
    struct events_server server = {0};
    struct flight flights[RECORDER_IN_FLIGHT_MAX];
    size_t in_flight = 0;
    unsigned added = 0;
    uint64_t ms = 0;
    for (unsigned step = 0; step < STEPS || in_flight > 0 || rig->recorder.pending > 0; step++) {
        ms += random_below(&r, 400);
        if (step < STEPS && random_below(&r, 2) == 0) {
            char uid[16];
            snprintf(uid, sizeof uid, "u%u", (unsigned)random_below(&r, EVENTS));
            add(rig, ms, uid, "n");
            added++;
        }
        if (in_flight > 0 && random_below(&r, 2) == 0) {
            land(rig, flights, &in_flight, random_below(&r, in_flight), ms);
        }
        if (random_below(&r, 2) == 0 && want(rig, ms)) {
            bool arrives = random_below(&r, 10) != 0;
            int code = arrives ? server_take(&server, rig) : ERR_TRANSPORT;
            bool answer_lost = random_below(&r, 10) == 0;
            flights[in_flight++] = (struct flight){rig->token, answer_lost ? ERR_TRANSPORT : code};
        }
        assert_int_equal(rig->recorder.in_flight, in_flight);
    }
    int64_t told = 0;
    for (size_t i = 0; i < server.count; i++) {
        told += server.told[i].count;
    }
    if (rig->recorder.dropped_total == 0) { /* four losses in a row are possible */
        assert_int_equal(told, added);
    }
    unmake((void **)&rig);
}

static void in_the_end_all_is_told(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < RUNS; seed++) {
        random_run(seed);
    }
}

static void ends_in_any_state(void **state)
{
    struct rig *rig = *state;
    add(rig, 0, "u1", "idle");
    tell(rig, 0, HTTP_POST);
    add(rig, 0, "u1", "waits to be tried again");
    expect(rig, 0, HTTP_POST);
    reply(rig, 0, ERR_SERVER);
    add(rig, 0, "u1", "in flight");
    expect(rig, 0, HTTP_POST);
    add(rig, 0, "u1", "pending");
}

#define RULE(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(posts_an_event),
        RULE(repeats_are_counted_by_patches),
        RULE(what_comes_while_it_waits_is_only_counted),
        RULE(same_means_the_same),
        RULE(a_series_ends_six_minutes_after_the_last),
        RULE(a_series_that_still_waits_does_not_end),
        RULE(absent_texts_are_left_out),
        RULE(event_names_are_valid),
        RULE(notes_are_cut_between_characters),
        RULE(a_note_without_any_character_is_none),
        RULE(what_the_api_would_refuse_is_dropped),
        RULE(tries_again_three_times),
        RULE(a_later_success_starts_the_count_of_tries_anew),
        RULE(gives_up_at_once_on_what_stays_wrong),
        RULE(those_that_wait_do_not_hold_up_others),
        RULE(a_post_whose_answer_was_lost_is_not_doubled),
        RULE(an_event_that_was_deleted_is_posted_again),
        RULE(at_most_25_at_once_then_one_per_5_minutes),
        RULE(a_bucket_does_not_overflow),
        RULE(the_bucket_that_is_forgotten_is_the_least_used),
        RULE(counts_need_tokens_too_and_the_last_is_told),
        RULE(at_most_four_in_flight),
        RULE(a_storm_of_normal_events_is_thinned_out_but_no_warning),
        RULE(a_slow_server_makes_it_drop),
        RULE(knows_so_many_series_at_most),
        RULE(memory_is_bounded_and_goes_back),
        RULE(buckets_are_kept_until_full),
        cmocka_unit_test(in_the_end_all_is_told),
        RULE(ends_in_any_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

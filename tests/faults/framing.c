/*
 * Answers that real API servers gave (streams/, recorded with curl from hack/cluster), cut
 * anywhere: the reflector sees the same events, its store holds the same, and it asks for the same
 * next.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "kube/reflector.h"
#include "shell/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    STREAM_BYTES_MAX = 1 << 20,
    SHORT_BYTES = 220, /* streams up to this are cut in three, too */
    REQUESTS_AFTER = 2,
    LINE_BYTES = 256 << 10,
    MEASUREMENTS = 5,
};

#define DIRECTORY "tests/faults/streams/"

/* Which request an answer is for. */
enum asked { ASKED_WATCH_LIST, ASKED_LIST, ASKED_WATCH };

static const struct stream {
    const char *file;
    enum asked asked;
    int http_status;
    bool crlf;        /* every line's end becomes CR LF */
    const char *says; /* a part of what comes of it, written by hand */
} streams[] = {
    {"watch", ASKED_WATCH, 200, false,
     "note größe – 大小 😀 \"quoted\" \\ back\nadded default/web 412\n"},
    {"watch", ASKED_WATCH, 200, true, "removed default/gone 415\n"},
    {"watch-list", ASKED_WATCH_LIST, 200, false, "removed default/cache"},
    {"watch-list", ASKED_WATCH_LIST, 200, true, "changed default/web 7\n"},
    {"list", ASKED_LIST, 200, false, "2 objects\n"},
    {"list-page-1", ASKED_LIST, 200, false, "?continue="},
    {"refusal-422", ASKED_WATCH_LIST, 422, false, "0 objects\n"},
    {"refusal-422", ASKED_LIST, 422, false, "ListOptions.meta.k8s.io \"\" is invalid"},
    {"refusal-abc", ASKED_WATCH, 500, false, "parsing \"abc\": invalid syntax"},
    {"refusal-404", ASKED_LIST, 404, false, "404 page not found"},
    {"refusal-410", ASKED_LIST, 410, false, "memcacheds?limit=500\n"},
    {"error-410", ASKED_WATCH, 200, false, "memcacheds?resourceVersion=1\n"},
};

/* ---- a reflector, and what is seen of it ---- */

struct listener {
    struct store store;
    struct random random;
    struct reflector reflector;
    struct now now;
    struct buf trace;
};

static struct listener l;

/* Non-ASCII text, too, must come as it was sent. */
static int decode(yyjson_val *json, struct object **out, struct error *err)
{
    const char *note = yyjson_get_str(yyjson_ptr_get(json, "/metadata/annotations/note"));
    buf_printf(&l.trace, "note %s\n", note != NULL ? note : "none");
    return object_decode_meta(json, out, err);
}

static const struct kind kind = {"cache.example.com", "v1alpha1", "Memcached", "memcacheds",
                                 decode};

static void on_change(void *ctx, const struct object *before, const struct object *after)
{
    (void)ctx;
    const struct object *o = after != NULL ? after : before;
    buf_printf(&l.trace, "%s %s/%s %s\n",
               before == NULL  ? "added"
               : after == NULL ? "removed"
                               : "changed",
               o->ns, o->name, o->rv);
}

static void on_report(void *ctx, const char *verb, const struct reflector_spec *spec,
                      uint64_t retry_in_ms, const struct error *err)
{
    (void)ctx;
    (void)spec;
    buf_printf(&l.trace, "report %s %s in %llu ms\n", verb, err != NULL ? err->message : "good",
               (unsigned long long)retry_in_ms);
}

/* The next request, when its time has come. */
static void ask(void)
{
    struct request request;
    uint64_t at_ms = reflector_deadline(&l.reflector);
    l.now.mono_ms = at_ms != UINT64_MAX && at_ms > l.now.mono_ms ? at_ms : l.now.mono_ms;
    if (reflector_want(&l.reflector, l.now, &request)) {
        buf_printf(&l.trace, "GET %s\n", request.path);
        request_fini(&request);
    }
}

static void end(const struct error *failure)
{
    if (failure != NULL) {
        buf_printf(&l.trace, "error %s\n", failure->message);
    }
    reflector_end(&l.reflector, l.now, failure);
}

static void answer(int http_status, const char *body)
{
    struct error err = ERROR_INIT;
    reflector_head(&l.reflector, l.now, http_status, -1);
    assert_int_equal(reflector_body(&l.reflector, l.now, body, strlen(body), &err), 0);
    end(NULL);
    ask();
}

static void start(enum asked asked)
{
    static const struct reflector_spec spec = {.kind = &kind, .ns = ""};
    l.now = (struct now){.mono_ms = 1000000, .wall_us = 1767225600000000};
    random_init(&l.random, 7);
    store_init(&l.store, &kind, 7);
    store_subscribe(&l.store, on_change, NULL);
    reflector_init(&l.reflector, &spec, &l.store, &l.random, on_report, NULL);
    buf_reset(&l.trace, STREAM_BYTES_MAX);
    ask();
    if (asked != ASKED_WATCH_LIST) {
        answer(422, "{\"kind\":\"Status\",\"code\":422,\"reason\":\"Invalid\"}");
    }
    if (asked == ASKED_WATCH) {
        answer(200, "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]}");
    }
}

/* After the answer: what the store holds, and what is asked for next. */
static void finish(void)
{
    for (int i = 0; i < REQUESTS_AFTER; i++) {
        ask();
    }
    map_for_each (&l.store.objects, e) {
        const struct object *o = e->value;
        buf_printf(&l.trace, "holds %s/%s %s %s\n", o->ns, o->name, o->rv, o->uid);
    }
    buf_printf(&l.trace, "%zu objects\n", l.store.objects.count);
    reflector_fini(&l.reflector);
    store_fini(&l.store);
}

/* The answer in pieces that end at each of @cuts; "" is no piece of an answer. */
static void play(const struct stream *s, const struct buf *bytes, const size_t *cuts, size_t count)
{
    struct error err = ERROR_INIT;
    int code = 0;
    size_t from = 0;
    start(s->asked);
    reflector_head(&l.reflector, l.now, s->http_status, -1);
    for (size_t i = 0; code == 0 && i <= count; i++) {
        size_t to = i < count ? cuts[i] : bytes->len;
        if (to > from) {
            code = reflector_body(&l.reflector, l.now, bytes->data + from, to - from, &err);
        }
        from = to;
    }
    end(code != 0 ? &err : NULL);
    finish();
}

/* ---- cutting ---- */

static void read_stream(const struct stream *s, struct buf *out)
{
    char path[128];
    struct error err = ERROR_INIT;
    CLEANUP(buf_fini) struct buf raw;
    buf_init(&raw, STREAM_BYTES_MAX);
    buf_init(out, STREAM_BYTES_MAX);
    snprintf(path, sizeof(path), DIRECTORY "%s", s->file);
    file_read(path, &raw, &err);
    assert_string_equal(err.message, "");
    for (size_t i = 0; i < raw.len; i++) {
        if (s->crlf && raw.data[i] == '\n') {
            buf_append_char(out, '\r');
        }
        buf_append_char(out, raw.data[i]);
    }
}

static void assert_same(const struct stream *s, const char *expected, size_t first, size_t second)
{
    if (strcmp(buf_text(&l.trace), expected) != 0) {
        print_message("%s%s, cut at %zu and %zu:\n", s->file, s->crlf ? " with CRLF" : "", first,
                      second);
        assert_string_equal(buf_text(&l.trace), expected);
    }
}

static void cut_in_two(const struct stream *s, const struct buf *bytes, const char *expected)
{
    for (size_t cut = 1; cut < bytes->len; cut++) {
        play(s, bytes, &cut, 1);
        assert_same(s, expected, cut, cut);
    }
}

static void cut_in_three(const struct stream *s, const struct buf *bytes, const char *expected)
{
    size_t cuts[2];
    for (cuts[0] = 1; cuts[0] < bytes->len; cuts[0]++) {
        for (cuts[1] = cuts[0] + 1; cuts[1] < bytes->len; cuts[1]++) {
            play(s, bytes, cuts, 2);
            assert_same(s, expected, cuts[0], cuts[1]);
        }
    }
}

static void cut_everywhere(const struct stream *s, const struct buf *bytes, const char *expected)
{
    size_t *cuts = mem_alloc(bytes->len * sizeof(*cuts));
    for (size_t i = 0; i < bytes->len; i++) {
        cuts[i] = i + 1;
    }
    play(s, bytes, cuts, bytes->len);
    mem_free(cuts);
    assert_same(s, expected, 1, 2);
}

static void a_stream_may_be_cut_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
        const struct stream *s = &streams[i];
        CLEANUP(buf_fini) struct buf bytes;
        read_stream(s, &bytes);
        play(s, &bytes, NULL, 0);
        char *whole = mem_strdup(buf_text(&l.trace));
        if (strstr(whole, s->says) == NULL) {
            assert_string_equal(whole, s->says);
        }
        cut_in_two(s, &bytes, whole);
        cut_everywhere(s, &bytes, whole);
        if (bytes.len <= SHORT_BYTES) {
            cut_in_three(s, &bytes, whole);
        }
        mem_free(whole);
    }
}

/* The second page of a list, in pieces; the first one came whole. */
static void a_second_page_may_be_cut_anywhere(void **state)
{
    (void)state;
    static const struct stream first = {"list-page-1", ASKED_LIST, 200, false, ""};
    static const struct stream second = {"list-page-2", ASKED_LIST, 200, false, ""};
    CLEANUP(buf_fini) struct buf one;
    CLEANUP(buf_fini) struct buf two;
    CLEANUP(buf_fini) struct buf whole;
    read_stream(&first, &one);
    read_stream(&second, &two);
    buf_init(&whole, STREAM_BYTES_MAX);
    for (size_t cut = 0; cut < two.len; cut++) {
        struct error err = ERROR_INIT;
        start(ASKED_LIST);
        answer(200, one.data);
        reflector_head(&l.reflector, l.now, 200, -1);
        assert_int_equal(reflector_body(&l.reflector, l.now, two.data, cut, &err), 0);
        assert_int_equal(reflector_body(&l.reflector, l.now, two.data + cut, two.len - cut, &err),
                         0);
        end(NULL);
        finish();
        if (cut == 0) {
            buf_append(&whole, l.trace.data, l.trace.len);
            assert_non_null(strstr(whole.data, "2 objects\n"));
        }
        assert_same(&second, whole.data, cut, cut);
    }
}

/* ---- linear time ---- */

static int64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* CPU time for one object of @len bytes, a byte at a time. */
static int64_t time_of(const struct stream *s, size_t len)
{
    struct error err = ERROR_INIT;
    CLEANUP(buf_fini) struct buf bytes;
    buf_init(&bytes, 2 * len + 1024);
    buf_append_text(&bytes, s->asked == ASKED_LIST
                                ? "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[{\"x\":\""
                                : "{\"type\":\"ADDED\",\"object\":{\"x\":\"");
    while (bytes.len < len) {
        buf_append_char(&bytes, 'x');
    }
    start(s->asked);
    reflector_head(&l.reflector, l.now, 200, -1);
    int64_t start_ns = cpu_ns();
    for (size_t i = 0; i < bytes.len; i++) {
        reflector_body(&l.reflector, l.now, bytes.data + i, 1, &err);
    }
    int64_t took_ns = cpu_ns() - start_ns;
    assert_int_equal(err.code, ERR_NONE);
    finish();
    return took_ns;
}

static int compare_times(const void *a, const void *b)
{
    int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
    return (first > second) - (first < second);
}

static int64_t median_time(const struct stream *s, size_t len)
{
    int64_t times[MEASUREMENTS];
    for (size_t i = 0; i < MEASUREMENTS; i++) {
        times[i] = time_of(s, len);
    }
    qsort(times, MEASUREMENTS, sizeof(times[0]), compare_times);
    return times[MEASUREMENTS / 2];
}

/* Not a matter of speed: four times the bytes take four times as long if each is looked at once,
 * and sixteen times if each piece has the line looked at from its start. CPU time of this thread,
 * and medians, leave out what else the machine does. */
static void time_is_linear(void **state)
{
    (void)state;
    static const struct stream rows[] = {{"watch", ASKED_WATCH, 200, false, ""},
                                         {"list", ASKED_LIST, 200, false, ""}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t once = median_time(&rows[i], LINE_BYTES);
        int64_t four = median_time(&rows[i], 4 * LINE_BYTES);
        print_message("%s: %lld us, and %lld us for 4 times as much\n", rows[i].file,
                      (long long)once / 1000, (long long)four / 1000);
        assert_true(four < 8 * once);
    }
}

static int set_up(void **state)
{
    (void)state;
    buf_init(&l.trace, STREAM_BYTES_MAX);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_fini(&l.trace);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_may_be_cut_anywhere),
        cmocka_unit_test(a_second_page_may_be_cut_anywhere),
        cmocka_unit_test(time_is_linear),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

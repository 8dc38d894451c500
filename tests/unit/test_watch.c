/* The stream decoder: every event comes out once, in order and whole, whatever the splits. */
#include "lib/testing.h"

#include "base/mem.h"
#include "kube/json.h"
#include "kube/watch.h"

#include <string.h>

/* Events as text, one a line; fails at the event numbered fail_at (1 is the first). */
struct trace {
    struct buf text;
    int events;
    int fail_at;
};

static int record(void *ctx, const struct watch_event *event, struct error *err)
{
    static const char *const names[] = {"ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"};
    struct trace *t = ctx;
    const char *name = yyjson_get_str(json_at(event->object, "metadata", "name", NULL));

    if (++t->events == t->fail_at) {
        return error_set(err, ERR_GONE, "told to fail");
    }
    buf_printf(&t->text, "%s %s rv=%s%s\n", names[event->type], name == NULL ? "-" : name,
               event->rv == NULL ? "-" : event->rv, event->initial_events_end ? " end" : "");
    return 0;
}

static void trace_init(struct trace *t)
{
    *t = (struct trace){0};
    buf_init(&t->text, 1 << 20);
}

static void trace_fini(struct trace *t)
{
    buf_fini(&t->text);
}

#define OBJECT(name, rv)    "{\"metadata\":{\"name\":\"" name "\",\"resourceVersion\":\"" rv "\"}}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}"
#define BOOKMARK(rv, annotated)                                                                    \
    EVENT("BOOKMARK", "{\"metadata\":{\"resourceVersion\":\"" rv "\",\"annotations\":"             \
                      "{\"k8s.io/initial-events-end\":\"" annotated "\"}}}")
#define NAME_OF_MANY_BYTES "schl\xc3\xbcssel-\xf0\x9f\x94\x91"
#define OTHER_ORDER        "{\"object\":" OBJECT("c", "4") ", \"extra\": [1], \"type\":\"BOOKMARK\"}"
#define STATUS             "{\"kind\":\"Status\",\"metadata\":{\"resourceVersion\":\"7\"},\"code\":410}"

#define LINE_1 EVENT("ADDED", OBJECT("a", "1")) "\n"
#define LINE_2 EVENT("MODIFIED", OBJECT(NAME_OF_MANY_BYTES, "2")) "\r\n"
#define LINE_3 EVENT("DELETED", OBJECT("a\\n\\\"b", "3")) "\n"
#define LINE_4 OTHER_ORDER "\n"
#define LINE_5 BOOKMARK("5", "true") "\n"
#define LINE_6 BOOKMARK("6", "false") "\n"
#define LINE_7 EVENT("ERROR", STATUS) "\n"

static const char STREAM[] = LINE_1 LINE_2 "\n\r\n" LINE_3 LINE_4 LINE_5 LINE_6 LINE_7;

static const char EXPECTED[] = "ADDED a rv=1\n"
                               "MODIFIED " NAME_OF_MANY_BYTES " rv=2\n"
                               "DELETED a\n\"b rv=3\n"
                               "BOOKMARK c rv=4\n"
                               "BOOKMARK - rv=5 end\n"
                               "BOOKMARK - rv=6\n"
                               "ERROR - rv=-\n";

/* Feed from memory of exactly that size, so that reading past it is seen. */
static int feed(struct watch *w, const char *bytes, size_t len, struct trace *t, struct error *err)
{
    char *copy = mem_alloc(len);

    memcpy(copy, bytes, len);
    int rc = watch_feed(w, copy, len, record, t, err);
    mem_free(copy);
    return rc;
}

static void decodes_a_stream_split_anywhere(void **state)
{
    (void)state;
    size_t len = sizeof STREAM - 1;

    for (size_t first = 0; first <= len; first++) {
        for (size_t second = first; second <= len; second += 1 + len / 40) {
            CLEANUP(watch_fini) struct watch w;
            CLEANUP(trace_fini) struct trace t;
            watch_init(&w);
            trace_init(&t);
            assert_int_equal(feed(&w, STREAM, first, &t, NULL), 0);
            assert_int_equal(feed(&w, STREAM + first, second - first, &t, NULL), 0);
            assert_int_equal(feed(&w, STREAM + second, len - second, &t, NULL), 0);
            assert_string_equal(buf_text(&t.text), EXPECTED);
        }
    }
}

static void decodes_a_stream_byte_by_byte(void **state)
{
    (void)state;
    CLEANUP(watch_fini) struct watch w;
    CLEANUP(trace_fini) struct trace t;

    watch_init(&w);
    trace_init(&t);
    for (size_t i = 0; i < sizeof STREAM - 1; i++) {
        assert_int_equal(feed(&w, &STREAM[i], 1, &t, NULL), 0);
    }
    assert_string_equal(buf_text(&t.text), EXPECTED);
}

#define OPEN_16  "[[[[[[[[[[[[[[[["
#define CLOSE_16 "]]]]]]]]]]]]]]]]"
#define DEEP_65  "[" OPEN_16 OPEN_16 OPEN_16 OPEN_16 CLOSE_16 CLOSE_16 CLOSE_16 CLOSE_16 "]"

static void a_bad_line_ends_the_stream_behind_the_good_ones(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int code;
    } cases[] = {
        {"not json", ERR_PARSE},
        {"{\"type\":\"ADDED\"", ERR_PARSE},
        {"[]", ERR_PARSE},
        {"null", ERR_PARSE},
        {"\"ADDED\"", ERR_PARSE},
        {"{}", ERR_PARSE},
        {EVENT("ADDED", OBJECT("a", "1")) " junk", ERR_PARSE},
        {EVENT("RENAMED", OBJECT("a", "1")), ERR_PARSE},
        {EVENT("added", OBJECT("a", "1")), ERR_PARSE},
        {EVENT("ADDED\\u0000", OBJECT("a", "1")), ERR_PARSE},
        {"{\"type\":7,\"object\":" OBJECT("a", "1") "}", ERR_PARSE},
        {"{\"object\":" OBJECT("a", "1") "}", ERR_PARSE},
        {"{\"type\":\"ADDED\"}", ERR_PARSE},
        {EVENT("ADDED", "null"), ERR_PARSE},
        {EVENT("ADDED", "[]"), ERR_PARSE},
        {EVENT("ERROR", "\"too old\""), ERR_PARSE},
        {EVENT("ADDED", "{}"), ERR_PARSE},
        {EVENT("ADDED", "{\"metadata\":[]}"), ERR_PARSE},
        {EVENT("ADDED", "{\"metadata\":{\"resourceVersion\":1}}"), ERR_PARSE},
        {EVENT("BOOKMARK", "{\"metadata\":{\"resourceVersion\":null}}"), ERR_PARSE},
        {EVENT("MODIFIED", OBJECT("a", "")), ERR_PARSE},
        {EVENT("MODIFIED", OBJECT("a", "1\\u00002")), ERR_PARSE},
        {EVENT("MODIFIED", OBJECT("a", "1234567890123456789012345678901234567890123456789012345678"
                                       "901234")),
         ERR_PARSE},
        {EVENT("ADDED", OBJECT("a\xff", "1")), ERR_PARSE},
        {DEEP_65, ERR_TOO_BIG},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(watch_fini) struct watch w;
        CLEANUP(trace_fini) struct trace t;
        CLEANUP(buf_fini) struct buf stream;
        struct error err = ERROR_INIT;

        watch_init(&w);
        trace_init(&t);
        buf_init(&stream, 4096);
        buf_printf(&stream, "%s\n%s\n%s\n", EVENT("ADDED", OBJECT("first", "1")), cases[i].line,
                   EVENT("ADDED", OBJECT("after", "2")));
        if (feed(&w, stream.data, stream.len, &t, &err) != cases[i].code) {
            fail_msg("%s: %d %s", cases[i].line, err.code, err.message);
        }
        assert_int_equal(err.code, cases[i].code);
        assert_true(err.message[0] != '\0');
        assert_string_equal(buf_text(&t.text), "ADDED first rv=1\n");
    }
}

static void the_longest_version_passes(void **state)
{
    (void)state;
    CLEANUP(watch_fini) struct watch w;
    CLEANUP(trace_fini) struct trace t;
    static const char line[] =
        EVENT("ADDED",
              OBJECT("a", "123456789012345678901234567890123456789012345678901234567890123")) "\n";

    watch_init(&w);
    trace_init(&t);
    assert_int_equal(feed(&w, line, sizeof line - 1, &t, NULL), 0);
    assert_int_equal(t.events, 1);
}

static void an_unfinished_line_waits_and_reset_forgets_it(void **state)
{
    (void)state;
    CLEANUP(watch_fini) struct watch w;
    CLEANUP(trace_fini) struct trace t;
    static const char line[] = EVENT("ADDED", OBJECT("a", "1")) "\n";

    watch_init(&w);
    trace_init(&t);
    assert_int_equal(feed(&w, line, sizeof line - 2, &t, NULL), 0);
    assert_int_equal(t.events, 0);
    watch_reset(&w);
    assert_int_equal(feed(&w, line, sizeof line - 1, &t, NULL), 0);
    assert_string_equal(buf_text(&t.text), "ADDED a rv=1\n");
}

static void the_callback_ends_the_stream(void **state)
{
    (void)state;
    CLEANUP(watch_fini) struct watch w;
    CLEANUP(trace_fini) struct trace t;
    struct error err = ERROR_INIT;

    watch_init(&w);
    trace_init(&t);
    t.fail_at = 2;
    assert_int_equal(feed(&w, STREAM, sizeof STREAM - 1, &t, &err), ERR_GONE);
    assert_string_equal(err.message, "told to fail");
    assert_int_equal(t.events, 2);
}

/* An ADDED event of exactly @bytes, padded inside; with its newline. */
static char *line_of(size_t bytes)
{
    static const char head[] = "{\"type\":\"ADDED\",\"pad\":\"";
    static const char tail[] = "\",\"object\":" OBJECT("big", "9") "}\n";
    char *line = mem_alloc(bytes + 1);

    memset(line, 'x', bytes);
    memcpy(line, head, sizeof head - 1);
    memcpy(line + bytes + 1 - (sizeof tail - 1), tail, sizeof tail - 1);
    return line;
}

/* Feed @len bytes in pieces of @piece. */
static int feed_pieces(struct watch *w, const char *bytes, size_t len, size_t piece,
                       struct trace *t, struct error *err)
{
    int rc = 0;

    for (size_t at = 0; rc == 0 && at < len; at += piece) {
        rc = watch_feed(w, bytes + at, len - at < piece ? len - at : piece, record, t, err);
    }
    return rc;
}

static void a_line_may_be_as_long_as_the_limit_and_no_longer(void **state)
{
    (void)state;
    static const size_t pieces[] = {16 << 10, SIZE_MAX};

    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        for (size_t over = 0; over <= 1; over++) {
            CLEANUP(watch_fini) struct watch w;
            CLEANUP(trace_fini) struct trace t;
            struct error err = ERROR_INIT;
            size_t bytes = BODY_BYTES_MAX + over;
            char *line = line_of(bytes);
            int rc;

            watch_init(&w);
            trace_init(&t);
            rc = feed_pieces(&w, line, bytes + 1, pieces[i], &t, &err);
            assert_int_equal(rc, over == 0 ? 0 : ERR_TOO_BIG);
            assert_int_equal(t.events, over == 0);
            mem_free(line);
        }
    }
}

static void a_line_without_end_is_cut_at_the_limit(void **state)
{
    (void)state;
    CLEANUP(watch_fini) struct watch w;
    CLEANUP(trace_fini) struct trace t;
    struct error err = ERROR_INIT;
    char chunk[4096];
    int rc = 0;
    size_t fed = 0;

    watch_init(&w);
    trace_init(&t);
    memset(chunk, ' ', sizeof chunk);
    while (rc == 0) {
        rc = watch_feed(&w, chunk, sizeof chunk, record, &t, &err);
        fed += sizeof chunk;
        assert_true(fed <= BODY_BYTES_MAX + sizeof chunk);
    }
    assert_int_equal(rc, ERR_TOO_BIG);
}

static void a_huge_line_leaves_no_huge_buffer(void **state)
{
    (void)state;
    CLEANUP(watch_fini) struct watch w;
    CLEANUP(trace_fini) struct trace t;
    size_t bytes = 1 << 20;
    char *line = line_of(bytes);

    watch_init(&w);
    trace_init(&t);
    assert_int_equal(feed_pieces(&w, line, bytes + 1, 1000, &t, NULL), 0);
    assert_int_equal(t.events, 1);
    assert_true(w.line.cap <= 64 << 10);
    assert_int_equal(feed_pieces(&w, line, bytes, 1000, &t, NULL), 0);
    watch_reset(&w);
    assert_true(w.line.cap <= 64 << 10);
    mem_free(line);
}

static void a_whole_line_is_not_copied(void **state)
{
    (void)state;
    CLEANUP(watch_fini) struct watch w;
    CLEANUP(trace_fini) struct trace t;

    watch_init(&w);
    trace_init(&t);
    assert_int_equal(watch_feed(&w, STREAM, sizeof STREAM - 1, record, &t, NULL), 0);
    assert_int_equal(t.events, 7);
    assert_null(w.line.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_a_stream_split_anywhere),
        cmocka_unit_test(decodes_a_stream_byte_by_byte),
        cmocka_unit_test(a_bad_line_ends_the_stream_behind_the_good_ones),
        cmocka_unit_test(the_longest_version_passes),
        cmocka_unit_test(an_unfinished_line_waits_and_reset_forgets_it),
        cmocka_unit_test(the_callback_ends_the_stream),
        cmocka_unit_test(a_line_may_be_as_long_as_the_limit_and_no_longer),
        cmocka_unit_test(a_line_without_end_is_cut_at_the_limit),
        cmocka_unit_test(a_huge_line_leaves_no_huge_buffer),
        cmocka_unit_test(a_whole_line_is_not_copied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

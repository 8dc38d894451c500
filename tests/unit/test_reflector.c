/*
 * Golden traces: a script plays the server, the trace says what the reflector asked for, what the
 * store told its subscriber and what was reported. One test for each rule of docs/reflector.md.
 *
 * Random times are written by their bounds: "timeoutSeconds=T" (checked), "800+ ms" for a wait in
 * [800, 1600).
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "kube/reflector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESOURCE "/api/v1/pods"
#define WATCH    "watch=1&allowWatchBookmarks=true&timeoutSeconds=T"

/* What the trace says of requests. */
#define INITIAL_EVENTS     "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
#define GET_WATCH_LIST     "GET " RESOURCE "?" WATCH INITIAL_EVENTS
#define GET_WATCH_FROM(rv) "GET " RESOURCE "?" WATCH "&resourceVersion=" rv
#define GET_LIST(query)    "GET " RESOURCE "?" query
#define GET_CHECK(rv)      "GET " RESOURCE "?fieldSelector=metadata.name%3Dx&resourceVersion=" rv

/* What the server says. */
#define POD(name, rv)                                                                              \
    "{\"metadata\":{\"namespace\":\"a\",\"name\":\"" name "\",\"resourceVersion\":\"" rv "\"}}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define ADDED(name, rv)     EVENT("ADDED", POD(name, rv))
#define MODIFIED(name, rv)  EVENT("MODIFIED", POD(name, rv))
#define DELETED(name, rv)   EVENT("DELETED", POD(name, rv))
#define BOOKMARK(rv)        EVENT("BOOKMARK", "{\"metadata\":{\"resourceVersion\":\"" rv "\"}}")
#define INITIAL_END(rv)                                                                            \
    EVENT("BOOKMARK", "{\"metadata\":{\"resourceVersion\":\"" rv "\",\"annotations\":"             \
                      "{\"k8s.io/initial-events-end\":\"true\"}}}")
#define STATUS(code, reason)                                                                       \
    "{\"kind\":\"Status\",\"metadata\":{},\"code\":" #code ",\"reason\":\"" reason "\"}"
#define ERROR_EVENT(code, reason) EVENT("ERROR", STATUS(code, reason))
#define TOO_LARGE                                                                                  \
    "{\"kind\":\"Status\",\"code\":504,\"reason\":\"Timeout\",\"details\":{\"causes\":["           \
    "{\"reason\":\"ResourceVersionTooLarge\"}],\"retryAfterSeconds\":1}}"
#define LIST(rv, items)                                                                            \
    "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"" rv "\"},\"items\":[" items "]}"
#define PAGE(rv, token, items)                                                                     \
    "{\"metadata\":{\"resourceVersion\":\"" rv "\",\"continue\":\"" token "\"},\"items\":[" items  \
    "]}"

/* ---- the script ------------------------------------------------------------------------------ */

/* A pod whose spec is "broken" does not decode. */
static int decode_pod(yyjson_val *json, struct object **out, struct error *err)
{
    if (yyjson_obj_get(json, "broken") != NULL) {
        return error_set(err, ERR_PARSE, "spec is broken");
    }
    return object_decode_meta(json, out, err);
}

static const struct kind POD_KIND = {"", "v1", "Pod", "pods", decode_pod};

struct script {
    struct store store;
    struct random random;
    struct reflector reflector;
    struct now now;
    struct buf trace, expected;
    char *accept;
    uint32_t timeout_ms;
};

static void trace_object(struct buf *out, const struct object *o)
{
    buf_printf(out, " %s/%s@%s", o->ns, o->name, o->rv);
}

static void on_change(void *ctx, const struct object *before, const struct object *after)
{
    struct script *s = ctx;

    buf_append_text(&s->trace, before == NULL ? "add" : after == NULL ? "remove" : "update");
    trace_object(&s->trace, after == NULL ? before : after);
    buf_append_char(&s->trace, '\n');
}

static void trace_wait(struct buf *out, uint64_t ms)
{
    static const uint64_t bases[] = {12800, 6400, 3200, 1600, 800};

    for (size_t i = 0; i < ARRAY_LEN(bases); i++) {
        if (ms >= bases[i]) {
            buf_printf(out, "%d+ ms", (int)bases[i]);
            return;
        }
    }
    buf_printf(out, "%d ms", (int)ms);
}

static void on_report(void *ctx, const char *verb, const struct reflector_spec *spec,
                      uint64_t retry_in_ms, const struct error *err)
{
    struct script *s = ctx;

    assert_ptr_equal(spec->kind, &POD_KIND);
    if (err == NULL) {
        buf_printf(&s->trace, "%s works\n", verb);
        assert_false(reflector_failing(&s->reflector));
        return;
    }
    assert_true(reflector_failing(&s->reflector));
    assert_true(err->message[0] != '\0');
    buf_printf(&s->trace, "%s failed: %s, again in ", verb, error_code_name(err->code));
    if (err->code == ERR_NOT_FOUND) {
        assert_in_range(retry_in_ms, 800, 5000);
        buf_append_text(&s->trace, "5 s at most");
    } else {
        trace_wait(&s->trace, retry_in_ms);
    }
    buf_append_char(&s->trace, '\n');
    assert_int_equal(reflector_deadline(&s->reflector), s->now.mono_ms + retry_in_ms);
}

static void script_init_spec(struct script *s, const struct reflector_spec *spec)
{
    *s = (struct script){.now = {.mono_ms = 1000000}};
    buf_init(&s->trace, 1 << 20);
    buf_init(&s->expected, 1 << 20);
    random_init(&s->random, 42);
    store_init(&s->store, spec->kind, 7);
    store_subscribe(&s->store, on_change, s);
    reflector_init(&s->reflector, spec, &s->store, &s->random, on_report, s);
}

static void script_init(struct script *s)
{
    script_init_spec(s, &(struct reflector_spec){.kind = &POD_KIND, .ns = ""});
}

static void script_fini(struct script *s)
{
    reflector_fini(&s->reflector);
    store_fini(&s->store);
    mem_free(s->accept);
    buf_fini(&s->trace);
    buf_fini(&s->expected);
}

/* "timeoutSeconds=437" becomes "timeoutSeconds=T". */
static void trace_path(struct buf *out, const char *path)
{
    const char *number = strstr(path, "timeoutSeconds=");
    char *end = NULL;

    if (number == NULL) {
        buf_printf(out, "GET %s\n", path);
        return;
    }
    number += strlen("timeoutSeconds=");
    long seconds = strtol(number, &end, 10);
    assert_in_range(seconds, 300, 600);
    buf_printf(out, "GET %.*sT%s\n", (int)(number - path), path, end);
}

/* Wait until the reflector wants a request. */
static void want(struct script *s)
{
    struct request request = {0};
    uint64_t wake_ms = reflector_deadline(&s->reflector);

    if (wake_ms > s->now.mono_ms) {
        s->now.mono_ms = wake_ms - 1;
        assert_false(reflector_want(&s->reflector, s->now, &request));
        s->now.mono_ms = wake_ms;
    }
    assert_true(reflector_want(&s->reflector, s->now, &request));
    trace_path(&s->trace, request.path);
    assert_int_equal(request.method, HTTP_GET);
    assert_true(request.stream);
    assert_null(request.body);
    mem_free(s->accept);
    s->accept = mem_strdup(request.accept == NULL ? "" : request.accept);
    s->timeout_ms = request.timeout_ms;
    assert_true(s->timeout_ms > 0);
    request_fini(&request);
    assert_false(reflector_want(&s->reflector, s->now, &request)); /* one at a time */
}

static void pass(struct script *s, uint64_t ms)
{
    s->now.mono_ms += ms;
}

static void head(struct script *s, int http_status)
{
    reflector_head(&s->reflector, s->now, http_status, -1);
}

/* As the manager does: an error ends the request. */
static void body(struct script *s, const char *text)
{
    struct error err = ERROR_INIT;

    if (reflector_body(&s->reflector, s->now, text, strlen(text), &err) != 0) {
        buf_append_text(&s->trace, "cancel\n");
        reflector_end(&s->reflector, s->now, &err);
    }
}

static void end(struct script *s)
{
    reflector_end(&s->reflector, s->now, NULL);
}

static void cut(struct script *s, int code)
{
    struct error err = ERROR_INIT;

    error_set(&err, code, "cut");
    reflector_end(&s->reflector, s->now, &err);
}

/* A whole answer to the request that is wanted next. */
static void answer(struct script *s, int http_status, const char *text)
{
    want(s);
    head(s, http_status);
    body(s, text);
    if (s->reflector.state != REFLECTOR_WAITING) {
        end(s);
    }
}

/* A 200 that goes on. */
static void stream(struct script *s, const char *text)
{
    want(s);
    head(s, 200);
    body(s, text);
}

/* A watch that is answered, brings nothing, and lasts not quite a second. */
static void end_early(struct script *s)
{
    stream(s, "");
    pass(s, REFLECTOR_SHORT_WATCH_MS - 1);
    end(s);
}

/* To an own write. */
static enum store_result put_answer(struct script *s, const char *pod)
{
    struct object *o = NULL;
    yyjson_doc *doc = yyjson_read(pod, strlen(pod), 0);

    assert_int_equal(object_decode_meta(yyjson_doc_get_root(doc), &o, NULL), 0);
    yyjson_doc_free(doc);
    return store_put_answer(&s->store, o);
}

static void refuse(struct script *s)
{
    answer(s, 422, STATUS(422, "Invalid"));
}

/* One line each; empty ones are left out. */
static const char *joined(struct script *s, const char *const *lines)
{
    buf_reset(&s->expected, SIZE_MAX);
    for (; *lines != NULL; lines++) {
        buf_printf(&s->expected, "%s%s", *lines, **lines == '\0' ? "" : "\n");
    }
    return buf_text(&s->expected);
}

#define forget_trace(s) buf_reset(&(s)->trace, SIZE_MAX)

/* The trace since the last call, by its lines. */
#define assert_trace(s, ...)                                                                       \
    do {                                                                                           \
        assert_string_equal(buf_text(&(s)->trace),                                                 \
                            joined(s, (const char *const[]){__VA_ARGS__, NULL}));                  \
        forget_trace(s);                                                                           \
    } while (0)

/* In step at version 10 with a/x@5, a watch in flight, the trace empty. */
static void script_init_watching(struct script *s)
{
    script_init(s);
    stream(s, ADDED("x", "5") INITIAL_END("10"));
    assert_int_equal(s->reflector.state, REFLECTOR_WATCHING);
    forget_trace(s);
}

/* The same of a server that knows only LIST, by a watch of its own. */
static void script_init_after_list(struct script *s)
{
    script_init(s);
    refuse(s);
    answer(s, 200, LIST("10", POD("x", "5")));
    want(s);
    head(s, 200);
    forget_trace(s);
}

#define SCRIPT(name, init)                                                                         \
    CLEANUP(script_fini) struct script name;                                                       \
    (void)state;                                                                                   \
    init(&name)

/* ---- WatchList ------------------------------------------------------------------------------- */

static void watch_list_fills_and_goes_on_as_a_watch(void **state)
{
    SCRIPT(s, script_init);

    stream(&s, ADDED("x", "5") ADDED("y", "6"));
    assert_trace(&s, GET_WATCH_LIST); /* nothing is visible yet */
    assert_false(reflector_synced(&s.reflector));
    assert_null(s.reflector.scope->rv);
    body(&s, INITIAL_END("10"));
    assert_trace(&s, "add a/x@5", "add a/y@6", "list works");
    assert_true(reflector_synced(&s.reflector));
    assert_string_equal(s.reflector.scope->rv, "10");

    body(&s, MODIFIED("x", "11") ADDED("z", "12") DELETED("y", "13"));
    assert_trace(&s, "update a/x@11", "add a/z@12", "remove a/y@6");
    assert_string_equal(s.reflector.scope->rv, "13");
    end(&s);
    want(&s);
    assert_trace(&s, GET_WATCH_FROM("13"));
}

static void watch_list_applies_changes_among_the_initial_events(void **state)
{
    SCRIPT(s, script_init);

    stream(&s, EVENT("ADDED", "{\"metadata\":{\"namespace\":\"b\",\"name\":\"y\","
                              "\"resourceVersion\":\"4\"}}"));
    body(&s, ADDED("x", "5") ADDED("y", "6") ADDED("z", "7") MODIFIED("x", "8") DELETED("y", "9")
                 DELETED("z", "9") ADDED("z", "10") INITIAL_END("10"));
    assert_trace(&s, GET_WATCH_LIST, "add b/y@4", "add a/x@8", "add a/z@10", "list works");
}

static void watch_list_ignores_other_bookmarks_until_the_end(void **state)
{
    SCRIPT(s, script_init);

    stream(&s, ADDED("x", "5") BOOKMARK("7"));
    assert_null(s.reflector.scope->rv);
    body(&s, INITIAL_END("10"));
    assert_trace(&s, GET_WATCH_LIST, "add a/x@5", "list works");
}

static void watch_list_refused_means_list_at_once_and_for_good(void **state)
{
    static const struct {
        int http_status;
        const char *body;
    } refusals[] = {
        {400, STATUS(400, "BadRequest")},
        {422, STATUS(422, "Invalid")},
        {405, ""},
        {406, "text"},
        {409, STATUS(409, "Conflict")},
        {409, STATUS(409, "AlreadyExists")},
        {418, ""},
        {302, ""},
        {200, ERROR_EVENT(500, "InternalError")},
        {200, ADDED("x", "5") ERROR_EVENT(500, "RequestWatchProgress is disabled")},
        {200, ERROR_EVENT(400, "BadRequest")},
        {200, ERROR_EVENT(503, "ServiceUnavailable")},
        {200, ADDED("x", "5")}, /* over before its bookmark */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        CLEANUP(script_fini) struct script s;
        script_init(&s);
        answer(&s, refusals[i].http_status, refusals[i].body);
        forget_trace(&s);
        answer(&s, 200, LIST("10", POD("y", "6")));
        assert_trace(&s, GET_LIST("resourceVersion=0&limit=500"), "add a/y@6", "list works");
        /* and a relist is a LIST too */
        want(&s);
        head(&s, 410);
        end(&s);
        forget_trace(&s);
        want(&s);
        assert_trace(&s, GET_LIST("resourceVersion=10"));
    }
}

static void watch_list_without_its_bookmark_is_cut_after_a_minute(void **state)
{
    SCRIPT(s, script_init);

    stream(&s, ADDED("x", "5") BOOKMARK("7"));
    assert_int_equal(reflector_deadline(&s.reflector), s.now.mono_ms + 60000);
    pass(&s, 59999);
    assert_false(reflector_overdue(&s.reflector, s.now));
    pass(&s, 1);
    assert_true(reflector_overdue(&s.reflector, s.now));
    cut(&s, ERR_CANCELLED);
    forget_trace(&s);
    want(&s);
    assert_trace(&s, GET_LIST("resourceVersion=0&limit=500"));
}

static void watch_list_without_any_answer_is_no_refusal(void **state)
{
    SCRIPT(s, script_init);

    want(&s);
    pass(&s, 60000);
    assert_true(reflector_overdue(&s.reflector, s.now));
    cut(&s, ERR_CANCELLED);
    want(&s);
    assert_trace(&s, GET_WATCH_LIST, "list failed: transport, again in 800+ ms", GET_WATCH_LIST);
}

static void watch_list_that_fails_otherwise_is_tried_again(void **state)
{
    static const struct {
        int http_status;
        const char *body;
        const char *name;
    } failures[] = {
        {401, "", "unauthorized"},
        {403, "", "forbidden"},
        {429, "", "too-many"},
        {500, "", "server"},
        {503, "", "server"},
        {200, ADDED("x", "5") ERROR_EVENT(403, "Forbidden"), "forbidden"},
        {200, ADDED("x", "5") ERROR_EVENT(429, "TooManyRequests"), "too-many"},
        {200, ADDED("x", "5") "garbage\n", "parse"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
        CLEANUP(script_fini) struct script s;
        char failed[64];
        script_init(&s);
        answer(&s, failures[i].http_status, failures[i].body);
        want(&s);
        snprintf(failed, sizeof failed, "list failed: %s, again in 800+ ms", failures[i].name);
        assert_trace(&s, GET_WATCH_LIST, failures[i].http_status == 200 ? "cancel" : "", failed,
                     GET_WATCH_LIST);
        assert_false(reflector_synced(&s.reflector));
        head(&s, 200); /* a head alone is no success yet */
        assert_true(reflector_failing(&s.reflector));
        body(&s, INITIAL_END("10")); /* and nothing of the first attempt is left */
        assert_trace(&s, "list works");
    }
}

static void watch_list_cut_by_the_network_is_tried_again(void **state)
{
    SCRIPT(s, script_init);

    stream(&s, ADDED("x", "5"));
    cut(&s, ERR_TRANSPORT);
    want(&s);
    assert_trace(&s, GET_WATCH_LIST, "list failed: transport, again in 800+ ms", GET_WATCH_LIST);
}

static void watch_list_relist_names_the_last_version_then_none(void **state)
{
    SCRIPT(s, script_init_watching);

    body(&s, ERROR_EVENT(410, "Expired"));
    answer(&s, 410, STATUS(410, "Expired"));
    stream(&s, ADDED("y", "20") INITIAL_END("21"));
    assert_trace(&s, "cancel", "watch failed: gone, again in 800+ ms",
                 GET_WATCH_LIST "&resourceVersion=10", GET_WATCH_LIST, "remove a/x@5", "add a/y@20",
                 "list works");
}

static void watch_list_too_large_a_version_is_dropped_also_in_an_event(void **state)
{
    SCRIPT(s, script_init_watching);

    body(&s, ERROR_EVENT(410, "Expired"));
    stream(&s, EVENT("ERROR", TOO_LARGE));
    stream(&s, INITIAL_END("9"));
    assert_trace(&s, "cancel", "watch failed: gone, again in 800+ ms",
                 GET_WATCH_LIST "&resourceVersion=10", "cancel", GET_WATCH_LIST, "remove a/x@5",
                 "list works");
    assert_string_equal(s.reflector.scope->rv, "9");
}

/* ---- LIST ------------------------------------------------------------------------------------ */

static void list_then_watch(void **state)
{
    SCRIPT(s, script_init);

    refuse(&s);
    answer(&s, 200, LIST("10", POD("x", "5") "," POD("y", "6")));
    stream(&s, ADDED("z", "11"));
    assert_trace(&s, GET_WATCH_LIST, GET_LIST("resourceVersion=0&limit=500"), "add a/x@5",
                 "add a/y@6", "list works", GET_WATCH_FROM("10"), "add a/z@11");
}

static void list_pages_drop_the_version_and_may_be_empty(void **state)
{
    SCRIPT(s, script_init);

    refuse(&s);
    answer(&s, 200, PAGE("10", "one/=&", POD("x", "5")));
    answer(&s, 200, PAGE("10", "two", ""));
    assert_false(reflector_synced(&s.reflector));
    answer(&s, 200, PAGE("11", "three", POD("y", "6")));
    answer(&s, 200, LIST("12", POD("z", "7")));
    want(&s);
    assert_trace(&s, GET_WATCH_LIST, GET_LIST("resourceVersion=0&limit=500"),
                 GET_LIST("continue=one%2F%3D%26&limit=500"), GET_LIST("continue=two&limit=500"),
                 GET_LIST("continue=three&limit=500"), "add a/x@5", "add a/y@6", "add a/z@7",
                 "list works", GET_WATCH_FROM("10"));
}

static void list_page_expired_means_one_whole_list(void **state)
{
    SCRIPT(s, script_init);

    refuse(&s);
    answer(&s, 200, PAGE("10", "one", POD("x", "5") "," POD("gone", "6")));
    answer(&s, 410, STATUS(410, "Expired"));
    answer(&s, 200, LIST("20", POD("x", "5") "," POD("y", "15")));
    want(&s);
    assert_trace(&s, GET_WATCH_LIST, GET_LIST("resourceVersion=0&limit=500"),
                 GET_LIST("continue=one&limit=500"), GET_LIST("resourceVersion=0"), "add a/x@5",
                 "add a/y@15", "list works", GET_WATCH_FROM("20"));
    /* the next one comes in pages again */
    head(&s, 404);
    end(&s);
    answer(&s, 404, "");
    forget_trace(&s);
    want(&s);
    assert_trace(&s, GET_LIST("resourceVersion=0&limit=500"));
}

/* A server that pages and expires whatever it is asked: at once as often as there are other ways to
 * ask, then with backoff. */
static void list_that_always_expires_backs_off(void **state)
{
    SCRIPT(s, script_init);

    refuse(&s);
    forget_trace(&s);
    for (int i = 0; i < 4; i++) {
        answer(&s, 200, PAGE("10", "one", POD("x", "5")));
        answer(&s, 410, STATUS(410, "Expired"));
    }
    want(&s);
    assert_trace(&s, GET_LIST("resourceVersion=0&limit=500"), GET_LIST("continue=one&limit=500"),
                 GET_LIST("resourceVersion=0"), GET_LIST("continue=one&limit=500"),
                 GET_LIST("limit=500"), GET_LIST("continue=one&limit=500"), "GET " RESOURCE,
                 GET_LIST("continue=one&limit=500"), "list failed: gone, again in 800+ ms",
                 "GET " RESOURCE);
}

static void relist_names_the_last_version_and_has_no_limit(void **state)
{
    SCRIPT(s, script_init_after_list);

    body(&s, ADDED("y", "11") ERROR_EVENT(410, "Expired"));
    answer(&s, 200, LIST("20", POD("y", "11")));
    assert_trace(&s, "add a/y@11", "cancel", "watch failed: gone, again in 800+ ms",
                 GET_LIST("resourceVersion=11"), "remove a/x@5", "list works");
}

static void relist_refused_means_a_quorum_read_in_pages(void **state)
{
    static const struct {
        int http_status;
        const char *body;
    } answers[] = {
        {410, STATUS(410, "Expired")},
        {410, "plain text"},
        {504, TOO_LARGE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        CLEANUP(script_fini) struct script s;
        script_init_after_list(&s);
        body(&s, ERROR_EVENT(410, "Expired"));
        forget_trace(&s);
        answer(&s, answers[i].http_status, answers[i].body);
        answer(&s, 200, PAGE("30", "one", POD("x", "5")));
        answer(&s, 200, LIST("31", POD("y", "25")));
        assert_trace(&s, GET_LIST("resourceVersion=10"), GET_LIST("limit=500"),
                     GET_LIST("continue=one&limit=500"), "update a/x@5", "add a/y@25",
                     "list works");
        /* and the next relist is an ordinary one */
        stream(&s, ERROR_EVENT(410, "Expired"));
        forget_trace(&s);
        want(&s);
        assert_trace(&s, GET_LIST("resourceVersion=30"));
    }
}

static void first_list_too_large_means_a_quorum_read(void **state)
{
    SCRIPT(s, script_init);

    refuse(&s);
    answer(&s, 504, TOO_LARGE);
    answer(&s, 504, TOO_LARGE);
    want(&s);
    assert_trace(&s, GET_WATCH_LIST, GET_LIST("resourceVersion=0&limit=500"), GET_LIST("limit=500"),
                 "list failed: rv-too-large, again in 800+ ms", GET_LIST("limit=500"));
}

static void quorum_read_below_the_last_version_is_taken_as_it_is(void **state)
{
    SCRIPT(s, script_init_after_list);

    body(&s, MODIFIED("x", "1000") ADDED("lost", "1001") ERROR_EVENT(410, "Expired"));
    answer(&s, 504, TOO_LARGE);
    forget_trace(&s);
    answer(&s, 200, LIST("50", POD("x", "40")));
    want(&s);
    assert_trace(&s, GET_LIST("limit=500"), "remove a/lost@1001", "update a/x@40", "list works",
                 GET_WATCH_FROM("50"));
}

static void relist_below_the_last_version_steps_nothing_back(void **state)
{
    SCRIPT(s, script_init_after_list);

    body(&s, MODIFIED("x", "20") ERROR_EVENT(410, "Expired"));
    forget_trace(&s);
    answer(&s, 200, LIST("15", POD("x", "12")));
    assert_trace(&s, GET_LIST("resourceVersion=20"), "list works");
    assert_string_equal(store_get(&s.store, "a", "x")->rv, "20");
}

static void quorum_read_above_the_last_version_keeps_own_writes(void **state)
{
    SCRIPT(s, script_init_after_list);

    body(&s, ERROR_EVENT(410, "Expired"));
    answer(&s, 410, "");
    forget_trace(&s);
    want(&s);
    put_answer(&s, POD("own", "60"));
    head(&s, 200);
    body(&s, LIST("50", ""));
    end(&s);
    assert_trace(&s, GET_LIST("limit=500"), "add a/own@60", "remove a/x@5", "list works");
}

static void list_of_what_is_not_served_empties_and_waits_shortly(void **state)
{
    SCRIPT(s, script_init);

    for (int i = 0; i < 8; i++) {
        answer(&s, 404, "404 page not found\n");
        assert_trace(&s, GET_WATCH_LIST, "list failed: not-found, again in 5 s at most");
    }
    assert_false(reflector_synced(&s.reflector));
    stream(&s, ADDED("x", "5") INITIAL_END("10"));
    assert_trace(&s, GET_WATCH_LIST, "add a/x@5", "list works");
}

static void list_of_what_is_no_longer_served_empties_the_store(void **state)
{
    SCRIPT(s, script_init_after_list);

    end(&s);
    pass(&s, 1);
    answer(&s, 404, "404 page not found\n"); /* the watch ends */
    answer(&s, 404, "404 page not found\n");
    assert_true(reflector_synced(&s.reflector)); /* as it was */
    answer(&s, 200, LIST("20", POD("x", "15")));
    assert_trace(&s, GET_WATCH_FROM("10"), "watch failed: not-found, again in 5 s at most",
                 GET_LIST("resourceVersion=10"), "remove a/x@5",
                 "list failed: not-found, again in 5 s at most",
                 GET_LIST("resourceVersion=0&limit=500"), "add a/x@15", "list works");
}

static void list_that_fails_begins_anew_from_its_first_page(void **state)
{
    SCRIPT(s, script_init);

    refuse(&s);
    forget_trace(&s);
    answer(&s, 200, PAGE("10", "one", POD("x", "5")));
    answer(&s, 500, "");
    answer(&s, 200, LIST("20", POD("y", "15")));
    assert_trace(&s, GET_LIST("resourceVersion=0&limit=500"), GET_LIST("continue=one&limit=500"),
                 "list failed: server, again in 800+ ms", GET_LIST("resourceVersion=0&limit=500"),
                 "add a/y@15", "list works");
}

static void list_that_is_garbage_changes_nothing(void **state)
{
    static const char *const bodies[] = {
        "<html>",
        "{}",
        "{\"items\":[]}",
        "",
        "{\"metadata\":{\"resourceVersion\":\"20\"},\"items\"",
        LIST("20", POD("y", "15") ",7"),
        LIST("20", POD("y", "15") ",{\"metadata\":{}}"),
        LIST("20", POD("y", "15") ",{\"broken\":1,\"metadata\":{\"name\":\"z\"}}"),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        CLEANUP(script_fini) struct script s;
        script_init_after_list(&s);
        body(&s, ERROR_EVENT(410, "Expired"));
        answer(&s, 200, bodies[i]);
        assert_string_equal(store_get(&s.store, "a", "x")->rv, "5");
        assert_int_equal(s.store.objects.count, 1);
        assert_string_equal(s.reflector.scope->rv, "10");
        assert_non_null(strstr(buf_text(&s.trace), "list failed: parse, again in "));
        forget_trace(&s);
        answer(&s, 200, LIST("20", POD("y", "15")));
        assert_trace(&s, GET_LIST("resourceVersion=10"), "remove a/x@5", "add a/y@15",
                     "list works");
    }
}

static void list_cut_by_the_network_changes_nothing(void **state)
{
    SCRIPT(s, script_init);

    refuse(&s);
    forget_trace(&s);
    stream(&s, LIST("10", POD("x", "5"))); /* complete, but who knows */
    cut(&s, ERR_TRANSPORT);
    assert_trace(&s, GET_LIST("resourceVersion=0&limit=500"),
                 "list failed: transport, again in 800+ ms");
    assert_false(reflector_synced(&s.reflector));
}

/* ---- WATCH ----------------------------------------------------------------------------------- */

static void watch_follows_events_and_bookmarks(void **state)
{
    SCRIPT(s, script_init_watching);

    body(&s, BOOKMARK("15"));
    assert_string_equal(s.reflector.scope->rv, "15");
    body(&s, MODIFIED("x", "16"));
    assert_string_equal(s.reflector.scope->rv, "16");
    body(&s, DELETED("x", "17"));
    assert_string_equal(s.reflector.scope->rv, "17");
    body(&s, INITIAL_END("18")); /* nobody asked; a bookmark like any other */
    assert_string_equal(s.reflector.scope->rv, "18");
    assert_trace(&s, "update a/x@16", "remove a/x@16");
}

static void watch_event_of_what_left_the_filter_spares_newer_objects(void **state)
{
    SCRIPT(s, script_init_watching);

    body(&s, MODIFIED("x", "20"));
    forget_trace(&s);
    body(&s, DELETED("x", "19"));
    assert_trace(&s, "");
}

static void watch_that_ends_is_taken_up_at_once(void **state)
{
    SCRIPT(s, script_init_watching);

    pass(&s, 400000);
    body(&s, BOOKMARK("15"));
    end(&s);
    want(&s);
    head(&s, 200);
    pass(&s, 1000); /* without an event, but not short */
    end(&s);
    assert_int_equal(reflector_deadline(&s.reflector), s.now.mono_ms);
    stream(&s, ADDED("y", "16")); /* short, but not without an event */
    end(&s);
    assert_int_equal(reflector_deadline(&s.reflector), s.now.mono_ms);
    want(&s);
    assert_trace(&s, GET_WATCH_FROM("15"), GET_WATCH_FROM("15"), "add a/y@16",
                 GET_WATCH_FROM("16"));
}

static void watch_that_ends_early_without_an_event_backs_off(void **state)
{
    SCRIPT(s, script_init_after_list);

    body(&s, BOOKMARK("11")); /* of the watch before */
    end(&s);
    end_early(&s);
    assert_in_range(reflector_deadline(&s.reflector) - s.now.mono_ms, 800, 1599);
    assert_trace(&s, GET_WATCH_FROM("11")); /* the server is busy: nobody needs to know */
    assert_false(reflector_failing(&s.reflector));
    want(&s);
    assert_trace(&s, GET_WATCH_FROM("11"));
}

static void watch_that_ends_early_again_is_reported(void **state)
{
    SCRIPT(s, script_init_watching);

    end(&s);
    end_early(&s);
    end_early(&s);
    end_early(&s);
    assert_trace(&s, GET_WATCH_FROM("10"), GET_WATCH_FROM("10"),
                 "watch failed: transport, again in 1600+ ms", GET_WATCH_FROM("10"), "watch works",
                 "watch failed: transport, again in 3200+ ms");
    stream(&s, BOOKMARK("11"));
    end(&s);
    end_early(&s);
    assert_trace(&s, GET_WATCH_FROM("10"), "watch works", GET_WATCH_FROM("11"));
}

static void watch_gone_relists_from_the_last_version(void **state)
{
    for (int in_event = 0; in_event <= 1; in_event++) {
        SCRIPT(s, script_init_after_list);
        body(&s, BOOKMARK("15"));
        end(&s);
        if (in_event) {
            stream(&s, ERROR_EVENT(410, "Expired"));
        } else {
            answer(&s, 410, STATUS(410, "Gone"));
        }
        want(&s);
        assert_trace(&s, GET_WATCH_FROM("15"), in_event ? "cancel" : "",
                     "watch failed: gone, again in 800+ ms", GET_LIST("resourceVersion=15"));
    }
}

static void watch_that_is_refused_is_tried_again_without_a_relist(void **state)
{
    static const struct {
        int http_status;
        const char *name;
    } refusals[] = {{401, "unauthorized"}, {403, "forbidden"}, {429, "too-many"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        CLEANUP(script_fini) struct script s;
        char failed[64];
        script_init_watching(&s);
        end(&s);
        answer(&s, refusals[i].http_status, "");
        stream(&s, ADDED("y", "11"));
        snprintf(failed, sizeof failed, "watch failed: %s, again in 800+ ms", refusals[i].name);
        assert_trace(&s, GET_WATCH_FROM("10"), failed, GET_WATCH_FROM("10"), "watch works",
                     "add a/y@11");
    }
}

static void watch_cut_by_the_network_is_tried_again_without_a_relist(void **state)
{
    SCRIPT(s, script_init_watching);

    body(&s, ADDED("y", "11"));
    body(&s, "{\"type\":\"ADDED\",\"object\":{\"met"); /* half a line */
    cut(&s, ERR_TRANSPORT);
    want(&s);
    cut(&s, ERR_TRANSPORT); /* refused */
    want(&s);
    pass(&s, 2000);
    end(&s); /* or closed without an answer */
    answer(&s, 200, LIST("12", POD("x", "5")));
    stream(&s, ADDED("z", "12"));
    assert_trace(&s, "add a/y@11", "watch failed: transport, again in 800+ ms", GET_CHECK("11"),
                 "watch failed: transport, again in 1600+ ms", GET_CHECK("11"),
                 "watch failed: transport, again in 3200+ ms", GET_CHECK("11"),
                 GET_WATCH_FROM("11"), "watch works", "add a/z@12");
}

static void watch_whose_server_is_in_trouble_is_tried_again_after_a_check(void **state)
{
    static const int http_statuses[] = {500, 502, 503, 504};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(http_statuses); i++) {
        CLEANUP(script_fini) struct script s;
        script_init_watching(&s);
        end(&s);
        answer(&s, http_statuses[i], "");
        answer(&s, http_statuses[i], "");
        answer(&s, 403, ""); /* well again, but we may not: still nothing is known of its history */
        answer(&s, 200, LIST("10", ""));
        stream(&s, ADDED("y", "11"));
        assert_trace(&s, GET_WATCH_FROM("10"), "watch failed: server, again in 800+ ms",
                     GET_CHECK("10"), "watch failed: server, again in 1600+ ms", GET_CHECK("10"),
                     "watch failed: forbidden, again in 3200+ ms", GET_CHECK("10"),
                     GET_WATCH_FROM("10"), "watch works", "add a/y@11");
    }
}

/* A watch would have been silent: the server has not come to that version yet, and never had it. */
static void server_that_came_back_with_an_older_history_is_listed_anew(void **state)
{
    static const struct {
        int http_status;
        const char *body;
        enum reflector_history history;
    } answers[] = {
        {504, TOO_LARGE, REFLECTOR_HISTORY_DOUBTED},
        {410, STATUS(410, "Expired"), REFLECTOR_HISTORY_GOES_ON},
        /* one that does not wait to be as new as it was asked for */
        {200, LIST("9", ""), REFLECTOR_HISTORY_DOUBTED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        CLEANUP(script_fini) struct script s;
        script_init_after_list(&s);
        body(&s, MODIFIED("x", "1000") ADDED("lost", "1001"));
        cut(&s, ERR_TRANSPORT);
        forget_trace(&s);
        assert_int_equal(reflector_take_history(&s.reflector), REFLECTOR_HISTORY_GOES_ON);
        answer(&s, answers[i].http_status, answers[i].body);
        assert_int_equal(reflector_take_history(&s.reflector), answers[i].history);
        answer(&s, 200, LIST("9", POD("x", "7")));
        assert_trace(&s, GET_CHECK("1001"), GET_LIST("limit=500"), "remove a/lost@1001",
                     "update a/x@7", "list works");
        assert_int_equal(reflector_take_history(&s.reflector), REFLECTOR_HISTORY_RESET);
        assert_int_equal(reflector_take_history(&s.reflector), REFLECTOR_HISTORY_GOES_ON);
        want(&s);
        assert_trace(&s, GET_WATCH_FROM("9"));
    }
}

/* Between the two answers as much was written as was lost. */
static void history_reset_shows_in_a_list_that_takes_an_object_back(void **state)
{
    SCRIPT(s, script_init_after_list);

    body(&s, MODIFIED("x", "1000"));
    cut(&s, ERR_TRANSPORT);
    answer(&s, 504, TOO_LARGE);
    forget_trace(&s);
    answer(&s, 200, LIST("1001", POD("x", "7")));
    assert_trace(&s, GET_LIST("limit=500"), "update a/x@7", "list works");
    assert_int_equal(reflector_take_history(&s.reflector), REFLECTOR_HISTORY_RESET);
}

/* Only the answer to an own write has told of the version that is lost. */
static void check_is_about_own_writes_too(void **state)
{
    SCRIPT(s, script_init_after_list);

    put_answer(&s, POD("x", "11"));
    cut(&s, ERR_TRANSPORT);
    forget_trace(&s);
    answer(&s, 504, TOO_LARGE);
    answer(&s, 200, LIST("10", POD("x", "5")));
    assert_trace(&s, GET_CHECK("11"), GET_LIST("limit=500"), "update a/x@5", "list works");
    assert_int_equal(reflector_take_history(&s.reflector), REFLECTOR_HISTORY_RESET);
}

/* A server that has lost its newest versions gives them to others. */
static void answer_of_a_server_that_is_behind_is_no_ghost(void **state)
{
    static const char *const next[] = {
        /* how the list goes on */
        LIST("9", POD("own", "9") "," POD("x", "5")), /* it was lost history */
        LIST("12", POD("x", "5")),                    /* it was behind, and it is a ghost */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(next); i++) {
        CLEANUP(script_fini) struct script s;
        script_init_after_list(&s);
        cut(&s, ERR_TRANSPORT);
        assert_int_equal(put_answer(&s, POD("early", "9")), STORE_STALE);
        answer(&s, 504, TOO_LARGE);
        assert_int_equal(put_answer(&s, POD("own", "9")), STORE_ADDED);
        answer(&s, 200, next[i]);
        assert_int_equal(store_get(&s.store, "a", "own") != NULL, i == 0);
        assert_int_equal(put_answer(&s, POD("late", "8")), STORE_STALE);
    }
}

static void check_that_is_refused_means_a_relist(void **state)
{
    SCRIPT(s, script_init_after_list);

    cut(&s, ERR_TRANSPORT);
    answer(&s, 400, STATUS(400, "BadRequest"));
    answer(&s, 200, LIST("12", POD("x", "5")));
    want(&s);
    assert_trace(&s, "watch failed: transport, again in 800+ ms", GET_CHECK("10"),
                 "watch failed: bad-request, again in 1600+ ms", GET_LIST("resourceVersion=10"),
                 "list works", GET_WATCH_FROM("12"));
}

/* Another scope has seen that history was reset; this one's version is below the new server's. */
static void distrusted_scope_is_listed_anew_and_taken_as_it_is(void **state)
{
    SCRIPT(s, script_init_after_list);

    body(&s, MODIFIED("x", "11"));
    forget_trace(&s);
    reflector_distrust(&s.reflector, s.now);
    assert_false(reflector_synced(&s.reflector));
    answer(&s, 200, PAGE("30", "one", POD("x", "7")));
    assert_false(reflector_synced(&s.reflector));
    reflector_distrust(&s.reflector, s.now); /* once more, in the middle of it */
    answer(&s, 200, LIST("30", POD("x", "8")));
    assert_true(reflector_synced(&s.reflector));
    want(&s);
    assert_trace(&s, GET_LIST("limit=500"), GET_LIST("limit=500"), "update a/x@8", "list works",
                 GET_WATCH_FROM("30"));
    assert_int_equal(reflector_take_history(&s.reflector),
                     REFLECTOR_HISTORY_GOES_ON); /* that was no news */
}

/* A decision was made from a newer view: a consistent list, while what is there still counts. */
static void refreshed_scope_is_listed_by_a_consistent_read(void **state)
{
    SCRIPT(s, script_init_after_list);

    forget_trace(&s);
    assert_true(reflector_refresh(&s.reflector, s.now));
    assert_true(reflector_synced(&s.reflector));
    assert_false(reflector_refresh(&s.reflector, s.now)); /* it has begun */
    assert_int_equal(s.reflector.scope->lists, 1);
    answer(&s, 200, LIST("30", POD("x", "8")));
    want(&s);
    assert_trace(&s, GET_LIST("limit=500"), "update a/x@8", GET_WATCH_FROM("30"));
    assert_int_equal(s.reflector.scope->lists, 2);
    assert_int_equal(reflector_take_history(&s.reflector), REFLECTOR_HISTORY_GOES_ON);
}

static void watch_error_events_are_judged_by_their_code(void **state)
{
    static const struct {
        const char *body;
        const char *failed, *next;
    } cases[] = {
        {ERROR_EVENT(429, "TooManyRequests"), "watch failed: too-many, again in 800+ ms",
         GET_WATCH_FROM("10")},
        {ERROR_EVENT(403, "Forbidden"), "watch failed: forbidden, again in 800+ ms",
         GET_WATCH_FROM("10")},
        /* after events: the server had trouble */
        {BOOKMARK("11") ERROR_EVENT(500, "InternalError"), "watch failed: server, again in 800+ ms",
         GET_CHECK("11")},
        /* as the first thing: it cannot read that history */
        {ERROR_EVENT(500, "InternalError"), "watch failed: server, again in 800+ ms",
         GET_LIST("resourceVersion=10")},
        {EVENT("ERROR", TOO_LARGE), "watch failed: rv-too-large, again in 800+ ms",
         GET_LIST("resourceVersion=10")},
        {ERROR_EVENT(400, "BadRequest"), "watch failed: bad-request, again in 800+ ms",
         GET_LIST("resourceVersion=10")},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(script_fini) struct script s;
        script_init_after_list(&s);
        body(&s, cases[i].body);
        want(&s);
        assert_trace(&s, "cancel", cases[i].failed, cases[i].next);
    }
}

static void watch_that_is_garbage_relists_with_backoff(void **state)
{
    static const char *const lines[] = {
        "garbage\n",
        "{}\n",
        EVENT("ADDED", "{\"metadata\":{\"name\":\"no-version\"}}"),
        EVENT("ADDED", "{\"metadata\":{\"resourceVersion\":\"12\"}}"),
        EVENT("DELETED", "{\"metadata\":{\"resourceVersion\":\"12\"}}"),
        EVENT("MODIFIED",
              "{\"broken\":1,\"metadata\":{\"name\":\"x\",\"resourceVersion\":\"12\"}}"),
        EVENT("TURNED", "{}"),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        CLEANUP(script_fini) struct script s;
        script_init_after_list(&s);
        body(&s, ADDED("y", "11"));
        body(&s, lines[i]);
        want(&s);
        assert_trace(&s, "add a/y@11", "cancel", "watch failed: parse, again in 800+ ms",
                     GET_LIST("resourceVersion=11"));
        assert_int_equal(s.store.objects.count, 2);
    }
}

static void watch_line_over_the_limit_relists(void **state)
{
    SCRIPT(s, script_init_after_list);

    cut(&s, ERR_TOO_BIG);
    want(&s);
    assert_trace(&s, "watch failed: too-big, again in 800+ ms", GET_LIST("resourceVersion=10"));
}

static void watch_deletes_what_does_not_decode(void **state)
{
    SCRIPT(s, script_init_watching);

    body(&s, EVENT("DELETED", "{\"broken\":1,\"metadata\":{\"namespace\":\"a\",\"name\":\"x\","
                              "\"resourceVersion\":\"12\"}}"));
    assert_trace(&s, "remove a/x@5");
}

static void watch_that_outlives_its_time_is_cut_and_taken_up(void **state)
{
    SCRIPT(s, script_init_watching);

    uint64_t deadline = reflector_deadline(&s.reflector);
    assert_in_range(deadline - s.now.mono_ms, 330000, 630000);
    assert_true(s.now.mono_ms + s.timeout_ms > deadline);
    s.now.mono_ms = deadline - 1;
    assert_false(reflector_overdue(&s.reflector, s.now));
    s.now.mono_ms = deadline;
    assert_true(reflector_overdue(&s.reflector, s.now));
    cut(&s, ERR_CANCELLED);
    assert_false(reflector_overdue(&s.reflector, s.now));
    want(&s);
    assert_trace(&s, GET_WATCH_FROM("10"));
    assert_false(reflector_failing(&s.reflector));
}

static void watches_do_not_end_together(void **state)
{
    uint64_t low = UINT64_MAX, high = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        CLEANUP(script_fini) struct script s;
        script_init(&s);
        random_init(&s.random, seed);
        want(&s);
        low = s.timeout_ms < low ? s.timeout_ms : low;
        high = s.timeout_ms > high ? s.timeout_ms : high;
    }
    assert_true(high - low > 280000);
}

/* ---- backoff --------------------------------------------------------------------------------- */

static void backoff_doubles_and_starts_anew_after_two_quiet_minutes(void **state)
{
    SCRIPT(s, script_init_after_list);

    cut(&s, ERR_TRANSPORT);
    for (int i = 0; i < 6; i++) {
        want(&s);
        cut(&s, ERR_TRANSPORT);
    }
    answer(&s, 200, LIST("10", ""));
    stream(&s, "");
    pass(&s, 80000); /* with the wait, not yet two minutes since the last failure */
    cut(&s, ERR_TRANSPORT);
    answer(&s, 200, LIST("10", ""));
    stream(&s, "");
    pass(&s, 120001);
    cut(&s, ERR_TRANSPORT);
    assert_trace(&s, "watch failed: transport, again in 800+ ms", GET_CHECK("10"),
                 "watch failed: transport, again in 1600+ ms", GET_CHECK("10"),
                 "watch failed: transport, again in 3200+ ms", GET_CHECK("10"),
                 "watch failed: transport, again in 6400+ ms", GET_CHECK("10"),
                 "watch failed: transport, again in 12800+ ms", GET_CHECK("10"),
                 "watch failed: transport, again in 12800+ ms", GET_CHECK("10"),
                 "watch failed: transport, again in 12800+ ms", GET_CHECK("10"),
                 GET_WATCH_FROM("10"), "watch works", "watch failed: transport, again in 12800+ ms",
                 GET_CHECK("10"), GET_WATCH_FROM("10"), "watch works",
                 "watch failed: transport, again in 800+ ms");
}

static void backoff_is_drawn_between_its_bounds(void **state)
{
    (void)state;
    static const uint64_t bases[] = {800, 1600, 3200, 6400, 12800, 15000, 15000};
    uint64_t low[ARRAY_LEN(bases)], high[ARRAY_LEN(bases)] = {0};

    memset(low, 0xff, sizeof low);
    for (uint64_t seed = 0; seed < 200; seed++) {
        CLEANUP(script_fini) struct script s;
        script_init(&s);
        random_init(&s.random, seed);
        for (size_t i = 0; i < ARRAY_LEN(bases); i++) {
            want(&s);
            cut(&s, ERR_TRANSPORT);
            uint64_t wait = reflector_deadline(&s.reflector) - s.now.mono_ms;
            assert_in_range(wait, bases[i], 2 * bases[i]);
            low[i] = wait < low[i] ? wait : low[i];
            high[i] = wait > high[i] ? wait : high[i];
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(bases); i++) { /* and all over between them */
        assert_true(low[i] < bases[i] * 11 / 10);
        assert_true(high[i] > bases[i] * 19 / 10);
    }
}

static void retry_after_is_the_least_wait(void **state)
{
    static const struct {
        int64_t retry_after_ms;
        uint64_t least_ms, most_ms;
    } cases[] = {
        {-1, 800, 1600},           {0, 800, 1600}, {500, 800, 1600},
        {20000, 20000, 20800},     /* with jitter: all others were told the same */
        {3600000, 120000, 120800}, /* cut */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int watching = 0; watching <= 1; watching++) {
            CLEANUP(script_fini) struct script s;
            script_init(&s);
            if (watching) {
                stream(&s, INITIAL_END("10"));
                end(&s);
            }
            want(&s);
            reflector_head(&s.reflector, s.now, 429, cases[i].retry_after_ms);
            body(&s, "too many requests, please try again later");
            end(&s);
            assert_in_range(reflector_deadline(&s.reflector) - s.now.mono_ms, cases[i].least_ms,
                            cases[i].most_ms);
            assert_true(reflector_refresh(&s.reflector, s.now)); /* however much it is wanted */
            reflector_distrust(&s.reflector, s.now);
            assert_in_range(reflector_deadline(&s.reflector) - s.now.mono_ms, cases[i].least_ms,
                            cases[i].most_ms);
        }
    }
}

static void watches_that_were_told_the_same_do_not_come_back_together(void **state)
{
    SCRIPT(s, script_init);
    uint64_t low = UINT64_MAX;
    uint64_t high = 0;

    for (int i = 0; i < 50; i++) {
        pass(&s, REFLECTOR_RETRY_AFTER_MS_MAX + REFLECTOR_BACKOFF_RESET_MS); /* base: 800 ms */
        want(&s);
        reflector_head(&s.reflector, s.now, 429, 20000);
        end(&s);
        uint64_t wait_ms = reflector_deadline(&s.reflector) - s.now.mono_ms;
        low = wait_ms < low ? wait_ms : low;
        high = wait_ms > high ? wait_ms : high;
    }
    assert_in_range(low, 20000, 20100);
    assert_in_range(high, 20700, 20800);
}

static void a_refusal_whose_body_breaks_off_is_a_refusal(void **state)
{
    SCRIPT(s, script_init_after_list);

    end(&s);
    want(&s);
    head(&s, 410);
    body(&s, "{\"kind\":\"Sta");
    cut(&s, ERR_TRANSPORT);
    assert_non_null(strstr(buf_text(&s.trace), "watch failed: gone"));
}

static void a_huge_refusal_is_not_kept(void **state)
{
    SCRIPT(s, script_init_watching);
    char chunk[5000];

    memset(chunk, 'x', sizeof chunk - 1);
    chunk[sizeof chunk - 1] = '\0';
    end(&s);
    want(&s);
    head(&s, 503);
    for (int i = 0; i < 100; i++) {
        body(&s, chunk);
    }
    assert_true(s.reflector.refusal.len <= 16 << 10);
    end(&s);
    assert_non_null(strstr(buf_text(&s.trace), "watch failed: server"));
}

/* ---- scope and form of requests -------------------------------------------------------------- */

static void requests_name_namespace_and_selector(void **state)
{
    static const struct kind deployments = {"apps", "v1", "Deployment", "deployments", NULL};
    CLEANUP(script_fini) struct script s;

    (void)state;
    script_init_spec(&s, &(struct reflector_spec){
                             .kind = &deployments, .ns = "a", .label_selector = "app in (x,y),!z"});
    s.reflector.report = NULL; /* nobody listens */
    refuse(&s);
    answer(&s, 200, LIST("10", POD("x", "5")));
    want(&s);
#define PREFIX                                                                                     \
    "GET /apis/apps/v1/namespaces/a/deployments?labelSelector=app%20in%20%28x%2Cy%29%2C%21z&"
    assert_trace(&s, PREFIX WATCH INITIAL_EVENTS, PREFIX "resourceVersion=0&limit=500", "add a/x@5",
                 PREFIX WATCH "&resourceVersion=10");
    assert_string_equal(s.accept, "");
}

static void metadata_only_is_asked_for_by_media_type(void **state)
{
    CLEANUP(script_fini) struct script s;

    (void)state;
    script_init_spec(&s,
                     &(struct reflector_spec){.kind = &POD_KIND, .ns = "", .metadata_only = true});
    refuse(&s);
    assert_string_equal(s.accept, "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,"
                                  "application/json");
    answer(&s, 200, LIST("10", ""));
    assert_string_equal(s.accept, "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;"
                                  "v=v1,application/json");
    want(&s);
    assert_string_equal(s.accept, "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,"
                                  "application/json");
}

static void objects_of_another_namespace_are_garbage(void **state)
{
    CLEANUP(script_fini) struct script s;

    (void)state;
    script_init_spec(&s, &(struct reflector_spec){.kind = &POD_KIND, .ns = "b"});
    stream(&s, ADDED("x", "5"));
    assert_non_null(strstr(buf_text(&s.trace), "list failed: parse"));
}

/* ---- one object ------------------------------------------------------------------------------ */

#define ONE             "/api/v1/namespaces/a/pods?fieldSelector=metadata.name%3Dx&"
#define GET_ONE(query)  "GET " ONE query
#define CUT             "watch failed: transport, again in 800+ ms"
#define IS_NOT_SELECTED "watch failed: parse, again in 800+ ms"

static void script_init_one(struct script *s)
{
    script_init_spec(s, &(struct reflector_spec){.kind = &POD_KIND, .ns = "a", .name = "x"});
}

/* Also the check: who may see one object by its name may not see others. */
static void one_object_is_selected_by_its_name_in_every_request(void **state)
{
    SCRIPT(s, script_init_one);

    refuse(&s);
    answer(&s, 200, PAGE("10", "next", POD("x", "5")));
    answer(&s, 200, LIST("10", ""));
    want(&s);
    cut(&s, ERR_TRANSPORT);
    answer(&s, 200, LIST("10", POD("x", "5")));
    answer(&s, 410, STATUS(410, "Expired"));
    want(&s);
    assert_trace(&s, GET_ONE(WATCH INITIAL_EVENTS), GET_ONE("resourceVersion=0&limit=500"),
                 GET_ONE("continue=next&limit=500"), "add a/x@5", "list works",
                 GET_ONE(WATCH "&resourceVersion=10"), CUT, GET_ONE("resourceVersion=10"),
                 GET_ONE(WATCH "&resourceVersion=10"), "watch failed: gone, again in 1600+ ms",
                 GET_ONE("resourceVersion=10"));
}

static void one_object_that_is_not_there_is_known_to_be_absent(void **state)
{
    SCRIPT(s, script_init_one);

    stream(&s, INITIAL_END("10"));
    assert_true(reflector_synced(&s.reflector));
    body(&s, ADDED("x", "11") DELETED("x", "12") ADDED("x", "13"));
    assert_trace(&s, GET_ONE(WATCH INITIAL_EVENTS), "list works", "add a/x@11", "remove a/x@11",
                 "add a/x@13");
}

/* A server that does not select: what it sends is neither kept nor takes anything away. */
static void objects_of_other_names_are_garbage(void **state)
{
    static const char *const lines[] = {ADDED("y", "11"), MODIFIED("y", "11"), DELETED("y", "11")};
    SCRIPT(s, script_init_one);

    struct object *other = NULL;
    yyjson_doc *doc = yyjson_read(POD("y", "7"), strlen(POD("y", "7")), 0);
    assert_int_equal(object_decode_meta(yyjson_doc_get_root(doc), &other, NULL), 0);
    yyjson_doc_free(doc);
    store_put(&s.store, other); /* brought by another scope */
    refuse(&s);
    forget_trace(&s);
    answer(&s, 200, LIST("10", POD("x", "5") "," POD("y", "6")));
    assert_trace(&s, GET_ONE("resourceVersion=0&limit=500"), "cancel",
                 "list failed: parse, again in 800+ ms");
    assert_int_equal(s.reflector.pending_count, 0);
    answer(&s, 200, LIST("10", POD("x", "5")));
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        pass(&s, REFLECTOR_BACKOFF_RESET_MS + 1);
        want(&s);
        head(&s, 200);
        forget_trace(&s);
        body(&s, lines[i]);
        assert_trace(&s, "cancel", IS_NOT_SELECTED);
        answer(&s, 200, LIST("10", POD("x", "5")));
    }
    assert_string_equal(store_get(&s.store, "a", "y")->rv, "7");
}

static void one_object_keeps_no_memory_for_its_next_line(void **state)
{
    SCRIPT(s, script_init_one);

    stream(&s, "{\"type\":\"ADDED\",\"object\":");
    assert_true(s.reflector.watch.line.cap > 0);
    body(&s, POD("x", "5") "}\n");
    assert_int_equal(s.reflector.watch.line.cap, 0);
    body(&s, INITIAL_END("10"));
    assert_trace(&s, GET_ONE(WATCH INITIAL_EVENTS), "add a/x@5", "list works");
}

/* There may be a thousand of one type that is not served: they do not ask every 5 s. */
static void one_object_of_what_is_not_served_backs_off_as_others_do(void **state)
{
    uint64_t wait_ms = 0;
    SCRIPT(s, script_init_one);

    s.reflector.report = NULL;
    for (int i = 0; i < 7; i++) {
        answer(&s, 404, "404 page not found");
        wait_ms = reflector_deadline(&s.reflector) - s.now.mono_ms;
    }
    assert_in_range(wait_ms, REFLECTOR_BACKOFF_MS_MAX / 2, REFLECTOR_BACKOFF_MS_MAX);
}

static void a_request_in_flight_may_be_abandoned(void **state)
{
    SCRIPT(s, script_init);

    refuse(&s);
    answer(&s, 200, PAGE("10", "one", POD("x", "5")));
    stream(&s, "{\"items\":[" POD("y", "6") ",{"); /* script_fini() frees all of it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(watch_list_fills_and_goes_on_as_a_watch),
        cmocka_unit_test(watch_list_applies_changes_among_the_initial_events),
        cmocka_unit_test(watch_list_ignores_other_bookmarks_until_the_end),
        cmocka_unit_test(watch_list_refused_means_list_at_once_and_for_good),
        cmocka_unit_test(watch_list_without_its_bookmark_is_cut_after_a_minute),
        cmocka_unit_test(watch_list_without_any_answer_is_no_refusal),
        cmocka_unit_test(watch_list_that_fails_otherwise_is_tried_again),
        cmocka_unit_test(watch_list_cut_by_the_network_is_tried_again),
        cmocka_unit_test(watch_list_relist_names_the_last_version_then_none),
        cmocka_unit_test(watch_list_too_large_a_version_is_dropped_also_in_an_event),
        cmocka_unit_test(list_then_watch),
        cmocka_unit_test(list_pages_drop_the_version_and_may_be_empty),
        cmocka_unit_test(list_page_expired_means_one_whole_list),
        cmocka_unit_test(list_that_always_expires_backs_off),
        cmocka_unit_test(relist_names_the_last_version_and_has_no_limit),
        cmocka_unit_test(relist_refused_means_a_quorum_read_in_pages),
        cmocka_unit_test(first_list_too_large_means_a_quorum_read),
        cmocka_unit_test(quorum_read_below_the_last_version_is_taken_as_it_is),
        cmocka_unit_test(relist_below_the_last_version_steps_nothing_back),
        cmocka_unit_test(quorum_read_above_the_last_version_keeps_own_writes),
        cmocka_unit_test(list_of_what_is_not_served_empties_and_waits_shortly),
        cmocka_unit_test(list_of_what_is_no_longer_served_empties_the_store),
        cmocka_unit_test(list_that_fails_begins_anew_from_its_first_page),
        cmocka_unit_test(list_that_is_garbage_changes_nothing),
        cmocka_unit_test(list_cut_by_the_network_changes_nothing),
        cmocka_unit_test(watch_follows_events_and_bookmarks),
        cmocka_unit_test(watch_event_of_what_left_the_filter_spares_newer_objects),
        cmocka_unit_test(watch_that_ends_is_taken_up_at_once),
        cmocka_unit_test(watch_that_ends_early_without_an_event_backs_off),
        cmocka_unit_test(watch_that_ends_early_again_is_reported),
        cmocka_unit_test(watch_gone_relists_from_the_last_version),
        cmocka_unit_test(watch_that_is_refused_is_tried_again_without_a_relist),
        cmocka_unit_test(watch_cut_by_the_network_is_tried_again_without_a_relist),
        cmocka_unit_test(watch_whose_server_is_in_trouble_is_tried_again_after_a_check),
        cmocka_unit_test(server_that_came_back_with_an_older_history_is_listed_anew),
        cmocka_unit_test(history_reset_shows_in_a_list_that_takes_an_object_back),
        cmocka_unit_test(check_is_about_own_writes_too),
        cmocka_unit_test(answer_of_a_server_that_is_behind_is_no_ghost),
        cmocka_unit_test(check_that_is_refused_means_a_relist),
        cmocka_unit_test(distrusted_scope_is_listed_anew_and_taken_as_it_is),
        cmocka_unit_test(refreshed_scope_is_listed_by_a_consistent_read),
        cmocka_unit_test(watch_error_events_are_judged_by_their_code),
        cmocka_unit_test(watch_that_is_garbage_relists_with_backoff),
        cmocka_unit_test(watch_line_over_the_limit_relists),
        cmocka_unit_test(watch_deletes_what_does_not_decode),
        cmocka_unit_test(watch_that_outlives_its_time_is_cut_and_taken_up),
        cmocka_unit_test(watches_do_not_end_together),
        cmocka_unit_test(backoff_doubles_and_starts_anew_after_two_quiet_minutes),
        cmocka_unit_test(backoff_is_drawn_between_its_bounds),
        cmocka_unit_test(retry_after_is_the_least_wait),
        cmocka_unit_test(watches_that_were_told_the_same_do_not_come_back_together),
        cmocka_unit_test(a_refusal_whose_body_breaks_off_is_a_refusal),
        cmocka_unit_test(a_huge_refusal_is_not_kept),
        cmocka_unit_test(requests_name_namespace_and_selector),
        cmocka_unit_test(metadata_only_is_asked_for_by_media_type),
        cmocka_unit_test(objects_of_another_namespace_are_garbage),
        cmocka_unit_test(one_object_is_selected_by_its_name_in_every_request),
        cmocka_unit_test(one_object_that_is_not_there_is_known_to_be_absent),
        cmocka_unit_test(objects_of_other_names_are_garbage),
        cmocka_unit_test(one_object_keeps_no_memory_for_its_next_line),
        cmocka_unit_test(one_object_of_what_is_not_served_backs_off_as_others_do),
        cmocka_unit_test(a_request_in_flight_may_be_abandoned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

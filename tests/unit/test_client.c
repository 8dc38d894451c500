/*
 * Requests in flight: ids, collected answers, Retry-After, the request rate, closing.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "kube/client.h"
#include "kube/json.h"

#include <string.h>

struct seen {
    struct client client;
    struct metrics metrics;
    struct actions actions;
    struct now now;
    int done_count;
    int done_code;
    int done_status;
    char body[64];
    size_t stream_bytes;
    int head_status;
    bool refuse_body;
    struct client *start_again; /* from done() */
};

static void on_head(void *ctx, struct now now, int http_status, int64_t retry_after_ms)
{
    (void)now;
    (void)retry_after_ms;
    ((struct seen *)ctx)->head_status = http_status;
}

static int on_body(void *ctx, struct now now, const char *bytes, size_t len, struct error *err)
{
    (void)now;
    (void)bytes;
    struct seen *s = ctx;
    s->stream_bytes += len;
    return s->refuse_body ? error_set(err, ERR_PARSE, "bad line") : 0;
}

static const struct call_handler handler;

static uint64_t start(struct seen *s, bool stream)
{
    struct request r = {
        .method = HTTP_GET, .path = mem_strdup("/x"), .timeout_ms = 1000, .stream = stream};
    return client_start(&s->client, s->now, &r, &handler, s);
}

static void on_done(void *ctx, struct now now, const struct answer *answer)
{
    (void)now;
    struct seen *s = ctx;
    s->done_count++;
    s->done_code = answer->error.code;
    s->done_status = answer->http_status;
    strncpy(s->body, answer->body, sizeof s->body - 1);
    if (s->start_again != NULL) {
        s->start_again = NULL;
        start(s, false);
    }
}

static const struct call_handler handler = {.head = on_head, .body = on_body, .done = on_done};

static void setup_with(struct seen *s, double qps)
{
    *s = (struct seen){.now = {.mono_ms = 5000}};
    metrics_init(&s->metrics);
    client_init(&s->client, qps, "h:1", &s->metrics);
    s->client.actions = &s->actions;
}

static int setup(void **state)
{
    struct seen *s = mem_zalloc(sizeof *s);
    setup_with(s, 0);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct seen *s = *state;
    client_fini(&s->client);
    metrics_fini(&s->metrics);
    actions_fini(&s->actions);
    mem_free(s);
    return 0;
}

static void head(struct seen *s, uint64_t id, int status, int64_t retry_after_ms)
{
    client_event(
        &s->client, s->now,
        &(struct event){
            .type = EVENT_HEAD, .id = id, .http_status = status, .retry_after_ms = retry_after_ms});
}

static void body(struct seen *s, uint64_t id, const char *text)
{
    client_event(&s->client, s->now,
                 &(struct event){.type = EVENT_BODY, .id = id, .bytes = text, .len = strlen(text)});
}

static void end(struct seen *s, uint64_t id, const struct error *failure)
{
    client_event(&s->client, s->now,
                 &(struct event){.type = EVENT_END, .id = id, .failure = failure});
}

static size_t actions_of(const struct seen *s, enum action_type type)
{
    size_t count = 0;
    for (size_t i = 0; i < s->actions.count; i++) {
        count += s->actions.items[i].type == type ? 1 : 0;
    }
    return count;
}

static void pass(struct seen *s, uint64_t ms)
{
    s->now.mono_ms += ms;
    client_tick(&s->client, s->now);
}

static void an_answer_in_pieces_is_one(void **state)
{
    struct seen *s = *state;
    uint64_t id = start(s, false);
    assert_int_equal(actions_of(s, ACTION_START), 1);
    head(s, id, 200, -1);
    body(s, id, "he");
    body(s, id, "llo");
    assert_int_equal(s->done_count, 0);
    end(s, id, NULL);
    assert_int_equal(s->done_count, 1);
    assert_int_equal(s->done_code, ERR_NONE);
    assert_string_equal(s->body, "hello");
    end(s, id, NULL); /* late events of an ended call are nothing */
    assert_int_equal(s->done_count, 1);
    assert_int_equal(s->client.count, 0);
}

static void statuses_become_errors(void **state)
{
    struct seen *s = *state;
    uint64_t id = start(s, false);
    head(s, id, 404, -1);
    body(s, id, "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"code\":404}");
    end(s, id, NULL);
    assert_int_equal(s->done_code, ERR_NOT_FOUND);
}

static void a_failure_and_an_early_end_are_transport_errors(void **state)
{
    struct seen *s = *state;
    struct error failure = ERROR_INIT;
    error_set(&failure, ERR_TRANSPORT, "reset");
    uint64_t id = start(s, false);
    head(s, id, 200, -1);
    end(s, id, &failure);
    assert_int_equal(s->done_code, ERR_TRANSPORT);
    id = start(s, false);
    end(s, id, NULL);
    assert_int_equal(s->done_code, ERR_TRANSPORT);
    assert_int_equal(s->done_status, 0);
}

static void retry_after_is_waited_out(void **state)
{
    struct seen *s = *state;
    uint64_t id = start(s, false);
    for (int i = 1; i <= CLIENT_RETRIES_MAX; i++) {
        head(s, id, i % 2 == 0 ? 429 : 503, 2000);
        body(s, id, "slow down"); /* plain text, as at shutdown */
        end(s, id, NULL);
        assert_int_equal(s->done_count, 0);
        head(s, id, 200, -1); /* the shell has forgotten it: nothing can come */
        end(s, id, NULL);
        assert_int_equal(s->done_count, 0);
        pass(s, 1999);
        assert_int_equal(actions_of(s, ACTION_START), i);
        assert_int_equal(client_deadline(&s->client), s->now.mono_ms + 1);
        pass(s, 1);
        assert_int_equal(actions_of(s, ACTION_START), i + 1);
    }
    head(s, id, 429, 2000);
    body(s, id, "enough");
    end(s, id, NULL);
    pass(s, 1999);
    assert_int_equal(s->done_count, 0); /* who asks anew must not come sooner, either */
    assert_int_equal(client_deadline(&s->client), s->now.mono_ms + 1);
    pass(s, 1);
    assert_int_equal(s->done_count, 1);
    assert_int_equal(s->done_code, ERR_TOO_MANY);
    assert_int_equal(actions_of(s, ACTION_START), CLIENT_RETRIES_MAX + 1);
    assert_int_equal(actions_of(s, ACTION_CANCEL), 0);
}

static void without_retry_after_nothing_is_repeated(void **state)
{
    struct seen *s = *state;
    uint64_t id = start(s, false);
    head(s, id, 503, -1);
    end(s, id, NULL);
    assert_int_equal(s->done_code, ERR_SERVER);
    id = start(s, false);
    head(s, id, 409, 1000); /* no overload: the header means nothing */
    end(s, id, NULL);
    assert_int_equal(s->done_count, 2);
}

static void a_huge_retry_after_is_cut(void **state)
{
    struct seen *s = *state;
    uint64_t id = start(s, false);
    head(s, id, 429, INT64_MAX);
    end(s, id, NULL);
    assert_int_equal(client_deadline(&s->client), s->now.mono_ms + CLIENT_RETRY_AFTER_MS_MAX);
}

static void streams_are_handed_through_and_never_repeated(void **state)
{
    struct seen *s = *state;
    uint64_t id = start(s, true);
    head(s, id, 429, 1000);
    assert_int_equal(s->head_status, 429);
    body(s, id, "abc");
    assert_int_equal(s->stream_bytes, 3);
    end(s, id, NULL);
    assert_int_equal(s->done_count, 1);
}

static void a_refused_body_cancels_the_stream(void **state)
{
    struct seen *s = *state;
    uint64_t id = start(s, true);
    s->refuse_body = true;
    head(s, id, 200, -1);
    body(s, id, "junk");
    assert_int_equal(actions_of(s, ACTION_CANCEL), 1);
    assert_int_equal(s->done_code, ERR_PARSE);
    body(s, id, "more");
    assert_int_equal(s->stream_bytes, 4);
}

static void an_answer_over_the_limit_is_cancelled(void **state)
{
    struct seen *s = *state;
    uint64_t id = start(s, false);
    head(s, id, 200, -1);
    char *piece = mem_zalloc(1 << 20);
    memset(piece, 'x', (1 << 20) - 1);
    for (int i = 0; i < 18 && s->done_count == 0; i++) {
        body(s, id, piece);
    }
    mem_free(piece);
    assert_int_equal(s->done_code, ERR_TOO_BIG);
    assert_int_equal(actions_of(s, ACTION_CANCEL), 1);
}

static void cancelling_is_silent(void **state)
{
    struct seen *s = *state;
    uint64_t id = start(s, false);
    client_cancel(&s->client, id);
    assert_int_equal(actions_of(s, ACTION_CANCEL), 1);
    head(s, id, 200, -1);
    end(s, id, NULL);
    client_cancel(&s->client, id);
    client_cancel(&s->client, 0);
    assert_int_equal(s->done_count, 0);
}

/* A write that waits must not go out, or run on, after its end. */
static void the_end_bounds_every_attempt(void **state)
{
    struct seen *s = *state;
    struct request r = {.method = HTTP_GET,
                        .path = mem_strdup("/x"),
                        .timeout_ms = 60000,
                        .end_ms = s->now.mono_ms + 9000};
    uint64_t id = client_start(&s->client, s->now, &r, &handler, s);
    assert_int_equal(s->actions.items[0].request->timeout_ms, 9000);
    head(s, id, 429, 5000);
    end(s, id, NULL);
    pass(s, 5000);
    assert_int_equal(s->actions.items[1].request->timeout_ms, 4000);
    head(s, id, 429, 5000);
    end(s, id, NULL);
    pass(s, 5000);
    assert_int_equal(s->actions.count, 2);
    assert_int_equal(s->done_count, 1);
    assert_int_equal(s->done_code, ERR_CANCELLED);
}

static void the_request_rate_is_kept(void **state)
{
    struct seen *s = *state;
    teardown(state);
    s = *state = mem_zalloc(sizeof *s);
    setup_with(s, 10);
    for (int i = 0; i < 30; i++) {
        start(s, false);
    }
    assert_int_equal(actions_of(s, ACTION_START), 10);
    pass(s, 500);
    assert_int_equal(actions_of(s, ACTION_START), 15);
    pass(s, 1500);
    assert_int_equal(actions_of(s, ACTION_START), 30);
}

static void ids_are_never_used_twice_and_slots_grow(void **state)
{
    struct seen *s = *state;
    uint64_t ids[200];
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
            ids[i] = start(s, false);
            assert_true(i == 0 || ids[i] != ids[i - 1]);
        }
        for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
            end(s, ids[i], NULL);
        }
    }
    assert_int_equal(s->done_count, 600);
}

static void done_may_start_the_next(void **state)
{
    struct seen *s = *state;
    uint64_t id = start(s, false);
    s->start_again = &s->client;
    end(s, id, NULL);
    assert_int_equal(s->client.count, 1);
}

static void closing_ends_what_waits_and_stops_retries(void **state)
{
    struct seen *s = *state;
    uint64_t waiting = start(s, false);
    head(s, waiting, 429, 60000);
    end(s, waiting, NULL);
    uint64_t flying = start(s, false);
    client_close(&s->client, s->now);
    assert_int_equal(s->done_count, 1);
    assert_int_equal(s->done_code, ERR_CANCELLED);
    head(s, flying, 429, 1000);
    end(s, flying, NULL);
    assert_int_equal(s->done_code, ERR_TOO_MANY);
}

static void answers_are_counted(void **state)
{
    struct seen *s = *state;
    uint64_t id = start(s, false);
    head(s, id, 200, -1);
    end(s, id, NULL);
    end(s, start(s, false), NULL);
    struct buf text;
    buf_init(&text, 1 << 16);
    metrics_render(&s->metrics, &text);
    assert_non_null(strstr(
        text.data, "rest_client_requests_total{code=\"200\",method=\"GET\",host=\"h:1\"} 1\n"));
    assert_non_null(strstr(
        text.data, "rest_client_requests_total{code=\"<error>\",method=\"GET\",host=\"h:1\"} 1\n"));
    buf_fini(&text);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_in_pieces_is_one),
        TEST(statuses_become_errors),
        TEST(a_failure_and_an_early_end_are_transport_errors),
        TEST(retry_after_is_waited_out),
        TEST(without_retry_after_nothing_is_repeated),
        TEST(a_huge_retry_after_is_cut),
        TEST(streams_are_handed_through_and_never_repeated),
        TEST(a_refused_body_cancels_the_stream),
        TEST(an_answer_over_the_limit_is_cancelled),
        TEST(cancelling_is_silent),
        TEST(the_end_bounds_every_attempt),
        TEST(the_request_rate_is_kept),
        TEST(ids_are_never_used_twice_and_slots_grow),
        TEST(done_may_start_the_next),
        TEST(closing_ends_what_waits_and_stops_retries),
        TEST(answers_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

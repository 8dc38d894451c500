/*
 * Requests in flight. An id is `sequence × SLOTS_MAX + slot`: found in one step, never used twice.
 */
#include "kube/client.h"

#include "base/mem.h"
#include "kube/json.h"
#include "kube/status.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

enum {
    SLOTS_MAX = 1 << 16,
    SLOTS_MIN = 32,
};

struct call {
    uint64_t id;
    struct request request;
    const struct call_handler *handler;
    void *ctx;
    unsigned retries;
    bool waiting;    /* not handed to the shell (any more) */
    bool ended;      /* while waiting: not to be sent again, but to be told its answer */
    uint64_t due_ms; /* while waiting */
    int http_status; /* 0: no head yet */
    int64_t retry_after_ms;
    struct buf body; /* unary answers, and the body of a stream's refusal is the stream's */
};

void client_init(struct client *c, double qps, const char *host, struct metrics *metrics)
{
    *c = (struct client){.qps = qps, .tokens = fmax(1, qps), .host = mem_strdup(host)};
    c->requests_total =
        metrics_family(metrics, METRIC_COUNTER, "rest_client_requests_total",
                       "Number of HTTP requests, partitioned by status code, method, and host.",
                       "code,method,host", NULL, 0);
}

static void call_free(struct call *call)
{
    request_fini(&call->request);
    buf_fini(&call->body);
    mem_free(call);
}

static size_t free_slot(struct client *c)
{
    for (size_t i = 0; i < c->slot_count; i++) {
        if (c->slots[i] == NULL) {
            return i;
        }
    }
    size_t old = c->slot_count;
    c->slot_count = old == 0 ? SLOTS_MIN : old * 2;
    assert(c->slot_count <= SLOTS_MAX);
    c->slots = mem_realloc(c->slots, c->slot_count * sizeof *c->slots);
    for (size_t i = old; i < c->slot_count; i++) {
        c->slots[i] = NULL;
    }
    return old;
}

static struct call *find(const struct client *c, uint64_t id)
{
    size_t slot = id % SLOTS_MAX;
    struct call *call = slot < c->slot_count ? c->slots[slot] : NULL;
    return call != NULL && call->id == id ? call : NULL;
}

/* Out of the table; the caller frees it. */
static void detach(struct client *c, struct call *call)
{
    c->slots[call->id % SLOTS_MAX] = NULL;
    c->count--;
}

/* The time that is left until end_ms bounds every attempt; 0: none is left. */
static uint32_t time_left(const struct request *r, struct now now)
{
    if (r->end_ms == 0 || r->end_ms >= now.mono_ms + r->timeout_ms) {
        return r->timeout_ms;
    }
    return r->end_ms > now.mono_ms ? (uint32_t)(r->end_ms - now.mono_ms) : 0;
}

static void finish(struct client *c, struct now now, struct call *call,
                   const struct error *failure);

static void send_now(struct client *c, struct now now, struct call *call)
{
    call->request.timeout_ms = time_left(&call->request, now);
    if (call->request.timeout_ms == 0) {
        struct error late = ERROR_INIT;
        error_set(&late, ERR_CANCELLED, "not sent: it could not end in time");
        finish(c, now, call, &late);
        return;
    }
    call->waiting = false;
    call->http_status = 0;
    call->retry_after_ms = -1;
    buf_reset(&call->body, 0);
    actions_push(c->actions,
                 (struct action){.type = ACTION_START, .id = call->id, .request = &call->request});
}

/* Take one token of the request rate; returns how long it takes to be there. */
static uint64_t take_token(struct client *c, struct now now)
{
    if (c->qps <= 0) {
        return 0;
    }
    double burst = fmax(1, c->qps);
    if (c->refilled_ms != 0) {
        c->tokens += c->qps * (double)(now.mono_ms - c->refilled_ms) / 1000.0;
    }
    c->tokens = fmin(c->tokens, burst) - 1;
    c->refilled_ms = now.mono_ms;
    return c->tokens >= 0 ? 0 : (uint64_t)ceil(-c->tokens / c->qps * 1000.0);
}

/* Send, or wait for the request rate and at least @delay_ms. */
static void schedule(struct client *c, struct now now, struct call *call, uint64_t delay_ms)
{
    uint64_t rate_ms = take_token(c, now);
    if (rate_ms > delay_ms) {
        delay_ms = rate_ms;
    }
    if (delay_ms == 0) {
        send_now(c, now, call);
        return;
    }
    call->waiting = true;
    call->due_ms = now.mono_ms + delay_ms;
}

uint64_t client_start(struct client *c, struct now now, struct request *request,
                      const struct call_handler *handler, void *ctx)
{
    size_t slot = free_slot(c);
    struct call *call = mem_zalloc(sizeof *call);
    *call = (struct call){
        .id = ++c->sequence * SLOTS_MAX + slot,
        .request = *request,
        .handler = handler,
        .ctx = ctx,
        .retry_after_ms = -1,
    };
    *request = (struct request){0};
    buf_init(&call->body, BODY_BYTES_MAX);
    c->slots[slot] = call;
    c->count++;
    uint64_t id = call->id;
    schedule(c, now, call, 0); /* may end it */
    return id;
}

static void push_cancel(struct client *c, const struct call *call)
{
    if (!call->waiting) {
        actions_push(c->actions, (struct action){.type = ACTION_CANCEL, .id = call->id});
    }
}

void client_cancel(struct client *c, uint64_t id)
{
    struct call *call = find(c, id);
    if (call == NULL) {
        return;
    }
    push_cancel(c, call);
    detach(c, call);
    call_free(call);
}

/* The code label as client-go has it: the status, or "<error>" when no answer came. */
static struct metric *series_of(struct client *c, int http_status, enum http_method method)
{
    char code[16] = "<error>";
    if (http_status != 0) {
        snprintf(code, sizeof code, "%d", http_status);
    }
    return metric_get(c->requests_total, code, http_method_name(method), c->host);
}

static void count_answer(struct client *c, const struct call *call)
{
    enum http_method method = call->request.method;
    if (c->counted.series == NULL || c->counted.http_status != call->http_status ||
        c->counted.method != method) {
        c->counted.series = series_of(c, call->http_status, method);
        c->counted.http_status = call->http_status;
        c->counted.method = method;
    }
    metric_add(c->counted.series, 1);
}

/* The call is over: out of the table first, so that done() may start new ones. */
static void finish(struct client *c, struct now now, struct call *call, const struct error *failure)
{
    struct answer answer = {
        .http_status = call->http_status,
        .body = buf_text(&call->body),
        .body_len = call->body.len,
        .error = ERROR_INIT,
    };
    if (failure != NULL) {
        answer.error = *failure;
    } else if (call->http_status < 200 || call->http_status > 299) {
        status_to_error(call->http_status, call->retry_after_ms, answer.body, answer.body_len,
                        &answer.error);
    }
    detach(c, call);
    call->handler->done(call->ctx, now, &answer);
    call_free(call);
}

void client_fini(struct client *c)
{
    struct error why = ERROR_INIT;
    error_set(&why, ERR_CANCELLED, "the client is closing");
    for (size_t i = 0; i < c->slot_count; i++) {
        if (c->slots[i] != NULL) {
            finish(c, (struct now){0}, c->slots[i], &why);
        }
    }
    mem_free(c->slots);
    mem_free(c->host);
    *c = (struct client){0};
}

static void finish_cancelled(struct client *c, struct now now, struct call *call,
                             const struct error *why)
{
    push_cancel(c, call);
    finish(c, now, call, why);
}

/* Whoever watches is told at once, and waits by itself. */
static bool must_wait(const struct client *c, const struct call *call)
{
    bool overloaded = call->http_status == 429 || call->http_status >= 500;
    return overloaded && call->retry_after_ms >= 0 && !call->request.stream && !c->closing;
}

/* Again when Retry-After is over; after the last time the answer is told then, so that whoever asks
 * anew does not come sooner. */
static void wait_and_retry(struct client *c, struct now now, struct call *call)
{
    /* at least until the next tick: whether anything may still be sent is judged before that */
    uint64_t delay_ms = call->retry_after_ms > 0 ? (uint64_t)call->retry_after_ms : 1;
    if (delay_ms > CLIENT_RETRY_AFTER_MS_MAX) {
        delay_ms = CLIENT_RETRY_AFTER_MS_MAX;
    }
    if (call->retries == CLIENT_RETRIES_MAX) {
        call->waiting = call->ended = true;
        call->due_ms = now.mono_ms + delay_ms;
        return;
    }
    call->retries++;
    schedule(c, now, call, delay_ms);
}

static void take_end(struct client *c, struct now now, struct call *call,
                     const struct error *failure)
{
    count_answer(c, call);
    if (call->http_status == 0 && call->request.method != HTTP_GET) {
        c->lost_ms = now.mono_ms;
    }
    if (failure == NULL && must_wait(c, call)) {
        wait_and_retry(c, now, call);
        return;
    }
    if (failure == NULL && call->http_status == 0) {
        struct error none = ERROR_INIT;
        error_set(&none, ERR_TRANSPORT, "the connection closed before an answer came");
        finish(c, now, call, &none);
        return;
    }
    finish(c, now, call, failure);
}

static void take_body(struct client *c, struct now now, struct call *call,
                      const struct event *event)
{
    struct error err = ERROR_INIT;
    if (call->request.stream) {
        if (call->handler->body(call->ctx, now, event->bytes, event->len, &err) != 0) {
            count_answer(c, call);
            finish_cancelled(c, now, call, &err);
        }
        return;
    }
    if (buf_append(&call->body, event->bytes, event->len) != 0) {
        error_set(&err, ERR_TOO_BIG, "the answer is larger than %d MiB", BODY_BYTES_MAX >> 20);
        count_answer(c, call);
        finish_cancelled(c, now, call, &err);
    }
}

bool client_is_waiting(const struct client *c, uint64_t id)
{
    const struct call *call = find(c, id);

    return call != NULL && call->waiting;
}

void client_event(struct client *c, struct now now, const struct event *event)
{
    struct call *call = find(c, event->id);
    if (call == NULL || call->waiting) {
        return;
    }
    switch (event->type) {
    case EVENT_HEAD:
        call->http_status = event->http_status;
        call->retry_after_ms = event->retry_after_ms;
        if (call->request.stream) {
            call->handler->head(call->ctx, now, event->http_status, event->retry_after_ms);
        }
        break;
    case EVENT_BODY:
        take_body(c, now, call, event);
        break;
    case EVENT_END:
        take_end(c, now, call, event->failure);
        break;
    case EVENT_TICK:
    case EVENT_STOP:
        break;
    }
}

void client_tick(struct client *c, struct now now)
{
    for (size_t i = 0; c->count > 0 && i < c->slot_count; i++) {
        struct call *call = c->slots[i];
        bool is_due = call != NULL && call->waiting && call->due_ms <= now.mono_ms;
        if (is_due && call->ended) {
            finish(c, now, call, NULL);
        } else if (is_due) {
            send_now(c, now, call);
        }
    }
}

uint64_t client_deadline(const struct client *c)
{
    uint64_t due_ms = UINT64_MAX;
    for (size_t i = 0; c->count > 0 && i < c->slot_count; i++) {
        const struct call *call = c->slots[i];
        if (call != NULL && call->waiting && call->due_ms < due_ms) {
            due_ms = call->due_ms;
        }
    }
    return due_ms;
}

void client_close(struct client *c, struct now now)
{
    c->closing = true;
    struct error why = ERROR_INIT;
    error_set(&why, ERR_CANCELLED, "the operator is stopping");
    for (size_t i = 0; i < c->slot_count; i++) {
        if (c->slots[i] != NULL && c->slots[i]->waiting) {
            finish(c, now, c->slots[i], &why);
        }
    }
}

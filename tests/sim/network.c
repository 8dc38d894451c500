#include "sim/network.h"

#include "base/mem.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { HOT_TICKS_MAX = 2000 };

/* ---- Clocks ---- */

struct now process_now(const struct network *n, const struct process *p)
{
    uint64_t passed_ms = n->now_ms - p->began_ms;
    return (struct now){
        .mono_ms = p->mono_ms + (uint64_t)floor((double)passed_ms * p->rate),
        .wall_us = ((int64_t)n->now_ms + p->wall_offset_ms) * 1000,
    };
}

/* When the process's clock shows @mono_ms. */
static uint64_t true_ms(const struct network *n, const struct process *p, uint64_t mono_ms)
{
    if (mono_ms == UINT64_MAX) {
        return UINT64_MAX;
    }
    if (mono_ms <= process_now(n, p).mono_ms) {
        return n->now_ms;
    }
    uint64_t at_ms = p->began_ms + (uint64_t)ceil((double)(mono_ms - p->mono_ms) / p->rate);
    return at_ms > n->now_ms ? at_ms : n->now_ms + 1;
}

uint64_t process_due_ms(const struct network *n, const struct process *p)
{
    return p->manager == NULL || p->paused ? UINT64_MAX
                                           : true_ms(n, p, manager_deadline(p->manager));
}

/* ---- Requests in flight ---- */

static void flight_free(struct flight *f)
{
    api_watch_close(f->watch);
    api_answer_fini(&f->answer);
    mem_free(f->exchange.path);
    mem_free(f->exchange.body);
    mem_free(f->exchange.identity);
    mem_free(f);
}

static void remove_flight(struct network *n, struct flight *f)
{
    for (size_t i = 0; i < n->flight_count; i++) {
        if (n->flights[i] == f) {
            memmove(&n->flights[i], &n->flights[i + 1],
                    (n->flight_count - i - 1) * sizeof n->flights[0]);
            n->flight_count--;
            flight_free(f);
            return;
        }
    }
}

static struct process *process_of(struct network *n, const struct flight *f)
{
    return &n->processes[f->exchange.process];
}

/* Nobody waits for it any more. A write that the server has not seen yet may still land. */
static void abandon(struct network *n, struct flight *f)
{
    bool is_lost = n->now_ms >= f->exchange.lands_by_ms;
    if (f->exchange.executed || f->exchange.method == HTTP_GET || is_lost) {
        remove_flight(n, f);
        return;
    }
    f->exchange.orphan = true;
    if (f->exchange.lands_by_ms == UINT64_MAX) {
        f->exchange.lands_by_ms = n->now_ms + ORPHAN_MS_MAX;
    }
}

static void add_flight(struct network *n, struct process *p, const struct action *a)
{
    const struct request *r = a->request;
    const struct manager_options *settings = manager_settings(p->manager);
    assert(n->flight_count < FLIGHTS_MAX);
    struct flight *f = mem_zalloc(sizeof *f);
    f->exchange = (struct exchange){
        .process = p->index,
        .id = a->id,
        .method = r->method,
        .path = mem_strdup(r->path),
        .body = r->body != NULL ? mem_strndup(r->body, r->body_len) : NULL,
        .identity = settings->leader_elect ? mem_strdup(settings->identity) : NULL,
        .sent_ms = n->now_ms,
        .lands_by_ms = UINT64_MAX,
    };
    f->accept = r->accept;
    f->content_type = r->content_type;
    f->expires_ms = process_now(n, p).mono_ms + r->timeout_ms;
    f->ends_ms = UINT64_MAX;
    f->exchange.is_watch = api_is_watch(
        &(struct api_request){.method = r->method, .path = r->path, .accept = r->accept});
    api_answer_init(&f->answer);
    n->flights[n->flight_count++] = f;
    n->requests++;
}

static struct flight *find_flight(const struct network *n, const struct process *p, uint64_t id)
{
    for (size_t i = 0; i < n->flight_count; i++) {
        struct flight *f = n->flights[i];
        if (f->exchange.process == p->index && f->exchange.id == id && !f->exchange.orphan) {
            return f;
        }
    }
    return NULL;
}

/* ---- Processes ---- */

static void end_process(struct network *n, struct process *p)
{
    for (size_t i = n->flight_count; i-- > 0;) {
        struct flight *f = n->flights[i];
        if (f->exchange.process == p->index && !f->exchange.orphan) {
            abandon(n, f);
        }
    }
    manager_free(p->manager);
    operator_free(p->op);
    p->manager = NULL;
    p->op = NULL;
    p->paused = p->stop_asked = false;
}

static void perform(struct network *n, struct process *p)
{
    bool exited = false;
    for (size_t i = 0; i < n->actions.count; i++) {
        const struct action *a = &n->actions.items[i];
        switch (a->type) {
        case ACTION_START:
            if (!actions_is_cancelled(&n->actions, i)) {
                add_flight(n, p, a);
            }
            break;
        case ACTION_CANCEL: {
            struct flight *f = find_flight(n, p, a->id);
            if (f != NULL) {
                abandon(n, f);
            }
            break;
        }
        case ACTION_LOG:
            if (n->tell != NULL) {
                n->tell(n->world, p->index, a->text);
            }
            break;
        case ACTION_EXIT:
            p->exit_code = a->exit_code;
            exited = true;
            break;
        }
    }
    actions_clear(&n->actions);
    if (exited) {
        end_process(n, p);
    }
}

void process_step(struct network *n, struct process *p, const struct event *event)
{
    if (p->manager != NULL) {
        manager_step(p->manager, process_now(n, p), event, &n->actions);
        perform(n, p);
    }
}

void process_start(struct network *n, struct process *p, const struct world_options *options,
                   const char *image)
{
    char identity[64];
    snprintf(identity, sizeof identity, "process-%u-%u", p->index, p->starts++);
    p->mono_ms = 1000000 + 777777 * (uint64_t)p->index;
    p->began_ms = n->now_ms;
    p->rate = options->rate[p->index] > 0 ? options->rate[p->index] : 1;
    p->exit_code = -1;
    p->manager = manager_new(&(struct manager_options){
        .log = {.encoder = LOG_CONSOLE,
                .time = LOG_TIME_ISO8601,
                .level_min = options->logs ? LOG_DEBUG : LOG_ERROR + 1},
        .name = "memcached-operator",
        .max_concurrent = 16,
        .leader_elect = options->leader_elect,
        .lease_ns = "operator-system",
        .lease_name = "memcached-operator.cache.example.com",
        .identity = identity,
        .host = "model",
        .user = "operator",
        .seed = options->seed * 31 + p->starts,
    });
    const char *own = options->images[p->index];
    p->op =
        operator_new(p->manager, &(struct operator_options){.image = own != NULL ? own : image});
    process_step(n, p, &(struct event){.type = EVENT_TICK});
}

void process_kill(struct network *n, struct process *p)
{
    if (p->manager != NULL) {
        end_process(n, p);
    }
}

/* ---- What happens to a request ---- */

void flight_execute(struct network *n, struct flight *f)
{
    const struct process *p = process_of(n, f);
    const struct api_request request = {
        .method = f->exchange.method,
        .path = f->exchange.path,
        .accept = f->accept,
        .content_type = f->content_type,
        .body = f->exchange.body,
        .body_len = f->exchange.body != NULL ? strlen(f->exchange.body) : 0,
        .agent = "memcached-operator/0.1.0 (linux)",
    };
    f->exchange.executed = true;
    if (f->exchange.is_watch) {
        f->watch = api_watch_open(n->api, p->server, &request, &f->answer);
        uint64_t timeout_ms = f->watch != NULL ? api_watch_timeout_ms(f->watch) : 0;
        f->ends_ms = timeout_ms > 0 ? n->now_ms + timeout_ms : UINT64_MAX;
    } else {
        api_handle(n->api, p->server, &request, &f->answer);
    }
}

static void give_head(struct network *n, struct flight *f, int status, int64_t retry_after_ms)
{
    f->head_sent = true;
    process_step(n, process_of(n, f),
                 &(struct event){.type = EVENT_HEAD,
                                 .id = f->exchange.id,
                                 .http_status = status,
                                 .retry_after_ms = retry_after_ms});
}

void flight_accept(struct network *n, struct flight *f)
{
    if (f->watch != NULL && !process_of(n, f)->paused) {
        give_head(n, f, 200, -1);
    }
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t x = (a ^ b) * 0x9e3779b97f4a7c15ULL;
    return x ^ (x >> 29);
}

/* The process may have given up on it, or ended, at any piece. */
static void give_body(struct network *n, struct process *p, uint64_t id, const char *bytes,
                      size_t len)
{
    uint64_t chance = mix(n->seed, id + len);
    while (len > 0 && find_flight(n, p, id) != NULL) {
        size_t piece = len;
        if (n->split && len > 1) {
            chance = mix(chance, len);
            piece = 1 + chance % (len < 600 ? len : 600);
        }
        process_step(n, p,
                     &(struct event){.type = EVENT_BODY, .id = id, .bytes = bytes, .len = piece});
        bytes += piece;
        len -= piece;
    }
}

static void give_end(struct network *n, struct process *p, uint64_t id, const char *failure)
{
    struct flight *f = find_flight(n, p, id);
    if (f == NULL) {
        return;
    }
    struct error error = ERROR_INIT;
    if (failure != NULL) {
        error_set(&error, ERR_TRANSPORT, "%s", failure);
        n->failures += f->exchange.is_watch ? 0 : 1;
        abandon(n, f);
    } else {
        remove_flight(n, f);
    }
    process_step(
        n, p,
        &(struct event){.type = EVENT_END, .id = id, .failure = failure != NULL ? &error : NULL});
}

static void give_answer(struct network *n, struct flight *f, int status, int64_t retry_after_ms,
                        const char *body, size_t len)
{
    struct process *p = process_of(n, f);
    uint64_t id = f->exchange.id;
    char *copy = mem_strndup(body, len);
    give_head(n, f, status, retry_after_ms);
    give_body(n, p, id, copy, len);
    give_end(n, p, id, NULL);
    mem_free(copy);
}

void flight_answer(struct network *n, struct flight *f)
{
    give_answer(n, f, f->answer.http_status, f->answer.retry_after_ms, buf_text(&f->answer.body),
                f->answer.body.len);
}

void flight_refuse(struct network *n, struct flight *f, int status, int64_t retry_after_ms,
                   const char *body)
{
    f->exchange.executed = true;
    n->failures++;
    give_answer(n, f, status, retry_after_ms, body, strlen(body));
}

void flight_feed(struct network *n, struct flight *f, const struct buf *bytes)
{
    uint64_t id = f->exchange.id;
    struct process *p = process_of(n, f);
    f->delivered++;
    if (n->hear != NULL) {
        n->hear(n->hear_ctx, f, bytes);
    }
    if (!f->head_sent) {
        give_head(n, f, 200, -1);
    }
    give_body(n, p, id, bytes->data, bytes->len);
}

void flight_deliver(struct network *n, struct flight *f)
{
    struct buf line;
    buf_init(&line, API_ANSWER_BYTES_MAX);
    if (api_watch_next(f->watch, &line)) {
        flight_feed(n, f, &line);
    } else {
        flight_end(n, f, true);
    }
    buf_fini(&line);
}

void flight_end(struct network *n, struct flight *f, bool clean)
{
    struct process *p = process_of(n, f);
    uint64_t id = f->exchange.id;
    if (clean && !f->head_sent) {
        give_head(n, f, 200, -1); /* it may give up on it at once */
    }
    give_end(n, p, id, clean ? NULL : "connection reset by peer");
}

void flight_drop(struct network *n, struct flight *f)
{
    assert(f->exchange.orphan);
    remove_flight(n, f);
}

void network_disconnect(struct network *n, struct process *p)
{
    uint64_t ids[FLIGHTS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < n->flight_count; i++) {
        const struct exchange *e = &n->flights[i]->exchange;
        if (e->process == p->index && !e->orphan) {
            ids[count++] = e->id;
        }
    }
    for (size_t i = 0; i < count; i++) {
        give_end(n, p, ids[i], "connection reset by peer");
    }
}

static void begin_pause(struct network *n, struct process *p)
{
    for (size_t i = 0; i < n->flight_count; i++) {
        struct exchange *e = &n->flights[i]->exchange;
        if (e->process == p->index && !e->orphan) {
            e->lands_by_ms = n->now_ms + ORPHAN_MS_MAX;
        }
    }
}

/* What did not get through meanwhile never will: its connection is found broken. */
static void end_pause(struct network *n, struct process *p)
{
    uint64_t ids[FLIGHTS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < n->flight_count; i++) {
        struct exchange *e = &n->flights[i]->exchange;
        if (e->process != p->index || e->orphan) {
            continue;
        }
        if (n->now_ms < e->lands_by_ms) {
            e->lands_by_ms = UINT64_MAX;
        } else if (!e->executed) {
            ids[count++] = e->id;
        }
    }
    for (size_t i = 0; i < count; i++) {
        give_end(n, p, ids[i], "connection reset by peer");
    }
}

void process_pause(struct network *n, struct process *p, bool paused)
{
    if (p->paused == paused) {
        return;
    }
    p->paused = paused;
    if (paused) {
        begin_pause(n, p);
    } else {
        end_pause(n, p);
    }
}

/* ---- Time ---- */

uint64_t flight_due_ms(const struct network *n, const struct flight *f)
{
    const struct process *p = &n->processes[f->exchange.process];
    if (f->exchange.orphan) {
        return f->exchange.lands_by_ms;
    }
    if (p->paused) {
        return UINT64_MAX;
    }
    uint64_t expires_ms = true_ms(n, p, f->expires_ms);
    return expires_ms < f->ends_ms ? expires_ms : f->ends_ms;
}

static void flight_run_due(struct network *n, struct flight *f)
{
    struct process *p = process_of(n, f);
    if (f->exchange.orphan) {
        remove_flight(n, f);
    } else if (process_now(n, p).mono_ms >= f->expires_ms) {
        give_end(n, p, f->exchange.id, "timed out");
    } else {
        flight_end(n, f, true); /* the server's timeoutSeconds */
    }
}

static bool run_due_flights(struct network *n)
{
    bool any = false;
    for (size_t i = 0; i < n->flight_count;) {
        if (flight_due_ms(n, n->flights[i]) <= n->now_ms) {
            flight_run_due(n, n->flights[i]);
            any = true;
            i = 0; /* others may be gone with it */
        } else {
            i++;
        }
    }
    return any;
}

static bool run_due_process(struct network *n, struct process *p)
{
    unsigned ticks = 0;
    while (process_due_ms(n, p) <= n->now_ms) {
        process_step(n, p, &(struct event){.type = EVENT_TICK});
        if (++ticks > HOT_TICKS_MAX) {
            world_fail(n->world, "I5: process %u has a deadline that does not move", p->index);
            break;
        }
    }
    return ticks > 0;
}

bool network_run_due(struct network *n)
{
    bool any = run_due_flights(n);
    for (size_t i = 0; i < WORLD_PROCESSES_MAX; i++) {
        any = run_due_process(n, &n->processes[i]) || any;
    }
    return any;
}

void network_fini(struct network *n)
{
    for (size_t i = 0; i < WORLD_PROCESSES_MAX; i++) {
        process_kill(n, &n->processes[i]);
    }
    while (n->flight_count > 0) {
        remove_flight(n, n->flights[n->flight_count - 1]);
    }
    actions_fini(&n->actions);
}

#include "sim/conformance_lane.h"

#include "base/mem.h"
#include "kube/json.h"
#include "shell/config.h"
#include "shell/poller.h"

#include <stdio.h>
#include <string.h>

/* ---- setting up ---- */

static void on_credentials_log(void *ctx, enum log_level level, const char *message,
                               const char *detail)
{
    (void)ctx;
    if (level >= LOG_WARN) {
        fprintf(stderr, "conformance: %s: %s\n", message, detail);
    }
}

static void on_event(void *ctx, const struct event *event);

struct real *real_new(const char *kubeconfig, const char *compact, struct error *err)
{
    struct real *r = mem_zalloc(sizeof(*r));
    struct client_config config = {0};
    r->failure = ERROR_INIT;
    r->compact = compact;
    int code = config_load(kubeconfig, NULL, &config, err);
    r->poller = code == 0 ? poller_new(err) : NULL;
    if (r->poller != NULL) {
        r->credentials = credentials_new(&config, r->poller, on_credentials_log, r, err);
    }
    client_config_fini(&config);
    if (r->credentials != NULL) {
        r->transport =
            transport_new(r->poller, r->credentials, "conformance/1 (linux)", on_event, r, err);
    }
    if (r->transport == NULL) {
        real_free(r);
        return NULL;
    }
    return r;
}

static void flight_free(struct flight *f)
{
    request_fini(&f->request);
    buf_fini(&f->body);
    mem_free(f);
}

void real_free(struct real *r)
{
    if (r == NULL) {
        return;
    }
    transport_free(r->transport);
    while (r->flights != NULL) {
        struct flight *f = r->flights;
        r->flights = f->next;
        flight_free(f);
    }
    for (size_t i = 0; i < LANES_MAX; i++) {
        mem_free(r->lanes[i].truth);
    }
    credentials_free(r->credentials);
    poller_free(r->poller);
    mem_free(r);
}

uint64_t real_requests(const struct real *r)
{
    return r->last_id;
}

/* ---- sending ---- */

struct flight *real_launch(struct lane *lane, enum purpose purpose, const struct request *request)
{
    struct flight *f = mem_zalloc(sizeof(*f));
    f->id = ++lane->real->last_id;
    f->lane = lane;
    f->purpose = purpose;
    f->request = *request;
    f->request.path = mem_strdup(request->path);
    f->request.body = request->body != NULL ? mem_strdup(request->body) : NULL;
    f->request.body_len = request->body != NULL ? strlen(request->body) : 0;
    f->request.timeout_ms = request->timeout_ms != 0 ? request->timeout_ms : REQUEST_MS;
    f->next = lane->real->flights;
    lane->real->flights = f;
    buf_init(&f->body, BODY_BYTES_MAX);
    transport_start(lane->real->transport, f->id, &f->request);
    return f;
}

void real_fail(struct real *r, const struct flight *f, const char *what)
{
    if (r->failure.code == ERR_NONE) {
        error_set(&r->failure, ERR_TRANSPORT, "%s %s: %s", http_method_name(f->request.method),
                  f->request.path, what);
    }
}

size_t real_close_watches(struct lane *lane, bool all)
{
    size_t open = 0;
    struct flight **at = &lane->real->flights;
    while (*at != NULL) {
        struct flight *f = *at;
        if (f->lane != lane || !f->stream || !(f->stop || all)) {
            open += f->lane == lane && f->stream;
            at = &f->next;
            continue;
        }
        *at = f->next;
        transport_cancel(lane->real->transport, f->id);
        flight_free(f);
    }
    return open;
}

/* ---- receiving ---- */

static struct flight **find(struct real *r, uint64_t id)
{
    struct flight **f = &r->flights;
    while (*f != NULL && (*f)->id != id) {
        f = &(*f)->next;
    }
    return f;
}

static void on_head(struct flight *f, int status)
{
    f->status = status;
    if (f->is_watch && status == 200) {
        f->stream = true;
        f->lane->side->said[f->i].status = status;
        f->lane->at++;
        f->lane->due = true;
    }
}

static void on_body(struct flight *f, const char *bytes, size_t len)
{
    if (!f->stream) {
        buf_append(&f->body, bytes, len);
    } else if (!f->stop) {
        f->stop = side_watch_bytes(f->lane->side, f->i, bytes, len);
        f->lane->due = true;
    }
}

/* From inside libcurl: what is to be done next is done by the loop. */
static void on_event(void *ctx, const struct event *event)
{
    struct real *r = ctx;
    struct flight **at = find(r, event->id), *f = *at;
    if (f == NULL) {
        return;
    }
    r->stirred = true;
    switch (event->type) {
    case EVENT_HEAD:
        on_head(f, event->http_status);
        return;
    case EVENT_BODY:
        on_body(f, event->bytes, event->len);
        return;
    default:
        *at = f->next;
        f->lane->due = true;
        if (event->failure != NULL && !f->stream) {
            real_fail(r, f, event->failure->message);
        } else if (!f->stream) {
            lane_answered(f->lane, f);
        } else {
            f->lane->side->said[f->i].ended = event->failure == NULL;
        }
        flight_free(f);
        return;
    }
}

/* ---- lanes ---- */

/* A watch's bytes make a lane due while its request is still out. */
static bool is_waiting(const struct lane *lane)
{
    for (const struct flight *f = lane->real->flights; f != NULL; f = f->next) {
        if (f->lane == lane && !f->stream) {
            return true;
        }
    }
    return false;
}

static void serve(struct lane *lane, uint64_t now_ms, real_next_fn *next, real_done_fn *done,
                  void *ctx)
{
    bool late = lane->wait_until_ms != 0 && now_ms >= lane->wait_until_ms;
    if (lane->side != NULL && (!(lane->due || late) || is_waiting(lane))) {
        return;
    }
    if (lane->side != NULL && lane_go_on(lane, now_ms)) {
        done(ctx, lane->side);
        lane->side = NULL;
    }
    if (lane->side == NULL) {
        mem_free(lane->truth);
        *lane = (struct lane){.real = lane->real, .side = next(ctx)};
        if (lane->side != NULL) {
            lane_go_on(lane, now_ms);
        }
    }
}

static bool serve_all(struct real *r, unsigned lanes, real_next_fn *next, real_done_fn *done,
                      void *ctx)
{
    bool busy = false;
    for (unsigned i = 0; i < lanes; i++) {
        r->lanes[i].real = r;
        serve(&r->lanes[i], clock_now().mono_ms, next, done, ctx);
        busy = busy || r->lanes[i].side != NULL;
    }
    return busy;
}

static uint64_t deadline(const struct real *r, unsigned lanes)
{
    uint64_t at_ms = transport_deadline(r->transport);
    for (unsigned i = 0; i < lanes; i++) {
        uint64_t until_ms = r->lanes[i].wait_until_ms;
        at_ms = until_ms != 0 && until_ms < at_ms ? until_ms : at_ms;
    }
    return at_ms;
}

int real_run(struct real *r, unsigned lanes, real_next_fn *next, real_done_fn *done, void *ctx,
             struct error *err)
{
    lanes = lanes < LANES_MAX ? lanes : LANES_MAX;
    while (r->failure.code == ERR_NONE) {
        r->stirred = false;
        if (!serve_all(r, lanes, next, done, ctx)) {
            break;
        }
        transport_tick(r->transport, clock_now());
        if (!r->stirred) {
            poller_wait(r->poller, deadline(r, lanes));
            credentials_tick(r->credentials, clock_now());
            transport_tick(r->transport, clock_now());
        }
    }
    if (r->failure.code != ERR_NONE) {
        *err = r->failure;
    }
    return r->failure.code;
}

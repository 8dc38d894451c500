#include "sim/conformance_real.h"

#include "base/mem.h"
#include "kube/json.h"
#include "shell/config.h"
#include "shell/credentials.h"
#include "shell/poller.h"
#include "shell/transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LANES_MAX = 128,
    REQUEST_MS = 60 * 1000,
    END_MS = 20 * 1000, /* for the last events of watches; nothing is lost if they come */
    CACHE_TRIES_MAX = 2000,
    SETUP_REQUESTS = 2,
};

/* What a lane does with the answer to a request. */
enum purpose {
    PURPOSE_SETUP,   /* the namespace, and what pods need in it */
    PURPOSE_TRUTH,   /* what there is, by a quorum read */
    PURPOSE_CACHE,   /* what the cache shows: is it the same? */
    PURPOSE_ASK,     /* the operation */
    PURPOSE_DELETE,  /* afterwards: all Memcacheds */
    PURPOSE_LEFT,    /* those that are still there, because of their finalizers */
    PURPOSE_RELEASE, /* one of them without */
};

struct flight {
    uint64_t id; /* 0: none */
    struct request request;
    struct lane *lane;
    enum purpose purpose;
    size_t i; /* the operation */
    bool is_watch;
    bool stream; /* it was opened */
    bool stop;   /* its end was seen: cancel it */
    int status;
    struct buf body; /* unless it goes to the side */
    struct flight *next;
};

struct lane {
    struct real *real;
    struct side *side; /* NULL: idle */
    size_t at;         /* the operation */
    unsigned setup;
    char *truth;  /* what there is, for an operation that a cache answers */
    bool in_step; /* the cache shows it */
    unsigned tries;
    uint64_t wait_until_ms; /* for the ends of watches; 0: not yet */
    bool due;               /* go on */
    enum { NOT_CLEANING, DELETING, LOOKING, CLEAN } cleaning;
};

struct real {
    struct poller *poller;
    struct credentials *credentials;
    struct transport *transport;
    const char *compact;
    struct flight *flights;
    struct lane lanes[LANES_MAX];
    uint64_t last_id;
    bool stirred; /* something has come since lanes were served */
    struct error failure;
};

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

static struct flight *launch(struct lane *lane, enum purpose purpose, const struct request *request)
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

/* Accounts are not of the model; pods are refused without this one. */
static void set_up(struct lane *lane)
{
    char path[128], body[256];
    const char *ns = lane->side->ns;
    if (lane->setup == 0) {
        snprintf(path, sizeof(path), "/api/v1/namespaces");
        snprintf(body, sizeof(body), "{\"metadata\":{\"name\":\"%s\"}}", ns);
    } else {
        snprintf(path, sizeof(path), "/api/v1/namespaces/%s/serviceaccounts", ns);
        snprintf(body, sizeof(body),
                 "{\"metadata\":{\"name\":\"default\"},\"automountServiceAccountToken\":false}");
    }
    launch(lane, PURPOSE_SETUP,
           &(struct request){
               .method = HTTP_POST, .path = path, .content_type = MEDIA_JSON, .body = body});
}

static const struct operation *operation_of(const struct lane *lane)
{
    return &lane->side->sequence->operations[lane->at];
}

static void look(struct lane *lane, enum purpose purpose)
{
    char path[256];
    const struct resource_text *t = &resource_texts[operation_of(lane)->resource];
    snprintf(path, sizeof(path), "%s/namespaces/%s/%s%s", t->root, lane->side->ns, t->plural,
             purpose == PURPOSE_CACHE ? "?resourceVersion=0" : "");
    launch(lane, purpose, &(struct request){.method = HTTP_GET, .path = path});
}

static void ask(struct lane *lane)
{
    const struct operation *o = operation_of(lane);
    side_ask(lane->side, lane->at);
    const struct said *s = &lane->side->said[lane->at];
    struct flight *f = launch(lane, PURPOSE_ASK,
                              &(struct request){.method = o->method,
                                                .path = s->path,
                                                .accept = o->accept,
                                                .content_type = o->content_type,
                                                .body = s->body,
                                                .stream = o->is_watch,
                                                .timeout_ms = o->is_watch ? 10 * REQUEST_MS : 0});
    f->i = lane->at;
    f->is_watch = o->is_watch;
    mem_free(lane->truth);
    lane->truth = NULL;
    lane->in_step = false;
}

/* Other tests shall find no Memcached. */
static void clean_up(struct lane *lane)
{
    char path[256];
    snprintf(path, sizeof(path), "/apis/cache.example.com/v1alpha1/namespaces/%s/memcacheds",
             lane->side->ns);
    bool first = lane->cleaning == NOT_CLEANING;
    lane->cleaning = first ? DELETING : LOOKING;
    launch(lane, first ? PURPOSE_DELETE : PURPOSE_LEFT,
           &(struct request){.method = first ? HTTP_DELETE : HTTP_GET, .path = path});
}

/* ---- receiving ---- */

/* Names and versions, in the order of names. */
static char *summary(const struct buf *body)
{
    struct buf text;
    buf_init(&text, BODY_BYTES_MAX);
    yyjson_doc *doc = json_parse(buf_text(body), body->len, NULL);
    yyjson_val *item;
    size_t i, count;
    yyjson_arr_foreach(yyjson_obj_get(yyjson_doc_get_root(doc), "items"), i, count, item)
    {
        const char *name = yyjson_get_str(json_at(item, "metadata", "name", NULL));
        const char *version = yyjson_get_str(json_at(item, "metadata", "resourceVersion", NULL));
        buf_printf(&text, "%s %s\n", name != NULL ? name : "", version != NULL ? version : "");
    }
    yyjson_doc_free(doc);
    return buf_take(&text);
}

/* The cache shows what the truth has, in whatever order: each line of one is in the other. */
static bool same_lines(const char *a, const char *b)
{
    if (strlen(a) != strlen(b)) {
        return false;
    }
    while (*a != '\0') {
        size_t len = strcspn(a, "\n") + 1;
        if (memmem(b, strlen(b), a, len) == NULL) {
            return false;
        }
        a += len;
    }
    return true;
}

/* Take the finalizers from what is left. */
static void release(struct lane *lane, const struct buf *list)
{
    char path[512];
    size_t i, count;
    yyjson_val *item;
    yyjson_doc *doc = json_parse(buf_text(list), list->len, NULL);
    lane->cleaning = CLEAN;
    yyjson_arr_foreach(yyjson_obj_get(yyjson_doc_get_root(doc), "items"), i, count, item)
    {
        const char *name = yyjson_get_str(json_at(item, "metadata", "name", NULL));
        snprintf(path, sizeof(path), "/apis/cache.example.com/v1alpha1/namespaces/%s/memcacheds/%s",
                 lane->side->ns, name);
        launch(lane, PURPOSE_RELEASE,
               &(struct request){.method = HTTP_PATCH,
                                 .path = path,
                                 .content_type = MEDIA_MERGE_PATCH,
                                 .body = "{\"metadata\":{\"finalizers\":null}}"});
    }
    yyjson_doc_free(doc);
}

static void fail(struct real *r, const struct flight *f, const char *what)
{
    if (r->failure.code == ERR_NONE) {
        error_set(&r->failure, ERR_TRANSPORT, "%s %s: %s", http_method_name(f->request.method),
                  f->request.path, what);
    }
}

static void answered(struct lane *lane, struct flight *f)
{
    switch (f->purpose) {
    case PURPOSE_SETUP:
        if (f->status != 201) {
            fail(lane->real, f, buf_text(&f->body));
        }
        lane->setup++;
        return;
    case PURPOSE_TRUTH:
        lane->truth = summary(&f->body);
        return;
    case PURPOSE_CACHE: {
        char *shown = summary(&f->body);
        bool same = same_lines(lane->truth, shown);
        mem_free(shown);
        if (!same && ++lane->tries > CACHE_TRIES_MAX) {
            fail(lane->real, f, "the cache never shows what there is");
        }
        lane->in_step = same;
        return;
    }
    case PURPOSE_ASK: {
        struct said *s = &lane->side->said[f->i];
        s->status = f->status;
        buf_append(&s->bytes, buf_text(&f->body), f->body.len);
        if (f->status / 100 != 2 || !f->is_watch) {
            side_learn(lane->side, f->i);
        }
        lane->at++;
        return;
    }
    case PURPOSE_LEFT:
        release(lane, &f->body);
        return;
    case PURPOSE_DELETE:
    case PURPOSE_RELEASE:
        return;
    }
}

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
            fail(r, f, event->failure->message);
        } else if (!f->stream) {
            answered(f->lane, f);
        } else {
            f->lane->side->said[f->i].ended = event->failure == NULL;
        }
        flight_free(f);
        return;
    }
}

/* ---- lanes ---- */

/* Watches whose end was seen are closed; with @all, every one. Returns how many are open. */
static size_t close_watches(struct lane *lane, bool all)
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

static void skip_what_is_off(struct lane *lane)
{
    while (lane->at < lane->side->sequence->count && operation_of(lane)->off) {
        lane->at++;
    }
}

/* It takes a moment, in which nothing else happens here. */
static void compact(struct lane *lane)
{
    if (system(lane->real->compact) != 0) { /* NOLINT: the command is this program's user's */
        error_set(&lane->real->failure, ERR_INVALID, "%s: failed", lane->real->compact);
    }
    lane->at++;
    lane->due = true;
    lane->real->stirred = true;
}

static void next_operation(struct lane *lane)
{
    if (operation_of(lane)->compact) {
        compact(lane);
        return;
    }
    if (!operation_of(lane)->cached || lane->in_step) {
        ask(lane);
    } else if (lane->truth == NULL) {
        look(lane, PURPOSE_TRUTH);
    } else {
        look(lane, PURPOSE_CACHE);
    }
}

/* Its next request; true when it has run to its end. */
static bool go_on(struct lane *lane, uint64_t now_ms)
{
    lane->due = false;
    skip_what_is_off(lane);
    if (lane->setup < SETUP_REQUESTS) {
        set_up(lane);
        return false;
    }
    if (lane->at < lane->side->sequence->count) {
        next_operation(lane);
        return false;
    }
    if (lane->wait_until_ms == 0) {
        lane->wait_until_ms = now_ms + END_MS;
    }
    if (close_watches(lane, now_ms >= lane->wait_until_ms) > 0) {
        return false;
    }
    if (lane->cleaning != CLEAN) {
        clean_up(lane);
        return false;
    }
    return true;
}

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
    if (lane->side != NULL && go_on(lane, now_ms)) {
        done(ctx, lane->side);
        lane->side = NULL;
    }
    if (lane->side == NULL) {
        mem_free(lane->truth);
        *lane = (struct lane){.real = lane->real, .side = next(ctx)};
        if (lane->side != NULL) {
            go_on(lane, now_ms);
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

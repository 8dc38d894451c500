#include "shell/transport.h"

#include "base/mem.h"
#include "shell/exchange.h"
#include "shell/process.h"

#include <stdio.h>
#include <sys/epoll.h>

enum {
    STREAMS_MAX = 1000,      /* on one connection, if the server allows as many */
    IDLE_EXCHANGES_MAX = 24, /* kept for reuse */
    URL_BYTES_MAX = 64 << 10,
};

struct transport {
    struct poller *poller;
    struct credentials *credentials;
    struct exchange_site site;
    struct identity *identity; /* of requests that begin now */
    CURLM *multi;
    bool inside;       /* libcurl is on the stack */
    uint64_t timer_ms; /* when libcurl wants to be called */
    struct exchange *first, *last;
    struct exchange *idle;
    size_t idle_count;
    struct buf url;
};

/* ---- what libcurl wants ---- */

static void on_socket_ready(void *ctx, int fd, uint32_t events)
{
    struct transport *t = ctx;
    int ready = (events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) |
                (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                (events & EPOLLERR ? CURL_CSELECT_ERR : 0);
    int running;
    t->inside = true;
    curl_multi_socket_action(t->multi, fd, ready, &running);
    t->inside = false;
}

static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    (void)easy;
    (void)socket_ctx;
    struct transport *t = ctx;
    if (what == CURL_POLL_REMOVE) {
        poller_remove(t->poller, fd);
    } else {
        uint32_t events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
                          (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
        poller_set(t->poller, fd, events, on_socket_ready, t);
    }
    return 0;
}

static int on_timer_wanted(CURLM *multi, long timeout_ms, void *ctx)
{
    (void)multi;
    struct transport *t = ctx;
    t->timer_ms = timeout_ms < 0 ? UINT64_MAX : clock_now().mono_ms + (uint64_t)timeout_ms;
    return 0;
}

/* ---- handles ---- */

static CURLM *multi_new(struct transport *t)
{
    CURLM *multi = curl_multi_init();
    if (multi == NULL) {
        mem_out_of_memory(0);
    }
    process_close_on_exec(); /* libcurl opened what it wakes itself by */
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    curl_multi_setopt(multi, CURLMOPT_MAX_CONCURRENT_STREAMS, (long)STREAMS_MAX);
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, t);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, t);
    return multi;
}

static struct exchange *take_idle(struct transport *t)
{
    struct exchange *x = t->idle;
    if (x == NULL) {
        return exchange_new(&t->site);
    }
    t->idle = x->next;
    t->idle_count--;
    return x;
}

static void give_back(struct transport *t, struct exchange *x)
{
    if (t->idle_count == IDLE_EXCHANGES_MAX) {
        exchange_free(x);
        return;
    }
    x->next = t->idle;
    t->idle = x;
    t->idle_count++;
}

static void link_last(struct transport *t, struct exchange *x)
{
    x->prev = t->last;
    x->next = NULL;
    *(t->last != NULL ? &t->last->next : &t->first) = x;
    t->last = x;
}

static void unlink_exchange(struct transport *t, struct exchange *x)
{
    *(x->prev != NULL ? &x->prev->next : &t->first) = x->next;
    *(x->next != NULL ? &x->next->prev : &t->last) = x->prev;
}

/* ---- beginning ---- */

static int refresh_identity(struct transport *t, struct error *err)
{
    if (t->identity != NULL &&
        identity_generation(t->identity) == credentials_generation(t->credentials)) {
        return 0;
    }
    const char *host = t->site.endpoint.connect_to != NULL ? t->site.endpoint.authority : NULL;
    struct identity *now = identity_new(t->credentials, host, err);
    if (now == NULL) {
        return err->code;
    }
    identity_drop(t->identity);
    t->identity = now;
    return 0;
}

/* Hand it to libcurl, or leave it waiting, or mark it failed. */
static void begin(struct transport *t, struct exchange *x)
{
    if (t->inside) {
        return;
    }
    if (!credentials_ready(t->credentials)) {
        const struct error *why = credentials_error(t->credentials);
        if (why->code != ERR_NONE) {
            exchange_fail(x, ERR_TRANSPORT, why->message);
            x->state = EXCHANGE_OVER;
        }
        return;
    }
    struct error err = ERROR_INIT;
    buf_reset(&t->url, t->url.cap);
    if (refresh_identity(t, &err) != 0 || buf_append_text(&t->url, t->site.endpoint.url) != 0 ||
        buf_append_text(&t->url, x->request->path) != 0) {
        exchange_fail(x, ERR_INVALID, err.code != ERR_NONE ? err.message : "the URL is too long");
        x->state = EXCHANGE_OVER;
        return;
    }
    exchange_prepare(x, t->identity, t->url.data);
    CURLMcode code = curl_multi_add_handle(t->multi, x->easy);
    if (code != CURLM_OK) {
        exchange_fail(x, ERR_TRANSPORT, curl_multi_strerror(code));
        x->state = EXCHANGE_OVER;
        return;
    }
    x->state = EXCHANGE_RUNNING;
}

void transport_start(struct transport *t, uint64_t id, const struct request *request)
{
    struct exchange *x = take_idle(t);
    exchange_reset(x, id, request, clock_now().mono_ms);
    link_last(t, x);
    begin(t, x);
}

/* ---- ending ---- */

/* Take it away from libcurl, which may use the request's memory up to here. */
static void detach(struct transport *t, struct exchange *x)
{
    if (x->state == EXCHANGE_RUNNING) {
        t->inside = true;
        curl_multi_remove_handle(t->multi, x->easy);
        t->inside = false;
        x->state = EXCHANGE_OVER;
    }
}

static void release(struct transport *t, struct exchange *x)
{
    detach(t, x);
    unlink_exchange(t, x);
    give_back(t, x);
}

void transport_cancel(struct transport *t, uint64_t id)
{
    for (struct exchange *x = t->first; x != NULL; x = x->next) {
        if (x->id == id && !x->silenced) {
            x->silenced = true;
            if (!t->inside) {
                release(t, x);
            }
            return;
        }
    }
}

static void end(struct transport *t, struct exchange *x, struct now now)
{
    if (x->head.complete && x->head.status == 401) {
        credentials_reject(t->credentials, now);
    } else if (x->distrusted) {
        credentials_distrust(t->credentials, now);
    }
    detach(t, x);
    const struct error *failure = x->failure.code != ERR_NONE ? &x->failure : NULL;
    exchange_deliver(x, (struct event){.type = EVENT_END, .failure = failure});
    release(t, x);
}

static void end_finished(struct transport *t, struct now now)
{
    int left;
    const CURLMsg *message;
    while ((message = curl_multi_info_read(t->multi, &left)) != NULL) {
        struct exchange *x;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&x);
        exchange_conclude(x, message->data.result);
        end(t, x, now);
    }
}

/* The server accepts what we send but says nothing at all: it hangs, or something between us does.
 * Only a new connection can help. */
static void reconnect(struct transport *t, struct now now)
{
    for (struct exchange *x = t->first, *next; x != NULL; x = next) {
        next = x->next;
        if (x->state == EXCHANGE_RUNNING) {
            exchange_fail(x, ERR_TRANSPORT, "the server fell silent");
            end(t, x, now);
        }
    }
    t->inside = true;
    curl_multi_cleanup(t->multi);
    t->inside = false;
    t->multi = multi_new(t);
    t->timer_ms = UINT64_MAX;
}

static bool expire(struct transport *t, struct exchange *x, struct now now)
{
    char text[64];
    snprintf(text, sizeof(text), "no %sanswer within %.1f s", x->head.complete ? "complete " : "",
             (double)x->request->timeout_ms / 1000);
    bool silent = x->state == EXCHANGE_RUNNING && t->site.heard_ms < x->began_ms &&
                  now.mono_ms - x->began_ms >= EXCHANGE_SILENCE_MS;
    exchange_fail(x, ERR_TRANSPORT, text);
    end(t, x, now);
    return silent;
}

static void look_after_all(struct transport *t, struct now now)
{
    bool silent = false;
    for (struct exchange *x = t->first, *next; x != NULL; x = next) {
        next = x->next;
        if (x->state == EXCHANGE_WAITING && !x->silenced && now.mono_ms < exchange_deadline(x)) {
            begin(t, x);
        }
        if (x->silenced) {
            release(t, x);
        } else if (x->state == EXCHANGE_OVER) {
            end(t, x, now);
        } else if (now.mono_ms >= exchange_deadline(x)) {
            silent |= expire(t, x, now);
        }
    }
    if (silent) {
        reconnect(t, now);
    }
}

void transport_tick(struct transport *t, struct now now)
{
    look_after_all(t, now);
    /* a request that was just begun goes out here and not one turn of the loop later */
    while (t->timer_ms <= now.mono_ms) {
        int running;
        t->timer_ms = UINT64_MAX;
        t->inside = true;
        curl_multi_socket_action(t->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        t->inside = false;
    }
    end_finished(t, now);
}

uint64_t transport_deadline(const struct transport *t)
{
    uint64_t at_ms = t->timer_ms;
    for (const struct exchange *x = t->first; x != NULL; x = x->next) {
        uint64_t due_ms = x->state == EXCHANGE_OVER || x->silenced ? 0 : exchange_deadline(x);
        at_ms = due_ms < at_ms ? due_ms : at_ms;
    }
    return at_ms;
}

/* ---- life ---- */

static int check_library(struct error *err)
{
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    if ((info->features & CURL_VERSION_SSL) == 0 || (info->features & CURL_VERSION_HTTP2) == 0) {
        return error_set(err, ERR_INVALID, "libcurl %s was built without TLS or HTTP/2",
                         info->version);
    }
    return 0;
}

struct transport *transport_new(struct poller *poller, struct credentials *credentials,
                                const char *user_agent, transport_event_fn *fn, void *ctx,
                                struct error *err)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct transport *t = mem_zalloc(sizeof(*t));
    *t = (struct transport){
        .poller = poller,
        .credentials = credentials,
        .site = {.user_agent = mem_strdup(user_agent),
                 .insecure = credentials_config(credentials)->insecure,
                 .fn = fn,
                 .ctx = ctx},
        .timer_ms = UINT64_MAX,
    };
    buf_init(&t->url, URL_BYTES_MAX);
    if (check_library(err) != 0 ||
        endpoint_init(&t->site.endpoint, credentials_config(credentials), err) != 0 ||
        refresh_identity(t, err) != 0) {
        transport_free(t);
        return NULL;
    }
    if (t->site.endpoint.connect_to != NULL) {
        t->site.connect_to = curl_slist_append(NULL, t->site.endpoint.connect_to);
    }
    t->multi = multi_new(t);
    return t;
}

void transport_free(struct transport *t)
{
    if (t == NULL) {
        return;
    }
    while (t->first != NULL) {
        release(t, t->first);
    }
    while (t->idle != NULL) {
        exchange_free(take_idle(t));
    }
    curl_multi_cleanup(t->multi);
    curl_slist_free_all(t->site.connect_to);
    identity_drop(t->identity);
    endpoint_fini(&t->site.endpoint);
    buf_fini(&t->url);
    mem_free(t->site.user_agent);
    mem_free(t);
    curl_global_cleanup();
}

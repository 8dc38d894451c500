#include "lib/bare.h"

#include "base/buf.h"
#include "base/mem.h"
#include "shell/config.h"

#include <curl/curl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    REQUEST_S = 60,
    ANSWER_BYTES_MAX = 256 << 20, /* a list of everything */
    WAIT_MS = 1000,
    MEDIA_TYPES_MAX = 4,
};

struct transfer {
    struct bare_client *client;
    struct transfer *next; /* among the idle */
    CURL *easy;
    struct bare_request request;
    size_t lane;
    struct buf answer;
    bare_bytes_fn *stream; /* NULL: an ordinary request */
    void *stream_ctx;
    char *path; /* the stream's own copy */
    char reason[CURL_ERROR_SIZE];
};

struct bare_client {
    struct client_config config;
    CURLM *multi;
    struct transfer *idle;
    struct transfer *last; /* of bare_call(): holds its answer */
    struct buf url;
    struct {
        const char *content_type;
        struct curl_slist *list;
    } headers[MEDIA_TYPES_MAX];
    bare_next_fn *on_answer; /* while bare_run() runs */
    void *ctx;
    size_t in_flight; /* streams not counted */
};

void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

void mem_out_of_memory(size_t bytes)
{
    die("out of memory (%zu bytes more)", bytes);
}

double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- handles ---- */

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct transfer *x = ctx;
    if (x->stream != NULL) {
        x->stream(x->stream_ctx, bytes, size * count);
    } else if (buf_append(&x->answer, bytes, size * count) != 0) {
        return 0;
    }
    return size * count;
}

static void set_identity(CURL *easy, const struct client_config *c)
{
    const struct {
        CURLoption file, blob;
        const char *path;
        char *data;
        size_t len;
    } parts[] = {
        {CURLOPT_CAINFO, CURLOPT_CAINFO_BLOB, c->ca_file, c->ca_data, c->ca_data_len},
        {CURLOPT_SSLCERT, CURLOPT_SSLCERT_BLOB, c->cert_file, c->cert_data, c->cert_data_len},
        {CURLOPT_SSLKEY, CURLOPT_SSLKEY_BLOB, c->key_file, c->key_data, c->key_data_len},
    };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct curl_blob blob = {.data = parts[i].data, .len = parts[i].len};
        if (parts[i].path != NULL) {
            curl_easy_setopt(easy, parts[i].file, parts[i].path);
        } else if (parts[i].data != NULL) {
            curl_easy_setopt(easy, parts[i].blob, &blob);
        }
    }
}

static struct transfer *transfer_new(struct bare_client *c)
{
    struct transfer *x = mem_zalloc(sizeof(*x));
    x->client = c;
    x->easy = curl_easy_init();
    buf_init(&x->answer, ANSWER_BYTES_MAX);
    set_identity(x->easy, &c->config);
    curl_easy_setopt(x->easy, CURLOPT_PRIVATE, x);
    curl_easy_setopt(x->easy, CURLOPT_ERRORBUFFER, x->reason);
    curl_easy_setopt(x->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(x->easy, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(x->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(x->easy, CURLOPT_PIPEWAIT, 1L);
    curl_easy_setopt(x->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(x->easy, CURLOPT_PROXY, "");
    return x;
}

static struct transfer *take_idle(struct bare_client *c)
{
    struct transfer *x = c->idle;
    if (x == NULL) {
        return transfer_new(c);
    }
    c->idle = x->next;
    return x;
}

static void give_back(struct bare_client *c, struct transfer *x)
{
    x->next = c->idle;
    c->idle = x;
}

struct bare_client *bare_new(const char *kubeconfig)
{
    struct bare_client *c = mem_zalloc(sizeof(*c));
    struct error err = ERROR_INIT;
    if (config_load(kubeconfig, NULL, &c->config, &err) != 0) {
        die("%s", err.message);
    }
    buf_init(&c->url, 64 << 10);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    c->multi = curl_multi_init();
    curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    return c;
}

void bare_free(struct bare_client *c)
{
    while (c->idle != NULL) {
        struct transfer *x = take_idle(c);
        curl_easy_cleanup(x->easy);
        buf_fini(&x->answer);
        mem_free(x);
    }
    curl_multi_cleanup(c->multi);
    for (size_t i = 0; i < MEDIA_TYPES_MAX; i++) {
        curl_slist_free_all(c->headers[i].list);
    }
    client_config_fini(&c->config);
    buf_fini(&c->url);
    mem_free(c);
}

/* ---- requests ---- */

/* The same few lists of headers for all requests. */
static struct curl_slist *headers_for(struct bare_client *c, const char *content_type)
{
    const char *type = content_type != NULL ? content_type : "";
    size_t i = 0;
    while (c->headers[i].list != NULL && strcmp(c->headers[i].content_type, type) != 0) {
        i++;
        if (i == MEDIA_TYPES_MAX) {
            die("more than %d media types", MEDIA_TYPES_MAX);
        }
    }
    if (c->headers[i].list == NULL) {
        char line[256];
        snprintf(line, sizeof(line), "Content-Type: %s", type);
        c->headers[i].content_type = type;
        c->headers[i].list = curl_slist_append(NULL, "Accept: application/json");
        curl_slist_append(c->headers[i].list, *type != '\0' ? line : "Content-Type:");
    }
    return c->headers[i].list;
}

static void start(struct bare_client *c, struct transfer *x, const struct bare_request *r)
{
    x->request = *r;
    buf_reset(&x->answer, 64 << 10);
    buf_reset(&c->url, c->url.cap);
    buf_append_text(&c->url, c->config.server);
    buf_append_text(&c->url, r->path);
    curl_easy_setopt(x->easy, CURLOPT_URL, buf_text(&c->url));
    curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, headers_for(c, r->content_type));
    if (r->body != NULL) {
        curl_easy_setopt(x->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(x->easy, CURLOPT_POSTFIELDSIZE, (long)strlen(r->body));
        curl_easy_setopt(x->easy, CURLOPT_POSTFIELDS, r->body);
    } else {
        curl_easy_setopt(x->easy, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(x->easy, CURLOPT_CUSTOMREQUEST, http_method_name(r->method));
    curl_easy_setopt(x->easy, CURLOPT_TIMEOUT, x->stream != NULL ? 0L : (long)REQUEST_S);
    curl_multi_add_handle(c->multi, x->easy);
}

static void start_on_lane(struct bare_client *c, const struct bare_request *r, size_t lane)
{
    struct transfer *x = take_idle(c);
    x->lane = lane;
    c->in_flight++;
    start(c, x, r);
}

static void check(const struct transfer *x, CURLcode result)
{
    const char *method = http_method_name(x->request.method);
    long status = 0;
    if (result != CURLE_OK) {
        die("%s %s: %s", method, x->request.path, x->reason);
    }
    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200 || status > 299) {
        die("%s %s: %ld %s", method, x->request.path, status, buf_text(&x->answer));
    }
}

static void finish_stream(struct bare_client *c, struct transfer *x)
{
    bare_bytes_fn *fn = x->stream;
    x->stream = NULL;
    mem_free(x->path);
    x->path = NULL;
    give_back(c, x);
    fn(x->stream_ctx, NULL, 0);
}

/* Its lane goes on, perhaps in the same handle. */
static void finish(struct bare_client *c, struct transfer *x)
{
    c->in_flight--;
    if (c->on_answer == NULL) {
        c->last = x;
        return;
    }
    size_t lane = x->lane;
    give_back(c, x);
    const struct bare_request *next = c->on_answer(c->ctx, lane);
    if (next != NULL) {
        start_on_lane(c, next, lane);
    }
}

void bare_wait(struct bare_client *c, int wait_ms)
{
    int running, left;
    curl_multi_perform(c->multi, &running);
    for (CURLMsg *m; (m = curl_multi_info_read(c->multi, &left)) != NULL; wait_ms = 0) {
        struct transfer *x;
        CURLcode result = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&x);
        curl_multi_remove_handle(c->multi, x->easy);
        check(x, result);
        (x->stream != NULL ? finish_stream : finish)(c, x);
    }
    if (wait_ms > 0) {
        curl_multi_poll(c->multi, NULL, 0, wait_ms, NULL);
    }
}

const char *bare_call(struct bare_client *c, const struct bare_request *request)
{
    if (c->last != NULL) {
        give_back(c, c->last);
        c->last = NULL;
    }
    start_on_lane(c, request, 0);
    while (c->in_flight > 0) {
        bare_wait(c, WAIT_MS);
    }
    return buf_text(&c->last->answer);
}

void bare_run(struct bare_client *c, size_t lanes, bare_next_fn *next, void *ctx)
{
    c->on_answer = next;
    c->ctx = ctx;
    for (size_t lane = 0; lane < lanes; lane++) {
        const struct bare_request *r = next(ctx, lane);
        if (r != NULL) {
            start_on_lane(c, r, lane);
        }
    }
    while (c->in_flight > 0) {
        bare_wait(c, WAIT_MS);
    }
    c->on_answer = NULL;
}

void bare_stream(struct bare_client *c, const char *path, bare_bytes_fn *fn, void *ctx)
{
    struct transfer *x = take_idle(c);
    x->stream = fn;
    x->stream_ctx = ctx;
    x->path = mem_strdup(path);
    start(c, x, &(struct bare_request){.method = HTTP_GET, .path = x->path});
}

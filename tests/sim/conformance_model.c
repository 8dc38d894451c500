#include "sim/conformance_model.h"

#include "sim/api.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define AGENT "conformance/1 (linux)" /* as of real_new() */

enum {
    FIRST_REVISION = 1000, /* a real server has seen some, too */
    WALL_S = 1795346000,
    STEP_US = 1000,
    SHORT_TIMEOUT_MS = 10 * 1000, /* real servers are waited for so long */
};

static void send(struct api *api, const struct api_request *request, struct said *into)
{
    struct api_answer answer;
    api_answer_init(&answer);
    api_handle(api, 0, request, &answer);
    into->status = answer.http_status;
    buf_append(&into->bytes, buf_text(&answer.body), answer.body.len);
    api_answer_fini(&answer);
}

static void make_namespace(struct api *api, const char *ns)
{
    char body[128];
    struct said said = {0};
    buf_init(&said.bytes, API_ANSWER_BYTES_MAX);
    int len = snprintf(body, sizeof(body),
                       "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":"
                       "\"%s\"}}",
                       ns);
    send(api,
         &(struct api_request){.method = HTTP_POST,
                               .path = "/api/v1/namespaces",
                               .content_type = MEDIA_JSON,
                               .body = body,
                               .body_len = (size_t)len,
                               .agent = AGENT},
         &said);
    assert(said.status == 201);
    buf_fini(&said.bytes);
}

static struct api_watch *open_watch(struct api *api, const struct api_request *request,
                                    struct said *s)
{
    struct api_answer answer;
    api_answer_init(&answer);
    struct api_watch *w = api_watch_open(api, 0, request, &answer);
    s->status = w != NULL ? 200 : answer.http_status;
    if (w == NULL) {
        buf_append(&s->bytes, buf_text(&answer.body), answer.body.len);
    }
    api_answer_fini(&answer);
    return w;
}

static void drain(struct side *side, size_t i, struct api_watch *w)
{
    struct buf line;
    buf_init(&line, API_ANSWER_BYTES_MAX);
    bool end = false;
    while (!end && api_watch_next(w, &line)) {
        end = side_watch_bytes(side, i, buf_text(&line), line.len);
        buf_reset(&line, OPERATION_BYTES_MAX);
    }
    uint64_t timeout_ms = api_watch_timeout_ms(w);
    side->said[i].ended =
        api_watch_is_over(w) || (timeout_ms > 0 && timeout_ms <= SHORT_TIMEOUT_MS);
    buf_fini(&line);
    api_watch_close(w);
}

void model_run(struct side *side, uint64_t seed)
{
    struct api *api =
        api_new(&(struct api_options){.seed = seed, .first_revision = FIRST_REVISION});
    struct api_watch *watches[OPERATIONS_MAX] = {NULL};
    api_set_time(api, (int64_t)WALL_S * 1000000);
    make_namespace(api, side->ns);
    for (size_t i = 0; i < side->sequence->count; i++) {
        const struct operation *o = &side->sequence->operations[i];
        struct said *s = &side->said[i];
        if (o->off) {
            continue;
        }
        if (o->compact) {
            api_compact(api, api_revision(api));
            continue;
        }
        side_ask(side, i);
        api_set_time(api, (int64_t)WALL_S * 1000000 + (int64_t)(i + 1) * STEP_US);
        const struct api_request request = {
            .method = o->method,
            .path = s->path,
            .accept = o->accept,
            .content_type = o->content_type,
            .body = s->body,
            .body_len = s->body != NULL ? strlen(s->body) : 0,
            .agent = AGENT,
        };
        if (o->is_watch) {
            watches[i] = open_watch(api, &request, s);
        } else {
            send(api, &request, s);
        }
        if (watches[i] == NULL) {
            side_learn(side, i);
        }
    }
    for (size_t i = 0; i < side->sequence->count; i++) {
        if (watches[i] != NULL) {
            drain(side, i, watches[i]);
        }
    }
    api_free(api);
}

#include "kube/kind_search.h"

#include "base/mem.h"
#include "kube/discovery.h"
#include "kube/manager.h"

#include <assert.h>

enum {
    TIMEOUT_MS = 30 * 1000,
    PATH_BYTES_MAX = 512,
    JITTER_PERCENT = 50,
};

void kind_search_init(struct kind_search *s, struct manager *m, struct random *random,
                      const char *api_version, const char *kind_name,
                      void (*news)(void *ctx, bool changed), void *ctx)
{
    *s = (struct kind_search){
        .manager = m,
        .random = random,
        .api_version = mem_strdup(api_version),
        .kind_name = mem_strdup(kind_name),
        .news = news,
        .ctx = ctx,
        .trouble = ERROR_INIT,
    };
}

void kind_search_fini(struct kind_search *s)
{
    mem_free(s->api_version);
    mem_free(s->kind_name);
    mem_free(s->found);
}

static void log_found(const struct kind_search *s)
{
    manager_log(s->manager, manager_now(s->manager), LOG_INFO, "discovery",
                "Found a kind that somebody refers to",
                (struct log_field[]){LOG_STR("apiVersion", s->api_version),
                                     LOG_STR("kind", s->kind_name),
                                     LOG_STR("resource", s->found->plural)},
                3);
}

static void back_off(struct kind_search *s, struct now now, const struct error *why)
{
    bool is_known = why->code == ERR_NOT_FOUND || why->code == ERR_INVALID;
    uint64_t most_ms = is_known ? KIND_SEARCH_MS_MAX : KIND_SEARCH_TROUBLE_MS_MAX;
    uint64_t doubled_ms = s->wait_ms == 0 ? KIND_SEARCH_MS_MIN : s->wait_ms * 2;

    s->wait_ms = doubled_ms < most_ms ? doubled_ms : most_ms;
    s->wake_ms = now.mono_ms + random_jitter_ms(s->random, s->wait_ms, JITTER_PERCENT);
}

static void on_answer(void *ctx, struct now now, const struct answer *answer)
{
    struct kind_search *s = ctx;
    struct error err = ERROR_INIT;

    s->call_id = 0;
    if (discovery_judge(s->api_version, s->kind_name, answer, &s->found, &err) == 0) {
        log_found(s);
    } else {
        back_off(s, now, &err);
    }
    bool changed = err.code != s->trouble.code;
    s->trouble = err;
    s->news(s->ctx, changed);
}

static const struct call_handler handler = {.done = on_answer};

static bool wants(const struct kind_search *s)
{
    return s->found == NULL && s->call_id == 0;
}

void kind_search_pump(struct kind_search *s)
{
    struct now now = manager_now(s->manager);

    if (!wants(s) || now.mono_ms < s->wake_ms) {
        return;
    }
    CLEANUP(buf_fini) struct buf path;
    buf_init(&path, PATH_BYTES_MAX);
    discovery_append_path(&path, s->api_version);
    assert(!path.truncated); /* it was checked */
    struct request request = {
        .method = HTTP_GET, .path = buf_take(&path), .timeout_ms = TIMEOUT_MS};
    s->call_id = client_start(manager_client(s->manager), now, &request, &handler, s);
}

uint64_t kind_search_deadline(const struct kind_search *s)
{
    return wants(s) ? s->wake_ms : UINT64_MAX;
}

bool kind_search_is_pausing(const struct kind_search *s)
{
    return client_is_waiting(manager_client(s->manager), s->call_id);
}

void kind_search_stop(struct kind_search *s)
{
    client_cancel(manager_client(s->manager), s->call_id);
    s->call_id = 0;
}

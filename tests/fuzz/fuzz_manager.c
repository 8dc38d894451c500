/*
 * The whole operator in its manager, with the input as everything that happens: the first bytes are
 * options, each further one something that the world does, with its arguments behind it. Nothing of
 * it may reach an assert, leak, or make the operator break what shell_model.c checks.
 */
#include "base/mem.h"
#include "fuzz/answers.h"
#include "fuzz/fuzz.h"
#include "fuzz/shell_model.h"
#include "operator/operator.h"

#include <string.h>

enum { BODY_BYTES = 256 << 10 };

struct world {
    struct shell_model shell;
    struct answers answers;
    struct choices choices;
};

static uint8_t choose_open(struct world *w)
{
    return choose(&w->choices, (uint8_t)w->shell.open_count);
}

/* ---- What the world does ---- */

static void answer_well_at(struct world *w, size_t i)
{
    CLEANUP(buf_fini) struct buf body;
    const struct open_request *o = &w->shell.open[i];
    bool watch = strstr(o->request->path, "watch=1") != NULL;
    uint64_t id = o->id;
    buf_init(&body, BODY_BYTES);
    answers_body(&w->answers, o->request, &w->choices, &body);
    model_head(&w->shell, i, o->request->method == HTTP_POST ? 201 : 200, -1);
    i = model_find(&w->shell, id);
    if (i != MODEL_OPEN_MAX) {
        model_body(&w->shell, i, buf_text(&body), body.len);
        i = model_find(&w->shell, id);
    }
    if (i != MODEL_OPEN_MAX && !watch) {
        model_end(&w->shell, i, NULL);
    }
}

static void answer_well(struct world *w)
{
    answer_well_at(w, choose_open(w));
}

static void answer_all_well(struct world *w)
{
    uint64_t ids[MODEL_OPEN_MAX];
    size_t count = w->shell.open_count;
    for (size_t i = 0; i < count; i++) {
        ids[i] = w->shell.open[i].id;
    }
    for (size_t k = 0; k < count && !model_is_over(&w->shell); k++) {
        size_t i = model_find(&w->shell, ids[k]);
        if (i != MODEL_OPEN_MAX && !w->shell.open[i].headed) {
            answer_well_at(w, i);
        }
    }
}

static void refuse(struct world *w)
{
    CLEANUP(buf_fini) struct buf body;
    static const int64_t retry_after_ms[] = {-1, -1, -1, 0, 1000, 60000, 86400000};
    size_t i = choose_open(w);
    uint64_t id = w->shell.open[i].id;
    buf_init(&body, BODY_BYTES);
    int status = answers_refusal(&w->choices, &body);
    model_head(&w->shell, i, status,
               retry_after_ms[choose(&w->choices, ARRAY_LEN(retry_after_ms))]);
    i = model_find(&w->shell, id);
    if (i != MODEL_OPEN_MAX) {
        model_body(&w->shell, i, body.data, body.len);
        i = model_find(&w->shell, id);
    }
    if (i != MODEL_OPEN_MAX) {
        model_end(&w->shell, i, NULL);
    }
}

static void send_head(struct world *w)
{
    static const int statuses[] = {200, 201, 204, 301, 404, 418, 500};
    size_t i = choose_open(w);
    model_head(&w->shell, i, statuses[choose(&w->choices, ARRAY_LEN(statuses))], -1);
}

/* A body that was meant well, with some of its bytes changed, or only a piece of it. */
static void send_damaged(struct world *w)
{
    CLEANUP(buf_fini) struct buf body;
    size_t i = choose_open(w);
    buf_init(&body, BODY_BYTES);
    answers_body(&w->answers, w->shell.open[i].request, &w->choices, &body);
    for (uint8_t n = choose(&w->choices, 4); n > 0 && body.len > 0; n--) {
        size_t at = choose(&w->choices, 255) * 256U;
        at += choose(&w->choices, 255);
        body.data[at % body.len] = (char)choose(&w->choices, 255);
    }
    if (choose(&w->choices, 2) == 1) {
        buf_cut(&body, body.len * choose(&w->choices, 255) / 255);
    }
    if (w->shell.open[i].headed) {
        model_body(&w->shell, i, buf_text(&body), body.len);
    }
}

static void send_event(struct world *w)
{
    CLEANUP(buf_fini) struct buf event;
    size_t i = choose_open(w);
    const struct open_request *o = &w->shell.open[i];
    buf_init(&event, BODY_BYTES);
    if (o->headed && strstr(o->request->path, "watch=1") != NULL) {
        answers_event(&w->answers, o->request, &w->choices, &event);
        model_body(&w->shell, i, event.data, event.len);
    }
}

/* Bytes of the input itself. */
static void send_bytes(struct world *w)
{
    size_t i = choose_open(w);
    size_t left = (size_t)(w->choices.end - w->choices.at);
    size_t len = choose(&w->choices, 255);
    len = len < left ? len : left > 0 ? left - 1 : 0;
    if (w->shell.open[i].headed) {
        model_body(&w->shell, i, (const char *)w->choices.at, len);
        w->choices.at += len;
    }
}

static void end_well(struct world *w)
{
    model_end(&w->shell, choose_open(w), NULL);
}

static void break_off(struct world *w)
{
    struct error failure = ERROR_INIT;
    size_t i = choose_open(w);
    error_set(&failure, choose(&w->choices, 4) == 3 ? ERR_TOO_BIG : ERR_TRANSPORT, "broken off");
    model_end(&w->shell, i, &failure);
}

static void pass_little(struct world *w)
{
    model_pass(&w->shell, 1 + choose(&w->choices, 255) * 20U);
}

static void pass_much(struct world *w)
{
    model_pass(&w->shell, 1 + choose(&w->choices, 255) * 2000U);
}

/* Both clocks, each as it likes; the monotonic one only forward. */
static void jump(struct world *w)
{
    uint64_t mono_ms = choose(&w->choices, 255) * 10000U;
    int64_t wall_us = (choose(&w->choices, 255) - INT64_C(128)) * 60 * 1000000;
    model_jump(&w->shell, mono_ms, wall_us);
}

static void stop(struct world *w)
{
    if (choose(&w->choices, 255) > 200) {
        model_step(&w->shell, &(struct event){.type = EVENT_STOP});
    }
}

/* Of a request that is gone: the shell would not, but nothing may come of it. */
static void send_to_nobody(struct world *w)
{
    model_step(&w->shell, &(struct event){.type = EVENT_BODY,
                                          .id = choose(&w->choices, 255) + UINT64_C(1000000),
                                          .bytes = "x",
                                          .len = 1});
}

typedef void deed(struct world *w);

static deed *const deeds[] = {answer_well,   answer_well, answer_all_well, send_event, send_event,
                              refuse,        send_head,   send_damaged,    send_bytes, end_well,
                              break_off,     pass_little, pass_much,       jump,       stop,
                              send_to_nobody};

/* ---- The operator in it ---- */

static struct manager_options choose_options(struct choices *c)
{
    static const char *const both[] = {"default", "team"};
    static const double rates[] = {0, 0, 0.5, 20};
    struct manager_options o = {
        .log = {.level_min = LOG_DEBUG},
        .name = "memcached-operator",
        .namespaces = both,
        .lease_ns = "ns",
        .lease_name = "lock",
        .identity = "me",
        .host = "host",
        .user = "user",
    };
    o.log.encoder = choose(c, 2);
    o.namespace_count = choose(c, 3);
    o.max_concurrent = 1 + choose(c, 4);
    o.sync_period_ms = choose(c, 3) * UINT64_C(60000);
    o.qps = rates[choose(c, ARRAY_LEN(rates))];
    o.dry_run = choose(c, 8) == 7;
    o.leader_elect = choose(c, 2) == 1;
    o.seed = choose(c, 255);
    return o;
}

static void check_end(struct world *w)
{
    CLEANUP(buf_fini) struct buf text;
    const char *why = NULL;
    buf_init(&text, 4 << 20);
    assert(manager_ready(w->shell.manager, &why) || (why != NULL && is_printable(why)));
    manager_update_metrics(w->shell.manager, w->shell.now);
    metrics_render(manager_metrics(w->shell.manager), &text);
    assert(!text.truncated && text.len > 0 && text.data[text.len - 1] == '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.answers = {.rv = 100}, .choices = {data, data != NULL ? data + size : data}};
    struct manager_options options = choose_options(&w.choices);
    struct manager *manager = manager_new(&options);
    struct operator* op =
        operator_new(manager, &(struct operator_options){.image = "memcached:1.6"});
    options.leader_elect = options.leader_elect && !options.dry_run;
    model_init(&w.shell, manager, &options);
    while (w.choices.at < w.choices.end && !model_is_over(&w.shell)) {
        deed *what = deeds[choose(&w.choices, ARRAY_LEN(deeds))];
        bool alone = what == pass_little || what == pass_much || what == jump || what == stop;
        if (alone || w.shell.open_count > 0) {
            what(&w);
        }
    }
    check_end(&w);
    model_fini(&w.shell);
    operator_free(op);
    answers_fini(&w.answers);
    return 0;
}

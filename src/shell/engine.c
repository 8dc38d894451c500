#include "shell/engine.h"

#include "base/mem.h"
#include "shell/config.h"

#include <string.h>

#define USER_AGENT PROGRAM "/" OPERATOR_VERSION " (linux)"

/* ---- events ---- */

void engine_step(struct engine *e, const struct event *event)
{
    manager_step(e->manager, clock_now(), event, &e->actions);
}

static void on_event(void *ctx, const struct event *event)
{
    engine_step(ctx, event);
}

/* ---- actions ---- */

static void perform(struct engine *e, size_t i)
{
    const struct action *action = &e->actions.items[i];
    switch (action->type) {
    case ACTION_START:
        if (!actions_is_cancelled(&e->actions, i)) {
            transport_start(e->transport, action->id, action->request);
        }
        return;
    case ACTION_CANCEL:
        transport_cancel(e->transport, action->id);
        return;
    case ACTION_LOG:
        if (e->on_line != NULL) {
            e->on_line(e->ctx, action->text);
        }
        return;
    case ACTION_EXIT:
        e->done = true;
        e->exit_code = action->exit_code;
        return;
    }
}

/* Until nothing is left to do: the tick sends what was begun, and may bring answers. */
void engine_settle(struct engine *e)
{
    do {
        for (size_t i = 0; i < e->actions.count; i++) {
            perform(e, i);
        }
        actions_clear(&e->actions);
        transport_tick(e->transport, clock_now());
    } while (e->actions.count > 0 && !e->done);
}

/* ---- the loop ---- */

void engine_start(struct engine *e)
{
    engine_step(e, &(struct event){.type = EVENT_TICK});
    engine_settle(e);
}

void engine_turn(struct engine *e, uint64_t until_ms)
{
    until_ms = time_earlier(until_ms, manager_deadline(e->manager));
    until_ms = time_earlier(until_ms, transport_deadline(e->transport));
    until_ms = time_earlier(until_ms, credentials_deadline(e->credentials));
    poller_wait(e->poller, until_ms);
    struct now now = clock_now();
    credentials_tick(e->credentials, now);
    if (now.mono_ms >= manager_deadline(e->manager)) {
        engine_step(e, &(struct event){.type = EVENT_TICK});
    }
    engine_settle(e);
}

/* ---- setting up ---- */

char *engine_host(const struct engine *e)
{
    const char *url = credentials_config(e->credentials)->server; /* "https://host:port/prefix" */
    const char *start = strstr(url, "://");
    start = start != NULL ? start + 3 : url;
    return mem_strndup(start, strcspn(start, "/"));
}

bool engine_runs_plugin(const struct engine *e)
{
    return credentials_config(e->credentials)->exec != NULL;
}

static int make_credentials(struct engine *e, const char *kubeconfig, const char *context,
                            struct error *err)
{
    struct client_config config = {0};
    int code = config_load(kubeconfig, context, &config, err);
    if (code == 0) {
        e->credentials = credentials_new(&config, e->poller, e->on_log, e->ctx, err);
        code = e->credentials != NULL ? 0 : err->code;
    }
    client_config_fini(&config);
    return code;
}

int engine_connect(struct engine *e, const char *kubeconfig, const char *context, struct error *err)
{
    e->poller = poller_new(err);
    if (e->poller == NULL || make_credentials(e, kubeconfig, context, err) != 0) {
        return err->code;
    }
    e->transport = transport_new(e->poller, e->credentials, USER_AGENT, on_event, e, err);
    return e->transport != NULL ? 0 : err->code;
}

void engine_disconnect(struct engine *e)
{
    transport_free(e->transport);
    e->transport = NULL;
}

void engine_fini(struct engine *e)
{
    engine_disconnect(e);
    credentials_free(e->credentials);
    poller_free(e->poller);
    actions_fini(&e->actions);
}

#include "lib/testing.h"

#include "lib/driver.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 1 << 16 };

static void remove_open(struct driver *d, size_t i)
{
    mem_free(d->open[i].line);
    mem_free(d->open[i].body);
    d->open[i] = d->open[--d->open_count];
    /* keep the order of age: rotate the moved one to the end */
    struct open_request moved;
    for (; i + 1 < d->open_count; i++) {
        moved = d->open[i];
        d->open[i] = d->open[i + 1];
        d->open[i + 1] = moved;
    }
}

static void add_open(struct driver *d, const struct action *a)
{
    const struct request *r = a->request;
    char line[TEXT_BYTES];
    snprintf(line, sizeof line, "%s %s", http_method_name(r->method), r->path);
    d->open = mem_realloc(d->open, (d->open_count + 1) * sizeof *d->open);
    d->open[d->open_count++] =
        (struct open_request){.id = a->id,
                              .line = mem_strdup(line),
                              .body = r->body != NULL ? mem_strdup(r->body) : NULL,
                              .accept = r->accept,
                              .content_type = r->content_type,
                              .timeout_ms = r->timeout_ms};
    d->started++;
}

static void perform(struct driver *d)
{
    for (size_t i = 0; i < d->actions.count; i++) {
        const struct action *a = &d->actions.items[i];
        switch (a->type) {
        case ACTION_START:
            if (!actions_is_cancelled(&d->actions, i)) {
                add_open(d, a);
            }
            break;
        case ACTION_CANCEL:
            for (size_t k = 0; k < d->open_count; k++) {
                if (d->open[k].id == a->id) {
                    remove_open(d, k);
                    break;
                }
            }
            break;
        case ACTION_LOG:
            buf_append_text(&d->logs, a->text);
            break;
        case ACTION_EXIT:
            d->exit_code = a->exit_code;
            break;
        }
    }
    actions_clear(&d->actions);
}

static void step(struct driver *d, const struct event *event)
{
    manager_step(d->manager, d->now, event, &d->actions);
    perform(d);
}

void driver_init(struct driver *d, struct manager *manager)
{
    *d = (struct driver){.manager = manager,
                         .now = {.mono_ms = 1000000, .wall_us = 1767225600000000},
                         .exit_code = -1};
    buf_init(&d->logs, 1 << 24);
    step(d, &(struct event){.type = EVENT_TICK});
}

void driver_fini(struct driver *d)
{
    manager_free(d->manager);
    while (d->open_count > 0) {
        remove_open(d, d->open_count - 1);
    }
    mem_free(d->open);
    actions_fini(&d->actions);
    buf_fini(&d->logs);
}

static void move_to(struct driver *d, uint64_t mono_ms)
{
    d->now.wall_us += (int64_t)(mono_ms - d->now.mono_ms) * 1000;
    d->now.mono_ms = mono_ms;
}

void driver_pass(struct driver *d, uint64_t ms)
{
    uint64_t until_ms = d->now.mono_ms + ms;
    for (;;) {
        uint64_t at_ms = manager_deadline(d->manager);
        if (at_ms >= until_ms || d->exit_code >= 0) {
            break;
        }
        move_to(d, at_ms > d->now.mono_ms ? at_ms : d->now.mono_ms + 1);
        step(d, &(struct event){.type = EVENT_TICK});
    }
    move_to(d, until_ms);
    step(d, &(struct event){.type = EVENT_TICK});
}

void driver_stop(struct driver *d)
{
    step(d, &(struct event){.type = EVENT_STOP});
}

static size_t index_of(const struct driver *d, const char *prefix)
{
    size_t i = 0;
    while (i < d->open_count && strncmp(d->open[i].line, prefix, strlen(prefix)) != 0) {
        i++;
    }
    return i;
}

const struct open_request *driver_find(const struct driver *d, const char *prefix)
{
    size_t i = index_of(d, prefix);
    return i < d->open_count ? &d->open[i] : NULL;
}

size_t driver_count(const struct driver *d, const char *prefix)
{
    size_t count = 0;
    for (size_t i = 0; i < d->open_count; i++) {
        count += strncmp(d->open[i].line, prefix, strlen(prefix)) == 0 ? 1 : 0;
    }
    return count;
}

static uint64_t expect_open(struct driver *d, const char *prefix)
{
    size_t i = index_of(d, prefix);
    if (i == d->open_count) {
        for (size_t k = 0; k < d->open_count; k++) {
            print_message("open: %s\n", d->open[k].line);
        }
        fail_msg("no open request begins with: %s", prefix);
    }
    return d->open[i].id;
}

__attribute__((format(printf, 2, 0))) static void format_json(char *out, const char *format,
                                                              va_list args)
{
    vsnprintf(out, TEXT_BYTES, format, args);
    for (char *c = out; *c != '\0'; c++) {
        if (*c == '\'') {
            *c = '"';
        }
    }
}

static void end(struct driver *d, uint64_t id, const struct error *failure)
{
    for (size_t i = 0; i < d->open_count; i++) {
        if (d->open[i].id == id) {
            remove_open(d, i);
            break;
        }
    }
    step(d, &(struct event){.type = EVENT_END, .id = id, .failure = failure});
}

void driver_answer(struct driver *d, const char *prefix, int http_status, const char *body, ...)
{
    char text[TEXT_BYTES];
    va_list args;
    va_start(args, body);
    format_json(text, body, args);
    va_end(args);
    uint64_t id = expect_open(d, prefix);
    step(d, &(struct event){
                .type = EVENT_HEAD, .id = id, .http_status = http_status, .retry_after_ms = -1});
    step(d, &(struct event){.type = EVENT_BODY, .id = id, .bytes = text, .len = strlen(text)});
    end(d, id, NULL);
}

void driver_retry_after(struct driver *d, const char *prefix, int http_status, int64_t ms)
{
    uint64_t id = expect_open(d, prefix);
    step(d, &(struct event){
                .type = EVENT_HEAD, .id = id, .http_status = http_status, .retry_after_ms = ms});
    end(d, id, NULL);
}

void driver_break(struct driver *d, const char *prefix)
{
    struct error failure = ERROR_INIT;
    error_set(&failure, ERR_TRANSPORT, "connection reset");
    end(d, expect_open(d, prefix), &failure);
}

void driver_feed(struct driver *d, const char *prefix, const char *body, ...)
{
    char text[TEXT_BYTES];
    va_list args;
    va_start(args, body);
    format_json(text, body, args);
    va_end(args);
    uint64_t id = expect_open(d, prefix);
    step(d,
         &(struct event){.type = EVENT_HEAD, .id = id, .http_status = 200, .retry_after_ms = -1});
    step(d, &(struct event){.type = EVENT_BODY, .id = id, .bytes = text, .len = strlen(text)});
}

void driver_list(struct driver *d, const char *path, const char *items, ...)
{
    char text[TEXT_BYTES];
    char line[512];
    va_list args;
    va_start(args, items);
    format_json(text, items, args);
    va_end(args);
    snprintf(line, sizeof line, "GET %s", path);
    const struct open_request *r = driver_find(d, line);
    if (r != NULL && strstr(r->line, "sendInitialEvents") != NULL) {
        driver_answer(d, line, 422, "{'kind':'Status','code':422,'reason':'Invalid'}");
    }
    driver_answer(d, line, 200, "{'metadata':{'resourceVersion':'100'},'items':[%s]}", text);
}

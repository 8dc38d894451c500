#include "fuzz/shell_model.h"

#include "base/mem.h"
#include "fuzz/fuzz.h"
#include "kube/json.h"

#include <string.h>

enum { TICKS_AT_ONCE_MAX = 8 };

static const struct event tick = {.type = EVENT_TICK};

/* ---- What the core asks for ---- */

static void check_body(const struct request *r)
{
    assert((r->body != NULL) == (r->method != HTTP_GET));
    assert((r->body != NULL) == (r->content_type != NULL));
    if (r->body != NULL) {
        yyjson_doc *doc = yyjson_read(r->body, r->body_len, 0);
        assert(doc != NULL && yyjson_is_obj(yyjson_doc_get_root(doc)));
        yyjson_doc_free(doc);
    }
}

/* What names the object: the path without subresource and query (mem_free). */
static char *object_of(const char *path)
{
    size_t len = strcspn(path, "?");
    bool status = len > 7 && strncmp(path + len - 7, "/status", 7) == 0;
    return mem_strndup(path, status ? len - 7 : len);
}

/* Never two writes to one object, never more than allowed at once. */
static void check_write(const struct shell_model *m, const struct open_request *o)
{
    size_t writes = 1;
    assert(!m->options.leader_elect || m->now.mono_ms < m->leading_until_ms);
    for (size_t i = 0; i < m->open_count; i++) {
        const char *other = m->open[i].object;
        bool creates = o->request->method == HTTP_POST; /* its path names no object */
        assert(other == NULL || creates || strcmp(other, o->object) != 0);
        writes += other != NULL ? 1 : 0;
    }
    assert(writes <= m->options.max_concurrent);
}

static void check_request(const struct shell_model *m, const struct open_request *o)
{
    const struct request *r = o->request;
    assert(r->path[0] == '/' && is_printable(r->path) && strchr(r->path, ' ') == NULL);
    assert(r->timeout_ms > 0 && r->method != HTTP_DELETE);
    assert(r->end_ms == 0 || r->end_ms > m->now.mono_ms);
    assert(r->method == HTTP_GET || (!r->stream && !m->options.dry_run));
    check_body(r);
    if (o->object != NULL) {
        check_write(m, o);
    }
}

static void start(struct shell_model *m, const struct action *a)
{
    struct open_request o = {.id = a->id, .request = a->request, .began_ms = m->now.mono_ms};
    assert(m->open_count < MODEL_OPEN_MAX && model_find(m, a->id) == MODEL_OPEN_MAX);
    o.lease = strstr(o.request->path, "/leases") != NULL;
    o.event = strstr(o.request->path, "/events") != NULL;
    bool writes = o.request->method != HTTP_GET && !o.lease && !o.event;
    o.object = writes ? object_of(o.request->path) : NULL;
    check_request(m, &o);
    m->open[m->open_count++] = o;
}

static void remove_open(struct shell_model *m, size_t i)
{
    mem_free(m->open[i].object);
    m->open_count--;
    memmove(&m->open[i], &m->open[i + 1], (m->open_count - i) * sizeof m->open[0]);
}

static void check_log(const char *text)
{
    size_t len = strlen(text);
    assert(len > 0 && text[len - 1] == '\n');
    for (size_t i = 0; i + 1 < len; i++) {
        assert((unsigned char)text[i] >= ' ' || text[i] == '\t');
    }
}

static void cancel(struct shell_model *m, uint64_t id)
{
    size_t i = model_find(m, id);
    if (i != MODEL_OPEN_MAX) {
        remove_open(m, i);
    }
}

static void perform(struct shell_model *m)
{
    for (size_t i = 0; i < m->actions.count; i++) {
        const struct action *a = &m->actions.items[i];
        assert(m->exit_code < 0); /* nothing more after the exit */
        switch (a->type) {
        case ACTION_START:
            if (!actions_is_cancelled(&m->actions, i)) {
                start(m, a);
            }
            break;
        case ACTION_CANCEL:
            cancel(m, a->id);
            break;
        case ACTION_LOG:
            check_log(a->text);
            break;
        case ACTION_EXIT:
            m->exit_code = a->exit_code;
            break;
        }
    }
    actions_clear(&m->actions);
}

/* ---- What is delivered ---- */

static void step(struct shell_model *m, const struct event *event)
{
    m->steps++;
    manager_step(m->manager, m->now, event, &m->actions);
    perform(m);
}

static bool is_due(const struct shell_model *m)
{
    return m->exit_code < 0 && manager_deadline(m->manager) <= m->now.mono_ms;
}

void model_step(struct shell_model *m, const struct event *event)
{
    step(m, event);
    for (int i = 0; is_due(m); i++) {
        assert(i < TICKS_AT_ONCE_MAX);
        step(m, &tick);
    }
}

void model_init(struct shell_model *m, struct manager *manager,
                const struct manager_options *options)
{
    *m = (struct shell_model){.manager = manager,
                              .options = *options,
                              .now = {.mono_ms = 1000000, .wall_us = 1767225600000000},
                              .exit_code = -1};
    model_step(m, &tick);
}

void model_fini(struct shell_model *m)
{
    manager_free(m->manager);
    while (m->open_count > 0) {
        remove_open(m, m->open_count - 1);
    }
    actions_fini(&m->actions);
}

bool model_is_over(const struct shell_model *m)
{
    return m->exit_code >= 0 || m->steps >= MODEL_STEPS_MAX;
}

size_t model_find(const struct shell_model *m, uint64_t id)
{
    size_t i = 0;
    while (i < m->open_count && m->open[i].id != id) {
        i++;
    }
    return i < m->open_count ? i : MODEL_OPEN_MAX;
}

void model_head(struct shell_model *m, size_t i, int http_status, int64_t retry_after_ms)
{
    if (!m->open[i].headed) {
        m->open[i].headed = true;
        model_step(m, &(struct event){.type = EVENT_HEAD,
                                      .id = m->open[i].id,
                                      .http_status = http_status,
                                      .retry_after_ms = retry_after_ms});
    }
}

void model_body(struct shell_model *m, size_t i, const char *bytes, size_t len)
{
    char *copy = part_copy((struct part){bytes, len});
    model_step(m,
               &(struct event){.type = EVENT_BODY, .id = m->open[i].id, .bytes = copy, .len = len});
    mem_free(copy);
}

/* It may be that the lease was written for us by open request @i: then we may lead as long as that
 * lasts, and not longer. */
static void grant_lease(struct shell_model *m, size_t i)
{
    const struct open_request *o = &m->open[i];
    uint64_t until_ms = o->began_ms + LEASE_DURATION_MS;
    if (o->lease && o->request->method != HTTP_GET && until_ms > m->leading_until_ms) {
        m->leading_until_ms = until_ms;
    }
}

void model_end(struct shell_model *m, size_t i, const struct error *failure)
{
    struct error none = ERROR_INIT;
    uint64_t id = m->open[i].id;
    assert(m->open[i].request->path[0] == '/'); /* still there */
    if (!m->open[i].headed && failure == NULL) {
        error_set(&none, ERR_TRANSPORT, "the connection ended without an answer");
        failure = &none;
    }
    if (failure == NULL) {
        grant_lease(m, i);
    }
    remove_open(m, i);
    model_step(m, &(struct event){.type = EVENT_END, .id = id, .failure = failure});
}

/* ---- Time ---- */

static uint64_t end_of(const struct open_request *o)
{
    uint64_t at_ms = o->began_ms + o->request->timeout_ms;
    return o->request->end_ms != 0 && o->request->end_ms < at_ms ? o->request->end_ms : at_ms;
}

static void fail_overdue(struct shell_model *m)
{
    struct error late = ERROR_INIT;
    error_set(&late, ERR_TRANSPORT, "no answer in time");
    for (size_t i = 0; i < m->open_count && m->exit_code < 0;) {
        if (end_of(&m->open[i]) <= m->now.mono_ms) {
            model_end(m, i, &late);
            i = 0; /* others may have gone meanwhile */
        } else {
            i++;
        }
    }
}

static uint64_t next_ms(const struct shell_model *m)
{
    uint64_t at_ms = manager_deadline(m->manager);
    for (size_t i = 0; i < m->open_count; i++) {
        uint64_t end_ms = end_of(&m->open[i]);
        at_ms = end_ms < at_ms ? end_ms : at_ms;
    }
    return at_ms;
}

void model_jump(struct shell_model *m, uint64_t mono_ms, int64_t wall_us)
{
    m->now.mono_ms += mono_ms;
    m->now.wall_us += wall_us;
    fail_overdue(m);
    if (!model_is_over(m)) {
        model_step(m, &tick);
    }
}

void model_pass(struct shell_model *m, uint64_t ms)
{
    uint64_t until_ms = m->now.mono_ms + ms;
    while (m->now.mono_ms < until_ms && !model_is_over(m)) {
        uint64_t at_ms = next_ms(m);
        uint64_t to_ms = at_ms < until_ms ? at_ms : until_ms;
        uint64_t by_ms = to_ms > m->now.mono_ms ? to_ms - m->now.mono_ms : 1;
        model_jump(m, by_ms, (int64_t)by_ms * 1000);
    }
}

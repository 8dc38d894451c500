#include "sim/reads_monitor.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { BACKOFF_MS_MIN = 800, BACKOFF_MS_MAX = 30 * 1000, SHORT_WATCH_MS = 1000 };

#define BIT(shape) (1U << (shape))

enum { OF_SOURCES = 1 }; /* in watched[] of reads_reader() */

static const char *const shape_texts[] = {
    "nothing",
    "a watch",
    "initial events without a version",
    "initial events from the last version",
    "a check",
    "a list from version 0",
    "a whole list from version 0",
    "a list from the last version",
    "a list without a version",
    "a whole list without a version",
    "a page",
};

int reads_reader(const char *path)
{
    static const char *const watched[READERS] = {"/memcacheds?",
                                                 "?labelSelector=memcached-operator",
                                                 "?labelSelector=app.kubernetes.io", "/pods?"};
    for (int i = 0; i < READERS; i++) {
        if (strstr(path, watched[i]) != NULL) {
            return i;
        }
    }
    return -1;
}

static uint64_t version_of(const char *path)
{
    const char *at = strstr(path, "&resourceVersion=");
    at = at != NULL ? at : strstr(path, "?resourceVersion=");
    return at != NULL ? strtoull(at + strlen("&resourceVersion="), NULL, 10) : UINT64_MAX;
}

static enum read_shape shape_of(const char *path)
{
    uint64_t rv = version_of(path);
    bool limit = strstr(path, "limit=") != NULL;
    if (strstr(path, "sendInitialEvents=") != NULL) {
        return rv == UINT64_MAX ? READ_INITIAL : READ_INITIAL_LAST;
    }
    if (strstr(path, "watch=1") != NULL) {
        return READ_WATCH;
    }
    if (strstr(path, "fieldSelector=") != NULL) {
        return READ_CHECK;
    }
    if (strstr(path, "continue=") != NULL && rv == UINT64_MAX) { /* the token has its version */
        return READ_PAGE;
    }
    if (rv == UINT64_MAX) {
        return limit ? READ_QUORUM : READ_QUORUM_WHOLE;
    }
    return rv > 0 ? READ_LAST : limit ? READ_ANY : READ_ANY_WHOLE;
}

void reads_begin(struct reads_monitor *m, struct world *w)
{
    *m = (struct reads_monitor){.world = w, .starts = world_starts(w, 0)};
}

/* ---- What must follow ---- */

static unsigned any_list(const struct reader *r)
{
    return r->no_initial ? BIT(READ_ANY) : BIT(READ_INITIAL);
}

static unsigned last_list(const struct reader *r)
{
    return r->no_initial ? BIT(READ_LAST) : BIT(READ_INITIAL_LAST);
}

/* The list as it was asked for, from its first page. */
static unsigned same_list(const struct reader *r)
{
    return BIT(r->list);
}

static unsigned quorum_list(const struct reader *r)
{
    return r->no_initial ? BIT(READ_QUORUM) : BIT(READ_INITIAL);
}

/* What it asked for is gone, or not there yet: then without a version; if it was without, later. */
static void expect_quorum(struct reader *r)
{
    r->at_once = !r->quorum;
    r->expected = r->quorum ? same_list(r) : quorum_list(r);
    r->quorum = true;
}

static bool is_overload_or_right(int code)
{
    return code == 401 || code == 403 || code == 429;
}

static bool is_outdated(const struct read_fault *f)
{
    return f->code == 410 || f->too_large;
}

static bool has_code(const struct read_fault *f)
{
    return f->type == FAULT_REFUSED || f->type == FAULT_ERROR;
}

static void expect(struct reader *r, unsigned shapes, bool at_once)
{
    r->expected = shapes;
    r->at_once = at_once;
}

/* The type is not served: the store is emptied, and listed as for the first time. A record of the
 * labelled Deployments that a decision was made from is newer than nothing, and has them listed
 * without a version (ARCHITECTURE.md, "What is stale"). */
static void expect_first(const struct reads_monitor *m, struct reader *r)
{
    r->quorum = r == &m->readers[OF_SOURCES];
    expect(r, any_list(r) | (r->quorum ? quorum_list(r) : 0), false);
}

static void after_watch(struct reader *r, const struct read_fault *f, uint64_t now_ms)
{
    bool in_trouble = f->code >= 500 || f->code / 100 == 3;
    if (f->type == FAULT_CLEAN) {
        expect(r, BIT(READ_WATCH), r->event_seen || now_ms - r->started_ms >= SHORT_WATCH_MS);
    } else if (f->type == FAULT_BROKEN) {
        expect(r, BIT(READ_CHECK), false);
    } else if (has_code(f) && is_overload_or_right(f->code)) {
        expect(r, BIT(READ_WATCH), false);
    } else if (has_code(f) && in_trouble && !f->too_large &&
               (f->type == FAULT_REFUSED || r->event_seen)) {
        expect(r, BIT(READ_CHECK), false);
    } else {
        expect(r, last_list(r), false);
    }
}

/* The server is not as new as one has seen it: all read from etcd, when they may. */
static void expect_quorum_of_others(struct reads_monitor *m, const struct reader *r)
{
    for (struct reader *other = m->readers; other < m->readers + READERS; other++) {
        if (other != r && other->shape != READ_NONE && !other->quorum) {
            other->quorum = true;
            other->expected = other->expected != 0 ? quorum_list(other) : 0;
        }
    }
}

static void after_check(struct reads_monitor *m, struct reader *r, const struct read_fault *f)
{
    bool in_trouble = f->code >= 500 || f->code / 100 == 3 || is_overload_or_right(f->code);
    if (has_code(f) && is_outdated(f)) {
        expect_quorum(r);
        if (f->too_large) {
            expect_quorum_of_others(m, r);
        }
    } else if (f->type == FAULT_BROKEN || (has_code(f) && in_trouble)) {
        expect(r, BIT(READ_CHECK), false);
    } else {
        expect(r, last_list(r), false);
    }
}

/* Without initial events. */
static unsigned plain_list(const struct reader *r)
{
    return BIT(r->list == READ_INITIAL_LAST ? READ_LAST : r->quorum ? READ_QUORUM : READ_ANY);
}

static void after_list(const struct reads_monitor *m, struct reader *r, const struct read_fault *f)
{
    if (has_code(f) && f->code == 410 && r->shape == READ_PAGE) {
        expect(r, r->quorum ? BIT(READ_QUORUM_WHOLE) : BIT(READ_ANY_WHOLE), true);
    } else if (has_code(f) && is_outdated(f)) {
        expect_quorum(r);
    } else if (has_code(f) && f->code == 404) {
        expect_first(m, r);
    } else {
        expect(r, same_list(r), false);
    }
}

static void after_initial(const struct reads_monitor *m, struct reader *r,
                          const struct read_fault *f)
{
    bool again = f->type == FAULT_BROKEN || f->type == FAULT_GARBAGE ||
                 (has_code(f) && is_overload_or_right(f->code)) ||
                 (f->type == FAULT_REFUSED && f->code >= 500);
    if (has_code(f) && is_outdated(f)) {
        expect_quorum(r);
    } else if (has_code(f) && f->code == 404) {
        expect_first(m, r);
    } else if (again) {
        expect(r, same_list(r), false);
    } else {
        r->no_initial = true;
        expect(r, plain_list(r), true);
    }
}

void reads_fault(struct reads_monitor *m, const char *path, const struct read_fault *fault)
{
    uint64_t now_ms = world_now_ms(m->world);
    if (reads_reader(path) < 0) {
        return;
    }
    struct reader *r = &m->readers[reads_reader(path)];
    r->fault_ms = now_ms;
    switch (r->shape) {
    case READ_NONE:
        return;
    case READ_WATCH:
        after_watch(r, fault, now_ms);
        break;
    case READ_INITIAL:
    case READ_INITIAL_LAST:
        if (r->initial_done) {
            after_watch(r, fault, now_ms);
        } else {
            after_initial(m, r, fault);
        }
        break;
    case READ_CHECK:
        after_check(m, r, fault);
        break;
    default:
        after_list(m, r, fault);
        break;
    }
    r->least_ms = r->at_once ? 0 : BACKOFF_MS_MIN;
    if (!r->at_once && fault->retry_after_ms > (int64_t)r->least_ms) {
        r->least_ms = (uint64_t)fault->retry_after_ms;
    }
}

struct read_fault reads_refusal(const struct refusal_form *form)
{
    if (form->http_status == 200) {
        return (struct read_fault){.type = form->body[0] == '<' ? FAULT_GARBAGE : FAULT_CLEAN};
    }
    return (struct read_fault){
        .type = FAULT_REFUSED,
        .code = form->http_status,
        .too_large = strstr(form->body, "Too large resource version") != NULL,
        .retry_after_ms = form->retry_after_ms,
    };
}

/* ---- What follows ---- */

static void check_expected(struct reads_monitor *m, struct reader *r, const struct exchange *e)
{
    uint64_t waited_ms = e->sent_ms - r->fault_ms;
    if ((r->expected & BIT(r->shape)) == 0) {
        world_fail(m->world, "reads: after that came %s: %.300s", shape_texts[r->shape], e->path);
    } else if (waited_ms < r->least_ms || (r->at_once && waited_ms > 0) ||
               waited_ms > r->least_ms + BACKOFF_MS_MAX) {
        world_fail(m->world, "reads: after that came %s in %" PRIu64 " ms, not %s %" PRIu64,
                   shape_texts[r->shape], waited_ms, r->at_once ? "at" : "after", r->least_ms);
    }
}

static void check_version(struct reads_monitor *m, struct reader *r, const struct exchange *e)
{
    uint64_t rv = version_of(e->path);
    if (rv == UINT64_MAX || rv == 0) {
        return;
    }
    if (rv > api_revision(world_api(m->world))) {
        world_fail(m->world, "reads: resourceVersion %" PRIu64 " was never told: %.300s", rv,
                   e->path);
    }
    if (rv < r->rv) {
        world_fail(m->world, "reads: resourceVersion %" PRIu64 " after %" PRIu64 ": %.300s", rv,
                   r->rv, e->path);
    }
    /* A check knows own writes, too, which its watch is still to bring. */
    r->rv = r->shape == READ_CHECK ? r->rv : rv;
}

void reads_request(struct reads_monitor *m, const struct exchange *e)
{
    if (m->starts != world_starts(m->world, 0)) {
        reads_begin(m, m->world);
    }
    struct reader *r = &m->readers[reads_reader(e->path)];
    enum read_shape shape = shape_of(e->path);
    bool is_quorum = shape == READ_QUORUM || shape == READ_QUORUM_WHOLE;
    bool is_initial = shape == READ_INITIAL || shape == READ_INITIAL_LAST;
    if (is_quorum && !r->quorum) {
        world_fail(m->world, "reads: unprovoked: %.300s", e->path);
    }
    if (is_initial && r->no_initial) {
        world_fail(m->world, "reads: was refused before: %.300s", e->path);
    }
    r->shape = shape;
    if (r->expected != 0) {
        check_expected(m, r, e);
    }
    check_version(m, r, e);
    r->expected = 0;
    r->initial_done = r->event_seen = false;
    r->quorum = r->quorum && shape != READ_WATCH;
    r->started_ms = e->sent_ms;
    r->list = is_initial || (shape >= READ_ANY && shape != READ_PAGE) ? shape : r->list;
    r->no_initial = r->no_initial || (shape >= READ_ANY && shape != READ_PAGE);
}

void reads_heard(struct reads_monitor *m, const char *path, const char *line)
{
    int reader = reads_reader(path);
    if (reader >= 0) {
        struct reader *r = &m->readers[reader];
        r->event_seen = r->event_seen || strncmp(line, "{\"type\":\"ERROR\"", 15) != 0;
        if (strstr(line, "initial-events-end") != NULL) {
            r->initial_done = true;
            r->quorum = false;
        }
    }
}

/*
 * Overload: one request of a run, each in its turn, is refused or loses its connection; or from it
 * on all connections break and nothing is served for two minutes. In all forms in which servers and
 * proxies say so. Meanwhile Retry-After is never undercut, a watch that fails again and again does
 * so at a measured pace, and watches do not come back in step; in the end all holds.
 */
#include "sim/perturb.h"

#include "base/mem.h"
#include "sim/fault_forms.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    OUTAGE_MS = 2 * 60 * 1000,
    STILL_MS = OUTAGE_MS + 60 * 1000, /* play beyond the outage */
    PACE_MS = 4000,                   /* a failing watch asks once in so long, on average */
    IN_STEP_MAX = 3,                  /* so often two watches may ask in the same ms by chance */
    REFUSED_MAX = 512,                /* that are remembered */
    WATCHES = 4,
    WRITES_MAX = 20, /* of one write in an outage: 5 ms × 2ⁿ is over it after 15 */
    STRIDE = 5,      /* of the cases, unless many are wanted */
};

/* What a request is about, when it comes again: what it watches, or all of the write. */
struct refused {
    int watch; /* or -1 */
    enum http_method method;
    char *path, *body;
    uint64_t until_ms; /* not before; 0: the server said nothing */
    unsigned times;
};

struct overload {
    uint64_t request;                /* from 0 */
    const struct refusal_form *form; /* NULL: the connection breaks */
    bool outage;
    uint64_t seen;
    bool begun;
    uint64_t until_ms; /* of the outage */
    unsigned starts;   /* of the process */
    struct refused refused[REFUSED_MAX];
    size_t refused_count;
    unsigned asked[WATCHES]; /* during the outage */
    uint64_t asked_ms[WATCHES];
    unsigned in_step;
};

/* ---- Forms ---- */

static bool is_overload(const struct refusal_form *form)
{
    return form->http_status == 429 || form->http_status == 503;
}

/* The @n-th of them, and NULL after the last. */
static const struct refusal_form *overload_form(unsigned n)
{
    for (unsigned i = 0; i < REFUSAL_FORMS_ALL; i++) {
        if (is_overload(&refusal_forms[i]) && n-- == 0) {
            return &refusal_forms[i];
        }
    }
    return NULL;
}

static unsigned overload_form_count(void)
{
    unsigned count = 0;
    while (overload_form(count) != NULL) {
        count++;
    }
    return count + 1; /* and a connection that breaks */
}

/* ---- What is asked for again ---- */

static int watch_of(const struct exchange *e)
{
    static const char *const watched[WATCHES] = {"/memcacheds?",
                                                 "?labelSelector=memcached-operator",
                                                 "?labelSelector=app.kubernetes.io", "/pods?"};
    for (int i = 0; i < WATCHES && e->method == HTTP_GET; i++) {
        if (strstr(e->path, watched[i]) != NULL) {
            return i;
        }
    }
    return -1;
}

static bool is_same(const struct refused *r, const struct exchange *e)
{
    bool same_body =
        r->body == NULL ? e->body == NULL : e->body != NULL && strcmp(r->body, e->body) == 0;
    return r->watch >= 0 ? r->watch == watch_of(e)
                         : r->method == e->method && strcmp(r->path, e->path) == 0 && same_body;
}

static void forget(struct overload *o)
{
    for (size_t i = 0; i < o->refused_count; i++) {
        mem_free(o->refused[i].path);
        mem_free(o->refused[i].body);
    }
    o->refused_count = 0;
}

static struct refused *refused_of(struct overload *o, const struct exchange *e)
{
    for (size_t i = 0; i < o->refused_count; i++) {
        if (is_same(&o->refused[i], e)) {
            return &o->refused[i];
        }
    }
    assert(o->refused_count < REFUSED_MAX);
    struct refused *r = &o->refused[o->refused_count++];
    *r = (struct refused){.watch = watch_of(e),
                          .method = e->method,
                          .path = mem_strdup(e->path),
                          .body = e->body != NULL ? mem_strdup(e->body) : NULL};
    return r;
}

static void remember(struct overload *o, uint64_t now_ms, const struct exchange *e)
{
    struct refused *r = refused_of(o, e);
    bool told = o->form != NULL && o->form->retry_after_ms >= 0;
    r->until_ms = told ? now_ms + (uint64_t)o->form->retry_after_ms : 0;
    r->times += told ? 0 : 1;
}

static void check_patience(const struct overload *o, struct world *w, const struct exchange *e)
{
    for (size_t i = 0; i < o->refused_count; i++) {
        if (e->sent_ms < o->refused[i].until_ms && is_same(&o->refused[i], e)) {
            world_fail(w, "overload: %s %.200s again %" PRIu64 " ms before Retry-After is over",
                       http_method_name(e->method), e->path, o->refused[i].until_ms - e->sent_ms);
        }
    }
}

/* ---- Pace ---- */

static void count_asked(struct overload *o, const struct exchange *e)
{
    int watch = watch_of(e);
    if (watch < 0) {
        return;
    }
    for (int other = 0; other < WATCHES && o->asked[watch] > 0; other++) {
        o->in_step += other != watch && o->asked[other] > 1 && o->asked_ms[other] == e->sent_ms;
    }
    o->asked[watch]++;
    o->asked_ms[watch] = e->sent_ms;
}

static void check_pace(const struct overload *o, struct world *w)
{
    for (size_t i = 0; i < o->refused_count && o->outage; i++) {
        const struct refused *r = &o->refused[i];
        if (r->watch < 0 && r->times > WRITES_MAX) {
            world_fail(w, "overload: %s %.200s %u times in %d s", http_method_name(r->method),
                       r->path, r->times, OUTAGE_MS / 1000);
        }
    }
    for (int i = 0; i < WATCHES && o->outage; i++) {
        if (o->asked[i] > OUTAGE_MS / PACE_MS) {
            world_fail(w, "overload: a failing watch asked %u times in %d s", o->asked[i],
                       OUTAGE_MS / 1000);
        }
    }
    if (o->in_step > IN_STEP_MAX) {
        world_fail(w, "overload: %u times two watches came back in the same ms", o->in_step);
    }
}

/* ---- The fault ---- */

static void break_connections(struct world *w)
{
    for (size_t i = world_exchange_count(w); i-- > 0;) {
        const struct exchange *e = world_exchange(w, i);
        if (e->executed && !e->orphan) {
            world_take(w, &(struct choice){
                              .type = CHOICE_LOSE, .process = e->process, .exchange = (unsigned)i});
            i = world_exchange_count(w);
        }
    }
}

static void refuse(struct overload *o, struct world *w, const struct choice *next)
{
    struct choice fault = {
        .type = CHOICE_LOSE, .process = next->process, .exchange = next->exchange};
    if (o->form != NULL) {
        fault.type = CHOICE_REFUSE;
        fault.value = o->form - refusal_forms;
    }
    remember(o, world_now_ms(w), world_exchange(w, next->exchange));
    world_take(w, &fault);
}

static enum world_say say(void *ctx, struct world *w, const struct choice *next)
{
    struct overload *o = ctx;
    if (o->starts != world_starts(w, 0)) {
        o->starts = world_starts(w, 0);
        forget(o); /* it cannot know */
        memset(o->asked, 0, sizeof o->asked);
    }
    if (next->type != CHOICE_EXECUTE) {
        return SAY_TAKE;
    }
    bool fails = o->begun && world_now_ms(w) < o->until_ms;
    if (!o->begun && o->seen++ == o->request) {
        o->begun = fails = true;
        o->until_ms = world_now_ms(w) + (o->outage ? OUTAGE_MS : 0);
        if (o->outage) {
            break_connections(w);
            return SAY_DID;
        }
    }
    const struct exchange *e = world_exchange(w, next->exchange);
    if (e->orphan) {
        return SAY_TAKE;
    }
    check_patience(o, w, e);
    if (!fails) {
        return SAY_TAKE;
    }
    if (o->outage) {
        count_asked(o, e);
    }
    refuse(o, w, next);
    return SAY_DID;
}

/* ---- Cases ---- */

/* Each request of a run in which nothing fails, in each form, alone and with those after it. */
static uint64_t cases_of(unsigned workload)
{
    static struct perturb_memo memo;
    if (!perturb_known(&memo, workload)) {
        struct overload o = {.request = UINT64_MAX};
        struct world *w = perturb_world(workload, workload % 2 == 0, NULL);
        world_play(w, STILL_MS, say, &o);
        world_free(w);
        perturb_remember(&memo, workload, o.seen * overload_form_count() * 2);
    }
    return memo.points[workload];
}

static uint64_t count(bool many)
{
    uint64_t all = perturb_count(cases_of);
    return many ? all : (all + STRIDE - 1) / STRIDE;
}

static void run(uint64_t i, bool many, struct perturb_case *c)
{
    i = many ? i : i * STRIDE;
    unsigned workload = perturb_locate(cases_of, &i);
    unsigned forms = overload_form_count();
    struct overload o = {.outage = i % 2 == 1,
                         .form = overload_form((unsigned)(i / 2 % forms)),
                         .request = i / 2 / forms};
    struct workload_spec spec;
    perturb_workload(workload, &spec);
    snprintf(c->what, sizeof c->what, "%s %s request %" PRIu64 " of %s/%u",
             o.form != NULL ? o.form->text : "connection lost", o.outage ? "from" : "at",
             o.request + 1, workload_text(spec.name), spec.variant);
    struct world *w = perturb_world(workload, workload % 2 == 0, c);
    world_play(w, STILL_MS, say, &o);
    if (!o.begun) {
        world_fail(w, "the point was not reached");
    }
    check_pace(&o, w);
    world_settle(w);
    perturb_finish(w, c);
    forget(&o);
}

const struct perturb_class perturb_overload = {
    .name = "overload",
    .about = "429, 503 and broken connections at every request, and from it on for two minutes",
    .count = count,
    .run = run,
};

/*
 * What can go wrong with watches and lists, everywhere: each stream before each of its events
 * (ERROR events of every reason, ends, breaks, bookmarks, garbage), the request that follows on
 * such an end, each list and watch of a start, and each page where lists have many. How the
 * operator goes on is judged by reads_monitor.c.
 */
#include "sim/perturb.h"

#include "base/mem.h"
#include "sim/reads_monitor.h"
#include "sim/world_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    STILL_MS = 90 * 1000, /* longer than it waits for anything here */
    STRIDE = 61,          /* of the cases, unless many are wanted; a prime, to meet all forms */
    REFUSALS = REFUSAL_FORMS_ALL + 1, /* and a connection that breaks */
};

/* What else can happen to a stream than ERROR events. */
enum stream_form {
    STREAM_CLEAN = WATCH_ERROR_FORMS_ALL,
    STREAM_BROKEN,
    STREAM_BOOKMARK,
    STREAM_GARBAGE,
    STREAM_NO_EVENT,
    STREAM_CUT_CLEAN,
    STREAM_CUT_BROKEN,
    STREAM_FORMS,
};

static const char *const stream_texts[] = {"end",
                                           "break",
                                           "bookmark",
                                           "garbage",
                                           "an object that is no event",
                                           "half a line and an end",
                                           "half a line and a break"};

/* After which the next request is refused. */
static const unsigned openings[] = {STREAM_CLEAN, STREAM_BROKEN, 0 /* 410 Expired */};

struct point {
    bool pages;     /* lists have many */
    bool restart;   /* it begins when all is done and the operator starts anew */
    uint64_t event; /* UINT64_MAX: at none, but */
    uint64_t request;
    int stream;  /* the form of the first fault; -1: none */
    int refusal; /* of the second one, if any; -1 */

    uint64_t events, requests; /* seen */
    bool begun, done;
    int reader; /* whose next request is refused; -1: anyone's */
    struct reads_monitor monitor;
};

/* ---- Faults of a stream ---- */

static void feed(struct world *w, struct flight *f, const char *text)
{
    struct buf line;
    buf_init(&line, API_ANSWER_BYTES_MAX);
    buf_append_text(&line, text);
    flight_feed(&w->network, f, &line);
    buf_fini(&line);
}

static void feed_half(struct world *w, struct flight *f)
{
    struct buf line;
    buf_init(&line, API_ANSWER_BYTES_MAX);
    if (api_watch_next(f->watch, &line)) {
        buf_append_char(&line, '\0');
        line.data[line.len / 2] = '\0';
        feed(w, f, line.data);
    }
    buf_fini(&line);
}

static void feed_error(struct world *w, struct flight *f, const struct watch_error_form *form)
{
    char line[512];
    char code[32] = "";
    if (form->code != 0) {
        snprintf(code, sizeof code, ",\"code\":%d", form->code);
    }
    snprintf(line, sizeof line,
             "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\","
             "\"metadata\":{\"resourceVersion\":\"" STATUS_RV "\"},\"status\":\"Failure\","
             "\"message\":\"an error\",\"reason\":\"%s\"%s}}\n",
             form->reason, code);
    feed(w, f, line);
}

static struct read_fault stream_fault(unsigned form)
{
    struct read_fault fault = {.type = FAULT_GARBAGE};
    if (form < WATCH_ERROR_FORMS_ALL) {
        fault.type = FAULT_ERROR;
        fault.code = watch_error_forms[form].code;
        if (fault.code == 0) {
            fault.code = watch_error_forms[form].reason[0] != '\0' ? 410 : 500;
        }
    } else if (form == STREAM_CLEAN || form == STREAM_CUT_CLEAN) {
        fault.type = FAULT_CLEAN;
    } else if (form == STREAM_BROKEN || form == STREAM_CUT_BROKEN) {
        fault.type = FAULT_BROKEN;
    }
    return fault;
}

static void spoil_stream(struct point *p, struct world *w, struct flight *f)
{
    struct read_fault fault = stream_fault((unsigned)p->stream);
    uint64_t id = f->exchange.id;
    world_tell(w, "stream  %u: %s", f->delivered,
               p->stream < WATCH_ERROR_FORMS_ALL ? watch_error_forms[p->stream].text
                                                 : stream_texts[p->stream - STREAM_CLEAN]);
    if (p->stream == STREAM_BOOKMARK) {
        struct buf line;
        buf_init(&line, API_ANSWER_BYTES_MAX);
        if (api_watch_bookmark(f->watch, &line)) {
            flight_feed(&w->network, f, &line);
        } else { /* among the initial events, of which it says nothing */
            feed(w, f,
                 "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"1\"}}}\n");
        }
        buf_fini(&line);
        return;
    }
    reads_fault(&p->monitor, f->exchange.path, &fault);
    if (p->stream < WATCH_ERROR_FORMS_ALL) {
        feed_error(w, f, &watch_error_forms[p->stream]);
    } else if (p->stream == STREAM_GARBAGE) {
        feed(w, f, "upstream connect error or disconnect/reset before headers\n");
    } else if (p->stream == STREAM_NO_EVENT) {
        feed(w, f, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"code\":500}\n");
    } else if (p->stream >= STREAM_CUT_CLEAN) {
        feed_half(w, f);
    }
    /* what was no event has ended it already */
    for (size_t i = 0; i < w->network.flight_count; i++) {
        if (w->network.flights[i]->exchange.id == id && !w->network.flights[i]->exchange.orphan) {
            flight_end(&w->network, w->network.flights[i], fault.type != FAULT_BROKEN);
            break;
        }
    }
}

/* ---- Faults of a request ---- */

static void refuse(struct point *p, struct world *w, const struct choice *next)
{
    const char *path = world_exchange(w, next->exchange)->path;
    struct choice fault = {.type = CHOICE_REFUSE,
                           .process = next->process,
                           .exchange = next->exchange,
                           .value = p->refusal};
    if (p->refusal == REFUSAL_FORMS_ALL) {
        fault.type = CHOICE_LOSE;
        reads_fault(&p->monitor, path, &(struct read_fault){.type = FAULT_BROKEN});
    } else {
        struct read_fault read = reads_refusal(&refusal_forms[p->refusal]);
        reads_fault(&p->monitor, path, &read);
    }
    world_take(w, &fault);
}

/* ---- Where ---- */

static void hear(void *ctx, const struct flight *f, const struct buf *bytes)
{
    reads_heard(ctx, f->exchange.path, bytes->data);
}

static enum world_say on_event(struct point *p, struct world *w, const struct choice *next)
{
    if (p->begun || p->restart || p->events++ != p->event) {
        return SAY_TAKE;
    }
    struct flight *f = w->network.flights[next->exchange];
    p->begun = true;
    p->reader = reads_reader(f->exchange.path);
    p->done = p->refusal < 0 || p->reader < 0; /* whose requests are not counted */
    spoil_stream(p, w, f);
    return SAY_DID;
}

static enum world_say on_request(struct point *p, struct world *w, const struct choice *next)
{
    const struct exchange *e = world_exchange(w, next->exchange);
    int reader = e->method == HTTP_GET && !e->orphan ? reads_reader(e->path) : -1;
    if (reader < 0) {
        return SAY_TAKE;
    }
    reads_request(&p->monitor, e);
    if (!p->begun || p->done || (p->reader >= 0 && p->reader != reader) ||
        p->requests++ != p->request) {
        return SAY_TAKE;
    }
    p->done = true;
    refuse(p, w, next);
    return SAY_DID;
}

static enum world_say say(void *ctx, struct world *w, const struct choice *next)
{
    struct point *p = ctx;
    if (next->type == CHOICE_DELIVER) {
        return on_event(p, w, next);
    }
    if (next->type == CHOICE_EXECUTE) {
        return on_request(p, w, next);
    }
    if (next->type == CHOICE_PASS && p->restart && !p->begun &&
        workload_next(w->workload) == NULL) {
        p->begun = true;
        world_take(w, &(struct choice){.type = CHOICE_CRASH});
        return SAY_DID;
    }
    return SAY_TAKE;
}

/* ---- Cases ---- */

/* A workload at a server with or without sendInitialEvents. */
static struct world *make(unsigned workload, const struct perturb_case *c)
{
    return perturb_world(workload / 2, workload % 2 == 1, c);
}

static void play(struct world *w, struct point *p)
{
    reads_begin(&p->monitor, w);
    w->network.hear = hear;
    w->network.hear_ctx = &p->monitor;
    api_limit_pages(world_api(w), p->pages ? 1 : 0);
    world_play(w, STILL_MS, say, p);
}

/* What there is in a run in which nothing goes wrong. */
struct extent {
    bool known;
    uint64_t events;           /* lines that are delivered */
    uint64_t requests;         /* of reflectors, from the start */
    uint64_t restart_requests; /* of a start when all is done and lists have many pages */
};

static const struct extent *extent_of(unsigned workload)
{
    static struct extent extents[2 * PERTURB_WORKLOADS_MAX];
    struct extent *x = &extents[workload];
    for (unsigned restart = 0; restart < 2 && !x->known; restart++) {
        struct point p = {.event = UINT64_MAX,
                          .request = UINT64_MAX,
                          .restart = restart == 1,
                          .pages = restart == 1,
                          .begun = restart == 0,
                          .reader = -1};
        struct world *w = make(workload, NULL);
        play(w, &p);
        if (restart == 0) {
            x->requests = p.requests;
        } else {
            x->restart_requests = p.requests;
        }
        world_free(w);
    }
    if (!x->known) {
        struct point p = {.event = UINT64_MAX, .request = UINT64_MAX, .reader = -1};
        struct world *w = make(workload, NULL);
        play(w, &p);
        x->events = p.events;
        world_free(w);
    }
    x->known = true;
    return x;
}

static uint64_t cases_of(unsigned workload)
{
    const struct extent *x = extent_of(workload);
    return x->events * (STREAM_FORMS + ARRAY_LEN(openings) * REFUSALS) +
           (x->requests + x->restart_requests) * REFUSALS;
}

static uint64_t cases_of_both(unsigned workload)
{
    return cases_of(2 * workload) + cases_of(2 * workload + 1);
}

static struct point point_of(unsigned workload, uint64_t i)
{
    const struct extent *x = extent_of(workload);
    uint64_t forms = STREAM_FORMS + ARRAY_LEN(openings) * REFUSALS;
    struct point p = {.event = UINT64_MAX, .stream = -1, .refusal = -1, .reader = -1};
    if (i < x->events * forms) {
        p.event = i / forms;
        i %= forms;
        if (i < STREAM_FORMS) {
            p.stream = (int)i;
        } else {
            p.stream = (int)openings[(i - STREAM_FORMS) / REFUSALS];
            p.refusal = (int)((i - STREAM_FORMS) % REFUSALS);
        }
        return p;
    }
    i -= x->events * forms;
    p.restart = p.pages = i >= x->requests * REFUSALS;
    p.begun = !p.restart;
    i -= p.restart ? x->requests * REFUSALS : 0;
    p.request = i / REFUSALS;
    p.refusal = (int)(i % REFUSALS);
    return p;
}

static void describe(const struct point *p, unsigned workload, struct perturb_case *c)
{
    struct workload_spec spec;
    char stream[64] = "";
    char refusal[64] = "";
    perturb_workload(workload / 2, &spec);
    if (p->stream >= 0) {
        snprintf(stream, sizeof stream, "%s before event %" PRIu64,
                 p->stream < WATCH_ERROR_FORMS_ALL ? watch_error_forms[p->stream].text
                                                   : stream_texts[p->stream - STREAM_CLEAN],
                 p->event + 1);
    }
    if (p->refusal >= 0) {
        snprintf(refusal, sizeof refusal, "%s%s to request %" PRIu64,
                 p->stream >= 0 ? ", then " : "",
                 p->refusal < REFUSAL_FORMS_ALL ? refusal_forms[p->refusal].text : "a break",
                 p->request + 1);
    }
    snprintf(c->what, sizeof c->what, "%s%s%s of %s/%u%s", stream, refusal,
             p->restart ? " of a new start" : "", workload_text(spec.name), spec.variant,
             workload % 2 == 1 ? " with initial events" : "");
}

static uint64_t count(bool many)
{
    uint64_t all = perturb_count(cases_of_both);
    return many ? all : (all + STRIDE - 1) / STRIDE;
}

static void run(uint64_t i, bool many, struct perturb_case *c)
{
    i = many ? i : i * STRIDE;
    unsigned workload = 2 * perturb_locate(cases_of_both, &i);
    if (i >= cases_of(workload)) {
        i -= cases_of(workload++);
    }
    struct point p = point_of(workload, i);
    describe(&p, workload, c);
    struct world *w = make(workload, c);
    play(w, &p);
    perturb_judge(w, c, p.done);
}

const struct perturb_class perturb_reads = {
    .name = "reads",
    .about = "ERROR events, ends and garbage before every event; refusals of every list and watch",
    .count = count,
    .run = run,
};

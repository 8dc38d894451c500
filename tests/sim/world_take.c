#include "sim/world_state.h"

#include "sim/fault_forms.h"

#include <inttypes.h>
#include <string.h>

enum { TURNS_MAX = 200000 }; /* of one passing of time: more is a hot loop */

/* ---- Taking one ---- */

static void execute(struct world *w, struct flight *f)
{
    const struct exchange *e = &f->exchange;
    unsigned process = e->process;
    bool is_write = e->method != HTTP_GET && strstr(e->path, "/leases") == NULL &&
                    strstr(e->path, "/events") == NULL;
    flight_execute(&w->network, f);
    if (w->observe != NULL && f->watch == NULL) {
        w->observe(w->observe_ctx, w, e, &f->answer);
    }
    if (is_write) {
        w->writes[process]++;
    }
    world_tell(w, "        %s %s → %d", e->body != NULL ? "with" : "",
               e->body != NULL ? e->body : "", f->watch != NULL ? 200 : f->answer.http_status);
    world_judge(w, (int)process, e);
    if (f->watch == NULL) {
        invariants_answered(w->invariants, e, &f->answer, w->admitted);
    }
    if (e->orphan) {
        flight_drop(&w->network, f);
    } else {
        flight_accept(&w->network, f);
    }
}

static void tell_line(struct world *w, struct flight *f)
{
    if (w->options.trace) {
        world_tell(w, "        (event %u of %s)", f->delivered + 1, f->exchange.path);
    }
}

void world_pass(struct world *w, uint64_t ms)
{
    uint64_t until_ms = w->network.now_ms + ms;
    for (unsigned turns = 0; turns < TURNS_MAX && w->failure[0] == '\0'; turns++) {
        uint64_t due_ms = world_due_ms(w);
        if (due_ms > until_ms) {
            break;
        }
        world_set_now(w, due_ms > w->network.now_ms ? due_ms : w->network.now_ms);
        if (!network_run_due(&w->network)) {
            break;
        }
        if (due_ms == until_ms) {
            break; /* what this has brought is for the scheduler */
        }
    }
    if (until_ms > w->network.now_ms) {
        world_set_now(w, until_ms);
    }
}

static void send_watch_error(struct world *w, struct flight *f, const struct watch_error_form *form)
{
    struct buf line;
    buf_init(&line, API_ANSWER_BYTES_MAX);
    api_watch_error(f->watch, form->code, form->reason, &line);
    flight_feed(&w->network, f, &line);
    buf_fini(&line);
}

static void send_bookmark(struct world *w, struct flight *f)
{
    struct buf line;
    buf_init(&line, API_ANSWER_BYTES_MAX);
    if (api_watch_bookmark(f->watch, &line)) {
        flight_feed(&w->network, f, &line);
    }
    buf_fini(&line);
}

/* Processes move to the other server, whose caches (all of them, or of one resource) have stopped
 * at
 * @revision. */
static void freeze(struct world *w, uint64_t revision, unsigned resource)
{
    api_freeze(w->api, 1, world_freeze_texts[resource], revision);
    w->frozen = true;
    for (unsigned i = 0; i < w->options.processes; i++) {
        w->network.processes[i].server = 1;
        network_disconnect(&w->network, &w->network.processes[i]);
    }
}

void world_thaw(struct world *w)
{
    api_thaw(w->api, 1);
    w->frozen = false;
}

static void restore(struct world *w, uint64_t revision)
{
    api_restore(w->api, revision);
    w->revision = revision;
    w->changed_ms = w->network.now_ms;
    invariants_restored(w->invariants, revision);
    for (unsigned i = 0; i < w->options.processes; i++) {
        network_disconnect(&w->network, &w->network.processes[i]);
    }
}

static void take_progress(struct world *w, const struct choice *c, struct flight *f)
{
    switch (c->type) {
    case CHOICE_EXECUTE:
        execute(w, f);
        break;
    case CHOICE_ANSWER:
        invariants_told(w->invariants, &f->exchange, &f->answer);
        flight_answer(&w->network, f);
        break;
    case CHOICE_DELIVER:
        tell_line(w, f);
        flight_deliver(&w->network, f);
        break;
    case CHOICE_USER:
        workload_step(w->workload, w);
        world_judge(w, -1, NULL);
        break;
    case CHOICE_CLUSTER:
        cluster_do(w->cluster, &w->steps[c->value]);
        world_judge(w, -1, NULL);
        break;
    default:
        world_pass(w, (uint64_t)c->value);
        break;
    }
}

static void take_process_fault(struct world *w, const struct choice *c)
{
    struct world_faults *faults = &w->options.faults;
    struct process *p = &w->network.processes[c->process];
    switch (c->type) {
    case CHOICE_START:
        process_start(&w->network, p, &w->options, w->image);
        break;
    case CHOICE_CRASH:
        faults->crash -= faults->crash > 0;
        process_kill(&w->network, p);
        break;
    case CHOICE_STOP:
        faults->stop -= faults->stop > 0;
        p->stop_asked = true;
        process_step(&w->network, p, &(struct event){.type = EVENT_STOP});
        break;
    case CHOICE_PAUSE:
        faults->pause -= faults->pause > 0;
        process_pause(&w->network, p, true);
        break;
    case CHOICE_RESUME:
        process_pause(&w->network, p, false);
        break;
    default:
        faults->clock -= faults->clock > 0;
        p->wall_offset_ms += c->value;
        p->was_wrong = true;
        break;
    }
}

static void take_fault(struct world *w, const struct choice *c, struct flight *f)
{
    struct world_faults *faults = &w->options.faults;
    switch (c->type) {
    case CHOICE_DROP:
        flight_drop(&w->network, f);
        break;
    case CHOICE_LOSE:
        faults->lose -= faults->lose > 0;
        flight_end(&w->network, f, false);
        break;
    case CHOICE_REFUSE:
        faults->refuse -= faults->refuse > 0;
        if (refusal_forms[c->value].http_status == 404) {
            invariants_forget_known(w->invariants); /* of what is not served nothing is known */
        }
        flight_refuse(&w->network, f, refusal_forms[c->value].http_status,
                      refusal_forms[c->value].retry_after_ms, refusal_forms[c->value].body);
        break;
    case CHOICE_WATCH_END:
        faults->watch -= faults->watch > 0;
        flight_end(&w->network, f, true);
        break;
    case CHOICE_WATCH_ERROR:
        faults->watch -= faults->watch > 0;
        send_watch_error(w, f, &watch_error_forms[c->value]);
        break;
    case CHOICE_BOOKMARK:
        faults->watch -= faults->watch > 0;
        send_bookmark(w, f);
        break;
    case CHOICE_COMPACT:
        faults->compact -= faults->compact > 0;
        w->snapshot = (uint64_t)c->value;
        api_compact(w->api, (uint64_t)c->value);
        break;
    case CHOICE_FREEZE:
        faults->freeze -= faults->freeze > 0;
        freeze(w, (uint64_t)c->value, c->exchange);
        break;
    case CHOICE_THAW:
        world_thaw(w);
        break;
    case CHOICE_CRD:
        faults->crd -= faults->crd > 0;
        w->crd_away = !w->crd_away;
        api_serve_memcacheds(w->api, !w->crd_away);
        world_judge(w, -1, NULL);
        break;
    case CHOICE_RESTORE:
        faults->restore -= faults->restore > 0;
        restore(w, (uint64_t)c->value);
        break;
    default:
        take_process_fault(w, c);
        break;
    }
}

void world_take(struct world *w, const struct choice *c)
{
    char text[WORLD_CHOICE_BYTES];
    struct flight *f =
        c->exchange < w->network.flight_count ? w->network.flights[c->exchange] : NULL;
    if (w->options.trace) {
        world_tell(w, "%s", world_choice_text(w, c, text));
    }
    if (c->type <= CHOICE_PASS) {
        take_progress(w, c, f);
    } else {
        take_fault(w, c, f);
    }
}

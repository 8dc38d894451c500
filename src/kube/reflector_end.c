/*
 * How a reflector's answers end, and what comes next: the table of transitions in
 * docs/reflector.md.
 */
#include "kube/reflector_parts.h"
#include "kube/status.h"

#include <assert.h>
#include <inttypes.h>

/* ---- good and bad news ----------------------------------------------------------------------- */

static void report(struct reflector *r, const char *verb, uint64_t retry_in_ms,
                   const struct error *err)
{
    if (r->report != NULL) {
        r->report(r->report_ctx, verb, &r->spec, retry_in_ms, err);
    }
}

void reflector_worked(struct reflector *r, const char *verb, bool first)
{
    if (first || r->failing) {
        r->failing = false;
        report(r, verb, 0, NULL);
    }
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* How long to wait after a failure. The base doubles; the wait is drawn from [base, 2 × base], so
 * that clients which failed together do not come back together. */
static uint64_t back_off(struct reflector *r, struct now now, const struct error *why)
{
    bool absent = why->code == ERR_NOT_FOUND && r->spec.name == NULL;
    uint64_t max_ms = absent ? REFLECTOR_ABSENT_MS_MAX : REFLECTOR_BACKOFF_MS_MAX;

    if (r->backoff_ms == 0 || now.mono_ms - r->last_failure_ms > REFLECTOR_BACKOFF_RESET_MS) {
        r->backoff_ms = REFLECTOR_BACKOFF_MS_MIN;
    }
    uint64_t base_ms = least(r->backoff_ms, max_ms / 2);
    uint64_t wait_ms = random_jitter_ms(r->random, base_ms, 100);
    r->backoff_ms = least(r->backoff_ms * 2, REFLECTOR_BACKOFF_MS_MAX / 2);
    r->last_failure_ms = now.mono_ms;

    if (why->retry_after_ms > 0) { /* all who were refused together were told the same */
        uint64_t told_ms = least((uint64_t)why->retry_after_ms, REFLECTOR_RETRY_AFTER_MS_MAX);
        wait_ms = most(wait_ms, told_ms + wait_ms - base_ms);
    }
    return wait_ms;
}

static void fail(struct reflector *r, struct now now, const char *verb, enum reflector_next next,
                 const struct error *why)
{
    uint64_t wait_ms = back_off(r, now, why);

    r->next = next;
    r->wake_ms = now.mono_ms + wait_ms;
    r->failing = true;
    report(r, verb, wait_ms, why);
}

/* ---- how answers end ------------------------------------------------------------------------- */

static void list_failed(struct reflector *r, struct now now, const struct error *why)
{
    bool first_page = r->next == REFLECTOR_NEXT_LIST;
    bool outdated = why->code == ERR_GONE || why->code == ERR_RV_TOO_LARGE;

    reflector_drop_pending(r);
    r->next = REFLECTOR_NEXT_LIST;
    if (why->code == ERR_GONE && !first_page && !r->list_whole) {
        r->list_whole = true; /* the list takes longer than the server keeps its pages */
        return;
    }
    if (outdated && r->list_rv != REFLECTOR_RV_QUORUM) {
        r->scope->doubted = why->code == ERR_RV_TOO_LARGE;
        r->list_rv = REFLECTOR_RV_QUORUM;
        r->list_whole = false;
        return;
    }
    if (why->code == ERR_NOT_FOUND) {
        store_clear(r->store, r->scope);
        r->list_rv = REFLECTOR_RV_ANY;
    }
    fail(r, now, "list", REFLECTOR_NEXT_LIST, why);
}

static void list_ended(struct reflector *r, struct now now, struct error *why)
{
    if (why->code != ERR_NONE || list_end(&r->list, why) != 0) {
        list_failed(r, now, why);
        return;
    }
    if (r->page_rv == NULL) {
        reflector_set_text(&r->page_rv, r->list.rv);
    }
    if (r->list.cont.len > 0) {
        reflector_set_text(&r->page_token, buf_text(&r->list.cont));
        r->next = REFLECTOR_NEXT_PAGE;
        return;
    }
    reflector_commit(r, r->page_rv);
    r->next = REFLECTOR_NEXT_WATCH;
}

/* The server will not do it this way: neither time nor rights nor another version would help. */
static bool refuses_watch_list(const struct reflector *r, const struct error *why)
{
    switch (why->code) {
    case ERR_NONE:      /* ended before the bookmark */
    case ERR_CANCELLED: /* or the bookmark did not come: it does not know sendInitialEvents */
    case ERR_BAD_REQUEST:
    case ERR_CONFLICT:
    case ERR_EXISTS:
        return true;
    case ERR_SERVER:
        return r->http_status < 500; /* another 4xx, or an ERROR event inside a 200 */
    default:
        return false;
    }
}

static void watch_list_ended(struct reflector *r, struct now now, const struct error *why)
{
    if (!refuses_watch_list(r, why)) {
        list_failed(r, now, why);
        return;
    }
    reflector_drop_pending(r);
    r->watch_list_refused = true;
}

/* Would a watch from the last version fail again? */
static bool needs_relist(const struct reflector *r, const struct error *why)
{
    switch (why->code) {
    case ERR_UNAUTHORIZED:
    case ERR_FORBIDDEN:
    case ERR_TOO_MANY:
    case ERR_TRANSPORT:
        return false;
    case ERR_SERVER:
        /* A stream that has nothing but an ERROR event: the server cannot read that history. */
        return r->http_status == 200 && !r->event_seen;
    default:
        return true; /* the version is gone, or the stream was garbage */
    }
}

static void watch_ended(struct reflector *r, struct now now, struct error *why)
{
    uint64_t lasted_ms = now.mono_ms - r->started_ms;
    bool clean = why->code == ERR_NONE || why->code == ERR_CANCELLED;
    bool brief = clean && !r->event_seen && lasted_ms < REFLECTOR_SHORT_WATCH_MS;
    bool first = brief && !r->was_brief;

    r->next = REFLECTOR_NEXT_WATCH;
    r->was_brief = brief;
    if (clean && !brief) {
        return;
    }
    if (first) { /* a busy server drops who does not read fast enough: no news for people */
        r->wake_ms = now.mono_ms + back_off(r, now, why);
        return;
    }
    if (brief) {
        error_set(why, ERR_TRANSPORT, "ended after %" PRIu64 " ms without an event", lasted_ms);
    }
    bool relist = needs_relist(r, why);
    bool lost = !clean && (why->code == ERR_TRANSPORT || why->code == ERR_SERVER);
    fail(r, now, "watch",
         relist ? REFLECTOR_NEXT_LIST
         : lost ? REFLECTOR_NEXT_CHECK
                : REFLECTOR_NEXT_WATCH,
         why);
}

static void check_ended(struct reflector *r, struct now now, struct error *why)
{
    bool answered = why->code == ERR_NONE && list_end(&r->list, why) == 0;
    bool reached = answered && rv_compare(r->list.rv, r->known_rv) >= 0;
    bool behind = (answered && !reached) || why->code == ERR_RV_TOO_LARGE;

    reflector_set_text(&r->known_rv, NULL);
    r->next = REFLECTOR_NEXT_WATCH;
    if (reached) {
        return;
    }
    r->next = REFLECTOR_NEXT_LIST;
    if (behind) {
        r->scope->doubted = true;
        r->history = REFLECTOR_HISTORY_DOUBTED;
    }
    if (behind || why->code == ERR_GONE) {
        r->list_rv = REFLECTOR_RV_QUORUM;
        return;
    }
    fail(r, now, "watch", needs_relist(r, why) ? REFLECTOR_NEXT_LIST : REFLECTOR_NEXT_CHECK, why);
}

/* Leaves *why as it is when the answer is a success. The status goes first: a refusal whose body
 * broke off is a refusal. */
static void judge(const struct reflector *r, const struct error *failure, struct error *why)
{
    if (r->http_status != 0 && r->http_status != 200) {
        status_to_error(r->http_status, r->retry_after_ms, buf_text(&r->refusal), r->refusal.len,
                        why);
    } else if (r->http_status == 0 && (failure == NULL || failure->code == ERR_CANCELLED)) {
        error_set(why, ERR_TRANSPORT, "no answer came");
    } else if (failure != NULL) {
        *why = *failure;
    }
}

void reflector_end(struct reflector *r, struct now now, const struct error *failure)
{
    struct error why = ERROR_INIT;
    enum reflector_state was = r->state;

    assert(was != REFLECTOR_WAITING);
    judge(r, failure, &why);
    r->state = REFLECTOR_WAITING;
    r->wake_ms = now.mono_ms;
    if (was == REFLECTOR_LISTING) {
        list_ended(r, now, &why);
    } else if (was == REFLECTOR_CHECKING) {
        check_ended(r, now, &why);
    } else if (was == REFLECTOR_WATCH_LISTING) {
        watch_list_ended(r, now, &why);
    } else {
        watch_ended(r, now, &why);
    }
}

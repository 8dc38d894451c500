/*
 * Two processes, one Lease. Each case is a run of a workload, its steps seconds apart, with one
 * fault at one place: at any choice, or at any request for the Lease. Clocks of either run at the
 * rates that are put up with. Beside I6 and the end: never two that lead at once, and who ends is
 * replaced in time.
 */
#include "sim/perturb.h"

#include "base/mem.h"
#include "sim/fault_forms.h"
#include "sim/world_state.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define LEASES "/apis/coordination.k8s.io/v1/namespaces/operator-system/leases"
#define LEASE  LEASES "/memcached-operator.cache.example.com"

enum {
    STEP_MS = 1700,        /* from one step of users to the next: renewals come in between */
    STILL_MS = 5000,       /* places are looked for until so long after the last change */
    AFTER_MS = 30 * 1000,  /* and what comes of the fault is seen */
    KILLED_MS = 24 * 1000, /* so soon another leads */
    STOPPED_MS = 5 * 1000,
    LEASE_MS = 15 * 1000,
    SEEN_MS = 5 * 1000, /* after so long the standby has seen who holds the Lease */
    CLOCK_MS = 60 * 60 * 1000,
};

/* ---- What may go wrong ---- */

enum deed {
    DEED_PAUSE,
    DEED_CUT,  /* nothing gets through, in either direction */
    DEED_LATE, /* writes arrive as late as the network can make them */
    DEED_DEAF, /* requests get through, answers do not */
    DEED_KILL,
    DEED_KILL_LATE, /* what it has sent lands as late as it can */
    DEED_STOP,
    DEED_STOP_LATE, /* its connections have broken a moment ago: the same */
    DEED_CLOCK,
    DEED_WRITE, /* somebody writes into the Lease */
    /* at requests for the Lease */
    DEED_LOSE,      /* never done, and no answer */
    DEED_LOSE_DONE, /* done, and no answer */
    DEED_HOLD,      /* done, the answer comes late */
    DEED_REFUSE,
    DEED_CONFLICT, /* somebody has labelled the Lease a moment before */
};

enum who { WHO_LEADER, WHO_STANDBY, WHO_BOTH };

struct fault {
    enum deed deed;
    enum who who;
    int64_t amount; /* ms; REFUSE: form; WRITE: index of strange_leases */
    const char *text;
};

/* Bodies of a merge patch; NULL: the Lease is deleted. */
static const char *const strange_leases[] = {
    NULL,
    "{\"spec\":null}",
    "{\"spec\":{\"holderIdentity\":\"\"}}",
    "{\"spec\":{\"holderIdentity\":\"{}[]\\\"\\\\\\n\",\"leaseDurationSeconds\":1,"
    "\"leaseTransitions\":2147483647,\"renewTime\":\"9999-12-31T23:59:59.999999Z\"}}",
    "{\"spec\":{\"holderIdentity\":\"stranger\",\"renewTime\":\"2001-01-01T00:00:00.000000Z\"}}",
    "{\"spec\":{\"holderIdentity\":\"stranger\",\"renewTime\":\"2099-01-01T00:00:00.000000Z\"}}",
};

enum { STRANGER_FIRST = 4 };

static const struct fault faults[] = {
    {DEED_PAUSE, WHO_LEADER, 1000, "leader paused 1 s"},
    {DEED_PAUSE, WHO_LEADER, 9000, "leader paused 9 s"},
    {DEED_PAUSE, WHO_LEADER, 11000, "leader paused 11 s"},
    {DEED_PAUSE, WHO_LEADER, 14000, "leader paused 14 s"},
    {DEED_PAUSE, WHO_LEADER, 16000, "leader paused 16 s"},
    {DEED_PAUSE, WHO_LEADER, 30000, "leader paused 30 s"},
    {DEED_PAUSE, WHO_LEADER, 120000, "leader paused 120 s"},
    {DEED_PAUSE, WHO_STANDBY, 16000, "standby paused 16 s"},
    {DEED_CUT, WHO_LEADER, 1000, "leader cut off 1 s"},
    {DEED_CUT, WHO_LEADER, 5000, "leader cut off 5 s"},
    {DEED_CUT, WHO_LEADER, 11000, "leader cut off 11 s"},
    {DEED_CUT, WHO_LEADER, 60000, "leader cut off 60 s"},
    {DEED_CUT, WHO_STANDBY, 16000, "standby cut off 16 s"},
    {DEED_CUT, WHO_BOTH, 11000, "both cut off 11 s"},
    {DEED_CUT, WHO_BOTH, 60000, "both cut off 60 s"},
    {DEED_LATE, WHO_LEADER, 60000, "leader's writes late"},
    {DEED_LATE, WHO_BOTH, 11000, "both's writes late"},
    {DEED_DEAF, WHO_LEADER, 9000, "leader deaf 9 s"},
    {DEED_DEAF, WHO_LEADER, 30000, "leader deaf 30 s"},
    {DEED_KILL, WHO_LEADER, 0, "leader killed"},
    {DEED_KILL_LATE, WHO_LEADER, 2000, "leader killed, its writes late"},
    {DEED_KILL, WHO_STANDBY, 0, "standby killed"},
    {DEED_STOP, WHO_LEADER, 0, "leader stopped"},
    {DEED_STOP, WHO_STANDBY, 0, "standby stopped"},
    {DEED_STOP_LATE, WHO_LEADER, 2000, "leader cut off and stopped, its writes late"},
    {DEED_CLOCK, WHO_LEADER, CLOCK_MS, "leader's clock + 1 h"},
    {DEED_CLOCK, WHO_LEADER, -CLOCK_MS, "leader's clock - 1 h"},
    {DEED_CLOCK, WHO_STANDBY, CLOCK_MS, "standby's clock + 1 h"},
    {DEED_CLOCK, WHO_STANDBY, -CLOCK_MS, "standby's clock - 1 h"},
    {DEED_WRITE, WHO_BOTH, 0, "Lease deleted"},
    {DEED_WRITE, WHO_BOTH, 1, "Lease emptied"},
    {DEED_WRITE, WHO_BOTH, 2, "holder cleared"},
    {DEED_WRITE, WHO_BOTH, 3, "junk in the Lease"},
    {DEED_WRITE, WHO_BOTH, 4, "a stranger of 2001 in the Lease"},
    {DEED_WRITE, WHO_BOTH, 5, "a stranger of 2099 in the Lease"},
    {DEED_LOSE, WHO_BOTH, 0, "not done, no answer"},
    {DEED_LOSE_DONE, WHO_BOTH, 0, "done, no answer"},
    {DEED_HOLD, WHO_BOTH, 4900, "answered after 4.9 s"},
    {DEED_HOLD, WHO_BOTH, 60000, "not answered"},
    {DEED_CONFLICT, WHO_BOTH, 0, "409"},
    {DEED_REFUSE, WHO_BOTH, 0, "refusal 0"},
    {DEED_REFUSE, WHO_BOTH, 1, "refusal 1"},
    {DEED_REFUSE, WHO_BOTH, 2, "refusal 2"},
    {DEED_REFUSE, WHO_BOTH, 3, "refusal 3"},
    {DEED_REFUSE, WHO_BOTH, 4, "refusal 4"},
    {DEED_REFUSE, WHO_BOTH, 5, "refusal 5"},
    {DEED_REFUSE, WHO_BOTH, 6, "refusal 6"},
    {DEED_REFUSE, WHO_BOTH, 7, "refusal 7"},
    {DEED_REFUSE, WHO_BOTH, 8, "refusal 8"},
};

/* client-go's tolerance: 15 s of lease by 10 s of renewing. */
static const double rates[][WORLD_PROCESSES_MAX] = {
    {1, 1}, {1 / 1.5, 1}, {1.5, 1}, {1, 1 / 1.5}, {1, 1.5}};

/* ---- One run ---- */

struct run {
    const struct fault *fault; /* NULL: none, places are counted */
    uint64_t at, seen[2];      /* places: any, and requests for the Lease */
    bool begun, over, replaced;
    bool healthy; /* clocks; and nobody but the victim was started anew since */
    unsigned victim;
    char identity[64]; /* of the victim */
    unsigned starts[WORLD_PROCESSES_MAX];
    uint64_t started_ms; /* the last time that one was */
    uint64_t began_ms, until_ms;
    uint64_t step_ms; /* not before this do users go on */
    uint64_t held;    /* HOLD: the request */
    uint64_t failover_ms;
};

static bool is_for_lease(struct world *w, const struct choice *c)
{
    return c->type == CHOICE_EXECUTE && !world_exchange(w, c->exchange)->orphan &&
           strstr(world_exchange(w, c->exchange)->path, "/leases") != NULL;
}

static bool is_at_lease(const struct fault *k)
{
    return k->deed >= DEED_LOSE;
}

static uint64_t lasts_ms(const struct fault *k)
{
    return k->deed < DEED_CLOCK || k->deed == DEED_HOLD ? (uint64_t)k->amount : 0;
}

static const char *identity_of(struct world *w, unsigned process)
{
    const struct manager *m = world_manager(w, process);
    return m != NULL ? manager_settings(m)->identity : "";
}

static void take(struct world *w, enum choice_type type, unsigned process, unsigned exchange,
                 int64_t value)
{
    world_take(w, &(struct choice){
                      .type = type, .process = process, .exchange = exchange, .value = value});
}

static void write_lease(struct world *w, const char *patch)
{
    enum http_method method = patch != NULL ? HTTP_PATCH : HTTP_DELETE;
    world_write(w, "kubectl", method, LEASE, MEDIA_MERGE_PATCH, patch, 0);
}

static void break_writes(struct world *w, unsigned process)
{
    for (size_t i = world_exchange_count(w); i-- > 0;) {
        const struct exchange *e = world_exchange(w, i);
        if (e->process == process && e->method != HTTP_GET && !e->executed && !e->orphan) {
            take(w, CHOICE_LOSE, process, (unsigned)i, 0);
            i = world_exchange_count(w);
        }
    }
}

static void drop_orphans(struct world *w)
{
    for (size_t i = world_exchange_count(w); i-- > 0;) {
        if (world_exchange(w, i)->orphan) {
            take(w, CHOICE_DROP, 0, (unsigned)i, 0);
        }
    }
}

static bool is_upgrading(const struct world *w)
{
    return w->network.processes[0].stop_asked || w->network.processes[1].stop_asked;
}

static void begin(struct run *r, struct world *w, const struct choice *at)
{
    const struct fault *k = r->fault;
    unsigned leader = world_leads(w, 1) ? 1 : 0;
    unsigned process = k->who == WHO_STANDBY ? 1 - leader : leader;
    r->begun = true;
    r->began_ms = world_now_ms(w);
    r->until_ms = r->began_ms + lasts_ms(k);
    r->victim = process;
    r->replaced = k->who == WHO_STANDBY || !world_leads(w, process);
    snprintf(r->identity, sizeof r->identity, "%s", identity_of(w, process));
    switch (k->deed) {
    case DEED_PAUSE:
        take(w, CHOICE_PAUSE, process, 0, 0);
        break;
    case DEED_KILL:
    case DEED_KILL_LATE:
        take(w, CHOICE_CRASH, process, 0, 0);
        break;
    case DEED_STOP_LATE:
        break_writes(w, process);
        if (world_manager(w, process) != NULL) { /* it was stopping, and that was the last write */
            take(w, CHOICE_STOP, process, 0, 0);
        }
        break;
    case DEED_STOP:
        take(w, CHOICE_STOP, process, 0, 0);
        break;
    case DEED_CLOCK:
        take(w, CHOICE_CLOCK, process, 0, k->amount);
        break;
    case DEED_WRITE:
        /* Whoever starts while there is no Lease takes it at once: nobody can see that it was there
         * a moment ago. */
        if (k->amount != 0 || (r->began_ms >= r->started_ms + SEEN_MS && !is_upgrading(w))) {
            write_lease(w, strange_leases[k->amount]);
            r->step_ms = r->began_ms + SEEN_MS; /* nor does anybody upgrade it */
        }
        break;
    case DEED_CONFLICT:
        write_lease(w, "{\"metadata\":{\"labels\":{\"by\":\"somebody\"}}}");
        break;
    case DEED_REFUSE:
        take(w, CHOICE_REFUSE, at->process, at->exchange, k->amount);
        break;
    case DEED_LOSE:
        take(w, CHOICE_LOSE, at->process, at->exchange, 0);
        drop_orphans(w);
        break;
    case DEED_LOSE_DONE:
        take(w, CHOICE_EXECUTE, at->process, at->exchange, 0);
        take(w, CHOICE_LOSE, at->process, at->exchange, 0);
        break;
    case DEED_HOLD:
        r->held = world_exchange(w, at->exchange)->id;
        r->victim = at->process;
        break;
    case DEED_CUT:
    case DEED_LATE:
    case DEED_DEAF:
        break;
    }
}

static void finish(struct run *r, struct world *w)
{
    r->over = true;
    if (r->fault->deed == DEED_PAUSE && world_manager(w, r->victim) != NULL) {
        take(w, CHOICE_RESUME, r->victim, 0, 0);
    }
}

/* The last moment at which the network lets a late write arrive. */
static bool is_due(struct world *w, const struct exchange *e)
{
    return e->orphan && world_now_ms(w) + 1 >= e->lands_by_ms;
}

/* Does the fault keep @next from happening now? */
static bool is_held(const struct run *r, struct world *w, const struct choice *next)
{
    if (next->type != CHOICE_EXECUTE && next->type != CHOICE_ANSWER &&
        next->type != CHOICE_DELIVER) {
        return false;
    }
    const struct exchange *e = world_exchange(w, next->exchange);
    bool theirs = r->fault->who == WHO_BOTH || e->process == r->victim;
    switch (r->fault->deed) {
    case DEED_CUT:
        return theirs;
    case DEED_LATE:
        return theirs && e->method != HTTP_GET && !e->executed && !is_due(w, e);
    case DEED_KILL_LATE:
    case DEED_STOP_LATE:
        return e->orphan && !is_due(w, e);
    case DEED_DEAF:
        return theirs && next->type != CHOICE_EXECUTE;
    case DEED_HOLD:
        return e->id == r->held && e->process == r->victim && next->type == CHOICE_ANSWER;
    default:
        return false;
    }
}

/* Time passes no further than to where the next thing is to be done. */
static uint64_t next_stop(const struct run *r, struct world *w)
{
    uint64_t now_ms = world_now_ms(w);
    uint64_t at_ms = r->step_ms > now_ms ? r->step_ms : UINT64_MAX;
    if (r->begun && r->until_ms > now_ms && r->until_ms < at_ms) {
        at_ms = r->until_ms;
    }
    for (size_t i = 0; r->begun && !r->over && i < world_exchange_count(w); i++) {
        const struct exchange *e = world_exchange(w, i);
        if (e->orphan && e->lands_by_ms - 1 > now_ms && e->lands_by_ms - 1 < at_ms) {
            at_ms = e->lands_by_ms - 1;
        }
    }
    return at_ms;
}

/* A workload may upgrade the operator: whoever starts has to see for itself who holds the Lease. */
static void watch_starts(struct run *r, struct world *w)
{
    for (unsigned i = 0; i < WORLD_PROCESSES_MAX; i++) {
        if (world_starts(w, i) != r->starts[i]) {
            r->starts[i] = world_starts(w, i);
            r->started_ms = world_now_ms(w);
            r->healthy = r->healthy && (!r->begun || i == r->victim);
        }
    }
}

static void watch_leaders(struct run *r, struct world *w)
{
    if (world_leads(w, 0) && world_leads(w, 1)) {
        world_fail(w, "I6: both lead");
    }
    for (unsigned i = 0; r->begun && !r->replaced && i < WORLD_PROCESSES_MAX; i++) {
        if (world_leads(w, i) && strcmp(identity_of(w, i), r->identity) != 0) {
            r->replaced = true;
            r->failover_ms = world_now_ms(w) - r->began_ms;
        }
    }
}

static bool is_place(struct run *r, struct world *w, const struct choice *next)
{
    if (r->begun) {
        return false;
    }
    bool at_lease = is_for_lease(w, next);
    bool here = r->fault != NULL &&
                (is_at_lease(r->fault) ? at_lease && r->seen[1] == r->at : r->seen[0] == r->at);
    r->seen[0]++;
    r->seen[1] += at_lease ? 1 : 0;
    return here;
}

static enum world_say say(void *ctx, struct world *w, const struct choice *next)
{
    struct run *r = ctx;
    uint64_t now_ms = world_now_ms(w);
    watch_starts(r, w);
    watch_leaders(r, w);
    if (r->begun && !r->over && now_ms >= r->until_ms) {
        finish(r, w);
        return SAY_DID;
    }
    if (next->type == CHOICE_USER && now_ms < r->step_ms) {
        return SAY_NOT_NOW;
    }
    if (is_place(r, w, next)) {
        begin(r, w, next);
        return SAY_DID;
    }
    if (r->begun && !r->over && is_held(r, w, next)) {
        return SAY_NOT_NOW;
    }
    if (next->type == CHOICE_USER) {
        r->step_ms = now_ms + STEP_MS;
    }
    if (next->type == CHOICE_PASS && next_stop(r, w) < now_ms + (uint64_t)next->value) {
        take(w, CHOICE_PASS, 0, 0, (int64_t)(next_stop(r, w) - now_ms));
        return SAY_DID;
    }
    return SAY_TAKE;
}

static struct world *make(unsigned workload, const double rate[WORLD_PROCESSES_MAX],
                          const struct perturb_case *c)
{
    struct world_options options = {.seed = 7,
                                    .processes = 2,
                                    .leader_elect = true,
                                    .rate = {rate[0], rate[1]},
                                    .watch_list = workload % 2 == 0,
                                    .trace = c != NULL && c->trace,
                                    .logs = c != NULL && c->logs};
    perturb_workload(workload, &options.workload);
    return world_new(&options);
}

/* ---- Figures ---- */

/* Shared by the processes that share the work. */
struct figures {
    uint64_t killed_ms, stopped_ms;
};

static struct figures *figures;

static void note(uint64_t *worst_ms, uint64_t ms)
{
    uint64_t before = __atomic_load_n(worst_ms, __ATOMIC_RELAXED);
    while (ms > before && !__atomic_compare_exchange_n(worst_ms, &before, ms, false,
                                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
}

static void judge_failover(struct run *r, struct world *w)
{
    enum deed deed = r->fault->deed;
    bool stranger = deed == DEED_WRITE && r->fault->amount >= STRANGER_FIRST;
    bool killed = deed == DEED_KILL || deed == DEED_KILL_LATE;
    if (!r->healthy || r->identity[0] == '\0' || r->fault->who == WHO_STANDBY ||
        (deed != DEED_STOP && deed != DEED_STOP_LATE && !killed && !stranger)) {
        return;
    }
    uint64_t limit_ms = killed || stranger ? KILLED_MS : STOPPED_MS;
    if (!r->replaced || r->failover_ms > limit_ms) {
        world_fail(w, "I6: nobody leads after %" PRIu64 " ms", r->replaced ? r->failover_ms : 0);
    } else if (stranger && r->failover_ms > 0 && r->failover_ms < LEASE_MS) {
        world_fail(w, "I6: the stranger's lease was taken after %" PRIu64 " ms", r->failover_ms);
    } else if (figures != NULL && !stranger) {
        note(killed ? &figures->killed_ms : &figures->stopped_ms, r->failover_ms);
    }
}

static void tell_figures(void)
{
    printf("    slowest failover: %.1f s after a kill, %.1f s after SIGTERM\n",
           (double)figures->killed_ms / 1000, (double)figures->stopped_ms / 1000);
}

/* ---- Cases: rate × fault × place, for each workload ---- */

struct places {
    bool known;
    uint64_t any, at_lease;
};

static const struct places *places_of(unsigned workload, size_t rate)
{
    static struct places memo[PERTURB_WORKLOADS_MAX][ARRAY_LEN(rates)];
    struct places *p = &memo[workload][rate];
    if (!p->known) {
        struct run r = {0};
        struct world *w = make(workload, rates[rate], NULL);
        world_play(w, STILL_MS, say, &r);
        world_free(w);
        *p = (struct places){.known = true, .any = r.seen[0], .at_lease = r.seen[1]};
    }
    return p;
}

/* Of many places of a run one in so many is taken, each fault and rate another one. */
/* There are millions of places: primes, to meet them all in the end. */
enum { STRIDE_USUAL = 811, STRIDE_LEASE_USUAL = 91, STRIDE_MANY = 53, STRIDE_LEASE_MANY = 7 };

static uint64_t stride_of(const struct fault *k, bool many)
{
    return is_at_lease(k) ? (many ? STRIDE_LEASE_MANY : STRIDE_LEASE_USUAL)
                          : (many ? STRIDE_MANY : STRIDE_USUAL);
}

static uint64_t cases_of(unsigned workload, size_t rate, const struct fault *k, bool many)
{
    const struct places *p = places_of(workload, rate);
    uint64_t count = is_at_lease(k) ? p->at_lease : p->any;
    return (count + stride_of(k, many) - 1) / stride_of(k, many);
}

static uint64_t count_cases(bool many)
{
    uint64_t sum = 0;
    figures =
        mmap(NULL, sizeof *figures, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert(figures != MAP_FAILED);
    for (unsigned workload = 0; workload < perturb_workload_count(); workload++) {
        for (size_t rate = 0; rate < ARRAY_LEN(rates); rate++) {
            for (size_t k = 0; k < ARRAY_LEN(faults); k++) {
                sum += cases_of(workload, rate, &faults[k], many);
            }
        }
    }
    return sum;
}

static void run_place(unsigned workload, size_t rate, const struct fault *k, uint64_t at,
                      struct perturb_case *c)
{
    struct workload_spec spec;
    struct run r = {.fault = k, .at = at, .healthy = rate == 0};
    perturb_workload(workload, &spec);
    snprintf(c->what, sizeof c->what, "%s%s%s at %s %" PRIu64 " of %s/%u, rates %.2f and %.2f",
             k->text, k->deed == DEED_REFUSE ? ": " : "",
             k->deed == DEED_REFUSE ? refusal_forms[k->amount].text : "",
             is_at_lease(k) ? "request for the Lease" : "choice", at + 1, workload_text(spec.name),
             spec.variant, rates[rate][0], rates[rate][1]);
    struct world *w = make(workload, rates[rate], c);
    world_play(w, STILL_MS + lasts_ms(k) + AFTER_MS, say, &r);
    if (!r.begun && world_failure(w) == NULL) {
        world_fail(w, "the place was not reached");
    }
    judge_failover(&r, w);
    world_settle(w);
    perturb_finish(w, c);
}

/* Each workload, rate and fault at another place, so that together they meet all. */
static uint64_t spread(unsigned workload, size_t rate, size_t fault)
{
    uint64_t n = (fault * ARRAY_LEN(rates) + rate) * PERTURB_WORKLOADS_MAX + workload + 1;
    return n * 0x9e3779b97f4a7c15U >> 32; /* multiplicative hashing, by the golden ratio */
}

static void run_case(uint64_t i, bool many, struct perturb_case *c)
{
    for (unsigned workload = 0; workload < perturb_workload_count(); workload++) {
        for (size_t rate = 0; rate < ARRAY_LEN(rates); rate++) {
            for (size_t k = 0; k < ARRAY_LEN(faults); k++) {
                uint64_t count = cases_of(workload, rate, &faults[k], many);
                if (i >= count) {
                    i -= count;
                    continue;
                }
                const struct places *p = places_of(workload, rate);
                uint64_t places = is_at_lease(&faults[k]) ? p->at_lease : p->any;
                uint64_t stride = stride_of(&faults[k], many);
                uint64_t at = i * stride + spread(workload, rate, k) % stride;
                run_place(workload, rate, &faults[k], at % places, c);
                return;
            }
        }
    }
    assert(false);
}

const struct perturb_class perturb_lease = {
    .name = "lease",
    .about = "two processes: pauses, clocks, partitions, kills, lost answers at any place",
    .count = count_cases,
    .run = run_case,
    .tell = tell_figures,
};

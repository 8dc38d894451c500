#include "sim/explore.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

enum {
    DEPTH_MAX = 32,
    SLEEP_MAX = 64,
    SPLIT_DEPTH = 3,                 /* where the work is dealt out to jobs */
    NOTHING_MORE_MS = 2 * 60 * 1000, /* what comes later than this is only upkeep */
    SOON_MS = 5000,
    CALM_TURNS_MAX = 10000,
};

/* What a choice touches. Two that touch different things can change places. */
enum side { SIDE_SERVER, SIDE_PROCESS, SIDE_ALL };

struct mark {
    char text[WORLD_CHOICE_BYTES];
    enum side side;
    uint64_t flight; /* 0: none, or all of the process's */
    bool all_flights;
};

struct sleepers {
    struct mark marks[SLEEP_MAX];
    size_t count;
};

struct explorer {
    const struct explore_spec *spec;
    struct choice path[DEPTH_MAX];
    unsigned job, jobs;
    uint64_t dealt;
    struct explore_result result;
    struct script *script;
};

/* ---- Playing ---- */

static bool is_minor(const struct world *w, const struct choice *c)
{
    return (c->type == CHOICE_EXECUTE || c->type == CHOICE_ANSWER) &&
           strstr(world_exchange(w, c->exchange)->path, "/events") != NULL;
}

/* @record may be NULL. */
static void take_one(struct world *w, const struct choice *c, struct script *record)
{
    if (record != NULL) {
        script_take(record, w, c);
    } else {
        world_take(w, c);
    }
}

/* Events for people, at once: they decide nothing. */
static void take_minor(struct world *w, struct script *record)
{
    struct choice choices[WORLD_CHOICES_MAX];
    for (bool any = true; any;) {
        any = false;
        size_t count = world_choices(w, choices);
        for (size_t i = 0; i < count && !any; i++) {
            if (is_minor(w, &choices[i])) {
                take_one(w, &choices[i], record);
                any = true;
            }
        }
    }
}

static void take(struct world *w, const struct choice *c, struct script *record)
{
    take_one(w, c, record);
    take_minor(w, record);
}

static bool is_calm_progress(enum choice_type type)
{
    return type == CHOICE_EXECUTE || type == CHOICE_ANSWER || type == CHOICE_DELIVER ||
           type == CHOICE_CLUSTER;
}

/* All that follows from what was done. */
static void calm_down(struct world *w, struct script *record)
{
    struct choice choices[WORLD_CHOICES_MAX];
    unsigned turns = 0;
    for (bool any = true; any && turns < CALM_TURNS_MAX; turns++) {
        any = false;
        size_t count = world_choices(w, choices);
        for (size_t i = 0; i < count && !any; i++) {
            if (is_calm_progress(choices[i].type)) {
                take_one(w, &choices[i], record);
                any = true;
            }
        }
        const struct choice *last = &choices[count - 1];
        if (!any && last->type == CHOICE_PASS && last->value < SOON_MS) {
            take_one(w, last, record);
            any = true;
        }
    }
}

static struct world *begin(const struct explore_spec *spec, struct script *record)
{
    struct world *w = world_new(&spec->options);
    calm_down(w, record);
    for (unsigned i = 0; i < spec->prelude; i++) {
        take_one(w, &(struct choice){.type = CHOICE_USER}, record);
        calm_down(w, record);
    }
    return w;
}

static struct world *replay(const struct explorer *e, unsigned depth, struct script *record)
{
    struct world *w = begin(e->spec, record);
    for (unsigned i = 0; i < depth; i++) {
        take(w, &e->path[i], record);
    }
    return w;
}

/* ---- Choices ---- */

static struct mark mark_of(struct world *w, const struct choice *c)
{
    struct mark m = {.side = SIDE_ALL};
    world_choice_text(w, c, m.text);
    switch (c->type) {
    case CHOICE_EXECUTE:
        m.side = SIDE_SERVER;
        m.flight = world_exchange(w, c->exchange)->id;
        break;
    case CHOICE_USER:
    case CHOICE_CLUSTER:
        m.side = SIDE_SERVER;
        break;
    case CHOICE_ANSWER:
    case CHOICE_DELIVER:
    case CHOICE_LOSE:
    case CHOICE_DROP:
        m.side = SIDE_PROCESS;
        m.flight = world_exchange(w, c->exchange)->id;
        break;
    case CHOICE_CRASH:
    case CHOICE_START:
        m.side = SIDE_PROCESS;
        m.all_flights = true;
        break;
    default:
        break;
    }
    return m;
}

static bool are_independent(const struct mark *a, const struct mark *b)
{
    if (a->side == SIDE_ALL || b->side == SIDE_ALL || a->side == b->side) {
        return false;
    }
    bool share = (a->flight != 0 && a->flight == b->flight) || (a->all_flights && b->flight != 0) ||
                 (b->all_flights && a->flight != 0);
    return !share;
}

/* Time passes only when the network is idle: a slow answer is a late choice, not a late hour. */
static size_t choices_of(struct world *w, struct choice out[WORLD_CHOICES_MAX])
{
    size_t count = world_choices(w, out);
    size_t kept = 0;
    bool busy = false;
    for (size_t i = 0; i < count; i++) {
        busy = busy || out[i].type == CHOICE_EXECUTE || out[i].type == CHOICE_ANSWER;
        if (out[i].type == CHOICE_PASS && (busy || out[i].value > NOTHING_MORE_MS)) {
            continue;
        }
        out[kept++] = out[i];
    }
    return kept;
}

static bool sleeps(const struct sleepers *s, const struct mark *m)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->marks[i].text, m->text) == 0) {
            return true;
        }
    }
    return false;
}

static void add_sleeper(struct sleepers *s, const struct mark *m)
{
    if (s->count < SLEEP_MAX) { /* one forgotten costs time only */
        s->marks[s->count++] = *m;
    }
}

static void awaken(const struct sleepers *from, const struct mark *taken, struct sleepers *out)
{
    out->count = 0;
    for (size_t i = 0; i < from->count; i++) {
        if (are_independent(&from->marks[i], taken)) {
            out->marks[out->count++] = from->marks[i];
        }
    }
}

/* ---- Depth first ---- */

/* Takes @w. */
static void judge(struct explorer *e, struct world *w, unsigned depth)
{
    e->result.paths++;
    if (!world_settle(w)) {
        e->result.failed++;
        script_init(e->script, &e->spec->options);
        world_free(replay(e, depth, e->script));
    }
    world_free(w);
}

static bool is_anothers(struct explorer *e, unsigned depth)
{
    return depth == SPLIT_DEPTH && e->dealt++ % e->jobs != e->job;
}

/* Takes @w. */
static void visit(struct explorer *e, struct world *w, unsigned depth,
                  const struct sleepers *asleep)
{
    struct choice choices[WORLD_CHOICES_MAX];
    if (is_anothers(e, depth)) {
        world_free(w);
        return;
    }
    size_t count = depth < e->spec->depth && world_failure(w) == NULL ? choices_of(w, choices) : 0;
    if (count == 0) {
        judge(e, w, depth);
        return;
    }
    struct mark *marks = mem_alloc(count * sizeof *marks);
    struct sleepers *here = mem_alloc(sizeof *here);
    struct sleepers *below = mem_alloc(sizeof *below);
    *here = *asleep;
    for (size_t i = 0; i < count; i++) {
        marks[i] = mark_of(w, &choices[i]);
    }
    for (size_t i = 0; i < count && e->result.failed == 0; i++) {
        if (sleeps(here, &marks[i])) {
            e->result.pruned++;
            continue;
        }
        if (w == NULL) {
            w = replay(e, depth, NULL);
        }
        e->path[depth] = choices[i];
        take(w, &choices[i], NULL);
        awaken(here, &marks[i], below);
        visit(e, w, depth + 1, below);
        w = NULL;
        add_sleeper(here, &marks[i]);
    }
    world_free(w);
    mem_free(marks);
    mem_free(here);
    mem_free(below);
}

struct explore_result explore(const struct explore_spec *spec, unsigned job, unsigned jobs,
                              struct script *script)
{
    assert(spec->depth <= DEPTH_MAX);
    struct explorer e = {.spec = spec, .job = job, .jobs = jobs, .script = script};
    struct sleepers *none = mem_zalloc(sizeof *none);
    visit(&e, begin(spec, NULL), 0, none);
    mem_free(none);
    return e.result;
}

/* ---- Scenarios ---- */

const struct explore_spec explore_specs[] = {
    {.name = "claimants",
     .options = {.seed = 1,
                 .processes = 1,
                 .faults = {.crash = 1},
                 .workload = {.name = WORKLOAD_CLAIMANTS}},
     .prelude = 2,
     .depth = 12},
};
const unsigned explore_spec_count = ARRAY_LEN(explore_specs);

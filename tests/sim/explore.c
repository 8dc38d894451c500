#include "sim/explore.h"

#include "base/mem.h"
#include "kube/json.h"
#include "operator/shape.h"
#include "sim/explore_mark.h"
#include "sim/facts.h"
#include "sim/world_state.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    DEPTH_MAX = 32,
    SLEEP_MAX = 64,
    ENDS_MAX = 1 << 16,
    OWN_MAX = 64,
    SPLIT_DEPTH = 3, /* where the work is dealt out to jobs */
    ENDS_BYTES_MAX = 1 << 20,
    NOTHING_MORE_MS = 2 * 60 * 1000, /* what comes later than this is only upkeep */
    SOON_MS = 5000,
    CALM_TURNS_MAX = 10000,
};

struct sleepers {
    struct explore_mark marks[SLEEP_MAX];
    size_t count;
};

/* What has been found out, by any process. */
struct findings {
    struct explore_result result;
    struct choice path[DEPTH_MAX]; /* of the failure */
    unsigned length;
    uint64_t dealt;
    uint64_t ends[ENDS_MAX]; /* a hash table */
};

/* ---- Playing ---- */

/* A world on its way. */
struct tour {
    struct world *w;
    const struct explore_spec *spec;
    struct script *record; /* or NULL */
    uint64_t own[OWN_MAX]; /* revisions of writes whose answers have come */
    size_t own_count;
};

struct explorer {
    struct tour tour;
    struct choice path[DEPTH_MAX];
    unsigned job, jobs;
    bool count_ends;
    struct findings *found; /* shared */
};

static void note_own(struct tour *t, const struct flight *f)
{
    yyjson_doc *doc = yyjson_read(buf_text(&f->answer.body), f->answer.body.len, 0);
    yyjson_val *revision = json_at(yyjson_doc_get_root(doc), "metadata", "resourceVersion", NULL);
    if (yyjson_is_str(revision) && t->own_count < OWN_MAX) { /* one forgotten costs time only */
        t->own[t->own_count++] = strtoull(yyjson_get_str(revision), NULL, 10);
    }
    yyjson_doc_free(doc);
}

static bool is_own(const struct tour *t, uint64_t revision)
{
    for (size_t i = 0; i < t->own_count; i++) {
        if (t->own[i] == revision) {
            return true;
        }
    }
    return false;
}

static void take_one(struct tour *t, const struct choice *c)
{
    if (c->type == CHOICE_ANSWER && world_exchange(t->w, c->exchange)->method != HTTP_GET) {
        note_own(t, t->w->network.flights[c->exchange]);
    }
    if (c->type == CHOICE_CRASH) {
        t->own_count = 0;
    }
    if (t->record != NULL) {
        script_take(t->record, t->w, c);
    } else {
        world_take(t->w, c);
    }
}

/* Takes the first choice that @wanted says; false: there is none. */
static bool take_first(struct tour *t, bool (*wanted)(const struct tour *t, const struct choice *c))
{
    struct choice choices[WORLD_CHOICES_MAX];
    size_t count = world_choices(t->w, choices);
    for (size_t i = 0; i < count; i++) {
        if (wanted(t, &choices[i])) {
            take_one(t, &choices[i]);
            return true;
        }
    }
    return false;
}

/* Events for people, and what a watch says of an own write whose answer has come: they decide
 * nothing, so they come at once. */
static bool is_minor(const struct tour *t, const struct choice *c)
{
    if (c->type == CHOICE_DELIVER) {
        return is_own(t, api_watch_due_revision(t->w->network.flights[c->exchange]->watch));
    }
    return (c->type == CHOICE_EXECUTE || c->type == CHOICE_ANSWER) &&
           strstr(world_exchange(t->w, c->exchange)->path, "/events") != NULL;
}

/* Without pods all that a Deployment's controller does is to say that it has seen it. */
static bool is_dull(const struct tour *t, const struct choice *c)
{
    return c->type == CHOICE_CLUSTER && t->spec->options.no_pods &&
           t->w->steps[c->value].type == CLUSTER_OBSERVE;
}

static bool is_calm_progress(const struct tour *t, const struct choice *c)
{
    return c->type == CHOICE_EXECUTE || c->type == CHOICE_ANSWER || c->type == CHOICE_DELIVER ||
           (c->type == CHOICE_CLUSTER && !is_dull(t, c)) ||
           (c->type == CHOICE_PASS && c->value < SOON_MS);
}

/* All that follows from what was done. */
static void calm_down(struct tour *t)
{
    unsigned turns = 0;
    while (turns++ < CALM_TURNS_MAX && take_first(t, is_calm_progress)) {
    }
}

/* What a process reads before it does anything, up to its watches, that are open then. */
static bool fills_caches(const struct tour *t, const struct choice *c)
{
    struct manager *m = t->w->network.processes[0].manager;
    bool request =
        c->type == CHOICE_EXECUTE ||
        ((c->type == CHOICE_ANSWER || c->type == CHOICE_DELIVER) && !manager_ready(m, NULL));
    return request && world_exchange(t->w, c->exchange)->method == HTTP_GET;
}

/* With all that goes without saying; a start, where that is not what is looked at. */
static void take(struct tour *t, const struct choice *c)
{
    take_one(t, c);
    while (c->type == CHOICE_START && !t->spec->start && take_first(t, fills_caches)) {
    }
    while (take_first(t, is_minor)) {
    }
}

static struct tour begin(const struct explore_spec *spec, struct script *record)
{
    struct tour t = {.w = world_new(&spec->options), .spec = spec, .record = record};
    if (!spec->start) {
        calm_down(&t);
    }
    for (unsigned i = 0; i < spec->prelude; i++) {
        take_one(&t, &(struct choice){.type = CHOICE_USER});
        calm_down(&t);
    }
    return t;
}

static void record_path(const struct explorer *e, struct script *script)
{
    struct tour t = begin(e->tour.spec, script);
    for (unsigned i = 0; i < e->found->length; i++) {
        take(&t, &e->found->path[i]);
    }
    world_free(t.w);
}

/* ---- Choices ---- */

/* For a process; that orphans are gone some time is a choice of its own. */
static bool is_due_soon(const struct world *w)
{
    const struct process *p = &w->network.processes[0];
    uint64_t due_ms = process_due_ms(&w->network, p);
    return due_ms != UINT64_MAX && due_ms - w->network.now_ms <= NOTHING_MORE_MS;
}

/* Time passes only when the network is idle: a slow answer is a late choice, not a late hour. */
static size_t choices_of(const struct tour *t, struct choice out[WORLD_CHOICES_MAX])
{
    struct world *w = t->w;
    size_t count = world_choices(w, out);
    size_t kept = 0;
    bool busy = false;
    for (size_t i = 0; i < count; i++) {
        busy = busy || out[i].type == CHOICE_EXECUTE || out[i].type == CHOICE_ANSWER;
        if (out[i].type == CHOICE_PASS && (busy || !is_due_soon(w))) {
            continue;
        }
        if (out[i].type == CHOICE_LOSE && world_exchange(w, out[i].exchange)->is_watch) {
            continue; /* it is opened again a second later, when all else is over */
        }
        if (is_dull(t, &out[i])) {
            continue;
        }
        out[kept++] = out[i];
    }
    return kept;
}

static bool sleeps(const struct sleepers *s, const struct explore_mark *m)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->marks[i].text, m->text) == 0) {
            return true;
        }
    }
    return false;
}

static void add_sleeper(struct sleepers *s, const struct explore_mark *m)
{
    if (s->count < SLEEP_MAX) { /* one forgotten costs time only */
        s->marks[s->count++] = *m;
    }
}

static void awaken(const struct sleepers *from, const struct explore_mark *taken,
                   struct sleepers *out)
{
    out->count = 0;
    for (size_t i = 0; i < from->count; i++) {
        if (explore_are_independent(&from->marks[i], taken)) {
            out->marks[out->count++] = from->marks[i];
        }
    }
}

/* ---- Ends ---- */

struct digesting {
    const char *resource;
    struct buf text;
};

static void digest_object(void *ctx, const char *json)
{
    static const struct facts none;
    struct digesting *d = ctx;
    struct facts facts;
    facts_read(&facts, d->resource, json);
    facts_append_name(&d->text, d->resource, json);
    facts_append_difference(&d->text, &none, &facts);
    facts_fini(&facts);
}

static const char *const resources[] = {"memcacheds", "deployments", "pods"};

/* What is there, and what may happen: whatever the revisions, and the order of requests. */
static uint64_t digest(struct world *w)
{
    struct choice choices[WORLD_CHOICES_MAX];
    char text[WORLD_CHOICE_BYTES];
    struct digesting d = {.resource = NULL};
    buf_init(&d.text, ENDS_BYTES_MAX);
    for (size_t i = 0; i < ARRAY_LEN(resources); i++) {
        d.resource = resources[i];
        api_each(w->api, d.resource, NULL, digest_object, &d);
    }
    uint64_t hash = shape_text(buf_text(&d.text));
    size_t count = world_choices(w, choices);
    for (size_t i = 0; i < count; i++) {
        hash += shape_text(world_choice_text(w, &choices[i], text));
    }
    buf_fini(&d.text);
    return hash;
}

static void count_end(struct findings *f, uint64_t hash)
{
    size_t at = hash % ENDS_MAX;
    while (f->ends[at] != 0 && f->ends[at] != hash) {
        at = (at + 1) % ENDS_MAX;
    }
    if (f->ends[at] == 0) {
        assert(f->result.ends < ENDS_MAX / 2);
        f->ends[at] = hash;
        f->result.ends++;
        f->result.ends_digest += hash;
    }
}

/* ---- Depth first ---- */

static void fail(struct explorer *e, unsigned length)
{
    e->found->result.failed++;
    e->found->length = length;
    memcpy(e->found->path, e->path, length * sizeof e->path[0]);
}

static void judge(struct explorer *e, unsigned depth)
{
    e->found->result.paths++;
    if (e->count_ends) {
        count_end(e->found, digest(e->tour.w));
    } else if (!world_settle(e->tour.w)) {
        fail(e, depth);
    }
}

static bool is_anothers(struct explorer *e, unsigned depth)
{
    return depth == SPLIT_DEPTH && e->found->dealt++ % e->jobs != e->job;
}

static void visit(struct explorer *e, unsigned depth, const struct sleepers *asleep);

/* A process of its own goes this way, so that the world of this one stays where it is. */
static void branch(struct explorer *e, unsigned depth, const struct sleepers *asleep)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        take(&e->tour, &e->path[depth]);
        visit(e, depth + 1, asleep);
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        perror("fork");
        exit(1);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fail(e, depth + 1); /* it died of it */
    }
}

static void visit(struct explorer *e, unsigned depth, const struct sleepers *asleep)
{
    const struct explore_spec *spec = e->tour.spec;
    struct choice choices[WORLD_CHOICES_MAX];
    if (is_anothers(e, depth)) {
        return;
    }
    bool deeper = depth < spec->depth && world_failure(e->tour.w) == NULL;
    size_t count = deeper ? choices_of(&e->tour, choices) : 0;
    if (count == 0) {
        judge(e, depth);
        return;
    }
    struct sleepers *here = mem_alloc(sizeof *here);
    struct sleepers *below = mem_alloc(sizeof *below);
    *here = *asleep;
    for (size_t i = 0; i < count && e->found->result.failed == 0; i++) {
        struct explore_mark mark = explore_mark_of(e->tour.w, &choices[i]);
        if (!spec->sleepless && sleeps(here, &mark)) {
            e->found->result.pruned++;
            continue;
        }
        e->path[depth] = choices[i];
        awaken(here, &mark, below);
        branch(e, depth, below);
        add_sleeper(here, &mark);
    }
    mem_free(here);
    mem_free(below);
}

static struct explore_result run(const struct explore_spec *spec, unsigned job, unsigned jobs,
                                 bool count_ends, struct script *script)
{
    assert(spec->depth <= DEPTH_MAX);
    struct findings *found =
        mmap(NULL, sizeof *found, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert(found != MAP_FAILED);
    struct explorer e = {.tour = begin(spec, NULL),
                         .job = job,
                         .jobs = jobs,
                         .count_ends = count_ends,
                         .found = found};
    struct sleepers *none = mem_zalloc(sizeof *none);
    fflush(NULL);
    visit(&e, 0, none);
    world_free(e.tour.w);
    mem_free(none);
    struct explore_result result = found->result;
    if (result.failed > 0 && script != NULL) {
        script_init(script, &spec->options);
        record_path(&e, script);
    }
    munmap(found, sizeof *found);
    return result;
}

struct explore_result explore(const struct explore_spec *spec, unsigned job, unsigned jobs,
                              struct script *script)
{
    return run(spec, job, jobs, false, script);
}

struct explore_result explore_ends(const struct explore_spec *spec)
{
    return run(spec, 0, 1, true, NULL);
}

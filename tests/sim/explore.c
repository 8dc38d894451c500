#include "sim/explore.h"

#include "base/mem.h"
#include "operator/shape.h"
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
    OBJECT_BYTES = 128,
    SPLIT_DEPTH = 3, /* where the work is dealt out to jobs */
    ENDS_BYTES_MAX = 1 << 20,
    NOTHING_MORE_MS = 2 * 60 * 1000, /* what comes later than this is only upkeep */
    SOON_MS = 5000,
    CALM_TURNS_MAX = 10000,
};

/* What a choice touches: some of the server's resources, the process, or everything. Two that touch
 * different things can change places, but for those at the two ends of one request. */
struct mark {
    char text[WORLD_CHOICE_BYTES];
    unsigned reads, writes;    /* bits: resources; on the server */
    char object[OBJECT_BYTES]; /* the one that is written; "": not known */
    bool process;
    bool all;
    uint64_t flight; /* 0: none, or all of the process's */
    bool all_flights;
};

struct sleepers {
    struct mark marks[SLEEP_MAX];
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

struct explorer {
    const struct explore_spec *spec;
    struct choice path[DEPTH_MAX];
    unsigned job, jobs;
    bool count_ends;
    struct findings *found; /* shared */
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

/* Garbage and namespaces; the others are about pods. */
static bool is_about_pods(const struct world *w, const struct choice *c)
{
    return c->type == CHOICE_CLUSTER && w->steps[c->value].type < CLUSTER_COLLECT;
}

static bool is_calm_progress(enum choice_type type)
{
    return type == CHOICE_EXECUTE || type == CHOICE_ANSWER || type == CHOICE_DELIVER ||
           type == CHOICE_CLUSTER;
}

/* All that follows from what was done. */
static void calm_down(const struct explore_spec *spec, struct world *w, struct script *record)
{
    struct choice choices[WORLD_CHOICES_MAX];
    unsigned turns = 0;
    for (bool any = true; any && turns < CALM_TURNS_MAX; turns++) {
        any = false;
        size_t count = world_choices(w, choices);
        for (size_t i = 0; i < count && !any; i++) {
            if (is_calm_progress(choices[i].type) &&
                (spec->pods || !is_about_pods(w, &choices[i]))) {
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

/* What a process reads before it does anything, up to its watches, that are open then. */
static bool fills_caches(struct world *w, const struct choice *c, unsigned process)
{
    bool ready = manager_ready(world_manager(w, process), NULL);
    return (c->type == CHOICE_EXECUTE || (is_calm_progress(c->type) && !ready)) &&
           c->type != CHOICE_CLUSTER && c->process == process &&
           world_exchange(w, c->exchange)->method == HTTP_GET;
}

static void fill_caches(struct world *w, unsigned process, struct script *record)
{
    struct choice choices[WORLD_CHOICES_MAX];
    for (bool any = true; any;) {
        any = false;
        size_t count = world_choices(w, choices);
        for (size_t i = 0; i < count && !any; i++) {
            if (fills_caches(w, &choices[i], process)) {
                take_one(w, &choices[i], record);
                any = true;
            }
        }
    }
}

/* With all that goes without saying: Events; and a start, where that is not what is looked at. */
static void take(struct world *w, const struct explore_spec *spec, const struct choice *c,
                 struct script *record)
{
    take_one(w, c, record);
    if (c->type == CHOICE_START && !spec->start) {
        fill_caches(w, c->process, record);
    }
    take_minor(w, record);
}

static struct world *begin(const struct explore_spec *spec, struct script *record)
{
    struct world *w = world_new(&spec->options);
    if (!spec->start) {
        calm_down(spec, w, record);
    }
    for (unsigned i = 0; i < spec->prelude; i++) {
        take_one(w, &(struct choice){.type = CHOICE_USER}, record);
        calm_down(spec, w, record);
    }
    return w;
}

static void record_path(const struct explorer *e, struct script *script)
{
    struct world *w = begin(e->spec, script);
    for (unsigned i = 0; i < e->found->length; i++) {
        take(w, e->spec, &e->found->path[i], script);
    }
    world_free(w);
}

/* ---- Choices ---- */

static const char *const resources[] = {"memcacheds", "deployments", "pods"};

static unsigned resources_in(const char *text)
{
    unsigned bits = 0;
    for (unsigned i = 0; i < ARRAY_LEN(resources); i++) {
        bits |= strstr(text, resources[i]) != NULL ? 1U << i : 0;
    }
    return bits != 0 ? bits : ~0U;
}

/* "deployments default/cache" from where it is addressed, or from what is posted there. */
static void name_object(const struct exchange *e, const char *path, char out[OBJECT_BYTES])
{
    char ns[64] = "", resource[64] = "", name[64] = "";
    const char *at = strstr(path, "/namespaces/");
    const char *body = e->body != NULL ? strstr(e->body, "\"name\":\"") : NULL;
    if (at != NULL && sscanf(at, "/namespaces/%63[^/]/%63[^/]/%63[^/]", ns, resource, name) == 2 &&
        body != NULL) {
        sscanf(body, "\"name\":\"%63[^\"]", name);
    }
    if (name[0] != '\0') {
        snprintf(out, OBJECT_BYTES, "%s %s/%s", resource, ns, name);
    }
}

static void mark_execute(struct mark *m, const struct exchange *e)
{
    char path[WORLD_CHOICE_BYTES];
    snprintf(path, sizeof path, "%.*s", (int)strcspn(e->path, "?"), e->path);
    m->flight = e->id;
    *(e->method == HTTP_GET ? &m->reads : &m->writes) = resources_in(path);
    name_object(e, path, m->object);
}

/* "user    kubectl scale deployments default/web to 3" */
static void mark_user(struct mark *m)
{
    char resource[64], name[64];
    m->writes = resources_in(m->text);
    if (sscanf(m->text, "user %*s %*s %63s %63s", resource, name) == 2) {
        snprintf(m->object, sizeof m->object, "%s %s", resource, name);
    }
}

static struct mark mark_of(struct world *w, const struct choice *c)
{
    struct mark m = {.all = false};
    world_choice_text(w, c, m.text);
    switch (c->type) {
    case CHOICE_EXECUTE:
        mark_execute(&m, world_exchange(w, c->exchange));
        break;
    case CHOICE_USER:
        mark_user(&m);
        break;
    case CHOICE_CLUSTER: /* its controllers look at everything */
        m.writes = ~0U;
        break;
    case CHOICE_DROP:
        m.flight = world_exchange(w, c->exchange)->id;
        break;
    case CHOICE_ANSWER:
    case CHOICE_DELIVER:
    case CHOICE_LOSE:
        m.process = true;
        m.flight = world_exchange(w, c->exchange)->id;
        break;
    case CHOICE_CRASH:
        m.process = m.all_flights = true;
        break;
    case CHOICE_START: /* it asks for everything */
        m.process = true;
        m.reads = ~0U;
        break;
    default:
        m.all = true;
        break;
    }
    return m;
}

static bool are_independent(const struct mark *a, const struct mark *b)
{
    bool other = a->object[0] != '\0' && b->object[0] != '\0' && strcmp(a->object, b->object) != 0;
    bool clash = (a->writes & b->writes) != 0 && !other;
    bool meet = clash || (a->writes & b->reads) != 0 || (a->reads & b->writes) != 0 ||
                (a->process && b->process);
    bool share = (a->flight != 0 && a->flight == b->flight) || (a->all_flights && b->flight != 0) ||
                 (b->all_flights && a->flight != 0);
    return !a->all && !b->all && !meet && !share;
}

/* For a process; that orphans are gone some time is a choice of its own. */
static bool is_due_soon(const struct world *w)
{
    const struct process *p = &w->network.processes[0];
    uint64_t due_ms = process_due_ms(&w->network, p);
    return due_ms != UINT64_MAX && due_ms - w->network.now_ms <= NOTHING_MORE_MS;
}

/* Time passes only when the network is idle: a slow answer is a late choice, not a late hour. */
static size_t choices_of(const struct explore_spec *spec, struct world *w,
                         struct choice out[WORLD_CHOICES_MAX])
{
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
        if (!spec->pods && is_about_pods(w, &out[i])) {
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

/* What is there, and what may happen: whatever the revisions. */
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
    size_t count = world_choices(w, choices);
    for (size_t i = 0; i < count; i++) {
        buf_append_text(&d.text, world_choice_text(w, &choices[i], text));
    }
    uint64_t hash = shape_text(buf_text(&d.text));
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

static void judge(struct explorer *e, struct world *w, unsigned depth)
{
    e->found->result.paths++;
    if (e->count_ends) {
        count_end(e->found, digest(w));
    } else if (!world_settle(w)) {
        fail(e, depth);
    }
}

static bool is_anothers(struct explorer *e, unsigned depth)
{
    return depth == SPLIT_DEPTH && e->found->dealt++ % e->jobs != e->job;
}

static void visit(struct explorer *e, struct world *w, unsigned depth,
                  const struct sleepers *asleep);

/* A process of its own goes this way, so that the world of this one stays where it is. */
static void branch(struct explorer *e, struct world *w, unsigned depth,
                   const struct sleepers *asleep)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        take(w, e->spec, &e->path[depth], NULL);
        visit(e, w, depth + 1, asleep);
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

static void visit(struct explorer *e, struct world *w, unsigned depth,
                  const struct sleepers *asleep)
{
    struct choice choices[WORLD_CHOICES_MAX];
    if (is_anothers(e, depth)) {
        return;
    }
    bool deeper = depth < e->spec->depth && world_failure(w) == NULL;
    size_t count = deeper ? choices_of(e->spec, w, choices) : 0;
    if (count == 0) {
        judge(e, w, depth);
        return;
    }
    struct sleepers *here = mem_alloc(sizeof *here);
    struct sleepers *below = mem_alloc(sizeof *below);
    *here = *asleep;
    for (size_t i = 0; i < count && e->found->result.failed == 0; i++) {
        struct mark mark = mark_of(w, &choices[i]);
        if (!e->spec->sleepless && sleeps(here, &mark)) {
            e->found->result.pruned++;
            continue;
        }
        e->path[depth] = choices[i];
        awaken(here, &mark, below);
        branch(e, w, depth, below);
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
    struct explorer e = {
        .spec = spec, .job = job, .jobs = jobs, .count_ends = count_ends, .found = found};
    struct sleepers *none = mem_zalloc(sizeof *none);
    struct world *w = begin(spec, NULL);
    fflush(NULL);
    visit(&e, w, 0, none);
    world_free(w);
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

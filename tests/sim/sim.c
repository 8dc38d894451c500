/*
 * The simulator's command line: hunts, explorations, classes of perturbation, replays.
 */
#include "base/mem.h"
#include "sim/explore.h"
#include "sim/golden.h"
#include "sim/hunt.h"
#include "sim/jobs.h"
#include "sim/perturb.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { SHORTEN_RUNS_MAX = 3000, FAILURES_MAX = 3 };

static const char usage[] =
    "usage: sim hunt [calm|leases] [--seed N] [--runs N] [--jobs N] [--quick]\n"
    "       sim explore [NAME] [--jobs N] [--many | --depth N] [--quick]\n"
    "       sim class [NAME] [--jobs N] [--many] [--every N] [--quick] [--case N [--logs]]\n"
    "       sim golden [NAME] [--update]\n"
    "       sim replay FILE [--logs]\n"
    "\n"
    "hunt     random runs, one for each seed from N on\n"
    "explore  every schedule of a small world\n"
    "class    all cases of all classes of perturbation, or of one; or one case with its trace\n"
    "golden   the stories in tests/sim/golden, compared or told anew\n"
    "replay   one run from its script, with a trace of what happens\n"
    "--quick  the first failure is the last, and is not made shorter\n"
    "--every  only each N-th case\n";

struct arguments {
    uint64_t seed, runs;
    unsigned jobs;
    uint64_t one_case; /* UINT64_MAX: all */
    uint64_t every;
    unsigned depth; /* 0: as the scenario says */
    bool quick;
    bool logs, many, update;
    const char *words[3]; /* what is no flag */
    int word_count;
};

static bool parse_number(const char *text, uint64_t *out)
{
    char *end = NULL;
    *out = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0';
}

static bool parse(int argc, char **argv, struct arguments *a)
{
    for (int i = 1; i < argc; i++) {
        uint64_t number = 0;
        bool has_number = i + 1 < argc && parse_number(argv[i + 1], &number);
        if (strcmp(argv[i], "--logs") == 0) {
            a->logs = true;
        } else if (strcmp(argv[i], "--update") == 0) {
            a->update = true;
        } else if (strcmp(argv[i], "--many") == 0) {
            a->many = true;
        } else if (strcmp(argv[i], "--quick") == 0) {
            a->quick = true;
        } else if (strcmp(argv[i], "--every") == 0 && has_number && number > 0) {
            a->every = number;
            i++;
        } else if (strcmp(argv[i], "--depth") == 0 && has_number) {
            a->depth = (unsigned)number;
            i++;
        } else if (strcmp(argv[i], "--case") == 0 && has_number) {
            a->one_case = number;
            i++;
        } else if (strcmp(argv[i], "--seed") == 0 && has_number) {
            a->seed = number;
            i++;
        } else if (strcmp(argv[i], "--runs") == 0 && has_number) {
            a->runs = number;
            i++;
        } else if (strcmp(argv[i], "--jobs") == 0 && has_number && number > 0) {
            a->jobs = (unsigned)number;
            i++;
        } else if (argv[i][0] != '-' && a->word_count < (int)ARRAY_LEN(a->words)) {
            a->words[a->word_count++] = argv[i];
        } else {
            return false;
        }
    }
    return a->word_count > 0;
}

static unsigned failures_max(const struct arguments *a)
{
    return a->quick ? 1 : FAILURES_MAX;
}

/* ---- Failures ---- */

static bool replay(const struct script *s, bool logs)
{
    struct world *w = script_play(s, true, logs);
    bool held = world_settle(w);
    printf("%s", world_trace(w));
    printf("%s\n", held ? "all held" : world_failure(w));
    world_free(w);
    return held;
}

/* Takes what is in @s. */
static void show_failure(struct script *s, const char *name, bool quick)
{
    if (quick) {
        struct world *w = script_play(s, false, false);
        world_settle(w);
        printf("%s failed: %s\n", name, world_failure(w));
        world_free(w);
        script_fini(s);
        return;
    }
    char path[256];
    size_t before = s->count;
    snprintf(path, sizeof path, "sim-failure-%s.txt", name);
    script_shorten(s, SHORTEN_RUNS_MAX);
    replay(s, false);
    script_write(s, path);
    printf("%s failed: %zu choices, made from %zu. Again: make sim REPLAY=%s\n", name, s->count,
           before, path);
    fflush(stdout);
    script_fini(s);
}

/* ---- Verbs ---- */

struct hunting {
    enum hunt_kind kind;
    uint64_t seed;
    bool quick;
};

static bool hunt_one(void *ctx, uint64_t i)
{
    const struct hunting *h = ctx;
    struct script script;
    char name[64];
    if (hunt_run(h->kind, h->seed + i, &script)) {
        return true;
    }
    printf("seed %" PRIu64 " failed\n", h->seed + i);
    snprintf(name, sizeof name, "%" PRIu64, h->seed + i);
    show_failure(&script, name, h->quick);
    return false;
}

static uint64_t hunt(const struct arguments *a, uint64_t *passed)
{
    struct hunting h = {.kind = HUNT_FAULTS, .seed = a->seed, .quick = a->quick};
    if (a->word_count > 1) {
        h.kind = strcmp(a->words[1], "calm") == 0 ? HUNT_CALM : HUNT_LEASES;
    }
    uint64_t done = 0;
    uint64_t failed = jobs_run(a->jobs, a->runs, failures_max(a), hunt_one, &h, &done);
    *passed += done - (failed < done ? failed : done);
    return failed;
}

struct exploring {
    struct explore_spec spec;
    unsigned jobs;
    bool quick;
    struct explore_result *sum; /* shared by the jobs */
};

static bool explore_one(void *ctx, uint64_t job)
{
    const struct exploring *x = ctx;
    struct script script;
    struct explore_result r = explore(&x->spec, (unsigned)job, x->jobs, &script);
    __atomic_add_fetch(&x->sum->paths, r.paths, __ATOMIC_RELAXED);
    __atomic_add_fetch(&x->sum->pruned, r.pruned, __ATOMIC_RELAXED);
    if (r.failed > 0) {
        show_failure(&script, x->spec.name, x->quick);
    }
    return r.failed == 0;
}

static uint64_t explore_scenario(struct exploring *x)
{
    *x->sum = (struct explore_result){0};
    uint64_t failed = jobs_run(x->jobs, x->jobs, 1, explore_one, x, NULL);
    printf("%-16s %8" PRIu64 " schedules to depth %u, %" PRIu64 " pruned, %" PRIu64 " violations\n",
           x->spec.name, x->sum->paths, x->spec.depth, x->sum->pruned, failed);
    return failed;
}

static uint64_t explore_all(const struct arguments *a, uint64_t *passed)
{
    uint64_t failed = 0;
    bool any = false;
    struct exploring x = {.jobs = a->jobs, .quick = a->quick};
    x.sum = mmap(NULL, sizeof *x.sum, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (unsigned i = 0; i < explore_spec_count && x.sum != MAP_FAILED; i++) {
        x.spec = explore_specs[i];
        x.spec.depth = a->depth > 0 ? a->depth : a->many ? x.spec.depth_many : x.spec.depth;
        bool named = a->word_count > 1 && strcmp(a->words[1], x.spec.name) == 0;
        if (named || (a->word_count < 2 && x.spec.depth > 0)) {
            uint64_t bad = explore_scenario(&x);
            failed += bad > 0 ? 1 : 0;
            *passed += bad > 0 ? 0 : x.sum->paths;
            any = true;
        }
    }
    return any ? failed : 1;
}

struct perturbing {
    const struct perturb_class *class;
    bool many;
    uint64_t every;
};

static bool perturb_one(void *ctx, uint64_t i)
{
    const struct perturbing *p = ctx;
    struct perturb_case c = {0};
    i = i * p->every + i % p->every; /* not always the same kind */
    p->class->run(i, p->many, &c);
    if (c.failure[0] != '\0') {
        printf("%s, case %" PRIu64 ", %s: %s\n    again: make sim CLASS=%s CASE=%" PRIu64 "%s\n",
               p->class->name, i, c.what, c.failure, p->class->name, i, p->many ? " MANY=1" : "");
    }
    return c.failure[0] == '\0';
}

static bool perturb_traced(const struct perturb_class *class, const struct arguments *a)
{
    struct perturb_case c = {.trace = true, .logs = a->logs};
    class->run(a->one_case, a->many, &c);
    printf("%s: %s\n", c.what, c.failure[0] == '\0' ? "all held" : c.failure);
    return c.failure[0] == '\0';
}

static uint64_t perturb_class(const struct perturb_class *class, const struct arguments *a,
                              uint64_t *passed)
{
    if (a->one_case != UINT64_MAX) {
        bool held = perturb_traced(class, a);
        *passed += held ? 1 : 0;
        return held ? 0 : 1;
    }
    struct perturbing p = {.class = class, .many = a->many, .every = a->every};
    uint64_t count = class->count(a->many) / a->every;
    uint64_t done = 0;
    uint64_t failed = jobs_run(a->jobs, count, failures_max(a), perturb_one, &p, &done);
    printf("%-12s %8" PRIu64 " cases, %" PRIu64 " violations: %s\n", class->name, done, failed,
           class->about);
    if (class->tell != NULL) {
        class->tell();
    }
    *passed += done - (failed < done ? failed : done);
    return failed;
}

static uint64_t perturb_all(const struct arguments *a, uint64_t *passed)
{
    uint64_t failed = 0;
    bool any = false;
    for (size_t i = 0; perturb_classes[i] != NULL; i++) {
        if (a->word_count < 2 || strcmp(a->words[1], perturb_classes[i]->name) == 0) {
            failed += perturb_class(perturb_classes[i], a, passed);
            any = true;
        }
    }
    return any ? failed : 1;
}

static uint64_t golden(const struct arguments *a, uint64_t *passed)
{
    static const struct golden_scene *const parts[] = {golden_scenes, golden_size_scenes};
    uint64_t failed = 0;
    bool any = false;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        for (const struct golden_scene *scene = parts[i]; scene->name != NULL; scene++) {
            if (a->word_count < 2 || strcmp(a->words[1], scene->name) == 0) {
                bool same = golden_check(scene, a->update);
                failed += same ? 0 : 1;
                *passed += same ? 1 : 0;
                any = true;
            }
        }
    }
    return any ? failed : 1;
}

static uint64_t replay_file(const struct arguments *a, uint64_t *passed)
{
    struct script s;
    if (a->word_count < 2 || script_read(&s, a->words[1]) != 0) {
        return 1;
    }
    bool held = replay(&s, a->logs);
    script_fini(&s);
    *passed += held ? 1 : 0;
    return held ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct arguments a = {
        .seed = 1, .runs = 1000, .jobs = jobs_cores(), .one_case = UINT64_MAX, .every = 1};
    uint64_t passed = 0;
    uint64_t failed = 0;
    setvbuf(stdout, NULL, _IOLBF, 0); /* whoever watches sees failures as they come */
    if (!parse(argc, argv, &a)) {
        fputs(usage, stderr);
        return 2;
    }
    if (strcmp(a.words[0], "hunt") == 0) {
        failed = hunt(&a, &passed);
    } else if (strcmp(a.words[0], "explore") == 0) {
        failed = explore_all(&a, &passed);
    } else if (strcmp(a.words[0], "class") == 0) {
        failed = perturb_all(&a, &passed);
    } else if (strcmp(a.words[0], "golden") == 0) {
        failed = golden(&a, &passed);
    } else if (strcmp(a.words[0], "replay") == 0) {
        failed = replay_file(&a, &passed);
    } else {
        fputs(usage, stderr);
        return 2;
    }
    printf("%" PRIu64 " passed, %" PRIu64 " failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}

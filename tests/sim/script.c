#include "sim/script.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void script_init(struct script *s, const struct world_options *options)
{
    *s = (struct script){.options = *options};
}

void script_fini(struct script *s)
{
    for (size_t i = 0; i < s->count; i++) {
        mem_free(s->lines[i]);
    }
    mem_free(s->lines);
    *s = (struct script){0};
}

void script_add(struct script *s, const char *line)
{
    if (s->count == s->cap) {
        s->cap = s->cap == 0 ? 64 : s->cap * 2;
        s->lines = mem_realloc(s->lines, s->cap * sizeof s->lines[0]);
    }
    s->lines[s->count++] = mem_strdup(line);
}

static bool is_pass(const char *line)
{
    return strncmp(line, "pass ", 5) == 0;
}

void script_take(struct script *s, struct world *w, const struct choice *choice)
{
    char text[WORLD_CHOICE_BYTES];
    script_add(s, world_choice_text(w, choice, text));
    world_take(w, choice);
}

bool script_follow(struct world *w, const char *line)
{
    struct choice choices[WORLD_CHOICES_MAX];
    char text[WORLD_CHOICE_BYTES];
    if (is_pass(line)) {
        world_take(w, &(struct choice){.type = CHOICE_PASS, .value = strtoll(line + 5, NULL, 10)});
        return true;
    }
    size_t count = world_choices(w, choices);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(world_choice_text(w, &choices[i], text), line) == 0) {
            world_take(w, &choices[i]);
            return true;
        }
    }
    return false;
}

struct world *script_play(const struct script *s, bool trace, bool logs)
{
    struct world_options options = s->options;
    options.trace = trace;
    options.logs = logs;
    struct world *w = world_new(&options);
    for (size_t i = 0; i < s->count && world_failure(w) == NULL; i++) {
        script_follow(w, s->lines[i]);
    }
    return w;
}

/* ---- Making shorter ---- */

/* "I3" of "I3: …" */
static void kind_of(const char *failure, char out[16])
{
    snprintf(out, 16, "%.*s", (int)strcspn(failure, ":"), failure);
}

static bool fails_alike(const struct script *s, const char *kind)
{
    struct world *w = script_play(s, false, false);
    char other[16] = "";
    if (!world_settle(w)) {
        kind_of(world_failure(w), other);
    }
    world_free(w);
    return strcmp(kind, other) == 0;
}

/* Without lines [from, from + count); borrows the lines. */
static struct script without(const struct script *s, size_t from, size_t count)
{
    struct script shorter = {.options = s->options};
    shorter.lines = mem_alloc((s->count + 1) * sizeof s->lines[0]);
    for (size_t i = 0; i < s->count; i++) {
        if (i < from || i >= from + count) {
            shorter.lines[shorter.count++] = s->lines[i];
        }
    }
    return shorter;
}

static void cut(struct script *s, size_t from, size_t count)
{
    for (size_t i = from; i < from + count; i++) {
        mem_free(s->lines[i]);
    }
    memmove(&s->lines[from], &s->lines[from + count],
            (s->count - from - count) * sizeof s->lines[0]);
    s->count -= count;
}

static void shorten_workload(struct script *s, const char *kind, unsigned *runs)
{
    while (s->options.workload.name == WORKLOAD_RANDOM && s->options.workload.steps > 0 &&
           *runs > 0) {
        (*runs)--;
        s->options.workload.steps--;
        if (!fails_alike(s, kind)) {
            s->options.workload.steps++;
            break;
        }
    }
}

static bool shorten_by(struct script *s, size_t piece, const char *kind, unsigned *runs)
{
    bool any = false;
    for (size_t from = 0; from + piece <= s->count && *runs > 0;) {
        struct script shorter = without(s, from, piece);
        (*runs)--;
        bool fails = fails_alike(&shorter, kind);
        mem_free(shorter.lines);
        if (fails) {
            cut(s, from, piece);
            any = true;
        } else {
            from += piece;
        }
    }
    return any;
}

void script_shorten(struct script *s, unsigned runs_max)
{
    unsigned runs = runs_max;
    struct world *w = script_play(s, false, false);
    char kind[16] = "";
    if (!world_settle(w)) {
        kind_of(world_failure(w), kind);
    }
    world_free(w);
    if (kind[0] == '\0') {
        return; /* it does not fail */
    }
    bool any = true;
    while (any && runs > 0) {
        shorten_workload(s, kind, &runs);
        any = false;
        for (size_t piece = s->count / 2; piece > 0; piece /= 2) {
            any = shorten_by(s, piece, kind, &runs) || any;
        }
    }
}

/* ---- Files ---- */

int script_write(const struct script *s, const char *path)
{
    FILE *f = fopen(path, "w");
    if (f == NULL) {
        fprintf(stderr, "%s: cannot be written\n", path);
        return -1;
    }
    const struct world_options *o = &s->options;
    const struct world_faults *x = &o->faults;
    fprintf(f, "seed %" PRIu64 "\n", o->seed);
    fprintf(f, "workload %s %u %u\n", workload_text(o->workload.name), o->workload.steps,
            o->workload.variant);
    fprintf(f, "world %u %d %d %d %g %g\n", o->processes, o->leader_elect, o->watch_list,
            o->no_pods, o->rate[0], o->rate[1]);
    fprintf(f, "faults %u %u %u %u %u %u %u %u %u %u %u %u\n", x->crash, x->stop, x->pause, x->lose,
            x->refuse, x->watch, x->compact, x->freeze, x->clock, x->split, x->crd, x->restore);
    for (size_t i = 0; i < s->count; i++) {
        fprintf(f, "%s\n", s->lines[i]);
    }
    fclose(f);
    return 0;
}

static bool read_head(struct script *s, FILE *f)
{
    struct world_options *o = &s->options;
    struct world_faults *x = &o->faults;
    char workload[32];
    int leader_elect = 0;
    int watch_list = 0;
    int no_pods = 0;
    bool good = fscanf(f, "seed %" SCNu64 "\n", &o->seed) == 1 &&
                fscanf(f, "workload %31s %u %u\n", workload, &o->workload.steps,
                       &o->workload.variant) == 3 &&
                fscanf(f, "world %u %d %d %d %lf %lf\n", &o->processes, &leader_elect, &watch_list,
                       &no_pods, &o->rate[0], &o->rate[1]) == 6 &&
                fscanf(f, "faults %u %u %u %u %u %u %u %u %u %u %u %u\n", &x->crash, &x->stop,
                       &x->pause, &x->lose, &x->refuse, &x->watch, &x->compact, &x->freeze,
                       &x->clock, &x->split, &x->crd, &x->restore) == 12 &&
                workload_find(workload, &o->workload.name);
    o->leader_elect = leader_elect != 0;
    o->watch_list = watch_list != 0;
    o->no_pods = no_pods != 0;
    return good && o->processes <= WORLD_PROCESSES_MAX;
}

int script_read(struct script *s, const char *path)
{
    char line[WORLD_CHOICE_BYTES + 2];
    *s = (struct script){0};
    FILE *f = fopen(path, "r");
    if (f == NULL || !read_head(s, f)) {
        fprintf(stderr, "%s: no script of a run\n", path);
        if (f != NULL) {
            fclose(f);
        }
        return -1;
    }
    while (fgets(line, sizeof line, f) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        script_add(s, line);
    }
    fclose(f);
    return 0;
}

/*
 * Is the model API server a good one? The same sequences of operations run on it and on a real one;
 * what both say must agree.
 *
 *     conformance [OPTION…]
 *       --kubeconfig FILE  the real server; else as kubectl finds it
 *       --runs N           generated sequences (default: 1000), then the written cases
 *       --seed N           of the first one (default: 1)
 *       --length N         operations in each (default: 20)
 *       --lanes N          sequences at a time on the real server (default: 32)
 *       --case N           that written case alone
 *       --compact COMMAND  compacts etcd; without it the case that needs it is left out
 *       --self             run each twice on the real server, in two namespaces, instead: what
 *                          differs there is not compared as it should be
 *       --reports N        show so many of the differences (default: 5)
 *       --no-shrink        do not make a sequence that differs shorter
 */
#include "base/mem.h"
#include "sim/conformance_difference.h"
#include "sim/conformance_known.h"
#include "sim/conformance_model.h"
#include "sim/conformance_real.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    REPORT_BYTES_MAX = 16 << 20,
    AGREE = -1, /* no operation differs */
    NO_CASE = 0,
    STATUS_MAX = 600,
};

struct settings {
    const char *kubeconfig, *program, *compact;
    uint64_t seed;
    unsigned long runs, length, lanes, only_case, reports;
    bool self, no_shrink;
};

/* One sequence on two servers. */
struct pair {
    struct sequence sequence;
    uint64_t seed;
    unsigned long case_number; /* from 1; NO_CASE: generated from the seed */
    const char *name;          /* of the case */
    struct side *sides[2];     /* real, and the model or the real one again */
    unsigned running;
    struct pair *next;
};

struct conformance {
    struct settings settings;
    struct real *real;
    char prefix[32]; /* of namespaces, not used before */
    unsigned long namespaces, begun, cases, passed, failed;
    bool one_by_one;      /* the written cases: they may disturb others */
    struct pair *half;    /* --self: its second side is yet to be run */
    struct pair *failing; /* those that differ, to be looked at */
    struct pair *only;    /* while one is made shorter */
    unsigned long known[KNOWN_MAX];
    unsigned long answers[STATUS_MAX]; /* of the real server, by status */
};

/* ---- pairs ---- */

static struct side *make_side(struct conformance *c, const struct pair *p)
{
    char ns[48];
    snprintf(ns, sizeof(ns), "%s-%06lu", c->prefix, c->namespaces++);
    return side_new(&p->sequence, ns);
}

static void forget_sides(struct pair *p)
{
    for (size_t i = 0; i < 2; i++) {
        side_free(p->sides[i]);
        p->sides[i] = NULL;
    }
}

static void pair_free(struct pair *p)
{
    forget_sides(p);
    sequence_fini(&p->sequence);
    mem_free(p);
}

static void text_of(struct side *side, size_t i, struct buf *out)
{
    buf_reset(out, REPORT_BYTES_MAX);
    side_text(side, i, out);
}

/* The first operation whose outcome differs without an excuse, or AGREE. Fills @texts with both. */
static long compare(struct conformance *c, struct pair *p, struct buf texts[2])
{
    for (size_t s = 0; s < 2; s++) {
        side_prepare(p->sides[s]);
    }
    for (size_t i = 0; i < p->sequence.count; i++) {
        const struct operation *o = &p->sequence.operations[i];
        if (o->off) {
            continue;
        }
        text_of(p->sides[0], i, &texts[0]);
        text_of(p->sides[1], i, &texts[1]);
        if (strcmp(buf_text(&texts[0]), buf_text(&texts[1])) == 0) {
            continue;
        }
        int known = known_find(&p->sequence, i, buf_text(&texts[0]), buf_text(&texts[1]));
        if (known < 0) {
            return (long)i;
        }
        c->known[known]++;
        if (known_table[known].ends) {
            return AGREE;
        }
    }
    return AGREE;
}

/* ---- running ---- */

static struct pair *next_generated(struct conformance *c)
{
    if (c->begun == c->settings.runs) {
        return NULL;
    }
    struct pair *p = mem_zalloc(sizeof(*p));
    p->seed = c->settings.seed + c->begun++;
    sequence_generate(&p->sequence, p->seed, c->settings.length);
    return p;
}

static bool needs_compaction(const struct sequence *s)
{
    bool needed = false;
    for (size_t i = 0; i < s->count; i++) {
        needed = needed || s->operations[i].compact;
    }
    return needed;
}

static struct pair *next_case(struct conformance *c)
{
    const struct settings *s = &c->settings;
    for (;;) {
        struct pair *p = mem_zalloc(sizeof(*p));
        p->case_number = ++c->cases;
        p->name = sequence_case(&p->sequence, p->case_number - 1);
        bool wanted = s->only_case == NO_CASE || s->only_case == p->case_number;
        if (p->name == NULL) {
            pair_free(p);
            return NULL;
        }
        if (wanted && (s->compact != NULL || !needs_compaction(&p->sequence))) {
            return p;
        }
        if (wanted) {
            printf("left out, without --compact: %s\n", p->name);
        }
        pair_free(p);
    }
}

static struct side *next_side(void *ctx)
{
    struct conformance *c = ctx;
    struct pair *p = c->half;
    if (p != NULL) {
        c->half = NULL;
        return p->sides[1] = make_side(c, p);
    }
    if (c->only != NULL) {
        p = c->only->running == 0 ? c->only : NULL;
    } else {
        p = c->one_by_one ? next_case(c) : next_generated(c);
    }
    if (p == NULL) {
        return NULL;
    }
    p->running = c->settings.self ? 2 : 1;
    p->sides[0] = make_side(c, p);
    c->half = c->settings.self ? p : NULL;
    return p->sides[0];
}

static void side_done(void *ctx, struct side *side)
{
    struct conformance *c = ctx;
    /* its sequence is the pair's first member */
    struct pair *p = (struct pair *)(uintptr_t)side->sequence;
    if (--p->running > 0) {
        return;
    }
    if (!c->settings.self) {
        p->sides[1] = side_new(&p->sequence, p->sides[0]->ns);
        model_run(p->sides[1], p->seed);
    }
    if (p == c->only) {
        p->running = 1; /* not once more */
        return;
    }
    for (size_t i = 0; i < p->sequence.count; i++) {
        int status = p->sides[0]->said[i].status;
        c->answers[status < STATUS_MAX ? status : 0]++;
    }
    CLEANUP(buf_fini) struct buf real = {.max = REPORT_BYTES_MAX};
    CLEANUP(buf_fini) struct buf other = {.max = REPORT_BYTES_MAX};
    struct buf texts[2] = {real, other};
    bool agree = compare(c, p, texts) == AGREE;
    real = texts[0];
    other = texts[1];
    if (agree) {
        c->passed++;
        pair_free(p);
        return;
    }
    c->failed++;
    p->next = c->failing;
    c->failing = p;
}

/* ---- reporting ---- */

/* Run it again as it is now, and compare. */
static long again(struct conformance *c, struct pair *p, struct buf texts[2])
{
    struct error err = ERROR_INIT;
    forget_sides(p);
    p->running = 0;
    c->only = p;
    if (real_run(c->real, 2, next_side, side_done, c, &err) != 0) {
        fprintf(stderr, "conformance: %s\n", err.message);
        exit(1);
    }
    c->only = NULL;
    return compare(c, p, texts);
}

/* If not, the evidence of the first time is kept. */
static bool is_repeatable(struct conformance *c, struct pair *p, struct buf texts[2])
{
    struct side *first[2] = {p->sides[0], p->sides[1]};
    p->sides[0] = p->sides[1] = NULL;
    bool repeatable = again(c, p, texts) != AGREE;
    if (!repeatable) {
        forget_sides(p);
    }
    for (size_t s = 0; s < 2; s++) {
        if (repeatable) {
            side_free(first[s]);
        } else {
            p->sides[s] = first[s];
        }
    }
    return repeatable;
}

/* Leave out what the difference does not need: halves, quarters, … single operations. */
static void make_shorter(struct conformance *c, struct pair *p, struct buf texts[2])
{
    struct operation *all = p->sequence.operations;
    size_t count = p->sequence.count;
    bool before[OPERATIONS_MAX];
    for (size_t size = count / 2; size > 0; size /= 2) {
        for (size_t from = 0; from < count; from += size) {
            bool changed = false;
            for (size_t i = 0; i < count; i++) {
                before[i] = all[i].off;
                if (i >= from && i < from + size && !all[i].off) {
                    all[i].off = changed = true;
                }
            }
            if (changed && again(c, p, texts) == AGREE) {
                for (size_t i = 0; i < count; i++) {
                    all[i].off = before[i];
                }
            }
        }
    }
}

static void print_replay(const struct settings *s, const struct pair *p)
{
    printf("replay: %s ", s->program);
    if (p->case_number != NO_CASE) {
        printf("--case %lu", p->case_number);
    } else {
        printf("--seed %llu --runs 1 --length %lu", (unsigned long long)p->seed, s->length);
    }
    printf("%s\n", s->self ? " --self" : "");
}

static void report(struct conformance *c, struct pair *p)
{
    const char *const names[2] = {"real", c->settings.self ? "again" : "model"};
    struct buf texts[2], question;
    for (size_t s = 0; s < 2; s++) {
        buf_init(&texts[s], REPORT_BYTES_MAX);
    }
    buf_init(&question, REPORT_BYTES_MAX);
    if (p->name != NULL) {
        printf("\n%s: the servers differ\n", p->name);
    } else {
        printf("\nseed %llu: the servers differ\n", (unsigned long long)p->seed);
    }
    if (!c->settings.no_shrink) {
        if (is_repeatable(c, p, texts)) {
            make_shorter(c, p, texts);
            again(c, p, texts);
        } else {
            printf("(not when it is run again)\n");
        }
    }
    long at = compare(c, p, texts);
    for (size_t i = 0; i < p->sequence.count; i++) {
        if (!p->sequence.operations[i].off) {
            buf_reset(&question, REPORT_BYTES_MAX);
            side_question(p->sides[0], i, &question);
            printf("%s%4zu %s\n        -> %d\n", (long)i == at ? "*" : " ", i, buf_text(&question),
                   p->sides[0]->said[i].status);
        }
    }
    difference_print(names, texts);
    print_replay(&c->settings, p);
    fflush(stdout);
    for (size_t s = 0; s < 2; s++) {
        buf_fini(&texts[s]);
    }
    buf_fini(&question);
}

static void report_all(struct conformance *c)
{
    unsigned long reported = 0;
    while (c->failing != NULL) {
        struct pair *p = c->failing;
        c->failing = p->next;
        if (reported++ < c->settings.reports) {
            report(c, p);
        }
        pair_free(p);
    }
}

/* ---- the program ---- */

_Noreturn static void usage(const char *program)
{
    fprintf(
        stderr,
        "usage: %s [--kubeconfig FILE] [--runs N] [--seed N] [--length N] [--lanes N] [--case N] "
        "[--compact COMMAND] [--reports N] [--self] [--no-shrink]\n",
        program);
    exit(2);
}

static struct settings read_settings(int argc, char **argv)
{
    struct settings s = {
        .program = argv[0], .seed = 1, .runs = 1000, .length = 20, .lanes = 32, .reports = 5};
    static const struct option options[] = {
        {"kubeconfig", required_argument, NULL, 'k'},
        {"runs", required_argument, NULL, 'r'},
        {"seed", required_argument, NULL, 's'},
        {"length", required_argument, NULL, 'l'},
        {"lanes", required_argument, NULL, 'p'},
        {"self", no_argument, NULL, 'S'},
        {"no-shrink", no_argument, NULL, 'n'},
        {"case", required_argument, NULL, 'c'},
        {"compact", required_argument, NULL, 'C'},
        {"reports", required_argument, NULL, 'R'},
        {NULL, 0, NULL, 0},
    };
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        unsigned long number = optarg != NULL ? strtoul(optarg, NULL, 10) : 0;
        switch (o) {
        case 'k':
            s.kubeconfig = optarg;
            break;
        case 'r':
            s.runs = number;
            break;
        case 's':
            s.seed = number;
            break;
        case 'l':
            s.length = number;
            break;
        case 'p':
            s.lanes = number;
            break;
        case 'c':
            s.only_case = number;
            s.runs = 0;
            break;
        case 'R':
            s.reports = number;
            break;
        case 'C':
            s.compact = optarg;
            break;
        case 'S':
            s.self = true;
            break;
        case 'n':
            s.no_shrink = true;
            break;
        default:
            usage(argv[0]);
        }
    }
    return s;
}

static void print_figures(const struct conformance *c)
{
    printf("%lu sequences, %llu requests; answers:", c->passed + c->failed,
           (unsigned long long)real_requests(c->real));
    for (size_t status = 1; status < STATUS_MAX; status++) {
        if (c->answers[status] > 0) {
            printf(" %zu ×%lu", status, c->answers[status]);
        }
    }
    putchar('\n');
    known_print(c->known);
}

/* Returns false when the real server could not be asked. */
static bool run_all(struct conformance *c, unsigned lanes, bool one_by_one)
{
    struct error err = ERROR_INIT;
    c->one_by_one = one_by_one;
    if (real_run(c->real, lanes, next_side, side_done, c, &err) != 0) {
        fprintf(stderr, "conformance: %s\n", err.message);
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct error err = ERROR_INIT;
    struct conformance c = {.settings = read_settings(argc, argv)};
    snprintf(c.prefix, sizeof(c.prefix), "cf-%08lx",
             (unsigned long)(time(NULL) * 1000 + getpid()) & 0xffffffff);
    c.real = real_new(c.settings.kubeconfig, c.settings.compact, &err);
    if (c.real == NULL) {
        fprintf(stderr, "conformance: %s\n", err.message);
        return 1;
    }
    if (!run_all(&c, (unsigned)c.settings.lanes, false) || !run_all(&c, 1, true)) {
        return 1;
    }
    print_figures(&c);
    report_all(&c);
    real_free(c.real);
    printf("%lu passed, %lu failed\n", c.passed, c.failed);
    return c.failed > 0;
}

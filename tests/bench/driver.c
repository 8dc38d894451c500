/*
 * Measures the operator beside its floor, on a cluster where nobody else writes (etcd and API
 * server only, CRD applied, nothing of ours in it).
 *
 *     driver KUBECONFIG FLOOR LOG [--quick] [--strict] -- OPERATOR [FLAG…]
 *
 * In C and on the floor's own client, since it shares the machine's cores with what it measures,
 * and reads every event of every burst meanwhile. Floor and operator take turns, the operator being
 * stopped while the floor runs; so every round compares neighbours in time, and each floor leaves
 * behind the state that the next cold start has to put right.
 */
#include "lib/bare.h"
#include "lib/measure.h"
#include "lib/observer.h"
#include "lib/pairs.h"
#include "lib/report.h"
#include "lib/subject.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROUNDS = 3,
    STARTS = 3,
    LANES = 16,       /* writes in flight: the operator's default */
    CONVERGE_S = 120, /* for anything that is waited for */
    AFTER_S = 5,      /* what the operator does so soon after a burst counts as its work */
    SAMPLES_MAX = 1000,
};

#define NS "bench"

struct round {
    double floor_latency_ms, floor_latency_p99_ms, floor_burst_s, floor_cpu_ms;
    double latency_ms, latency_whole_ms, latency_p99_ms;
    double burst_s, burst_whole_s, cpu_ms, cpu_busy_ms, cold_s, cold_cpu_ms;
};

struct bench {
    const char *kubeconfig, *floor, *log;
    const char *const *operator;
    size_t pairs, samples, unrelated;
    struct bare_client *client;
    struct observer *observer;
    struct subject subject;
    int32_t size;    /* the last one used: each change is to a size that was not there before */
    int32_t sources; /* size of all sources */
    double load;     /* of the machine, before we began */
    double start_s, idle_mib, loaded_mib, peak_mib;
    double unrelated_bytes, unrelated_us; /* of memory and CPU, for each */
    struct round rounds[ROUNDS];
    struct report report;
};

/* ---- steps ---- */

static void progress(const char *text)
{
    fprintf(stderr, "bench: %s\n", text);
}

static void rest(struct bench *b, double seconds)
{
    for (double until = seconds_now() + seconds; seconds_now() < until;) {
        bare_wait(b->client, 20);
    }
}

/* Until all that is expected is there. Returns when it was. */
static double converge(struct bench *b)
{
    double until = seconds_now() + CONVERGE_S;
    while (observer_missing(b->observer) > 0) {
        bare_wait(b->client, 20);
        if (b->subject.pid != 0) {
            subject_check(&b->subject);
        }
        if (seconds_now() > until) {
            die("%zu Deployments are not right after %d s", observer_missing(b->observer),
                CONVERGE_S);
        }
    }
    return observer_last_seen(b->observer);
}

static void start(struct bench *b)
{
    b->subject = subject_start(b->operator, b->log);
}

static void scale_all(struct bench *b)
{
    b->sources = ++b->size;
    observer_expect(b->observer, 0, b->pairs, b->sources);
    pairs_scale(b->client, NS, 0, b->pairs, b->sources);
}

struct floor_result {
    double wall_s, cpu_s, p50_s, p99_s;
};

/* Leaves Memcacheds and Deployments at a size that their sources do not have. */
static struct floor_result run_floor(struct bench *b, size_t pairs, size_t lanes)
{
    char count[32], size[32], in_flight[32], line[256];
    snprintf(count, sizeof(count), "%zu", pairs);
    snprintf(size, sizeof(size), "%d", ++b->size);
    snprintf(in_flight, sizeof(in_flight), "%zu", lanes);
    const char *argv[] = {b->floor, b->kubeconfig, NS, count, size, in_flight, NULL};
    run_to_end(argv, b->client, line, sizeof(line));
    struct floor_result r;
    if (sscanf(line, "%lf %lf %lf %lf", &r.wall_s, &r.cpu_s, &r.p50_s, &r.p99_s) != 4) {
        die("the floor said: %s", line);
    }
    observer_expect(b->observer, 0, pairs, b->size);
    converge(b);
    return r;
}

/* ---- figures ---- */

static double mib(const struct bench *b, const char *what)
{
    return (double)subject_kib(&b->subject, what) / 1024;
}

/* With one more pair each time, whose Deployment is to be made. */
static void measure_start(struct bench *b)
{
    double samples[STARTS];
    for (size_t i = 0; i < STARTS; i++) {
        pairs_create(b->client, NS, i, i + 1, b->size);
        observer_expect(b->observer, i, i + 1, b->size);
        start(b);
        samples[i] = converge(b) - b->subject.started;
        rest(b, AFTER_S);
        b->idle_mib = mib(b, "RssAnon");
        subject_stop(&b->subject);
    }
    b->start_s = quantile(samples, STARTS, 0.5);
}

static void make_pairs(struct bench *b)
{
    b->sources = b->size;
    observer_expect(b->observer, 0, b->pairs, b->size);
    start(b);
    pairs_create(b->client, NS, STARTS, b->pairs, b->size);
    converge(b);
    rest(b, AFTER_S);
    subject_stop(&b->subject);
}

static void measure_cold(struct bench *b, struct round *r)
{
    observer_expect(b->observer, 0, b->pairs, b->sources);
    start(b);
    r->cold_s = converge(b) - b->subject.started;
    rest(b, AFTER_S);
    r->cold_cpu_ms = subject_cpu_seconds(&b->subject) * 1000 / (double)b->pairs;
}

static void measure_latency(struct bench *b, struct round *r)
{
    double since_answer[SAMPLES_MAX], whole[SAMPLES_MAX];
    for (size_t i = 0; i < b->samples; i++) {
        observer_expect(b->observer, i, i + 1, ++b->size);
        double began = seconds_now();
        pairs_scale(b->client, NS, i, i + 1, b->size);
        double answered = seconds_now();
        double seen = converge(b);
        since_answer[i] = (seen - answered) * 1000;
        whole[i] = (seen - began) * 1000;
    }
    r->latency_ms = quantile(since_answer, b->samples, 0.5);
    r->latency_p99_ms = quantile(since_answer, b->samples, 0.99);
    r->latency_whole_ms = quantile(whole, b->samples, 0.5);
}

static void measure_burst_under_load(struct bench *b, struct round *r)
{
    double began = seconds_now();
    scale_all(b);
    r->burst_whole_s = converge(b) - began;
    rest(b, AFTER_S);
}

/* The sources are scaled while the operator stands still, so that the server works for it alone
 * when it goes on. A new process, to which all of this is news: it tells of each change by an
 * Event, where one that has told lately only counts. */
static void measure_burst(struct bench *b, struct round *r)
{
    start(b);
    rest(b, AFTER_S);
    subject_pause(&b->subject);
    scale_all(b);
    rest(b, 1);
    double cpu = subject_cpu_seconds(&b->subject), began = seconds_now();
    subject_resume(&b->subject);
    r->burst_s = converge(b) - began;
    r->cpu_busy_ms = (subject_cpu_seconds(&b->subject) - cpu) * 1000 / (double)b->pairs;
    rest(b, AFTER_S);
    r->cpu_ms = (subject_cpu_seconds(&b->subject) - cpu) * 1000 / (double)b->pairs;
}

static void measure_round(struct bench *b, struct round *r)
{
    struct floor_result pairs = run_floor(b, b->samples, 1);
    struct floor_result burst = run_floor(b, b->pairs, LANES);
    r->floor_latency_ms = pairs.p50_s * 1000;
    r->floor_latency_p99_ms = pairs.p99_s * 1000;
    r->floor_burst_s = burst.wall_s;
    r->floor_cpu_ms = burst.cpu_s * 1000 / (double)b->pairs;
    measure_cold(b, r);
    measure_latency(b, r);
    measure_burst_under_load(b, r);
    subject_stop(&b->subject);
    measure_burst(b, r);
}

/* The operator runs and has seen bursts; Deployments that are none of its business come. */
static void measure_unrelated(struct bench *b)
{
    double cpu = subject_cpu_seconds(&b->subject), began = seconds_now();
    rest(b, AFTER_S);
    double idle_share = (subject_cpu_seconds(&b->subject) - cpu) / (seconds_now() - began);
    double before_mib = mib(b, "RssAnon");

    cpu = subject_cpu_seconds(&b->subject);
    began = seconds_now();
    pairs_create_unrelated(b->client, NS, b->unrelated);
    rest(b, AFTER_S);
    cpu = subject_cpu_seconds(&b->subject) - cpu - idle_share * (seconds_now() - began);
    b->loaded_mib = mib(b, "RssAnon");
    b->unrelated_us = cpu * 1e6 / (double)b->unrelated;
    b->unrelated_bytes = (b->loaded_mib - before_mib) * (1 << 20) / (double)b->unrelated;
}

/* A cold start among unrelated Deployments: they must not come in by the first lists either. */
static void measure_loaded(struct bench *b)
{
    struct round again;
    subject_stop(&b->subject);
    scale_all(b);
    measure_cold(b, &again);
    b->loaded_mib = fmax(b->loaded_mib, mib(b, "RssAnon"));
    b->peak_mib = mib(b, "VmHWM");
    subject_stop(&b->subject);
}

/* ---- the report ---- */

/* One member of all rounds. */
static const double *column(const struct bench *b, size_t offset, double out[ROUNDS])
{
    for (size_t i = 0; i < ROUNDS; i++) {
        memcpy(&out[i], (const char *)&b->rounds[i] + offset, sizeof(*out));
    }
    return out;
}

#define COLUMN(member) column(b, offsetof(struct round, member), (double[ROUNDS]){0})

/* In the order of the requirements. */
static void make_report(struct bench *b)
{
    struct report *r = &b->report;
    report_ratio(r, "latency", "sync latency p50, source's PATCH answered -> seen", "ms",
                 COLUMN(latency_ms), COLUMN(floor_latency_ms), ROUNDS, "<= 1.25", 1.25);
    report_ratio(r, "latency_whole", "  from the start of that PATCH", "ms",
                 COLUMN(latency_whole_ms), COLUMN(floor_latency_ms), ROUNDS, NULL, 0);
    report_ratio(r, "latency_p99", "  p99, both", "ms", COLUMN(latency_p99_ms),
                 COLUMN(floor_latency_p99_ms), ROUNDS, NULL, 0);
    report_ratio(r, "burst", "all sources scaled at once, while it stood still", "s",
                 COLUMN(burst_s), COLUMN(floor_burst_s), ROUNDS, "<= 1.25", 1.25);
    report_ratio(r, "burst_whole", "  from the first of their PATCHes, while it runs", "s",
                 COLUMN(burst_whole_s), COLUMN(floor_burst_s), ROUNDS, NULL, 0);
    report_ratio(r, "cpu", "CPU per synced Memcached, with 5 s after", "ms", COLUMN(cpu_ms),
                 COLUMN(floor_cpu_ms), ROUNDS, "<= 1.5", 1.5);
    report_ratio(r, "cpu_busy", "  until the last is right", "ms", COLUMN(cpu_busy_ms),
                 COLUMN(floor_cpu_ms), ROUNDS, NULL, 0);
    report_ratio(r, "cold", "cold start, all pairs out of step -> right", "s", COLUMN(cold_s),
                 COLUMN(floor_burst_s), ROUNDS, "<= 1.25", 1.25);
    report_ratio(r, "cold_cpu", "  CPU of it and 5 s after, by pair", "ms", COLUMN(cold_cpu_ms),
                 COLUMN(floor_cpu_ms), ROUNDS, NULL, 0);
    report_value(r, "start", "start -> first write", "s", b->start_s, "<= 0.1 s", 0.1);
    report_value(r, "rss_anon_idle", "RssAnon, idle", "MiB", b->idle_mib, "<= 3 MiB", 3);
    report_value(r, "rss_anon_loaded", "RssAnon, all pairs and unrelated Deployments", "MiB",
                 b->loaded_mib, "<= 12 MiB", 12);
    report_value(r, "rss_peak", "  largest resident set of a cold start, libraries too", "MiB",
                 b->peak_mib, NULL, 0);
    /* A page or a timer more or less is no growth. */
    report_value(r, "memory_per_unrelated", "memory per unrelated Deployment", "B",
                 b->unrelated_bytes, "0 (< 16 B)", 16);
    report_value(r, "cpu_per_unrelated", "CPU per unrelated Deployment", "us", b->unrelated_us,
                 "0 (< 1 us)", 1);
}

static void print_report(const struct bench *b)
{
    char head[256];
    snprintf(head, sizeof(head),
             "\"pairs\":%zu,\"unrelated\":%zu,\"samples\":%zu,\"rounds\":%d,\"load_before\":%.2f,"
             "\"observer_restarts\":%zu",
             b->pairs, b->unrelated, b->samples, ROUNDS, b->load, observer_restarts(b->observer));
    printf("%zu pairs, %zu unrelated Deployments, %d rounds of %zu samples and two bursts\n\n",
           b->pairs, b->unrelated, ROUNDS, b->samples);
    report_table(&b->report, stdout);
    if (b->load > 1) {
        printf("\nThe machine was busy before we began (load %.1f): little can be concluded.\n",
               b->load);
    }
    putchar('\n');
    report_json(&b->report, head, stdout);
}

static void run(struct bench *b)
{
    getloadavg(&b->load, 1);
    b->client = bare_new(b->kubeconfig);
    pairs_create_namespace(b->client, NS);
    b->observer = observer_new(b->client, NS, b->pairs);
    b->size = 1;
    progress("start and idle memory");
    measure_start(b);
    progress("making pairs");
    make_pairs(b);
    for (size_t i = 0; i < ROUNDS; i++) {
        progress("a round: floor, cold start, latency, two bursts");
        measure_round(b, &b->rounds[i]);
        if (i + 1 < ROUNDS) {
            subject_stop(&b->subject);
        }
    }
    progress("unrelated Deployments");
    measure_unrelated(b);
    measure_loaded(b);
    make_report(b);
}

int main(int argc, char **argv)
{
    int at = 4;
    bool quick = false, strict = false;
    for (; at < argc && strcmp(argv[at], "--") != 0; at++) {
        quick = quick || strcmp(argv[at], "--quick") == 0;
        strict = strict || strcmp(argv[at], "--strict") == 0;
    }
    if (at + 1 >= argc) {
        die("usage: driver KUBECONFIG FLOOR LOG [--quick] [--strict] -- OPERATOR [FLAG...]");
    }
    struct bench b = {
        .kubeconfig = argv[1],
        .floor = argv[2],
        .log = argv[3],
        .operator=(const char *const *)(argv + at + 1),
        .pairs = quick ? 200 : 1000,
        .samples = quick ? 50 : 200,
        .unrelated = quick ? 1000 : 5000,
    };
    run(&b);
    print_report(&b);
    observer_free(b.observer);
    bare_free(b.client);
    return strict && !report_is_ok(&b.report) ? 1 : 0;
}

/*
 * The k-th malloc, socket, open, … fails, for all k from the operator's start until all is in step
 * and it was asked to stop. Each time it ends with a line that says why, or works on and ends well;
 * it never crashes, never hangs, and writes nothing that is not whole.
 *
 *     resources OPERATOR FAILING.so [TRIES]
 *
 * Of the mallocs, which are many thousands, only some are tried, evenly spread; with TRIES as many
 * of each kind of call (1000000: all).
 */
#include "base/mem.h"
#include "faults/failing.h"
#include "faults/lib/api.h"
#include "faults/lib/subject.h"
#include "shell/poller.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
    WORKERS = 12, /* most of their time they wait for a backoff of the operator */
    IN_STEP_MS_MAX = 60 * 1000,
    STOP_MS_MAX = 30 * 1000, /* it has 5 s itself */
    LOG_BYTES_MAX = 1 << 20,
    SPARE_DESCRIPTORS = 8, /* connections that stay open: how many is a matter of time */
};

#define SECRET "a-token-that-nobody-may-see"

/* Which call fails, how, and how many of them at most are tried if nobody says otherwise. */
struct fault {
    const char *name;
    enum failing_call call;
    int code;
    unsigned tries_max;
    bool lasting; /* all later ones fail, too */
};

static const struct fault faults[] = {
    {"malloc", FAILING_MALLOC, ENOMEM, 160, false},
    {"malloc, all from then on", FAILING_MALLOC, ENOMEM, 40, true},
    {"socket: EMFILE", FAILING_SOCKET, EMFILE, 40, false},
    {"socket: ENOBUFS", FAILING_SOCKET, ENOBUFS, 40, false},
    {"connect: EADDRNOTAVAIL", FAILING_CONNECT, EADDRNOTAVAIL, 40, false},
    {"open: EMFILE", FAILING_OPEN, EMFILE, 40, false},
    {"open: EINTR", FAILING_OPEN, EINTR, 40, false},
    {"epoll_create1: EMFILE", FAILING_EPOLL_CREATE, EMFILE, 40, false},
    {"epoll_ctl: ENOMEM", FAILING_EPOLL_CTL, ENOMEM, 40, false},
    {"epoll_ctl: ENOSPC", FAILING_EPOLL_CTL, ENOSPC, 40, false},
    {"epoll_wait: EINTR", FAILING_EPOLL_WAIT, EINTR, 16, false},
    {"pipe2: ENFILE", FAILING_PIPE, ENFILE, 40, false},
    {"posix_spawnp: EAGAIN", FAILING_SPAWN, EAGAIN, 40, false},
    {"pidfd_open: EMFILE", FAILING_PIDFD, EMFILE, 40, false},
    {"signalfd: EMFILE", FAILING_SIGNALFD, EMFILE, 40, false},
    {"socketpair: EMFILE", FAILING_SOCKETPAIR, EMFILE, 40, false},
    {"accept4: EMFILE", FAILING_ACCEPT, EMFILE, 40, false},
    {"accept4: ECONNABORTED", FAILING_ACCEPT, ECONNABORTED, 40, false},
    {"read: EINTR", FAILING_READ, EINTR, 40, false},
    {"read: EIO", FAILING_READ, EIO, 40, false},
    {"write: EINTR", FAILING_WRITE, EINTR, 40, false},
    {"write: EAGAIN", FAILING_WRITE, EAGAIN, 40, false},
    {"recv: ECONNRESET", FAILING_RECV, ECONNRESET, 16, false},
    {"recv: EAGAIN", FAILING_RECV, EAGAIN, 16, false},
    {"send: ECONNRESET", FAILING_SEND, ECONNRESET, 16, false},
    {"send: EAGAIN", FAILING_SEND, EAGAIN, 16, false},
};

struct run {
    const struct fault *fault; /* NULL: nothing fails */
    unsigned long k;
    /* what came of it */
    bool failed; /* the call that was to fail did */
    bool in_step;
    int exit_code;
    double descriptors;
    char verdict[1024]; /* "" when it did well */
};

struct session {
    const char *program, *preload;
    char dir[32];
    struct net_cert ca, server_cert;
    struct run *runs;
    size_t run_count;
    pthread_mutex_t lock; /* of next */
    size_t next;
    unsigned long counts[FAILING_CALLS]; /* of a run in which nothing fails */
    double descriptors;
};

static struct session session;

/* ---- one run ---- */

static struct failing_board *map_board(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int code = ftruncate(fd, sizeof(struct failing_board));
    assert(fd >= 0 && code == 0);
    struct failing_board *board =
        mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert(board != MAP_FAILED);
    close(fd);
    return board;
}

static void blame(struct run *run, const char *what)
{
    if (run->verdict[0] == '\0') {
        snprintf(run->verdict, sizeof(run->verdict), "%s", what);
    }
}

/* In step, and its own server answers; or it has ended. */
static void await_in_step(struct run *run, struct subject *s, const struct api *api)
{
    CLEANUP(buf_fini) struct buf body;
    buf_init(&body, LOG_BYTES_MAX);
    uint64_t until_ms = clock_now().mono_ms + IN_STEP_MS_MAX;
    while (run->exit_code < 0 && !run->in_step && clock_now().mono_ms < until_ms) {
        run->exit_code = subject_wait(s, 5);
        run->in_step = api_in_step(api) && subject_ask(s, "/readyz", &body);
    }
    if (run->in_step) {
        run->descriptors = subject_metric(s, "process_open_fds");
    } else if (run->exit_code < 0) {
        blame(run, "it neither works nor ends");
    }
}

static void stop(struct run *run, struct subject *s)
{
    if (run->exit_code < 0) {
        kill(s->pid, SIGTERM);
        run->exit_code = subject_wait(s, STOP_MS_MAX);
    }
}

static void judge_log(struct run *run, const char *log)
{
    if (strstr(log, SECRET) != NULL) {
        blame(run, "a secret is in its log");
    }
    if (strstr(log, "Sanitizer") != NULL || strstr(log, "runtime error:") != NULL) {
        blame(run, "a sanitizer has something to say");
    }
    if (run->exit_code == 1 && strstr(log, "memcached-operator: ") == NULL) {
        blame(run, "it ended without saying why");
    }
}

static void judge(struct run *run, const struct api *api, const char *log)
{
    if (run->exit_code == -1) {
        blame(run, "it does not stop");
    } else if (run->exit_code > 1) {
        snprintf(run->verdict, sizeof(run->verdict), "exit code %d", run->exit_code);
    } else if (!run->in_step && run->exit_code == 0) {
        blame(run, "it ended as if all were well");
    } else if (!run->failed && run->fault != NULL && run->exit_code != 0) {
        blame(run, "nothing failed, but it ended so");
    }
    if (api_strange(api) > 0) {
        blame(run, "it sent what is no request");
    }
    if (session.descriptors > 0 && run->descriptors > session.descriptors + SPARE_DESCRIPTORS) {
        blame(run, "it has more descriptors than it needs");
    }
    judge_log(run, log);
    if (run->verdict[0] != '\0') {
        size_t len = strlen(run->verdict), tail = strlen(log) > 600 ? strlen(log) - 600 : 0;
        snprintf(run->verdict + len, sizeof(run->verdict) - len, "\n%s", log + tail);
    }
}

static void write_kubeconfig(char *to, size_t bytes, unsigned port)
{
    snprintf(to, bytes,
             "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
             "clusters: [{name: k, cluster: {server: \"https://127.0.0.1:%u\", "
             "certificate-authority: %s/ca.crt}}]\n"
             "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
             "users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, "
             "interactiveMode: Never, command: echo, env: [{name: LD_PRELOAD, value: \"\"}], "
             "args: ['{\"kind\":\"ExecCredential\",\"apiVersion\":"
             "\"client.authentication.k8s.io/v1\",\"status\":{\"token\":\"" SECRET "\"}}']}}}]\n",
             port, session.dir);
}

static void run_once(struct run *run, unsigned slot)
{
    char board_path[128], kubeconfig[2048];
    snprintf(board_path, sizeof(board_path), "%s/%u.board", session.dir, slot);
    struct failing_board *board = map_board(board_path);
    if (run->fault != NULL) {
        board->call = run->fault->call;
        board->from = run->k;
        board->count = run->fault->lasting ? ULONG_MAX : 1;
        board->code = run->fault->code;
    }
    struct api *api = api_new(&session.server_cert, SECRET);
    write_kubeconfig(kubeconfig, sizeof(kubeconfig), api_port(api));
    struct subject s;
    subject_start(&s, &(struct subject_options){.program = session.program,
                                                .dir = session.dir,
                                                .slot = slot,
                                                .kubeconfig = kubeconfig,
                                                .preload = session.preload,
                                                .board = board_path,
                                                .leader_elect = true});
    run->exit_code = -1;
    await_in_step(run, &s, api);
    stop(run, &s);
    run->failed = board->failed > 0;
    for (size_t i = 0; run->fault == NULL && i < FAILING_CALLS; i++) {
        session.counts[i] = board->counts[i];
    }
    CLEANUP(buf_fini) struct buf log;
    buf_init(&log, LOG_BYTES_MAX);
    subject_read_log(&s, &log);
    judge(run, api, buf_text(&log));
    subject_end(&s);
    api_free(api);
    munmap(board, sizeof(*board));
}

/* ---- all runs ---- */

static void *work(void *ctx)
{
    unsigned slot = *(unsigned *)ctx;
    for (;;) {
        pthread_mutex_lock(&session.lock);
        size_t n = session.next++;
        pthread_mutex_unlock(&session.lock);
        if (n >= session.run_count) {
            return NULL;
        }
        run_once(&session.runs[n], slot);
    }
}

static void work_together(void)
{
    pthread_t threads[WORKERS];
    unsigned slots[WORKERS];
    for (unsigned i = 0; i < WORKERS; i++) {
        slots[i] = i + 1;
        pthread_create(&threads[i], NULL, work, &slots[i]);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
    }
}

/* Evenly spread over all calls that a run makes, the first and the last one included. */
static void add_runs(const struct fault *fault, unsigned long tries_max)
{
    unsigned long total = session.counts[fault->call];
    unsigned long tries = total < tries_max ? total : tries_max;
    session.runs =
        mem_realloc(session.runs, (session.run_count + tries + 1) * sizeof(*session.runs));
    for (unsigned long i = 0; i < tries; i++) {
        unsigned long k = tries > 1 ? 1 + i * (total - 1) / (tries - 1) : 1;
        session.runs[session.run_count++] = (struct run){.fault = fault, .k = k};
    }
}

/* Returns how many of this fault's runs went wrong; a fault that was never tried is one. */
static unsigned report(const struct fault *fault)
{
    unsigned tried = 0, ended = 0, worked = 0, missed = 0, bad = 0;
    for (size_t i = 0; i < session.run_count; i++) {
        const struct run *run = &session.runs[i];
        if (run->fault == fault) {
            tried++;
            ended += run->failed && run->exit_code == 1;
            worked += run->failed && run->exit_code == 0;
            missed += !run->failed;
            bad += run->verdict[0] != '\0';
            if (run->verdict[0] != '\0') {
                printf("%s, number %lu: %s\n", fault->name, run->k, run->verdict);
            }
        }
    }
    printf("%-26s %5lu calls, %5u tried: %5u ended cleanly, %5u worked on, %u came too late, "
           "%u went wrong\n",
           fault->name, session.counts[fault->call], tried, ended, worked, missed, bad);
    return bad + (tried == 0);
}

/* A run without a fault counts what can fail. True when it goes well. */
static bool nothing_fails(void)
{
    struct run calm = {.k = 0};
    run_once(&calm, 0);
    session.descriptors = calm.descriptors;
    printf("without a fault: exit code %d, %.0f descriptors %s\n", calm.exit_code, calm.descriptors,
           calm.verdict);
    return calm.verdict[0] == '\0' && session.counts[FAILING_MALLOC] > 0;
}

static void set_up(char **argv)
{
    session.program = argv[1];
    session.preload = argv[2];
    pthread_mutex_init(&session.lock, NULL);
    strcpy(session.dir, "/tmp/test-resources-XXXXXX");
    char path[64];
    bool made = mkdtemp(session.dir) != NULL;
    assert(made);
    session.ca = net_cert_new("ca", NULL, NULL);
    session.server_cert = net_cert_new("server", "IP:127.0.0.1", &session.ca);
    snprintf(path, sizeof(path), "%s/ca.crt", session.dir);
    FILE *file = fopen(path, "we");
    fputs(session.ca.cert, file);
    fclose(file);
}

static int tear_down(void)
{
    char command[64];
    snprintf(command, sizeof(command), "rm -r %s", session.dir);
    net_cert_fini(&session.ca);
    net_cert_fini(&session.server_cert);
    mem_free(session.runs);
    return system(command);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: resources OPERATOR FAILING.so [TRIES]\n");
        return 2;
    }
    set_up(argv);
    unsigned bad = 0;
    size_t tried = 1;
    if (nothing_fails()) {
        for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
            add_runs(&faults[i], argc > 3 ? strtoul(argv[3], NULL, 10) : faults[i].tries_max);
        }
        work_together();
        tried += session.run_count;
        for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
            bad += report(&faults[i]);
        }
    } else {
        bad = 1;
    }
    printf("%zu passed, %u failed\n", tried - bad, bad);
    return tear_down() != 0 || bad > 0;
}

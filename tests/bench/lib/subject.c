#include "lib/subject.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STOP_S = 10, STEP_MS = 20 };

/* @errors: -1 for ours. Closes @output. */
static pid_t spawn(const char *const *argv, int output, int errors)
{
    pid_t pid = fork();
    if (pid < 0) {
        die("fork: %s", strerror(errno));
    }
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(output, STDOUT_FILENO);
        if (errors >= 0) {
            dup2(errors, STDERR_FILENO);
        }
        execv(argv[0], (char *const *)(uintptr_t)argv);
        fprintf(stderr, "bench: %s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    close(output);
    return pid;
}

struct subject subject_start(const char *const *argv, const char *log)
{
    int output = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (output < 0) {
        die("%s: %s", log, strerror(errno));
    }
    double started = seconds_now();
    return (struct subject){.pid = spawn(argv, output, output), .started = started};
}

void subject_check(const struct subject *s)
{
    if (waitpid(s->pid, NULL, WNOHANG) != 0) {
        die("the operator has ended by itself; see its log");
    }
}

void subject_stop(struct subject *s)
{
    kill(s->pid, SIGTERM);
    for (double until = seconds_now() + STOP_S; waitpid(s->pid, NULL, WNOHANG) == 0;) {
        if (seconds_now() > until) {
            die("the operator does not stop within %d s of SIGTERM", STOP_S);
        }
        poll(NULL, 0, STEP_MS);
    }
    s->pid = 0;
}

void subject_pause(const struct subject *s)
{
    kill(s->pid, SIGSTOP);
    waitpid(s->pid, NULL, WUNTRACED);
}

void subject_resume(const struct subject *s)
{
    kill(s->pid, SIGCONT);
}

double subject_cpu_seconds(const struct subject *s)
{
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(s->pid, &clock) != 0 || clock_gettime(clock, &t) != 0) {
        die("no CPU clock of process %d", (int)s->pid);
    }
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

long subject_kib(const struct subject *s, const char *what)
{
    char path[64], line[256];
    long kib = -1;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)s->pid);
    FILE *f = fopen(path, "re");
    while (f != NULL && kib < 0 && fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, what, strlen(what)) == 0) {
            sscanf(line + strlen(what), ": %ld", &kib);
        }
    }
    if (kib < 0) {
        die("%s: no %s", path, what);
    }
    fclose(f);
    return kib;
}

void run_to_end(const char *const *argv, struct bare_client *client, char *line, size_t bytes)
{
    int ends[2], status;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        die("pipe: %s", strerror(errno));
    }
    pid_t pid = spawn(argv, ends[1], -1);
    while (waitpid(pid, &status, WNOHANG) == 0) {
        bare_wait(client, STEP_MS);
    }
    ssize_t len = read(ends[0], line, bytes - 1);
    close(ends[0]);
    if (status != 0 || len <= 0) {
        die("%s has failed", argv[0]);
    }
    line[len] = '\0';
}

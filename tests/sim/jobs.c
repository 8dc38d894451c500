#include "sim/jobs.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS_MAX = 64 };

struct tally {
    uint64_t done, failed;
};

unsigned jobs_cores(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > JOBS_MAX ? JOBS_MAX : (unsigned)n;
}

static struct tally work(unsigned job, unsigned jobs, uint64_t count, unsigned failures_max,
                         bool (*one)(void *ctx, uint64_t i), void *ctx)
{
    struct tally t = {0};
    for (uint64_t i = job; i < count && t.failed < failures_max; i += jobs) {
        t.failed += one(ctx, i) ? 0 : 1;
        t.done++;
    }
    return t;
}

static void add_of_child(int fd, pid_t pid, struct tally *sum)
{
    struct tally t = {0};
    int status = 0;
    bool told = read(fd, &t, sizeof t) == (ssize_t)sizeof t;
    close(fd);
    waitpid(pid, &status, 0);
    sum->done += t.done;
    sum->failed += t.failed;
    if (!told || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        sum->failed++; /* it died, or a sanitizer has something to say */
    }
}

uint64_t jobs_run(unsigned jobs, uint64_t count, unsigned failures_max,
                  bool (*one)(void *ctx, uint64_t i), void *ctx, uint64_t *done)
{
    struct tally sum = {0};
    pid_t pids[JOBS_MAX];
    int fds[JOBS_MAX];
    if (jobs <= 1) {
        sum = work(0, 1, count, failures_max, one, ctx);
    }
    fflush(NULL);
    for (unsigned i = 0; jobs > 1 && i < jobs; i++) {
        int ends[2];
        if (pipe(ends) != 0 || (pids[i] = fork()) < 0) {
            perror("fork");
            exit(1);
        }
        if (pids[i] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL); /* one that hangs does not outlive a time limit */
            close(ends[0]);
            struct tally t = work(i, jobs, count, failures_max, one, ctx);
            fflush(NULL);
            bool told = write(ends[1], &t, sizeof t) == (ssize_t)sizeof t;
            exit(told ? 0 : 1);
        }
        close(ends[1]);
        fds[i] = ends[0];
    }
    for (unsigned i = 0; jobs > 1 && i < jobs; i++) {
        add_of_child(fds[i], pids[i], &sum);
    }
    if (done != NULL) {
        *done = sum.done;
    }
    return sum.failed;
}

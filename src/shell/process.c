#include "shell/process.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <linux/close_range.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    TRIM_BYTES = 128 << 10, /* free memory at the top of the heap beyond this goes back */
    MMAP_BYTES = 256 << 10, /* greater blocks are mapped by themselves and go back when freed */
};

void process_close_on_exec(void)
{
    close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
}

void process_harden(void)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    if (!PROCESS_CHECKS_LEAKS) {
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    }
    process_close_on_exec();
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_TRIM_THRESHOLD, TRIM_BYTES);
    mallopt(M_MMAP_THRESHOLD, MMAP_BYTES);
}

struct process_metrics {
    struct metric *cpu_seconds, *resident_bytes, *virtual_bytes, *open_fds, *max_fds;
};

/* Seconds since 1970 at which this process began; 0 when /proc does not say. */
static double start_seconds(void)
{
    FILE *f = fopen("/proc/self/stat", "re");
    char line[1024] = "";
    size_t len = f != NULL ? fread(line, 1, sizeof(line) - 1, f) : 0;
    if (f != NULL) {
        fclose(f);
    }
    line[len] = '\0';
    /* field 22 of proc(5), counted behind the name, which may hold anything but ends with ')' */
    const char *rest = strrchr(line, ')');
    unsigned long long ticks;
    if (rest == NULL || sscanf(rest + 1,
                               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
                               "%*d %*d %*d %llu",
                               &ticks) != 1) {
        return 0;
    }
    struct now now = clock_now();
    double age = (double)now.mono_ms / 1000 - (double)ticks / (double)sysconf(_SC_CLK_TCK);
    return (double)now.wall_us / 1e6 - age;
}

struct process_metrics *process_metrics_new(struct metrics *metrics)
{
    struct process_metrics *p = mem_zalloc(sizeof(*p));
#define FAMILY(type, name, help) metric_get(metrics_family(metrics, type, name, help, "", NULL, 0))
    p->cpu_seconds = FAMILY(METRIC_COUNTER, "process_cpu_seconds_total",
                            "Total user and system CPU time spent in seconds.");
    p->resident_bytes =
        FAMILY(METRIC_GAUGE, "process_resident_memory_bytes", "Resident memory size in bytes.");
    p->virtual_bytes =
        FAMILY(METRIC_GAUGE, "process_virtual_memory_bytes", "Virtual memory size in bytes.");
    p->open_fds = FAMILY(METRIC_GAUGE, "process_open_fds", "Number of open file descriptors.");
    p->max_fds =
        FAMILY(METRIC_GAUGE, "process_max_fds", "Maximum number of open file descriptors.");
    metric_set(FAMILY(METRIC_GAUGE, "process_start_time_seconds",
                      "Start time of the process since unix epoch in seconds."),
               start_seconds());
#undef FAMILY
    return p;
}

static double cpu_seconds(void)
{
    struct timespec t;
    return clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0
               ? (double)t.tv_sec + (double)t.tv_nsec / 1e9
               : 0;
}

static double open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL) {
        return 0;
    }
    unsigned count = 0;
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        count += e->d_name[0] != '.';
    }
    closedir(dir);
    return count - 1; /* without the directory's own */
}

void process_metrics_update(struct process_metrics *p)
{
    unsigned long virtual_pages = 0, resident_pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f != NULL) {
        if (fscanf(f, "%lu %lu", &virtual_pages, &resident_pages) != 2) {
            virtual_pages = resident_pages = 0;
        }
        fclose(f);
    }
    double page_bytes = (double)sysconf(_SC_PAGESIZE);
    struct rlimit descriptors = {0};
    getrlimit(RLIMIT_NOFILE, &descriptors);
    metric_set(p->cpu_seconds, cpu_seconds());
    metric_set(p->resident_bytes, (double)resident_pages * page_bytes);
    metric_set(p->virtual_bytes, (double)virtual_pages * page_bytes);
    metric_set(p->open_fds, open_descriptors());
    metric_set(p->max_fds, (double)descriptors.rlim_cur);
}

void process_metrics_free(struct process_metrics *p)
{
    mem_free(p);
}

uint64_t process_random(void)
{
    uint64_t value;
    while (getrandom(&value, sizeof(value), 0) != (ssize_t)sizeof(value)) {
        /* 8 bytes are given whole, but the wait for them early at boot can be interrupted */
    }
    return value;
}

char *process_hostname(void)
{
    char name[256];
    if (gethostname(name, sizeof(name)) != 0 || name[0] == '\0') {
        return mem_strdup("unknown");
    }
    name[sizeof(name) - 1] = '\0';
    return mem_strdup(name);
}

int process_signal_fd(struct error *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) {
        error_set(err, ERR_INVALID, "signalfd: %s", strerror(errno));
    }
    return fd;
}

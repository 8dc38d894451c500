#include "shell/child.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READ_BYTES = 4096 };

struct child {
    struct poller *poller;
    child_done_fn *fn;
    void *ctx;
    pid_t pid;
    int pid_fd;
    int output_fd; /* -1: at its end */
    uint64_t deadline_ms;
    struct buf output;
    struct error killed_for; /* why we ended it; code ERR_NONE: we did not */
};

/* Standard input empty, standard output ours, nothing else but standard error. Each takes memory.
 */
static int plan_descriptors(posix_spawn_file_actions_t *actions, int output_fd)
{
    int reason = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (reason == 0) {
        reason = posix_spawn_file_actions_adddup2(actions, output_fd, STDOUT_FILENO);
    }
    if (reason == 0) {
        reason = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    }
    return reason;
}

/* The child begins as if started from a shell: no blocked or ignored signals of ours, none of our
 * descriptors, and a process group of its own, so that what it starts can be ended with it. */
static int spawn(const struct child_spec *spec, int output_fd, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, ignored;
    sigemptyset(&none);
    sigemptyset(&ignored);
    sigaddset(&ignored, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &ignored);
    posix_spawnattr_setpgroup(&attributes, 0);
    int reason = plan_descriptors(&actions, output_fd);
    if (reason == 0) {
        reason = posix_spawnp(pid, spec->file, &actions, &attributes, spec->argv, spec->envp);
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return reason;
}

static void kill_for(struct child *c, int code, const char *reason)
{
    if (c->killed_for.code == ERR_NONE) {
        error_set(&c->killed_for, code, "%s", reason);
        kill(-c->pid, SIGKILL);
    }
}

static void close_output(struct child *c)
{
    if (c->output_fd >= 0) {
        poller_remove(c->poller, c->output_fd);
        close(c->output_fd);
        c->output_fd = -1;
    }
}

/* What is there to read now. */
static void drain(struct child *c)
{
    while (c->output_fd >= 0) {
        char bytes[READ_BYTES];
        ssize_t got = read(c->output_fd, bytes, sizeof(bytes));
        if (got > 0) {
            int code = buf_append(&c->output, bytes, (size_t)got);
            mem_wipe(bytes, (size_t)got);
            if (code != 0) {
                kill_for(c, code, "its output is too long");
                close_output(c);
            }
        } else if (got == 0 || errno != EINTR) {
            if (got == 0 || errno != EAGAIN) {
                close_output(c);
            }
            return;
        }
    }
}

static void on_output(void *ctx, int fd, uint32_t events)
{
    (void)fd;
    (void)events;
    drain(ctx);
}

/* The end of the process counts, not that of its output: a daemon it left may keep that open. */
static void on_exit_of(void *ctx, int fd, uint32_t events)
{
    (void)fd;
    (void)events;
    struct child *c = ctx;
    drain(c);
    int status = 0;
    pid_t reaped;
    do {
        reaped = waitpid(c->pid, &status, 0);
    } while (reaped < 0 && errno == EINTR);
    c->pid = 0;
    poller_remove(c->poller, c->pid_fd);
    struct error err = c->killed_for;
    if (err.code == ERR_NONE && WIFSIGNALED(status)) {
        error_set(&err, ERR_INVALID, "ended by signal %d", WTERMSIG(status));
    } else if (err.code == ERR_NONE && WEXITSTATUS(status) != 0) {
        error_set(&err, ERR_INVALID, "exited with code %d", WEXITSTATUS(status));
    }
    c->fn(c->ctx, &c->output, err.code == ERR_NONE ? NULL : &err);
}

static int pipe_open(int fds[2], struct error *err)
{
    if (pipe2(fds, O_CLOEXEC) != 0) {
        return error_set(err, ERR_INVALID, "pipe: %s", strerror(errno));
    }
    /* only our end: the program may not expect EAGAIN */
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    return 0;
}

struct child *child_start(struct poller *poller, const struct child_spec *spec, child_done_fn *fn,
                          void *ctx, struct error *err)
{
    int fds[2];
    if (pipe_open(fds, err) != 0) {
        return NULL;
    }
    pid_t pid = 0;
    int reason = spawn(spec, fds[1], &pid);
    close(fds[1]);
    if (reason != 0) {
        close(fds[0]);
        error_set(err, ERR_INVALID, "%s", strerror(reason));
        return NULL;
    }
    int pid_fd = pidfd_open(pid, 0);
    if (pid_fd < 0) {
        error_set(err, ERR_INVALID, "pidfd_open: %s", strerror(errno));
        kill(-pid, SIGKILL);
        waitpid(pid, NULL, 0);
        close(fds[0]);
        return NULL;
    }
    struct child *c = mem_zalloc(sizeof(*c));
    *c = (struct child){
        .poller = poller,
        .fn = fn,
        .ctx = ctx,
        .pid = pid,
        .pid_fd = pid_fd,
        .output_fd = fds[0],
        .deadline_ms = spec->deadline_ms,
        .killed_for = ERROR_INIT,
    };
    buf_init(&c->output, spec->output_bytes_max);
    buf_reserve(&c->output, spec->output_bytes_max); /* growing would leave copies of a secret */
    poller_set(poller, c->output_fd, EPOLLIN, on_output, c);
    poller_set(poller, c->pid_fd, EPOLLIN, on_exit_of, c);
    return c;
}

void child_tick(struct child *c, struct now now)
{
    if (now.mono_ms >= c->deadline_ms) {
        kill_for(c, ERR_TRANSPORT, "did not end in time");
    }
}

uint64_t child_deadline(const struct child *c)
{
    return c->killed_for.code == ERR_NONE ? c->deadline_ms : UINT64_MAX;
}

void child_free(struct child *c)
{
    if (c == NULL) {
        return;
    }
    if (c->pid != 0) {
        kill(-c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
        poller_remove(c->poller, c->pid_fd);
    }
    close(c->pid_fd);
    close_output(c);
    mem_wipe(c->output.data, c->output.len);
    buf_fini(&c->output);
    mem_free(c);
}

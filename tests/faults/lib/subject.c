#include "faults/lib/subject.h"

#include "base/mem.h"
#include "faults/failing.h"
#include "shell/file.h"
#include "shell/poller.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ENVIRONMENT_MAX = 16, OWN_PORT = 8081, ASK_MS = 2000, ANSWER_BYTES_MAX = 4 << 20 };

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert(file != NULL);
    fputs(text, file);
    fclose(file);
}

/* Every test process and slot has a loopback address of its own: no port is ever in use. */
static void choose_address(struct subject *s, unsigned slot)
{
    unsigned id = (unsigned)getpid();
    s->port = OWN_PORT + slot;
    snprintf(s->address, sizeof(s->address), "127.%u.%u.%u", 64 + (id >> 16) % 64, (id >> 8) % 256,
             id % 254 + 1);
}

static char *print(char *to, size_t bytes, const char *name, const char *value)
{
    snprintf(to, bytes, "%s=%s", name, value);
    return to;
}

static void spawn(struct subject *s, const struct subject_options *o, char *const *argv)
{
    char preload[256], board[256], home[256], *envp[ENVIRONMENT_MAX] = {0};
    size_t n = 0;
    envp[n++] = (char[]){"PATH=/usr/bin:/bin"};
    /* libraries of the distribution hold on to memory, and the preloaded one comes before ASan's */
    envp[n++] = (char[]){"ASAN_OPTIONS=verify_asan_link_order=0:abort_on_error=1"};
    envp[n++] = (char[]){"UBSAN_OPTIONS=halt_on_error=1:abort_on_error=1"};
    envp[n++] = print(home, sizeof(home), "HOME", o->dir);
    if (o->preload != NULL) {
        envp[n++] = print(preload, sizeof(preload), "LD_PRELOAD", o->preload);
        envp[n++] = print(board, sizeof(board), FAILING_BOARD, o->board);
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, s->log,
                                     O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    int code = posix_spawn(&s->pid, o->program, &actions, NULL, argv, envp);
    posix_spawn_file_actions_destroy(&actions);
    assert(code == 0);
    s->pid_fd = pidfd_open(s->pid, 0);
    assert(s->pid_fd >= 0);
}

void subject_start(struct subject *s, const struct subject_options *o)
{
    char kubeconfig[256], where[128];
    *s = (struct subject){.pid_fd = -1};
    choose_address(s, o->slot);
    snprintf(s->log, sizeof(s->log), "%s/%u.log", o->dir, o->slot);
    snprintf(kubeconfig, sizeof(kubeconfig), "%s/%u.kubeconfig", o->dir, o->slot);
    snprintf(where, sizeof(where), "%s:%u", s->address, s->port);
    write_text(kubeconfig, o->kubeconfig);
    char *const argv[] = {
        (char *)(uintptr_t)o->program,
        (char[]){"--kubeconfig"},
        kubeconfig,
        (char[]){"--metrics-bind-address"},
        where,
        (char[]){"--health-probe-bind-address"},
        where,
        o->leader_elect ? (char[]){"--leader-elect"} : NULL,
        NULL,
    };
    spawn(s, o, argv);
}

int subject_wait(struct subject *s, int timeout_ms)
{
    struct pollfd ended = {.fd = s->pid_fd, .events = POLLIN};
    if (s->pid == 0 || poll(&ended, 1, timeout_ms) != 1) {
        return -1;
    }
    int status = 0;
    waitpid(s->pid, &status, 0);
    s->pid = 0;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void subject_end(struct subject *s)
{
    if (s->pid != 0) {
        kill(s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
    }
    close(s->pid_fd);
    unlink(s->log);
}

bool subject_ask(const struct subject *s, const char *path, struct buf *body)
{
    char request[256];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s->port)};
    inet_pton(AF_INET, s->address, &to.sin_addr);
    buf_reset(body, 0);
    int len = snprintf(request, sizeof(request),
                       "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct timeval limit = {.tv_sec = ASK_MS / 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    bool sent = connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 &&
                send(fd, request, (size_t)len, MSG_NOSIGNAL) == len;
    ssize_t got = sent ? 1 : 0;
    while (got > 0) {
        char bytes[4096];
        got = read(fd, bytes, sizeof(bytes));
        buf_append(body, bytes, got > 0 ? (size_t)got : 0);
    }
    close(fd);
    return strncmp(buf_text(body), "HTTP/1.1 200 ", 13) == 0;
}

double subject_metric(const struct subject *s, const char *name)
{
    CLEANUP(buf_fini) struct buf body;
    buf_init(&body, ANSWER_BYTES_MAX);
    char line[128];
    snprintf(line, sizeof(line), "\n%s ", name);
    const char *found = subject_ask(s, "/metrics", &body) ? strstr(buf_text(&body), line) : NULL;
    return found != NULL ? strtod(found + strlen(line), NULL) : -1;
}

void subject_read_log(const struct subject *s, struct buf *out)
{
    struct error err = ERROR_INIT;
    file_read(s->log, out, &err);
}

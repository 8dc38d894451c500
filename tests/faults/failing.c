/*
 * Loaded into a program by LD_PRELOAD: counts its calls that can run out of something, and lets the
 * k-th of a kind fail as the board (failing.h) says. What libraries call counts, too.
 */
#undef _FILE_OFFSET_BITS /* it would make open() another name of open64() */
#include "faults/failing.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct failing_board *board;

/* By bare system calls: open() and read() are ours. */
static void find_board(void)
{
    static bool looked;
    if (environ == NULL) { /* a sanitizer allocates as early as that */
        return;
    }
    const char *path = looked ? NULL : getenv(FAILING_BOARD);
    looked = true;
    if (path == NULL) {
        return;
    }
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    void *page =
        mmap(NULL, sizeof(struct failing_board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || page == MAP_FAILED) {
        abort();
    }
    syscall(SYS_close, fd);
    board = page;
}

/* Count the call; true, with errno set, when it is one that shall fail. */
static bool fails(enum failing_call call)
{
    if (board == NULL) {
        find_board();
    }
    if (board == NULL) {
        return false;
    }
    unsigned long n = atomic_fetch_add(&board->counts[call], 1) + 1;
    if (call != board->call || board->from == 0 || n < board->from ||
        n - board->from >= board->count) {
        return false;
    }
    atomic_fetch_add(&board->failed, 1);
    errno = board->code;
    return true;
}

/* The function of this name that would have been called without us. */
#define REAL(name)                                                                                 \
    static __typeof__(name) *real;                                                                 \
    if (real == NULL) {                                                                            \
        *(void **)&real = dlsym(RTLD_NEXT, #name);                                                 \
    }

/* ---- memory ---- */

void *malloc(size_t bytes)
{
    REAL(malloc)
    return fails(FAILING_MALLOC) ? NULL : real(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    REAL(calloc)
    return fails(FAILING_MALLOC) ? NULL : real(count, bytes);
}

void *realloc(void *old, size_t bytes)
{
    REAL(realloc)
    return fails(FAILING_MALLOC) ? NULL : real(old, bytes);
}

/* ---- descriptors ---- */

int socket(int domain, int type, int protocol)
{
    REAL(socket)
    return fails(FAILING_SOCKET) ? -1 : real(domain, type, protocol);
}

int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t len)
{
    REAL(connect)
    return fails(FAILING_CONNECT) ? -1 : real(fd, address, len);
}

int open(const char *path, int flags, ...)
{
    REAL(open)
    va_list args;
    va_start(args, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    return fails(FAILING_OPEN) ? -1 : real(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    REAL(open64)
    va_list args;
    va_start(args, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    return fails(FAILING_OPEN) ? -1 : real(path, flags, mode);
}

FILE *fopen64(const char *path, const char *mode)
{
    REAL(fopen64)
    return fails(FAILING_OPEN) ? NULL : real(path, mode);
}

int epoll_create1(int flags)
{
    REAL(epoll_create1)
    return fails(FAILING_EPOLL_CREATE) ? -1 : real(flags);
}

int epoll_ctl(int epoll_fd, int what, int fd, struct epoll_event *event)
{
    REAL(epoll_ctl)
    /* to forget a descriptor, the kernel needs nothing */
    bool failed = what != EPOLL_CTL_DEL && fails(FAILING_EPOLL_CTL);
    return failed ? -1 : real(epoll_fd, what, fd, event);
}

int epoll_wait(int epoll_fd, struct epoll_event *events, int max, int timeout_ms)
{
    REAL(epoll_wait)
    return fails(FAILING_EPOLL_WAIT) ? -1 : real(epoll_fd, events, max, timeout_ms);
}

int pipe2(int fds[2], int flags)
{
    REAL(pipe2)
    return fails(FAILING_PIPE) ? -1 : real(fds, flags);
}

int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    REAL(posix_spawnp)
    return fails(FAILING_SPAWN) ? errno : real(pid, file, actions, attributes, argv, envp);
}

int pidfd_open(pid_t pid, unsigned flags)
{
    REAL(pidfd_open)
    return fails(FAILING_PIDFD) ? -1 : real(pid, flags);
}

int signalfd(int fd, const sigset_t *mask, int flags)
{
    REAL(signalfd)
    return fails(FAILING_SIGNALFD) ? -1 : real(fd, mask, flags);
}

int socketpair(int domain, int type, int protocol, int fds[2])
{
    REAL(socketpair)
    return fails(FAILING_SOCKETPAIR) ? -1 : real(domain, type, protocol, fds);
}

int accept4(int fd, __SOCKADDR_ARG address, socklen_t *len, int flags)
{
    REAL(accept4)
    return fails(FAILING_ACCEPT) ? -1 : real(fd, address, len, flags);
}

/* ---- bytes ---- */

ssize_t read(int fd, void *to, size_t len)
{
    REAL(read)
    return fails(FAILING_READ) ? -1 : real(fd, to, len);
}

ssize_t write(int fd, const void *from, size_t len)
{
    REAL(write)
    return fails(FAILING_WRITE) ? -1 : real(fd, from, len);
}

ssize_t recv(int fd, void *to, size_t len, int flags)
{
    REAL(recv)
    return fails(FAILING_RECV) ? -1 : real(fd, to, len, flags);
}

ssize_t send(int fd, const void *from, size_t len, int flags)
{
    REAL(send)
    return fails(FAILING_SEND) ? -1 : real(fd, from, len, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    REAL(sendmsg)
    return fails(FAILING_SEND) ? -1 : real(fd, message, flags);
}

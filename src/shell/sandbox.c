/*
 * The list comes from traces of the operator at work, and from what its libraries do in rarer
 * cases: glibc's resolver in libcurl's thread, dlopen() of name service modules, abort(). It is the
 * same for x86-64, arm64 and riscv64; what one of them does not have counts for nothing there.
 */
#include "shell/sandbox.h"

#include "base/mem.h"
#include "shell/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

const char *const sandbox_mode_names[] = {
    [SANDBOX_OFF] = "off",
    [SANDBOX_LOG] = "log",
    [SANDBOX_ON] = "on",
};

/* Allowed whatever the arguments. */
static const int calls[] = {
    /* files that are open, and what files there are */
    SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(close),
    SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(access),
    SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat),
    SCMP_SYS(getdents64),
    /* waiting */
    SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(eventfd2), SCMP_SYS(pipe),
    SCMP_SYS(pipe2), SCMP_SYS(restart_syscall),
    /* connections: to the API server, and from whoever asks for metrics; no bind(), no listen() */
    SCMP_SYS(connect), SCMP_SYS(accept4), SCMP_SYS(shutdown), SCMP_SYS(sendto), SCMP_SYS(sendmsg),
    SCMP_SYS(sendmmsg), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(getsockname),
    SCMP_SYS(getpeername), SCMP_SYS(getsockopt),
    /* memory, of which the rules below say what can become executable */
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
    /* threads: libcurl makes one for each name that it looks up */
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_yield), SCMP_SYS(gettid), SCMP_SYS(exit), SCMP_SYS(exit_group),
    /* signals, as handlers and abort() need them */
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    /* clocks, where the kernel has to be asked, and other questions */
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time),
    SCMP_SYS(getrandom), SCMP_SYS(getpid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
    SCMP_SYS(getegid), SCMP_SYS(uname),
    SCMP_SYS(sysinfo), /* qsort() asks how much memory there is */
};

/* Holds when these bits of an argument have this value; without bits, always. */
struct condition {
    unsigned argument;
    uint64_t bits, value;
};

struct rule {
    uint32_t action;
    int call;
    struct condition conditions[2];
};

#define ALLOW SCMP_ACT_ALLOW
#define INT   UINT32_MAX /* of most arguments the kernel reads but these */
#define TYPE  0xf        /* of socket(): without SOCK_CLOEXEC and the like */

#define OPENS_TO_WRITE (O_ACCMODE | O_CREAT | O_TRUNC)
#define NEW_NAMESPACES                                                                             \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
     CLONE_NEWNET)

static const struct rule rules[] = {
    /* files are read, never written */
    {ALLOW, SCMP_SYS(openat), {{2, OPENS_TO_WRITE, O_RDONLY}}},
    {ALLOW, SCMP_SYS(close_range), {{2, INT, CLOSE_RANGE_CLOEXEC}}},
    {ALLOW, SCMP_SYS(fcntl), {{1, INT, F_GETFD}}},
    {ALLOW, SCMP_SYS(fcntl), {{1, INT, F_SETFD}}},
    {ALLOW, SCMP_SYS(fcntl), {{1, INT, F_GETFL}}},
    {ALLOW, SCMP_SYS(fcntl), {{1, INT, F_SETFL}}},

    /* Code comes from files alone: name service modules are loaded when a name is first looked up,
     * hours later maybe. What can be written never becomes executable. */
    {ALLOW, SCMP_SYS(mmap), {{2, PROT_EXEC, 0}}},
    {ALLOW, SCMP_SYS(mmap), {{2, PROT_EXEC | PROT_WRITE, PROT_EXEC}, {3, MAP_ANONYMOUS, 0}}},
    {ALLOW, SCMP_SYS(mprotect), {{2, PROT_EXEC, 0}}},

    /* Without AF_UNIX the host's own services (a container engine, an agent that holds keys) are
     * out of reach. glibc, told that there is none, does without name services behind such sockets,
     * and does not ask AF_NETLINK which addresses this host has. */
    {ALLOW, SCMP_SYS(socket), {{0, INT, AF_INET}, {1, TYPE, SOCK_STREAM}}},
    {ALLOW, SCMP_SYS(socket), {{0, INT, AF_INET}, {1, TYPE, SOCK_DGRAM}}},
    {ALLOW, SCMP_SYS(socket), {{0, INT, AF_INET6}, {1, TYPE, SOCK_STREAM}}},
    {ALLOW, SCMP_SYS(socket), {{0, INT, AF_INET6}, {1, TYPE, SOCK_DGRAM}}},
    {SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), {{0, INT, AF_UNIX}}},
    {SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), {{0, INT, AF_NETLINK}}},
    {ALLOW, SCMP_SYS(socketpair), {{0, INT, AF_UNIX}}}, /* libcurl wakes itself by one */
    {ALLOW, SCMP_SYS(setsockopt), {{1, INT, SOL_SOCKET}}},
    {ALLOW, SCMP_SYS(setsockopt), {{1, INT, IPPROTO_TCP}}},
    {ALLOW, SCMP_SYS(setsockopt), {{1, INT, IPPROTO_IP}, {2, INT, IP_RECVERR}}}, /* the resolver */
    {ALLOW, SCMP_SYS(setsockopt), {{1, INT, IPPROTO_IPV6}, {2, INT, IPV6_RECVERR}}},
    {ALLOW, SCMP_SYS(ioctl), {{1, INT, FIONREAD}}}, /* the resolver, too */
    {ALLOW, SCMP_SYS(ioctl), {{1, INT, FIONBIO}}},
    {ALLOW, SCMP_SYS(ioctl), {{1, INT, SIOCGIFINDEX}}}, /* "%eth0" behind an address */

    /* Threads, but no processes and no namespaces. What clone3() asks for is in memory, where no
     * filter can look; told that the kernel has none, glibc takes clone(). */
    {ALLOW, SCMP_SYS(clone), {{0, CLONE_THREAD | NEW_NAMESPACES, CLONE_THREAD}}},
    {SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), {{0}}},

    /* its own limits are looked at, not set */
    {ALLOW, SCMP_SYS(prlimit64), {{0, INT, 0}, {2, UINT64_MAX, 0}}},
};

/* The functions from here to sandbox_enter() return 0 or a negative code. */
static int add_rule(scmp_filter_ctx filter, const struct rule *rule)
{
    struct scmp_arg_cmp args[ARRAY_LEN(rule->conditions)];
    unsigned count = 0;
    for (size_t i = 0; i < ARRAY_LEN(args) && rule->conditions[i].bits != 0; i++) {
        const struct condition *c = &rule->conditions[i];
        args[count++] = (struct scmp_arg_cmp){c->argument, SCMP_CMP_MASKED_EQ, c->bits, c->value};
    }
    return seccomp_rule_add_array(filter, rule->action, rule->call, count, args);
}

static int add_rules(scmp_filter_ctx filter)
{
    int code = 0;
    for (size_t i = 0; code == 0 && i < ARRAY_LEN(calls); i++) {
        code = add_rule(filter, &(struct rule){ALLOW, calls[i], {{0}}});
    }
    for (size_t i = 0; code == 0 && i < ARRAY_LEN(rules); i++) {
        code = add_rule(filter, &rules[i]);
    }
    /* abort() sends itself a signal */
    const struct rule own = {ALLOW, SCMP_SYS(tgkill), {{0, INT, (uint64_t)getpid()}}};
    return code == 0 ? add_rule(filter, &own) : code;
}

static int load_filter(uint32_t otherwise)
{
    scmp_filter_ctx filter = seccomp_init(otherwise);
    if (filter == NULL) {
        return -ENOMEM;
    }
    int code = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (code == 0) { /* all threads, should a library have made one by now */
        code = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    }
    if (code == 0) {
        code = add_rules(filter);
    }
    if (code == 0) {
        code = seccomp_load(filter);
    }
    seccomp_release(filter);
    return code;
}

int sandbox_enter(enum sandbox_mode mode, struct error *err)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return error_set(err, ERR_INVALID, "no_new_privs: %s", strerror(errno));
    }
    if (mode == SANDBOX_OFF || PROCESS_CHECKS_LEAKS) {
        return 0;
    }
    /* libseccomp does not say why */
    if (load_filter(mode == SANDBOX_LOG ? SCMP_ACT_LOG : SCMP_ACT_KILL_PROCESS) != 0) {
        return error_set(err, ERR_INVALID,
                         "the kernel takes no seccomp filter; --seccomp=off does without");
    }
    return 0;
}

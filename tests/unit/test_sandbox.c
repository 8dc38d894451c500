/*
 * What the filter lets through, and what it ends. Each case is a child of its own, as there is no
 * way back out of the sandbox.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "shell/process.h"
#include "shell/sandbox.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REFUSED = 100 };

/* Returns 0, or an errno. */
typedef int act_fn(void);

/* How a child ends that enters the sandbox and acts: exit code or signal, as wait() tells it. */
static int end_of(enum sandbox_mode mode, act_fn *act)
{
    pid_t pid = fork();
    if (pid == 0) {
        process_harden(); /* no core dumps */
        _exit(sandbox_enter(mode, NULL) != 0 ? REFUSED : act());
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* ---- what the operator does ---- */

static int reading_of_files(void)
{
    char text[64];
    FILE *f = fopen("/proc/self/statm", "re");
    DIR *dir = opendir("/proc/self/fd");
    bool good = f != NULL && dir != NULL && fgets(text, sizeof(text), f) != NULL &&
                readdir(dir) != NULL && access("/nonexistent", F_OK) != 0 && errno == ENOENT;
    return good && fclose(f) == 0 && closedir(dir) == 0 ? 0 : 1;
}

static int look_up(const char *name)
{
    const struct addrinfo hints = {.ai_flags = AI_ADDRCONFIG, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int code = getaddrinfo(name, "443", &hints, &found);
    if (code == 0) {
        freeaddrinfo(found);
    }
    return code == 0 ? 0 : 1;
}

static void *look_up_localhost(void *ctx)
{
    *(int *)ctx = look_up("localhost");
    return NULL;
}

static int look_up_in_a_thread(void)
{
    pthread_t thread;
    int result = 1;
    return pthread_create(&thread, NULL, look_up_localhost, &result) == 0 &&
                   pthread_join(thread, NULL) == 0
               ? result
               : 1;
}

/* As the resolver does with modules that nsswitch.conf names. */
static int loading_of_a_module(void)
{
    return dlopen("libnss_compat.so.2", RTLD_NOW) != NULL ? 0 : 1;
}

static int connections(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    int yes = 1;
    const struct sockaddr_in nobody = {.sin_family = AF_INET, .sin_port = htons(1)};
    bool good = fd >= 0 && setsockopt(fd, IPPROTO_TCP, 1, &yes, sizeof(yes)) == 0 &&
                connect(fd, (const struct sockaddr *)&nobody, sizeof(nobody)) != 0 &&
                (errno == ECONNREFUSED || errno == EINPROGRESS);
    return good && close(fd) == 0 ? 0 : 1;
}

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static int memory_and_sorting(void)
{
    size_t count = 1 << 20;
    int *numbers = mem_zalloc(count * sizeof(*numbers));
    numbers[0] = 1;
    qsort(numbers, count, sizeof(*numbers), compare);
    bool good = numbers[count - 1] == 1;
    mem_free(numbers);
    return good ? 0 : 1;
}

static int own_limits(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit);
}

static void what_the_operator_needs_is_allowed(void **state)
{
    (void)state;
    static act_fn *const acts[] = {
        reading_of_files, look_up_in_a_thread, loading_of_a_module,
        connections,      memory_and_sorting,  own_limits,
    };
    for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
        for (int mode = SANDBOX_OFF; mode <= SANDBOX_ON; mode++) {
            int status = end_of((enum sandbox_mode)mode, acts[i]);
            if (status != 0) {
                fail_msg("act %zu in mode %s: status %d", i, sandbox_mode_names[mode], status);
            }
        }
    }
}

static int give_up(void)
{
    abort();
}

static void it_can_still_abort(void **state)
{
    (void)state;
    int status = end_of(SANDBOX_ON, give_up);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

/* ---- what it never does ---- */

enum { TTY_INJECTION = TIOCSTI, X32 = 0x40000000 /* numbers of its own */ };

/* A call with these arguments, made as it is: the filter looks at numbers, not at names. */
struct raw {
    const char *name;
    long call;
    long args[4];
};

static const struct raw *raw; /* the one that a child makes */

static int make_raw_call(void)
{
    const long *a = raw->args;
    return syscall(raw->call, a[0], a[1], a[2], a[3], -1, 0) < 0 ? errno : 0;
}

static const struct raw forbidden[] = {
    {"run a program", SYS_execve, {0}},
    {"run a program by descriptor", SYS_execveat, {-1}},
    {"fork", SYS_clone, {SIGCHLD}},
    {"spawn", SYS_clone, {CLONE_VM | CLONE_VFORK | SIGCHLD}},
    {"open to write", SYS_openat, {AT_FDCWD, 0, O_WRONLY}},
    {"open to read and write", SYS_openat, {AT_FDCWD, 0, O_RDWR | O_CLOEXEC}},
    {"open and truncate", SYS_openat, {AT_FDCWD, 0, O_RDONLY | O_TRUNC}},
    {"open and create", SYS_openat, {AT_FDCWD, 0, O_RDONLY | O_CREAT}},
    {"open a file without a name", SYS_openat, {AT_FDCWD, 0, O_TMPFILE | O_RDWR}},
    {"open by other rules", SYS_openat2, {AT_FDCWD}},
    {"remove", SYS_unlinkat, {AT_FDCWD}},
    {"rename", SYS_renameat2, {AT_FDCWD}},
    {"change rights", SYS_fchmodat, {AT_FDCWD}},
    {"map code that is no file", SYS_mmap, {0, 4096, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS}},
    {"map code to write", SYS_mmap, {0, 4096, PROT_EXEC | PROT_WRITE, MAP_PRIVATE}},
    {"turn data into code", SYS_mprotect, {0, 4096, PROT_READ | PROT_EXEC}},
    {"turn data into code by key", SYS_pkey_mprotect, {0, 4096, PROT_EXEC, -1}},
    {"file in memory", SYS_memfd_create, {0}},
    {"packet socket", SYS_socket, {AF_PACKET, SOCK_DGRAM}},
    {"raw socket", SYS_socket, {AF_INET, SOCK_RAW}},
    {"socket to the hypervisor", SYS_socket, {AF_VSOCK, SOCK_STREAM}},
    {"socket to the kernel's ciphers", SYS_socket, {AF_ALG, SOCK_SEQPACKET}},
    {"bind", SYS_bind, {-1}},
    {"listen", SYS_listen, {-1}},
    {"firewall", SYS_setsockopt, {-1, IPPROTO_IP, 64}},
    {"type for the terminal", SYS_ioctl, {0, TTY_INJECTION}},
    {"signal", SYS_kill, {1}},
    {"signal a thread of another", SYS_tgkill, {1, 1}},
    {"debug", SYS_ptrace, {PTRACE_TRACEME}},
    {"read another process", SYS_process_vm_readv, {1}},
    {"take another's descriptor", SYS_pidfd_getfd, {-1}},
    {"dump itself", SYS_prctl, {PR_SET_DUMPABLE, 1}},
    {"set a limit", SYS_prlimit64, {0, RLIMIT_CORE, 1}},
    {"look at another's limit", SYS_prlimit64, {1, RLIMIT_CORE, 0}},
    {"new namespaces", SYS_unshare, {CLONE_NEWUSER}},
    {"a thread in a new namespace", SYS_clone, {CLONE_THREAD | CLONE_NEWNET}},
    {"another's namespaces", SYS_setns, {-1}},
    {"mount", SYS_mount, {0}},
    {"become another user", SYS_setuid, {0}},
    {"calls by a queue", SYS_io_uring_setup, {0}},
    {"programs in the kernel", SYS_bpf, {-1}},
    {"keys", SYS_keyctl, {-1}},
    {"measure", SYS_perf_event_open, {0}},
    {"faults in user space", SYS_userfaultfd, {-1}},
    {"modules", SYS_finit_module, {-1}},
#ifdef __x86_64__
    {"another architecture's numbers", X32 | SYS_getpid, {0}},
#endif
};

static void what_it_never_needs_ends_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forbidden); i++) {
        raw = &forbidden[i];
        int status = end_of(SANDBOX_ON, make_raw_call);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS) {
            fail_msg("%s: status %#x, not SIGSYS", raw->name, (unsigned)status);
        }
    }
}

static void libraries_do_without_what_they_are_told_is_missing(void **state)
{
    (void)state;
    static const struct {
        struct raw raw;
        int reason;
    } rows[] = {
        {{"socket of this host", SYS_socket, {AF_UNIX, SOCK_STREAM}}, EAFNOSUPPORT},
        {{"socket to the kernel", SYS_socket, {AF_NETLINK, SOCK_RAW}}, EAFNOSUPPORT},
        {{"clone3", SYS_clone3, {0}}, ENOSYS},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        raw = &rows[i].raw;
        int status = end_of(SANDBOX_ON, make_raw_call);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), rows[i].reason);
    }
}

/* ---- modes ---- */

static int ask_for_parent(void)
{
    return syscall(SYS_getppid) > 0 ? 0 : 1;
}

static int has_no_new_privs(void)
{
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 1;
}

static void log_lets_it_through(void **state)
{
    (void)state;
    assert_int_equal(end_of(SANDBOX_ON, ask_for_parent), SIGSYS);
    assert_int_equal(end_of(SANDBOX_LOG, ask_for_parent), 0);
}

static void without_filter_there_are_still_no_new_privileges(void **state)
{
    (void)state;
    assert_int_equal(end_of(SANDBOX_OFF, has_no_new_privs), 0);
    assert_int_equal(end_of(SANDBOX_OFF, ask_for_parent), 0);
}

/* ---- a kernel that has no filters, or a container that forbids them ---- */

static int enter_where_it_is_refused(void)
{
    struct error err = ERROR_INIT;
    scmp_filter_ctx refusal = seccomp_init(SCMP_ACT_ALLOW);
    if (seccomp_rule_add(refusal, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(seccomp), 0) != 0 ||
        seccomp_load(refusal) != 0) {
        return REFUSED;
    }
    return sandbox_enter(SANDBOX_ON, &err) == ERR_INVALID &&
                   strstr(err.message, "--seccomp=off does without") != NULL
               ? 0
               : 1;
}

static void without_what_was_asked_for_it_does_not_start(void **state)
{
    (void)state;
    assert_int_equal(end_of(SANDBOX_OFF, enter_where_it_is_refused), 0);
}

/* ---- threads that were there before ---- */

static int started[2];

static void *wait_and_ask(void *ctx)
{
    char byte;
    if (read(started[0], &byte, 1) == 1) {
        ask_for_parent();
    }
    return ctx;
}

static void threads_from_before_are_inside_too(void **state)
{
    (void)state;
    assert_int_equal(pipe(started), 0);
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t thread;
        process_harden();
        if (pthread_create(&thread, NULL, wait_and_ask, NULL) != 0 ||
            sandbox_enter(SANDBOX_ON, NULL) != 0 || write(started[1], "x", 1) != 1) {
            _exit(REFUSED);
        }
        pthread_join(thread, NULL);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, SIGSYS);
    close(started[0]);
    close(started[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_operator_needs_is_allowed),
        cmocka_unit_test(without_filter_there_are_still_no_new_privileges),
    };
    const struct CMUnitTest filter_tests[] = {
        cmocka_unit_test(it_can_still_abort),
        cmocka_unit_test(what_it_never_needs_ends_it),
        cmocka_unit_test(libraries_do_without_what_they_are_told_is_missing),
        cmocka_unit_test(log_lets_it_through),
        cmocka_unit_test(without_what_was_asked_for_it_does_not_start),
        cmocka_unit_test(threads_from_before_are_inside_too),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (!PROCESS_CHECKS_LEAKS) { /* else there is no filter */
        failed += cmocka_run_group_tests(filter_tests, NULL, NULL);
    }
    return failed;
}

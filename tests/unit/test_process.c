#include "lib/testing.h"

#include "base/mem.h"
#include "shell/file.h"
#include "shell/process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static bool is_hardened(int inherited)
{
    struct rlimit core = {1, 1};
    getrlimit(RLIMIT_CORE, &core);
    bool dumpable = prctl(PR_GET_DUMPABLE) != 0;
    raise(SIGPIPE);
    return core.rlim_cur == 0 && core.rlim_max == 0 && umask(0) == 077 &&
           dumpable == (bool)PROCESS_CHECKS_LEAKS && fcntl(inherited, F_GETFD) == FD_CLOEXEC &&
           fcntl(STDERR_FILENO, F_GETFD) == 0;
}

/* In a child: it cannot be undone. */
static void hardened_process_leaves_nothing_behind(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        int inherited = dup(STDIN_FILENO);
        process_harden();
        _exit(is_hardened(inherited) ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static double value_of(const char *text, const char *name)
{
    char line_start[128];
    snprintf(line_start, sizeof(line_start), "\n%s ", name);
    const char *line = strstr(text, line_start);
    assert_non_null(line);
    return strtod(line + strlen(line_start), NULL);
}

static void metrics_tell_of_this_process(void **state)
{
    (void)state;
    struct metrics metrics;
    metrics_init(&metrics);
    struct process_metrics *p = process_metrics_new(&metrics);
    process_metrics_update(p);
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, 1 << 20);
    metrics_render(&metrics, &text);
    double fds = value_of(text.data, "process_open_fds");
    assert_true(fds >= 3 && fds < 100);
    assert_true(value_of(text.data, "process_cpu_seconds_total") > 0);
    assert_true(value_of(text.data, "process_resident_memory_bytes") > 100e3);
    assert_true(value_of(text.data, "process_virtual_memory_bytes") >
                value_of(text.data, "process_resident_memory_bytes"));
    assert_true(value_of(text.data, "process_max_fds") >= fds);
    double age = (double)time(NULL) - value_of(text.data, "process_start_time_seconds");
    assert_true(age > -2 && age < 600);

    int one_more = dup(STDIN_FILENO);
    buf_reset(&text, text.cap);
    process_metrics_update(p);
    metrics_render(&metrics, &text);
    assert_true(value_of(text.data, "process_open_fds") - fds == 1);
    close(one_more);
    process_metrics_free(p);
    metrics_fini(&metrics);
}

static void random_numbers_differ(void **state)
{
    (void)state;
    assert_true(process_random() != process_random());
}

static void host_has_a_name(void **state)
{
    (void)state;
    char *name = process_hostname();
    assert_true(name[0] != '\0');
    mem_free(name);
}

static void signals_come_by_descriptor(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    int fd = process_signal_fd(&err);
    assert_true(fd >= 0);
    const int expected[] = {SIGTERM, SIGINT};
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        raise(expected[i]);
        struct signalfd_siginfo info;
        assert_int_equal(read(fd, &info, sizeof(info)), sizeof(info));
        assert_int_equal(info.ssi_signo, expected[i]);
    }
    close(fd);
}

/* ---- file_read ---- */

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void files_are_read_up_to_the_limit(void **state)
{
    (void)state;
    char path[] = "/tmp/test-file-XXXXXX";
    close(mkstemp(path));
    static const struct {
        const char *text;
        size_t max;
        int code;
    } rows[] = {
        {"", 0, 0},
        {"", 10, 0},
        {"123456789", 10, 0},
        {"1234567890", 10, 0},
        {"12345678901", 10, ERR_TOO_BIG},
        {"1", 0, ERR_TOO_BIG},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        write_file(path, rows[i].text);
        CLEANUP(buf_fini) struct buf out;
        buf_init(&out, rows[i].max);
        struct error err = ERROR_INIT;
        assert_int_equal(file_read(path, &out, &err), rows[i].code);
        assert_int_equal(err.code, rows[i].code);
        assert_string_equal(buf_text(&out), rows[i].code == 0 ? rows[i].text : "");
    }
    unlink(path);
}

static void a_failed_read_leaves_the_buffer(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int code;
        const char *message;
    } rows[] = {
        {"/nonexistent", ERR_INVALID, "read /nonexistent: No such file or directory"},
        {"/", ERR_INVALID, "read /: Is a directory"},
        {"/dev/zero", ERR_TOO_BIG, "read /dev/zero: more than 9997 bytes"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_fini) struct buf out;
        buf_init(&out, 10000);
        buf_append_text(&out, "old");
        struct error err = ERROR_INIT;
        assert_int_equal(file_read(rows[i].path, &out, &err), rows[i].code);
        assert_string_equal(err.message, rows[i].message);
        assert_string_equal(buf_text(&out), "old");
    }
}

/* Files of /proc say that they have no bytes. */
static void a_file_of_unknown_size_is_read_whole(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, 1 << 20);
    struct error err = ERROR_INIT;
    assert_int_equal(file_read("/proc/self/status", &out, &err), 0);
    assert_non_null(strstr(out.data, "nonvoluntary_ctxt_switches"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hardened_process_leaves_nothing_behind),
        cmocka_unit_test(metrics_tell_of_this_process),
        cmocka_unit_test(random_numbers_differ),
        cmocka_unit_test(host_has_a_name),
        cmocka_unit_test(signals_come_by_descriptor),
        cmocka_unit_test(files_are_read_up_to_the_limit),
        cmocka_unit_test(a_failed_read_leaves_the_buffer),
        cmocka_unit_test(a_file_of_unknown_size_is_read_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

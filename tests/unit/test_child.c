#include "lib/testing.h"

#include "base/mem.h"
#include "shell/child.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct result {
    unsigned calls;
    char output[256];
    size_t output_len;
    struct error error;
    bool failed;
};

static struct poller *poller;

static int set_up(void **state)
{
    (void)state;
    poller = poller_new(NULL);
    return poller != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    poller_free(poller);
    return 0;
}

static void on_done(void *ctx, const struct buf *output, const struct error *err)
{
    struct result *r = ctx;
    r->calls++;
    r->output_len = output->len;
    snprintf(r->output, sizeof(r->output), "%s", buf_text(output));
    r->failed = err != NULL;
    r->error = err != NULL ? *err : ERROR_INIT;
}

/* Run a program to its end, at most ten seconds. */
static struct result run_program(char *const *argv, size_t output_bytes_max, uint64_t timeout_ms)
{
    struct result result = {0};
    char *const envp[] = {(char[]){"GREETING=hello"}, (char[]){"PATH=/usr/bin:/bin"}, NULL};
    const struct child_spec spec = {
        .file = argv[0],
        .argv = argv,
        .envp = envp,
        .output_bytes_max = output_bytes_max,
        .deadline_ms = clock_now().mono_ms + timeout_ms,
    };
    struct error err = ERROR_INIT;
    struct child *c = child_start(poller, &spec, on_done, &result, &err);
    assert_non_null(c);
    uint64_t until_ms = clock_now().mono_ms + 10000;
    while (result.calls == 0 && clock_now().mono_ms < until_ms) {
        uint64_t deadline_ms = child_deadline(c);
        poller_wait(poller, deadline_ms < until_ms ? deadline_ms : until_ms);
        child_tick(c, clock_now());
    }
    child_free(c);
    return result;
}

static struct result run_script(const char *script, size_t output_bytes_max, uint64_t timeout_ms)
{
    char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char *)(uintptr_t)script, NULL};
    return run_program(argv, output_bytes_max, timeout_ms);
}

static void what_comes_of_scripts(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        const char *output;
        int code;
        const char *message;
    } rows[] = {
        {"echo $GREETING", "hello\n", 0, ""},
        {"cat", "", 0, ""}, /* standard input is empty */
        {"printf a; exit 3", "a", ERR_INVALID, "exited with code 3"},
        {"kill -9 $$", "", ERR_INVALID, "ended by signal 9"},
        {"printf 1234567890", "1234567890", 0, ""},
        {"printf 12345678901; sleep 100", "", ERR_TOO_BIG, "its output is too long"},
        {"sleep 100", "", ERR_TRANSPORT, "did not end in time"},
        {"exec >&-; sleep 0.05", "", 0, ""},                  /* output ends before the process */
        {"sleep 2 2>/dev/null & printf left", "left", 0, ""}, /* and after it */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct result r = run_script(rows[i].script, 10, 700);
        assert_int_equal(r.calls, 1);
        assert_string_equal(r.output, rows[i].output);
        assert_int_equal(r.error.code, rows[i].code);
        assert_string_equal(r.error.message, rows[i].message);
    }
}

/* More than a pipe holds, so that it takes many turns. */
static void long_output_is_collected(void **state)
{
    (void)state;
    struct result r = run_script("head -c 300000 /dev/zero", 300000, 10000);
    assert_int_equal(r.error.code, 0);
    assert_int_equal(r.output_len, 300000);
}

static void none_of_our_signals_and_descriptors_are_inherited(void **state)
{
    (void)state;
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    signal(SIGPIPE, SIG_IGN);
    int fd = dup(STDERR_FILENO); /* without O_CLOEXEC */
    assert_true(fd >= 3);
    char *const argv[] = {(char[]){"grep"}, (char[]){"SigBlk"}, (char[]){"/proc/self/status"},
                          NULL};
    struct result r = run_program(argv, 100, 5000); /* a shell would clear the mask by itself */
    assert_string_equal(r.output, "SigBlk:\t0000000000000000\n");
    r = run_script("kill -PIPE $$; sleep 1", 100, 5000);
    assert_string_equal(r.error.message, "ended by signal 13");
    char script[100];
    snprintf(script, sizeof(script), "test ! -e /proc/self/fd/%d", fd);
    r = run_script(script, 100, 5000);
    assert_string_equal(r.error.message, "");
    close(fd);
    sigprocmask(SIG_UNBLOCK, &blocked, NULL);
}

static void a_program_that_is_not_there_says_so(void **state)
{
    (void)state;
    char *const argv[] = {(char[]){"no-such-program"}, NULL};
    const struct child_spec spec = {.file = argv[0], .argv = argv, .envp = argv + 1};
    struct error err = ERROR_INIT;
    assert_null(child_start(poller, &spec, on_done, NULL, &err));
    assert_int_equal(err.code, ERR_INVALID);
    assert_string_equal(err.message, "No such file or directory");
}

static void freeing_ends_it_silently(void **state)
{
    (void)state;
    char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char[]){"sleep 100 & wait"}, NULL};
    char *const envp[] = {(char[]){"PATH=/usr/bin:/bin"}, NULL};
    const struct child_spec spec = {.file = "sh",
                                    .argv = argv,
                                    .envp = envp,
                                    .output_bytes_max = 10,
                                    .deadline_ms = UINT64_MAX};
    struct result result = {0};
    struct child *c = child_start(poller, &spec, on_done, &result, NULL);
    assert_non_null(c);
    poller_wait(poller, clock_now().mono_ms + 100);
    child_free(c);
    poller_wait(poller, clock_now().mono_ms);
    assert_int_equal(result.calls, 0);
    child_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_of_scripts),
        cmocka_unit_test(long_output_is_collected),
        cmocka_unit_test(none_of_our_signals_and_descriptors_are_inherited),
        cmocka_unit_test(a_program_that_is_not_there_says_so),
        cmocka_unit_test(freeing_ends_it_silently),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

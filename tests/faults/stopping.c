/*
 * Ends that take long: a server that leaves writes unanswered, a second signal, a core that does
 * not stop.
 *
 *     stopping OPERATOR STUBBORN      STUBBORN is the operator with stubborn.c
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "faults/lib/api.h"
#include "faults/lib/subject.h"
#include "shell/poller.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    WAIT_MS_MAX = 20 * 1000,
    LOG_BYTES_MAX = 1 << 20,
    HARD_STOP_MS = 4500, /* STOP_MS_MAX of run.c */
};

static const char *operator_path, *stubborn_path;

struct fixture {
    char dir[32];
    struct net_cert ca, server_cert;
    struct api *api;
    struct subject subject;
};

static struct fixture f;

static int set_up(void **state)
{
    (void)state;
    strcpy(f.dir, "/tmp/faults-stopping-XXXXXX");
    assert_non_null(mkdtemp(f.dir));
    f.ca = net_cert_new("ca", NULL, NULL);
    f.server_cert = net_cert_new("server", "IP:127.0.0.1", &f.ca);
    f.api = api_new(&f.server_cert, "abc");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[64];
    subject_end(&f.subject);
    api_free(f.api);
    net_cert_fini(&f.ca);
    net_cert_fini(&f.server_cert);
    snprintf(command, sizeof(command), "rm -r %s", f.dir);
    return system(command);
}

static void start(const char *program)
{
    char kubeconfig[1024], ca_path[64];
    snprintf(ca_path, sizeof(ca_path), "%s/ca.crt", f.dir);
    FILE *file = fopen(ca_path, "we");
    assert_non_null(file);
    fputs(f.ca.cert, file);
    fclose(file);
    snprintf(kubeconfig, sizeof(kubeconfig),
             "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
             "clusters: [{name: k, cluster: {server: \"https://127.0.0.1:%u\", "
             "certificate-authority: %s}}]\n"
             "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
             "users: [{name: u, user: {token: abc}}]\n",
             api_port(f.api), ca_path);
    subject_start(&f.subject, &(struct subject_options){.program = program,
                                                        .dir = f.dir,
                                                        .kubeconfig = kubeconfig,
                                                        .leader_elect = true});
}

static bool log_has(const char *text)
{
    CLEANUP(buf_fini) struct buf log;
    buf_init(&log, LOG_BYTES_MAX);
    subject_read_log(&f.subject, &log);
    return strstr(buf_text(&log), text) != NULL;
}

static void nap(void)
{
    usleep(5 * 1000);
}

static void await_log(const char *text)
{
    uint64_t until_ms = clock_now().mono_ms + WAIT_MS_MAX;
    while (!log_has(text) && clock_now().mono_ms < until_ms) {
        nap();
    }
    assert_true(log_has(text));
}

static void await_waiting(void)
{
    uint64_t until_ms = clock_now().mono_ms + WAIT_MS_MAX;
    while (api_waiting(f.api) == 0 && clock_now().mono_ms < until_ms) {
        nap();
    }
    assert_true(api_waiting(f.api) > 0);
}

static void a_second_signal_ends_it_where_it_is(void **state)
{
    (void)state;
    api_fall_silent(f.api, API_OTHERS);
    start(operator_path);
    await_waiting();
    kill(f.subject.pid, SIGTERM);
    await_log("Stopping: waiting for writes in flight");
    kill(f.subject.pid, SIGINT);
    assert_int_equal(subject_wait(&f.subject, WAIT_MS_MAX), 128 + SIGINT);
    assert_false(log_has("Stopped"));
}

static void a_write_that_is_never_answered_is_left(void **state)
{
    (void)state;
    api_fall_silent(f.api, API_OTHERS);
    start(operator_path);
    await_waiting();
    kill(f.subject.pid, SIGTERM);
    assert_int_equal(subject_wait(&f.subject, WAIT_MS_MAX), 0);
    assert_true(log_has("Stopped"));
    assert_false(log_has("Could not stop in time"));
}

static void a_lease_that_cannot_be_given_back_is_left(void **state)
{
    (void)state;
    start(operator_path);
    await_log("All caches are in step");
    uint64_t until_ms = clock_now().mono_ms + WAIT_MS_MAX;
    while (!api_in_step(f.api) && clock_now().mono_ms < until_ms) {
        nap();
    }
    api_fall_silent(f.api, API_LEASES);
    kill(f.subject.pid, SIGTERM);
    assert_int_equal(subject_wait(&f.subject, WAIT_MS_MAX), 0);
    assert_true(log_has("Stopped"));
    assert_int_equal(api_waiting(f.api), 1);
}

static void a_core_that_does_not_stop_is_left(void **state)
{
    (void)state;
    start(stubborn_path);
    await_log("All caches are in step");
    uint64_t asked_ms = clock_now().mono_ms;
    kill(f.subject.pid, SIGTERM);
    assert_int_equal(subject_wait(&f.subject, WAIT_MS_MAX), 1);
    assert_true(clock_now().mono_ms - asked_ms >= HARD_STOP_MS);
    assert_true(log_has("Could not stop in time"));
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_second_signal_ends_it_where_it_is),
        TEST(a_write_that_is_never_answered_is_left),
        TEST(a_lease_that_cannot_be_given_back_is_left),
        TEST(a_core_that_does_not_stop_is_left),
    };
    if (argc != 3) {
        fprintf(stderr, "usage: stopping OPERATOR STUBBORN\n");
        return 2;
    }
    operator_path = argv[1];
    stubborn_path = argv[2];
    return cmocka_run_group_tests(tests, NULL, NULL);
}

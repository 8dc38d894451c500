#include "lib/testing.h"

#include "base/mem.h"
#include "shell/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KUBECONFIG(server, user)                                                                   \
    "current-context: c\n"                                                                         \
    "contexts: [{name: c, context: {cluster: k, user: " user "}}]\n"                               \
    "clusters: [{name: k, cluster: {server: 'https://" server "'}}]\n"                             \
    "users: [{name: " user "}]\n"

enum { PATH_BYTES = 128 };

/* A directory of its own for each test; the texts of the paths live here. */
static char dir[PATH_BYTES];
static char paths[8][2 * PATH_BYTES];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "%s", "/tmp/test_config.XXXXXX");
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int remove_dir(void **state)
{
    char command[PATH_BYTES + 16];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    return system(command);
}

static const char *path_of(size_t slot, const char *name)
{
    snprintf(paths[slot], sizeof(paths[slot]), "%s/%s", dir, name);
    return paths[slot];
}

static const char *write_file(size_t slot, const char *name, const char *text)
{
    const char *path = path_of(slot, name);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
    return path;
}

/* ~/.kube/config */
static void write_home(const char *text)
{
    assert_int_equal(mkdir(path_of(7, ".kube"), 0700), 0);
    write_file(7, ".kube/config", text);
}

static void write_service_account(void)
{
    write_file(7, "token", "sa-token\n");
    write_file(7, "ca.crt", "PEM\n");
    write_file(7, "namespace", "team-x\n");
}

static void assert_server(const struct config_places *places, const char *flag, const char *server)
{
    struct client_config c = {0};
    struct error err = ERROR_INIT;
    if (config_load_from(places, flag, NULL, &c, &err) != 0) {
        fail_msg("%s", err.message);
    }
    assert_string_equal(c.server, server);
    client_config_fini(&c);
}

static void assert_message(const struct config_places *places, const char *flag,
                           const char *context, int code, const char *message)
{
    struct client_config c = {0};
    struct error err = ERROR_INIT;
    assert_int_equal(config_load_from(places, flag, context, &c, &err), code);
    if (strstr(err.message, message) == NULL) {
        fail_msg("%s", err.message);
    }
    assert_null(c.server);
}

static void test_precedence(void **state)
{
    (void)state;
    const char *flag = write_file(0, "flag", KUBECONFIG("flag", "u"));
    const char *env = write_file(1, "env", KUBECONFIG("env", "u"));
    write_home(KUBECONFIG("home", "u"));
    write_service_account();
    struct config_places places = {.kubeconfig_env = env,
                                   .home = dir,
                                   .service_host = "10.96.0.1",
                                   .service_port = "443",
                                   .service_account_dir = dir};
    assert_server(&places, flag, "https://flag");
    assert_server(&places, "", "https://env");
    assert_server(&places, NULL, "https://env");
    places.kubeconfig_env = "";
    assert_server(&places, NULL, "https://home");
    places.kubeconfig_env = NULL;
    assert_server(&places, NULL, "https://home");
    places.home = NULL;
    assert_server(&places, NULL, "https://10.96.0.1:443");
    places.home = "/nonexistent";
    assert_server(&places, NULL, "https://10.96.0.1:443");
    places.home = dir;
    places.kubeconfig_env = "/nonexistent/a"; /* then ~ is not looked at */
    assert_server(&places, NULL, "https://10.96.0.1:443");
}

static void test_the_flag_stands_alone(void **state)
{
    (void)state;
    const char *env = write_file(1, "env", KUBECONFIG("env", "u"));
    struct config_places places = {.kubeconfig_env = env, .service_account_dir = dir};
    assert_message(&places, path_of(2, "missing"), NULL, ERR_INVALID, "missing");
    assert_message(&places, dir, NULL, ERR_INVALID, dir);
    assert_message(&places, write_file(3, "empty", ""), NULL, ERR_INVALID,
                   "empty: no current-context");
}

static void test_the_list_is_merged_and_missing_ones_skipped(void **state)
{
    (void)state;
    char list[1024];
    struct client_config c = {0};
    const char *a = write_file(0, "a", "users: [{name: red, user: {token: from-a}}]\n");
    const char *b = write_file(1, "b", KUBECONFIG("b", "red"));
    snprintf(list, sizeof(list), "::/nonexistent:%s:%s/a-file-is-no-dir:%s:", a, a, b);
    struct config_places places = {.kubeconfig_env = list, .service_account_dir = dir};
    assert_int_equal(config_load_from(&places, NULL, NULL, &c, NULL), 0);
    assert_string_equal(c.server, "https://b");
    assert_string_equal(c.token, "from-a");
    client_config_fini(&c);
    assert_message(&places, NULL, "nope", ERR_INVALID, "no context \"nope\"; known contexts: c");
    assert_message(&places, NULL, "nope", ERR_INVALID, a);
    assert_message(&places, NULL, "nope", ERR_INVALID, b);
}

static void test_broken_files_are_named(void **state)
{
    (void)state;
    char expected[PATH_BYTES * 3];
    const char *bad = write_file(0, "bad", "clusters:\n  x\n y: z\n");
    struct config_places places = {.kubeconfig_env = bad, .service_account_dir = dir};
    snprintf(expected, sizeof(expected), "%s:3:", bad);
    assert_message(&places, NULL, NULL, ERR_PARSE, expected);
    assert_message(&places, bad, NULL, ERR_PARSE, expected);
    char *big = mem_alloc(KUBECONFIG_BYTES_MAX + 2);
    memset(big, '#', KUBECONFIG_BYTES_MAX + 1);
    big[KUBECONFIG_BYTES_MAX + 1] = '\0';
    places.kubeconfig_env = write_file(1, "big", big);
    mem_free(big);
    assert_message(&places, NULL, NULL, ERR_TOO_BIG, places.kubeconfig_env);
}

static void test_in_cluster(void **state)
{
    (void)state;
    struct client_config c = {0};
    struct config_places places = {
        .service_host = "fd00::1", .service_port = "6443", .service_account_dir = dir};
    write_service_account();
    assert_int_equal(config_load_from(&places, NULL, NULL, &c, NULL), 0);
    assert_string_equal(c.server, "https://[fd00::1]:6443");
    assert_string_equal(c.token_file, path_of(0, "token"));
    assert_string_equal(c.ca_file, path_of(0, "ca.crt"));
    assert_string_equal(c.ns, "team-x");
    assert_null(c.token);
    client_config_fini(&c);

    places.service_host = "h/../x?";
    assert_message(&places, NULL, NULL, ERR_INVALID, "$KUBERNETES_SERVICE_HOST \"h/../x?\"");
    places.service_host = "h";
    places.service_port = "tcp://10.0.0.1:443"; /* what docker links put there */
    assert_message(&places, NULL, NULL, ERR_INVALID, "expected an address and a port");
    places.service_port = "443";
    unlink(path_of(0, "ca.crt"));
    assert_message(&places, NULL, NULL, ERR_INVALID, "ca.crt: No such file");
    unlink(path_of(0, "token"));
    assert_message(&places, NULL, NULL, ERR_INVALID, "/token: No such file");
}

static void test_an_empty_file_says_nothing(void **state)
{
    (void)state;
    write_service_account();
    struct config_places places = {.kubeconfig_env = write_file(0, "empty", "kind: Config\n"),
                                   .service_host = "h",
                                   .service_port = "1",
                                   .service_account_dir = dir};
    assert_server(&places, NULL, "https://h:1");
}

static void test_nothing_found_says_what_was_looked_for(void **state)
{
    (void)state;
    char expected[PATH_BYTES * 4];
    struct config_places places = {.home = dir, .service_account_dir = dir};
    snprintf(expected, sizeof(expected),
             "no configuration; looked for --kubeconfig (not given), $KUBECONFIG (not set), "
             "%s/.kube/config (does not exist), in-cluster ($KUBERNETES_SERVICE_HOST is not set)",
             dir);
    assert_message(&places, NULL, NULL, ERR_INVALID, expected);
    places.kubeconfig_env = ":/a::/b:";
    assert_message(&places, NULL, NULL, ERR_INVALID,
                   "$KUBECONFIG: /a (does not exist), /b (does not exist), in-cluster");
    places.kubeconfig_env = write_file(0, "empty", "");
    assert_message(&places, NULL, NULL, ERR_INVALID, "empty (is empty), in-cluster");
    places = (struct config_places){.service_account_dir = dir};
    assert_message(&places, NULL, NULL, ERR_INVALID, "$KUBECONFIG and $HOME (not set), in-cluster");
    places.service_host = "h";
    places.service_port = "1";
    places.home = dir;
    assert_message(&places, NULL, "prod", ERR_INVALID,
                   "--context prod: no kubeconfig to find it in: $KUBECONFIG (not set), ");
}

static void test_own_namespace(void **state)
{
    (void)state;
    struct client_config c = {0};
    struct config_places places = {.service_account_dir = dir};
    static const struct {
        const char *file, *config, *expected;
    } cases[] = {
        {NULL, NULL, "default"},
        {NULL, "ctx", "ctx"},
        {"pod-ns\n", "ctx", "pod-ns"},
        {"pod-ns", NULL, "pod-ns"},
        {"", "ctx", "ctx"},
        {"../evil", "ctx", "ctx"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "ctx",
         "ctx"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char ns[64] = "";
        if (cases[i].file != NULL) {
            write_file(0, "namespace", cases[i].file);
        }
        snprintf(ns, sizeof(ns), "%s", cases[i].config != NULL ? cases[i].config : "");
        c.ns = cases[i].config != NULL ? ns : NULL;
        char *own = config_own_namespace_from(&places, &c);
        assert_string_equal(own, cases[i].expected);
        mem_free(own);
    }
}

static void test_the_process_itself(void **state)
{
    (void)state;
    struct client_config c = {0};
    setenv("KUBECONFIG", write_file(0, "env", KUBECONFIG("env", "u")), 1);
    assert_int_equal(config_load(NULL, NULL, &c, NULL), 0);
    unsetenv("KUBECONFIG");
    assert_string_equal(c.server, "https://env");
    client_config_fini(&c);
    write_home(KUBECONFIG("home", "u"));
    setenv("HOME", dir, 1);
    assert_int_equal(config_load(NULL, NULL, &c, NULL), 0);
    assert_string_equal(c.server, "https://home");
    client_config_fini(&c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_precedence),
        TEST(test_the_flag_stands_alone),
        TEST(test_the_list_is_merged_and_missing_ones_skipped),
        TEST(test_broken_files_are_named),
        TEST(test_in_cluster),
        TEST(test_an_empty_file_says_nothing),
        TEST(test_nothing_found_says_what_was_looked_for),
        TEST(test_own_namespace),
        TEST(test_the_process_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

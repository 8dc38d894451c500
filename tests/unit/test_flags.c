#include "lib/testing.h"

#include "base/mem.h"
#include "shell/explain_flags.h"
#include "shell/flags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGS_MAX = 8, TEXT_BYTES_MAX = 64 << 10 };

/* Parse "a b c", split at spaces. The texts stay in @text. */
static int parse(struct flags *f, char *text, struct error *err)
{
    char *argv[ARGS_MAX] = {(char[]){"memcached-operator"}};
    int argc = 1;
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    return flags_parse(f, argc, argv, err);
}

static void test_defaults(void **state)
{
    (void)state;
    struct flags f;
    struct error err = ERROR_INIT;
    assert_int_equal(parse(&f, (char[]){""}, &err), 0);
    assert_null(f.kubeconfig);
    assert_null(f.context);
    assert_int_equal(f.namespace_count, 0);
    assert_string_equal(f.metrics_address, ":8080");
    assert_string_equal(f.probe_address, ":8081");
    assert_false(f.leader_elect);
    assert_null(f.leader_elect_ns);
    assert_int_equal(f.max_concurrent, 16);
    assert_int_equal(f.sync_period_ms, 10 * 3600 * 1000);
    assert_true(f.qps == 0);
    assert_false(f.dry_run);
    assert_int_equal(f.seccomp, SANDBOX_ON);
    assert_string_equal(f.image, "memcached:1.6");
    assert_int_equal(f.log.encoder, LOG_CONSOLE);
    assert_int_equal(f.log.level_min, LOG_DEBUG);
    assert_int_equal(f.log.time, LOG_TIME_ISO8601);
    assert_false(f.help);
    assert_false(f.version);
    assert_int_equal(err.code, 0);
    flags_fini(&f);
}

static void test_every_flag_in_every_spelling(void **state)
{
    (void)state;
    struct flags f;
    char *argv[] = {(char[]){"op"},
                    (char[]){"--kubeconfig"},
                    (char[]){"kc"},
                    (char[]){"-context=c=d"},
                    (char[]){"--watch-namespaces"},
                    (char[]){"b,a,b"},
                    (char[]){"--metrics-bind-address=0"},
                    (char[]){"-health-probe-bind-address"},
                    (char[]){"[::1]:9"},
                    (char[]){"--leader-elect"},
                    (char[]){"--leader-elect-namespace=kube-system"},
                    (char[]){"--max-concurrent-reconciles"},
                    (char[]){"1000"},
                    (char[]){"--sync-period=1h30m"},
                    (char[]){"--kube-api-qps=2.5"},
                    (char[]){"-dry-run=T"},
                    (char[]){"--seccomp"},
                    (char[]){"log"},
                    (char[]){"--memcached-image=r.example:5000/a/b:1@sha256:00"}};
    assert_int_equal(flags_parse(&f, ARRAY_LEN(argv), argv, NULL), 0);
    assert_string_equal(f.kubeconfig, "kc");
    assert_string_equal(f.context, "c=d");
    assert_int_equal(f.namespace_count, 2); /* the second b is dropped */
    assert_string_equal(f.namespaces[0], "b");
    assert_string_equal(f.namespaces[1], "a");
    assert_string_equal(f.metrics_address, "0");
    assert_string_equal(f.probe_address, "[::1]:9");
    assert_true(f.leader_elect);
    assert_string_equal(f.leader_elect_ns, "kube-system");
    assert_int_equal(f.max_concurrent, 1000);
    assert_int_equal(f.sync_period_ms, 90 * 60 * 1000);
    assert_true(f.qps == 2.5);
    assert_true(f.dry_run);
    assert_int_equal(f.seccomp, SANDBOX_LOG);
    assert_string_equal(f.image, "r.example:5000/a/b:1@sha256:00");
    flags_fini(&f);
}

static void test_the_last_one_wins_and_empty_means_not_given(void **state)
{
    (void)state;
    struct flags f;
    assert_int_equal(parse(&f,
                           (char[]){"--watch-namespaces=a,b --watch-namespaces=c --kubeconfig=x "
                                    "--kubeconfig= --leader-elect --leader-elect=false"},
                           NULL),
                     0);
    assert_int_equal(f.namespace_count, 1);
    assert_string_equal(f.namespaces[0], "c");
    assert_null(f.kubeconfig);
    assert_false(f.leader_elect);
    flags_fini(&f);
    assert_int_equal(parse(&f, (char[]){"--watch-namespaces=a --watch-namespaces="}, NULL), 0);
    assert_int_equal(f.namespace_count, 0);
    flags_fini(&f);
}

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } cases[] = {
        {"0", 0},
        {"0s", 0},
        {"10h", 36000000},
        {"1h30m", 5400000},
        {"500ms", 500},
        {"1.5h", 5400000},
        {".5s", 500},
        {"1.s", 1000},
        {"1h1m1s1ms", 3661001},
        {"1us", 1}, /* not 0, which would be "never" */
        {"1\xc2\xb5s", 1},
        {"1\xce\xbcs", 1},
        {"1000001ns", 2},
        {"2562047h", 9223369200000},
        {"2562048h", -1},
        {"99999999999999999999h", -1},
        {"10", -1},
        {"h", -1},
        {".h", -1},
        {"1h ", -1},
        {"-1h", -1},
        {"+1h", -1},
        {"1d", -1},
        {"1hh", -1},
        {"1e3s", -1},
        {"", -1},
        {"2000000h2000000h", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct flags f;
        struct error err = ERROR_INIT;
        char text[64];
        char *argv[] = {(char[]){"op"}, text};
        snprintf(text, sizeof(text), "--sync-period=%s", cases[i].text);
        int code = flags_parse(&f, 2, argv, &err);
        if (cases[i].ms < 0) {
            assert_int_equal(code, ERR_INVALID);
        } else {
            assert_int_equal(code, 0);
            assert_int_equal(f.sync_period_ms, cases[i].ms);
        }
        flags_fini(&f);
    }
}

static void test_zap_flags(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct log_format log;
    } cases[] = {
        {"--zap-devel", {LOG_CONSOLE, LOG_TIME_ISO8601, LOG_DEBUG}},
        {"--zap-devel=false", {LOG_JSON, LOG_TIME_EPOCH, LOG_INFO}},
        {"--zap-encoder=console --zap-devel=false", {LOG_CONSOLE, LOG_TIME_EPOCH, LOG_INFO}},
        {"--zap-devel=false --zap-encoder=console", {LOG_CONSOLE, LOG_TIME_EPOCH, LOG_INFO}},
        {"--zap-encoder=json", {LOG_JSON, LOG_TIME_ISO8601, LOG_DEBUG}},
        {"--zap-log-level=error", {LOG_CONSOLE, LOG_TIME_ISO8601, LOG_ERROR}},
        {"--zap-log-level=debug --zap-devel=false", {LOG_JSON, LOG_TIME_EPOCH, LOG_DEBUG}},
        {"--zap-log-level=3 --zap-devel=0", {LOG_JSON, LOG_TIME_EPOCH, LOG_DEBUG}},
        {"--zap-log-level=warn --zap-log-level=info", {LOG_CONSOLE, LOG_TIME_ISO8601, LOG_INFO}},
        {"--zap-time-encoding=rfc3339nano", {LOG_CONSOLE, LOG_TIME_RFC3339NANO, LOG_DEBUG}},
        {"--zap-time-encoding=epoch", {LOG_CONSOLE, LOG_TIME_EPOCH, LOG_DEBUG}},
        {"--zap-time-encoding=millis --zap-devel=f", {LOG_JSON, LOG_TIME_MILLIS, LOG_INFO}},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct flags f;
        char text[128];
        snprintf(text, sizeof(text), "%s", cases[i].text);
        assert_int_equal(parse(&f, text, NULL), 0);
        assert_int_equal(f.log.encoder, cases[i].log.encoder);
        assert_int_equal(f.log.time, cases[i].log.time);
        assert_int_equal(f.log.level_min, cases[i].log.level_min);
        flags_fini(&f);
    }
}

static void test_bad_values_name_flag_value_and_what_is_expected(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"--max-concurrent-reconciles=x",
         "invalid value \"x\" for flag --max-concurrent-reconciles: expected a whole number from 1 "
         "to 1000"},
        {"--max-concurrent-reconciles=0", "invalid value \"0\" for flag"},
        {"--max-concurrent-reconciles=1001", "invalid value \"1001\" for flag"},
        {"--max-concurrent-reconciles=-1", "invalid value \"-1\" for flag"},
        {"--max-concurrent-reconciles=4294967297", "invalid value \"4294967297\" for flag"},
        {"--max-concurrent-reconciles=", "invalid value \"\" for flag"},
        {"--max-concurrent-reconciles", "flag --max-concurrent-reconciles needs a value: expected"},
        {"--watch-namespaces=a,B", "invalid value \"a,B\" for flag --watch-namespaces: expected"},
        {"--watch-namespaces=a,", "invalid value \"a,\" for flag"},
        {"--watch-namespaces=a,,b", "invalid value \"a,,b\" for flag"},
        {"--watch-namespaces=a.b", "invalid value \"a.b\" for flag"},
        {"--leader-elect-namespace=../x", "invalid value \"../x\" for flag"},
        {"--metrics-bind-address=8080", "expected host:port as in :8080"},
        {"--metrics-bind-address=:65536", "expected host:port as in :8080"},
        {"--health-probe-bind-address=example.com:80", "expected host:port as in :8080"},
        {"--kube-api-qps=nan", "invalid value \"nan\" for flag --kube-api-qps: expected a number"},
        {"--kube-api-qps=inf", "invalid value \"inf\""},
        {"--kube-api-qps=0x10", "invalid value \"0x10\""},
        {"--kube-api-qps=-1", "invalid value \"-1\""},
        {"--kube-api-qps=1.2.3", "invalid value \"1.2.3\""},
        {"--kube-api-qps=.", "invalid value \".\""},
        {"--dry-run=maybe", "invalid value \"maybe\" for flag --dry-run: expected true or false"},
        {"--dry-run=", "invalid value \"\" for flag --dry-run: expected true or false"},
        {"--leader-elect false", "unexpected argument \"false\": expected only flags"},
        {"--memcached-image=", "invalid value \"\" for flag --memcached-image: expected an image"},
        {"--memcached-image=a\tb", "invalid value \"a\tb\" for flag --memcached-image"},
        {"--memcached-image=-a", "invalid value \"-a\" for flag --memcached-image"},
        {"--seccomp=true", "expected on, log or off"},
        {"--seccomp", "flag --seccomp needs a value: expected on, log or off"},
        {"--zap-encoder=yaml", "expected console or json"},
        {"--zap-log-level=0", "expected debug, info, warn, error, or a whole number"},
        {"--zap-log-level=loud", "expected debug, info, warn, error, or a whole number"},
        {"--zap-time-encoding=sundial", "expected epoch, millis"},
        {"--no-such-flag=1", "unknown flag --no-such-flag"},
        {"--kubeconfigs=1", "unknown flag --kubeconfigs"},
        {"--kube=1", "unknown flag --kube"},
        {"--=1", "unknown flag --"},
        {"---help", "unexpected argument \"---help\""},
        {"--", "unexpected argument \"--\""},
        {"-", "unexpected argument \"-\""},
        {"run", "unexpected argument \"run\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct flags f;
        struct error err = ERROR_INIT;
        char text[128];
        snprintf(text, sizeof(text), "%s", cases[i].text);
        assert_int_equal(parse(&f, text, &err), ERR_INVALID);
        if (strstr(err.message, cases[i].message) == NULL) {
            fail_msg("%s: %s", cases[i].text, err.message);
        }
        flags_fini(&f);
    }
}

static void test_a_long_value_does_not_push_out_what_is_expected(void **state)
{
    (void)state;
    struct flags f;
    struct error err = ERROR_INIT;
    char text[2000];
    memset(text, 'x', sizeof(text));
    memcpy(text, "--sync-period=", 14);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(parse(&f, text, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "expected a duration"));
    memset(text, '9', sizeof(text) - 1);
    memcpy(text, "--kube-api-qps=", 15); /* infinite, as a double */
    assert_int_equal(parse(&f, text, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "expected a number"));
    memset(text, 'x', sizeof(text) - 1);
    memcpy(text, "--sync_period_", 14);
    assert_int_equal(parse(&f, text, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "unknown flag --sync_period_xxx"));
}

static void test_help_and_version_end_parsing(void **state)
{
    (void)state;
    static const char *const helps[] = {"--help --bogus", "-h", "-help", "--help=true x"};
    struct flags f;
    for (size_t i = 0; i < ARRAY_LEN(helps); i++) {
        char text[32];
        snprintf(text, sizeof(text), "%s", helps[i]);
        assert_int_equal(parse(&f, text, NULL), 0);
        assert_true(f.help);
    }
    assert_int_equal(parse(&f, (char[]){"--version --bogus"}, NULL), 0);
    assert_true(f.version);
    assert_int_equal(parse(&f, (char[]){"--bogus --help"}, NULL), ERR_INVALID);
}

static void test_image_comes_from_flag_else_environment(void **state)
{
    (void)state;
    struct flags f;
    struct error err = ERROR_INIT;
    setenv("MEMCACHED_IMAGE", "env:1", 1);
    assert_int_equal(parse(&f, (char[]){""}, NULL), 0);
    assert_string_equal(f.image, "env:1");
    assert_int_equal(parse(&f, (char[]){"--memcached-image=flag:1"}, NULL), 0);
    assert_string_equal(f.image, "flag:1");
    setenv("MEMCACHED_IMAGE", "", 1);
    assert_int_equal(parse(&f, (char[]){""}, NULL), 0);
    assert_string_equal(f.image, "memcached:1.6");
    setenv("MEMCACHED_IMAGE", "no good", 1);
    assert_int_equal(parse(&f, (char[]){""}, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "\"no good\" in environment variable MEMCACHED_IMAGE"));
    unsetenv("MEMCACHED_IMAGE");
}

/* Closes @in; owned by the caller. */
static char *read_text(FILE *in)
{
    char *text = mem_zalloc(TEXT_BYTES_MAX + 1);
    assert_non_null(in);
    assert_true(fread(text, 1, TEXT_BYTES_MAX, in) < TEXT_BYTES_MAX);
    fclose(in);
    return text;
}

static char *usage_text(void (*print)(FILE *out))
{
    FILE *out = tmpfile();
    assert_non_null(out);
    print(out);
    rewind(out);
    return read_text(out);
}

/* The text of @page from its entry for a flag up to the next one; owned by the caller. */
static char *man_entry(const char *page, const char *name, bool boolean)
{
    char head[160];
    snprintf(head, sizeof(head), boolean ? "\n.It Fl -%s\n" : "\n.It Fl -%s Ns = Ns Ar ", name);
    const char *entry = strstr(page, head);
    if (entry == NULL) {
        fail_msg("the man page has no entry for --%s", name);
    }
    const char *next = strstr(entry + 1, "\n.It ");
    return mem_strndup(entry, next != NULL ? (size_t)(next - entry) : strlen(entry));
}

/* One line of --help: is the flag in the man page, of the same kind and with the same default? */
static bool is_documented(const char *line, const char *page)
{
    char name[64] = "", argument[64] = "", standard[64] = "", expected[96];
    if (sscanf(line, "  --%63[a-z-] %63[A-Z,]", name, argument) < 1) {
        return false;
    }
    char *entry = man_entry(page, name, *argument == '\0');
    const char *given = strstr(line, "(default ");
    if (given != NULL && sscanf(given, "(default %63[^)])", standard) == 1) {
        snprintf(expected, sizeof(expected), "\n.Cm %s", standard);
        if (strstr(entry, "default") == NULL || strstr(entry, expected) == NULL) {
            fail_msg("the man page does not give --%s its default %s", name, standard);
        }
    }
    mem_free(entry);
    return true;
}

/* Returns how many flags there are. */
static size_t check_usage(void (*print)(FILE *out), const char *page)
{
    char *usage = usage_text(print);
    size_t flags = 0;
    for (char *line = strtok(usage, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        assert_true(strlen(line) <= 100);
        flags += is_documented(line, page);
    }
    mem_free(usage);
    return flags;
}

/* Four of the flags of `explain` are the operator's, and are in the man page once. */
static void test_usage_and_man_page_agree(void **state)
{
    (void)state;
    char *page = read_text(fopen("docs/memcached-operator.8", "r"));
    size_t documented = 0;
    for (const char *at = page; (at = strstr(at, "\n.It Fl -")) != NULL; at++) {
        documented++;
    }
    assert_int_equal(check_usage(flags_usage, page), 19);
    assert_int_equal(check_usage(explain_flags_usage, page), 8);
    assert_int_equal(documented, 19 + 8 - 4);
    mem_free(page);
}

int main(void)
{
    unsetenv("MEMCACHED_IMAGE");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_every_flag_in_every_spelling),
        cmocka_unit_test(test_the_last_one_wins_and_empty_means_not_given),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_zap_flags),
        cmocka_unit_test(test_bad_values_name_flag_value_and_what_is_expected),
        cmocka_unit_test(test_a_long_value_does_not_push_out_what_is_expected),
        cmocka_unit_test(test_help_and_version_end_parsing),
        cmocka_unit_test(test_image_comes_from_flag_else_environment),
        cmocka_unit_test(test_usage_and_man_page_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

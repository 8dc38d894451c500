#include "lib/testing.h"

#include "base/mem.h"
#include "shell/explain_flags.h"

#include <string.h>

enum { ARGS_MAX = 16 };

/* Parse "a b c", split at spaces. The texts stay in @text. */
static int parse(struct explain_flags *f, char *text, struct error *err)
{
    char *argv[ARGS_MAX] = {(char[]){"explain"}};
    int argc = 1;
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    return explain_flags_parse(f, argc, argv, err);
}

static void test_defaults(void **state)
{
    (void)state;
    struct explain_flags f;
    assert_int_equal(parse(&f, (char[]){""}, NULL), 0);
    assert_null(f.kubeconfig);
    assert_null(f.context);
    assert_null(f.ns);
    assert_null(f.name);
    assert_false(f.all_namespaces);
    assert_false(f.as_json);
    assert_int_equal(f.timeout_ms, 30000);
    assert_int_equal(f.seccomp, SANDBOX_ON);
    assert_false(f.help);
}

static void test_every_spelling_of_a_letter(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "-n shop -o json cache",
        "cache -o=json -n=shop",
        "-nshop cache -ojson",
        "--namespace shop --output json cache",
        "--output=json --namespace=shop cache",
        "-namespace=shop -output json cache",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct explain_flags f;
        struct error err = ERROR_INIT;
        char text[64];
        strcpy(text, texts[i]);
        if (parse(&f, text, &err) != 0) {
            fail_msg("%s: %s", texts[i], err.message);
        }
        assert_string_equal(f.ns, "shop");
        assert_string_equal(f.name, "cache");
        assert_true(f.as_json);
    }
}

static void test_the_rest(void **state)
{
    (void)state;
    struct explain_flags f;
    assert_int_equal(parse(&f,
                           (char[]){"--kubeconfig k --context=c -A --request-timeout 1m30s "
                                    "--seccomp=off -o text"},
                           NULL),
                     0);
    assert_string_equal(f.kubeconfig, "k");
    assert_string_equal(f.context, "c");
    assert_true(f.all_namespaces);
    assert_int_equal(f.timeout_ms, 90000);
    assert_int_equal(f.seccomp, SANDBOX_OFF);
    assert_false(f.as_json);
    assert_int_equal(parse(&f, (char[]){"-A=false --all-namespaces=false web"}, NULL), 0);
    assert_string_equal(f.name, "web");
    assert_int_equal(parse(&f, (char[]){"-n a -A"}, NULL), 0); /* as for kubectl, all wins */
    assert_true(f.all_namespaces);
    assert_int_equal(parse(&f, (char[]){"-n a --namespace="}, NULL), 0);
    assert_null(f.ns);
    assert_int_equal(parse(&f, (char[]){"--request-timeout=0"}, NULL), 0);
    assert_int_equal(f.timeout_ms, 0);
}

static void test_help_ends_parsing(void **state)
{
    (void)state;
    static const char *const texts[] = {"--help --bogus", "-h x y", "-A web --help"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct explain_flags f;
        char text[64];
        strcpy(text, texts[i]);
        assert_int_equal(parse(&f, text, NULL), 0);
        assert_true(f.help);
    }
}

static void test_bad_arguments_name_what_was_given_and_what_is_expected(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"a b", "unexpected argument \"b\": expected the name of one Memcached, and flags"},
        {"mc/cache", "unexpected argument \"mc/cache\": expected the name of one Memcached"},
        {"Cache", "unexpected argument \"Cache\""},
        {"--", "unexpected argument \"--\""},
        {"-", "unexpected argument \"-\""},
        {"---n", "unexpected argument \"---n\""},
        {"-A web", "\"web\" with --all-namespaces: a name counts in one namespace"},
        {"-n", "flag --namespace needs a value: expected a namespace"},
        {"-n=../x", "invalid value \"../x\" for flag --namespace: expected a namespace"},
        {"-nA", "invalid value \"A\" for flag --namespace"},
        {"--n x", "unknown flag --n"},
        {"-Ax", "unknown flag --Ax"},
        {"-A=maybe", "invalid value \"maybe\" for flag --all-namespaces: expected true or false"},
        {"-o yaml", "invalid value \"yaml\" for flag --output: expected text or json"},
        {"-o=", "invalid value \"\" for flag --output: expected text or json"},
        {"--request-timeout=5", "invalid value \"5\" for flag --request-timeout: expected a dur"},
        {"--seccomp=yes", "expected on, log or off"},
        {"--watch-namespaces=a", "unknown flag --watch-namespaces"},
        {"-x", "unknown flag --x"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct explain_flags f;
        struct error err = ERROR_INIT;
        char text[64];
        strcpy(text, cases[i].text);
        assert_int_equal(parse(&f, text, &err), ERR_INVALID);
        if (strstr(err.message, cases[i].message) == NULL) {
            fail_msg("%s: %s", cases[i].text, err.message);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_every_spelling_of_a_letter),
        cmocka_unit_test(test_the_rest),
        cmocka_unit_test(test_help_ends_parsing),
        cmocka_unit_test(test_bad_arguments_name_what_was_given_and_what_is_expected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

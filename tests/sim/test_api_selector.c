/*
 * Label and field selectors, each as a kube-apiserver 1.20 took it.
 */
#include "lib/testing.h"

#include "sim/api_object.h"

#include "base/mem.h"

#include <string.h>

static const char OBJECT[] = "{\"metadata\":{\"name\":\"n\",\"namespace\":\"s\",\"labels\":{"
                             "\"a\":\"1\",\"b.c/d\":\"x\",\"empty\":\"\",\"number\":\"7\"}}}";

static void selectors_match(void **state)
{
    (void)state;
    static const struct {
        const char *labels, *fields;
        bool matches;
    } cases[] = {
        {NULL, NULL, true},
        {"", "", true},
        {"a", NULL, true},
        {"!a", NULL, false},
        {"z", NULL, false},
        {"!z", NULL, true},
        {"a=1", NULL, true},
        {"a==1", NULL, true},
        {" a = 1 , b.c/d = x ", NULL, true},
        {"a=2", NULL, false},
        {"a!=1", NULL, false},
        {"a!=2", NULL, true},
        {"z!=2", NULL, true},
        {"z=", NULL, false},
        {"empty=", NULL, true},
        {"empty in ()", NULL, true},
        {"empty in (,x)", NULL, true},
        {"a in (2,1)", NULL, true},
        {"a in (2,3)", NULL, false},
        {"z in (2,3)", NULL, false},
        {"a notin (2,3)", NULL, true},
        {"a notin (1)", NULL, false},
        {"z notin (1)", NULL, true},
        {"number>6,number<8", NULL, true},
        {"number>7", NULL, false},
        {"b.c/d<8", NULL, false},
        {"in,notin", NULL, false},
        {NULL, "metadata.name=n", true},
        {NULL, "metadata.name==n,metadata.namespace=s", true},
        {NULL, "metadata.name!=n", false},
        {NULL, "metadata.name!=m", true},
        {NULL, "metadata.name=", false},
        {NULL, "metadata.name=n,", true},
        {"a=1", "metadata.name=m", false},
    };
    yyjson_doc *doc = yyjson_read(OBJECT, strlen(OBJECT), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct api_selector *s;
        struct api_refusal refusal;
        assert_int_equal(api_selector_parse(cases[i].labels, cases[i].fields, &s, &refusal), 0);
        if (api_selector_matches(s, yyjson_doc_get_root(doc)) != cases[i].matches) {
            fail_msg("%s %s", cases[i].labels, cases[i].fields);
        }
        api_selector_free(s);
    }
    yyjson_doc_free(doc);
}

static void bad_selectors_are_refused(void **state)
{
    (void)state;
    static const char REQUIREMENT[] = "unable to parse requirement: ";
    static const struct {
        const char *labels, *fields, *message;
        bool in_requirement;
    } cases[] = {
        {"a b", NULL, "found 'b', expected: '=', '!=', '==', 'in', notin'", true},
        {"a in (b", NULL, "found '', expected: ',' or ')'", true},
        {"a in", NULL, "found '' expected: '('", true},
        {"a=b,", NULL, "found '', expected: identifier after ','", false},
        {"a=b,,c=d", NULL, "found ',', expected: identifier after ','", false},
        {"=b", NULL, "found '=', expected: !, identifier, or 'end of string'", false},
        {",", NULL, "found ',', expected: !, identifier, or 'end of string'", false},
        {"!", NULL, "found '', expected: identifier", true},
        {"a=b=c", NULL, "found '=', expected: ',' or 'end of string'", false},
        {"a=b c", NULL, "found 'c', expected: ',' or 'end of string'", false},
        {"a in (b)x", NULL, "found 'x', expected: ',' or 'end of string'", false},
        {"a>x", NULL, "for 'Gt', 'Lt' operators, the value must be an integer", true},
        {"a='b'", NULL,
         "invalid label value: \"'b'\": at key: \"a\": a valid label must be an empty string or "
         "consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
         "alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for "
         "validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
         true},
        {"A_/b=c", NULL,
         "invalid label key \"A_/b\": prefix part a lowercase RFC 1123 subdomain must consist of "
         "lower case alphanumeric characters, '-' or '.', and must start and end with an "
         "alphanumeric character (e.g. 'example.com', regex used for validation is "
         "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
         true},
        {NULL, "metadata.name",
         "invalid selector: 'metadata.name'; can't understand "
         "'metadata.name'",
         false},
        {NULL, "spec.x=1", "field label not supported: spec.x", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct api_selector *s = NULL;
        struct api_refusal refusal;
        assert_int_equal(api_selector_parse(cases[i].labels, cases[i].fields, &s, &refusal), -1);
        assert_null(s);
        assert_int_equal(refusal.code, 400);
        assert_string_equal(refusal.reason, "BadRequest");
        const char *message = refusal.message;
        if (cases[i].in_requirement) {
            assert_memory_equal(message, REQUIREMENT, sizeof REQUIREMENT - 1);
            message += sizeof REQUIREMENT - 1;
        }
        assert_string_equal(message, cases[i].message);
    }
    api_selector_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selectors_match),
        cmocka_unit_test(bad_selectors_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

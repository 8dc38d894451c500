/*
 * A glance at a watch line: it sees what the decoder sees, or nothing.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "kube/json.h"
#include "kube/peek.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define META "\"metadata\":{\"name\":\"a\",\"namespace\":\"n\",\"resourceVersion\":\"7\"}"

struct row {
    const char *line;
    const char *seen; /* "ns/name@rv", NULL: nothing */
};

static const struct row rows[] = {
    {"{\"type\":\"MODIFIED\",\"object\":{" META "}}", "n/a@7"},
    {"{\"type\":\"ADDED\",\"object\":{\"kind\":\"X\"," META ",\"spec\":{}}}", "n/a@7"},
    {" { \"type\" : \"ADDED\" , \"object\" : { \"metadata\" : { \"resourceVersion\" : \"7\" , "
     "\"name\" : \"a\" , \"namespace\" : \"n\" } } } ",
     "n/a@7"},
    /* a custom resource: sorted, with much in front, look-alikes among it */
    {"{\"type\":\"MODIFIED\",\"object\":{\"apiVersion\":\"g/v\",\"spec\":{" META "},\"metadata\":{"
     "\"annotations\":{\"x\":\"{\\\"name\\\":\\\"no\\\"}\",\"name\":\"no\"},\"generation\":3,"
     "\"ok\":true,"
     "\"managedFields\":[{\"name\":\"no\",\"f\":[1,2,{}]},[]],\"name\":\"a\",\"namespace\":\"n\","
     "\"resourceVersion\":\"7\"}}}",
     "n/a@7"},
    {"{\"type\":\"DELETED\",\"object\":{" META "}}", NULL},
    {"{\"type\":\"BOOKMARK\",\"object\":{" META "}}", NULL},
    {"{\"type\":\"ERROR\",\"object\":{" META "}}", NULL},
    {"{\"object\":{" META "},\"type\":\"ADDED\"}", NULL},
    {"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"}}}",
     NULL},
    {"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"\",\"namespace\":\"n\","
     "\"resourceVersion\":\"7\"}}}",
     NULL},
    {"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":7,\"namespace\":\"n\","
     "\"resourceVersion\":\"7\"}}}",
     NULL},
    {"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"\\u0061\",\"namespace\":\"n\","
     "\"resourceVersion\":\"7\"}}}",
     NULL},
    /* names that come twice, or are spelt otherwise: the decoder takes the first, as they mean */
    {"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\",\"name\":\"b\","
     "\"namespace\":\"n\",\"resourceVersion\":\"7\"}}}",
     NULL},
    {"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"\\u006eame\":\"b\",\"name\":\"a\","
     "\"namespace\":\"n\",\"resourceVersion\":\"7\"}}}",
     NULL},
    {"{\"type\":\"ADDED\",\"object\":{\"m\\u0065tadata\":{\"name\":\"b\"}," META "}}", NULL},
    {"{\"typ\\u0065\":\"DELETED\",\"type\":\"ADDED\",\"object\":{" META "}}", NULL},
    {"{\"type\":\"ADDED\",\"object\":{\"metadata\":[]}}", NULL},
    {"{\"type\":\"ADDED\",\"object\":{\"metadata\":7}}", NULL},
    {"{\"type\":\"ADDED\",\"object\":[{" META "}]}", NULL},
    {"{\"type\":\"ADDED\",\"object\":null}", NULL},
    {"{\"type\":{\"type\":\"ADDED\"},\"object\":{" META "}}", NULL},
    {"[]", NULL},
    {"", NULL},
    {"junk", NULL},
    {"{\"type\":\"ADDED\",\"object\":{\"x\":\"\\", NULL},
};

static void check(const char *line, size_t len, const char *seen)
{
    char *exact = mem_strndup(line, len); /* so that the sanitizer sees a step too far */
    struct peek p;
    bool found = peek_line(exact, len, &p);
    if (found != (seen != NULL)) {
        fail_msg("%s: should%s be seen", exact, seen != NULL ? "" : " not");
    }
    if (found) {
        char text[PEEK_NS_BYTES + PEEK_NAME_BYTES + PEEK_RV_BYTES];
        snprintf(text, sizeof text, "%s/%s@%s", p.ns, p.name, p.rv);
        assert_string_equal(text, seen);
    }
    mem_free(exact);
}

static void lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        check(rows[i].line, strlen(rows[i].line), rows[i].seen);
    }
}

static void objects(void **state)
{
    (void)state;
    static const struct row table[] = {
        {"{\"kind\":\"X\"," META "}", "n/a@7"},
        {"{\"spec\":{" META "}}", NULL},
        {"[{" META "}]", NULL},
        {"{\"type\":\"ADDED\",\"object\":{" META "}}", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct peek p;
        assert_int_equal(peek_object(table[i].line, strlen(table[i].line), &p),
                         table[i].seen != NULL);
    }
}

/* A cut line shows all three texts whole, or nothing. */
static void cut_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t len = strlen(rows[i].line);
        for (size_t cut = 0; cut < len; cut++) {
            char *part = malloc(cut > 0 ? cut : 1);
            memcpy(part, rows[i].line, cut);
            struct peek p;
            if (peek_line(part, cut, &p)) {
                assert_non_null(rows[i].seen);
                assert_string_equal(p.rv, "7");
                assert_string_equal(p.name, "a");
            }
            free(part);
        }
    }
}

static void too_long_texts_are_left_to_the_decoder(void **state)
{
    (void)state;
    char line[2048], name[PEEK_NAME_BYTES + 1];
    memset(name, 'x', sizeof name - 1);
    for (size_t len = PEEK_NAME_BYTES - 1; len <= PEEK_NAME_BYTES; len++) {
        snprintf(
            line, sizeof line,
            "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"%.*s\",\"namespace\":\"n\","
            "\"resourceVersion\":\"7\"}}}",
            (int)len, name);
        struct peek p;
        assert_int_equal(peek_line(line, strlen(line), &p), len < PEEK_NAME_BYTES);
    }
}

/* Whatever becomes of a line: no step too far, and what is seen is what the decoder sees. */
static void it_agrees_with_the_decoder(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (size_t round = 0; round < 20000; round++) {
        const char *line = rows[round % ARRAY_LEN(rows)].line;
        size_t len = strlen(line);
        char *text = mem_strndup(line, len);
        for (int i = 0; i < 2 && len > 0; i++) {
            seed = seed * 6364136223846793005U + 1442695040888963407U;
            text[(seed >> 33) % len] = "{}[]\",:\\a7 "[(seed >> 20) % 11];
        }
        struct peek p;
        struct error err = ERROR_INIT;
        yyjson_doc *doc = json_parse(text, len, &err);
        if (doc != NULL && peek_line(text, len, &p)) {
            yyjson_val *meta = json_at(yyjson_doc_get_root(doc), "object", "metadata", NULL);
            yyjson_val *rv = json_at(meta, "resourceVersion", NULL);
            assert_true(yyjson_is_str(rv));
            assert_string_equal(p.rv, yyjson_get_str(rv));
        }
        yyjson_doc_free(doc);
        mem_free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(objects),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(too_long_texts_are_left_to_the_decoder),
        cmocka_unit_test(it_agrees_with_the_decoder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

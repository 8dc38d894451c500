#include "lib/testing.h"

#include "base/mem.h"
#include "kube/json.h"
#include "kube/object.h"

#include <stdio.h>
#include <string.h>

static void free_object(struct object **o)
{
    object_free(*o);
}

static int decode(const char *text, struct object **out, struct error *err)
{
    struct error parse_err = ERROR_INIT;
    yyjson_doc *doc = json_parse(text, strlen(text), &parse_err);
    assert_non_null(doc);
    int rc = object_decode_meta(yyjson_doc_get_root(doc), out, err);
    yyjson_doc_free(doc); /* nothing of it may be kept */
    return rc;
}

static struct object *decoded(const char *text)
{
    struct object *o = NULL;
    struct error err = ERROR_INIT;
    assert_int_equal(decode(text, &o, &err), 0);
    assert_int_equal(err.code, ERR_NONE);
    assert_non_null(o);
    return o;
}

static void metadata_is_decoded(void **state)
{
    (void)state;
    CLEANUP(free_object)
    struct object *o = decoded(
        "{\"metadata\":{\"name\":\"cache\",\"namespace\":\"web\",\"uid\":\"u-1\","
        "\"resourceVersion\":\"42\",\"generation\":3,\"creationTimestamp\":\"2023-11-14T22:13:"
        "20Z\","
        "\"deletionTimestamp\":\"2023-11-14T22:13:21Z\",\"ownerReferences\":["
        "{\"apiVersion\":\"v1\",\"kind\":\"Other\",\"name\":\"n\",\"uid\":\"x\"},"
        "{\"apiVersion\":\"v1\",\"kind\":\"Other\",\"name\":\"n\",\"uid\":\"x\",\"controller\":"
        "false},"
        "{\"apiVersion\":\"cache.example.com/v1alpha1\",\"kind\":\"Memcached\",\"name\":\"cache\","
        "\"uid\":\"u-0\",\"controller\":true,\"blockOwnerDeletion\":true}]}}");
    assert_string_equal(o->name, "cache");
    assert_string_equal(o->ns, "web");
    assert_string_equal(o->uid, "u-1");
    assert_string_equal(o->rv, "42");
    assert_int_equal(o->generation, 3);
    assert_true(o->created_us == 1700000000000000);
    assert_true(o->deleting);
    assert_string_equal(o->controller.api_version, "cache.example.com/v1alpha1");
    assert_string_equal(o->controller.kind, "Memcached");
    assert_string_equal(o->controller.name, "cache");
    assert_string_equal(o->controller.uid, "u-0");
}

static void a_name_alone_is_enough(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "{\"metadata\":{\"name\":\"node-1\"}}",
        "{\"metadata\":{\"name\":\"node-1\",\"namespace\":null,\"uid\":null,\"generation\":null,"
        "\"resourceVersion\":null,\"creationTimestamp\":null,\"deletionTimestamp\":null,"
        "\"ownerReferences\":null}}",
        "{\"metadata\":{\"name\":\"node-1\",\"ownerReferences\":[]}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(free_object) struct object *o = decoded(cases[i]);
        assert_string_equal(o->name, "node-1");
        assert_string_equal(o->ns, "");
        assert_string_equal(o->uid, "");
        assert_string_equal(o->rv, "");
        assert_null(o->controller.uid);
        assert_int_equal(o->created_us, 0);
        assert_int_equal(o->generation, 0);
        assert_false(o->deleting);
    }
}

/* Names become store keys and segments of paths. */
static void names_and_namespaces_have_limits(void **state)
{
    (void)state;
    static const struct {
        const char *ns, *name;
        bool good;
    } cases[] = {
        {"", "a", true},         {"web", "a.b-c", true}, {"web", "system:node:x_Y", true},
        {"web", ".", false},     {"web", "..", false},   {"web", "a/b", false},
        {"web", "a%2Fb", false}, {"a/b", "a", false},    {"a.b", "a", false},
        {"..", "a", false},      {"Web", "a", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[128];
        snprintf(text, sizeof text, "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\"}}",
                 cases[i].name, cases[i].ns);
        CLEANUP(free_object) struct object *o = NULL;
        struct error err = ERROR_INIT;
        assert_int_equal(decode(text, &o, &err), cases[i].good ? 0 : ERR_PARSE);
    }
    for (size_t len = 62; len <= 255; len++) {
        char text[1024];
        CLEANUP(free_object) struct object *named = NULL;
        CLEANUP(free_object) struct object *placed = NULL;
        struct error err = ERROR_INIT;
        snprintf(text, sizeof text, "{\"metadata\":{\"name\":\"%0*d\"}}", (int)len, 0);
        assert_int_equal(decode(text, &named, &err), len <= 253 ? 0 : ERR_PARSE);
        snprintf(text, sizeof text, "{\"metadata\":{\"name\":\"a\",\"namespace\":\"%0*d\"}}",
                 (int)len, 0);
        assert_int_equal(decode(text, &placed, &err), len <= 63 ? 0 : ERR_PARSE);
    }
}

static void hostile_metadata_is_an_error(void **state)
{
    (void)state;
#define OWNER(members) "{\"metadata\":{\"name\":\"a\",\"ownerReferences\":[{" members "}]}}"
    static const char *const cases[] = {
        "1",
        "[]",
        "null",
        "{}",
        "{\"metadata\":null}",
        "{\"metadata\":[{\"name\":\"a\"}]}",
        "{\"metadata\":\"name\"}",
        "{\"metadata\":{}}",
        "{\"metadata\":{\"name\":\"\"}}",
        "{\"metadata\":{\"name\":null}}",
        "{\"metadata\":{\"name\":7}}",
        "{\"metadata\":{\"name\":[\"a\"]}}",
        "{\"metadata\":{\"name\":\"a\\u0000b\"}}",
        "{\"metadata\":{\"name\":\"a\",\"namespace\":7}}",
        "{\"metadata\":{\"name\":\"a\",\"namespace\":\"\\u0000\"}}",
        "{\"metadata\":{\"name\":\"a\",\"uid\":{}}}",
        "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":42}}",
        "{\"metadata\":{\"name\":\"a\",\"creationTimestamp\":1700000000}}",
        "{\"metadata\":{\"name\":\"a\",\"creationTimestamp\":\"yesterday\"}}",
        "{\"metadata\":{\"name\":\"a\",\"ownerReferences\":\"a\"}}",
        "{\"metadata\":{\"name\":\"a\",\"ownerReferences\":{\"controller\":true}}}",
        OWNER("\"controller\":true"),
        OWNER("\"controller\":true,\"apiVersion\":\"v1\",\"kind\":\"K\",\"name\":\"n\""),
        OWNER("\"controller\":true,\"apiVersion\":\"v1\",\"kind\":\"K\",\"name\":\"n\",\"uid\":7"),
        OWNER("\"controller\":true,\"apiVersion\":1,\"kind\":\"K\",\"name\":\"n\",\"uid\":\"u\""),
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct object *o = NULL;
        struct error err = ERROR_INIT;
        assert_int_equal(decode(cases[i], &o, &err), ERR_PARSE);
        assert_int_equal(err.code, ERR_PARSE);
        assert_memory_equal(err.message, "metadata: ", 10);
        assert_null(o);
        assert_int_equal(decode(cases[i], &o, NULL), ERR_PARSE);
    }
}

static void odd_owner_references_that_control_nothing_are_passed_over(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "{\"metadata\":{\"name\":\"a\",\"ownerReferences\":[1,\"x\",null,[],{}]}}",
        OWNER("\"controller\":\"true\",\"uid\":\"u\""),
        OWNER("\"controller\":1,\"uid\":\"u\""),
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(free_object) struct object *o = decoded(cases[i]);
        assert_null(o->controller.api_version);
        assert_null(o->controller.kind);
        assert_null(o->controller.name);
        assert_null(o->controller.uid);
    }
#undef OWNER
}

/* A kind's own decoder: struct, metadata and one text more in a single allocation. */
static void a_kind_packs_its_own_texts_behind_the_metadata(void **state)
{
    (void)state;
    struct deployment {
        struct object object;
        const char *claim;
        const char *none;
        const char *nul;
    };
    static const char text[] = "{\"metadata\":{\"name\":\"a\",\"namespace\":\"b\"},"
                               "\"claim\":\"cache\",\"none\":7,\"nul\":\"x\\u0000y\"}";
    yyjson_doc *doc = json_parse(text, strlen(text), NULL);
    yyjson_val *json = yyjson_doc_get_root(doc);
    struct object_packer p;
    struct error err = ERROR_INIT;
    size_t texts = object_meta_bytes(json) + object_text_bytes(json_at(json, "claim", NULL));
    assert_int_equal(texts, strlen("a") + strlen("b") + strlen("cache") + 3);
    assert_int_equal(object_text_bytes(json_at(json, "none", NULL)), 0);
    struct deployment *d = object_alloc(sizeof *d, texts, &p);
    assert_null(d->claim);
    assert_int_equal(object_pack_meta(&p, json, &d->object, &err), 0);
    d->claim = object_pack_text(&p, json_at(json, "claim", NULL));
    d->none = object_pack_text(&p, json_at(json, "none", NULL));
    d->nul = object_pack_text(&p, json_at(json, "nul", NULL));
    assert_ptr_equal(p.next, p.end);
    yyjson_doc_free(doc);
    assert_string_equal(d->object.name, "a");
    assert_string_equal(d->claim, "cache");
    assert_null(d->none);
    assert_null(d->nul);
    object_free(&d->object);
    object_free(NULL);
}

static void api_versions_are_written(void **state)
{
    (void)state;
    char out[API_VERSION_BYTES];
    const struct kind deployment = {.group = "apps", .version = "v1"};
    const struct kind pod = {.group = "", .version = "v1"};
    assert_string_equal(kind_api_version(&deployment, out), "apps/v1");
    assert_ptr_equal(kind_api_version(&pod, out), out);
    assert_string_equal(out, "v1");
}

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

static void resource_versions_compare_as_decimals(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        int order;
    } cases[] = {
        {NULL, NULL, 0},
        {"", NULL, 0},
        {"", "0", -1},
        {NULL, "1", -1},
        {"0", "000", 0},
        {"1", "1", 0},
        {"9", "10", -1},
        {"007", "7", 0},
        {"0099", "100", -1},
        {"100", "099", 1},
        {"18446744073709551616", "18446744073709551615", 1},
        {"123456789012345678901234567890", "123456789012345678901234567891", -1},
        {"abc", "abd", -1},
        {"abc", "ab", 1},
        {"b", "aa", -1},
        {"12a", "12a", 0},
        {"1a", "12", 1},
        {"0a", "a", 1}, /* no decimal: zeros count */
        {"-1", "1", 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(sign(rv_compare(cases[i].a, cases[i].b)), cases[i].order);
        assert_int_equal(sign(rv_compare(cases[i].b, cases[i].a)), -cases[i].order);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metadata_is_decoded),
        cmocka_unit_test(a_name_alone_is_enough),
        cmocka_unit_test(names_and_namespaces_have_limits),
        cmocka_unit_test(hostile_metadata_is_an_error),
        cmocka_unit_test(odd_owner_references_that_control_nothing_are_passed_over),
        cmocka_unit_test(a_kind_packs_its_own_texts_behind_the_metadata),
        cmocka_unit_test(api_versions_are_written),
        cmocka_unit_test(resource_versions_compare_as_decimals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

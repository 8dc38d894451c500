/*
 * The Deployment that a Memcached becomes, field by field as design.md has it.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "lib/objects.h"
#include "operator/desired.h"

#include <string.h>

static yyjson_val *at(yyjson_doc *doc, const char *pointer)
{
    yyjson_val *value = yyjson_doc_ptr_get(doc, pointer);
    if (value == NULL) {
        fail_msg("no %s", pointer);
    }
    return value;
}

static void it_is_what_the_design_says(void **state)
{
    static const struct {
        const char *pointer, *json;
    } table[] = {
        {"/apiVersion", "\"apps/v1\""},
        {"/kind", "\"Deployment\""},
        {"/metadata/name", "\"cache\""},
        {"/metadata/namespace", "\"default\""},
        {"/metadata/ownerReferences",
         "[{\"apiVersion\":\"cache.example.com/"
         "v1alpha1\",\"kind\":\"Memcached\",\"name\":\"cache\","
         "\"uid\":\"m-cache\",\"controller\":true,\"blockOwnerDeletion\":true}]"},
        {"/metadata/labels/app.kubernetes.io~1managed-by", "\"memcached-operator\""},
        {"/spec/replicas", "3"},
        {"/spec/selector", "{\"matchLabels\":{\"app\":\"memcached\",\"memcached_cr\":\"cache\"}}"},
        {"/spec/template/metadata/labels", "{\"app\":\"memcached\",\"memcached_cr\":\"cache\"}"},
        {"/spec/template/spec/containers/0/command",
         "[\"memcached\",\"-m\",\"64\",\"-o\",\"modern\",\"-v\"]"},
        {"/spec/template/spec/containers/0/image", "\"memcached:9\""},
        {"/spec/template/spec/containers/0/imagePullPolicy", "\"IfNotPresent\""},
        {"/spec/template/spec/containers/0/ports",
         "[{\"containerPort\":11211,\"name\":\"memcached\",\"protocol\":\"TCP\"}]"},
        {"/spec/template/spec/containers/0/securityContext",
         "{\"allowPrivilegeEscalation\":false,\"capabilities\":{\"drop\":[\"ALL\"]}}"},
        {"/spec/template/spec/securityContext/runAsNonRoot", "true"},
        {"/spec/template/spec/securityContext/runAsUser", "11211"},
        {"/spec/template/spec/securityContext/seccompProfile", "{\"type\":\"RuntimeDefault\"}"},
    };
    (void)state;
    CLEANUP(arena_fini) struct arena arena = {0};
    struct memcached *m = make_memcached("cache", 3, 1);
    const char *text = desired_deployment(&arena, m, "memcached:9", NULL);
    yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
    assert_non_null(doc);
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        char *json = yyjson_val_write(at(doc, table[i].pointer), 0, NULL);
        assert_string_equal(json, table[i].json);
        mem_free(json);
    }
    assert_null(yyjson_doc_ptr_get(doc, "/metadata/uid"));
    assert_null(yyjson_doc_ptr_get(doc, "/metadata/resourceVersion"));
    yyjson_doc_free(doc);
    object_free(&m->object);
}

static void a_change_carries_uid_and_version_of_the_live_one(void **state)
{
    (void)state;
    CLEANUP(arena_fini) struct arena arena = {0};
    struct memcached *m = make_memcached("cache", 3, 1);
    struct object live = {.uid = "d\"1", .rv = "77"};
    const char *text = desired_deployment(&arena, m, "i", &live);
    yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
    assert_non_null(doc);
    assert_string_equal(yyjson_get_str(at(doc, "/metadata/uid")), "d\"1");
    assert_string_equal(yyjson_get_str(at(doc, "/metadata/resourceVersion")), "77");
    yyjson_doc_free(doc);
    object_free(&m->object);
}

static void the_shape_depends_on_name_and_image_alone(void **state)
{
    (void)state;
    struct memcached *a = make_memcached("cache", 3, 1);
    struct memcached *b = make_memcached("cache", 8, 2);
    struct memcached *c = make_memcached("other", 3, 1);
    assert_int_equal(desired_shape(a, "i"), desired_shape(b, "i"));
    assert_int_not_equal(desired_shape(a, "i"), desired_shape(a, "j"));
    assert_int_not_equal(desired_shape(a, "i"), desired_shape(c, "i"));
    object_free(&a->object);
    object_free(&b->object);
    object_free(&c->object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_what_the_design_says),
        cmocka_unit_test(a_change_carries_uid_and_version_of_the_live_one),
        cmocka_unit_test(the_shape_depends_on_name_and_image_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Decoders of the operator's objects: the fields that count, and hostile ones.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "lib/objects.h"

#include <string.h>

#define META "'metadata':{'namespace':'n','name':'a','uid':'u','resourceVersion':'1'}"

struct number {
    const char *json;
    int expected;
};

static void sizes(void **state)
{
    static const struct number table[] = {
        {"{" META ",'spec':{'size':3}}", 3},
        {"{" META ",'spec':{'size':0}}", 0},
        {"{" META ",'spec':{'size':2147483647}}", 2147483647},
        {"{" META ",'spec':{'size':2147483648}}", REPLICAS_INVALID},
        {"{" META ",'spec':{'size':-1}}", REPLICAS_INVALID},
        {"{" META ",'spec':{'size':'3'}}", REPLICAS_INVALID},
        {"{" META ",'spec':{'size':1.5}}", REPLICAS_INVALID},
        {"{" META ",'spec':{'size':99999999999999999999}}", REPLICAS_INVALID},
        {"{" META ",'spec':{'size':null}}", REPLICAS_INVALID},
        {"{" META ",'spec':[]}", REPLICAS_INVALID},
        {"{" META "}", REPLICAS_INVALID},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct memcached *m = (struct memcached *)object_from(&memcached_kind, "%s", table[i].json);
        assert_int_equal(m->size, table[i].expected);
        object_free(&m->object);
    }
}

/* The API server defaults replicas to 1; absent means just that. */
static void replicas(void **state)
{
    static const struct number table[] = {
        {"{" META ",'spec':{'replicas':4}}", 4},
        {"{" META ",'spec':{}}", 1},
        {"{" META "}", 1},
        {"{" META ",'spec':{'replicas':'4'}}", REPLICAS_INVALID},
        {"{" META ",'spec':{'replicas':-4}}", REPLICAS_INVALID},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct deployment *d = (struct deployment *)object_from(&source_kind, "%s", table[i].json);
        assert_int_equal(d->replicas, table[i].expected);
        assert_null(d->claim);
        object_free(&d->object);
    }
}

static void an_operand_has_its_status_and_shape(void **state)
{
    (void)state;
    struct deployment *d = (struct deployment *)object_from(
        &operand_kind,
        "{" META ",'spec':{'replicas':4},'status':{'observedGeneration':7,'replicas':3,"
        "'readyReplicas':2}}");
    assert_int_equal(d->observed_generation, 7);
    assert_int_equal(d->current_replicas, 3);
    assert_int_equal(d->ready_replicas, 2);
    assert_int_not_equal(d->shape, 0);
    object_free(&d->object);
}

static void records_of_decisions_are_texts(void **state)
{
    static const struct {
        const char *annotation;
        int64_t made_from;
    } cases[] = {{"'7'", 7},  {"7", 0},    {"''", 0},   {"'-1'", 0},
                 {"'7x'", 0}, {"' 7'", 0}, {"null", 0}, {"'99999999999999999999'", INT64_MAX}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct deployment *d = (struct deployment *)object_from(
            &operand_kind,
            "{'metadata':{'namespace':'n','name':'a','uid':'u','resourceVersion':'1',"
            "'annotations':{'" GENERATION_ANNOTATION "':%s}}}",
            cases[i].annotation);
        assert_int_equal(d->made_from, cases[i].made_from);
        object_free(&d->object);
    }
    struct memcached *m = (struct memcached *)object_from(
        &memcached_kind, "{'metadata':{'namespace':'n','name':'a','uid':'u','resourceVersion':'1',"
                         "'annotations':{'" SOURCES_ANNOTATION "':'12'}}}");
    assert_string_equal(m->sources_rv, "12");
    object_free(&m->object);
}

static void a_claim_is_a_label_that_is_text(void **state)
{
    (void)state;
    struct deployment *d = make_source("web", "cache", 1, 0);
    assert_string_equal(d->claim, "cache");
    object_free(&d->object);
    d = (struct deployment *)object_from(
        &source_kind, "{'metadata':{'namespace':'n','name':'a','uid':'u','resourceVersion':'1',"
                      "'labels':{'" CLAIM_LABEL "':7}}}");
    assert_null(d->claim);
    object_free(&d->object);
}

static void pods_name_their_memcached(void **state)
{
    (void)state;
    struct pod *p = (struct pod *)object_from(
        &pod_kind, "{'metadata':{'namespace':'n','name':'a','uid':'u','resourceVersion':'1',"
                   "'labels':{'memcached_cr':'cache'}}}");
    assert_string_equal(p->memcached, "cache");
    object_free(&p->object);
    p = (struct pod *)object_from(&pod_kind, "{" META "}");
    assert_string_equal(p->memcached, "");
    object_free(&p->object);
}

static void owners(void **state)
{
    (void)state;
    static const struct {
        const char *api_version, *kind, *uid;
        bool operand, ours;
    } table[] = {
        {"cache.example.com/v1alpha1", "Memcached", "m-cache", true, true},
        {"cache.example.com/v1", "Memcached", "other", true, false},
        {"other.example.com/v1alpha1", "Memcached", "m-cache", false, true},
        {"cache.example.community/v1", "Memcached", "x", false, false},
        {"cache.example.com/v1alpha1", "Other", "x", false, false},
    };
    struct memcached *m = make_memcached("cache", 1, 1);
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct object *o =
            object_from(&source_kind,
                        "{'metadata':{'namespace':'n','name':'a','uid':'u','resourceVersion':'1',"
                        "'ownerReferences':[{'apiVersion':'%s','kind':'%s','name':'x','uid':'%s','"
                        "controller':true}]}}",
                        table[i].api_version, table[i].kind, table[i].uid);
        assert_int_equal(is_operand(o), table[i].operand);
        assert_int_equal(is_controlled_by(o, &m->object), table[i].ours);
        object_free(o);
    }
    struct object *free_one = object_from(&source_kind, "{" META "}");
    assert_false(is_operand(free_one));
    assert_false(is_controlled_by(free_one, &m->object));
    object_free(free_one);
    object_free(&m->object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(replicas),
        cmocka_unit_test(an_operand_has_its_status_and_shape),
        cmocka_unit_test(records_of_decisions_are_texts),
        cmocka_unit_test(a_claim_is_a_label_that_is_text),
        cmocka_unit_test(pods_name_their_memcached),
        cmocka_unit_test(owners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

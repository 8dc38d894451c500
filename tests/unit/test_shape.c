/*
 * The shape sees every field that we write and nothing that others add.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "lib/objects.h"
#include "operator/desired.h"
#include "operator/shape.h"

#include <string.h>

static yyjson_mut_doc *desired_doc(struct arena *arena)
{
    struct memcached *m = make_memcached("cache", 3, 1);
    const char *text = desired_deployment(arena, m, "memcached:1.6", NULL);
    yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
    yyjson_mut_doc *copy = yyjson_doc_mut_copy(doc, NULL);
    yyjson_doc_free(doc);
    object_free(&m->object);
    return copy;
}

static uint64_t shape_of(yyjson_mut_doc *doc)
{
    yyjson_doc *fixed = yyjson_mut_doc_imut_copy(doc, NULL);
    uint64_t shape = shape_hash(yyjson_doc_get_root(fixed));
    yyjson_doc_free(fixed);
    return shape;
}

/* Change @value in place to another of its type. */
static void disturb(yyjson_mut_val *value)
{
    if (yyjson_mut_is_str(value)) {
        yyjson_mut_set_str(value, "changed");
    } else if (yyjson_mut_is_bool(value)) {
        yyjson_mut_set_bool(value, !yyjson_mut_get_bool(value));
    } else {
        yyjson_mut_set_sint(value, yyjson_mut_get_sint(value) + 1);
    }
}

static bool is_outside_the_shape(const char *path)
{
    static const char *const others[] = {
        "/apiVersion",
        "/kind",
        "/metadata/name",
        "/metadata/namespace",
        "/metadata/annotations",     /* a record, nothing that we want */
        "/metadata/ownerReferences", /* judged by uid on its own */
        "/spec/replicas",            /* compared on its own */
    };
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (strncmp(path, others[i], strlen(others[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* Disturb every leaf of what we write, one at a time; the shape must notice. */
static size_t disturb_leaves(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *value,
                             const char *path, uint64_t shape)
{
    size_t leaves = 0;
    size_t index, max;
    yyjson_mut_val *key, *child;
    if (yyjson_mut_is_obj(value)) {
        yyjson_mut_obj_foreach(value, index, max, key, child)
        {
            leaves +=
                disturb_leaves(arena, doc, child,
                               arena_printf(arena, "%s/%s", path, yyjson_mut_get_str(key)), shape);
        }
        return leaves;
    }
    if (yyjson_mut_is_arr(value)) {
        yyjson_mut_arr_foreach(value, index, max, child)
        {
            leaves += disturb_leaves(arena, doc, child, arena_printf(arena, "%s/%zu", path, index),
                                     shape);
        }
        return leaves;
    }
    yyjson_mut_val before = *value;
    disturb(value);
    if (is_outside_the_shape(path)) {
        assert_int_equal(shape_of(doc), shape);
    } else if (shape_of(doc) == shape) {
        fail_msg("the shape does not see %s", path);
    }
    value->tag = before.tag;
    value->uni = before.uni;
    return 1;
}

static void every_field_that_we_write_counts(void **state)
{
    (void)state;
    CLEANUP(arena_fini) struct arena arena = {0};
    yyjson_mut_doc *doc = desired_doc(&arena);
    uint64_t shape = shape_of(doc);
    size_t leaves = disturb_leaves(&arena, doc, yyjson_mut_doc_get_root(doc), "", shape);
    assert_true(leaves > 30);
    assert_int_equal(shape_of(doc), shape);
    yyjson_mut_doc_free(doc);
}

struct edit {
    const char *what;
    const char *pointer;
    const char *json;
    bool counts;
};

static void what_others_add(void **state)
{
    (void)state;
    static const struct edit table[] = {
        {"a sidecar", "/spec/template/spec/containers/-", "{\"name\":\"proxy\",\"image\":\"x\"}",
         false},
        {"an env variable", "/spec/template/spec/containers/0/env", "[{\"name\":\"A\"}]", false},
        {"a second port", "/spec/template/spec/containers/0/ports/-", "{\"containerPort\":1}",
         false},
        {"an annotation", "/metadata/annotations", "{\"a\":\"b\"}", false},
        {"a label", "/metadata/labels/team", "\"x\"", false},
        {"defaulted fields", "/spec/strategy", "{\"type\":\"RollingUpdate\"}", false},
        {"a stricter field beside ours",
         "/spec/template/spec/containers/0/securityContext/readOnlyRootFilesystem", "true", false},
        {"arguments", "/spec/template/spec/containers/0/args", "[\"-p\",\"1\"]", true},
        {"one more word of the command", "/spec/template/spec/containers/0/command/-", "\"-vv\"",
         true},
        {"empty arguments", "/spec/template/spec/containers/0/args", "[]", false},
        {"null arguments", "/spec/template/spec/containers/0/args", "null", false},
        {"a command that is no list", "/spec/template/spec/containers/0/command", "{\"a\":1}",
         true},
        {"containers that are no list", "/spec/template/spec/containers", "7", true},
    };
    CLEANUP(arena_fini) struct arena arena = {0};
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        yyjson_mut_doc *doc = desired_doc(&arena);
        uint64_t shape = shape_of(doc);
        yyjson_doc *json = yyjson_read(table[i].json, strlen(table[i].json), 0);
        yyjson_mut_val *value = yyjson_val_mut_copy(doc, yyjson_doc_get_root(json));
        if (strchr(table[i].pointer, '-') != NULL) {
            assert_true(yyjson_mut_doc_ptr_add(doc, table[i].pointer, value));
        } else {
            assert_true(yyjson_mut_doc_ptr_set(doc, table[i].pointer, value));
        }
        if ((shape_of(doc) != shape) != table[i].counts) {
            fail_msg("%s: should%s count", table[i].what, table[i].counts ? "" : " not");
        }
        yyjson_doc_free(json);
        yyjson_mut_doc_free(doc);
    }
}

static void the_order_of_containers_is_nothing(void **state)
{
    (void)state;
    CLEANUP(arena_fini) struct arena arena = {0};
    yyjson_mut_doc *doc = desired_doc(&arena);
    uint64_t shape = shape_of(doc);
    yyjson_mut_val *containers = yyjson_mut_doc_ptr_get(doc, "/spec/template/spec/containers");
    yyjson_mut_val *sidecar = yyjson_mut_obj(doc);
    yyjson_mut_obj_add_str(doc, sidecar, "name", "proxy");
    yyjson_mut_arr_prepend(containers, sidecar);
    assert_int_equal(shape_of(doc), shape);
    yyjson_mut_doc_free(doc);
}

static void mixing_keeps_order(void **state)
{
    (void)state;
    assert_int_not_equal(shape_mix(1, 2), shape_mix(2, 1));
    assert_int_not_equal(shape_mix(1, 2), shape_mix(1, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_that_we_write_counts),
        cmocka_unit_test(what_others_add),
        cmocka_unit_test(the_order_of_containers_is_nothing),
        cmocka_unit_test(mixing_keeps_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Scales: decoding, and which of them are still right.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "kube/json.h"
#include "kube/scales.h"

#include <stdio.h>
#include <string.h>

static int decode(const struct kind *kind, const char *json, struct object **out, struct error *err)
{
    char text[1024];

    snprintf(text, sizeof text, "%s", json);
    for (char *c = text; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    yyjson_doc *doc = json_parse(text, strlen(text), err);
    assert_non_null(doc);
    int rc = (kind->decode != NULL ? kind->decode : object_decode_meta)(yyjson_doc_get_root(doc),
                                                                        out, err);
    yyjson_doc_free(doc);
    return rc;
}

#define META "'metadata':{'namespace':'a','name':'r','uid':'u','resourceVersion':'5'}"

static void replicas_are_those_wished(void **state)
{
    static const struct {
        const char *spec;
        int32_t replicas;
    } table[] = {
        {"'spec':{'replicas':3},'status':{'replicas':7}", 3},
        {"'spec':{'replicas':0}", 0},
        {"'spec':{}", 0}, /* 0 is left out */
        {"'status':{'replicas':7}", 0},
        {"'spec':{'replicas':2147483647}", INT32_MAX},
        {"'spec':{'replicas':2147483648}", SCALE_REPLICAS_INVALID},
        {"'spec':{'replicas':-1}", SCALE_REPLICAS_INVALID},
        {"'spec':{'replicas':1.5}", SCALE_REPLICAS_INVALID},
        {"'spec':{'replicas':'3'}", SCALE_REPLICAS_INVALID},
        {"'spec':{'replicas':null}", SCALE_REPLICAS_INVALID},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        char json[512];
        struct object *o = NULL;
        snprintf(json, sizeof json, "{'kind':'Scale'," META ",%s}", table[i].spec);
        assert_int_equal(decode(&scale_kind, json, &o, NULL), 0);
        assert_int_equal(((struct scale *)o)->replicas, table[i].replicas);
        assert_string_equal(o->name, "r");
        assert_string_equal(o->uid, "u");
        object_free(o);
    }
}

static void what_is_no_scale_is_refused(void **state)
{
    static const char *const table[][2] = {
        {"{" META ",'spec':{'replicas':3}}", "the answer is no Scale"},
        {"{'kind':'Rollout'," META "}", "the answer is no Scale"},
        {"{'kind':'Scale','metadata':{'name':'r'}}", "Scale: metadata: resourceVersion: missing"},
        {"{'kind':'Scale'}", "metadata: missing or not an object"},
        {"[]", "the answer is no Scale"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct error err = ERROR_INIT;
        struct object *o = NULL;
        assert_int_equal(decode(&scale_kind, table[i][0], &o, &err), ERR_PARSE);
        assert_string_equal(err.message, table[i][1]);
    }
}

/* ---- which are right ------------------------------------------------------------------------- */

static const struct kind KIND = {"example.com", "v1", "Rollout", "rollouts", NULL};

struct fixture {
    struct store objects;
    struct scales scales;
};

static void on_object(void *ctx, const struct object *before, const struct object *after)
{
    scales_follow(ctx, before, after);
}

static void on_scale(void *ctx, const struct object *before, const struct object *after)
{
    (void)before;
    if (after != NULL) {
        scales_note(ctx, after);
    }
}

static void fixture_init(struct fixture *f)
{
    store_init(&f->objects, &KIND, 7);
    scales_init(&f->scales, &f->objects, 7);
    store_subscribe(&f->objects, on_object, &f->scales);
    store_subscribe(&f->scales.store, on_scale, &f->scales);
}

static void fixture_fini(struct fixture *f)
{
    store_fini(&f->objects);
    scales_fini(&f->scales);
}

static const struct object *put(struct fixture *f, const char *rv, const char *uid, int generation)
{
    char json[256];
    struct object *o = NULL;

    snprintf(json, sizeof json,
             "{'metadata':{'namespace':'a','name':'r','uid':'%s','resourceVersion':'%s',"
             "'generation':%d}}",
             uid, rv, generation);
    assert_int_equal(decode(&KIND, json, &o, NULL), 0);
    store_put(&f->objects, o);
    return store_get(&f->objects, "a", "r");
}

static void read_scale(struct fixture *f, const char *rv, const char *uid)
{
    char json[256];
    struct object *o = NULL;

    snprintf(json, sizeof json,
             "{'kind':'Scale','metadata':{'namespace':'a','name':'r','uid':'%s',"
             "'resourceVersion':'%s'}}",
             uid, rv);
    assert_int_equal(decode(&scale_kind, json, &o, NULL), 0);
    store_put_answer(&f->scales.store, o);
}

static void a_scale_is_right_while_the_generation_is_the_same(void **state)
{
    CLEANUP(fixture_fini) struct fixture f;
    (void)state;
    fixture_init(&f);

    assert_true(scales_is_due(&f.scales, put(&f, "5", "u", 1)));
    read_scale(&f, "5", "u");
    assert_false(scales_is_due(&f.scales, put(&f, "5", "u", 1)));
    assert_false(scales_is_due(&f.scales, put(&f, "9", "u", 1)));
    assert_true(scales_is_due(&f.scales, put(&f, "10", "u", 2)));
    read_scale(&f, "12", "u"); /* of the future, as the watch sees it */
    assert_false(scales_is_due(&f.scales, put(&f, "11", "u", 3)));
    assert_false(scales_is_due(&f.scales, put(&f, "12", "u", 4)));
    assert_false(scales_is_due(&f.scales, put(&f, "13", "u", 4)));
    assert_true(scales_is_due(&f.scales, put(&f, "14", "u", 5)));
}

static void a_scale_older_than_its_object_is_due_whatever_the_generation(void **state)
{
    CLEANUP(fixture_fini) struct fixture f;
    (void)state;
    fixture_init(&f);

    put(&f, "5", "u", 1);
    read_scale(&f, "4", "u");
    assert_true(scales_is_due(&f.scales, put(&f, "5", "u", 1)));
    assert_true(scales_is_due(&f.scales, put(&f, "6", "u", 1)));
}

static void without_a_generation_each_version_counts(void **state)
{
    CLEANUP(fixture_fini) struct fixture f;
    (void)state;
    fixture_init(&f);

    put(&f, "5", "u", 0);
    read_scale(&f, "5", "u");
    assert_false(scales_is_due(&f.scales, put(&f, "5", "u", 0)));
    assert_true(scales_is_due(&f.scales, put(&f, "6", "u", 0)));
}

static void a_namesake_has_a_scale_of_its_own(void **state)
{
    CLEANUP(fixture_fini) struct fixture f;
    (void)state;
    fixture_init(&f);

    put(&f, "5", "u", 1);
    read_scale(&f, "5", "u");
    const struct object *namesake = put(&f, "6", "v", 1);
    assert_null(scales_get(&f.scales, namesake));
    assert_true(scales_is_due(&f.scales, namesake));
    assert_int_equal(f.scales.store.objects.count, 0);
    read_scale(&f, "6", "v");
    assert_non_null(scales_get(&f.scales, namesake));
    store_drop(&f.objects, "a", "r");
    assert_int_equal(f.scales.store.objects.count, 0);
}

static void a_scale_without_an_object_is_a_stray(void **state)
{
    CLEANUP(fixture_fini) struct fixture f;
    (void)state;
    fixture_init(&f);

    read_scale(&f, "5", "u");
    assert_true(f.scales.has_stray);
    put(&f, "5", "u", 1);
    scales_drop_strays(&f.scales); /* it is none any more */
    assert_int_equal(f.scales.store.objects.count, 1);
    assert_false(f.scales.has_stray);
    store_drop(&f.objects, "a", "r");
    read_scale(&f, "6", "u");
    scales_drop_strays(&f.scales);
    assert_int_equal(f.scales.store.objects.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replicas_are_those_wished),
        cmocka_unit_test(what_is_no_scale_is_refused),
        cmocka_unit_test(a_scale_is_right_while_the_generation_is_the_same),
        cmocka_unit_test(a_scale_older_than_its_object_is_due_whatever_the_generation),
        cmocka_unit_test(without_a_generation_each_version_counts),
        cmocka_unit_test(a_namesake_has_a_scale_of_its_own),
        cmocka_unit_test(a_scale_without_an_object_is_a_stray),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

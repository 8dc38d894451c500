/*
 * spec.sizeFrom: what is valid is read with its defaults; what is not has a fault that says where
 * and what. And the rules of the CRD are told in the same words.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "kube/json.h"
#include "lib/objects.h"
#include "operator/size_from.h"

#include <stdio.h>
#include <string.h>

#define WEB "{'kind':'Deployment','name':'web'}"
#define API "{'kind':'StatefulSet','name':'api'}"

/* A decoded Memcached with that sizeFrom, in single quotes: read and packed. */
static struct memcached *with(const char *size_from)
{
    return (struct memcached *)object_from(
        &memcached_kind,
        "{'metadata':{'namespace':'n','name':'a','uid':'u',"
        "'resourceVersion':'1'},'spec':{'size':3,'sizeFrom':%s}}",
        size_from);
}

static void assert_rules_equal(const struct size_from *a, const struct size_from *b)
{
    assert_int_equal(a->claims, b->claims);
    assert_int_equal(a->aggregate, b->aggregate);
    assert_int_equal(a->ratio_memcached, b->ratio_memcached);
    assert_int_equal(a->ratio_per, b->ratio_per);
    assert_int_equal(a->rounding, b->rounding);
    assert_int_equal(a->min, b->min);
    assert_int_equal(a->max, b->max);
    assert_int_equal(a->scale_down_after_s, b->scale_down_after_s);
    assert_int_equal(a->step_up, b->step_up);
    assert_int_equal(a->step_down, b->step_down);
    assert_int_equal(a->if_missing, b->if_missing);
    assert_int_equal(a->fallback, b->fallback);
    assert_int_equal(a->mode, b->mode);
    assert_int_equal(a->paused, b->paused);
}

static void an_old_object_means_the_same(void **state)
{
    (void)state;
    struct memcached *m = make_memcached("cache", 3, 1);
    assert_null(m->size_from);
    assert_int_equal(m->paused, PAUSED_NO);
    object_free(&m->object);
    m = with("null");
    assert_null(m->size_from);
    object_free(&m->object);
    m = with("{}");
    assert_null(m->size_from->fault);
    assert_int_equal(m->size_from->source_count, 0);
    assert_rules_equal(m->size_from, &size_from_default);
    assert_int_equal(m->size_from->ratio_per, 1);
    assert_int_equal(m->size_from->max, INT32_MAX);
    object_free(&m->object);
    m = with("{'sources':null,'claims':null,'ratio':null,'step':{'up':null},'paused':null}");
    assert_null(m->size_from->fault);
    assert_rules_equal(m->size_from, &size_from_default);
    object_free(&m->object);
}

/* The example of the documentation, and every field at once. */
static void all_fields_are_read(void **state)
{
    (void)state;
    struct memcached *m = with(
        "{'sources':[" WEB "," API ",{'apiVersion':'argoproj.io/v1alpha1','kind':'Rollout','name':"
        "'a.b-c'},{'apiVersion':'v1','kind':'ReplicationController','name':'old'}],"
        "'claims':'Ignore','aggregate':'Max','ratio':{'memcached':3,'per':2,'rounding':'Nearest'},"
        "'min':1,'max':20,'scaleDownAfterSeconds':300,'step':{'up':4,'down':1},"
        "'ifMissing':'Fallback','fallback':7,'mode':'Observe','paused':true}");
    const struct size_from *f = m->size_from;
    assert_null(f->fault);
    assert_rules_equal(f, &(struct size_from){.claims = SIZE_CLAIMS_IGNORE,
                                              .aggregate = SIZE_AGGREGATE_MAX,
                                              .ratio_memcached = 3,
                                              .ratio_per = 2,
                                              .rounding = SIZE_ROUNDING_NEAREST,
                                              .min = 1,
                                              .max = 20,
                                              .scale_down_after_s = 300,
                                              .step_up = 4,
                                              .step_down = 1,
                                              .if_missing = SIZE_IF_MISSING_FALLBACK,
                                              .fallback = 7,
                                              .mode = SIZE_MODE_OBSERVE,
                                              .paused = true});
    static const struct size_source expected[] = {{"apps/v1", "Deployment", "web"},
                                                  {"apps/v1", "StatefulSet", "api"},
                                                  {"argoproj.io/v1alpha1", "Rollout", "a.b-c"},
                                                  {"v1", "ReplicationController", "old"}};
    assert_int_equal(f->source_count, ARRAY_LEN(expected));
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        assert_string_equal(f->sources[i].api_version, expected[i].api_version);
        assert_string_equal(f->sources[i].kind, expected[i].kind);
        assert_string_equal(f->sources[i].name, expected[i].name);
    }
    assert_string_equal(m->object.name, "a"); /* and nothing of it lies on something else */
    assert_non_null(strstr(m->status, "\"conditions\""));
    object_free(&m->object);
}

static void what_is_valid(void **state)
{
    (void)state;
    static const char *const table[] = {
        "{'min':0,'max':0}",
        "{'min':2147483647,'max':2147483647}",
        "{'min':5}",
        "{'max':5}",
        "{'claims':'Max'}",
        "{'claims':'Sum','ratio':{'per':2}}",
        "{'claims':'Oldest','sources':[" WEB "]}",
        "{'ifMissing':'Keep'}",
        "{'ifMissing':'Min','min':0,'sources':[" WEB "]}",
        "{'ifMissing':'Fallback','fallback':0,'sources':[" WEB "]}",
        "{'ifMissing':'Fallback','fallback':4,'min':4,'max':4,'sources':[" WEB "]}",
        "{'mode':'ScaleUpOnly','scaleDownAfterSeconds':0,'step':{'up':2,'down':0}}",
        "{'scaleDownAfterSeconds':86400}",
        "{'ratio':{'memcached':2147483647,'per':2147483647}}",
        "{'min':3.0}",
        "{'aggregate':'Sum','sources':[" WEB "]}",
        "{'sources':[]}",
        "{'later':null,'step':{'later':null}}",
        "{'sources':[{'apiVersion':'v1','kind':'X','name':'x'},"
        "{'apiVersion':'a.b/v1','kind':'X','name':'x'},"
        "{'apiVersion':'a.bc/v1','kind':'X','name':'x'}]}",
        "{'sources':[" WEB ",{'kind':'StatefulSet','name':'web'}]}",
        "{'sources':[{'apiVersion':'apps/v1','kind':'Deployment','name':'web'}]}",
        "{'sources':[{'apiVersion':'a.example/v1','kind':'X','name':'web'},"
        "{'apiVersion':'b.example/v1','kind':'X','name':'web'},"
        "{'apiVersion':'v1','kind':'X','name':'web'}]}",
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct memcached *m = with(table[i]);
        if (m->size_from->fault != NULL) {
            fail_msg("%s: %s", table[i], m->size_from->fault);
        }
        object_free(&m->object);
    }
}

/* sizeFrom, and its fault behind "spec.sizeFrom". */
static const char *const faults[][2] = {
    {"[]", " is not an object"},
    {"'Deployment/web'", " is not an object"},
    {"{'ratio':2}", ".ratio is not an object"},
    {"{'step':[1]}", ".step is not an object"},
    {"{'agregate':'Sum'}", ".agregate is no field that this operator knows"},
    {"{'rounding':'Up'}", ".rounding is no field that this operator knows"},
    {"{'a\\nb\\u0007':1}", ".a\\nb\\u0007 is no field that this operator knows"},
    {"{'ratio':{'for':2}}", ".ratio.for is no field that this operator knows"},
    {"{'step':{'left':2}}", ".step.left is no field that this operator knows"},
    {"{'sources':" WEB "}", ".sources is not a list"},
    {"{'sources':['web']}", ".sources[0] is not an object"},
    {"{'sources':[null]}", ".sources[0] is not an object"},
    {"{'sources':[{'name':'web'}]}", ".sources[0].kind is no kind's name, as \"StatefulSet\" is"},
    {"{'sources':[{'kind':'A/B','name':'web'}]}",
     ".sources[0].kind is no kind's name, as \"StatefulSet\" is"},
    {"{'sources':[{'kind':'','name':'web'}]}",
     ".sources[0].kind is no kind's name, as \"StatefulSet\" is"},
    {"{'sources':[{'kind':'A-','name':'web'}]}",
     ".sources[0].kind is no kind's name, as \"StatefulSet\" is"},
    {"{'sources':[{'kind':'Deploy\\u0000ment','name':'web'}]}",
     ".sources[0].kind is no kind's name, as \"StatefulSet\" is"},
    {"{'sources':[" WEB ",{'kind':'Deployment'}]}",
     ".sources[1].name is no object's name: a-z, 0-9, - and . make one"},
    {"{'sources':[{'kind':'Deployment','name':'../web'}]}",
     ".sources[0].name is no object's name: a-z, 0-9, - and . make one"},
    {"{'sources':[{'kind':'Deployment','name':7}]}",
     ".sources[0].name is no object's name: a-z, 0-9, - and . make one"},
    {"{'sources':[{'kind':'Rollout','name':'web'}]}",
     ".sources[0]: apiVersion is needed for kinds other than Deployment, StatefulSet and "
     "ReplicaSet"},
    {"{'sources':[{'kind':'deployment','name':'web'}]}",
     ".sources[0]: apiVersion is needed for kinds other than Deployment, StatefulSet and "
     "ReplicaSet"},
    {"{'sources':[{'apiVersion':'','kind':'Deployment','name':'web'}]}",
     ".sources[0].apiVersion is none, as \"apps/v1\" is"},
    {"{'sources':[{'apiVersion':'apps/v1/x','kind':'Deployment','name':'web'}]}",
     ".sources[0].apiVersion is none, as \"apps/v1\" is"},
    {"{'sources':[{'apiVersion':'/v1','kind':'Deployment','name':'web'}]}",
     ".sources[0].apiVersion is none, as \"apps/v1\" is"},
    {"{'sources':[{'apiVersion':1,'kind':'Deployment','name':'web'}]}",
     ".sources[0].apiVersion is none, as \"apps/v1\" is"},
    {"{'sources':[{'kind':'Deployment','name':'web','namespace':'other'}]}",
     ".sources[0].namespace is no field that this operator knows"},
    {"{'sources':[" WEB "," API "," WEB "]}",
     ".sources[2] is the same as sources[0]: name each source once"},
    {"{'sources':[" WEB ",{'apiVersion':'apps/v1beta1','kind':'Deployment','name':'web'}]}",
     ".sources[1] is the same as sources[0]: name each source once"},
    {"{'claims':'Newest'}",
     ".claims is none of those that this operator knows: Oldest, Max, Sum, Ignore"},
    {"{'claims':0}", ".claims is none of those that this operator knows: Oldest, Max, Sum, Ignore"},
    {"{'aggregate':'Average','sources':[" WEB "]}",
     ".aggregate is none of those that this operator knows: Sum, Max"},
    {"{'ratio':{'rounding':'up'}}",
     ".ratio.rounding is none of those that this operator knows: Up, Down, Nearest"},
    {"{'ifMissing':{'fallback':3}}",
     ".ifMissing is none of those that this operator knows: Keep, Min, Fallback"},
    {"{'mode':'Dream'}",
     ".mode is none of those that this operator knows: Enforce, ScaleUpOnly, Observe"},
    {"{'paused':'true'}", ".paused is neither true nor false"},
    {"{'ratio':{'memcached':0}}", ".ratio.memcached is not a whole number from 1 to 2147483647"},
    {"{'ratio':{'per':0}}", ".ratio.per is not a whole number from 1 to 2147483647"},
    {"{'min':-1}", ".min is not a whole number from 0 to 2147483647"},
    {"{'min':1.5}", ".min is not a whole number from 0 to 2147483647"},
    {"{'min':'1'}", ".min is not a whole number from 0 to 2147483647"},
    {"{'max':2147483648}", ".max is not a whole number from 0 to 2147483647"},
    {"{'max':-9223372036854775808}", ".max is not a whole number from 0 to 2147483647"},
    {"{'max':99999999999999999999}", ".max is not a whole number from 0 to 2147483647"},
    {"{'scaleDownAfterSeconds':-300}",
     ".scaleDownAfterSeconds is not a whole number from 0 to 86400"},
    {"{'scaleDownAfterSeconds':300000}",
     ".scaleDownAfterSeconds is not a whole number from 0 to 86400"},
    {"{'step':{'up':-1}}", ".step.up is not a whole number from 0 to 2147483647"},
    {"{'fallback':{}}", ".fallback is not a whole number from 0 to 2147483647"},
    {"{'min':5,'max':3}", ": min is more than max"},
    {"{'fallback':3}", ": fallback is only for ifMissing: Fallback"},
    {"{'fallback':3,'ifMissing':'Min','min':1,'sources':[" WEB "]}",
     ": fallback is only for ifMissing: Fallback"},
    {"{'ifMissing':'Fallback','sources':[" WEB "]}", ": ifMissing: Fallback needs fallback"},
    {"{'ifMissing':'Fallback','fallback':1,'min':2,'sources':[" WEB "]}",
     ": fallback is less than min"},
    {"{'ifMissing':'Fallback','fallback':4,'max':3,'sources':[" WEB "]}",
     ": fallback is more than max"},
    {"{'ifMissing':'Min','sources':[" WEB "]}", ": ifMissing: Min needs min"},
    {"{'ifMissing':'Min','min':1}",
     ": ifMissing: Min and Fallback are about sources, and there are none"},
    {"{'ifMissing':'Fallback','fallback':1,'sources':[]}",
     ": ifMissing: Min and Fallback are about sources, and there are none"},
    {"{'aggregate':'Sum'}", ": aggregate is about sources, and there are none: claims says how "
                            "labelled Deployments count"},
    {"{'claims':'Sum','sources':[" WEB "]}", ": claims: Max and Sum count labelled Deployments, "
                                             "but sources take their place"},
    {"{'claims':'Max','sources':[" WEB "]}", ": claims: Max and Sum count labelled Deployments, "
                                             "but sources take their place"},
    {"{'mode':'ScaleUpOnly','scaleDownAfterSeconds':1}",
     ": mode: ScaleUpOnly never scales down: leave scaleDownAfterSeconds and step.down out"},
    {"{'mode':'ScaleUpOnly','step':{'down':1}}",
     ": mode: ScaleUpOnly never scales down: leave scaleDownAfterSeconds and step.down out"},
};

static void what_is_not_says_where_and_what(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        struct memcached *m = with(faults[i][0]);
        const struct size_from *f = m->size_from;
        if (f->fault == NULL) {
            fail_msg("%s: no fault", faults[i][0]);
        }
        assert_memory_equal(f->fault, "spec.sizeFrom", strlen("spec.sizeFrom"));
        assert_string_equal(f->fault + strlen("spec.sizeFrom"), faults[i][1]);
        assert_int_equal(f->source_count, 0); /* nobody begins to follow half of it */
        assert_int_equal(m->size, 3);         /* and the rest of the object is good */
        object_free(&m->object);
    }
}

static const struct size_from *read_many(struct arena *arena, size_t count)
{
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, 1 << 20);
    buf_append_text(&text, "{\"sources\":[");
    for (size_t i = 0; i < count; i++) {
        buf_printf(&text, "%s{\"kind\":\"Deployment\",\"name\":\"web-%zu\"}", i > 0 ? "," : "", i);
    }
    buf_append_text(&text, "]}");
    struct error err = ERROR_INIT;
    yyjson_doc *doc = json_parse(text.data, text.len, &err);
    assert_non_null(doc);
    const struct size_from *f = size_from_read(arena, yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
    return f;
}

static void at_most_sixteen_sources(void **state)
{
    (void)state;
    CLEANUP(arena_fini) struct arena arena = {0};
    const struct size_from *f = read_many(&arena, SIZE_FROM_SOURCES_MAX);
    assert_null(f->fault);
    assert_int_equal(f->source_count, SIZE_FROM_SOURCES_MAX);
    assert_string_equal(f->sources[15].name, "web-15"); /* the JSON is gone, its texts are not */
    f = read_many(&arena, SIZE_FROM_SOURCES_MAX + 1);
    assert_string_equal(f->fault, "spec.sizeFrom.sources are 17: at most 16 are allowed");
    f = read_many(&arena, 10000);
    assert_string_equal(f->fault, "spec.sizeFrom.sources are 10000: at most 16 are allowed");
}

/* However the texts before it end, the struct in the object's allocation is aligned (UBSan looks).
 */
static void packing_is_measured(void **state)
{
    (void)state;
    for (size_t skew = 0; skew < 32; skew++) {
        CLEANUP(arena_fini) struct arena arena = {0};
        const struct size_from *f = read_many(&arena, skew % 3);
        struct object_packer p;
        struct object *o = object_alloc(sizeof *o, skew + size_from_bytes(f), &p);
        p.next += skew;
        const struct size_from *copy = size_from_pack(&p, f);
        assert_true(p.next <= p.end);
        assert_int_equal(copy->source_count, skew % 3);
        assert_rules_equal(copy, f);
        object_free(o);
    }
    assert_int_equal(size_from_bytes(NULL), 0);
    assert_null(size_from_pack(NULL, NULL));
}

static void the_annotation_pauses(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        enum paused paused;
    } table[] = {{"'true'", PAUSED_YES},     {"'false'", PAUSED_NO},     {"'yes'", PAUSED_UNCLEAR},
                 {"'True'", PAUSED_UNCLEAR}, {"''", PAUSED_UNCLEAR},     {"true", PAUSED_UNCLEAR},
                 {"null", PAUSED_UNCLEAR},   {"'true '", PAUSED_UNCLEAR}};
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct memcached *m = (struct memcached *)object_from(
            &memcached_kind,
            "{'metadata':{'namespace':'n','name':'a','annotations':{'" PAUSED_ANNOTATION "':%s}}}",
            table[i].value);
        assert_int_equal(m->paused, table[i].paused);
        object_free(&m->object);
    }
}

/* ---- One wording for both who check ---- */

static bool is_said(const char *message)
{
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        if (strstr(faults[i][1], message) != NULL) {
            return true;
        }
    }
    return false;
}

static void the_servers_rules_say_the_same(void **state)
{
    (void)state;
    FILE *rules = fopen("config/crd/cel_rules.yaml", "r");
    assert_non_null(rules);
    char line[1024];
    size_t messages = 0;
    while (fgets(line, sizeof line, rules) != NULL) {
        char *message = strstr(line, "message: \"");
        if (message != NULL) {
            message += strlen("message: \"");
            message[strcspn(message, "\"")] = '\0';
            if (!is_said(message)) {
                fail_msg("the operator does not say: %s", message);
            }
            messages++;
        }
    }
    fclose(rules);
    assert_int_equal(messages, 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_old_object_means_the_same),
        cmocka_unit_test(all_fields_are_read),
        cmocka_unit_test(what_is_valid),
        cmocka_unit_test(what_is_not_says_where_and_what),
        cmocka_unit_test(at_most_sixteen_sources),
        cmocka_unit_test(packing_is_measured),
        cmocka_unit_test(the_annotation_pauses),
        cmocka_unit_test(the_servers_rules_say_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Who writes a field beside us: managedFields as servers write them, and hostile ones.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "lib/objects.h"
#include "operator/rival.h"

#include <string.h>

#define META   "'namespace':'n','name':'a','uid':'u','resourceVersion':'1'"
#define OURS   "{'manager':'memcached-operator','fieldsV1':{'f:spec':{'f:size':{}}}}"
#define KEDA   "{'manager':'keda','operation':'Update','fieldsV1':{'f:spec':{'f:size':{}}}}"
#define KUBECT "{'manager':'kubectl','fieldsV1':{'f:spec':{'.':{},'f:size':{}}}}"
#define OTHER  "{'manager':'x','fieldsV1':{'f:spec':{'f:sizeFrom':{}},'f:size':{}}}"

static void whoever_owns_the_field_beside_us_is_the_rival(void **state)
{
    static const struct {
        const char *managed, *expected;
    } table[] = {
        {"[]", NULL},
        {"[" OURS "]", NULL},
        {"[" OTHER "," OURS "]", NULL},
        {"[" OURS "," KEDA "]", "keda"},
        {"[" KEDA "," OURS "]", "keda"},
        {"[" KUBECT "," KEDA "]", "keda"},
        {"[" KEDA "," KUBECT "," OTHER "]", "kubectl"},
        {"null", NULL},
        {"{'manager':'keda'}", NULL},
        {"[null,7,'x',[],{}," KEDA "]", "keda"},
        {"[{'manager':7,'fieldsV1':{'f:spec':{'f:size':{}}}}]", NULL},
        {"[{'manager':'','fieldsV1':{'f:spec':{'f:size':{}}}}]", NULL},
        {"[{'manager':'keda','fieldsV1':{'f:spec':['f:size']}}]", NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct memcached *m = (struct memcached *)object_from(
            &memcached_kind, "{'metadata':{" META ",'managedFields':%s}}", table[i].managed);
        if (table[i].expected == NULL) {
            assert_null(m->size_rival);
        } else {
            assert_string_equal(m->size_rival, table[i].expected);
        }
        object_free(&m->object);
    }
}

static void an_operands_replicas_have_rivals_too(void **state)
{
    static const char managed[] =
        "{'metadata':{" META ",'managedFields':[{'manager':'kube-controller-manager',"
        "'subresource':'scale','fieldsV1':{'f:spec':{'f:replicas':{}}}}]}}";
    (void)state;
    struct deployment *d = (struct deployment *)object_from(&operand_kind, "%s", managed);
    assert_string_equal(d->replicas_rival, "kube-controller-manager");
    object_free(&d->object);
    d = (struct deployment *)object_from(&source_kind, "%s", managed);
    assert_null(d->replicas_rival);
    object_free(&d->object);
}

static void it_is_named_for_people(void **state)
{
    (void)state;
    CLEANUP(arena_fini) struct arena arena = {0};
    assert_string_equal(rival_text(NULL, &arena), "somebody else");
    assert_string_equal(rival_text("keda", &arena), "\"keda\"");
    assert_string_equal(rival_text("kube-controller-manager", &arena),
                        "\"kube-controller-manager\" (a HorizontalPodAutoscaler?)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_owns_the_field_beside_us_is_the_rival),
        cmocka_unit_test(an_operands_replicas_have_rivals_too),
        cmocka_unit_test(it_is_named_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * What users do is well-formed, the same for the same seed, and takes every object that it is about
 * as it finds it.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "sim/workload.h"
#include "sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANDOM_STEPS = 2000, LONGEST_WAIT_MS = 120 * 1000 };

static void names_are_found(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WORKLOAD_COUNT; i++) {
        enum workload_name name = WORKLOAD_COUNT;
        assert_true(workload_find(workload_text((enum workload_name)i), &name));
        assert_int_equal(name, i);
        assert_true(workload_variants(name) >= 1);
    }
    enum workload_name name;
    assert_false(workload_find("no such", &name));
}

/* Users and Kubernetes' controllers in turn, without operators. The trace, which is the caller's to
 * free. */
static char *play(const struct workload_spec *spec, uint64_t seed)
{
    struct world *w =
        world_new(&(struct world_options){.seed = seed, .workload = *spec, .trace = true});
    world_play(w, LONGEST_WAIT_MS, NULL, NULL);
    assert_null(world_failure(w));
    char *trace = mem_strdup(world_trace(w));
    world_free(w);
    return trace;
}

/* How many requests of users were answered so. */
static unsigned count(const char *trace, int status)
{
    char answer[32];
    snprintf(answer, sizeof answer, "→ %d\n", status);
    unsigned n = 0;
    for (const char *at = trace; (at = strstr(at, answer)) != NULL; at++) {
        n++;
    }
    return n;
}

static void scripts_are_understood(void **state)
{
    (void)state;
    static const int never[] = {400, 403, 405, 415, 422, 500};
    for (unsigned name = WORKLOAD_CREATE; name < WORKLOAD_COUNT; name++) {
        unsigned variants =
            name != WORKLOAD_RANDOM ? workload_variants((enum workload_name)name) : 0;
        for (unsigned variant = 0; variant < variants; variant++) {
            char *trace = play(
                &(struct workload_spec){.name = (enum workload_name)name, .variant = variant}, 1);
            for (size_t i = 0; i < ARRAY_LEN(never); i++) {
                if (count(trace, never[i]) > 0 && name != WORKLOAD_NAMESPACE) {
                    fail_msg("%s %u:\n%s", workload_text((enum workload_name)name), variant, trace);
                }
            }
            assert_true(count(trace, 200) + count(trace, 201) > 0);
            mem_free(trace);
        }
    }
}

static void variants_differ(void **state)
{
    (void)state;
    for (unsigned name = WORKLOAD_CREATE; name < WORKLOAD_COUNT; name++) {
        unsigned variants = workload_variants((enum workload_name)name);
        for (unsigned v = 1; v < variants; v++) {
            struct workload_spec spec = {.name = (enum workload_name)name, .variant = v - 1};
            char *a = play(&spec, 1);
            spec.variant = v;
            char *b = play(&spec, 1);
            assert_string_not_equal(a, b);
            mem_free(a);
            mem_free(b);
        }
    }
}

static void random_users_do_everything(void **state)
{
    (void)state;
    static const char *const done[] = {
        "create memcacheds",  "delete memcacheds", "scale memcacheds",
        "create deployments", "label deployments", "scale deployments",
        "patch deployments",  "patch memcacheds",  "argo apply",
        "helm create",        "patch status of",   "create pods",
        "delete a pod",       "delete namespace",  "the operator is replaced",
        "delete the CRD",     "Foreground",        "Orphan",
    };
    char *trace = play(&(struct workload_spec){.name = WORKLOAD_RANDOM, .steps = RANDOM_STEPS}, 5);
    for (size_t i = 0; i < ARRAY_LEN(done); i++) {
        if (strstr(trace, done[i]) == NULL) {
            fail_msg("nobody did: %s", done[i]);
        }
    }
    /* Some steps find nothing, or the wrong thing; most find something. */
    unsigned good = count(trace, 200) + count(trace, 201);
    unsigned bad = count(trace, 404) + count(trace, 409) + count(trace, 400) + count(trace, 422);
    assert_true(good > RANDOM_STEPS / 2);
    assert_true(bad > 0 && bad < good);
    assert_int_equal(count(trace, 415) + count(trace, 405) + count(trace, 500), 0);
    mem_free(trace);
}

static void a_seed_is_a_run(void **state)
{
    (void)state;
    const struct workload_spec spec = {.name = WORKLOAD_RANDOM, .steps = 40};
    char *once = play(&spec, 3), *again = play(&spec, 3), *other = play(&spec, 4);
    assert_string_equal(once, again);
    assert_string_not_equal(once, other);
    mem_free(once);
    mem_free(again);
    mem_free(other);
}

static void nothing_is_nothing(void **state)
{
    (void)state;
    struct workload *l = workload_new(&(struct workload_spec){.name = WORKLOAD_NONE}, 1);
    assert_null(workload_next(l));
    workload_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found), cmocka_unit_test(scripts_are_understood),
        cmocka_unit_test(variants_differ), cmocka_unit_test(random_users_do_everything),
        cmocka_unit_test(a_seed_is_a_run), cmocka_unit_test(nothing_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

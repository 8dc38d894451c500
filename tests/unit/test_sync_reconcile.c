/*
 * Label → size: each row of design.md's table, and what protects the write.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "lib/objects.h"
#include "operator/sync_reconcile.h"

#include <string.h>

enum { SOURCES_MAX = 4 };

struct fixture {
    struct memcached *memcached;
    struct deployment *sources[SOURCES_MAX];
    size_t source_count;
    struct memory memory;
    struct arena arena;
    struct plan plan;
};

static const struct now at_ten = {.mono_ms = 10000, .wall_us = 1767225600000000};

static const char *reconcile_at(struct fixture *f, uint64_t mono_ms)
{
    struct now now = {.mono_ms = mono_ms, .wall_us = at_ten.wall_us};
    plan_init(&f->plan, &f->arena);
    struct sizing_view sizing_view = {.memcached = f->memcached,
                                      .claimants = (const struct object *const *)f->sources,
                                      .claimant_count = f->source_count};
    struct sizing sizing = {0};
    if (f->memcached != NULL) {
        sizing = sizing_decide(&sizing_view, now, &f->arena);
    }
    struct sync_view view = {.memcached = f->memcached,
                             .memory = &f->memory,
                             .sizing_view = &sizing_view,
                             .sizing = &sizing};
    sync_reconcile(&view, now, &f->plan);
    return plan_trace(&f->plan);
}

static const char *reconcile(struct fixture *f)
{
    return reconcile_at(f, at_ten.mono_ms);
}

static void claim(struct fixture *f, const char *name, int replicas, int age_s)
{
    f->sources[f->source_count++] = make_source(name, "cache", replicas, age_s);
}

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof *f);
    f->memcached = make_memcached("cache", 1, 41);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    object_free((struct object *)f->memcached);
    for (size_t i = 0; i < f->source_count; i++) {
        object_free(&f->sources[i]->object);
    }
    arena_fini(&f->arena);
    mem_free(f);
    return 0;
}

static void a_different_size_is_written_with_uid_and_version(void **state)
{
    struct fixture *f = *state;
    claim(f, "web", 4, 0);
    assert_string_equal(
        reconcile(f),
        "log Replica count on deployment has changed. Syncing memcached deploymentSync=default/web "
        "memcached-identifier=default/cache from=1 to=4\n"
        "event Normal SizeChanged default/cache: size changed from 1 to 4: follows Deployment "
        "\"web\"\n"
        "PATCH memcacheds default/cache "
        "{\"metadata\":{\"uid\":\"m-cache\",\"resourceVersion\":\"41\"},\"spec\":{\"size\":4}}\n");
}

static void equal_sizes_need_nothing(void **state)
{
    struct fixture *f = *state;
    claim(f, "web", 1, 0);
    assert_string_equal(reconcile(f), "");
}

static void no_claim_needs_nothing(void **state)
{
    assert_string_equal(reconcile(*state), "");
}

static void no_memcached_needs_nothing(void **state)
{
    struct fixture *f = *state;
    claim(f, "web", 4, 0);
    object_free(&f->memcached->object);
    f->memcached = NULL;
    assert_string_equal(reconcile(f), "");
}

static void a_terminating_memcached_is_left_alone(void **state)
{
    struct fixture *f = *state;
    claim(f, "web", 4, 0);
    f->memcached->object.deleting = true;
    assert_string_equal(reconcile(f), "");
}

static void zero_replicas_is_a_size(void **state)
{
    struct fixture *f = *state;
    claim(f, "web", 0, 0);
    reconcile(f);
    assert_true(f->plan.has_write);
    assert_non_null(strstr(f->plan.write.body, "\"size\":0"));
}

static void the_oldest_claimant_decides(void **state)
{
    struct fixture *f = *state;
    claim(f, "a-young", 9, 30);
    claim(f, "b-old", 3, 10);
    reconcile(f);
    assert_non_null(strstr(f->plan.write.body, "\"size\":3"));
}

static void an_invalid_size_is_replaced_by_the_winners(void **state)
{
    struct fixture *f = *state;
    f->memcached->size = REPLICAS_INVALID;
    claim(f, "web", 2, 0);
    reconcile(f);
    assert_non_null(strstr(f->plan.write.body, "\"size\":2"));
}

/* Somebody scaled the Memcached by hand after we had written the size. */
static void drift_is_corrected_at_once_and_said(void **state)
{
    struct fixture *f = *state;
    claim(f, "web", 4, 0);
    f->memcached->size = 9;
    contest_written(&f->memory.size, 4, 4, 9990);
    const char *trace = reconcile(f);
    assert_true(f->plan.has_write);
    assert_non_null(strstr(trace, "event Normal DriftCorrected default/cache: size was changed "
                                  "from 4 to 9 beside the operator"));
}

static void a_rival_is_answered_ever_more_slowly(void **state)
{
    struct fixture *f = *state;
    claim(f, "web", 4, 0);
    f->memcached->size = 9;
    for (int i = 0; i < 5; i++) {
        contest_written(&f->memory.size, 4, 4, 10000);
    }
    assert_string_equal(reconcile_at(f, 10000), "again 40ms\n");
    reconcile_at(f, 10040);
    assert_true(f->plan.has_write);
}

/* An admission webhook clamps the size: one write, then peace. */
static void a_size_that_the_server_changes_is_written_once(void **state)
{
    struct fixture *f = *state;
    claim(f, "web", 40, 0);
    f->memcached->size = 10;
    contest_written(&f->memory.size, 40, 10, 9000);
    assert_string_equal(reconcile_at(f, 900000), "");
    f->sources[0]->replicas = 5;
    reconcile_at(f, 900000);
    assert_true(f->plan.has_write);
}

static void hostile_uids_stay_inside_their_text(void **state)
{
    struct fixture *f = *state;
    claim(f, "web", 4, 0);
    f->memcached->object.uid = "x\",\"finalizers\":[\"y";
    reconcile(f);
    assert_non_null(strstr(f->plan.write.body, "\"uid\":\"x\\\",\\\"finalizers\\\":[\\\"y\""));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_different_size_is_written_with_uid_and_version),
        TEST(equal_sizes_need_nothing),
        TEST(no_claim_needs_nothing),
        TEST(no_memcached_needs_nothing),
        TEST(a_terminating_memcached_is_left_alone),
        TEST(zero_replicas_is_a_size),
        TEST(the_oldest_claimant_decides),
        TEST(an_invalid_size_is_replaced_by_the_winners),
        TEST(drift_is_corrected_at_once_and_said),
        TEST(a_rival_is_answered_ever_more_slowly),
        TEST(a_size_that_the_server_changes_is_written_once),
        TEST(hostile_uids_stay_inside_their_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

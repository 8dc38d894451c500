/*
 * Sleep sets leave out only other orders of the same: with and without them, exploration reaches
 * the same states. And jobs share the schedules.
 */
#include "lib/testing.h"

#include "sim/explore.h"

#include <string.h>

/* Sanitizers make it ten times as slow. */
#if defined(__SANITIZE_ADDRESS__)
enum { DEPTH = 4 };
#else
enum { DEPTH = 6 };
#endif

static void nothing_is_lost_by_sleeping(void **state)
{
    (void)state;
    for (unsigned i = 0; i < explore_spec_count; i++) {
        struct explore_spec spec = explore_specs[i];
        spec.depth = spec.start ? DEPTH - 1 : DEPTH;
        struct explore_result asleep = explore_ends(&spec);
        spec.sleepless = true;
        struct explore_result awake = explore_ends(&spec);
        print_message("%-16s %5d schedules in place of %6d: %4d states\n", spec.name,
                      (int)asleep.paths, (int)awake.paths, (int)awake.ends);
        assert_int_equal(asleep.ends, awake.ends);
        assert_true(asleep.ends_digest == awake.ends_digest);
        assert_true(asleep.paths <= awake.paths);
    }
}

static void jobs_share_the_work(void **state)
{
    (void)state;
    struct explore_spec spec = explore_specs[0];
    struct script script;
    uint64_t sum = 0;
    spec.depth = DEPTH;
    struct explore_result whole = explore(&spec, 0, 1, &script);
    for (unsigned job = 0; job < 3; job++) {
        struct explore_result part = explore(&spec, job, 3, &script);
        assert_true(part.paths < whole.paths);
        sum += part.paths;
    }
    assert_int_equal(whole.failed, 0);
    assert_int_equal(sum, whole.paths);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_by_sleeping),
        cmocka_unit_test(jobs_share_the_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

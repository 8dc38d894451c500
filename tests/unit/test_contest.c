/*
 * Two writers on one field: at once, then ever more slowly; and never against the server itself.
 */
#include "lib/testing.h"

#include "operator/contest.h"

static void the_first_write_may_go_at_once(void **state)
{
    (void)state;
    struct contest c = {0};
    assert_int_equal(contest_delay(&c, 4, 9, 0), 0);
    assert_false(contest_is_correction(&c, 4));
}

static void corrections_slow_down_to_the_maximum(void **state)
{
    (void)state;
    struct contest c = {0};
    uint64_t now_ms = 1000;
    uint64_t expected_ms = 0;
    contest_written(&c, 4, 4, now_ms);
    for (int round = 0; round < 40; round++) {
        uint64_t delay_ms = contest_delay(&c, 4, 9, now_ms);
        assert_int_equal(delay_ms, expected_ms);
        now_ms += delay_ms;
        contest_written(&c, 4, 4, now_ms);
        expected_ms = expected_ms == 0 ? CONTEST_STEP_MS_MIN : expected_ms * 2;
        if (expected_ms > CONTEST_STEP_MS_MAX) {
            expected_ms = CONTEST_STEP_MS_MAX;
        }
    }
    assert_int_equal(expected_ms, CONTEST_STEP_MS_MAX);
}

static void a_new_wish_goes_at_once(void **state)
{
    (void)state;
    struct contest c = {0};
    for (int i = 0; i < 20; i++) {
        contest_written(&c, 4, 4, 1000);
    }
    assert_true(contest_delay(&c, 4, 9, 1000) > 0);
    assert_int_equal(contest_delay(&c, 5, 9, 1000), 0);
}

static void quiet_ends_the_contest(void **state)
{
    (void)state;
    struct contest c = {0};
    for (int i = 0; i <= CONTEST_ROUNDS; i++) {
        contest_written(&c, 4, 4, 1000);
    }
    assert_true(contest_is_on(&c, 1000));
    assert_true(contest_is_on(&c, 1000 + CONTEST_QUIET_MS - 1));
    assert_false(contest_is_on(&c, 1000 + CONTEST_QUIET_MS));
    assert_int_equal(contest_delay(&c, 4, 9, 1000 + CONTEST_QUIET_MS), 0);
    contest_written(&c, 4, 4, 1000 + CONTEST_QUIET_MS);
    assert_int_equal(c.rounds, 0);
}

static void a_few_corrections_are_no_contest(void **state)
{
    (void)state;
    struct contest c = {0};
    for (int i = 0; i < CONTEST_ROUNDS; i++) {
        contest_written(&c, 4, 4, 1000);
    }
    assert_false(contest_is_on(&c, 1000));
}

static void the_servers_own_version_is_accepted(void **state)
{
    (void)state;
    struct contest c = {0};
    contest_written(&c, 40, 10, 1000);
    assert_true(contest_is_overruled(&c, 40, 10));
    assert_int_equal(contest_delay(&c, 40, 10, UINT64_MAX / 2), CONTEST_NEVER);
    /* but a third value is somebody else's doing */
    assert_int_equal(contest_delay(&c, 40, 11, 1000), 0);
    /* and a write that was taken as it is overrules nothing */
    contest_written(&c, 40, 40, 1000);
    assert_false(contest_is_overruled(&c, 40, 40));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_write_may_go_at_once),
        cmocka_unit_test(corrections_slow_down_to_the_maximum),
        cmocka_unit_test(a_new_wish_goes_at_once),
        cmocka_unit_test(quiet_ends_the_contest),
        cmocka_unit_test(a_few_corrections_are_no_contest),
        cmocka_unit_test(the_servers_own_version_is_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

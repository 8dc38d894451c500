/*
 * Plans: what is copied, what is dropped at the limits, which wish for another look counts.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "kube/plan.h"

#include <string.h>

static const struct kind things = {
    .group = "g", .version = "v1", .kind = "Thing", .plural = "things"};

static void the_earliest_look_counts(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct plan p;
    plan_init(&p, &arena);
    assert_int_equal(p.again_ms, 0);
    plan_again(&p, 500);
    plan_again(&p, 900);
    assert_int_equal(p.again_ms, 500);
    plan_again(&p, 20);
    assert_int_equal(p.again_ms, 20);
    plan_again(&p, 0); /* "now" is still a look, not none */
    assert_int_equal(p.again_ms, 1);
}

static void notes_beyond_the_limit_are_dropped(void **state)
{
    (void)state;
    CLEANUP(arena_fini) struct arena arena = {0};
    struct plan p;
    struct object o = {.ns = "n", .name = "a", .uid = "u", .rv = "1"};
    plan_init(&p, &arena);
    for (int i = 0; i < PLAN_EVENTS_MAX + PLAN_LOGS_MAX; i++) {
        plan_log(&p, LOG_INFO, "m", NULL, 0);
        plan_event(&p, &things, &o, EVENT_NORMAL, "R", "A", "note %d", i);
    }
    assert_int_equal(p.log_count, PLAN_LOGS_MAX);
    assert_int_equal(p.event_count, PLAN_EVENTS_MAX);
    assert_string_equal(p.events[3].note, "note 3");
    assert_string_equal(p.events[3].uid, "u");
}

static void fields_and_notes_are_copied(void **state)
{
    (void)state;
    CLEANUP(arena_fini) struct arena arena = {0};
    struct plan p;
    plan_init(&p, &arena);
    struct log_field fields[] = {LOG_STR("a", "b"), LOG_INT("n", 7)};
    plan_log(&p, LOG_WARN, "m", fields, 2);
    fields[1] = LOG_INT("n", 8);
    assert_int_equal(p.logs[0].fields[1].integer, 7);
    char big[RECORDER_NOTE_BYTES_MAX * 3];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    char name[] = "a";
    struct object o = {.ns = "n", .name = name, .uid = "u", .rv = "1"};
    plan_event(&p, &things, &o, EVENT_WARNING, "R", "A", "%s", big);
    name[0] = 'b'; /* the object may be gone when the event is recorded */
    assert_string_equal(p.events[0].name, "a");
    assert_int_equal(strlen(p.events[0].note), RECORDER_NOTE_BYTES_MAX);
}

/* The object that a write is about may be replaced while it is in flight. */
static void a_write_outlives_what_it_was_planned_for(void **state)
{
    (void)state;
    CLEANUP(arena_fini) struct arena arena = {0};
    struct plan p;
    char ns[] = "n", name[] = "a";
    plan_init(&p, &arena);
    const struct write *w = plan_write(&p, "patch Thing", HTTP_PATCH, &things, ns, name);
    ns[0] = name[0] = 'x';
    assert_string_equal(w->ns, "n");
    assert_string_equal(w->name, "a");
    plan_init(&p, &arena);
    assert_null(plan_write(&p, "create Thing", HTTP_POST, &things, ns, NULL)->name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_earliest_look_counts),
        cmocka_unit_test(notes_beyond_the_limit_are_dropped),
        cmocka_unit_test(fields_and_notes_are_copied),
        cmocka_unit_test(a_write_outlives_what_it_was_planned_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

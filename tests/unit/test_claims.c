/*
 * The winner among claimants: whatever the order of looking, whatever is wrong with the others.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "lib/objects.h"
#include "operator/claims.h"

#include <string.h>

struct row {
    const char *name;
    int replicas;
    int age_s;
    bool deleting;
    bool own;
    const char *claim;
};

static struct deployment *make(const struct row *row)
{
    struct deployment *d =
        make_source(row->name, row->claim ? row->claim : "cache", row->replicas, row->age_s);
    d->object.deleting = row->deleting;
    if (row->own) {
        d->object.controller = (struct owner){.api_version = "cache.example.com/v1alpha1",
                                              .kind = "Memcached",
                                              .name = "other",
                                              .uid = "m-other"};
    }
    return d;
}

static void check(const struct row *rows, size_t count, const char *winner, size_t losers)
{
    struct object *sources[8];
    CLEANUP(arena_fini) struct arena arena = {0};
    for (size_t rotation = 0; rotation < count; rotation++) {
        for (size_t i = 0; i < count; i++) {
            sources[i] = &make(&rows[(i + rotation) % count])->object;
        }
        struct claims claims = claims_judge(&arena, (const struct object *const *)sources, count);
        if (winner == NULL) {
            assert_null(claims.winner);
        } else {
            assert_non_null(claims.winner);
            assert_string_equal(claims.winner->object.name, winner);
        }
        assert_int_equal(claims.loser_count, losers);
        for (size_t i = 0; i < claims.loser_count; i++) {
            assert_ptr_not_equal(claims.losers[i], claims.winner);
        }
        for (size_t i = 0; i < count; i++) {
            object_free(sources[i]);
        }
    }
}

static void the_oldest_wins(void **state)
{
    (void)state;
    struct row rows[] = {
        {.name = "c", .age_s = 1}, {.name = "a", .age_s = 2}, {.name = "b", .age_s = 3}};
    check(rows, 3, "c", 2);
}

static void of_one_age_the_name_decides(void **state)
{
    (void)state;
    struct row rows[] = {
        {.name = "c", .age_s = 5}, {.name = "a", .age_s = 5}, {.name = "b", .age_s = 5}};
    check(rows, 3, "a", 2);
}

static void those_that_do_not_count(void **state)
{
    (void)state;
    struct row rows[] = {{.name = "going", .age_s = 1, .deleting = true},
                         {.name = "own", .age_s = 2, .own = true},
                         {.name = "broken", .age_s = 3, .replicas = REPLICAS_INVALID},
                         {.name = "bad", .age_s = 4, .claim = "Not_A_Name"},
                         {.name = "good", .age_s = 5}};
    check(rows, 5, "good", 0);
    check(rows, 4, NULL, 0);
}

static void faults_are_told_apart(void **state)
{
    (void)state;
    struct {
        struct row row;
        enum claim_fault fault;
    } table[] = {{{.name = "a"}, CLAIM_GOOD},
                 {{.name = "a", .own = true}, CLAIM_OWN},
                 {{.name = "a", .claim = "Upper"}, CLAIM_BAD_NAME},
                 {{.name = "a", .claim = "a_b"}, CLAIM_BAD_NAME},
                 {{.name = "a", .claim = "-a"}, CLAIM_BAD_NAME},
                 {{.name = "a", .claim = "a..b"}, CLAIM_BAD_NAME},
                 {{.name = "a", .claim = "a.b-c.9"}, CLAIM_GOOD}};
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct deployment *d = make(&table[i].row);
        assert_int_equal(claim_check(d), table[i].fault);
        object_free(&d->object);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_wins),
        cmocka_unit_test(of_one_age_the_name_decides),
        cmocka_unit_test(those_that_do_not_count),
        cmocka_unit_test(faults_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

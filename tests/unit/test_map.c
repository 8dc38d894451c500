#include "lib/testing.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/random.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { KEYS = 300 };

static int values[KEYS];

static const char *key_of(int i, char out[32])
{
    snprintf(out, 32, "default/memcached-%d", i);
    return out;
}

static void an_empty_map_has_nothing(void **state)
{
    (void)state;
    struct map m;
    map_init(&m, 1);
    assert_null(map_get(&m, "a"));
    assert_null(map_remove(&m, "a"));
    map_for_each (&m, e) {
        fail();
    }
    map_fini(&m);
    map_fini(NULL);
}

static void put_replaces_and_tells_the_old_value(void **state)
{
    (void)state;
    CLEANUP(map_fini) struct map m;
    map_init(&m, 1);
    char key[] = "a";
    assert_null(map_put(&m, key, &values[0]));
    key[0] = 'b'; /* it was copied */
    assert_ptr_equal(map_get(&m, "a"), &values[0]);
    assert_ptr_equal(map_put(&m, "a", &values[1]), &values[0]);
    assert_ptr_equal(map_get(&m, "a"), &values[1]);
    assert_int_equal(m.count, 1);
    assert_null(map_put(&m, "", &values[2])); /* the empty key is one like any other */
    assert_ptr_equal(map_get(&m, ""), &values[2]);
}

/* Lengths around the hash's word of eight bytes. */
static void keys_of_any_length_are_told_apart(void **state)
{
    (void)state;
    CLEANUP(map_fini) struct map m;
    map_init(&m, 1);
    char key[64] = "";
    for (int i = 0; i < 40; i++) {
        assert_null(map_put(&m, key, &values[i]));
        strcat(key, "a");
    }
    key[0] = '\0';
    for (int i = 0; i < 40; i++) {
        assert_ptr_equal(map_get(&m, key), &values[i]);
        strcat(key, "a");
    }
}

static void iterates_in_the_order_of_insertion(void **state)
{
    (void)state;
    CLEANUP(map_fini) struct map m;
    map_init(&m, 7);
    char key[32];
    for (int i = 0; i < KEYS; i++) {
        map_put(&m, key_of(i, key), &values[i]);
    }
    map_put(&m, key_of(3, key), &values[3]); /* a replacement keeps its place */
    int next = 0;
    map_for_each (&m, e) {
        assert_string_equal(e->key, key_of(next, key));
        assert_ptr_equal(e->value, &values[next]);
        next++;
    }
    assert_int_equal(next, KEYS);
}

static void the_last_entry_moves_into_the_place_of_the_removed(void **state)
{
    (void)state;
    CLEANUP(map_fini) struct map m;
    map_init(&m, 7);
    static const char *const keys[] = {"a", "b", "c", "d"};
    for (int i = 0; i < 4; i++) {
        map_put(&m, keys[i], &values[i]);
    }
    assert_ptr_equal(map_remove(&m, "b"), &values[1]);
    assert_string_equal(m.entries[0].key, "a");
    assert_string_equal(m.entries[1].key, "d");
    assert_string_equal(m.entries[2].key, "c");
    assert_ptr_equal(map_remove(&m, "c"), &values[2]); /* the last itself */
    assert_int_equal(m.count, 2);
    assert_ptr_equal(map_get(&m, "d"), &values[3]);
    assert_null(map_remove(&m, "c"));
}

static void memory_shrinks_with_the_count(void **state)
{
    (void)state;
    CLEANUP(map_fini) struct map m;
    map_init(&m, 7);
    char key[32];
    for (int i = 0; i < KEYS; i++) {
        map_put(&m, key_of(i, key), &values[i]);
    }
    size_t full = m.entries_cap;
    for (int i = 0; i < KEYS; i++) {
        assert_ptr_equal(map_remove(&m, key_of(i, key)), &values[i]);
    }
    assert_true(full >= KEYS);
    assert_true(m.entries_cap <= 16);
    assert_true(m.slots_cap <= 32);
}

/* Against the plainest model there is, over thousands of random calls: finds every slip in the
 * backward shift, the move of the last entry, growing and shrinking. */
static void behaves_like_a_model(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        CLEANUP(map_fini) struct map m;
        void *model[KEYS] = {NULL};
        size_t count = 0;
        struct random r;
        random_init(&r, seed);
        map_init(&m, seed);
        for (int step = 0; step < 5000; step++) {
            char key[32];
            int i = (int)random_below(&r, KEYS);
            bool growing = step / 1000 % 2 == 0;
            key_of(i, key);
            assert_ptr_equal(map_get(&m, key), model[i]);
            if (random_below(&r, 10) < (growing ? 8 : 2)) {
                void *value = &values[random_below(&r, KEYS)];
                count += model[i] == NULL;
                assert_ptr_equal(map_put(&m, key, value), model[i]);
                model[i] = value;
            } else {
                count -= model[i] != NULL;
                assert_ptr_equal(map_remove(&m, key), model[i]);
                model[i] = NULL;
            }
            assert_int_equal(m.count, count);
        }
        for (int i = 0; i < KEYS; i++) {
            char key[32];
            assert_ptr_equal(map_get(&m, key_of(i, key)), model[i]);
        }
    }
}

static void the_seed_changes_the_hashes_and_nothing_else_does(void **state)
{
    (void)state;
    CLEANUP(map_fini) struct map a;
    CLEANUP(map_fini) struct map b;
    CLEANUP(map_fini) struct map c;
    map_init(&a, 1);
    map_init(&b, 2);
    map_init(&c, 1);
    map_put(&a, "default/a", values);
    map_put(&b, "default/a", values);
    map_put(&c, "default/a", values);
    assert_int_not_equal(a.entries[0].hash, b.entries[0].hash);
    assert_int_equal(a.entries[0].hash, c.entries[0].hash);
}

static void every_byte_of_a_key_counts_for_its_hash(void **state)
{
    (void)state;
    CLEANUP(map_fini) struct map m;
    map_init(&m, 1);
    char key[] = "namespace-1/memcached";
    map_put(&m, key, values);
    uint64_t whole = m.entries[0].hash;
    for (size_t i = 0; i < sizeof key - 1; i++) {
        key[i] ^= 1;
        map_put(&m, key, values);
        assert_int_not_equal(m.entries[m.count - 1].hash, whole);
        key[i] ^= 1;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_has_nothing),
        cmocka_unit_test(put_replaces_and_tells_the_old_value),
        cmocka_unit_test(keys_of_any_length_are_told_apart),
        cmocka_unit_test(iterates_in_the_order_of_insertion),
        cmocka_unit_test(the_last_entry_moves_into_the_place_of_the_removed),
        cmocka_unit_test(memory_shrinks_with_the_count),
        cmocka_unit_test(behaves_like_a_model),
        cmocka_unit_test(the_seed_changes_the_hashes_and_nothing_else_does),
        cmocka_unit_test(every_byte_of_a_key_counts_for_its_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

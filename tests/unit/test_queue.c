/*
 * The work queue: each rule alone, then all of them at random against a naive model.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "base/random.h"
#include "kube/queue.h"

#include <stdio.h>
#include <string.h>

static int make(void **state)
{
    struct queue *q = mem_alloc(sizeof *q);
    queue_init(q, 1);
    *state = q;
    return 0;
}

static int unmake(void **state)
{
    queue_fini(*state);
    mem_free(*state);
    return 0;
}

/* Get a key, which must be @want (NULL: none). */
static void expect(struct queue *q, uint64_t now_ms, const char *want)
{
    const char *got = queue_get(q, now_ms, NULL);
    if (want == NULL) {
        assert_null(got);
    } else {
        assert_non_null(got);
        assert_string_equal(got, want);
    }
}

static void comes_in_order_once(void **state)
{
    struct queue *q = *state;
    queue_add(q, "b", 0);
    queue_add(q, "a", 0);
    queue_add(q, "b", 0);
    queue_add(q, "c", 0);
    assert_int_equal(queue_ready(q, 0), 3);
    assert_int_equal(q->adds_total, 3);
    expect(q, 0, "b");
    expect(q, 0, "a");
    expect(q, 0, "c");
    expect(q, 0, NULL);
    assert_int_equal(q->processing_count, 3);
}

static void add_while_processing_comes_after(void **state)
{
    struct queue *q = *state;
    queue_add(q, "a", 0);
    expect(q, 0, "a");
    queue_add(q, "a", 1);
    queue_add(q, "a", 2);
    queue_add(q, "b", 3);
    assert_int_equal(q->adds_total, 3);
    expect(q, 3, "b");
    expect(q, 3, NULL); /* never twice at once */
    queue_done(q, "a", 4);
    uint64_t waited_ms = 0;
    assert_string_equal(queue_get(q, 10, &waited_ms), "a");
    assert_int_equal(waited_ms, 6);
    queue_done(q, "a", 10);
    expect(q, 10, NULL);
}

static void done_takes_the_text_that_get_gave(void **state)
{
    struct queue *q = *state;
    queue_add(q, "a", 0);
    const char *key = queue_get(q, 0, NULL);
    queue_forget(q, key);
    queue_done(q, key, 0);
    assert_int_equal(queue_memory(q), 0);
}

static void delayed_come_when_due(void **state)
{
    struct queue *q = *state;
    assert_int_equal(queue_deadline(q), UINT64_MAX);
    queue_add_after(q, "late", 100, 50);
    queue_add_after(q, "soon", 100, 20);
    queue_add_after(q, "also soon", 100, 20);
    assert_int_equal(queue_deadline(q), 120);
    assert_int_equal(q->adds_total, 0);
    expect(q, 119, NULL);
    assert_int_equal(queue_ready(q, 120), 2);
    assert_int_equal(q->adds_total, 2);
    assert_int_equal(queue_deadline(q), 150);
    expect(q, 120, "soon");
    expect(q, 120, "also soon");
    uint64_t waited_ms = 0;
    assert_string_equal(queue_get(q, 157, &waited_ms), "late");
    assert_int_equal(waited_ms, 7); /* since it was due, not since somebody looked */
    assert_int_equal(q->retries_total, 3);
}

static void zero_delay_is_ready_now(void **state)
{
    struct queue *q = *state;
    queue_add_after(q, "a", 7, 0);
    assert_int_equal(queue_deadline(q), UINT64_MAX);
    expect(q, 7, "a");
}

static void earlier_appointment_stays(void **state)
{
    struct queue *q = *state;
    queue_add_after(q, "a", 0, 20);
    queue_add_after(q, "a", 0, 30);
    assert_int_equal(queue_deadline(q), 20);
    queue_add_after(q, "a", 0, 10);
    assert_int_equal(queue_deadline(q), 10);
    expect(q, 10, "a");
    queue_done(q, "a", 10);
    expect(q, 100, NULL);
    assert_int_equal(queue_memory(q), 0);
}

static void add_keeps_later_appointment(void **state)
{
    struct queue *q = *state;
    queue_add_after(q, "a", 0, 20);
    queue_add(q, "a", 5);
    expect(q, 5, "a");
    queue_done(q, "a", 5);
    expect(q, 19, NULL);
    expect(q, 20, "a");
}

static void due_while_processing_comes_after(void **state)
{
    struct queue *q = *state;
    queue_add_after(q, "a", 0, 20);
    queue_add(q, "a", 5);
    expect(q, 5, "a");
    expect(q, 30, NULL);
    queue_done(q, "a", 40);
    expect(q, 40, "a");
}

static void due_ones_come_before_later_adds(void **state)
{
    struct queue *q = *state;
    queue_add_after(q, "a", 0, 10);
    queue_add(q, "b", 20);
    expect(q, 20, "a");
    expect(q, 20, "b");
}

static void delay_without_end_does_not_wrap(void **state)
{
    struct queue *q = *state;
    queue_add_after(q, "a", 1000, UINT64_MAX);
    expect(q, 1u << 30, NULL);
    queue_add_after(q, "b", 1000, UINT64_MAX - 1000);
    expect(q, UINT64_MAX - 1, NULL);
}

static void backs_off_to_1000_s(void **state)
{
    struct queue *q = *state;
    uint64_t now_ms = 0;
    uint64_t want_ms = 5;
    for (unsigned n = 0; n < 200; n++) {
        assert_int_equal(queue_failures(q, "a"), n);
        assert_int_equal(queue_add_rate_limited(q, "a", now_ms), want_ms);
        assert_int_equal(queue_deadline(q), now_ms + want_ms);
        now_ms += want_ms;
        expect(q, now_ms - 1, NULL);
        expect(q, now_ms, "a");
        queue_done(q, "a", now_ms);
        want_ms = want_ms * 2 > 1000000 ? 1000000 : want_ms * 2;
    }
    assert_int_equal(q->retries_total, 200);
    assert_int_equal(queue_memory(q), 1); /* the failures */
    assert_int_equal(queue_failures(q, "b"), 0);
    queue_forget(q, "a");
    assert_int_equal(queue_failures(q, "a"), 0);
    assert_int_equal(queue_memory(q), 0);
    assert_int_equal(queue_add_rate_limited(q, "a", now_ms), 5);
}

static void forgetting_the_unknown_is_fine(void **state)
{
    struct queue *q = *state;
    queue_forget(q, "a");
    assert_int_equal(queue_memory(q), 0);
}

/* A hundred thousand names that come and go. */
static void memory_goes_back(void **state)
{
    enum { KEYS = 100 * 1000 };
    struct queue *q = *state;
    char key[32];
    for (unsigned i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "ns/%u", i);
        queue_add_after(q, key, 0, i % 977);
    }
    assert_int_equal(queue_memory(q), KEYS);
    uint64_t last_ms = 0;
    for (unsigned i = 0; i < KEYS; i++) {
        uint64_t waited_ms = 0;
        const char *got = queue_get(q, 1000, &waited_ms);
        assert_non_null(got);
        assert_true(1000 - waited_ms >= last_ms);
        last_ms = 1000 - waited_ms;
        queue_done(q, got, 1000);
    }
    assert_int_equal(queue_memory(q), 0);
    assert_true(q->delayed_cap <= 64);
}

/* The model: for each key what is true of it, in the plainest way. */

enum { MODEL_KEYS = 8, MODEL_STEPS = 400, MODEL_RUNS = 500 };

struct model_key {
    bool ready, processing, again, delayed;
    unsigned failures;
    uint64_t due_ms, delayed_order, ready_order, ready_ms;
};

struct model {
    struct model_key keys[MODEL_KEYS];
    uint64_t order;
    uint64_t adds;
};

static void model_add(struct model *m, struct model_key *k, uint64_t at_ms)
{
    if (k->ready || k->again) {
        return;
    }
    m->adds++;
    if (k->processing) {
        k->again = true;
        return;
    }
    k->ready = true;
    k->ready_order = m->order++;
    k->ready_ms = at_ms;
}

static void model_advance(struct model *m, uint64_t now_ms)
{
    for (;;) {
        struct model_key *first = NULL;
        for (struct model_key *k = m->keys; k < m->keys + MODEL_KEYS; k++) {
            bool earlier = first == NULL || k->due_ms < first->due_ms ||
                           (k->due_ms == first->due_ms && k->delayed_order < first->delayed_order);
            if (k->delayed && k->due_ms <= now_ms && earlier) {
                first = k;
            }
        }
        if (first == NULL) {
            return;
        }
        first->delayed = false;
        model_add(m, first, first->due_ms);
    }
}

static void model_delay(struct model *m, struct model_key *k, uint64_t due_ms)
{
    if (!k->delayed || due_ms < k->due_ms) {
        k->delayed = true;
        k->due_ms = due_ms;
        k->delayed_order = m->order++;
    }
}

static struct model_key *model_get(struct model *m)
{
    struct model_key *first = NULL;
    for (struct model_key *k = m->keys; k < m->keys + MODEL_KEYS; k++) {
        if (k->ready && (first == NULL || k->ready_order < first->ready_order)) {
            first = k;
        }
    }
    if (first != NULL) {
        first->ready = false;
        first->processing = true;
    }
    return first;
}

static void model_done(struct model *m, struct model_key *k, uint64_t now_ms)
{
    k->processing = false;
    if (k->again) {
        k->again = false;
        k->ready = true;
        k->ready_order = m->order++;
        k->ready_ms = now_ms;
    }
}

static void compare(struct queue *q, const struct model *m, uint64_t now_ms)
{
    size_t known = 0;
    size_t ready = 0;
    size_t processing = 0;
    uint64_t deadline_ms = UINT64_MAX;
    for (size_t i = 0; i < MODEL_KEYS; i++) {
        const struct model_key *k = &m->keys[i];
        const char name[] = {(char)('a' + i), '\0'};
        known += k->ready || k->processing || k->delayed || k->failures > 0;
        ready += k->ready;
        processing += k->processing;
        deadline_ms = k->delayed && k->due_ms < deadline_ms ? k->due_ms : deadline_ms;
        assert_int_equal(queue_failures(q, name), k->failures);
    }
    assert_int_equal(queue_ready(q, now_ms), ready);
    assert_int_equal(q->processing_count, processing);
    assert_int_equal(queue_deadline(q), deadline_ms);
    assert_int_equal(queue_memory(q), known);
    assert_int_equal(q->adds_total, m->adds);
}

static void random_get(struct queue *q, struct model *m, uint64_t now_ms)
{
    uint64_t waited_ms = 0;
    const char *got = queue_get(q, now_ms, &waited_ms);
    struct model_key *want = model_get(m);
    if (want == NULL) {
        assert_null(got);
        return;
    }
    assert_non_null(got);
    assert_ptr_equal(&m->keys[got[0] - 'a'], want);
    assert_int_equal(waited_ms, now_ms - want->ready_ms);
}

static void random_step(struct random *r, struct queue *q, struct model *m, uint64_t now_ms)
{
    size_t i = random_below(r, MODEL_KEYS);
    struct model_key *k = &m->keys[i];
    const char name[] = {(char)('a' + i), '\0'};
    model_advance(m, now_ms);
    switch (random_below(r, 7)) {
    case 0:
        queue_add(q, name, now_ms);
        model_add(m, k, now_ms);
        break;
    case 1: {
        uint64_t delay_ms = random_below(r, 20);
        queue_add_after(q, name, now_ms, delay_ms);
        model_delay(m, k, now_ms + delay_ms);
        break;
    }
    case 2: {
        uint64_t want_ms = k->failures < 17 ? 5ULL << k->failures : 1000000;
        assert_int_equal(queue_add_rate_limited(q, name, now_ms), want_ms);
        k->failures++;
        model_delay(m, k, now_ms + want_ms);
        break;
    }
    case 3:
        queue_forget(q, name);
        k->failures = 0;
        break;
    case 4:
        if (k->processing) {
            queue_done(q, name, now_ms);
            model_done(m, k, now_ms);
        }
        break;
    default:
        random_get(q, m, now_ms);
    }
    model_advance(m, now_ms);
    compare(q, m, now_ms);
}

static void behaves_like_the_model(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < MODEL_RUNS; seed++) {
        struct random r;
        random_init(&r, seed);
        struct queue q;
        queue_init(&q, random_next(&r));
        struct model m = {0};
        uint64_t now_ms = random_below(&r, 2) * 1000000;
        for (unsigned i = 0; i < MODEL_STEPS; i++) {
            now_ms += random_below(&r, 3) == 0 ? random_below(&r, 12) : 0;
            random_step(&r, &q, &m, now_ms);
        }
        queue_fini(&q); /* with keys in every state */
    }
}

#define RULE(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(comes_in_order_once),
        RULE(add_while_processing_comes_after),
        RULE(done_takes_the_text_that_get_gave),
        RULE(delayed_come_when_due),
        RULE(zero_delay_is_ready_now),
        RULE(earlier_appointment_stays),
        RULE(add_keeps_later_appointment),
        RULE(due_while_processing_comes_after),
        RULE(due_ones_come_before_later_adds),
        RULE(delay_without_end_does_not_wrap),
        RULE(backs_off_to_1000_s),
        RULE(forgetting_the_unknown_is_fine),
        RULE(memory_goes_back),
        cmocka_unit_test(behaves_like_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

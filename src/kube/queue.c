/*
 * The work queue: a list of ready keys, a heap of delayed ones, and one map that knows them all.
 */
#include "kube/queue.h"

#include "base/mem.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

enum {
    NOT_DELAYED = 0,
    HEAP_CAP_MIN = 16,
};

struct queue_item {
    struct queue_item *next; /* while ready */
    bool ready;
    bool processing;
    bool again; /* added while being worked on */
    unsigned failures;
    uint64_t ready_ms; /* when it became ready */
    uint64_t due_ms;   /* while delayed */
    uint64_t order;    /* while delayed: breaks ties */
    size_t place;      /* in the heap, counted from 1; NOT_DELAYED otherwise */
    char key[];
};

void queue_init(struct queue *q, uint64_t seed)
{
    *q = (struct queue){0};
    map_init(&q->items, seed);
}

void queue_fini(struct queue *q)
{
    map_for_each (&q->items, entry) {
        mem_free(entry->value);
    }
    map_fini(&q->items);
    mem_free(q->delayed);
    *q = (struct queue){0};
}

static struct queue_item *item_get_or_make(struct queue *q, const char *key)
{
    struct queue_item *item = map_get(&q->items, key);
    if (item == NULL) {
        size_t key_bytes = strlen(key) + 1;
        item = mem_zalloc(sizeof *item + key_bytes);
        memcpy(item->key, key, key_bytes);
        map_put(&q->items, key, item);
    }
    return item;
}

/* Keys are named by users and may come and go for ever: keep nothing that says nothing. */
static void item_free_if_idle(struct queue *q, struct queue_item *item)
{
    if (item->ready || item->processing || item->place != NOT_DELAYED || item->failures > 0) {
        return;
    }
    map_remove(&q->items, item->key);
    mem_free(item);
}

/* The heap of delayed items. */

static bool due_before(const struct queue_item *a, const struct queue_item *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

/* Places count from 1, so that a parent is at half of its children's. */
static struct queue_item *heap_at(const struct queue *q, size_t place)
{
    return q->delayed[place - 1];
}

static void heap_set(struct queue *q, size_t place, struct queue_item *item)
{
    q->delayed[place - 1] = item;
    item->place = place;
}

static void heap_rise(struct queue *q, struct queue_item *item)
{
    size_t place = item->place;
    while (place > 1 && due_before(item, heap_at(q, place / 2))) {
        heap_set(q, place, heap_at(q, place / 2));
        place /= 2;
    }
    heap_set(q, place, item);
}

static void heap_sink(struct queue *q, struct queue_item *item)
{
    size_t place = item->place;
    for (size_t child = 2 * place; child <= q->delayed_count; child = 2 * place) {
        if (child < q->delayed_count && due_before(heap_at(q, child + 1), heap_at(q, child))) {
            child++;
        }
        if (!due_before(heap_at(q, child), item)) {
            break;
        }
        heap_set(q, place, heap_at(q, child));
        place = child;
    }
    heap_set(q, place, item);
}

static void heap_resize(struct queue *q, size_t cap)
{
    q->delayed = mem_realloc(q->delayed, cap * sizeof(struct queue_item *));
    q->delayed_cap = cap;
}

static void heap_push(struct queue *q, struct queue_item *item)
{
    if (q->delayed_count == q->delayed_cap) {
        heap_resize(q, q->delayed_cap == 0 ? HEAP_CAP_MIN : 2 * q->delayed_cap);
    }
    q->delayed_count++;
    heap_set(q, q->delayed_count, item);
    heap_rise(q, item);
}

static struct queue_item *heap_pop(struct queue *q)
{
    struct queue_item *first = heap_at(q, 1);
    struct queue_item *last = heap_at(q, q->delayed_count);
    q->delayed_count--;
    if (first != last) {
        heap_set(q, 1, last);
        heap_sink(q, last);
    }
    first->place = NOT_DELAYED;
    if (q->delayed_cap > HEAP_CAP_MIN && q->delayed_count < q->delayed_cap / 4) {
        heap_resize(q, q->delayed_cap / 2);
    }
    return first;
}

/* From delayed to ready to processing and back. */

static void append_ready(struct queue *q, struct queue_item *item, uint64_t ready_ms)
{
    item->ready = true;
    item->ready_ms = ready_ms;
    item->next = NULL;
    if (q->tail == NULL) {
        q->head = item;
    } else {
        q->tail->next = item;
    }
    q->tail = item;
    q->ready_count++;
}

static void make_ready(struct queue *q, struct queue_item *item, uint64_t ready_ms)
{
    if (item->ready || item->again) {
        return;
    }
    q->adds_total++;
    if (item->processing) {
        item->again = true;
    } else {
        append_ready(q, item, ready_ms);
    }
}

static void make_due_ready(struct queue *q, uint64_t now_ms)
{
    while (q->delayed_count > 0 && heap_at(q, 1)->due_ms <= now_ms) {
        struct queue_item *item = heap_pop(q);
        make_ready(q, item, item->due_ms);
    }
}

void queue_add(struct queue *q, const char *key, uint64_t now_ms)
{
    make_due_ready(q, now_ms); /* they were first */
    make_ready(q, item_get_or_make(q, key), now_ms);
}

static void add_delayed(struct queue *q, struct queue_item *item, uint64_t now_ms,
                        uint64_t delay_ms)
{
    q->retries_total++;
    uint64_t due_ms = delay_ms < UINT64_MAX - now_ms ? now_ms + delay_ms : UINT64_MAX;
    bool was_delayed = item->place != NOT_DELAYED;
    if (was_delayed && item->due_ms <= due_ms) {
        return;
    }
    item->due_ms = due_ms;
    item->order = q->order++;
    if (was_delayed) {
        heap_rise(q, item);
    } else {
        heap_push(q, item);
    }
    make_due_ready(q, now_ms);
}

void queue_add_after(struct queue *q, const char *key, uint64_t now_ms, uint64_t delay_ms)
{
    make_due_ready(q, now_ms);
    add_delayed(q, item_get_or_make(q, key), now_ms, delay_ms);
}

static uint64_t backoff_ms(unsigned failures)
{
    uint64_t delay_ms = QUEUE_BACKOFF_MS_MIN;
    while (failures-- > 0 && delay_ms < QUEUE_BACKOFF_MS_MAX) {
        delay_ms *= 2;
    }
    return delay_ms < QUEUE_BACKOFF_MS_MAX ? delay_ms : QUEUE_BACKOFF_MS_MAX;
}

uint64_t queue_add_rate_limited(struct queue *q, const char *key, uint64_t now_ms)
{
    make_due_ready(q, now_ms);
    struct queue_item *item = item_get_or_make(q, key);
    uint64_t delay_ms = backoff_ms(item->failures);
    if (item->failures < UINT_MAX) {
        item->failures++;
    }
    add_delayed(q, item, now_ms, delay_ms);
    return delay_ms;
}

void queue_forget(struct queue *q, const char *key)
{
    struct queue_item *item = map_get(&q->items, key);
    if (item != NULL) {
        item->failures = 0;
        item_free_if_idle(q, item);
    }
}

const char *queue_get(struct queue *q, uint64_t now_ms, uint64_t *waited_ms)
{
    make_due_ready(q, now_ms);
    struct queue_item *item = q->head;
    if (item == NULL) {
        return NULL;
    }
    q->head = item->next;
    if (q->head == NULL) {
        q->tail = NULL;
    }
    q->ready_count--;
    item->ready = false;
    item->processing = true;
    q->processing_count++;
    if (waited_ms != NULL) {
        *waited_ms = now_ms - item->ready_ms;
    }
    return item->key;
}

void queue_done(struct queue *q, const char *key, uint64_t now_ms)
{
    struct queue_item *item = map_get(&q->items, key);
    assert(item != NULL && item->processing);
    make_due_ready(q, now_ms);
    item->processing = false;
    q->processing_count--;
    if (item->again) {
        item->again = false;
        append_ready(q, item, now_ms);
    }
    item_free_if_idle(q, item);
}

unsigned queue_failures(const struct queue *q, const char *key)
{
    const struct queue_item *item = map_get(&q->items, key);
    return item != NULL ? item->failures : 0;
}

size_t queue_ready(struct queue *q, uint64_t now_ms)
{
    make_due_ready(q, now_ms);
    return q->ready_count;
}

uint64_t queue_deadline(const struct queue *q)
{
    return q->delayed_count > 0 ? heap_at(q, 1)->due_ms : UINT64_MAX;
}

size_t queue_memory(const struct queue *q)
{
    return q->items.count;
}

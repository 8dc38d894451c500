/*
 * The work queue of one controller, with the semantics of client-go's: duplicates drop, a key is
 * never worked on twice at once (an add meanwhile is kept and comes after), failures come back with
 * exponential backoff per key, and nothing of a key stays behind once it is forgotten.
 */
#pragma once
#include "base/map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    QUEUE_BACKOFF_MS_MIN = 5,
    QUEUE_BACKOFF_MS_MAX = 1000 * 1000,
};

struct queue_item;

struct queue {
    struct map items;               /* key → struct queue_item */
    struct queue_item *head, *tail; /* ready, first come first served */
    struct queue_item **delayed;    /* min-heap by due time, then by order of adding */
    size_t delayed_count, delayed_cap;
    size_t ready_count;
    size_t processing_count;
    uint64_t order;
    uint64_t adds_total;    /* workqueue_adds_total */
    uint64_t retries_total; /* workqueue_retries_total */
};

void queue_init(struct queue *q, uint64_t seed);
void queue_fini(struct queue *q);

/** Ready now; dropped when it is ready already; kept for later when it is being worked on. */
void queue_add(struct queue *q, const char *key, uint64_t now_ms);

/** Ready @delay_ms from now; an earlier due time of the same key stays. A key that becomes ready
 * sooner by queue_add() keeps its later appointment too. */
void queue_add_after(struct queue *q, const char *key, uint64_t now_ms, uint64_t delay_ms);

/** Ready after the key's backoff: 5 ms × 2ⁿ up to 1000 s; n counts since queue_forget(). Returns
 * the delay. */
uint64_t queue_add_rate_limited(struct queue *q, const char *key, uint64_t now_ms);

/** The key's failures are over. */
void queue_forget(struct queue *q, const char *key);

/** Next ready key, now being worked on until queue_done(); NULL when none. The text lives until
 * queue_done(). *waited_ms (may be NULL): time since it became ready. */
const char *queue_get(struct queue *q, uint64_t now_ms, uint64_t *waited_ms);
void queue_done(struct queue *q, const char *key, uint64_t now_ms);

/** How often the key has failed since it was forgotten. */
unsigned queue_failures(const struct queue *q, const char *key);

/** Keys ready now, after moving those that are due (workqueue_depth). */
size_t queue_ready(struct queue *q, uint64_t now_ms);

/** When the next delayed key is due; UINT64_MAX: none. */
uint64_t queue_deadline(const struct queue *q);

/** Keys of which anything at all is held. 0 when idle. */
size_t queue_memory(const struct queue *q);

/*
 * The event loop's eyes: epoll with a callback per descriptor, and timers. One thread.
 */
#pragma once
#include "base/error.h"
#include "base/time_text.h"

#include <stdint.h>

enum {
    /* epoll's clock stands still while the machine sleeps, ours does not: so late a deadline may be
     * noticed after a suspend. */
    POLLER_WAIT_MS_MAX = 10 * 1000,
};

struct poller;

/** @events: EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP as ready. */
typedef void poller_fn(void *ctx, int fd, uint32_t events);

struct poller *poller_new(struct error *err);
void poller_free(struct poller *p);

/** Watch @fd, or change what is watched; @events as of epoll (level-triggered). The descriptor
 * stays the caller's. */
void poller_set(struct poller *p, int fd, uint32_t events, poller_fn *fn, void *ctx);
void poller_remove(struct poller *p, int fd);

/** Wait until something is ready or @until_mono_ms (UINT64_MAX: no limit) and call what is ready. A
 * callback may set and remove any descriptor. May return early: the caller looks at its clock. */
void poller_wait(struct poller *p, uint64_t until_mono_ms);

/** Both clocks now: CLOCK_BOOTTIME and CLOCK_REALTIME. */
struct now clock_now(void);

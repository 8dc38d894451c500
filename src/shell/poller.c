#include "shell/poller.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum {
    READY_MAX = 64, /* descriptors served per wait; more come with the next */
};

struct slot {
    poller_fn *fn; /* NULL: not watched */
    void *ctx;
    uint32_t generation; /* tells an event of this watch from a stale one of an earlier */
};

struct poller {
    int epoll_fd;
    struct slot *slots; /* by descriptor: the kernel gives out the lowest free ones */
    size_t slot_count;
    uint32_t generation;
};

struct poller *poller_new(struct error *err)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) {
        error_set(err, ERR_INVALID, "epoll_create1: %s", strerror(errno));
        return NULL;
    }
    struct poller *p = mem_zalloc(sizeof(*p));
    p->epoll_fd = fd;
    return p;
}

void poller_free(struct poller *p)
{
    if (p == NULL) {
        return;
    }
    close(p->epoll_fd);
    mem_free(p->slots);
    mem_free(p);
}

static struct slot *slot_for(struct poller *p, int fd)
{
    assert(fd >= 0);
    size_t needed = (size_t)fd + 1;
    if (needed > p->slot_count) {
        size_t count = needed * 2;
        p->slots = mem_realloc(p->slots, count * sizeof(*p->slots));
        memset(p->slots + p->slot_count, 0, (count - p->slot_count) * sizeof(*p->slots));
        p->slot_count = count;
    }
    return &p->slots[fd];
}

void poller_set(struct poller *p, int fd, uint32_t events, poller_fn *fn, void *ctx)
{
    struct slot *slot = slot_for(p, fd);
    int first = slot->fn != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    int second = slot->fn != NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (slot->fn != fn || slot->ctx != ctx) {
        *slot = (struct slot){.fn = fn, .ctx = ctx, .generation = ++p->generation};
    }
    struct epoll_event event = {
        .events = events,
        .data.u64 = (uint64_t)slot->generation << 32 | (uint32_t)fd,
    };
    int code = epoll_ctl(p->epoll_fd, first, fd, &event);
    /* A library may close and reopen a number without telling us: the kernel knows better. */
    if (code != 0 && (errno == ENOENT || errno == EEXIST)) {
        code = epoll_ctl(p->epoll_fd, second, fd, &event);
    }
    if (code != 0) {
        assert(errno == ENOMEM || errno == ENOSPC); /* anything else is a mistake of ours */
        mem_out_of_memory(sizeof(event));
    }
}

void poller_remove(struct poller *p, int fd)
{
    struct slot *slot = slot_for(p, fd);
    if (slot->fn != NULL) {
        slot->fn = NULL;
        epoll_ctl(p->epoll_fd, EPOLL_CTL_DEL, fd, NULL); /* fails if closed already: just as well */
    }
}

static int timeout_ms(uint64_t until_mono_ms)
{
    uint64_t now = clock_now().mono_ms;
    if (until_mono_ms <= now) {
        return 0;
    }
    uint64_t left = until_mono_ms - now;
    return left < POLLER_WAIT_MS_MAX ? (int)left : POLLER_WAIT_MS_MAX;
}

void poller_wait(struct poller *p, uint64_t until_mono_ms)
{
    struct epoll_event ready[READY_MAX];
    int count = epoll_wait(p->epoll_fd, ready, READY_MAX, timeout_ms(until_mono_ms));
    for (int i = 0; i < count; i++) {
        int fd = (int)(uint32_t)ready[i].data.u64;
        struct slot slot = p->slots[fd];
        /* an earlier callback of this round may have removed or replaced it */
        if (slot.fn != NULL && slot.generation == ready[i].data.u64 >> 32) {
            slot.fn(slot.ctx, fd, ready[i].events);
        }
    }
}

struct now clock_now(void)
{
    struct timespec mono, wall;
    clock_gettime(CLOCK_BOOTTIME, &mono);
    clock_gettime(CLOCK_REALTIME, &wall);
    return (struct now){
        .mono_ms = (uint64_t)mono.tv_sec * 1000 + (uint64_t)mono.tv_nsec / 1000000,
        .wall_us = (int64_t)wall.tv_sec * 1000000 + wall.tv_nsec / 1000,
    };
}

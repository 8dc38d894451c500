#include "lib/testing.h"

#include "shell/poller.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture {
    struct poller *poller;
    int a[2], b[2]; /* socket pairs: write to [1], [0] becomes readable */
    unsigned calls_a, calls_b;
    uint32_t events;
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){0};
    struct error err = ERROR_INIT;
    f.poller = poller_new(&err);
    assert_non_null(f.poller);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, f.a), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, f.b), 0);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    poller_free(f->poller);
    for (int i = 0; i < 2; i++) {
        close(f->a[i]);
        close(f->b[i]);
    }
    return 0;
}

static void wait_once(struct fixture *f)
{
    poller_wait(f->poller, clock_now().mono_ms); /* what is ready now */
}

static void count(void *ctx, int fd, uint32_t events)
{
    struct fixture *f = ctx;
    *(fd == f->a[0] ? &f->calls_a : &f->calls_b) += 1;
    f->events = events;
}

static void remove_both(void *ctx, int fd, uint32_t events)
{
    struct fixture *f = ctx;
    count(ctx, fd, events);
    poller_remove(f->poller, f->a[0]);
    poller_remove(f->poller, f->b[0]);
}

static void replace_both(void *ctx, int fd, uint32_t events)
{
    struct fixture *f = ctx;
    count(ctx, fd, events);
    poller_remove(f->poller, f->a[0]);
    poller_remove(f->poller, f->b[0]);
    poller_set(f->poller, f->a[0], EPOLLIN, count, f);
    poller_set(f->poller, f->b[0], EPOLLIN, count, f);
}

static void ready_descriptors_are_called_until_read(void **state)
{
    struct fixture *f = *state;
    poller_set(f->poller, f->a[0], EPOLLIN, count, f);
    wait_once(f);
    assert_int_equal(f->calls_a, 0);
    assert_int_equal(write(f->a[1], "x", 1), 1);
    wait_once(f);
    wait_once(f); /* level-triggered */
    assert_int_equal(f->calls_a, 2);
    assert_int_equal(f->events, EPOLLIN);
    char byte;
    assert_int_equal(read(f->a[0], &byte, 1), 1);
    wait_once(f);
    assert_int_equal(f->calls_a, 2);
}

static void what_is_watched_can_change(void **state)
{
    struct fixture *f = *state;
    poller_set(f->poller, f->a[0], EPOLLIN, count, f);
    poller_set(f->poller, f->a[0], EPOLLOUT, count, f);
    wait_once(f);
    assert_int_equal(f->events, EPOLLOUT);
    poller_remove(f->poller, f->a[0]);
    poller_remove(f->poller, f->a[0]); /* twice does no harm */
    wait_once(f);
    assert_int_equal(f->calls_a, 1);
}

static void a_callback_may_remove_others_that_are_ready(void **state)
{
    struct fixture *f = *state;
    poller_set(f->poller, f->a[0], EPOLLOUT, remove_both, f);
    poller_set(f->poller, f->b[0], EPOLLOUT, remove_both, f);
    wait_once(f);
    wait_once(f);
    assert_int_equal(f->calls_a + f->calls_b, 1);
}

/* The event at hand was for the earlier watch, even if descriptor and callback are the same. */
static void a_stale_event_does_not_reach_a_new_watch(void **state)
{
    struct fixture *f = *state;
    poller_set(f->poller, f->a[0], EPOLLOUT, replace_both, f);
    poller_set(f->poller, f->b[0], EPOLLOUT, replace_both, f);
    wait_once(f);
    wait_once(f);
    assert_int_equal(f->calls_a + f->calls_b, 1);
}

static void a_number_closed_behind_our_back_can_be_used_again(void **state)
{
    struct fixture *f = *state;
    poller_set(f->poller, f->a[0], EPOLLOUT, count, f);
    close(f->a[0]);
    assert_int_equal(dup2(f->b[0], f->a[0]), f->a[0]);
    poller_set(f->poller, f->a[0], EPOLLOUT, count, f);
    wait_once(f);
    assert_int_equal(f->calls_a, 1);
}

static void many_ready_descriptors_are_all_served(void **state)
{
    struct fixture *f = *state;
    int fds[200];
    for (size_t i = 0; i < 200; i++) {
        fds[i] = dup(f->b[0]);
        assert_true(fds[i] >= 0);
        poller_set(f->poller, fds[i], EPOLLOUT | EPOLLONESHOT, count, f);
    }
    for (int round = 0; round < 10; round++) {
        wait_once(f);
    }
    assert_int_equal(f->calls_b, 200);
    for (size_t i = 0; i < 200; i++) {
        poller_remove(f->poller, fds[i]);
        close(fds[i]);
    }
}

static void waits_until_the_deadline(void **state)
{
    struct fixture *f = *state;
    uint64_t until_ms = clock_now().mono_ms + 30;
    poller_wait(f->poller, until_ms);
    assert_true(clock_now().mono_ms >= until_ms);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(ready_descriptors_are_called_until_read),
        TEST(what_is_watched_can_change),
        TEST(a_callback_may_remove_others_that_are_ready),
        TEST(a_stale_event_does_not_reach_a_new_watch),
        TEST(a_number_closed_behind_our_back_can_be_used_again),
        TEST(many_ready_descriptors_are_all_served),
        TEST(waits_until_the_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

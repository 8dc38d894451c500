/*
 * What failing.c, which is loaded into a program under test, and the test share: a page of
 * counters, and which call shall fail.
 */
#pragma once
#include <stdatomic.h>

enum failing_call {
    FAILING_MALLOC,
    FAILING_SOCKET,
    FAILING_CONNECT,
    FAILING_OPEN,
    FAILING_EPOLL_CREATE,
    FAILING_EPOLL_CTL,
    FAILING_EPOLL_WAIT,
    FAILING_PIPE,
    FAILING_SPAWN,
    FAILING_PIDFD,
    FAILING_SIGNALFD,
    FAILING_SOCKETPAIR,
    FAILING_ACCEPT,
    FAILING_READ,
    FAILING_WRITE,
    FAILING_RECV,
    FAILING_SEND,
    FAILING_CALLS,
};

/** The name of the file with the board, in the environment; without it nothing ever fails. */
#define FAILING_BOARD "FAILING_BOARD"

/** Shared by mapping. The test fills in what shall fail before it starts the program. */
struct failing_board {
    enum failing_call call;             /* of these, */
    unsigned long from;                 /* the one with this number, from 1, fails (0: none) … */
    unsigned long count;                /* … and as many, it included, */
    int code;                           /* with this errno */
    atomic_ulong counts[FAILING_CALLS]; /* how often each was called */
    atomic_ulong failed;                /* how many have failed */
};

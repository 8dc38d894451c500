/*
 * Drives a manager by hand: performs its actions on nothing but memory, shows the open requests,
 * and answers them as a test says. Time stands still unless the test moves it.
 */
#pragma once
#include "kube/manager.h"

#include <stdbool.h>

struct open_request {
    uint64_t id;
    char *line; /* "GET /api/v1/pods?…" */
    char *body; /* or NULL */
    const char *accept, *content_type;
    uint32_t timeout_ms;
};

struct driver {
    struct manager *manager;
    struct now now;
    struct actions actions;
    struct open_request *open;
    size_t open_count;
    struct buf logs;
    size_t started; /* requests begun in all */
    int exit_code;  /* -1: runs */
};

/** Takes the manager. */
void driver_init(struct driver *d, struct manager *manager);
void driver_fini(struct driver *d);

/** Step with a tick after @ms more; deadlines in between are stepped at their time. */
void driver_pass(struct driver *d, uint64_t ms);
void driver_stop(struct driver *d);

/** The oldest open request whose line begins with @prefix, or NULL. */
const struct open_request *driver_find(const struct driver *d, const char *prefix);

/** Open requests whose line begins with @prefix. */
size_t driver_count(const struct driver *d, const char *prefix);

/** Answer it wholly, with single quotes in @body read as double ones. Fails the test when there is
 * none. */
void driver_answer(struct driver *d, const char *prefix, int http_status, const char *body, ...)
    __attribute__((format(printf, 4, 5)));

/** Answer it with an empty body and a Retry-After. */
void driver_retry_after(struct driver *d, const char *prefix, int http_status, int64_t ms);

/** Let it fail without an answer. */
void driver_break(struct driver *d, const char *prefix);

/** Send a piece of a stream (head first where it has not begun); quotes as above. */
void driver_feed(struct driver *d, const char *prefix, const char *body, ...)
    __attribute__((format(printf, 3, 4)));

/** Answer the first attempt of each of @prefixes' watches (WatchList) with a refusal and its LIST
 * with @items. */
void driver_list(struct driver *d, const char *path, const char *items, ...)
    __attribute__((format(printf, 3, 4)));

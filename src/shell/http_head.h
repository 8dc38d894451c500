/*
 * The head of an HTTP answer, line by line as libcurl hands it over, for the two things in it that
 * we read: the status and Retry-After. Pure.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HTTP_HEAD_BYTES_MAX = 64 << 10,     /* of all lines, informational answers and trailers too */
    HTTP_RETRY_AFTER_S_MAX = 24 * 3600, /* a greater one is cut to this */
};

struct http_head {
    bool complete;          /* the final answer's head is there: what follows are trailers */
    int status;             /* three digits at most; 0: none so far */
    int64_t retry_after_ms; /* -1: none, or not in seconds */
    size_t bytes;
};

/** An initializer: nothing has come. */
#define HTTP_HEAD_INIT ((struct http_head){.retry_after_ms = -1})

/**
 * Take in one line, its line end included: first the status line, then the fields, then an empty
 * one. Informational answers (1xx) may come before, trailers behind; both count for nothing.
 * Returns 0, or ERR_TOO_BIG: it is longer than HTTP_HEAD_BYTES_MAX in all.
 */
int http_head_line(struct http_head *h, const char *line, size_t len);

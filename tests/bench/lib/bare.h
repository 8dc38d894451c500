/*
 * A bare client: libcurl's multi interface, one HTTP/2 connection, a TLS client certificate, kept
 * handles, and nothing else. It is the floor that the operator is measured against, and it also
 * drives and observes the measurements, so that these cost little beside what they measure.
 *
 * Whatever goes wrong ends the program: a measurement with failures in it is worth nothing.
 */
#pragma once
#include "kube/http.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Say why and exit with 1. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** CLOCK_MONOTONIC, in seconds. */
double seconds_now(void);

/** The texts are borrowed until it is answered. */
struct bare_request {
    enum http_method method;
    const char *path;
    const char *content_type; /* NULL: no body */
    const char *body;
};

struct bare_client;

/** @kubeconfig as config_load() takes it. Connects with the first request. */
struct bare_client *bare_new(const char *kubeconfig);
void bare_free(struct bare_client *c);

/** Send one request and wait for its answer, which is valid until the next request. */
const char *bare_call(struct bare_client *c, const struct bare_request *request);

/** What comes next on @lane, whose last request (if any) is answered; NULL: nothing more. */
typedef const struct bare_request *bare_next_fn(void *ctx, size_t lane);

/** Keep up to @lanes requests in flight, one of each lane, until next() has nothing more for any.
 */
void bare_run(struct bare_client *c, size_t lanes, bare_next_fn *next, void *ctx);

/** Bytes of a stream, split anywhere; NULL: the server has ended it. */
typedef void bare_bytes_fn(void *ctx, const char *bytes, size_t len);

/** Begin a GET whose body goes to @fn as it comes, inside the other calls. */
void bare_stream(struct bare_client *c, const char *path, bare_bytes_fn *fn, void *ctx);

/** Wait for the streams, at most @wait_ms. */
void bare_wait(struct bare_client *c, int wait_ms);

/*
 * Runs sequences on a real API server: several side by side, each in a namespace of its own, which
 * must not be there before and is left behind empty of Memcacheds.
 */
#pragma once
#include "base/error.h"
#include "sim/conformance_side.h"

struct real;

/** @kubeconfig as config_load() takes it. @compact: the shell command that compacts etcd, or NULL;
 * both borrowed. NULL with *err filled. */
struct real *real_new(const char *kubeconfig, const char *compact, struct error *err);
void real_free(struct real *r);

/** The next side to run, or NULL: no more. */
typedef struct side *real_next_fn(void *ctx);
/** It has run; takes the side back. */
typedef void real_done_fn(void *ctx, struct side *side);

/** Run sides as long as there are any, at most @lanes at a time. Returns 0, or ERR_TRANSPORT and
 * the like when the server could not be asked. */
int real_run(struct real *r, unsigned lanes, real_next_fn *next, real_done_fn *done, void *ctx,
             struct error *err);

/** Requests that were sent so far, what is done beside the sequences included. */
uint64_t real_requests(const struct real *r);

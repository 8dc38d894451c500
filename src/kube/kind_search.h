/*
 * Asks the server for a kind that somebody wrote down, until it is found: kube/discovery.h at work
 * in a manager.
 */
#pragma once
#include "base/random.h"
#include "kube/client.h"
#include "kube/object.h"

enum {
    KIND_SEARCH_MS_MIN = 1000, /* between two questions: doubles, with jitter on top */
    KIND_SEARCH_MS_MAX = 5 * 60 * 1000,
    KIND_SEARCH_TROUBLE_MS_MAX = 30 * 1000, /* where the answer says nothing of the kind */
};

struct manager;

struct kind_search {
    struct manager *manager;
    struct random *random;
    char *api_version, *kind_name;
    struct kind *found;                    /* NULL: not yet */
    struct error trouble;                  /* of the last answer; ERR_NONE: none */
    void (*news)(void *ctx, bool changed); /* after each answer: is the trouble another now? */
    void *ctx;
    uint64_t call_id; /* 0: none in flight */
    uint64_t wake_ms;
    uint64_t wait_ms; /* after the last failure; 0: none yet */
};

/** The names have been checked by discovery_check(), and are copied. @news is called with @ctx from
 * within the manager's step. */
void kind_search_init(struct kind_search *s, struct manager *m, struct random *random,
                      const char *api_version, const char *kind_name,
                      void (*news)(void *ctx, bool changed), void *ctx);

/** Frees the kind that was found, too. Nothing may be in flight: kind_search_stop(). */
void kind_search_fini(struct kind_search *s);

/** Ask, if it is not found, nothing is in flight and the time has come. */
void kind_search_pump(struct kind_search *s);
uint64_t kind_search_deadline(const struct kind_search *s);

/** Nothing is sent before the server's Retry-After is over. */
bool kind_search_is_pausing(const struct kind_search *s);

/** Cancel what is in flight. */
void kind_search_stop(struct kind_search *s);

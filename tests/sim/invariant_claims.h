/*
 * Who decides a Memcached's size: design.md §4 written down a second time, on the server's JSON.
 * Only for invariant.c's files.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yyjson.h>

#define CLAIM_LABEL "memcached-operator/associated-memcached-deployment-name"

/** A Deployment that bears the label. */
struct claimant {
    char uid[64], ns[64], name[254];
    char claim[64];   /* the label's value */
    char created[40]; /* RFC 3339 with seconds, UTC: the earlier is the lesser text */
    int64_t replicas;
    bool counts; /* not on its way out, no operand, its label is a name */
};

/** False: it has no such label. */
bool claimant_read(yyjson_val *deployment, struct claimant *out);

/** Of all that claim @ns/@memcached, the one that decides; NULL: nobody. */
const struct claimant *claimants_decide(const struct claimant *const *all, size_t count,
                                        const char *ns, const char *memcached);

/** It claims @ns/@memcached, and counts. */
bool claimant_is_for(const struct claimant *c, const char *ns, const char *memcached);

/** The uid of the Memcached that controls @deployment; NULL: none does. */
const char *controlling_memcached(yyjson_val *deployment);

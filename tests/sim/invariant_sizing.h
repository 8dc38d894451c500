/*
 * I1 of spec.size: what it must be in the end, and what status.sizing and its conditions must say,
 * when no hold is left. Only for invariant.c's files.
 */
#pragma once
#include "sim/invariant_claims.h"
#include "sim/invariant_parts.h"
#include "sim/invariant_size.h"

enum { SIZING_TOLD_MAX = 32, SIZING_CLAIMS_MAX = 64, SIZING_NAME_BYTES = 64 + 254 };

struct sizing_claim {
    char name[SIZING_NAME_BYTES]; /* "Deployment/web" */
    int64_t replicas;             /* -1: not known */
    bool is_deciding;
};

struct sizing_truth {
    struct size_rules rules;
    const char *reason; /* of SizeSynced; NULL: nobody decides, and nothing is said */
    bool is_synced;
    bool has_target; /* spec.size is one that may stay only if `is_right` */
    bool is_right;
    int64_t wish; /* -1: none */
    int64_t size; /* what status.sizing.size must be; -1: it is not judged */
    char source[SIZING_NAME_BYTES];
    struct sizing_claim claims[SIZING_CLAIMS_MAX]; /* those who decide first */
    size_t claim_count;
};

/** @operand: the Memcached's own Deployment, or NULL. @claims: all in the cluster. @out borrows
 * from
 * @memcached. */
void sizing_expect(struct sizing_truth *out, const struct invariants *i, yyjson_val *memcached,
                   yyjson_val *operand, const struct claimant *const *claims, size_t count);

/** NULL: status.sizing says so. Else what is different, in @why. */
const char *sizing_status_difference(const struct sizing_truth *truth, yyjson_val *status,
                                     struct buf *why);

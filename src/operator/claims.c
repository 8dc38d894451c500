#include "operator/claims.h"

#include "kube/name.h"

#include <string.h>

enum claim_fault claim_check(const struct deployment *d)
{
    if (!name_is_valid(d->claim)) {
        return CLAIM_BAD_NAME;
    }
    return is_operand(&d->object) ? CLAIM_OWN : CLAIM_GOOD;
}

static bool counts(const struct deployment *d)
{
    return !d->object.deleting && d->replicas != REPLICAS_INVALID && claim_check(d) == CLAIM_GOOD;
}

static bool is_older(const struct deployment *a, const struct deployment *b)
{
    if (a->object.created_us != b->object.created_us) {
        return a->object.created_us < b->object.created_us;
    }
    return strcmp(a->object.name, b->object.name) < 0;
}

struct claims claims_judge(struct arena *arena, const struct object *const *sources, size_t count)
{
    struct claims claims = {0};
    for (size_t i = 0; i < count; i++) {
        const struct deployment *d = (const struct deployment *)sources[i];
        if (counts(d) && (claims.winner == NULL || is_older(d, claims.winner))) {
            claims.winner = d;
        }
    }
    claims.losers = arena_alloc(arena, (count + 1) * sizeof *claims.losers);
    for (size_t i = 0; i < count; i++) {
        const struct deployment *d = (const struct deployment *)sources[i];
        if (counts(d) && d != claims.winner) {
            claims.losers[claims.loser_count++] = d;
        }
    }
    return claims;
}

/*
 * The first part of a decision: who wants to decide, who of them counts, and what they have
 * together.
 */
#include "operator/sizing_parts.h"

#include "operator/claims.h"

#include <string.h>

const struct size_from *sizing_rules(const struct sizing_view *view)
{
    return view->memcached->size_from != NULL ? view->memcached->size_from : &size_from_default;
}

struct sizing_source sizing_source_at(const struct sizing_view *view, size_t i)
{
    struct sizing_source source = {.state = SOURCE_UNKNOWN};
    if (view->sources != NULL) {
        source = view->sources[i];
    }
    if (source.state == SOURCE_FOUND && source.replicas == REPLICAS_INVALID) {
        source.state = SOURCE_INVALID;
    }
    return source;
}

bool sizing_is_missing(enum source_state state)
{
    return state == SOURCE_MISSING || state == SOURCE_TERMINATING || state == SOURCE_INVALID ||
           state == SOURCE_NO_KIND;
}

const char *sizing_source_name(const struct size_source *source, struct arena *arena)
{
    return arena_printf(arena, "%s/%s", source->kind, source->name);
}

static struct sizing_claimant judge_source(const struct size_source *source,
                                           struct sizing_source known)
{
    struct sizing_claimant c = {.kind = source->kind,
                                .name = source->name,
                                .replicas = REPLICAS_INVALID,
                                .created_us = known.created_us};
    if (known.state == SOURCE_FOUND) {
        c.replicas = known.replicas;
    } else if (known.state == SOURCE_TERMINATING) {
        c.ignored = SIZING_TERMINATING;
    } else if (known.state == SOURCE_INVALID) {
        c.ignored = SIZING_BAD_REPLICAS;
    } else {
        c.ignored = SIZING_NOT_FOUND;
    }
    return c;
}

static enum sizing_ignored judge_label(const struct size_from *f, const struct deployment *d,
                                       const struct deployment *oldest)
{
    enum claim_fault fault = claim_check(d);
    if (fault != CLAIM_GOOD) {
        return fault == CLAIM_OWN ? SIZING_OWN : SIZING_BAD_NAME;
    }
    if (d->object.deleting) {
        return SIZING_TERMINATING;
    }
    if (d->replicas == REPLICAS_INVALID) {
        return SIZING_BAD_REPLICAS;
    }
    if (f->source_count > 0) {
        return SIZING_UNHEARD;
    }
    if (f->claims == SIZE_CLAIMS_IGNORE) {
        return SIZING_NOT_WANTED;
    }
    return f->claims == SIZE_CLAIMS_OLDEST && d != oldest ? SIZING_YOUNGER : SIZING_COUNTS;
}

bool sizing_is_loser(const struct sizing_claimant *c)
{
    return c->ignored == SIZING_YOUNGER || c->ignored == SIZING_UNHEARD ||
           c->ignored == SIZING_NOT_WANTED;
}

static bool is_a_source(const struct size_from *f, const struct deployment *d)
{
    struct size_source self = {"apps/v1", "Deployment", d->object.name};
    for (size_t i = 0; i < f->source_count; i++) {
        if (size_source_is_same(&f->sources[i], &self)) {
            return true;
        }
    }
    return false;
}

/* All of them, unordered; returns how many. */
static size_t judge_all(const struct sizing_view *view, const struct size_from *f,
                        struct sizing_claimant *out, struct arena *arena)
{
    size_t count = 0;
    for (size_t i = 0; i < f->source_count; i++) {
        out[count++] = judge_source(&f->sources[i], sizing_source_at(view, i));
    }
    const struct deployment *oldest =
        claims_judge(arena, view->claimants, view->claimant_count).winner;
    for (size_t i = 0; i < view->claimant_count; i++) {
        const struct deployment *d = (const struct deployment *)view->claimants[i];
        if (!is_a_source(f, d)) {
            out[count++] = (struct sizing_claimant){.kind = "Deployment",
                                                    .name = d->object.name,
                                                    .replicas = d->replicas,
                                                    .created_us = d->object.created_us,
                                                    .ignored = judge_label(f, d, oldest),
                                                    .labelled = d};
        }
    }
    return count;
}

/* Those that count, then those that are ignored. */
static struct sizing_claimant *in_order(const struct sizing_claimant *all, struct sizing *s,
                                        struct arena *arena)
{
    struct sizing_claimant *sorted = arena_alloc(arena, (s->claimant_count + 1) * sizeof *sorted);
    size_t next = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < s->claimant_count; i++) {
            if ((all[i].ignored == SIZING_COUNTS) == (pass == 0)) {
                sorted[next++] = all[i];
            }
        }
        s->counting = pass == 0 ? next : s->counting;
    }
    return sorted;
}

static bool is_maximum(const struct size_from *f)
{
    return f->source_count > 0 ? f->aggregate == SIZE_AGGREGATE_MAX : f->claims == SIZE_CLAIMS_MAX;
}

/* 2³¹ times what fits into memory does not overflow. */
static int64_t add_up(const struct sizing *s, bool maximum)
{
    int64_t sum = 0;
    for (size_t i = 0; i < s->counting; i++) {
        int64_t replicas = s->claimants[i].replicas;
        sum = !maximum ? sum + replicas : sum > replicas ? sum : replicas;
    }
    return sum;
}

static const char *name_source(const struct size_from *f, const struct sizing *s,
                               struct arena *arena)
{
    size_t count = f->source_count > 0 ? f->source_count : s->counting;
    if (count == 0) {
        return "";
    }
    if (count == 1) {
        return arena_printf(arena, "%s/%s", s->claimants[0].kind, s->claimants[0].name);
    }
    return arena_printf(arena, "%s of %zu %s", is_maximum(f) ? "Max" : "Sum", count,
                        f->source_count > 0 ? "sources" : "Deployments");
}

void sizing_gather(const struct sizing_view *view, struct sizing *s, struct arena *arena)
{
    const struct size_from *f = sizing_rules(view);
    size_t most = f->source_count + view->claimant_count + 1;
    struct sizing_claimant *all = arena_alloc(arena, most * sizeof *all);
    s->claimant_count = judge_all(view, f, all, arena);
    s->claimants = in_order(all, s, arena);
    s->sum = add_up(s, is_maximum(f));
    s->source = name_source(f, s, arena);
}

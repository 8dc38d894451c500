#include "sim/invariant_sizing.h"

#include "base/mem.h"
#include "kube/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LOOKED_AT_MAX = 16, TIME_TEXT_LEN = 20 };

/* ---- Loops ---- */

struct lookup {
    const struct invariants *i;
    const char *ns, *target;           /* the uid that nothing may lead back to */
    char looked_at[LOOKED_AT_MAX][64]; /* uids */
    size_t count;
    bool is_loop;
};

struct search_by_uid {
    struct lookup *lookup;
    const char *uid;
};

static void follow_sources(struct lookup *l, yyjson_val *memcached);

static void follow_owner(void *ctx, const char *json)
{
    const struct search_by_uid *search = ctx;
    yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
    yyjson_val *memcached = yyjson_doc_get_root(doc);
    if (yyjson_equals_str(json_at(memcached, "metadata", "uid", NULL), search->uid)) {
        follow_sources(search->lookup, memcached);
    }
    yyjson_doc_free(doc);
}

/* The Memcached of @uid decides it. */
static void follow(struct lookup *l, const char *uid)
{
    l->is_loop |= strcmp(uid, l->target) == 0;
    for (size_t n = 0; n < l->count; n++) {
        if (strcmp(l->looked_at[n], uid) == 0) {
            return;
        }
    }
    if (!l->is_loop && l->count < LOOKED_AT_MAX) {
        snprintf(l->looked_at[l->count++], sizeof l->looked_at[0], "%s", uid);
        struct search_by_uid search = {l, uid};
        api_each(world_api(l->i->world), "memcacheds", l->ns, follow_owner, &search);
    }
}

static void follow_source(struct lookup *l, const struct size_source_name *s)
{
    const char *plural = s->resource != NULL ? s->resource->plural : "";
    bool is_memcached = strcmp(plural, "memcacheds") == 0;
    if (!is_memcached && strcmp(plural, "deployments") != 0) {
        return;
    }
    const char *json = api_get(world_api(l->i->world), plural, l->ns, s->name);
    yyjson_doc *doc = json != NULL ? yyjson_read(json, strlen(json), 0) : NULL;
    yyjson_val *object = yyjson_doc_get_root(doc);
    const char *uid = is_memcached ? yyjson_get_str(json_at(object, "metadata", "uid", NULL))
                                   : controlling_memcached(object);
    if (uid != NULL) {
        follow(l, uid);
    }
    yyjson_doc_free(doc);
}

static void follow_sources(struct lookup *l, yyjson_val *memcached)
{
    struct size_rules rules;
    size_rules_read(&rules, memcached);
    for (size_t n = 0; rules.fault == NULL && n < rules.source_count && !l->is_loop; n++) {
        follow_source(l, &rules.sources[n]);
    }
}

/* ---- What there is ---- */

static struct size_reading read_source(const struct invariants *i, yyjson_val *memcached,
                                       const struct size_source_name *s)
{
    if (s->resource == NULL) {
        return (struct size_reading){.state = READING_MISSING};
    }
    if (!s->resource->has_scale || !s->resource->namespaced) {
        return (struct size_reading){.state = READING_NO_SCALE};
    }
    struct lookup l = {.i = i,
                       .ns = invariants_text(json_at(memcached, "metadata", "namespace", NULL)),
                       .target = invariants_text(json_at(memcached, "metadata", "uid", NULL))};
    follow_source(&l, s);
    if (l.is_loop) {
        return (struct size_reading){.state = READING_LOOP};
    }
    const char *json = api_get(world_api(i->world), s->resource->plural, l.ns, s->name);
    yyjson_doc *doc = json != NULL ? yyjson_read(json, strlen(json), 0) : NULL;
    struct size_reading reading = size_read(s->resource->plural, yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
    return reading;
}

/* All who want to decide, and whether they count; sorted later. */
struct gathering {
    struct sizing_truth *truth;
    struct size_tally tally;
    bool has_loop, has_no_scale;
};

static void add_claim(struct sizing_truth *truth, const char *kind, const char *name,
                      int64_t replicas, bool is_deciding)
{
    if (truth->claim_count < SIZING_CLAIMS_MAX) {
        struct sizing_claim *c = &truth->claims[truth->claim_count++];
        snprintf(c->name, sizeof c->name, "%.63s/%.253s", kind, name);
        c->replicas = replicas;
        c->is_deciding = is_deciding;
    }
}

static void gather_sources(struct gathering *g, const struct invariants *i, yyjson_val *memcached)
{
    const struct size_rules *rules = &g->truth->rules;
    for (size_t n = 0; n < rules->source_count; n++) {
        const struct size_source_name *s = &rules->sources[n];
        struct size_reading reading = read_source(i, memcached, s);
        bool is_found = reading.state == READING_FOUND;
        size_tally_add(&g->tally, reading);
        g->has_loop |= reading.state == READING_LOOP;
        g->has_no_scale |= reading.state == READING_NO_SCALE;
        add_claim(g->truth, s->kind, s->name, is_found ? reading.replicas : -1, is_found);
    }
}

static void gather_labels(struct gathering *g, yyjson_val *memcached,
                          const struct claimant *const *claims, size_t count)
{
    const struct size_rules *rules = &g->truth->rules;
    const char *ns = invariants_text(json_at(memcached, "metadata", "namespace", NULL));
    const char *name = invariants_text(json_at(memcached, "metadata", "name", NULL));
    const struct claimant *oldest = claimants_decide(claims, count, ns, name);
    for (size_t n = 0; n < count; n++) {
        const struct claimant *c = claims[n];
        if (strcmp(c->ns, ns) != 0 || strcmp(c->claim, name) != 0 ||
            size_is_source(rules, c->name)) {
            continue;
        }
        bool is_wanted = strcmp(rules->claims, "Oldest") == 0
                             ? c == oldest
                             : strcmp(rules->claims, "Ignore") != 0;
        bool is_heard = c->counts && rules->source_count == 0 && is_wanted;
        if (is_heard) {
            size_tally_add(&g->tally, (struct size_reading){READING_FOUND, c->replicas});
        }
        add_claim(g->truth, "Deployment", c->name, c->replicas, is_heard);
    }
}

/* Those who decide first; otherwise as they are. */
static void sort_claims(struct sizing_truth *truth)
{
    struct sizing_claim sorted[SIZING_CLAIMS_MAX];
    size_t count = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t n = 0; n < truth->claim_count; n++) {
            if (truth->claims[n].is_deciding == (pass == 0)) {
                sorted[count++] = truth->claims[n];
            }
        }
    }
    memcpy(truth->claims, sorted, count * sizeof sorted[0]);
}

static void name_source(struct sizing_truth *truth, size_t counting)
{
    bool sourced = truth->rules.source_count > 0;
    size_t count = sourced ? truth->rules.source_count : counting;
    if (count == 1) {
        snprintf(truth->source, sizeof truth->source, "%s", truth->claims[0].name);
    } else if (count > 1) {
        snprintf(truth->source, sizeof truth->source, "%s of %zu %s",
                 truth->rules.is_maximum ? "Max" : "Sum", count,
                 sourced ? "sources" : "Deployments");
    }
}

/* ---- What follows from it ---- */

static int64_t size_of(yyjson_val *memcached)
{
    return json_get_int(json_at(memcached, "spec", "size", NULL), -1);
}

/* Nothing of the last step is left to do. */
static bool is_carried_out(yyjson_val *operand, int64_t size, bool up)
{
    yyjson_val *status = yyjson_obj_get(operand, "status");
    int64_t generation = json_get_int(json_at(operand, "metadata", "generation", NULL), -1);
    return operand != NULL &&
           json_get_int(json_at(operand, "spec", "replicas", NULL), -1) == size &&
           json_get_int(yyjson_obj_get(status, "observedGeneration"), 0) >= generation &&
           json_get_int(yyjson_obj_get(status, "replicas"), 0) == size &&
           (!up || json_get_int(yyjson_obj_get(status, "readyReplicas"), 0) >= size);
}

static void judge_size(struct sizing_truth *truth, yyjson_val *memcached, yyjson_val *operand)
{
    const struct size_rules *rules = &truth->rules;
    int64_t size = size_of(memcached);
    int64_t goal = rules->up_only && size > truth->wish ? size : truth->wish;
    bool up = goal > size;
    int64_t limit = up ? rules->step_up : rules->step_down;
    bool waits = limit > 0 && goal != size && !is_carried_out(operand, size, up);
    truth->has_target = !rules->is_paused && !rules->observes;
    truth->is_right = size == goal || waits;
    truth->size = rules->step_up > 0 || rules->step_down > 0 ? -1 : goal;
}

static const char *reason_of(const struct gathering *g, yyjson_val *memcached)
{
    const struct size_rules *rules = &g->truth->rules;
    if (rules->source_count == 0 && g->tally.counting == 0) {
        return NULL;
    }
    if (g->has_loop || g->has_no_scale) {
        return g->has_loop ? "Loop" : "InvalidSpec";
    }
    if (rules->is_paused) {
        return "Paused";
    }
    if (g->tally.is_short) {
        return "SourceMissing";
    }
    if (rules->observes) {
        return "Observing";
    }
    return size_of(memcached) == g->truth->wish ? "InSync" : "Holding";
}

void sizing_expect(struct sizing_truth *out, const struct invariants *i, yyjson_val *memcached,
                   yyjson_val *operand, const struct claimant *const *claims, size_t count)
{
    *out = (struct sizing_truth){.wish = -1, .size = size_of(memcached)};
    size_rules_read(&out->rules, memcached);
    struct gathering g = {.truth = out};
    if (size_rules_are_bad(&out->rules)) {
        out->reason = "InvalidSpec";
        return;
    }
    gather_sources(&g, i, memcached);
    gather_labels(&g, memcached, claims, count);
    sort_claims(out);
    name_source(out, g.tally.counting);
    if (!g.has_loop && !g.has_no_scale) {
        out->wish = size_wished(&out->rules, &g.tally, size_of(memcached));
    }
    out->reason = reason_of(&g, memcached);
    if (out->wish >= 0) {
        judge_size(out, memcached, operand);
    }
    const char *reason = out->reason != NULL ? out->reason : "";
    out->is_synced = strcmp(reason, "InSync") == 0 || strcmp(reason, "Holding") == 0 ||
                     strcmp(reason, "Paused") == 0 || strcmp(reason, "Observing") == 0;
}

/* ---- status.sizing ---- */

static const char *claim_difference(const struct sizing_truth *truth, yyjson_val *list,
                                    struct buf *why)
{
    size_t expected = truth->claim_count < SIZING_TOLD_MAX ? truth->claim_count : SIZING_TOLD_MAX;
    if (yyjson_arr_size(list) != expected) {
        buf_printf(why, "status.sizing.claimants are %zu, not %zu", yyjson_arr_size(list),
                   expected);
        return buf_text(why);
    }
    for (size_t n = 0; n < expected; n++) {
        yyjson_val *is = yyjson_arr_get(list, n);
        const struct sizing_claim *c = &truth->claims[n];
        int64_t replicas = json_get_int(yyjson_obj_get(is, "replicas"), -1);
        bool is_deciding = yyjson_is_true(yyjson_obj_get(is, "deciding"));
        if (strcmp(invariants_text(yyjson_obj_get(is, "name")), c->name) != 0 ||
            replicas != c->replicas || is_deciding != c->is_deciding) {
            buf_printf(why,
                       "status.sizing.claimants[%zu] is %s with %" PRId64 "%s, not %s with %" PRId64
                       "%s",
                       n, invariants_text(yyjson_obj_get(is, "name")), replicas,
                       is_deciding ? ", deciding" : "", c->name, c->replicas,
                       c->is_deciding ? ", deciding" : "");
            return buf_text(why);
        }
    }
    return NULL;
}

const char *sizing_status_difference(const struct sizing_truth *truth, yyjson_val *status,
                                     struct buf *why)
{
    yyjson_val *sizing = yyjson_obj_get(status, "sizing");
    int64_t wish = json_get_int(yyjson_obj_get(sizing, "wish"), -1);
    int64_t size = json_get_int(yyjson_obj_get(sizing, "size"), -1);
    if (truth->reason == NULL) {
        return sizing == NULL ? NULL : "it has a status.sizing, but nobody decides its size";
    }
    if (strcmp(invariants_text(yyjson_obj_get(sizing, "reason")), truth->reason) != 0) {
        buf_printf(why, "status.sizing.reason is \"%s\", not \"%s\"",
                   invariants_text(yyjson_obj_get(sizing, "reason")), truth->reason);
    } else if (strcmp(invariants_text(yyjson_obj_get(sizing, "source")), truth->source) != 0) {
        buf_printf(why, "status.sizing.source is \"%s\", not \"%s\"",
                   invariants_text(yyjson_obj_get(sizing, "source")), truth->source);
    } else if (truth->wish >= 0 && wish != truth->wish) {
        buf_printf(why, "status.sizing.wish is %" PRId64 ", not %" PRId64, wish, truth->wish);
    } else if (truth->size >= 0 && size != truth->size) {
        buf_printf(why, "status.sizing.size is %" PRId64 ", not %" PRId64, size, truth->size);
    } else if (yyjson_arr_size(yyjson_obj_get(sizing, "holds")) > 0 ||
               yyjson_is_str(yyjson_obj_get(sizing, "holdUntil"))) {
        buf_append_text(why, "status.sizing still tells of a hold");
    } else if (strlen(invariants_text(yyjson_obj_get(sizing, "since"))) != TIME_TEXT_LEN) {
        buf_append_text(why, "status.sizing.since is no time");
    } else {
        return claim_difference(truth, yyjson_obj_get(sizing, "claimants"), why);
    }
    return buf_text(why);
}

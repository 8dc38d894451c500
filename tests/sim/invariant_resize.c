#include "sim/invariant_resize.h"

#include "base/mem.h"
#include "base/time_text.h"
#include "kube/json.h"

#include <inttypes.h>
#include <string.h>

enum {
    COMBINATIONS_MAX = 20000, /* of what sources had; with more, whatever is written is believed */
    WISHES_MAX = 64,
    SIZES_BACK = 4, /* so many sizes ago a step may have been counted from */
    SECOND_MS = 1000,
};

struct resize {
    const struct invariants *i;
    struct memcached_past *m;
    struct size_rules rules;
    int64_t before, after, operand; /* spec.size; replicas of its own Deployment, -1: none */
    bool is_observed;               /* by that one's controller */
    int64_t ready;                  /* of its pods */
};

/* ---- What was wished ---- */

/* All that the sources may have called for: each at any of its moments from a cursor on. */
struct wishes {
    const struct resize *r;
    const struct timeline *timelines[SIZE_SOURCES_MAX];
    size_t at[SIZE_SOURCES_MAX];
    size_t from[SIZE_SOURCES_MAX];
    size_t explains_from[SIZE_SOURCES_MAX]; /* the earliest moments that explain `after` */
    bool is_explained;
    unsigned combinations;
    int64_t all[WISHES_MAX];
    size_t count;
};

static void note_wish(struct wishes *w)
{
    const struct resize *r = w->r;
    struct size_tally tally = {0};
    for (size_t i = 0; i < r->rules.source_count; i++) {
        const struct timeline *t = w->timelines[i];
        bool is_there = t != NULL && t->moments[w->at[i]].is_known;
        size_tally_add(&tally, (struct size_reading){is_there ? READING_FOUND : READING_MISSING,
                                                     is_there ? t->moments[w->at[i]].value : 0});
    }
    int64_t wish = size_wished(&r->rules, &tally, r->before);
    if (wish == r->after) {
        for (size_t i = 0; i < r->rules.source_count; i++) {
            if (!w->is_explained || w->at[i] < w->explains_from[i]) {
                w->explains_from[i] = w->at[i];
            }
        }
        w->is_explained = true;
    }
    for (size_t n = 0; n < w->count; n++) {
        if (w->all[n] == wish) {
            return;
        }
    }
    if (wish >= 0 && w->count < WISHES_MAX) {
        w->all[w->count++] = wish;
    }
}

static bool is_known_before(const struct timeline *t, size_t from, size_t at)
{
    for (size_t i = from; i < at; i++) {
        if (t->moments[i].is_known == t->moments[at].is_known &&
            t->moments[i].value == t->moments[at].value) {
            return true;
        }
    }
    return false;
}

static void combine(struct wishes *w, size_t source)
{
    if (w->combinations > COMBINATIONS_MAX) {
        return;
    }
    if (source == w->r->rules.source_count) {
        w->combinations++;
        note_wish(w);
        return;
    }
    const struct timeline *t = w->timelines[source];
    size_t count = t != NULL ? t->count : 1;
    for (size_t i = t != NULL ? w->from[source] : 0; i < count; i++) {
        if (t == NULL || !is_known_before(t, w->from[source], i)) {
            w->at[source] = i;
            combine(w, source + 1);
        }
    }
}

/* @ever: from the beginning on; else from the cursors. */
static void find_wishes(struct wishes *w, const struct resize *r, bool ever)
{
    *w = (struct wishes){.r = r};
    for (size_t i = 0; i < r->rules.source_count; i++) {
        char key[SIZE_SOURCE_KEY_BYTES];
        size_source_key(&r->rules.sources[i], r->m->ns, key);
        w->timelines[i] = history_source_of(&r->i->history, key);
        w->from[i] = ever ? 0 : r->m->source_cursors[i];
    }
    combine(w, 0);
}

/* ---- Labels ---- */

static void find_label_wishes(struct wishes *w, const struct resize *r)
{
    *w = (struct wishes){.r = r};
    const struct timeline *t = history_deciders(&r->i->history, r->m);
    for (size_t i = 0; t != NULL && i < t->count && w->count < WISHES_MAX; i++) {
        struct size_tally oldest = {.sum = t->moments[i].value,
                                    .max = t->moments[i].value,
                                    .counting = t->moments[i].is_known};
        bool is_oldest = strcmp(r->rules.claims, "Oldest") == 0;
        int64_t wish = size_wished(&r->rules, is_oldest ? &oldest : &t->moments[i].all, r->before);
        if (wish >= 0) {
            w->all[w->count++] = wish;
        }
    }
}

/* ---- Steps and holds ---- */

/* What the size goes to: a wish; and, where it is held, what the size was when holding began. */
static void add_past_sizes(struct wishes *w)
{
    const struct timeline *sizes = &w->r->m->sizes;
    for (size_t i = 0; i < sizes->count && w->count < WISHES_MAX; i++) {
        int64_t size = sizes->moments[i].value;
        w->all[w->count++] = size < w->r->rules.max ? size : w->r->rules.max;
    }
}

/* The step that is due next, of at most @limit, if the last one led to @base. */
static bool is_step_from(const struct resize *r, int64_t base, int64_t goal, int64_t limit)
{
    int64_t way = r->after > base ? r->after - base : base - r->after;
    return way == 0 || way == limit || (r->after == goal && way < limit);
}

/* A step is counted from the size or what the Deployment has, as far as the operator knows. */
static bool is_a_step(const struct resize *r, int64_t goal)
{
    const struct timeline *sizes = &r->m->sizes;
    bool between = r->before <= goal ? r->before <= r->after && r->after <= goal
                                     : goal <= r->after && r->after <= r->before;
    int64_t limit = r->after > r->before ? r->rules.step_up : r->rules.step_down;
    if (limit == 0 || !between) {
        return r->after == goal;
    }
    bool is = r->m->is_meddled || is_step_from(r, r->before, goal, limit) ||
              (r->operand >= 0 && is_step_from(r, r->operand, goal, limit));
    for (size_t n = 1; n <= SIZES_BACK && n <= sizes->count; n++) {
        is |= is_step_from(r, sizes->moments[sizes->count - n].value, goal, limit);
    }
    return is;
}

static bool leads_somewhere(const struct resize *r, const struct wishes *w)
{
    for (size_t n = 0; n < w->count; n++) {
        if (is_a_step(r, w->all[n])) {
            return true;
        }
    }
    return w->count == WISHES_MAX || w->combinations > COMBINATIONS_MAX;
}

/* This very process wrote what it was, and by the same rules. */
static bool is_own(const struct resize *r, const struct deed *d)
{
    const struct memcached_past *m = r->m;
    return m->written.start != 0 && m->written.process == d->process &&
           m->written.start == world_starts(r->i->world, d->process) &&
           m->written.size == r->before;
}

/* Likewise, because it was wished: no step leads to it. */
static bool is_own_wish(const struct resize *r, const struct deed *d)
{
    return r->rules.source_count == 1 && r->rules.step_down == 0 && r->rules.step_up == 0 &&
           is_own(r, d);
}

/* One step after another in one direction, by one process: the last one must be carried out. What
 * others have done to size or Deployment, a new image, lost history, and a start, which may have
 * seen an older Deployment, make this hard to say. */
static const char *step_fault(const struct resize *r, const struct deed *d)
{
    const struct timeline *sizes = &r->m->sizes;
    bool up = r->after > r->before;
    if ((up ? r->rules.step_up : r->rules.step_down) == 0 || !is_own(r, d) ||
        world_starts(r->i->world, d->process) != 1 || r->m->is_meddled || r->i->image_count > 1 ||
        r->i->history.is_restored) {
        return NULL;
    }
    int64_t previous = r->before;
    for (size_t i = sizes->count; i > 0 && previous == r->before; i--) {
        previous = sizes->moments[i - 1].value;
    }
    bool goes_on = up ? previous < r->before : previous > r->before;
    bool is_carried_out =
        r->operand == r->before && r->is_observed && (!up || r->ready >= r->before);
    return goes_on && !is_carried_out ? "the last step is not carried out yet" : NULL;
}

/* True time at which the one source ceased to call for @size, the first time: others the operator
 * may have missed. 0: it never did, or still does. */
static uint64_t lowered_ms(const struct resize *r, int64_t size)
{
    char key[SIZE_SOURCE_KEY_BYTES];
    size_source_key(&r->rules.sources[0], r->m->ns, key);
    const struct timeline *t = history_source_of(&r->i->history, key);
    for (size_t i = 0; t != NULL && i + 1 < t->count; i++) {
        struct size_tally tally = {0};
        size_tally_add(&tally, (struct size_reading){READING_FOUND, t->moments[i].value});
        if (t->moments[i].is_known && size_wished(&r->rules, &tally, r->before) == size) {
            return t->moments[i + 1].at_ms;
        }
    }
    return 0;
}

/* Until when the status says that at least the old size stays; 0: it says nothing. */
static uint64_t told_hold_ms(const struct resize *r, const struct deed *d)
{
    uint64_t until_ms = 0;
    size_t i, count;
    yyjson_val *hold;
    yyjson_arr_foreach(json_at(d->before, "status", "sizing", "holds", NULL), i, count, hold)
    {
        int64_t wall_us;
        yyjson_val *until = yyjson_obj_get(hold, "until");
        if (json_get_int(yyjson_obj_get(hold, "size"), 0) > r->after && yyjson_is_str(until) &&
            time_parse(yyjson_get_str(until), yyjson_get_len(until), &wall_us) == 0 &&
            (uint64_t)wall_us / 1000 > until_ms) {
            until_ms = (uint64_t)wall_us / 1000;
        }
    }
    return until_ms;
}

static bool has_gap_since(const struct timeline *t, uint64_t since_ms)
{
    bool has = false;
    for (size_t i = 0; t != NULL && i < t->count; i++) {
        has |= !t->moments[i].is_known && t->moments[i].at_ms >= since_ms;
    }
    return has;
}

/* Nobody decided for a while, which may have ended the holds that the status still tells of: the
 * size, whoever changed it then, is what was wished so far. */
static bool nobody_decided_since(const struct resize *r, uint64_t since_ms)
{
    bool is = r->rules.source_count == 0 &&
              has_gap_since(history_deciders(&r->i->history, r->m), since_ms);
    for (size_t i = 0; i < r->rules.source_count; i++) {
        char key[SIZE_SOURCE_KEY_BYTES];
        size_source_key(&r->rules.sources[i], r->m->ns, key);
        is |= has_gap_since(history_source_of(&r->i->history, key), since_ms);
    }
    return is;
}

static const char *hold_fault(const struct resize *r, const struct deed *d, struct buf *why)
{
    uint64_t now_ms = world_now_ms(r->i->world);
    if (r->rules.hold_ms == 0 || r->after >= r->before || !world_clocks_agree(r->i->world) ||
        r->i->history.is_restored) {
        return NULL;
    }
    uint64_t lowered = is_own_wish(r, d) ? lowered_ms(r, r->before) : 0;
    if (lowered != 0 && lowered + (uint64_t)r->rules.hold_ms > now_ms + 1) {
        buf_printf(why,
                   "it goes down %" PRIu64 " ms after the wish did, and %" PRId64 " are asked for",
                   now_ms - lowered, r->rules.hold_ms);
        return buf_text(why);
    }
    bool count = r->m->holds_count && !nobody_decided_since(r, r->m->holds_ms);
    uint64_t until_ms = count ? told_hold_ms(r, d) : 0;
    if (until_ms > now_ms + SECOND_MS) {
        buf_printf(why, "it goes down %" PRIu64 " ms before the hold ends that the status tells of",
                   until_ms - now_ms);
        return buf_text(why);
    }
    return NULL;
}

/* ---- All ---- */

static const char *forbidden(const struct resize *r)
{
    if (size_rules_are_bad(&r->rules)) {
        return "what decides it is invalid";
    }
    if (r->rules.is_paused) {
        return "it is paused";
    }
    if (r->rules.observes) {
        return "it is only observed";
    }
    if (r->rules.up_only && r->after < r->before) {
        return "it never goes down";
    }
    for (size_t i = 0; i < r->rules.source_count; i++) {
        const struct api_resource *resource = r->rules.sources[i].resource;
        if (resource != NULL && (!resource->has_scale || !resource->namespaced)) {
            return "a source cannot be scaled";
        }
    }
    return NULL;
}

static bool is_gradual(const struct size_rules *r)
{
    return r->hold_ms > 0 || r->step_up > 0 || r->step_down > 0;
}

static bool is_explained(const struct resize *r, uint64_t record)
{
    bool by_label = r->rules.source_count == 0;
    if (by_label && !is_gradual(&r->rules)) {
        return history_explains_size(&r->i->history, r->m, &r->rules, r->before, r->after, record);
    }
    struct wishes w;
    if (by_label) {
        find_label_wishes(&w, r);
    } else {
        find_wishes(&w, r, is_gradual(&r->rules));
    }
    if (is_gradual(&r->rules)) {
        if (r->rules.hold_ms > 0) {
            add_past_sizes(&w);
        }
        /* A wish that was made by rules that were others already may be held, too. */
        return leads_somewhere(r, &w) || (r->rules.hold_ms > 0 && r->m->is_reruled);
    }
    if (w.is_explained) {
        memcpy(r->m->source_cursors, w.explains_from, sizeof w.explains_from);
    }
    return w.is_explained || w.combinations > COMBINATIONS_MAX;
}

static void tell_past(const struct resize *r, struct buf *why)
{
    buf_append_text(why, "which nobody who decides had");
    for (size_t i = 0; i < r->rules.source_count; i++) {
        char key[SIZE_SOURCE_KEY_BYTES];
        size_source_key(&r->rules.sources[i], r->m->ns, key);
        buf_printf(why, "; %s (from no. %zu on): ", key, r->m->source_cursors[i]);
        timeline_text(history_source_of(&r->i->history, key), why);
    }
    if (r->rules.source_count == 0) {
        const struct timeline *t = history_deciders(&r->i->history, r->m);
        uint64_t from = t != NULL ? t->moments[r->m->decider_cursor].revision : 0;
        buf_printf(why, " since revision %" PRIu64 "; they had: ", from);
        timeline_text(t, why);
    }
}

const char *resize_fault(struct invariants *i, const struct deed *d, struct memcached_past *m,
                         uint64_t record, struct buf *why)
{
    struct resize r = {.i = i,
                       .m = m,
                       .before = json_get_int(json_at(d->before, "spec", "size", NULL), -1),
                       .after = json_get_int(json_at(d->after, "spec", "size", NULL), -1),
                       .operand = -1};
    size_rules_read(&r.rules, d->before);
    const char *operand = api_get(world_api(i->world), "deployments", m->ns, m->name);
    yyjson_doc *doc = operand != NULL ? yyjson_read(operand, strlen(operand), 0) : NULL;
    yyjson_val *root = yyjson_doc_get_root(doc);
    yyjson_val *owner = yyjson_arr_get_first(json_at(root, "metadata", "ownerReferences", NULL));
    if (yyjson_equals(yyjson_obj_get(owner, "uid"), json_at(d->before, "metadata", "uid", NULL))) {
        r.operand = json_get_int(json_at(root, "spec", "replicas", NULL), -1);
    }
    r.is_observed = json_get_int(json_at(root, "status", "observedGeneration", NULL), 0) >=
                    json_get_int(json_at(root, "metadata", "generation", NULL), 0);
    r.ready = json_get_int(json_at(root, "status", "readyReplicas", NULL), 0);
    yyjson_doc_free(doc);

    const char *fault = forbidden(&r);
    if (fault == NULL && !is_explained(&r, record)) {
        tell_past(&r, why);
        fault = buf_text(why);
    }
    fault = fault != NULL ? fault : step_fault(&r, d);
    fault = fault != NULL ? fault : hold_fault(&r, d, why);
    m->written.process = d->process;
    /* what a process had sent before it died, the next one does not know of */
    m->written.start = d->exchange->orphan ? 0 : world_starts(i->world, d->process);
    m->written.size = r.after;
    return fault;
}

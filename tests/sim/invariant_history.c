#include "sim/invariant_history.h"

#include "base/mem.h"
#include "kube/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES = 64 + 254 + 1, CLAIMANTS_MAX = 256, MOMENTS_TOLD_MAX = 12 };

void history_init(struct history *h)
{
    map_init(&h->memcacheds, 1);
    map_init(&h->claimants, 2);
    map_init(&h->deciders, 3);
    map_init(&h->sources, 6);
}

static void forget_claimants(struct history *h)
{
    map_for_each (&h->claimants, e) {
        mem_free(e->value);
    }
    map_fini(&h->claimants);
}

static void forget_timelines(struct map *timelines)
{
    map_for_each (timelines, e) {
        struct timeline *t = e->value;
        mem_free(t->moments);
        mem_free(t);
    }
    map_fini(timelines);
}

void history_fini(struct history *h)
{
    forget_claimants(h);
    map_for_each (&h->memcacheds, e) {
        struct memcached_past *m = e->value;
        mem_free(m->sizes.moments);
        mem_free(m->ns);
        mem_free(m->name);
        mem_free(m->rules);
        mem_free(m->holds);
        mem_free(m);
    }
    forget_timelines(&h->deciders);
    forget_timelines(&h->sources);
    map_fini(&h->memcacheds);
}

/* ---- Timelines ---- */

static void timeline_add(struct timeline *t, const struct moment *moment)
{
    const struct moment *last = t->count > 0 ? &t->moments[t->count - 1] : NULL;
    if (last != NULL && last->is_known == moment->is_known && last->value == moment->value &&
        last->generation == moment->generation && strcmp(last->who, moment->who) == 0 &&
        memcmp(&last->all, &moment->all, sizeof last->all) == 0) {
        return;
    }
    if (t->count == t->cap) {
        t->cap = t->cap == 0 ? 4 : t->cap * 2;
        t->moments = mem_realloc(t->moments, t->cap * sizeof *t->moments);
    }
    t->moments[t->count++] = *moment;
}

/* Move the cursor to the first moment from it on that has @value. */
static bool timeline_reach(const struct timeline *t, int64_t value, size_t *cursor)
{
    for (size_t i = *cursor; t != NULL && i < t->count; i++) {
        if (t->moments[i].is_known && t->moments[i].value == value) {
            *cursor = i;
            return true;
        }
    }
    return false;
}

/* What holds at @revision. */
static size_t moment_at(const struct timeline *t, uint64_t revision)
{
    size_t i = t != NULL ? t->count : 0;
    while (i > 0 && t->moments[i - 1].revision > revision) {
        i--;
    }
    return i - 1; /* SIZE_MAX: nothing yet */
}

/* What holds in @generation. */
static size_t moment_of(const struct timeline *t, int64_t generation)
{
    size_t i = t->count;
    while (i > 0 && t->moments[i - 1].generation != generation) {
        i--;
    }
    return i - 1;
}

/* It is that very moment, which has @value, and is not before the cursor. */
static bool timeline_confirms(const struct timeline *t, size_t moment, int64_t value,
                              size_t *cursor)
{
    if (t == NULL || moment >= t->count || moment < *cursor || !t->moments[moment].is_known ||
        t->moments[moment].value != value) {
        return false;
    }
    *cursor = moment;
    return true;
}

void timeline_text(const struct timeline *t, struct buf *out)
{
    size_t count = t != NULL ? t->count : 0;
    for (size_t i = count > MOMENTS_TOLD_MAX ? count - MOMENTS_TOLD_MAX : 0; i < count; i++) {
        const struct moment *m = &t->moments[i];
        buf_printf(out, "%s%" PRIu64 " ", i > 0 && out->len > 0 ? ", " : "", m->revision);
        if (!m->is_known) {
            bool is_source = strcmp(m->who, "source") == 0;
            buf_append_text(out, is_source           ? "missing"
                                 : m->who[0] != '\0' ? "on its way out"
                                                     : "nobody");
        } else {
            buf_printf(out, "%s=%" PRId64, m->who, m->value);
        }
    }
    if (count == 0) {
        buf_append_text(out, "nothing");
    }
}

/* ---- Memcacheds ---- */

struct memcached_past *history_of(const struct history *h, const char *uid)
{
    return uid != NULL ? map_get(&h->memcacheds, uid) : NULL;
}

/* True: it is another now. */
static bool note_text(char **text, yyjson_val *value)
{
    char *now = value != NULL ? yyjson_val_write(value, 0, NULL) : NULL;
    bool same = *text == NULL || now == NULL ? *text == now : strcmp(*text, now) == 0;
    if (!same) {
        mem_free(*text);
        *text = now != NULL ? mem_strdup(now) : NULL;
    }
    free(now); /* yyjson's own */
    return !same;
}

void history_memcached(struct history *h, uint64_t revision, yyjson_val *after)
{
    yyjson_val *metadata = yyjson_obj_get(after, "metadata");
    const char *uid = yyjson_get_str(yyjson_obj_get(metadata, "uid"));
    if (uid == NULL) {
        return;
    }
    bool is_leaving = yyjson_obj_get(metadata, "deletionTimestamp") != NULL;
    struct memcached_past *m = history_of(h, uid);
    bool is_new = m == NULL;
    if (is_new) {
        m = mem_zalloc(sizeof *m);
        m->ns = mem_strdup(yyjson_get_str(yyjson_obj_get(metadata, "namespace")));
        m->name = mem_strdup(yyjson_get_str(yyjson_obj_get(metadata, "name")));
        map_put(&h->memcacheds, uid, m);
    }
    timeline_add(
        &m->sizes,
        &(struct moment){.revision = revision,
                         .is_known = !is_leaving,
                         .generation = json_get_int(yyjson_obj_get(metadata, "generation"), 0),
                         .value = json_get_int(json_at(after, "spec", "size", NULL), -1),
                         .who = "size"});
    if (note_text(&m->rules, json_at(after, "spec", "sizeFrom", NULL))) {
        m->written.start = 0;
        m->is_reruled = !is_new;
        m->holds_count = false;
        memset(m->source_cursors, 0, sizeof m->source_cursors);
    }
    if (note_text(&m->holds, json_at(after, "status", "sizing", "holds", NULL))) {
        m->holds_count = true;
        m->holds_ms = h->now_ms;
    }
}

void history_meddled(struct history *h, const char *uid)
{
    struct memcached_past *m = history_of(h, uid);
    if (m != NULL) {
        m->is_meddled = true;
        m->written.start = 0;
    }
}

/* ---- Sources ---- */

static struct timeline *timeline_of(struct map *timelines, const char *key)
{
    struct timeline *t = map_get(timelines, key);
    if (t == NULL) {
        t = mem_zalloc(sizeof *t);
        map_put(timelines, key, t);
    }
    return t;
}

void history_source(struct history *h, uint64_t revision, const char *plural, yyjson_val *before,
                    yyjson_val *after)
{
    yyjson_val *metadata = yyjson_obj_get(after != NULL ? after : before, "metadata");
    const char *ns = yyjson_get_str(yyjson_obj_get(metadata, "namespace"));
    const char *name = yyjson_get_str(yyjson_obj_get(metadata, "name"));
    char key[SIZE_SOURCE_KEY_BYTES];
    snprintf(key, sizeof key, "%.63s/%.63s/%.253s", ns != NULL ? ns : "", plural,
             name != NULL ? name : "");
    struct timeline *t = timeline_of(&h->sources, key);
    struct size_reading is = size_read(plural, after);
    if (t->count == 0) {
        timeline_add(t, &(struct moment){.who = "source"});
    }
    timeline_add(t, &(struct moment){.revision = revision,
                                     .is_known = is.state == READING_FOUND,
                                     .value = is.replicas,
                                     .at_ms = h->now_ms,
                                     .who = "source"});
}

const struct timeline *history_source_of(const struct history *h, const char *key)
{
    return map_get(&h->sources, key);
}

/* ---- Those who decide ---- */

static void judge_anew(struct history *h, uint64_t revision, const char *ns, const char *memcached)
{
    const struct claimant *all[CLAIMANTS_MAX];
    size_t count = 0;
    map_for_each (&h->claimants, e) {
        if (count < CLAIMANTS_MAX) {
            all[count++] = e->value;
        }
    }
    char key[KEY_BYTES];
    snprintf(key, sizeof key, "%s/%s", ns, memcached);
    struct timeline *t = timeline_of(&h->deciders, key);
    const struct claimant *decider = claimants_decide(all, count, ns, memcached);
    struct moment moment = {.revision = revision, .is_known = decider != NULL};
    if (decider != NULL) {
        moment.value = decider->replicas;
        snprintf(moment.who, sizeof moment.who, "%.60s", decider->name);
    }
    for (size_t i = 0; i < count; i++) {
        if (claimant_is_for(all[i], ns, memcached)) {
            size_tally_add(&moment.all, (struct size_reading){READING_FOUND, all[i]->replicas});
        }
    }
    timeline_add(t, &moment);
}

static void key_of(yyjson_val *object, char out[KEY_BYTES])
{
    yyjson_val *metadata = yyjson_obj_get(object, "metadata");
    const char *ns = yyjson_get_str(yyjson_obj_get(metadata, "namespace"));
    const char *name = yyjson_get_str(yyjson_obj_get(metadata, "name"));
    snprintf(out, KEY_BYTES, "%s/%s", ns != NULL ? ns : "", name != NULL ? name : "");
}

void history_deployment(struct history *h, uint64_t revision, yyjson_val *before, yyjson_val *after)
{
    char key[KEY_BYTES];
    key_of(after != NULL ? after : before, key);
    struct claimant *was = map_remove(&h->claimants, key);
    struct claimant *is = mem_zalloc(sizeof *is);
    if (after != NULL && claimant_read(after, is)) {
        map_put(&h->claimants, key, is);
    } else {
        mem_free(is);
        is = NULL;
    }
    if (was != NULL) {
        judge_anew(h, revision, was->ns, was->claim);
    }
    if (is != NULL && (was == NULL || strcmp(was->claim, is->claim) != 0)) {
        judge_anew(h, revision, is->ns, is->claim);
    }
    mem_free(was);
}

void history_forget_order(struct history *h, uint64_t revision)
{
    h->is_restored = true;
    forget_claimants(h);
    map_init(&h->claimants, 2);
    map_for_each (&h->deciders, e) {
        timeline_add(e->value, &(struct moment){.revision = revision});
    }
    map_for_each (&h->memcacheds, e) {
        struct memcached_past *m = e->value;
        m->size_cursor = m->decider_cursor = 0;
        memset(m->source_cursors, 0, sizeof m->source_cursors);
    }
    map_for_each (&h->sources, e) {
        timeline_add(e->value, &(struct moment){.revision = revision, .who = "source"});
    }
}

const struct timeline *history_deciders(const struct history *h, const struct memcached_past *m)
{
    char key[KEY_BYTES];
    snprintf(key, sizeof key, "%s/%s", m->ns, m->name);
    return map_get(&h->deciders, key);
}

/* What those who claimed then call for; -1: nothing. */
static int64_t wished_at(const struct moment *moment, const struct size_rules *rules,
                         int64_t before)
{
    struct size_tally t = {0};
    if (moment->is_known && strcmp(rules->claims, "Oldest") == 0) {
        size_tally_add(&t, (struct size_reading){READING_FOUND, moment->value});
    } else if (strcmp(rules->claims, "Ignore") != 0) {
        t = moment->all;
    }
    return size_wished(rules, &t, before);
}

bool history_explains_size(const struct history *h, struct memcached_past *m,
                           const struct size_rules *rules, int64_t before, int64_t size,
                           uint64_t record)
{
    const struct timeline *t = history_deciders(h, m);
    size_t first = m->decider_cursor, end = t != NULL ? t->count : 0;
    if (record != 0 && !h->is_restored) {
        size_t known = moment_at(t, record);
        first = known >= first ? known : end;
        end = known < end ? known + 1 : end;
    }
    for (size_t i = first; i < end; i++) {
        if (wished_at(&t->moments[i], rules, before) == size) {
            m->decider_cursor = i;
            return true;
        }
    }
    return false;
}

bool history_explains_replicas(const struct history *h, struct memcached_past *m, int64_t replicas,
                               int64_t record)
{
    if (record != 0 && !h->is_restored) {
        return timeline_confirms(&m->sizes, moment_of(&m->sizes, record), replicas,
                                 &m->size_cursor);
    }
    return timeline_reach(&m->sizes, replicas, &m->size_cursor);
}

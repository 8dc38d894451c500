/*
 * The algorithm is that of sigs.k8s.io/structured-merge-diff v4.0, and of kube-apiserver's field
 * managers around it.
 */
#include "sim/api_managed.h"

#include "base/json_writer.h"
#include "base/mem.h"
#include "sim/api_merge.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    UPDATERS_MAX = 10, /* older ones are merged into one, "ancient-changes" */
    CONFLICT_BYTES_MAX = 1 << 20,
};

void managed_fini(struct managed *m)
{
    mem_free(m->entries);
    *m = (struct managed){0};
}

static struct manager_entry *add_entry(struct managed *m)
{
    if (m->count == m->cap) {
        m->cap = m->cap == 0 ? 8 : m->cap * 2;
        m->entries = mem_realloc(m->entries, m->cap * sizeof *m->entries);
    }
    struct manager_entry *e = &m->entries[m->count++];
    *e = (struct manager_entry){0};
    return e;
}

static void remove_entry(struct managed *m, struct manager_entry *e)
{
    size_t i = (size_t)(e - m->entries);
    memmove(e, e + 1, (m->count - i - 1) * sizeof *e);
    m->count--;
}

static void drop_empty(struct managed *m)
{
    for (size_t i = m->count; i > 0; i--) {
        if (m->entries[i - 1].fields == NULL) {
            remove_entry(m, &m->entries[i - 1]);
        }
    }
}

/* An applier is one whatever the version that it applies. */
static struct manager_entry *find_entry(struct managed *m, const char *name, bool applied,
                                        const char *api_version)
{
    for (size_t i = 0; i < m->count; i++) {
        struct manager_entry *e = &m->entries[i];
        if (e->applied == applied && strcmp(e->name, name) == 0 &&
            (applied || strcmp(e->api_version, api_version) == 0)) {
            return e;
        }
    }
    return NULL;
}

/* ---- metadata.managedFields ---- */

static const char *text_of(yyjson_mut_val *object, const char *key)
{
    const char *text = yyjson_mut_get_str(yyjson_mut_obj_get(object, key));
    return text == NULL ? "" : text;
}

static bool read_entry(struct managed *m, yyjson_mut_val *v)
{
    if (strcmp(text_of(v, "fieldsType"), "FieldsV1") != 0) {
        return false;
    }
    const char *name = text_of(v, "manager"), *api_version = text_of(v, "apiVersion");
    bool applied = strcmp(text_of(v, "operation"), "Apply") == 0;
    struct manager_entry *e = find_entry(m, name, applied, api_version);
    e = e == NULL ? add_entry(m) : e;
    *e = (struct manager_entry){.name = name,
                                .api_version = api_version,
                                .time = yyjson_mut_get_str(yyjson_mut_obj_get(v, "time")),
                                .applied = applied,
                                .fields = yyjson_mut_obj_get(v, "fieldsV1")};
    if (!yyjson_mut_is_obj(e->fields) || yyjson_mut_obj_size(e->fields) == 0) {
        e->fields = NULL;
    }
    return true;
}

bool managed_read(struct managed *m, yyjson_mut_doc *doc, yyjson_mut_val *entries)
{
    m->doc = doc;
    m->count = 0;
    size_t i, max;
    yyjson_mut_val *entry;
    yyjson_mut_arr_foreach(entries, i, max, entry)
    {
        if (!read_entry(m, entry)) {
            m->count = 0;
            return false;
        }
    }
    return true;
}

/* Conflicts are told in this order. */
static int compare_names(const void *left, const void *right)
{
    const struct manager_entry *a = left, *b = right;
    int order = strcmp(a->name, b->name);
    return order != 0 ? order : (int)b->applied - (int)a->applied;
}

static void sort(const struct managed *m, int (*order)(const void *, const void *))
{
    if (m->count > 1) {
        qsort(m->entries, m->count, sizeof *m->entries, order);
    }
}

static int compare_text(const char *a, const char *b)
{
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b);
}

static int compare_entries(const void *left, const void *right)
{
    const struct manager_entry *a = left, *b = right;
    if (a->applied != b->applied) {
        return a->applied ? -1 : 1;
    }
    int order = compare_text(a->time, b->time);
    order = order != 0 ? order : strcmp(a->name, b->name);
    return order != 0 ? order : strcmp(a->api_version, b->api_version);
}

void managed_write(const struct managed *m, yyjson_mut_val *object)
{
    if (m->count == 0) {
        return;
    }
    sort(m, compare_entries);
    yyjson_mut_doc *doc = m->doc;
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < m->count; i++) {
        const struct manager_entry *e = &m->entries[i];
        yyjson_mut_val *v = yyjson_mut_arr_add_obj(doc, list);
        if (e->name[0] != '\0') {
            yyjson_mut_obj_add_strcpy(doc, v, "manager", e->name);
        }
        yyjson_mut_obj_add_str(doc, v, "operation", e->applied ? "Apply" : "Update");
        yyjson_mut_obj_add_strcpy(doc, v, "apiVersion", e->api_version);
        if (e->time != NULL) {
            yyjson_mut_obj_add_strcpy(doc, v, "time", e->time);
        }
        yyjson_mut_obj_add_str(doc, v, "fieldsType", "FieldsV1");
        yyjson_mut_obj_add_val(doc, v, "fieldsV1",
                               e->fields == NULL ? yyjson_mut_obj(doc) : e->fields);
    }
    yyjson_mut_val *metadata = yyjson_mut_obj_get(object, "metadata");
    if (metadata == NULL) {
        metadata = yyjson_mut_obj_add_obj(doc, object, "metadata");
    }
    yyjson_mut_obj_add_val(doc, metadata, "managedFields", list);
}

/* Nobody owns these. */
static void strip(yyjson_mut_val **fields)
{
    static const char *const METADATA[] = {"f:name",       "f:namespace",     "f:creationTimestamp",
                                           "f:selfLink",   "f:uid",           "f:clusterName",
                                           "f:generation", "f:managedFields", "f:resourceVersion"};
    if (*fields == NULL) {
        return;
    }
    yyjson_mut_obj_remove_key(*fields, "f:apiVersion");
    yyjson_mut_obj_remove_key(*fields, "f:kind");
    yyjson_mut_val *metadata = yyjson_mut_obj_get(*fields, "f:metadata");
    if (metadata != NULL) {
        yyjson_mut_obj_remove_key(metadata, ".");
        for (size_t i = 0; i < ARRAY_LEN(METADATA); i++) {
            yyjson_mut_obj_remove_key(metadata, METADATA[i]);
        }
        if (yyjson_mut_obj_size(metadata) == 0) {
            yyjson_mut_obj_remove_key(*fields, "f:metadata");
        }
    }
    if (yyjson_mut_obj_size(*fields) == 0) {
        *fields = NULL;
    }
}

/* Parts of what has become a list or map of parts, as k8s.io/apiserver sees to it before any write.
 */
static bool expand_all(struct managed *m, const struct schema *type, yyjson_mut_val *live)
{
    bool expanded = false;
    for (size_t i = 0; i < m->count; i++) {
        if (m->entries[i].fields != NULL) {
            expanded |= merge_expand(m->doc, type, live, m->entries[i].fields);
        }
    }
    return expanded;
}

/* ---- Update ---- */

/* What others own of @diff is theirs no longer. */
static void take_away(struct managed *m, const struct merge_diff *diff,
                      const struct manager_entry *except)
{
    for (size_t i = 0; i < m->count; i++) {
        struct manager_entry *e = &m->entries[i];
        if (e != except) {
            fields_subtract(&e->fields, diff->added);
            fields_subtract(&e->fields, diff->modified);
            fields_subtract(&e->fields, diff->removed);
        }
    }
}

static size_t count_updaters(const struct managed *m)
{
    size_t count = 0;
    for (size_t i = 0; i < m->count; i++) {
        count += !m->entries[i].applied;
    }
    return count;
}

static struct manager_entry *oldest_updater(struct managed *m, const struct manager_entry *except)
{
    struct manager_entry *oldest = NULL;
    for (size_t i = 0; i < m->count; i++) {
        struct manager_entry *e = &m->entries[i];
        if (!e->applied && e != except && (oldest == NULL || compare_entries(e, oldest) < 0)) {
            oldest = e;
        }
    }
    return oldest;
}

static void cap_updaters(struct managed *m)
{
    while (count_updaters(m) > UPDATERS_MAX) {
        struct manager_entry *first = oldest_updater(m, NULL);
        struct manager_entry *second = oldest_updater(m, first);
        first->name = "ancient-changes";
        first->time = second->time;
        fields_unite(m->doc, &first->fields, second->fields);
        remove_entry(m, second);
    }
}

/* The writer gets @mine beside what it has. */
static void give(struct managed *m, const struct managed_writer *w, yyjson_mut_val *mine,
                 yyjson_mut_val *had)
{
    struct manager_entry *e = find_entry(m, w->manager, false, w->api_version);
    if (e == NULL) {
        e = add_entry(m);
        *e = (struct manager_entry){.name = w->manager, .api_version = w->api_version};
    }
    fields_unite(m->doc, &e->fields, mine);
    if (had == NULL || !fields_equal(e->fields, had)) {
        e->time = w->now_text;
    }
}

bool managed_update(struct managed *m, const struct managed_writer *w, yyjson_mut_val *before,
                    yyjson_mut_val *after)
{
    struct merge_diff diff;
    struct manager_entry *mine = find_entry(m, w->manager, false, w->api_version);
    yyjson_mut_val *had = mine == NULL ? NULL : yyjson_mut_val_mut_copy(m->doc, mine->fields);
    expand_all(m, w->type, before);
    if (!merge_compare(m->doc, w->type, before, after, &diff)) {
        return false;
    }
    if (merge_is_same(&diff)) {
        return true;
    }
    take_away(m, &diff, NULL);
    yyjson_mut_val *got = diff.added;
    fields_unite(m->doc, &got, diff.modified);
    fields_subtract(&got, diff.removed);
    strip(&got);
    if (got != NULL) {
        give(m, w, got, had);
    }
    drop_empty(m);
    cap_updaters(m);
    return true;
}

/* ---- Apply ---- */

struct conflicts {
    size_t count;
    struct buf causes, list; /* JSON; "\n- .path" */
    const char *who;         /* of the entry that is looked at */
    char first[1024];
};

static void add_conflict(void *ctx, const char *path)
{
    struct conflicts *c = ctx;
    char message[512];
    snprintf(message, sizeof message, "conflict with %s", c->who);
    if (c->count++ == 0) {
        snprintf(c->first, sizeof c->first, "%s: %s", message, path);
    } else {
        buf_append_char(&c->causes, ',');
    }
    struct json_writer w;
    json_writer_init(&w, &c->causes, false);
    json_object_begin(&w);
    json_member_string(&w, "reason", "FieldManagerConflict");
    json_member_string(&w, "message", message);
    json_member_string(&w, "field", path);
    json_object_end(&w);
    buf_printf(&c->list, "\n- %s", path);
}

/* `"kubectl" using apps/v1`; of an applier only the name. */
static void name_entry(const struct manager_entry *e, char *out, size_t bytes)
{
    if (e->applied) {
        snprintf(out, bytes, "\"%s\"", e->name);
    } else {
        snprintf(out, bytes, "\"%s\" using %s", e->name, e->api_version);
    }
}

static void find_conflicts(struct managed *m, const struct merge_diff *diff,
                           const struct manager_entry *mine, struct conflicts *c)
{
    yyjson_mut_val *changed =
        diff->added == NULL ? NULL : yyjson_mut_val_mut_copy(m->doc, diff->added);
    fields_unite(m->doc, &changed, diff->modified);
    for (size_t i = 0; i < m->count; i++) {
        struct manager_entry *e = &m->entries[i];
        yyjson_mut_val *both = e == mine ? NULL : fields_common(m->doc, e->fields, changed);
        if (both != NULL) {
            char who[320];
            name_entry(e, who, sizeof who);
            c->who = who;
            buf_printf(&c->list, "%sconflicts with %s:", c->list.len > 0 ? "\n" : "", who);
            fields_each(both, add_conflict, c);
        }
    }
}

static bool has_conflicts(struct managed *m, const struct merge_diff *diff,
                          const struct manager_entry *mine, struct api_refusal *refusal)
{
    struct conflicts c = {0};
    buf_init(&c.causes, CONFLICT_BYTES_MAX);
    buf_init(&c.list, CONFLICT_BYTES_MAX);
    find_conflicts(m, diff, mine, &c);
    if (c.count == 1) {
        refuse_apply_conflict(refusal, &c.causes, "Apply failed with 1 conflict: %s", c.first);
    } else if (c.count > 1) {
        refuse_apply_conflict(refusal, &c.causes, "Apply failed with %zu conflicts: %s", c.count,
                              buf_text(&c.list));
    }
    buf_fini(&c.causes);
    buf_fini(&c.list);
    return c.count > 0;
}

/* What somebody owns. */
static yyjson_mut_val *all_owned(struct managed *m)
{
    yyjson_mut_val *all = NULL;
    for (size_t i = 0; i < m->count; i++) {
        fields_unite(m->doc, &all, m->entries[i].fields);
    }
    return all;
}

/* @merged without what the manager applied before (@last), does not apply any more, and nobody else
 * owns. */
static yyjson_mut_val *prune(struct managed *m, const struct schema *type, yyjson_mut_val *merged,
                             yyjson_mut_val *last)
{
    yyjson_mut_doc *doc = m->doc;
    yyjson_mut_val *owned = all_owned(m);
    if (last == NULL || fields_cover(owned, last)) {
        return merged;
    }
    yyjson_mut_val *without = yyjson_mut_val_mut_copy(doc, merged);
    merge_remove(doc, type, without, last);
    fields_unite(doc, &owned, merge_fields(doc, type, without));
    yyjson_mut_val *unowned = merge_fields(doc, type, merged);
    fields_subtract(&unowned, owned);
    without = yyjson_mut_val_mut_copy(doc, merged);
    if (unowned != NULL) {
        merge_remove(doc, type, without, unowned);
    }
    yyjson_mut_val *gone = merge_fields(doc, type, merged);
    fields_subtract(&gone, merge_fields(doc, type, without));
    gone = fields_common(doc, gone, last);
    if (gone != NULL) {
        merge_remove(doc, type, merged, gone);
    }
    return merged;
}

yyjson_mut_val *managed_apply(struct managed *m, const struct managed_writer *w,
                              yyjson_mut_val *live, yyjson_mut_val *config,
                              struct api_refusal *refusal)
{
    sort(m, compare_names);
    bool expanded = expand_all(m, w->type, live);
    yyjson_mut_val *merged = yyjson_mut_val_mut_copy(m->doc, live);
    merge_apply(m->doc, w->type, merged, config);
    struct manager_entry *mine = find_entry(m, w->manager, true, w->api_version);
    if (mine == NULL) {
        mine = add_entry(m);
        *mine = (struct manager_entry){
            .name = w->manager, .api_version = w->api_version, .applied = true};
    }
    yyjson_mut_val *last = mine->fields;
    mine->fields = merge_fields(m->doc, w->type, config);
    merged = prune(m, w->type, merged, last);
    struct merge_diff diff;
    if (!merge_compare(m->doc, w->type, live, merged, &diff)) {
        return refuse(refusal, 500, NULL, "failed to compare objects: duplicate entries for key");
    }
    if (!w->force && has_conflicts(m, &diff, mine, refusal)) {
        return NULL;
    }
    take_away(m, &diff, mine);
    strip(&mine->fields);
    bool same = merge_is_same(&diff);
    if (!same || expanded || !fields_equal(mine->fields, last)) {
        mine->time = w->now_text;
    }
    mine->api_version = w->api_version;
    drop_empty(m);
    return same ? live : merged;
}

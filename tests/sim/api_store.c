#include "sim/api_store.h"

#include "base/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CAP_MIN = 16, KEY_BYTES = 600 };

void api_store_init(struct api_store *s, uint64_t base)
{
    *s = (struct api_store){
        .keys = mem_zalloc(api_resource_count * sizeof *s->keys),
        .last = mem_zalloc(api_resource_count * sizeof *s->last),
        .base = base,
        .compacted = base,
    };
}

static void version_free(struct api_version *v)
{
    for (int form = 0; form < API_FORMS; form++) {
        free(v->text[form]); /* yyjson's memory */
    }
    yyjson_doc_free(v->doc);
    mem_free(v);
}

static void versions_free(struct api_version *v)
{
    while (v != NULL) {
        struct api_version *prev = v->prev;
        version_free(v);
        v = prev;
    }
}

static void entry_free(struct api_entry *e)
{
    versions_free(e->newest);
    mem_free(e->key);
    mem_free(e);
}

void api_store_fini(struct api_store *s)
{
    for (unsigned r = 0; s->keys != NULL && r < api_resource_count; r++) {
        for (size_t i = 0; i < s->keys[r].count; i++) {
            entry_free(s->keys[r].items[i]);
        }
        mem_free(s->keys[r].items);
    }
    mem_free(s->keys);
    mem_free(s->last);
    mem_free(s->changes);
    *s = (struct api_store){0};
}

uint64_t api_store_revision(const struct api_store *s)
{
    return s->base + s->count;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static const char *make_key(char out[KEY_BYTES], const char *ns, const char *name)
{
    snprintf(out, KEY_BYTES, "%s%s%s", ns, ns[0] != '\0' ? "/" : "", name);
    return out;
}

size_t api_keys_find(const struct api_keys *keys, const char *key)
{
    size_t low = 0;
    size_t high = keys->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(keys->items[middle]->key, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct api_entry *entry_new(unsigned resource, const char *key)
{
    struct api_entry *e = mem_zalloc(sizeof *e);
    size_t bytes = strlen(key) + 1;
    /* the key, and behind it the same once more, cut at its slash */
    e->key = mem_alloc(2 * bytes);
    memcpy(e->key, key, bytes);
    char *copy = e->key + bytes;
    memcpy(copy, key, bytes);
    char *slash = strchr(copy, '/');
    e->resource = resource;
    e->ns = slash == NULL ? "" : copy;
    e->name = slash == NULL ? copy : slash + 1;
    if (slash != NULL) {
        *slash = '\0';
    }
    return e;
}

static struct api_entry *entry_at_key(struct api_keys *keys, unsigned resource, const char *key)
{
    size_t i = api_keys_find(keys, key);
    if (i < keys->count && strcmp(keys->items[i]->key, key) == 0) {
        return keys->items[i];
    }
    if (keys->count == keys->cap) {
        keys->cap = keys->cap == 0 ? CAP_MIN : keys->cap * 2;
        keys->items = mem_realloc(keys->items, keys->cap * sizeof keys->items[0]);
    }
    memmove(&keys->items[i + 1], &keys->items[i], (keys->count - i) * sizeof keys->items[0]);
    keys->count++;
    keys->items[i] = entry_new(resource, key);
    return keys->items[i];
}

/* Drop the entries that have no state left, or only that of having gone by @revision. */
static void sweep(struct api_keys *keys, uint64_t revision)
{
    size_t kept = 0;
    for (size_t i = 0; i < keys->count; i++) {
        struct api_entry *e = keys->items[i];
        if (e->newest == NULL || (e->newest->doc == NULL && e->newest->revision <= revision)) {
            entry_free(e);
        } else {
            keys->items[kept++] = e;
        }
    }
    keys->count = kept;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct api_version *api_version_at(struct api_version *newest, uint64_t revision)
{
    struct api_version *v = newest;
    while (v != NULL && v->revision > revision) {
        v = v->prev;
    }
    return v;
}

struct api_version *api_store_get(const struct api_store *s, unsigned resource, const char *ns,
                                  const char *name)
{
    const struct api_keys *keys = &s->keys[resource];
    char key[KEY_BYTES];
    size_t i = api_keys_find(keys, make_key(key, ns, name));
    return i < keys->count && strcmp(keys->items[i]->key, key) == 0 ? keys->items[i]->newest : NULL;
}

struct api_version *api_store_change(const struct api_store *s, uint64_t revision)
{
    assert(revision > s->base && revision <= api_store_revision(s));
    return s->changes[revision - s->base - 1];
}

/* ---- writing --------------------------------------------------------------------------------- */

static struct api_version *append(struct api_store *s, struct api_entry *e, yyjson_doc *doc)
{
    struct api_version *v = mem_zalloc(sizeof *v);
    v->revision = api_store_revision(s) + 1;
    v->prev = e->newest;
    v->entry = e;
    v->doc = doc;
    e->newest = v;
    if (s->count == s->cap) {
        s->cap = s->cap == 0 ? CAP_MIN : s->cap * 2;
        s->changes = mem_realloc(s->changes, s->cap * sizeof s->changes[0]);
    }
    s->changes[s->count++] = v;
    s->last[e->resource] = v->revision;
    return v;
}

void api_doc_set_revision(yyjson_mut_doc *doc, uint64_t revision)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%" PRIu64, revision);
    yyjson_mut_val *metadata = yyjson_mut_obj_get(yyjson_mut_doc_get_root(doc), "metadata");
    yyjson_mut_val *value = yyjson_mut_strncpy(doc, text, (size_t)len);
    yyjson_mut_obj_put(metadata, yyjson_mut_str(doc, "resourceVersion"), value);
}

struct api_version *api_store_put(struct api_store *s, unsigned resource, const char *ns,
                                  const char *name, yyjson_mut_doc *doc)
{
    char key[KEY_BYTES];
    api_doc_set_revision(doc, api_store_revision(s) + 1);
    yyjson_doc *stored = yyjson_mut_doc_imut_copy(doc, NULL);
    assert(stored != NULL);
    return append(s, entry_at_key(&s->keys[resource], resource, make_key(key, ns, name)), stored);
}

struct api_version *api_store_remove(struct api_store *s, struct api_version *newest)
{
    assert(api_version_is_there(newest) && newest->entry->newest == newest);
    return append(s, newest->entry, NULL);
}

void api_store_compact(struct api_store *s, uint64_t revision, uint64_t keep)
{
    assert(keep <= revision && revision <= api_store_revision(s));
    s->compacted = revision > s->compacted ? revision : s->compacted;
    if (keep <= s->base) {
        return;
    }
    for (unsigned r = 0; r < api_resource_count; r++) {
        for (size_t i = 0; i < s->keys[r].count; i++) {
            struct api_version *v = api_version_at(s->keys[r].items[i]->newest, keep);
            if (v != NULL) {
                versions_free(v->prev);
                v->prev = NULL;
            }
        }
        sweep(&s->keys[r], keep);
    }
    size_t gone = (size_t)(keep - s->base);
    memmove(s->changes, s->changes + gone, (s->count - gone) * sizeof s->changes[0]);
    s->count -= gone;
    s->base = keep;
}

void api_store_restore(struct api_store *s, uint64_t revision)
{
    assert(revision >= s->base && revision <= api_store_revision(s));
    while (api_store_revision(s) > revision) {
        struct api_version *v = s->changes[--s->count];
        v->entry->newest = v->prev;
        version_free(v);
    }
    for (unsigned r = 0; r < api_resource_count; r++) {
        sweep(&s->keys[r], s->base);
        s->last[r] = revision;
    }
}

/* ---- texts ----------------------------------------------------------------------------------- */

static char *write_mut(yyjson_mut_doc *doc, size_t *len)
{
    char *text = yyjson_mut_write(doc, YYJSON_WRITE_NOFLAG, len);
    assert(text != NULL);
    return text;
}

static char *meta_of(yyjson_val *root, size_t *len)
{
    yyjson_mut_doc *doc = api_object_metadata(root);
    char *text = write_mut(doc, len);
    yyjson_mut_doc_free(doc);
    return text;
}

static char *item_of(const struct api_version *v, size_t *len)
{
    yyjson_mut_doc *doc = yyjson_doc_mut_copy(v->doc, NULL);
    yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);
    if (!api_resources[v->entry->resource].is_custom) {
        yyjson_mut_obj_remove_key(root, "kind");
        yyjson_mut_obj_remove_key(root, "apiVersion");
    }
    char *text = write_mut(doc, len);
    yyjson_mut_doc_free(doc);
    return text;
}

static char *last_of(const struct api_version *v, bool meta, size_t *len)
{
    assert(api_version_is_there(v->prev));
    yyjson_mut_doc *doc = yyjson_doc_mut_copy(v->prev->doc, NULL);
    api_doc_set_revision(doc, v->revision);
    char *text;
    if (meta) {
        yyjson_doc *copy = yyjson_mut_doc_imut_copy(doc, NULL);
        text = meta_of(yyjson_doc_get_root(copy), len);
        yyjson_doc_free(copy);
    } else {
        text = write_mut(doc, len);
    }
    yyjson_mut_doc_free(doc);
    return text;
}

static char *make_text(const struct api_version *v, enum api_form form, size_t *len)
{
    switch (form) {
    case API_FORM_ITEM:
        return item_of(v, len);
    case API_FORM_META:
        return meta_of(api_version_root(v), len);
    case API_FORM_LAST:
        return last_of(v, false, len);
    case API_FORM_LAST_META:
        return last_of(v, true, len);
    case API_FORM_WHOLE:
    case API_FORMS:
        break;
    }
    return yyjson_write(v->doc, YYJSON_WRITE_NOFLAG, len);
}

const char *api_version_text(struct api_version *v, enum api_form form, size_t *len)
{
    if (v->text[form] == NULL) {
        v->text[form] = make_text(v, form, &v->len[form]);
        assert(v->text[form] != NULL);
    }
    if (len != NULL) {
        *len = v->len[form];
    }
    return v->text[form];
}

/*
 * What those who refer to objects say, and are told. What follows from it: lookout_pump.c.
 */
#include "base/mem.h"
#include "kube/lookout_parts.h"
#include "kube/name.h"

#include <assert.h>
#include <string.h>

/* ---- telling --------------------------------------------------------------------------------- */

static struct watched *find(const struct lookout *l, const char *ns, const char *name)
{
    char key[STORE_KEY_BYTES];

    return map_get(&l->watched, store_key(ns, name, key));
}

struct watched *lookout_at(const struct lookout *l, size_t i)
{
    return l->watched.entries[i].value;
}

void lookout_tell(struct lookout *l, const char *ns, const char *name)
{
    if (l->news != NULL) {
        l->news(l->ctx, l, ns, name);
    }
}

/* By index: whoever is told may add objects. */
void lookout_tell_all(struct lookout *l)
{
    for (size_t i = 0; i < l->watched.count; i++) {
        lookout_tell(l, lookout_at(l, i)->ns, lookout_at(l, i)->name);
    }
}

void lookout_set_trouble(struct watched *w, const struct error *err)
{
    bool changed = w->trouble.code != err->code;

    w->trouble = *err;
    if (changed) {
        lookout_tell(w->lookout, w->ns, w->name);
    }
}

/* ---- what is known of an object -------------------------------------------------------------- */

static void on_object(void *ctx, const struct object *before, const struct object *after)
{
    struct lookout *l = ctx;
    const struct object *o = after != NULL ? after : before;

    scales_follow(&l->scales, before, after);
    lookout_tell(l, o->ns, o->name);
}

static void on_scale(void *ctx, const struct object *before, const struct object *after)
{
    struct lookout *l = ctx;
    const struct object *o = after != NULL ? after : before;

    if (after != NULL) {
        scales_note(&l->scales, after);
        l->stirred = l->stirred || l->scales.has_stray;
    }
    lookout_tell(l, o->ns, o->name);
}

struct sight lookout_see(const struct lookout *l, const char *ns, const char *name)
{
    const struct watched *w = find(l, ns, name);

    if (w == NULL) {
        return (struct sight){0};
    }
    const struct object *o = store_get(&l->store, ns, name);
    const struct store_scope *scope = w->watcher != NULL ? watcher_scope(w->watcher) : NULL;
    const struct error *trouble = l->kind != NULL ? &w->trouble : &l->search.trouble;
    return (struct sight){
        .object = o,
        .scale = o != NULL ? scales_get(&l->scales, o) : NULL,
        .scale_due = !l->compiled_in && o != NULL && scales_is_due(&l->scales, o),
        .synced = scope != NULL && scope->synced,
        .trouble = trouble->code != ERR_NONE ? trouble : NULL,
        .lists = scope != NULL ? scope->lists : 0,
    };
}

/* ---- referring ------------------------------------------------------------------------------- */

bool lookout_add(struct lookout *l, const char *ns, const char *name)
{
    char key[STORE_KEY_BYTES];

    if (!namespace_is_valid(ns) || !name_is_valid(name)) {
        return false;
    }
    struct watched *w = find(l, ns, name);
    if (w == NULL) {
        w = mem_zalloc(sizeof *w);
        *w = (struct watched){
            .lookout = l, .ns = mem_strdup(ns), .name = mem_strdup(name), .trouble = ERROR_INIT};
        map_put(&l->watched, store_key(ns, name, key), w);
        l->stirred = true;
    }
    w->references++;
    return true;
}

void lookout_remove(struct lookout *l, const char *ns, const char *name)
{
    struct watched *w = find(l, ns, name);

    if (w == NULL) {
        return; /* was no valid name */
    }
    assert(w->references > 0); /* not more often than it was added */
    w->references--;
    l->stirred = l->stirred || w->references == 0;
}

bool lookout_refresh(struct lookout *l, const char *ns, const char *name)
{
    struct watched *w = find(l, ns, name);

    if (w == NULL || w->watcher == NULL || (!w->refresh && watcher_is_refreshing(w->watcher))) {
        return false;
    }
    w->refresh = l->stirred = true;
    return true;
}

static void on_search(void *ctx, bool changed)
{
    struct lookout *l = ctx;

    l->kind = l->store.kind = l->search.found;
    l->stirred = true;
    if (changed) {
        lookout_tell_all(l);
    }
}

/* ---- the manager's --------------------------------------------------------------------------- */

void lookout_mute(struct lookout *l)
{
    l->news = NULL;
}

struct lookout *lookout_new(struct manager *m, const struct lookout_spec *spec,
                            struct random *random)
{
    struct lookout *l = mem_zalloc(sizeof *l);
    char api_version[API_VERSION_BYTES];

    bool compiled_in = spec->kind != NULL;
    *l = (struct lookout){
        .manager = m,
        .random = random,
        .news = spec->news,
        .ctx = spec->ctx,
        .compiled_in = compiled_in,
        .metadata_only = !compiled_in || spec->metadata_only,
        .kind = spec->kind,
        .due_ms = UINT64_MAX,
    };
    kind_search_init(&l->search, m, random,
                     compiled_in ? kind_api_version(spec->kind, api_version) : spec->api_version,
                     compiled_in ? spec->kind->kind : spec->kind_name, on_search, l);
    map_init(&l->watched, random_next(random));
    store_init(&l->store, spec->kind, random_next(random));
    scales_init(&l->scales, &l->store, random_next(random));
    store_subscribe(&l->store, on_object, l);
    store_subscribe(&l->scales.store, on_scale, l);
    return l;
}

void lookout_free_watched(struct watched *w)
{
    watcher_free(w->watcher);
    mem_free(w->ns);
    mem_free(w->name);
    mem_free(w);
}

void lookout_free(struct lookout *l)
{
    if (l == NULL) {
        return;
    }
    map_for_each (&l->watched, e) {
        lookout_free_watched(e->value);
    }
    map_fini(&l->watched);
    store_fini(&l->store);
    scales_fini(&l->scales);
    kind_search_fini(&l->search);
    mem_free(l);
}

bool lookout_is_of(const struct lookout *l, const char *api_version, const char *kind)
{
    return strcmp(l->search.kind_name, kind) == 0 &&
           strcmp(l->search.api_version, api_version) == 0;
}

bool lookout_is_idle(const struct lookout *l)
{
    return l->kind == NULL && l->watched.count == 0 && !kind_search_is_pausing(&l->search);
}

const struct kind *lookout_kind(const struct lookout *l)
{
    return l->kind;
}

struct store *lookout_scales(struct lookout *l)
{
    return &l->scales.store;
}

const struct store *lookout_store(const struct lookout *l)
{
    return &l->store;
}

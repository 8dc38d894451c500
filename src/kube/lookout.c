#include "kube/lookout.h"

#include "base/mem.h"
#include "kube/kind_search.h"
#include "kube/manager.h"
#include "kube/name.h"
#include "kube/scales.h"
#include "kube/watcher.h"

#include <assert.h>
#include <string.h>

/* One object that somebody refers to. Stays where it is while the map of them changes. */
struct watched {
    struct lookout *lookout;
    char *ns, *name;
    bool refresh;            /* to be listed anew */
    size_t references;       /* 0: to be ended */
    struct watcher *watcher; /* NULL: not begun */
    struct error trouble;    /* ERR_NONE: none */
};

struct lookout {
    struct manager *manager;
    struct random *random;
    lookout_news_fn *news;
    void *ctx;
    bool compiled_in, metadata_only;
    const struct kind *kind;   /* NULL: not found yet */
    struct kind_search search; /* used unless it is compiled in; has its names always */
    struct store store;
    struct scales scales;
    struct map watched; /* "ns/name" → struct watched; only the first may be at work */
    bool stirred;       /* something may be due whatever due_ms says */
    uint64_t due_ms;    /* the earliest of all that is watched */
};

/* ---- telling --------------------------------------------------------------------------------- */

static struct watched *find(const struct lookout *l, const char *ns, const char *name)
{
    char key[STORE_KEY_BYTES];

    return map_get(&l->watched, store_key(ns, name, key));
}

static struct watched *at(const struct lookout *l, size_t i)
{
    return l->watched.entries[i].value;
}

static void tell(struct lookout *l, const char *ns, const char *name)
{
    if (l->news != NULL) {
        l->news(l->ctx, l, ns, name);
    }
}

/* By index: whoever is told may add objects. */
static void tell_all(struct lookout *l)
{
    for (size_t i = 0; i < l->watched.count; i++) {
        tell(l, at(l, i)->ns, at(l, i)->name);
    }
}

/* Told to whoever refers to the object unless it was the same before. */
static void set_trouble(struct watched *w, const struct error *err)
{
    bool changed = w->trouble.code != err->code;

    w->trouble = *err;
    if (changed) {
        tell(w->lookout, w->ns, w->name);
    }
}

/* ---- what is known of an object -------------------------------------------------------------- */

static void on_object(void *ctx, const struct object *before, const struct object *after)
{
    struct lookout *l = ctx;
    const struct object *o = after != NULL ? after : before;

    scales_follow(&l->scales, before, after);
    tell(l, o->ns, o->name);
}

static void on_scale(void *ctx, const struct object *before, const struct object *after)
{
    struct lookout *l = ctx;
    const struct object *o = after != NULL ? after : before;

    if (after != NULL) {
        scales_note(&l->scales, after);
        l->stirred = l->stirred || l->scales.has_stray;
    }
    tell(l, o->ns, o->name);
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

/* ---- watching -------------------------------------------------------------------------------- */

/* People are told by whoever refers to the object: he knows what it is for. */
static void on_report(void *ctx, const char *verb, const struct reflector_spec *spec,
                      uint64_t retry_in_ms, const struct error *err)
{
    struct watched *w = ctx;
    struct manager *m = w->lookout->manager;

    manager_log(m, manager_now(m), LOG_DEBUG, "lookout",
                err == NULL ? "In step with the server" : "Cannot watch the object. Trying again",
                (struct log_field[]){LOG_STR("kind", spec->kind->kind), LOG_STR("namespace", w->ns),
                                     LOG_STR("name", w->name), LOG_STR("verb", verb),
                                     LOG_STR("error", err == NULL ? "" : err->message),
                                     LOG_INT("retry-in-ms", (int64_t)retry_in_ms)},
                err == NULL ? 3 : 6);
    if (err != NULL) {
        set_trouble(w, err);
        return;
    }
    w->trouble = ERROR_INIT;
    tell(w->lookout, w->ns, w->name); /* also of the first list, which may have brought nothing */
}

static void on_stirred(void *ctx)
{
    struct watched *w = ctx;

    w->lookout->stirred = true;
}

/* @i is its place in the map. */
static void begin(struct lookout *l, size_t i)
{
    struct watched *w = at(l, i);

    if (w->watcher != NULL || l->kind == NULL) {
        return;
    }
    if (i >= LOOKOUT_WATCHES_MAX) {
        struct error many = ERROR_INIT;
        error_set(&many, ERR_TOO_BIG,
                  "%d objects of kind %s are referred to and watched already; this one waits until "
                  "one of them no longer is",
                  LOOKOUT_WATCHES_MAX, l->kind->kind);
        set_trouble(w, &many);
        return;
    }
    w->watcher = watcher_new(
        l->manager, &(struct watch_spec){.kind = l->kind, .metadata_only = l->metadata_only}, w->ns,
        w->name, &l->store, l->random,
        &(struct watcher_owner){.report = on_report, .stirred = on_stirred, .ctx = w});
    set_trouble(w, &ERROR_INIT);
}

static void watched_free(struct watched *w)
{
    watcher_free(w->watcher);
    mem_free(w->ns);
    mem_free(w->name);
    mem_free(w);
}

/* Out of the map first: whoever is told may add it anew. */
static void end(struct lookout *l, size_t i)
{
    struct watched *w = map_remove(&l->watched, l->watched.entries[i].key);

    if (w->watcher != NULL) {
        struct store_scope *scope = watcher_scope(w->watcher);
        watcher_stop(w->watcher);
        watcher_free(w->watcher);
        w->watcher = NULL;
        store_remove_scope(&l->store, scope);
    }
    watched_free(w);
}

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
        tell_all(l);
    }
}

/* ---- the manager's --------------------------------------------------------------------------- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void pump_one(struct watched *w)
{
    if (w->refresh) {
        w->refresh = false;
        watcher_refresh(w->watcher);
    }
    watcher_pump(w->watcher);
}

static void end_unreferenced(struct lookout *l)
{
    for (size_t i = 0; i < l->watched.count;) {
        if (at(l, i)->references == 0) {
            end(l, i); /* the last entry moves to i */
        } else {
            i++;
        }
    }
}

static void search(struct lookout *l)
{
    if (l->kind == NULL && l->watched.count > 0) {
        kind_search_pump(&l->search);
        l->due_ms = kind_search_deadline(&l->search);
    }
}

void lookout_pump(struct lookout *l)
{
    if (!l->stirred && manager_now(l->manager).mono_ms < l->due_ms) {
        return;
    }
    l->stirred = false; /* first: who is told may stir it */
    l->due_ms = UINT64_MAX;
    end_unreferenced(l);
    scales_drop_strays(&l->scales);
    search(l);
    for (size_t i = 0; i < l->watched.count; i++) {
        struct watched *w = at(l, i);
        begin(l, i);
        if (w->watcher != NULL) {
            pump_one(w);
            l->due_ms = earlier(l->due_ms, watcher_deadline(w->watcher));
        }
    }
}

uint64_t lookout_deadline(const struct lookout *l)
{
    return l->stirred ? 0 : l->due_ms;
}

struct watcher *lookout_take_reset(struct lookout *l)
{
    for (size_t i = 0; l->stirred && i < l->watched.count; i++) {
        struct watcher *watcher = at(l, i)->watcher;
        if (watcher != NULL && watcher_take_reset(watcher)) {
            return watcher;
        }
    }
    return NULL;
}

void lookout_distrust(struct lookout *l, const struct watcher *witness)
{
    l->stirred = true;
    for (size_t i = 0; i < l->watched.count; i++) {
        struct watcher *watcher = at(l, i)->watcher;
        if (watcher != NULL && watcher != witness) {
            watcher_distrust(watcher);
        }
    }
    store_drop_all(&l->scales.store);
    tell_all(l);
}

void lookout_stop(struct lookout *l)
{
    kind_search_stop(&l->search);
    for (size_t i = 0; i < l->watched.count; i++) {
        struct watcher *watcher = at(l, i)->watcher;
        if (watcher != NULL) {
            watcher_stop(watcher);
        }
    }
}

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

void lookout_free(struct lookout *l)
{
    if (l == NULL) {
        return;
    }
    map_for_each (&l->watched, e) {
        watched_free(e->value);
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
    return l->kind == NULL && l->watched.count == 0;
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

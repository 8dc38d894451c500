#include "kube/lookout.h"

#include "base/mem.h"
#include "kube/discovery.h"
#include "kube/manager.h"
#include "kube/name.h"
#include "kube/watcher.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    ASK_TIMEOUT_MS = 30 * 1000,
    ASK_PATH_BYTES_MAX = 512,
    ASK_JITTER_PERCENT = 50,
};

/* One object that somebody refers to. Stays where it is while the map of them changes. */
struct watched {
    struct lookout *lookout;
    char *ns, *name;
    size_t references;       /* 0: to be ended */
    struct watcher *watcher; /* NULL: not begun */
    struct error *trouble;   /* NULL: none */
    int64_t
        scaled_generation; /* the object's, when its scale was last seen to be as new; 0: never */
};

struct lookout {
    struct manager *manager;
    struct random *random;
    struct lookout_spec spec;
    char *api_version, *kind_name;
    const struct kind *kind; /* NULL: not found yet */
    struct kind *found;      /* by asking the server; NULL: compiled in, or not found yet */
    struct store store, scales;
    struct map
        watched; /* "ns/name" → struct watched; the first LOOKOUT_WATCHES_MAX have watchers */
    struct {
        uint64_t call_id; /* 0: none */
        uint64_t wake_ms;
        uint64_t wait_ms; /* after the next failure; 0: fresh */
        struct error *trouble;
    } ask;
    bool stirred;    /* something may be due whatever due_ms says */
    uint64_t due_ms; /* of all that is watched */
    bool has_stray;  /* scales may hold one whose object is gone */
    bool muted;
};

/* ---- telling --------------------------------------------------------------------------------- */

static struct watched *find(const struct lookout *l, const char *ns, const char *name)
{
    char key[STORE_KEY_BYTES];

    return map_get(&l->watched, store_key(ns, name, key));
}

static void tell(struct lookout *l, const char *ns, const char *name)
{
    if (!l->muted && l->spec.news != NULL) {
        l->spec.news(l->spec.ctx, l, ns, name);
    }
}

/* By index: whoever is told may add objects. */
static void tell_all(struct lookout *l)
{
    for (size_t i = 0; i < l->watched.count; i++) {
        const struct watched *w = l->watched.entries[i].value;
        tell(l, w->ns, w->name);
    }
}

/* Returns whether people would call it another trouble. */
static bool set_trouble(struct error **trouble, const struct error *err)
{
    bool other =
        (*trouble == NULL ? ERR_NONE : (*trouble)->code) != (err == NULL ? ERR_NONE : err->code);

    if (err == NULL) {
        mem_free(*trouble);
        *trouble = NULL;
        return other;
    }
    if (*trouble == NULL) {
        *trouble = mem_alloc(sizeof **trouble);
    }
    **trouble = *err;
    return other;
}

/* ---- objects and their scales ---------------------------------------------------------------- */

static bool is_of(const struct object *scale, const struct object *o)
{
    return scale != NULL && o != NULL && strcmp(scale->uid, o->uid) == 0;
}

/* From here on the scale is right until the object's generation is another. */
static void compare_scale(const struct lookout *l, struct watched *w)
{
    const struct object *o = store_get(&l->store, w->ns, w->name);
    const struct object *scale = store_get(&l->scales, w->ns, w->name);

    if (is_of(scale, o) && rv_compare(scale->rv, o->rv) >= 0) {
        w->scaled_generation = o->generation;
    }
}

static void on_object(void *ctx, const struct object *before, const struct object *after)
{
    struct lookout *l = ctx;
    const struct object *o = after != NULL ? after : before;
    struct watched *w = find(l, o->ns, o->name);

    if (w != NULL && (before == NULL || after == NULL || strcmp(before->uid, after->uid) != 0)) {
        w->scaled_generation = 0;
    }
    if (!is_of(store_get(&l->scales, o->ns, o->name), after)) {
        store_drop(&l->scales, o->ns, o->name);
    }
    if (w != NULL) {
        compare_scale(l, w);
    }
    tell(l, o->ns, o->name);
}

static void on_scale(void *ctx, const struct object *before, const struct object *after)
{
    struct lookout *l = ctx;
    const struct object *o = after != NULL ? after : before;
    struct watched *w = find(l, o->ns, o->name);

    if (after != NULL && (w == NULL || store_get(&l->store, o->ns, o->name) == NULL)) {
        l->has_stray = l->stirred = true; /* read just before its object went */
    }
    if (w != NULL) {
        compare_scale(l, w);
    }
    tell(l, o->ns, o->name);
}

static void drop_strays(struct lookout *l)
{
    if (!l->has_stray) {
        return;
    }
    l->has_stray = false;
    for (size_t i = 0; i < l->scales.objects.count;) {
        const struct object *scale = l->scales.objects.entries[i].value;
        if (store_get(&l->store, scale->ns, scale->name) == NULL) {
            store_drop(&l->scales, scale->ns, scale->name); /* the last entry moves to i */
        } else {
            i++;
        }
    }
}

static bool is_scale_due(const struct lookout *l, const struct watched *w, const struct object *o,
                         const struct object *scale)
{
    if (l->found == NULL || o == NULL) {
        return false;
    }
    bool as_new = is_of(scale, o) && rv_compare(scale->rv, o->rv) >= 0;
    bool same_spec = is_of(scale, o) && o->generation != 0 && o->generation == w->scaled_generation;
    return !as_new && !same_spec;
}

struct sight lookout_see(const struct lookout *l, const char *ns, const char *name)
{
    const struct watched *w = find(l, ns, name);

    if (w == NULL) {
        return (struct sight){0};
    }
    const struct object *o = store_get(&l->store, ns, name);
    const struct object *scale = store_get(&l->scales, ns, name);
    const struct store_scope *scope = w->watcher != NULL ? watcher_scope(w->watcher) : NULL;
    return (struct sight){
        .object = o,
        .scale = is_of(scale, o) ? (const struct scale *)scale : NULL,
        .scale_due = is_scale_due(l, w, o, scale),
        .synced = scope != NULL && scope->synced,
        .trouble = w->trouble != NULL ? w->trouble : l->ask.trouble,
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
    if (set_trouble(&w->trouble, err) || err == NULL) {
        tell(w->lookout, w->ns, w->name);
    }
}

static void on_stirred(void *ctx)
{
    struct watched *w = ctx;

    w->lookout->stirred = true;
}

/* @i is its place in the map. */
static void begin(struct lookout *l, size_t i)
{
    struct watched *w = l->watched.entries[i].value;

    if (w->watcher != NULL || l->kind == NULL) {
        return;
    }
    if (i >= LOOKOUT_WATCHES_MAX) {
        struct error many = ERROR_INIT;
        error_set(&many, ERR_TOO_BIG,
                  "%d objects of kind %s are referred to and watched already; this one waits until "
                  "one of them no longer is",
                  LOOKOUT_WATCHES_MAX, l->kind->kind);
        if (set_trouble(&w->trouble, &many)) {
            tell(l, w->ns, w->name);
        }
        return;
    }
    w->watcher = watcher_new(
        l->manager,
        &(struct watch_spec){.kind = l->kind,
                             .metadata_only = l->found != NULL || l->spec.metadata_only},
        w->ns, w->name, &l->store, l->random,
        &(struct watcher_owner){.report = on_report, .stirred = on_stirred, .ctx = w});
    if (set_trouble(&w->trouble, NULL)) {
        tell(l, w->ns, w->name);
    }
}

static void watched_free(struct watched *w)
{
    watcher_free(w->watcher);
    mem_free(w->trouble);
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
        *w = (struct watched){.lookout = l, .ns = mem_strdup(ns), .name = mem_strdup(name)};
        map_put(&l->watched, store_key(ns, name, key), w);
        l->stirred = true;
    }
    w->references++;
    return true;
}

void lookout_remove(struct lookout *l, const char *ns, const char *name)
{
    struct watched *w = find(l, ns, name);

    assert(w != NULL && w->references > 0); /* as often as it was added */
    w->references--;
    l->stirred = l->stirred || w->references == 0;
}

bool lookout_refresh(struct lookout *l, const char *ns, const char *name)
{
    struct watched *w = find(l, ns, name);

    if (w == NULL || w->watcher == NULL || !watcher_refresh(w->watcher)) {
        return false;
    }
    l->stirred = true;
    return true;
}

/* ---- finding the kind ------------------------------------------------------------------------ */

static void take_kind(struct lookout *l, struct kind *kind)
{
    struct manager *m = l->manager;

    l->kind = l->found = kind;
    l->store.kind = kind;
    manager_log(m, manager_now(m), LOG_INFO, "lookout", "Found a kind that can be watched",
                (struct log_field[]){LOG_STR("apiVersion", l->api_version),
                                     LOG_STR("kind", kind->kind),
                                     LOG_STR("resource", kind->plural)},
                3);
    if (set_trouble(&l->ask.trouble, NULL)) {
        tell_all(l);
    }
}

static void on_answer(void *ctx, struct now now, const struct answer *answer)
{
    struct lookout *l = ctx;
    struct kind *kind = NULL;
    struct error err = ERROR_INIT;

    l->ask.call_id = 0;
    l->stirred = true;
    if (discovery_judge(l->api_version, l->kind_name, answer, &kind, &err) == 0) {
        take_kind(l, kind);
        return;
    }
    l->ask.wait_ms = l->ask.wait_ms == 0 ? LOOKOUT_ASK_MS_MIN : l->ask.wait_ms * 2;
    if (l->ask.wait_ms > LOOKOUT_ASK_MS_MAX) {
        l->ask.wait_ms = LOOKOUT_ASK_MS_MAX;
    }
    l->ask.wake_ms = now.mono_ms + random_jitter_ms(l->random, l->ask.wait_ms, ASK_JITTER_PERCENT);
    if (set_trouble(&l->ask.trouble, &err)) {
        tell_all(l);
    }
}

static const struct call_handler ask_handler = {.done = on_answer};

static bool is_asking_due(const struct lookout *l)
{
    return l->kind == NULL && l->watched.count > 0 && l->ask.call_id == 0;
}

static void ask(struct lookout *l, struct now now)
{
    if (!is_asking_due(l) || now.mono_ms < l->ask.wake_ms) {
        return;
    }
    CLEANUP(buf_fini) struct buf path;
    buf_init(&path, ASK_PATH_BYTES_MAX);
    discovery_append_path(&path, l->api_version);
    assert(!path.truncated); /* it was checked */
    struct request request = {
        .method = HTTP_GET, .path = buf_take(&path), .timeout_ms = ASK_TIMEOUT_MS};
    l->ask.call_id = client_start(manager_client(l->manager), now, &request, &ask_handler, l);
}

/* ---- the manager's --------------------------------------------------------------------------- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void lookout_pump(struct lookout *l)
{
    struct now now = manager_now(l->manager);

    if (!l->stirred && now.mono_ms < l->due_ms) {
        return;
    }
    l->stirred = false; /* first: who is told may stir it */
    for (size_t i = 0; i < l->watched.count;) {
        if (((struct watched *)l->watched.entries[i].value)->references == 0) {
            end(l, i); /* the last entry moves to i */
        } else {
            i++;
        }
    }
    drop_strays(l);
    ask(l, now);
    l->due_ms = is_asking_due(l) ? l->ask.wake_ms : UINT64_MAX;
    for (size_t i = 0; i < l->watched.count; i++) {
        begin(l, i);
        struct watcher *watcher = ((struct watched *)l->watched.entries[i].value)->watcher;
        if (watcher != NULL) {
            watcher_pump(watcher);
            l->due_ms = earlier(l->due_ms, watcher_deadline(watcher));
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
        struct watcher *watcher = ((struct watched *)l->watched.entries[i].value)->watcher;
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
        struct watcher *watcher = ((struct watched *)l->watched.entries[i].value)->watcher;
        if (watcher != NULL && watcher != witness) {
            watcher_distrust(watcher);
        }
    }
    store_drop_all(&l->scales);
    tell_all(l);
}

void lookout_stop(struct lookout *l)
{
    client_cancel(manager_client(l->manager), l->ask.call_id);
    l->ask.call_id = 0;
    for (size_t i = 0; i < l->watched.count; i++) {
        struct watcher *watcher = ((struct watched *)l->watched.entries[i].value)->watcher;
        if (watcher != NULL) {
            watcher_stop(watcher);
        }
    }
}

void lookout_mute(struct lookout *l)
{
    l->muted = true;
}

struct lookout *lookout_new(struct manager *m, const struct lookout_spec *spec,
                            struct random *random)
{
    struct lookout *l = mem_zalloc(sizeof *l);
    char api_version[API_VERSION_BYTES];

    l->manager = m;
    l->random = random;
    l->spec = *spec;
    l->kind = spec->kind;
    l->api_version = mem_strdup(spec->kind != NULL ? kind_api_version(spec->kind, api_version)
                                                   : spec->api_version);
    l->kind_name = mem_strdup(spec->kind != NULL ? spec->kind->kind : spec->kind_name);
    l->due_ms = UINT64_MAX;
    map_init(&l->watched, random_next(random));
    store_init(&l->store, spec->kind, random_next(random));
    store_init(&l->scales, &scale_kind, random_next(random));
    store_subscribe(&l->store, on_object, l);
    store_subscribe(&l->scales, on_scale, l);
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
    store_fini(&l->scales);
    mem_free(l->ask.trouble);
    mem_free(l->found);
    mem_free(l->api_version);
    mem_free(l->kind_name);
    mem_free(l);
}

bool lookout_is_of(const struct lookout *l, const char *api_version, const char *kind)
{
    return strcmp(l->kind_name, kind) == 0 && strcmp(l->api_version, api_version) == 0;
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
    return &l->scales;
}

const struct store *lookout_store(const struct lookout *l)
{
    return &l->store;
}

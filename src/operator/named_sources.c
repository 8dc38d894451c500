/*
 * Who names what: which objects are watched for it, and who is told of them.
 */
#include "operator/named_sources_parts.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

enum { KIND_KEY_BYTES = 512 };

/* What one Memcached names. */
struct following {
    char *ns, *name;
    struct arena texts;
    struct size_source *sources;
    size_t count;
};

/* ---- Finding ---- */

static const char *kind_key(const struct size_source *source, char out[KIND_KEY_BYTES])
{
    snprintf(out, KIND_KEY_BYTES, "%s %s", source->api_version, source->kind);
    return out;
}

struct named_kind *named_kind_of(const struct named_sources *n, const struct size_source *source)
{
    char key[KIND_KEY_BYTES];
    return map_get(&n->kinds, kind_key(source, key));
}

struct named *named_of(const struct named_kind *kind, const char *ns, const char *name)
{
    char key[STORE_KEY_BYTES];
    return kind == NULL ? NULL : map_get(&kind->objects, store_key(ns, name, key));
}

static struct named_kind *kind_at_work(const struct named_sources *n, const struct lookout *l)
{
    map_for_each (&n->kinds, e) {
        struct named_kind *kind = e->value;
        if (kind->lookout == l) {
            return kind;
        }
    }
    return NULL;
}

/* ---- Confirming ---- */

/* A consistent read that was asked for here has brought it. */
bool named_confirm(const struct named_sources *n, struct named *o, struct lookout *l,
                   const char *ns, const char *name)
{
    struct sight sight = lookout_see(l, ns, name);
    if (o->is_confirmed || !sight.synced || !n->is_working) {
        return o->is_confirmed;
    }
    if (o->is_asked) {
        o->is_confirmed = sight.lists > o->asked_lists;
    } else if (lookout_refresh(l, ns, name)) {
        o->is_asked = true;
        o->asked_lists = sight.lists;
    }
    return o->is_confirmed;
}

void named_sources_start(struct named_sources *n)
{
    n->is_working = true;
    map_for_each (&n->followings, e) {
        const struct following *f = e->value;
        for (size_t i = 0; i < f->count; i++) {
            const struct named_kind *kind = named_kind_of(n, &f->sources[i]);
            struct named *o = named_of(kind, f->ns, f->sources[i].name);
            if (o != NULL) {
                named_confirm(n, o, kind->lookout, f->ns, f->sources[i].name);
            }
        }
    }
}

/* ---- News ---- */

void named_tell_users(struct named_sources *n, const struct named *o, const char *ns)
{
    map_for_each (&o->users, e) {
        n->news(n->ctx, ns, e->key);
    }
}

static void on_news(void *ctx, struct lookout *l, const char *ns, const char *name)
{
    struct named_sources *n = ctx;
    struct named *o = named_of(kind_at_work(n, l), ns, name);
    if (o != NULL) {
        named_confirm(n, o, l, ns, name);
        named_tell_users(n, o, ns);
    }
}

void named_sources_tell_all(struct named_sources *n, const char *ns)
{
    map_for_each (&n->followings, e) {
        const struct following *f = e->value;
        if (strcmp(f->ns, ns) == 0) {
            n->news(n->ctx, ns, f->name);
        }
    }
}

bool named_sources_any(const struct named_sources *n)
{
    return n->followings.count > 0;
}

/* ---- Following ---- */

const struct kind *named_compiled_in(const struct size_source *source)
{
    static const struct kind *const kinds[] = {&source_kind, &statefulset_kind, &replicaset_kind};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(source->api_version, "apps/v1") == 0 &&
            strcmp(source->kind, kinds[i]->kind) == 0) {
            return kinds[i];
        }
    }
    return NULL;
}

/* NULL: the names are none. size_source_read() lets none such through; who knows of tomorrow. */
static struct named_kind *add_kind(struct named_sources *n, const struct size_source *source)
{
    struct named_kind *kind = named_kind_of(n, source);
    if (kind != NULL) {
        return kind;
    }
    struct lookout *l = manager_lookout(n->manager,
                                        &(struct lookout_spec){.kind = named_compiled_in(source),
                                                               .api_version = source->api_version,
                                                               .kind_name = source->kind,
                                                               .news = on_news,
                                                               .ctx = n},
                                        NULL);
    if (l == NULL) {
        return NULL;
    }
    char key[KIND_KEY_BYTES];
    kind = mem_zalloc(sizeof *kind);
    kind->lookout = l;
    map_init(&kind->objects, manager_settings(n->manager)->seed);
    map_put(&n->kinds, kind_key(source, key), kind);
    return kind;
}

static void free_named(struct named *o)
{
    map_fini(&o->users);
    mem_free(o->trouble);
    mem_free(o);
}

static void free_kind(struct named_kind *kind)
{
    map_for_each (&kind->objects, e) {
        free_named(e->value);
    }
    map_fini(&kind->objects);
    mem_free(kind);
}

static void drop_kind_if_empty(struct named_sources *n, const struct size_source *source)
{
    char key[KIND_KEY_BYTES];
    const struct named_kind *kind = named_kind_of(n, source);
    if (kind != NULL && kind->objects.count == 0) {
        free_kind(map_remove(&n->kinds, kind_key(source, key)));
    }
}

static void begin(struct named_sources *n, const struct following *f,
                  const struct size_source *source)
{
    char key[STORE_KEY_BYTES];
    struct named_kind *kind = add_kind(n, source);
    struct named *o = named_of(kind, f->ns, source->name);
    if (kind != NULL && o == NULL && lookout_add(kind->lookout, f->ns, source->name)) {
        o = mem_zalloc(sizeof *o);
        map_init(&o->users, manager_settings(n->manager)->seed);
        map_put(&kind->objects, store_key(f->ns, source->name, key), o);
    }
    if (o != NULL) {
        map_put(&o->users, f->name, o);
    }
    drop_kind_if_empty(n, source);
}

static void end(struct named_sources *n, const struct following *f,
                const struct size_source *source)
{
    char key[STORE_KEY_BYTES];
    struct named_kind *kind = named_kind_of(n, source);
    struct named *o = named_of(kind, f->ns, source->name);
    if (o == NULL) {
        return;
    }
    map_remove(&o->users, f->name);
    if (o->users.count == 0) {
        lookout_remove(kind->lookout, f->ns, source->name);
        free_named(map_remove(&kind->objects, store_key(f->ns, source->name, key)));
    }
    drop_kind_if_empty(n, source);
}

static void free_following(struct following *f)
{
    mem_free(f->ns);
    mem_free(f->name);
    arena_fini(&f->texts);
    mem_free(f);
}

static struct following *new_following(const char *ns, const char *name, const struct size_from *f)
{
    struct following *out = mem_zalloc(sizeof *out);
    out->ns = mem_strdup(ns);
    out->name = mem_strdup(name);
    out->count = f->source_count;
    out->sources = arena_alloc(&out->texts, f->source_count * sizeof *out->sources);
    for (size_t i = 0; i < f->source_count; i++) {
        const struct size_source *s = &f->sources[i];
        out->sources[i] = (struct size_source){arena_strdup(&out->texts, s->api_version),
                                               arena_strdup(&out->texts, s->kind),
                                               arena_strdup(&out->texts, s->name)};
    }
    return out;
}

static bool is_same_source(const struct size_source *a, const struct size_source *b)
{
    return strcmp(a->api_version, b->api_version) == 0 && size_source_is_same(a, b);
}

static bool has_source(const struct size_source *sources, size_t count,
                       const struct size_source *source)
{
    for (size_t i = 0; i < count; i++) {
        if (is_same_source(&sources[i], source)) {
            return true;
        }
    }
    return false;
}

/* Only what differs: a watch that stays is not disturbed. */
static void change(struct named_sources *n, const struct following *was, const struct following *is)
{
    for (size_t i = 0; is != NULL && i < is->count; i++) {
        if (was == NULL || !has_source(was->sources, was->count, &is->sources[i])) {
            begin(n, is, &is->sources[i]);
        }
    }
    for (size_t i = 0; was != NULL && i < was->count; i++) {
        if (is == NULL || !has_source(is->sources, is->count, &was->sources[i])) {
            end(n, was, &was->sources[i]);
        }
    }
}

static bool names_the_same(const struct following *was, const struct size_from *f)
{
    for (size_t i = 0; i < was->count && was->count == f->source_count; i++) {
        if (!is_same_source(&was->sources[i], &f->sources[i])) {
            return false;
        }
    }
    return was->count == f->source_count;
}

bool named_sources_follow(struct named_sources *n, const char *ns, const char *name,
                          const struct size_from *f)
{
    char key[STORE_KEY_BYTES];
    bool has_sources = f != NULL && f->fault == NULL && f->source_count > 0;
    if (n->followings.count == 0 && !has_sources) {
        return false;
    }
    struct following *was = map_get(&n->followings, store_key(ns, name, key));
    if (was == NULL ? !has_sources : has_sources && names_the_same(was, f)) {
        return false;
    }
    struct following *is = has_sources ? new_following(ns, name, f) : NULL;
    change(n, was, is);
    if (is != NULL) {
        map_put(&n->followings, key, is);
    } else {
        map_remove(&n->followings, key);
    }
    if (was != NULL) {
        free_following(was);
    }
    return true;
}

/* ---- Making ---- */

struct named_sources *named_sources_new(struct manager *m, named_news_fn *news, void *ctx)
{
    struct named_sources *n = mem_zalloc(sizeof *n);
    *n = (struct named_sources){.manager = m, .news = news, .ctx = ctx};
    map_init(&n->kinds, manager_settings(m)->seed);
    map_init(&n->followings, manager_settings(m)->seed);
    return n;
}

void named_sources_free(struct named_sources *n)
{
    if (n == NULL) {
        return;
    }
    map_for_each (&n->kinds, e) {
        free_kind(e->value);
    }
    map_fini(&n->kinds);
    map_for_each (&n->followings, e) {
        free_following(e->value);
    }
    map_fini(&n->followings);
    mem_free(n);
}

/*
 * Every change goes through place() or take_away(): they keep the map and the indexes equal and
 * tell the subscribers. All else here decides whether a change may happen.
 */
#include "kube/store.h"

#include "base/mem.h"
#include "kube/store_index.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ---- the store ------------------------------------------------------------------------------- */

void store_init(struct store *s, const struct kind *kind, uint64_t seed)
{
    *s = (struct store){.kind = kind};
    map_init(&s->objects, seed);
}

static void scope_free(struct store_scope *scope)
{
    mem_free(scope->ns);
    mem_free(scope->name);
    mem_free(scope->rv);
    mem_free(scope);
}

void store_fini(struct store *s)
{
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < s->index_count; i++) {
        store_index_free(s->indexes[i]);
    }
    for (size_t i = 0; i < s->scope_count; i++) {
        scope_free(s->scopes[i]);
    }
    mem_free(s->scopes);
    map_for_each (&s->objects, e) {
        object_free(e->value);
    }
    map_fini(&s->objects);
    *s = (struct store){0};
}

void store_subscribe(struct store *s, store_change_fn *fn, void *ctx)
{
    assert(s->objects.count == 0 && s->subscriber_count < STORE_SUBSCRIBERS_MAX);
    s->subscribers[s->subscriber_count].fn = fn;
    s->subscribers[s->subscriber_count].ctx = ctx;
    s->subscriber_count++;
}

struct store_index *store_add_index(struct store *s, store_index_fn *fn)
{
    assert(s->objects.count == 0 && s->index_count < STORE_INDEXES_MAX);
    struct store_index *index = store_index_new(fn, s->objects.seed);

    s->indexes[s->index_count++] = index;
    return index;
}

struct store_scope *store_add_scope(struct store *s, const char *ns, const char *name)
{
    struct store_scope *scope = mem_zalloc(sizeof *scope);

    scope->ns = mem_strdup(ns);
    scope->name = name == NULL ? NULL : mem_strdup(name);
    s->scopes = mem_realloc(s->scopes, (s->scope_count + 1) * sizeof s->scopes[0]);
    s->scopes[s->scope_count++] = scope;
    return scope;
}

static void set_rv(struct store_scope *scope, const char *rv)
{
    char *copy = rv == NULL ? NULL : mem_strdup(rv); /* first: @rv may be the old one */

    mem_free(scope->rv);
    scope->rv = copy;
}

void store_scope_advance(struct store_scope *scope, const char *rv)
{
    set_rv(scope, rv);
}

const struct store_scope *store_scope_of(const struct store *s, const char *ns)
{
    for (size_t i = 0; i < s->scope_count; i++) {
        const struct store_scope *scope = s->scopes[i];
        if (scope->name == NULL && (scope->ns[0] == '\0' || strcmp(scope->ns, ns) == 0)) {
            return scope;
        }
    }
    return NULL;
}

bool store_synced(const struct store *s)
{
    for (size_t i = 0; i < s->scope_count; i++) {
        if (!s->scopes[i]->synced) {
            return false;
        }
    }
    return true;
}

const char *store_key(const char *ns, const char *name, char out[STORE_KEY_BYTES])
{
    size_t ns_len = strnlen(ns, STORE_KEY_BYTES - 2);
    size_t name_len = strnlen(name, STORE_KEY_BYTES - 2 - ns_len);
    memcpy(out, ns, ns_len);
    out[ns_len] = '/';
    memcpy(out + ns_len + 1, name, name_len);
    out[ns_len + 1 + name_len] = '\0';
    return out;
}

static struct object *find(const struct store *s, const char *ns, const char *name)
{
    char key[STORE_KEY_BYTES];

    return map_get(&s->objects, store_key(ns, name, key));
}

const struct object *store_get(const struct store *s, const char *ns, const char *name)
{
    return find(s, ns, name);
}

/* ---- changes --------------------------------------------------------------------------------- */

static void tell(struct store *s, const struct object *before, const struct object *after)
{
    for (size_t i = 0; i < s->subscriber_count; i++) {
        s->subscribers[i].fn(s->subscribers[i].ctx, before, after);
    }
}

/* Put @o where @before (NULL: nothing) is. */
static enum store_result place(struct store *s, struct object *before, struct object *o)
{
    char key[STORE_KEY_BYTES];

    map_put(&s->objects, store_key(o->ns, o->name, key), o);
    for (size_t i = 0; i < s->index_count; i++) {
        if (before != NULL) {
            store_index_remove(s->indexes[i], before);
        }
        store_index_insert(s->indexes[i], o);
    }
    tell(s, before, o);
    object_free(before);
    return before == NULL ? STORE_ADDED : STORE_UPDATED;
}

static void take_away(struct store *s, struct object *o)
{
    char key[STORE_KEY_BYTES];

    map_remove(&s->objects, store_key(o->ns, o->name, key));
    for (size_t i = 0; i < s->index_count; i++) {
        store_index_remove(s->indexes[i], o);
    }
    tell(s, o, NULL);
    object_free(o);
}

/* Put @o unless @before is as new. The version alone decides: on one server it only grows, also
 * from a deleted object to its successor. */
static enum store_result place_newer(struct store *s, struct object *before, struct object *o)
{
    int newer = before == NULL ? 1 : rv_compare(o->rv, before->rv);

    if (newer > 0) {
        return place(s, before, o);
    }
    object_free(o);
    return newer == 0 ? STORE_UNCHANGED : STORE_STALE;
}

enum store_result store_put(struct store *s, struct object *o)
{
    return place_newer(s, find(s, o->ns, o->name), o);
}

static bool covers(const struct store_scope *scope, const struct object *o)
{
    return (scope->ns[0] == '\0' || strcmp(scope->ns, o->ns) == 0) &&
           (scope->name == NULL || strcmp(scope->name, o->name) == 0);
}

const char *store_newest(const struct store *s, const struct store_scope *scope)
{
    const char *newest = scope->rv;

    if (scope->name != NULL) { /* there may be a thousand such scopes */
        const struct object *o = find(s, scope->ns, scope->name);
        return o != NULL && (newest == NULL || rv_compare(o->rv, newest) > 0) ? o->rv : newest;
    }
    map_for_each (&s->objects, e) {
        const struct object *o = e->value;
        if (covers(scope, o) && (newest == NULL || rv_compare(o->rv, newest) > 0)) {
            newest = o->rv;
        }
    }
    return newest;
}

/* A watch has come to @o's version or beyond. */
static bool was_told(const struct store *s, const struct object *o)
{
    for (size_t i = 0; i < s->scope_count; i++) {
        const struct store_scope *scope = s->scopes[i];
        if (scope->rv != NULL && !scope->doubted && covers(scope, o) &&
            rv_compare(o->rv, scope->rv) <= 0) {
            return true;
        }
    }
    return false;
}

void store_show_only(struct store *s, bool (*shows)(const struct object *o))
{
    s->shows = shows;
}

enum store_result store_put_answer(struct store *s, struct object *o)
{
    struct object *before = find(s, o->ns, o->name);

    if (s->shows != NULL && !s->shows(o)) {
        enum store_result result = store_remove(s, o->ns, o->name, o->rv);
        object_free(o);
        return result;
    }
    if (before == NULL && was_told(s, o)) {
        object_free(o);
        return STORE_STALE;
    }
    return place_newer(s, before, o);
}

enum store_result store_remove(struct store *s, const char *ns, const char *name, const char *rv)
{
    struct object *o = find(s, ns, name);

    if (o == NULL) {
        return STORE_UNCHANGED;
    }
    if (rv_compare(o->rv, rv) > 0) {
        return STORE_STALE;
    }
    take_away(s, o);
    return STORE_REMOVED;
}

void store_drop(struct store *s, const char *ns, const char *name)
{
    struct object *o = find(s, ns, name);

    if (o != NULL) {
        take_away(s, o);
    }
}

void store_drop_all(struct store *s)
{
    while (s->objects.count > 0) {
        take_away(s, s->objects.entries[0].value);
    }
}

/* ---- whole lists ----------------------------------------------------------------------------- */

/* The list by key. Of two entries of one name the newer one stays, the other is freed. */
static void collect(struct map *listed, struct object **objects, size_t count)
{
    char key[STORE_KEY_BYTES];

    for (size_t i = 0; i < count; i++) {
        struct object *o = objects[i];
        struct object *other = map_put(listed, store_key(o->ns, o->name, key), o);
        if (other != NULL && rv_compare(other->rv, o->rv) > 0) {
            map_put(listed, key, other);
            other = o;
        }
        object_free(other);
    }
}

/* Remove what is of @scope, not in @listed, and not newer than @rv (NULL: whatever its version). */
static void remove_missing(struct store *s, const struct store_scope *scope,
                           const struct map *listed, const char *rv)
{
    for (size_t i = 0; i < s->objects.count;) {
        struct object *o = s->objects.entries[i].value;
        bool newer = rv != NULL && rv_compare(o->rv, rv) > 0;
        if (!covers(scope, o) || newer || map_get(listed, s->objects.entries[i].key) != NULL) {
            i++;
        } else {
            take_away(s, o); /* the last entry moves to i */
        }
    }
}

/* Versions of an object only grow. One that the store has at a version which the list must know,
 * and which is older there, has lost that version. */
static bool takes_back(const struct store *s, const struct map *listed, const char *rv)
{
    map_for_each (listed, e) {
        const struct object *o = e->value;
        const struct object *before = find(s, o->ns, o->name);
        if (before != NULL && rv_compare(before->rv, rv) <= 0 &&
            rv_compare(o->rv, before->rv) < 0) {
            return true;
        }
    }
    return false;
}

bool store_replace(struct store *s, struct store_scope *scope, struct object **objects,
                   size_t count, const char *rv, enum store_versions versions)
{
    CLEANUP(map_fini) struct map listed;

    map_init(&listed, s->objects.seed);
    collect(&listed, objects, count);
    bool reset = versions == VERSIONS_RESET || takes_back(s, &listed, rv);
    remove_missing(s, scope, &listed, reset ? NULL : rv);
    map_for_each (&listed, e) {
        struct object *o = e->value;
        struct object *before = find(s, o->ns, o->name);
        bool same = before != NULL && strcmp(before->rv, o->rv) == 0;
        if (reset || (same && versions == VERSIONS_DOUBTFUL)) {
            place(s, before, o);
        } else {
            place_newer(s, before, o);
        }
    }
    set_rv(scope, rv);
    scope->synced = true;
    scope->doubted = false;
    scope->lists++;
    return reset;
}

void store_clear(struct store *s, struct store_scope *scope)
{
    const struct map none = {0};

    remove_missing(s, scope, &none, NULL);
    set_rv(scope, NULL);
}

void store_remove_scope(struct store *s, struct store_scope *scope)
{
    const struct map none = {0};
    size_t i = 0;

    while (i < s->scope_count && s->scopes[i] != scope) {
        i++;
    }
    assert(i < s->scope_count);
    s->scopes[i] = s->scopes[--s->scope_count]; /* first: subscribers may add another one */
    remove_missing(s, scope, &none, NULL);
    scope_free(scope);
}

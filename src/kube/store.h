/*
 * The cache of one kind: what the watches and the answers to our own writes have told us. Never
 * steps back to an older version of an object. Holds decoded structs, indexes them, and tells
 * subscribers of every change.
 */
#pragma once
#include "base/map.h"
#include "kube/object.h"

#include <stdbool.h>

enum {
    STORE_INDEXES_MAX = 4,
    STORE_SUBSCRIBERS_MAX = 4,
    STORE_KEY_BYTES = 63 + 1 + 253 + 1, /* "namespace/name" */
};

/** Called after the change, which it must not change again; @before is NULL when added, @after when
 * removed. Both borrowed for the call. A new uid under an old name comes as one call with both. */
typedef void store_change_fn(void *ctx, const struct object *before, const struct object *after);

/** Write the key under which @o is found in an index ("" when it is in none) to @out, at most
 * STORE_KEY_BYTES - 1 characters; longer ones are not indexed. Pure: the same object has the same
 * key always. */
typedef void store_index_fn(const struct object *o, char out[STORE_KEY_BYTES]);

/** How far one watch (of all namespaces, of one, or of one object) has come. Owned by the store,
 * kept by the reflector. */
struct store_scope {
    char *ns;   /* "": all namespaces */
    char *name; /* NULL: all objects there */
    char *rv;   /* last resourceVersion that the watch has delivered; NULL before the first list */
    bool synced;
    bool doubted;   /* the server has not come as far, so what it has told since then is not known;
                     * until the next list */
    uint64_t lists; /* complete lists so far */
};

struct store_index;

struct store {
    const struct kind *kind;
    bool (*shows)(const struct object *o); /* NULL: everything */
    struct map objects;                    /* "ns/name" → struct object */
    struct store_scope **scopes;
    size_t scope_count;
    struct store_index *indexes[STORE_INDEXES_MAX];
    size_t index_count;
    struct {
        store_change_fn *fn;
        void *ctx;
    } subscribers[STORE_SUBSCRIBERS_MAX];
    size_t subscriber_count;
};

enum store_result {
    STORE_ADDED,
    STORE_UPDATED,
    STORE_REMOVED,
    STORE_UNCHANGED, /* the same resourceVersion was there; or nothing, where it should go */
    STORE_STALE, /* older than what is there, or than what the watch has already told; dropped */
};

/** What a list's versions say beside those that are known. */
enum store_versions {
    VERSIONS_CONTINUE, /* they are of one history */
    VERSIONS_DOUBTFUL, /* a consistent read, as the last one may not have been: a restored etcd
                        * counts anew, so the same version need not be the same object */
    VERSIONS_RESET,    /* that is so: @rv is below what was known before, on a quorum read */
};

void store_init(struct store *s, const struct kind *kind, uint64_t seed);
void store_fini(struct store *s);

/** Before the first put. */
void store_subscribe(struct store *s, store_change_fn *fn, void *ctx);
struct store_index *store_add_index(struct store *s, store_index_fn *fn);

/** The watch is filtered: answers to own writes of what it does not show (a webhook took the label)
 * stay out, since it would never tell of them again. */
void store_show_only(struct store *s, bool (*shows)(const struct object *o));

/** Add the scope of one reflector: all of @ns ("": of all namespaces), or its object @name (may be
 * NULL) alone. An object has one scope at most. Lives as long as the store, or until it is removed.
 */
struct store_scope *store_add_scope(struct store *s, const char *ns, const char *name);

/** Nobody watches it any more: frees it, and what is held of it goes, whatever its versions. */
void store_remove_scope(struct store *s, struct store_scope *scope);

void store_scope_advance(struct store_scope *scope, const char *rv);

/** The newest version that is known of @scope: that of its watch, or of an own write's answer which
 * the watch has not brought yet. NULL: none. Borrowed until the store changes. */
const char *store_newest(const struct store *s, const struct store_scope *scope);

/** The scope that brings all objects of @ns; NULL: none does. */
const struct store_scope *store_scope_of(const struct store *s, const char *ns);

/** All scopes have completed their first list. True for a store without scopes. */
bool store_synced(const struct store *s);

const struct object *store_get(const struct store *s, const char *ns, const char *name);

/** Objects under @key in insertion-independent order (by namespace, then name); *count 0 and NULL
 * when none. Borrowed until the store changes. */
const struct object *const *store_index_get(const struct store_index *index, const char *key,
                                            size_t *count);

/** "ns/name" to @out. What does not fit is cut: names beyond Kubernetes' limits may fall together.
 */
const char *store_key(const char *ns, const char *name, char out[STORE_KEY_BYTES]);

/** From a watch event: takes @o. */
enum store_result store_put(struct store *s, struct object *o);

/**
 * From the answer to our own write or read: takes @o. Dropped (STORE_STALE) when the watch has
 * already passed its resourceVersion and the store does not hold the object: it was deleted since,
 * and its ghost would stay for ever (of a doubted scope: until its list). What the watch does not
 * show (store_show_only()) goes, as by the DELETED event that it is for the watch.
 */
enum store_result store_put_answer(struct store *s, struct object *o);

/** From a watch's DELETED event; @rv is that event's. Ignored when a newer version is there (it
 * left a filtered watch and came back by our own write). */
enum store_result store_remove(struct store *s, const char *ns, const char *name, const char *rv);

/** Remove whatever version is there. */
void store_drop(struct store *s, const char *ns, const char *name);
void store_drop_all(struct store *s);

/**
 * Replace all of @scope by a complete list at @rv: puts what is new or newer, removes what is
 * missing (but what an own write made after @rv stays), advances and syncs the scope. Takes the
 * objects, not the array. Two lists entries of one name: the newer wins.
 * With VERSIONS_RESET the list is taken as it is. The same happens when the list itself shows that
 * history was reset: an object that the store has at a version not after @rv is listed at an older
 * one. Returns whether the list was taken as it is.
 */
bool store_replace(struct store *s, struct store_scope *scope, struct object **objects,
                   size_t count, const char *rv, enum store_versions versions);

/** The server does not serve this kind (any more): remove all of @scope, whatever its versions, and
 * forget how far the watch had come. Synced stays what it was. */
void store_clear(struct store *s, struct store_scope *scope);

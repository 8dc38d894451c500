/*
 * etcd, as far as the model API server needs it: objects by key, every state they ever had, one
 * revision for each write, compaction, and going back. For api.c and its parts.
 */
#pragma once
#include "sim/api_object.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The texts in which a state is sent, each made when it is first asked for. */
enum api_form {
    API_FORM_WHOLE,     /* the object, with kind and apiVersion */
    API_FORM_ITEM,      /* as in a list: without these two, unless it is custom */
    API_FORM_META,      /* PartialObjectMetadata */
    API_FORM_LAST,      /* the state before, as of this revision: what a watch's DELETED has */
    API_FORM_LAST_META, /* and as PartialObjectMetadata */
    API_FORMS,
};

struct api_entry;

/** One state of one object; of a deletion there are only the forms LAST and LAST_META. */
struct api_version {
    uint64_t revision;
    struct api_version *prev; /* the state before (may be a deletion); NULL: none is known */
    struct api_entry *entry;
    yyjson_doc *doc; /* NULL: deleted */
    char *text[API_FORMS];
    size_t len[API_FORMS];
};

/** A key, and its states from the newest on. */
struct api_entry {
    unsigned resource; /* index into api_resources */
    const char *ns, *name;
    char *key; /* "ns/name", or "name" where there are no namespaces: etcd's order */
    struct api_version *newest;
};

struct api_keys {
    struct api_entry **items; /* by key */
    size_t count, cap;
};

struct api_store {
    struct api_keys *keys; /* by index of the resource */
    uint64_t *last; /* likewise: revision of its last write, or of when its cache was filled */
    struct api_version **changes; /* changes[i]->revision == base + 1 + i */
    size_t count, cap;
    uint64_t base;      /* what happened up to here is gone */
    uint64_t compacted; /* … or may no longer be asked for */
};

void api_store_init(struct api_store *s, uint64_t base);
void api_store_fini(struct api_store *s);

uint64_t api_store_revision(const struct api_store *s);

/** The object's newest state, which may be a deletion; NULL: it never was. */
struct api_version *api_store_get(const struct api_store *s, unsigned resource, const char *ns,
                                  const char *name);

/** The same object's state at an older @revision (not compacted), likewise. @newest may be NULL. */
struct api_version *api_version_at(struct api_version *newest, uint64_t revision);

/** The write of @revision, which must be known. */
struct api_version *api_store_change(const struct api_store *s, uint64_t revision);

/** Store @doc (borrowed), whose metadata.resourceVersion is set here, at the next revision. */
struct api_version *api_store_put(struct api_store *s, unsigned resource, const char *ns,
                                  const char *name, yyjson_mut_doc *doc);

/** metadata.resourceVersion := @revision */
void api_doc_set_revision(yyjson_mut_doc *doc, uint64_t revision);

/** Delete what is there, at the next revision. */
struct api_version *api_store_remove(struct api_store *s, struct api_version *newest);

/** Refuse what is older than @revision; forget what is older than @keep (≤ @revision). */
void api_store_compact(struct api_store *s, uint64_t revision, uint64_t keep);

/** Everything as it was at @revision. */
void api_store_restore(struct api_store *s, uint64_t revision);

/** Index in @keys of the first key that is not smaller than @key. */
size_t api_keys_find(const struct api_keys *keys, const char *key);

static inline bool api_version_is_there(const struct api_version *v)
{
    return v != NULL && v->doc != NULL;
}

static inline yyjson_val *api_version_root(const struct api_version *v)
{
    return yyjson_doc_get_root(v->doc);
}

/** The text; *len without its NUL. */
const char *api_version_text(struct api_version *v, enum api_form form, size_t *len);

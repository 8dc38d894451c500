/*
 * Who owns which fields: metadata.managedFields, as kube-apiserver 1.20 keeps it. There is one
 * entry for each manager and operation (Apply or Update); a manager's updates of different
 * subresources are one entry, as they are there.
 */
#pragma once
#include "sim/api_fields.h"
#include "sim/api_refusal.h"
#include "sim/api_schema.h"

struct manager_entry {
    const char *name, *api_version;
    const char *time; /* NULL: none */
    bool applied;
    yyjson_mut_val *fields;
};

struct managed {
    yyjson_mut_doc *doc; /* all texts and fields are its */
    struct manager_entry *entries;
    size_t count, cap;
};

void managed_fini(struct managed *m);

/** Read the list @entries (NULL: none). False when it is none of ours; *m is empty then. */
bool managed_read(struct managed *m, yyjson_mut_doc *doc, yyjson_mut_val *entries);

/** Write to @object's metadata; nothing when there are none. */
void managed_write(const struct managed *m, yyjson_mut_val *object);

/** Who writes, and when. */
struct managed_writer {
    const struct schema *type;
    const char *api_version, *manager;
    const char *now_text;
    bool force; /* of an apply */
};

/** @after, not made by an apply, is to follow @before (both without managedFields): whoever changed
 * a field owns it. False: ownership cannot be told. */
bool managed_update(struct managed *m, const struct managed_writer *w, yyjson_mut_val *before,
                    yyjson_mut_val *after);

/**
 * Server-side apply of @config to @live (both without managedFields).
 * Returns what @live becomes (@live itself when nothing changes), or NULL with *refusal filled.
 */
yyjson_mut_val *managed_apply(struct managed *m, const struct managed_writer *w,
                              yyjson_mut_val *live, yyjson_mut_val *config,
                              struct api_refusal *refusal);

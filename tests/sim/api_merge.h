/*
 * Two objects beside each other: what differs, what becomes of them together, and which fields one
 * has; each list as its schema says (by keys, as a set, or as one). And RFC 7386, which knows no
 * schema.
 */
#pragma once
#include "sim/api_fields.h"
#include "sim/api_schema.h"

/** What @b has and @a has not, what both have but differs, what only @a has. NULL: nothing. */
struct merge_diff {
    yyjson_mut_val *added, *modified, *removed;
};

bool merge_is_same(const struct merge_diff *d);

/** Returns false when a list has items without their keys, or twice the same: nobody can own parts
 * of those. */
bool merge_compare(yyjson_mut_doc *doc, const struct schema *type, yyjson_mut_val *a,
                   yyjson_mut_val *b, struct merge_diff *out);

/** All fields of @v, or NULL. Valid as merge_compare() means it. */
yyjson_mut_val *merge_fields(yyjson_mut_doc *doc, const struct schema *type, yyjson_mut_val *v);

/** A member of @set that is a list or map of separately owned parts, but without any, comes to own
 * all that @v has there. Returns whether there was one. */
bool merge_expand(yyjson_mut_doc *doc, const struct schema *type, yyjson_mut_val *v,
                  yyjson_mut_val *set);

/** Server-side apply's merge: @object takes over what @config has. */
void merge_apply(yyjson_mut_doc *doc, const struct schema *type, yyjson_mut_val *object,
                 yyjson_mut_val *config);

/** Take the items of the set out of @object; containers that become empty are null then. */
void merge_remove(yyjson_mut_doc *doc, const struct schema *type, yyjson_mut_val *object,
                  yyjson_mut_val *set);

/** JSON merge patch (RFC 7386): changes @object; returns it, or what takes its place. */
yyjson_mut_val *merge_patch(yyjson_mut_doc *doc, yyjson_mut_val *object, yyjson_val *patch);

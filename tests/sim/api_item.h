/*
 * What is below a value, by its schema: the items of a list and what tells them apart, the members
 * of an object and their types. For api_merge.h's functions.
 */
#pragma once
#include "base/buf.h"
#include "sim/api_schema.h"

enum { ITEM_BYTES_MAX = 1 << 20 };

/** The value of @item's @k-th key, with its default in @room; NULL: it has none. */
yyjson_mut_val *item_key(const struct schema *type, yyjson_mut_val *item, size_t k,
                         yyjson_mut_val *room);

/** @list's item that is the same as @wanted, which may be of another list; NULL: none. */
yyjson_mut_val *item_find(const struct schema *type, yyjson_mut_val *list, yyjson_mut_val *wanted);

/** All items have their keys, and no two the same. */
bool item_all_distinct(const struct schema *type, yyjson_mut_val *list);

/** The item's path element goes to @out, which is overwritten: `{"name":"c"}`, or the value in a
 * set. Returns its kind, 'k' or 'v'. */
char item_element(const struct schema *type, yyjson_mut_val *item, struct buf *out);

/** The type of a member of that name, or NULL for one that the schema does not have. */
const struct schema *item_member_type(const struct schema *type, const char *name, size_t len);

/** Missing, null, {} or []. */
bool item_is_empty(yyjson_mut_val *v);

/** How to look at two values beside each other, at most one of them NULL. */
enum item_shape {
    ITEM_LEAF,   /* as a whole */
    ITEM_OBJECT, /* by members */
    ITEM_LIST,   /* by items */
};
enum item_shape item_shape(const struct schema *type, yyjson_mut_val *a, yyjson_mut_val *b);

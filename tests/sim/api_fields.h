/*
 * Sets of fields, in the form that metadata.managedFields keeps them in ("FieldsV1"), so that they
 * need no translation:
 *
 *     {"f:spec": {"f:replicas": {}, "f:containers": {"k:{\"name\":\"c\"}": {".": {}, "f:image":
 * {}}}}}
 *
 * An empty node is a member; a node with others below is one only if it has ".". NULL is the empty
 * set. Nodes belong to a document; what is not said to be changed is only read.
 */
#pragma once
#include "base/buf.h"

#include <stdbool.h>
#include <yyjson.h>

/** Add @node (taken) below the set @parent, which is made if it is NULL, as @kind ('f', 'k', 'v')
 * and @text; kept in order. */
void fields_put(yyjson_mut_doc *doc, yyjson_mut_val **parent, char kind, const char *text,
                size_t len, yyjson_mut_val *node);

/** Make the node itself a member; it is made if it is NULL. */
void fields_mark(yyjson_mut_doc *doc, yyjson_mut_val **node);

bool fields_is_member(yyjson_mut_val *node);
yyjson_mut_val *fields_child(yyjson_mut_val *set, char kind, const char *text, size_t len);

/** @a := @a without @b; NULL if nothing is left. */
void fields_subtract(yyjson_mut_val **a, yyjson_mut_val *b);

/** @a := @a with @b, of which nothing is shared. */
void fields_unite(yyjson_mut_doc *doc, yyjson_mut_val **a, yyjson_mut_val *b);

/** What is in both: new, or NULL. */
yyjson_mut_val *fields_common(yyjson_mut_doc *doc, yyjson_mut_val *a, yyjson_mut_val *b);

/** All of @b is in @a. */
bool fields_cover(yyjson_mut_val *a, yyjson_mut_val *b);
bool fields_equal(yyjson_mut_val *a, yyjson_mut_val *b);

/** Call @each with the path of each member: ".spec.containers[name="c"].image"; parents' members
 * come before what is below them. */
void fields_each(yyjson_mut_val *set, void (*each)(void *ctx, const char *path), void *ctx);

/*
 * Names and addresses: validation of what users write, and paths of the API with every segment
 * escaped. Rules: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ and RFC
 * 3986 §2.
 */
#pragma once
#include "base/buf.h"
#include "kube/object.h"

#include <stdbool.h>

enum { NAME_BYTES_MAX = 253, LABEL_BYTES_MAX = 63 };

/** An object name: DNS-1123 subdomain, 1–253 bytes of [a-z0-9.-], labels begin and end with an
 * alphanumeric. */
bool name_is_valid(const char *name);

/** A namespace: DNS-1123 label, 1–63 bytes, no dots. */
bool namespace_is_valid(const char *name);

/*
 * Each path_append_… returns 0, or an error with nothing appended: ERR_TOO_BIG, and what else its
 * comment names.
 */

/** Append @text percent-encoded: everything but RFC 3986's unreserved characters. */
int path_append_escaped(struct buf *out, const char *text);

/**
 * Append the path of a collection (@name NULL) or an object:
 *     /apis/apps/v1/namespaces/NS/deployments/NAME/SUBRESOURCE     /api/v1/… for the core group
 * @ns NULL or "": all namespaces, or a cluster-scoped resource. @subresource may be NULL.
 * ERR_INVALID: a segment is empty, "." or "..", and so would address something else.
 */
int path_append_resource(struct buf *out, const struct kind *kind, const char *ns, const char *name,
                         const char *subresource);

/** Append `?key=value` or `&key=value` as fits what is in @out; value escaped. */
int path_append_query(struct buf *out, const char *key, const char *value);

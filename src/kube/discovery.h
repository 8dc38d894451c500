/*
 * From an apiVersion and a kind that somebody wrote down to the resource behind it: what the server
 * says of a kind that is not compiled in. For kinds that are watched one object at a time, and
 * scaled: namespaced, with a /scale of autoscaling/v1.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#api-discovery
 */
#pragma once
#include "base/buf.h"
#include "kube/client.h"
#include "kube/object.h"

enum { DISCOVERY_KIND_BYTES_MAX = 63 }; /* of a kind's name, and of its plural */

/** Returns 0, or ERR_INVALID: @api_version is neither "v1" nor like "apps/v1", or @kind is not like
 * "Deployment". Both are hostile. */
int discovery_check(const char *api_version, const char *kind, struct error *err);

/** Append the path of the request: "/apis/apps/v1", or "/api/v1". @api_version has been checked. */
void discovery_append_path(struct buf *path, const char *api_version);

/**
 * What @answer, an APIResourceList or whatever came in its place, says of @kind. @api_version and
 * @kind have been checked. Returns 0 with *out a kind without decoder, one allocation with all of
 * its texts, freed with mem_free(); or an error with a message for people:
 *   ERR_NOT_FOUND  the server knows no such apiVersion, or no such kind in it;
 *   ERR_INVALID    the kind is not namespaced, cannot be watched, or has no scale;
 *   ERR_PARSE, ERR_TOO_BIG  the answer is no APIResourceList, or past the limits of JSON;
 *   or what @answer failed by: not allowed, unreachable, …
 */
int discovery_judge(const char *api_version, const char *kind, const struct answer *answer,
                    struct kind **out, struct error *err);

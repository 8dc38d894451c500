/*
 * What kube-apiserver sets where a user has set nothing, and what belongs to which subresource.
 */
#pragma once
#include "sim/api_object.h"

/** Defaulting of a decoded object. */
void defaults_set(yyjson_mut_doc *doc, const struct api_resource *resource, yyjson_mut_val *object);

/** What a new object loses (status) and gets (a generation; a pod's phase …). */
void defaults_prepare_create(yyjson_mut_doc *doc, const struct api_resource *resource,
                             yyjson_mut_val *object);

/** Likewise, when it follows @live: only what @subresource (NULL: the object) may change, and the
 * generation. */
void defaults_prepare_update(yyjson_mut_doc *doc, const struct api_resource *resource,
                             const char *subresource, yyjson_mut_val *object, yyjson_mut_val *live);

/** Put a copy of @v at @key of @object, or nothing when it is NULL. */
void defaults_put(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, yyjson_mut_val *v);

/*
 * One write of one object while it is worked out; for api_object.c and its parts.
 */
#pragma once
#include "sim/api_managed.h"
#include "sim/api_object.h"
#include "sim/api_schema.h"

struct change {
    const struct api_change_request *r;
    const struct schema *type;
    yyjson_mut_doc *doc;
    yyjson_mut_val *live;         /* without managedFields; NULL: there is none */
    yyjson_mut_val *live_managed; /* NULL: none */
    bool rewrites;                /* stored even if nothing has changed */
    struct api_refusal *refusal;
    char api_version[64];
};

/** A copy of the body, decoded and with defaults, or NULL with the refusal (400). Its managedFields
 * are as the client sent them. */
yyjson_mut_val *change_decode_body(struct change *c);

/** Decode and default @patched, which a patch has made; else 422. */
bool change_decode_patched(struct change *c, yyjson_mut_val *patched);

/** Likewise what an apply has made: of a custom resource, nulls stay and are for validation. */
bool change_decode_applied(struct change *c, yyjson_mut_val *applied);

/** The object that has the path's name: else 400. @object: decoded. */
bool change_check_name(struct change *c, yyjson_mut_val *object);

/** An update's uid is checked by the storage, before anything else: else 409. */
bool change_check_uid(struct change *c, yyjson_mut_val *object);

/** Metadata of @object, which is made if it has none. */
yyjson_mut_val *change_metadata(struct change *c, yyjson_mut_val *object);
const char *change_text(yyjson_mut_val *object, const char *key);

/** Write of the scale subresource: the whole object, or NULL with the refusal. */
yyjson_mut_val *change_scale(struct change *c);

/** The last steps of a creation: name, uid, creationTimestamp, first generation, validation. False:
 * the refusal. */
bool change_finish_create(struct change *c, yyjson_mut_val *object);

/** The last steps of a write to c->live: resourceVersion, what cannot change, generation,
 * validation. False: the refusal. */
bool change_finish_update(struct change *c, yyjson_mut_val *object, const char *subresource);

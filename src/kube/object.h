/*
 * What the runtime knows of every Kubernetes object: its metadata, decoded once into a small
 * struct. A kind's own struct begins with a struct object and adds the few fields that its
 * controller uses. Each object is one allocation: struct first, its texts behind it; the JSON is
 * not kept.
 */
#pragma once
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yyjson.h>

/** The owner reference with controller: true, or all NULL. */
struct owner {
    const char *api_version;
    const char *kind;
    const char *name;
    const char *uid;
};

struct object {
    const char *ns; /* "" for cluster-scoped */
    const char *name;
    const char *uid;
    const char
        *rv; /* resourceVersion: opaque; compared with rv_compare() only within one resource */
    struct owner controller;
    int64_t created_us; /* creationTimestamp, since 1970 */
    int64_t generation;
    bool deleting; /* has a deletionTimestamp */
};

/** A kind: how its objects are addressed and decoded. Static data of the program that uses the
 * runtime. */
struct kind {
    const char *group; /* "" for the core group */
    const char *version;
    const char *kind;   /* "Deployment" */
    const char *plural; /* "deployments" */
    /**
     * Decode one object. Returns 0 with *out to be freed by object_free(), or ERR_PARSE (wrong
     * types, missing metadata). @json is borrowed and hostile. NULL: metadata only
     * (object_decode_meta).
     */
    int (*decode)(yyjson_val *json, struct object **out, struct error *err);
};

/** "apps/v1", or "v1" for the core group, into @out; returns @out. */
enum { API_VERSION_BYTES = 256 };
const char *kind_api_version(const struct kind *kind, char out[API_VERSION_BYTES]);

/*
 * For decoders: measure the texts, allocate once, pack them.
 *
 *     struct object_packer p;
 *     size_t texts = object_meta_bytes(json) + object_text_bytes(label);
 *     struct deployment *d = object_alloc(sizeof *d, texts, &p);
 *     if (object_pack_meta(&p, json, &d->object, err) != 0) { object_free(&d->object); return
 * err->code; } d->claim = object_pack_text(&p, label);
 */
struct object_packer {
    char *next;
    char *end;
};

size_t object_meta_bytes(yyjson_val *json);

/** Bytes that a JSON string takes packed (with its NUL); 0 when it is not a string. */
size_t object_text_bytes(yyjson_val *text);

/** Zeroed memory for a struct of @struct_bytes (that begins with struct object) and @text_bytes
 * behind it. */
void *object_alloc(size_t struct_bytes, size_t text_bytes, struct object_packer *packer);

/** Fill *out from metadata; texts that are absent are "". Returns 0 or ERR_PARSE: no metadata, a
 * name that is no path segment or too long, a namespace that is none, a wrong type, an incomplete
 * controller reference, or a text with a NUL byte inside. */
int object_pack_meta(struct object_packer *p, yyjson_val *json, struct object *out,
                     struct error *err);

/** A copy behind the struct, or NULL when @text is not a string or has a NUL byte inside. */
const char *object_pack_text(struct object_packer *p, yyjson_val *text);

/** Decoder for kinds of which only the metadata is used. */
int object_decode_meta(yyjson_val *json, struct object **out, struct error *err);

void object_free(struct object *o);

/** Compare two resourceVersions of one resource as decimals of any length: <0, 0, >0. "" and NULL
 * are the oldest. Ones that are not decimal compare by length, then bytewise: never equal unless
 * the same. */
int rv_compare(const char *a, const char *b);

/*
 * What fields the model's resources have: for decoding as a typed server does it, and for who owns
 * what in server-side apply (which lists are maps, and by which keys). Facts of Kubernetes 1.20's
 * /openapi/v2 and of config/crd.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <yyjson.h>

struct api_resource;

enum schema_class {
    SCHEMA_ANY, /* kept as it is: parts that this model does not look into */
    SCHEMA_STRING,
    SCHEMA_INT32,
    SCHEMA_INT64,
    SCHEMA_BOOL,
    SCHEMA_TIME,       /* seconds */
    SCHEMA_MICRO_TIME, /* microseconds, all six digits */
    SCHEMA_QUANTITY,
    SCHEMA_INT_OR_STRING,
    SCHEMA_STRUCT,
    SCHEMA_MAP,
    SCHEMA_LIST,
};

enum { SCHEMA_KEYS_MAX = 2 };

struct schema_field;

struct schema {
    enum schema_class class;
    bool atomic;                       /* owned as one, never in parts */
    bool set;                          /* a list of distinct values */
    const char *keys[SCHEMA_KEYS_MAX]; /* a list whose items these fields tell apart, sorted */
    const char *key_defaults[SCHEMA_KEYS_MAX]; /* what a key is that an item lacks; NULL: nothing */
    const struct schema *element;              /* of a list or map */
    const struct schema_field *fields;         /* of a struct; ends with a NULL name */
};

enum schema_presence {
    FIELD_UNLESS_ZERO, /* "", 0, false and empty lists are as good as missing */
    FIELD_IF_GIVEN,    /* a pointer: zero differs from missing; null is missing */
    FIELD_NULLABLE,    /* null differs from missing, too */
    FIELD_ALWAYS,      /* the server shows it even when it is empty */
};

struct schema_field {
    const char *name;
    const struct schema *type;
    enum schema_presence presence;
};

/** Of the whole object. */
const struct schema *schema_of(const struct api_resource *resource);
extern const struct schema schema_scale; /* autoscaling/v1 */
extern const struct schema schema_memcached_spec;
extern const struct schema schema_memcached_status;

/** The field of that name (@len bytes), or NULL. */
const struct schema_field *schema_find(const struct schema *type, const char *name, size_t len);

/** A list whose items have an identity: by keys, or by their value. */
bool schema_is_associative(const struct schema *type);

/**
 * Make @object what a server holds after decoding it: unknown fields go, fields that are always
 * there come, zero values that mean "missing" go, times are in UTC.
 *
 * @lenient  a custom resource: only its metadata is typed, the rest is validated later
 * Returns true, or false with what is wrong in @error.
 */
bool schema_decode(yyjson_mut_doc *doc, const struct schema *type, yyjson_mut_val *object,
                   bool lenient, char *error, size_t error_bytes);

/**
 * Is @config, a body of server-side apply, of this type? Nothing is filled in.
 * Returns true, or false with ".spec.foo: field not declared in schema" or the like.
 */
bool schema_check(const struct schema *type, yyjson_mut_val *config, char *error,
                  size_t error_bytes);

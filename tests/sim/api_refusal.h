/*
 * Refusals of requests, and lists of what is wrong with an object's fields, worded as
 * k8s.io/apimachinery's field errors.
 */
#pragma once
#include "base/buf.h"
#include "sim/api_object.h"

/** Fill *refusal, without details; returns NULL, so that it can be returned. @reason: static, or
 * NULL for an error that has none. */
void *refuse(struct api_refusal *refusal, int code, const char *reason, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/** 500 InternalError: "Internal error occurred: @text", which is the cause in details, too. */
void *refuse_internal(struct api_refusal *refusal, const char *text);

/** Likewise 409 Conflict and 404 NotFound of an object. @sub: "/scale" or "". */
void *refuse_conflict(struct api_refusal *refusal, const struct api_resource *resource,
                      const char *sub, const char *name, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void *refuse_not_found(struct api_refusal *refusal, const struct api_resource *resource,
                       const char *name);
void *refuse_exists(struct api_refusal *refusal, const struct api_resource *resource,
                    const char *name, bool deleting);

/** "deployments.apps", "pods" */
struct refusal_text {
    char text[128];
};
struct refusal_text refusal_resource(const struct api_resource *resource);

enum { FIELD_ERRORS_MAX = 32, FIELD_PATH_BYTES = 256 };

/** A field's path, put together where it is needed: field_path("%s.name", prefix).text */
struct field_path {
    char text[FIELD_PATH_BYTES];
};
struct field_path field_path(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** What is wrong, in order. */
struct field_errors {
    struct buf text;   /* "field: message", each ended by NUL */
    struct buf causes; /* JSON, the items of details.causes */
    size_t starts[FIELD_ERRORS_MAX];
    size_t count;  /* distinct ones */
    bool distinct; /* the causes, too: say nothing twice */
};

void field_errors_init(struct field_errors *e);
void field_errors_fini(struct field_errors *e);

void field_required(struct field_errors *e, const char *field, const char *detail);
void field_forbidden(struct field_errors *e, const char *field, const char *detail);
void field_duplicate(struct field_errors *e, const char *field, const char *value);
void field_too_long(struct field_errors *e, const char *field, const char *detail);
/** @value as Go prints it: quoted by the caller if it is text (see field_invalid_text). */
void field_invalid(struct field_errors *e, const char *field, const char *value, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));
void field_invalid_text(struct field_errors *e, const char *field, const char *value,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));
void field_invalid_int(struct field_errors *e, const char *field, int64_t value, const char *format,
                       ...) __attribute__((format(printf, 4, 5)));
/** @supported ends with NULL. */
void field_unsupported(struct field_errors *e, const char *field, const char *value,
                       const char *const *supported);
/** Likewise; @value as Go prints it. */
void field_unsupported_struct(struct field_errors *e, const char *field, const char *value,
                              const char *const *supported);

/** 422 Invalid with all of them: `Deployment.apps "web" is invalid: …`; returns NULL. */
void *refuse_invalid(struct api_refusal *refusal, const char *group, const char *kind,
                     const char *name, const struct field_errors *e);

/** 409 Conflict of an apply; @causes as in struct field_errors. */
void *refuse_apply_conflict(struct api_refusal *refusal, const struct buf *causes,
                            const char *format, ...) __attribute__((format(printf, 3, 4)));

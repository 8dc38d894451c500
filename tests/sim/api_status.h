/*
 * The API's answers that are no object: metav1.Status in all its forms, worded as kube-apiserver
 * words them. For api.c and its parts.
 */
#pragma once
#include "sim/api.h"
#include "sim/api_object.h"

/** One entry of details.causes. */
struct api_cause {
    const char *reason, *message, *field; /* NULL: without */
};

/** A Status with what most of them lack being NULL or 0. */
struct api_status {
    int code;
    const char *reason; /* NULL: without */
    const char *message;
    const struct api_resource *details; /* group and kind (plural) of this; NULL: no details … */
    bool empty_details;                 /* … but an empty object */
    const char *details_json;           /* … or these as they are; NULL: no */
    const char *name;                   /* in details; NULL: without */
    const char *group, *kind;           /* in details, instead of the resource's */
    const struct api_cause *causes;
    size_t cause_count;
    int retry_after_s;
    const char *continue_token;
};

/** Append the JSON text of @s. */
void api_status_append(struct buf *out, const struct api_status *s);

/* Each makes *answer the refusal. */
void api_answer_status(struct api_answer *answer, const struct api_status *s);
void api_answer_refusal(struct api_answer *answer, const struct api_refusal *r);
void api_answer_conflict(struct api_answer *answer, const struct api_resource *resource,
                         const char *name, const char *why);
void api_answer_page_not_found(struct api_answer *answer);
void api_answer_no_resource(struct api_answer *answer);
void api_answer_no_method(struct api_answer *answer);
void api_answer_not_found(struct api_answer *answer, const struct api_resource *resource,
                          const char *name);
void api_answer_too_new(struct api_answer *answer, uint64_t wanted, uint64_t current);
void api_answer_bad_request(struct api_answer *answer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** 422 of an options object ("ListOptions" …) with these causes. */
void api_answer_bad_options(struct api_answer *answer, const char *options,
                            const struct api_cause *causes, size_t count);

/** 200 after a deletion: what has been deleted. */
void api_answer_deleted(struct api_answer *answer, const struct api_resource *resource,
                        const char *name, const char *uid);

/** "deployments.apps", "pods" */
const char *api_resource_text(const struct api_resource *resource, char out[128]);

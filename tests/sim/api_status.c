/*
 * The wordings were taken from the answers of a kube-apiserver 1.20.
 */
#include "sim/api_status.h"

#include "base/json_writer.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_BYTES = 1024 };

static void write_text(struct json_writer *w, const char *key, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        json_member_string(w, key, text);
    }
}

static void write_causes(struct json_writer *w, const struct api_status *s)
{
    json_key(w, "causes");
    json_array_begin(w);
    for (size_t i = 0; i < s->cause_count; i++) {
        json_object_begin(w);
        write_text(w, "reason", s->causes[i].reason);
        json_member_string(w, "message", s->causes[i].message);
        write_text(w, "field", s->causes[i].field);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_details(struct json_writer *w, const struct api_status *s)
{
    const struct api_resource *of = s->details;
    json_key(w, "details");
    json_object_begin(w);
    write_text(w, "name", s->name);
    write_text(w, "group", of != NULL ? of->group : s->group);
    write_text(w, "kind", s->kind != NULL ? s->kind : of != NULL ? of->plural : NULL);
    if (s->cause_count > 0) {
        write_causes(w, s);
    }
    if (s->retry_after_s > 0) {
        json_member_int(w, "retryAfterSeconds", s->retry_after_s);
    }
    json_object_end(w);
}

void api_status_append(struct buf *out, const struct api_status *s)
{
    struct json_writer w;
    json_writer_init(&w, out, false);
    json_object_begin(&w);
    json_member_string(&w, "kind", "Status");
    json_member_string(&w, "apiVersion", "v1");
    json_key(&w, "metadata");
    json_object_begin(&w);
    write_text(&w, "continue", s->continue_token);
    json_object_end(&w);
    json_member_string(&w, "status", "Failure");
    json_member_string(&w, "message", s->message);
    write_text(&w, "reason", s->reason);
    if (s->details_json != NULL) {
        json_key(&w, "details");
        json_raw(&w, s->details_json);
    } else if (s->details != NULL || s->group != NULL || s->cause_count > 0 || s->empty_details) {
        write_details(&w, s);
    }
    json_member_int(&w, "code", s->code);
    json_object_end(&w);
}

void api_answer_status(struct api_answer *answer, const struct api_status *s)
{
    answer->http_status = s->code;
    answer->retry_after_ms = s->retry_after_s > 0 ? s->retry_after_s * 1000 : -1;
    api_status_append(&answer->body, s);
}

void api_answer_refusal(struct api_answer *answer, const struct api_refusal *r)
{
    api_answer_status(answer, &(struct api_status){
                                  .code = r->code,
                                  .reason = r->reason,
                                  .message = r->message,
                                  .details_json = r->details[0] != '\0' ? r->details : NULL,
                              });
}

void api_answer_page_not_found(struct api_answer *answer)
{
    answer->http_status = 404;
    buf_append_text(&answer->body, "404 page not found\n");
}

void api_answer_no_resource(struct api_answer *answer)
{
    api_answer_status(answer, &(struct api_status){
                                  .code = 404,
                                  .reason = "NotFound",
                                  .message = "the server could not find the requested resource",
                                  .empty_details = true,
                              });
}

void api_answer_no_method(struct api_answer *answer)
{
    api_answer_status(
        answer, &(struct api_status){
                    .code = 405,
                    .reason = "MethodNotAllowed",
                    .message = "the server does not allow this method on the requested resource",
                    .empty_details = true,
                });
}

const char *api_resource_text(const struct api_resource *resource, char out[128])
{
    snprintf(out, 128, "%s%s%s", resource->plural, resource->group[0] != '\0' ? "." : "",
             resource->group);
    return out;
}

void api_answer_not_found(struct api_answer *answer, const struct api_resource *resource,
                          const char *name)
{
    char text[128];
    char message[MESSAGE_BYTES];
    snprintf(message, sizeof message, "%s \"%s\" not found", api_resource_text(resource, text),
             name);
    api_answer_status(answer, &(struct api_status){.code = 404,
                                                   .reason = "NotFound",
                                                   .message = message,
                                                   .details = resource,
                                                   .name = name});
}

void api_answer_conflict(struct api_answer *answer, const struct api_resource *resource,
                         const char *name, const char *why)
{
    char text[128];
    char message[MESSAGE_BYTES];
    snprintf(message, sizeof message, "Operation cannot be fulfilled on %s \"%.253s\": %s",
             api_resource_text(resource, text), name, why);
    api_answer_status(answer, &(struct api_status){.code = 409,
                                                   .reason = "Conflict",
                                                   .message = message,
                                                   .details = resource,
                                                   .name = name});
}

void api_answer_too_new(struct api_answer *answer, uint64_t wanted, uint64_t current)
{
    static const struct api_cause CAUSE = {"ResourceVersionTooLarge", "Too large resource version",
                                           NULL};
    char message[MESSAGE_BYTES];
    snprintf(message, sizeof message,
             "Timeout: Too large resource version: %" PRIu64 ", current: %" PRIu64, wanted,
             current);
    api_answer_status(answer, &(struct api_status){.code = 504,
                                                   .reason = "Timeout",
                                                   .message = message,
                                                   .causes = &CAUSE,
                                                   .cause_count = 1,
                                                   .retry_after_s = 1});
}

void api_answer_bad_request(struct api_answer *answer, const char *format, ...)
{
    char message[MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    api_answer_status(
        answer, &(struct api_status){.code = 400, .reason = "BadRequest", .message = message});
}

void api_answer_bad_options(struct api_answer *answer, const char *options,
                            const struct api_cause *causes, size_t count)
{
    CLEANUP(buf_fini) struct buf message;
    buf_init(&message, 4 * MESSAGE_BYTES);
    buf_printf(&message, "%s.meta.k8s.io \"\" is invalid: %s", options, count > 1 ? "[" : "");
    for (size_t i = 0; i < count; i++) {
        buf_printf(&message, "%s%s: %s", i > 0 ? ", " : "", causes[i].field, causes[i].message);
    }
    buf_append_text(&message, count > 1 ? "]" : "");
    api_answer_status(answer, &(struct api_status){.code = 422,
                                                   .reason = "Invalid",
                                                   .message = buf_text(&message),
                                                   .group = "meta.k8s.io",
                                                   .kind = options,
                                                   .causes = causes,
                                                   .cause_count = count});
}

void api_answer_deleted(struct api_answer *answer, const struct api_resource *resource,
                        const char *name, const char *uid)
{
    struct json_writer w;
    json_writer_init(&w, &answer->body, false);
    json_object_begin(&w);
    json_member_string(&w, "kind", "Status");
    json_member_string(&w, "apiVersion", "v1");
    json_key(&w, "metadata");
    json_raw(&w, "{}");
    json_member_string(&w, "status", "Success");
    json_key(&w, "details");
    json_object_begin(&w);
    json_member_string(&w, "name", name);
    write_text(&w, "group", resource->group);
    json_member_string(&w, "kind", resource->plural);
    write_text(&w, "uid", uid);
    json_object_end(&w);
    json_object_end(&w);
    answer->http_status = 200;
}

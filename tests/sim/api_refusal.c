#include "sim/api_refusal.h"

#include "base/json_writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ERRORS_BYTES_MAX = 1 << 20 };

static void fill(struct api_refusal *refusal, int code, const char *reason, const char *format,
                 va_list args) __attribute__((format(printf, 4, 0)));

static void fill(struct api_refusal *refusal, int code, const char *reason, const char *format,
                 va_list args)
{
    refusal->code = code;
    refusal->reason = reason;
    refusal->details[0] = '\0';
    vsnprintf(refusal->message, sizeof refusal->message, format, args);
}

void *refuse(struct api_refusal *refusal, int code, const char *reason, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(refusal, code, reason, format, args);
    va_end(args);
    return NULL;
}

/* Details that do not fit are left out as a whole, so that they are always JSON. */
static void set_details(struct api_refusal *refusal, const char *group, const char *kind,
                        const char *name, const struct buf *causes)
{
    struct buf out;
    struct json_writer w;
    buf_init(&out, sizeof refusal->details - 1);
    json_writer_init(&w, &out, false);
    json_object_begin(&w);
    const char *const members[][2] = {{"name", name}, {"group", group}, {"kind", kind}};
    for (size_t i = 0; i < 3; i++) {
        if (members[i][1] != NULL && members[i][1][0] != '\0') {
            json_member_string(&w, members[i][0], members[i][1]);
        }
    }
    if (causes != NULL) {
        json_key(&w, "causes");
        json_array_begin(&w);
        if (causes->len > 0) {
            json_raw(&w, causes->data);
        }
        json_array_end(&w);
    }
    json_object_end(&w);
    if (!out.truncated) {
        memcpy(refusal->details, out.data, out.len + 1);
    }
    buf_fini(&out);
}

struct refusal_text refusal_resource(const struct api_resource *resource)
{
    struct refusal_text t;
    snprintf(t.text, sizeof t.text, "%s%s%s", resource->plural,
             resource->group[0] != '\0' ? "." : "", resource->group);
    return t;
}

void *refuse_conflict(struct api_refusal *refusal, const struct api_resource *resource,
                      const char *sub, const char *name, const char *format, ...)
{
    char kind[64];
    snprintf(kind, sizeof kind, "%s%s", resource->plural, sub);
    const char *group = resource->group;
    int len = snprintf(refusal->message, sizeof refusal->message,
                       "Operation cannot be fulfilled on %s%s%s \"%s\": ", kind,
                       group[0] != '\0' ? "." : "", group, name);
    refusal->code = 409;
    refusal->reason = "Conflict";
    if ((size_t)len < sizeof refusal->message) {
        va_list args;
        va_start(args, format);
        vsnprintf(refusal->message + len, sizeof refusal->message - (size_t)len, format, args);
        va_end(args);
    }
    set_details(refusal, group, kind, name, NULL);
    return NULL;
}

void *refuse_not_found(struct api_refusal *refusal, const struct api_resource *resource,
                       const char *name)
{
    refuse(refusal, 404, "NotFound", "%s \"%s\" not found", refusal_resource(resource).text, name);
    set_details(refusal, resource->group, resource->plural, name, NULL);
    return NULL;
}

void *refuse_exists(struct api_refusal *refusal, const struct api_resource *resource,
                    const char *name, bool deleting)
{
    refuse(refusal, 409, "AlreadyExists", "%s%s \"%s\" already exists",
           deleting ? "object is being deleted: " : "", refusal_resource(resource).text, name);
    set_details(refusal, resource->group, resource->plural, name, NULL);
    return NULL;
}

void *refuse_internal(struct api_refusal *refusal, const char *text)
{
    struct buf cause;
    struct json_writer w;
    buf_init(&cause, ERRORS_BYTES_MAX);
    json_writer_init(&w, &cause, false);
    json_object_begin(&w);
    json_member_string(&w, "message", text);
    json_object_end(&w);
    refuse(refusal, 500, "InternalError", "Internal error occurred: %s", text);
    set_details(refusal, NULL, NULL, NULL, &cause);
    buf_fini(&cause);
    return NULL;
}

/* ---- Field errors ---- */

struct field_path field_path(const char *format, ...)
{
    struct field_path p;
    va_list args;
    va_start(args, format);
    vsnprintf(p.text, sizeof p.text, format, args);
    va_end(args);
    return p;
}

void field_errors_init(struct field_errors *e)
{
    *e = (struct field_errors){0};
    buf_init(&e->text, ERRORS_BYTES_MAX);
    buf_init(&e->causes, ERRORS_BYTES_MAX);
}

void field_errors_fini(struct field_errors *e)
{
    buf_fini(&e->text);
    buf_fini(&e->causes);
}

static void add_cause(struct buf *causes, const char *reason, const char *message,
                      const char *field)
{
    struct json_writer w;
    if (causes->len > 0) {
        buf_append_char(causes, ',');
    }
    json_writer_init(&w, causes, false);
    json_object_begin(&w);
    json_member_string(&w, "reason", reason);
    json_member_string(&w, "message", message);
    json_member_string(&w, "field", field);
    json_object_end(&w);
}

static bool is_said(const struct field_errors *e, const char *text)
{
    for (size_t i = 0; i < e->count; i++) {
        if (strcmp(e->text.data + e->starts[i], text) == 0) {
            return true;
        }
    }
    return false;
}

/* All are causes, but the message says each only once. */
static void add(struct field_errors *e, const char *reason, const char *field,
                const struct buf *body)
{
    size_t start = e->text.len;
    buf_printf(&e->text, "%s: %s", field, buf_text(body));
    bool said = is_said(e, e->text.data + start);
    if (!said || !e->distinct) {
        add_cause(&e->causes, reason, buf_text(body), field);
    }
    if (said || e->count == FIELD_ERRORS_MAX) {
        buf_cut(&e->text, start);
        return;
    }
    buf_append_char(&e->text, '\0');
    e->starts[e->count++] = start;
}

/* How many bytes at @text are one character that people cannot see: controls, spaces of other
 * kinds, marks of direction; 0: it can be seen. Not all that Unicode has. */
static size_t invisible(const unsigned char *text, unsigned *code)
{
    static const unsigned ranges[][2] = {{0x80, 0xa0},     {0xad, 0xad},     {0x200b, 0x200f},
                                         {0x2028, 0x202f}, {0x205f, 0x206f}, {0xfeff, 0xfeff}};
    size_t len = text[0] < 0x80 ? 1 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
    *code = len == 1   ? text[0]
            : len == 2 ? (text[0] & 0x1fU) << 6 | (text[1] & 0x3fU)
            : len == 3 ? (text[0] & 0xfU) << 12 | (text[1] & 0x3fU) << 6 | (text[2] & 0x3fU)
                       : 0;
    bool found = len == 1 && (*code < ' ' || *code == 0x7f);
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        found = found || (*code >= ranges[i][0] && *code <= ranges[i][1]);
    }
    return found ? len : 0;
}

/* Go's %q of text that is UTF-8. */
static void append_quoted(struct buf *out, const char *text)
{
    static const char short_ones[] = "\a\b\f\n\r\t\v", letters[] = "abfnrtv";
    buf_append_char(out, '"');
    while (*text != '\0') {
        unsigned code;
        size_t len = invisible((const unsigned char *)text, &code);
        const char *is_short = len == 1 ? strchr(short_ones, *text) : NULL;
        if (is_short != NULL) {
            buf_printf(out, "\\%c", letters[is_short - short_ones]);
        } else if (len == 1) {
            buf_printf(out, "\\x%02x", code);
        } else if (len > 1) {
            buf_printf(out, "\\u%04x", code);
        } else {
            buf_printf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
        }
        text += len > 0 ? len : 1;
    }
    buf_append_char(out, '"');
}

static void add_text(struct field_errors *e, const char *reason, const char *field,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));

static void add_text(struct field_errors *e, const char *reason, const char *field,
                     const char *format, ...)
{
    struct buf body;
    char usual[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(usual, sizeof usual, format, args);
    va_end(args);
    buf_init(&body, ERRORS_BYTES_MAX);
    buf_append_text(&body, usual);
    add(e, reason, field, &body);
    buf_fini(&body);
}

static void with_detail(struct field_errors *e, const char *reason, const char *field,
                        const char *what, const char *detail)
{
    add_text(e, reason, field, "%s%s%s", what, detail[0] != '\0' ? ": " : "", detail);
}

void field_required(struct field_errors *e, const char *field, const char *detail)
{
    with_detail(e, "FieldValueRequired", field, "Required value", detail);
}

void field_forbidden(struct field_errors *e, const char *field, const char *detail)
{
    with_detail(e, "FieldValueForbidden", field, "Forbidden", detail);
}

void field_too_long(struct field_errors *e, const char *field, const char *detail)
{
    with_detail(e, "FieldValueTooLong", field, "Too long", detail);
}

void field_duplicate(struct field_errors *e, const char *field, const char *value)
{
    struct buf quoted;
    buf_init(&quoted, ERRORS_BYTES_MAX);
    append_quoted(&quoted, value);
    add_text(e, "FieldValueDuplicate", field, "Duplicate value: %s", buf_text(&quoted));
    buf_fini(&quoted);
}

static void add_invalid(struct field_errors *e, const char *field, const char *value, bool quote,
                        const char *format, va_list args) __attribute__((format(printf, 5, 0)));

static void add_invalid(struct field_errors *e, const char *field, const char *value, bool quote,
                        const char *format, va_list args)
{
    struct buf body;
    char detail[1024];
    vsnprintf(detail, sizeof detail, format, args);
    buf_init(&body, ERRORS_BYTES_MAX);
    buf_append_text(&body, "Invalid value: ");
    if (quote) {
        append_quoted(&body, value);
    } else {
        buf_append_text(&body, value);
    }
    buf_append_text(&body, ": ");
    buf_append_text(&body, detail);
    add(e, "FieldValueInvalid", field, &body);
    buf_fini(&body);
}

void field_invalid(struct field_errors *e, const char *field, const char *value, const char *format,
                   ...)
{
    va_list args;
    va_start(args, format);
    add_invalid(e, field, value, false, format, args);
    va_end(args);
}

void field_invalid_text(struct field_errors *e, const char *field, const char *value,
                        const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_invalid(e, field, value, true, format, args);
    va_end(args);
}

void field_invalid_int(struct field_errors *e, const char *field, int64_t value, const char *format,
                       ...)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    va_list args;
    va_start(args, format);
    add_invalid(e, field, text, false, format, args);
    va_end(args);
}

void field_unsupported(struct field_errors *e, const char *field, const char *value,
                       const char *const *supported)
{
    struct buf quoted;
    buf_init(&quoted, ERRORS_BYTES_MAX);
    append_quoted(&quoted, value);
    field_unsupported_struct(e, field, buf_text(&quoted), supported);
    buf_fini(&quoted);
}

void field_unsupported_struct(struct field_errors *e, const char *field, const char *value,
                              const char *const *supported)
{
    struct buf body;
    buf_init(&body, ERRORS_BYTES_MAX);
    buf_printf(&body, "Unsupported value: %s: supported values: ", value);
    for (size_t i = 0; supported[i] != NULL; i++) {
        buf_printf(&body, "%s\"%s\"", i > 0 ? ", " : "", supported[i]);
    }
    add(e, "FieldValueNotSupported", field, &body);
    buf_fini(&body);
}

void *refuse_invalid(struct api_refusal *refusal, const char *group, const char *kind,
                     const char *name, const struct field_errors *e)
{
    struct buf list;
    buf_init(&list, ERRORS_BYTES_MAX);
    for (size_t i = 0; i < e->count; i++) {
        buf_printf(&list, "%s%s", i > 0 ? ", " : "", e->text.data + e->starts[i]);
    }
    bool many = e->count > 1;
    struct buf quoted;
    buf_init(&quoted, ERRORS_BYTES_MAX);
    append_quoted(&quoted, name);
    refuse(refusal, 422, "Invalid", "%s%s%s %s is invalid: %s%s%s", kind,
           group[0] != '\0' ? "." : "", group, buf_text(&quoted), many ? "[" : "", buf_text(&list),
           many ? "]" : "");
    buf_fini(&quoted);
    buf_fini(&list);
    set_details(refusal, group, kind, name, &e->causes);
    return NULL;
}

void *refuse_apply_conflict(struct api_refusal *refusal, const struct buf *causes,
                            const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(refusal, 409, "Conflict", format, args);
    va_end(args);
    set_details(refusal, NULL, NULL, NULL, causes);
    return NULL;
}

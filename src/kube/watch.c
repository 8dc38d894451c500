/*
 * Cuts the stream at newlines and decodes each line. The buffer only ever holds a line without its
 * newline, so every byte is searched once, whatever the splits.
 */
#include "kube/watch.h"

#include "base/mem.h"
#include "kube/json.h"
#include "kube/peek.h"

#include <string.h>

enum {
    LINE_KEEP_BYTES = 64 << 10, /* after one huge line the buffer shrinks to this */
};

void watch_init(struct watch *w)
{
    *w = (struct watch){.keep_bytes = LINE_KEEP_BYTES};
    buf_init(&w->line, BODY_BYTES_MAX);
}

void watch_fini(struct watch *w)
{
    buf_fini(&w->line);
}

void watch_reset(struct watch *w)
{
    buf_reset(&w->line, w->keep_bytes);
}

static int parse_type(yyjson_val *event, enum watch_type *type, struct error *err)
{
    static const struct {
        const char *name;
        enum watch_type type;
    } types[] = {
        {"ADDED", WATCH_ADDED},       {"MODIFIED", WATCH_MODIFIED}, {"DELETED", WATCH_DELETED},
        {"BOOKMARK", WATCH_BOOKMARK}, {"ERROR", WATCH_ERROR},
    };
    yyjson_val *name = json_at(event, "type", NULL);

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (yyjson_equals_str(name, types[i].name)) {
            *type = types[i].type;
            return 0;
        }
    }
    if (yyjson_is_str(name)) {
        return error_set(err, ERR_PARSE, "watch event of unknown type \"%.32s\"",
                         yyjson_get_str(name));
    }
    return error_set(err, ERR_PARSE, "watch line without an event type");
}

static int parse_rv(yyjson_val *object, const char **rv, struct error *err)
{
    yyjson_val *value = json_at(object, "metadata", "resourceVersion", NULL);
    const char *text = yyjson_get_str(value);

    if (text == NULL || text[0] == '\0' || strlen(text) != yyjson_get_len(value)) {
        return error_set(err, ERR_PARSE, "watch event with an object without resourceVersion");
    }
    if (strlen(text) > WATCH_RV_BYTES_MAX) {
        return error_set(err, ERR_PARSE, "watch event with a resourceVersion of %zu bytes",
                         strlen(text));
    }
    *rv = text;
    return 0;
}

static int parse_event(yyjson_val *root, struct watch_event *event, struct error *err)
{
    int rc = parse_type(root, &event->type, err);

    if (rc != 0) {
        return rc;
    }
    event->object = json_at(root, "object", NULL);
    if (!yyjson_is_obj(event->object)) {
        return error_set(err, ERR_PARSE, "watch event without an object");
    }
    if (event->type == WATCH_ERROR) {
        return 0; /* a Status: it has no resourceVersion that one may use */
    }
    if (event->type == WATCH_BOOKMARK) {
        event->initial_events_end = yyjson_equals_str(
            json_at(event->object, "metadata", "annotations", "k8s.io/initial-events-end", NULL),
            "true");
    }
    return parse_rv(event->object, &event->rv, err);
}

static void free_doc(yyjson_doc **doc)
{
    yyjson_doc_free(*doc);
}

/* @line is without its newline. */
static int take_line(const struct watch *w, const char *line, size_t len, watch_event_fn *fn,
                     void *ctx, struct error *err)
{
    struct watch_event event = {0};
    struct peek peek;

    if (len > 0 && line[len - 1] == '\r') {
        len--;
    }
    if (len == 0) {
        return 0;
    }
    if (w->known != NULL && peek_line(line, len, &peek) && w->known(ctx, &peek)) {
        return 0;
    }
    CLEANUP(free_doc) yyjson_doc *doc = json_parse(line, len, err);
    if (doc == NULL) {
        return error_wrap(err, "watch line");
    }
    int rc = parse_event(yyjson_doc_get_root(doc), &event, err);
    return rc != 0 ? rc : fn(ctx, &event, err);
}

static int keep(struct watch *w, const char *bytes, size_t len, struct error *err)
{
    if (buf_append(&w->line, bytes, len) != 0) {
        return error_set(err, ERR_TOO_BIG, "watch line of more than %d bytes", BODY_BYTES_MAX);
    }
    return 0;
}

/* The line ends within @bytes; what came before is in the buffer. */
static int finish_line(struct watch *w, const char *bytes, size_t len, watch_event_fn *fn,
                       void *ctx, struct error *err)
{
    if (w->line.len == 0) {
        return take_line(w, bytes, len, fn, ctx, err); /* whole: no need to copy it */
    }
    int rc = keep(w, bytes, len, err);
    if (rc == 0) {
        rc = take_line(w, w->line.data, w->line.len, fn, ctx, err);
    }
    buf_reset(&w->line, w->keep_bytes);
    return rc;
}

int watch_feed(struct watch *w, const char *bytes, size_t len, watch_event_fn *fn, void *ctx,
               struct error *err)
{
    const char *end = bytes + len;

    while (bytes < end) {
        const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
        if (newline == NULL) {
            return keep(w, bytes, (size_t)(end - bytes), err);
        }
        int rc = finish_line(w, bytes, (size_t)(newline - bytes), fn, ctx, err);
        if (rc != 0) {
            return rc;
        }
        bytes = newline + 1;
    }
    return 0;
}

/*
 * What a side was told, as text in which equal servers do not differ. Objects are written with
 * their members in the alphabet's order, and a member a line, so that texts can be compared line by
 * line.
 */
#include "base/json_writer.h"
#include "base/mem.h"
#include "kube/json.h"
#include "sim/conformance_mask.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 4096 };

struct writer {
    struct side *side;
    size_t i; /* the operation */
    enum resource resource;
    struct buf *out;
    unsigned depth;
};

/* ---- resourceVersions ---- */

static void collect(struct side *side, enum resource resource, yyjson_val *object)
{
    const char *version =
        yyjson_get_str(yyjson_obj_get(yyjson_obj_get(object, "metadata"), "resourceVersion"));
    if (version == NULL || yyjson_obj_get(object, "items") != NULL) {
        return;
    }
    size_t *count = &side->revision_count[resource];
    if ((*count & (*count + 1)) == 0) {
        side->revisions[resource] =
            mem_realloc(side->revisions[resource], (*count + 1) * 2 * sizeof(uint64_t));
    }
    side->revisions[resource][(*count)++] = strtoull(version, NULL, 10);
}

static void collect_all(struct side *side, size_t i, yyjson_val *root)
{
    enum resource resource = side->sequence->operations[i].resource;
    size_t n, count;
    yyjson_val *item;
    collect(side, resource, root);
    yyjson_arr_foreach(yyjson_obj_get(root, "items"), n, count, item)
    {
        collect(side, resource, item);
    }
    const char *type = yyjson_get_str(yyjson_obj_get(root, "type"));
    if (type != NULL && strcmp(type, "BOOKMARK") != 0) {
        collect(side, resource, yyjson_obj_get(root, "object"));
    }
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void sort_revisions(struct side *side, size_t r)
{
    size_t kept = 0;
    uint64_t *all = side->revisions[r];
    if (side->revision_count[r] > 0) {
        qsort(all, side->revision_count[r], sizeof(*all), compare_numbers);
    }
    for (size_t i = 0; i < side->revision_count[r]; i++) {
        if (kept == 0 || all[kept - 1] != all[i]) {
            all[kept++] = all[i];
        }
    }
    side->revision_count[r] = kept;
}

/* The next line of @bytes as JSON; moves *at behind it. NULL at the end. */
static yyjson_doc *next_line(const struct buf *bytes, size_t *at)
{
    while (*at < bytes->len) {
        const char *line = bytes->data + *at;
        const char *end = memchr(line, '\n', bytes->len - *at);
        size_t len = end != NULL ? (size_t)(end - line) : bytes->len - *at;
        *at += len + 1;
        yyjson_doc *doc = json_parse(line, len, NULL);
        if (doc != NULL) {
            return doc;
        }
    }
    return NULL;
}

static bool is_stream(const struct side *side, size_t i)
{
    return side->sequence->operations[i].is_watch && side->said[i].status == 200;
}

void side_prepare(struct side *side)
{
    memset(side->revision_count, 0, sizeof(side->revision_count));
    for (size_t i = 0; i < side->sequence->count; i++) {
        const struct said *s = &side->said[i];
        yyjson_doc *doc;
        size_t at = 0;
        if (!is_stream(side, i)) {
            doc = json_parse(buf_text(&s->bytes), s->bytes.len, NULL);
            collect_all(side, i, yyjson_doc_get_root(doc));
            yyjson_doc_free(doc);
            continue;
        }
        while ((doc = next_line(&s->bytes, &at)) != NULL) {
            collect_all(side, i, yyjson_doc_get_root(doc));
            yyjson_doc_free(doc);
        }
    }
    for (size_t r = 0; r < RESOURCE_COUNT; r++) {
        sort_revisions(side, r);
    }
}

/* ---- values ---- */

static void write_value(struct writer *w, const char *key, yyjson_val *value);

static void line_begin(struct writer *w)
{
    buf_append_char(w->out, '\n');
    for (unsigned i = 0; i < w->depth; i++) {
        buf_append_text(w->out, "  ");
    }
}

static void write_string(struct writer *w, const char *key, yyjson_val *value)
{
    const char *text = yyjson_get_str(value);
    size_t len = yyjson_get_len(value);
    if (strcmp(key, "resourceVersion") == 0) {
        mask_version(w->side, w->resource, text, w->out);
    } else if (strcmp(key, "creationTimestamp") == 0 || strcmp(key, "deletionTimestamp") == 0 ||
               strcmp(key, "time") == 0) {
        buf_append_text(w->out, "<time>");
    } else if (strcmp(key, "continue") == 0) {
        buf_append_text(w->out, "<continue>");
    } else {
        if (strcmp(key, "message") == 0) {
            len = mask_message_length(text, len);
        }
        struct buf masked;
        buf_init(&masked, BODY_BYTES_MAX);
        mask_text(w->side, w->resource, text, len, &masked);
        buf_append_char(w->out, '"');
        json_escape(w->out, buf_text(&masked), masked.len, true);
        buf_append_char(w->out, '"');
        buf_fini(&masked);
    }
}

static void write_number(struct writer *w, yyjson_val *value)
{
    if (yyjson_is_uint(value)) {
        buf_printf(w->out, "%llu", (unsigned long long)yyjson_get_uint(value));
    } else if (yyjson_is_sint(value)) {
        buf_printf(w->out, "%lld", (long long)yyjson_get_sint(value));
    } else {
        buf_printf(w->out, "%.17g", yyjson_get_real(value));
    }
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Each text after the other, sorted; frees them. */
static void write_sorted(struct writer *w, char **texts, size_t count)
{
    qsort(texts, count, sizeof(*texts), compare_texts);
    for (size_t i = 0; i < count; i++) {
        line_begin(w);
        buf_append_text(w->out, texts[i]);
        mem_free(texts[i]);
    }
    mem_free(texts);
}

/* "key: value", apart. */
static char *member_text(struct writer *w, yyjson_val *key, yyjson_val *value)
{
    struct buf text, *out = w->out;
    buf_init(&text, BODY_BYTES_MAX);
    w->out = &text;
    if (key != NULL) {
        mask_text(w->side, w->resource, yyjson_get_str(key), yyjson_get_len(key), &text);
        buf_append_text(&text, ": ");
    }
    write_value(w, key != NULL ? yyjson_get_str(key) : "", value);
    w->out = out;
    return buf_take(&text);
}

static void write_object(struct writer *w, yyjson_val *object)
{
    size_t i, count = yyjson_obj_size(object), kept = 0;
    yyjson_val *key, *value;
    char **texts = mem_alloc(count * sizeof(*texts));
    w->depth++;
    yyjson_obj_foreach(object, i, count, key, value)
    {
        texts[kept++] = member_text(w, key, value);
    }
    buf_append_char(w->out, '{');
    write_sorted(w, texts, kept);
    buf_append_char(w->out, '}');
    w->depth--;
}

/* The order of managedFields depends on the second in which each was written; that of a conflict's
 * causes, and of a list that comes from a cache, is random. */
static bool has_no_order(const struct writer *w, const char *key)
{
    return strcmp(key, "managedFields") == 0 || strcmp(key, "causes") == 0 ||
           (strcmp(key, "items") == 0 && w->side->sequence->operations[w->i].cached);
}

static void write_array(struct writer *w, const char *key, yyjson_val *array)
{
    size_t i, count = yyjson_arr_size(array), kept = 0;
    yyjson_val *item;
    char **texts = mem_alloc(count * sizeof(*texts));
    bool sorted = has_no_order(w, key);
    w->depth++;
    buf_append_char(w->out, '[');
    yyjson_arr_foreach(array, i, count, item)
    {
        if (sorted) {
            texts[kept++] = member_text(w, NULL, item);
        } else {
            line_begin(w);
            write_value(w, "", item);
        }
    }
    write_sorted(w, texts, kept);
    buf_append_char(w->out, ']');
    w->depth--;
}

static void write_value(struct writer *w, const char *key, yyjson_val *value)
{
    if (yyjson_is_obj(value)) {
        write_object(w, value);
    } else if (yyjson_is_arr(value)) {
        write_array(w, key, value);
    } else if (yyjson_is_str(value)) {
        write_string(w, key, value);
    } else if (yyjson_is_num(value)) {
        write_number(w, value);
    } else if (yyjson_is_bool(value)) {
        buf_append_text(w->out, yyjson_get_bool(value) ? "true" : "false");
    } else {
        buf_append_text(w->out, "null");
    }
}

/* ---- operations ---- */

static void write_answer(struct writer *w, const struct said *s)
{
    yyjson_doc *doc = json_parse(buf_text(&s->bytes), s->bytes.len, NULL);
    if (doc != NULL) {
        write_value(w, "", yyjson_doc_get_root(doc));
    } else {
        mask_text(w->side, w->resource, buf_text(&s->bytes), s->bytes.len, w->out);
    }
    yyjson_doc_free(doc);
}

static bool is_initial(const struct said *s, yyjson_val *event)
{
    const char *version =
        yyjson_get_str(json_at(event, "object", "metadata", "resourceVersion", NULL));
    return version != NULL && strtoull(version, NULL, 10) <= s->newest_told;
}

/* The first events of a watch without a resourceVersion come in no particular order. */
static void write_stream(struct writer *w, const struct said *s, bool initial)
{
    char **texts = mem_alloc(LINES_MAX * sizeof(*texts));
    size_t count = 0, at = 0;
    w->depth++;
    for (yyjson_doc *doc; (doc = next_line(&s->bytes, &at)) != NULL; yyjson_doc_free(doc)) {
        yyjson_val *event = yyjson_doc_get_root(doc);
        if (yyjson_equals_str(yyjson_obj_get(event, "type"), "BOOKMARK")) {
            continue;
        }
        if (initial && !is_initial(s, event)) {
            write_sorted(w, texts, count);
            texts = NULL;
            initial = false;
        }
        char *text = member_text(w, NULL, event);
        if (initial) {
            assert(count < LINES_MAX);
            texts[count++] = text;
        } else {
            line_begin(w);
            buf_append_text(w->out, text);
            mem_free(text);
        }
    }
    if (initial) {
        write_sorted(w, texts, count);
    } else {
        mem_free(texts);
    }
    line_begin(w);
    buf_append_text(w->out, s->end_seen ? "(the last one)"
                            : s->ended  ? "(ended by the server)"
                                        : "(it never came to its end)");
    w->depth--;
}

void side_text(struct side *side, size_t i, struct buf *out)
{
    const struct operation *o = &side->sequence->operations[i];
    const struct said *s = &side->said[i];
    struct writer w = {.side = side, .i = i, .resource = o->resource, .out = out};
    buf_printf(out, "%d ", s->status);
    if (is_stream(side, i)) {
        write_stream(&w, s, o->initial);
    } else {
        write_answer(&w, s);
    }
    buf_append_char(out, '\n');
}

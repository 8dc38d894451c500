/*
 * What a side was told, as text in which equal servers do not differ. Objects are written with
 * their members in the alphabet's order, and a member a line, so that texts can be compared line by
 * line.
 */
#include "base/json_writer.h"
#include "base/mem.h"
#include "kube/json.h"
#include "sim/conformance_side.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UUID_BYTES = 36, SUFFIX_BYTES = 5, LINES_MAX = 4096 };

/* Messages that are compared up to here only, because the rest is about the server's inside. */
static const char *const loose_messages[] = {
    /* two revisions, the second one of the whole cluster */
    "too old resource version: ",
    "Too large resource version: ",
    /* Go's decoders: byte offsets and surroundings of what they choked on, Go's type names */
    "the object provided is unrecognized (must be of type ",
    "couldn't get version/kind; json parse error: ",
    "error decoding patch: ",
    "json: cannot unmarshal ",
    " cannot be handled as a ",
    /* Go's way to print a struct */
    "Invalid value: []v1.",
    "Unsupported value: apps.",
    /* a whole object, with all that is masked elsewhere, in the order of Go's structs */
    "Invalid value: \"{",
    "unable to parse requirement: ",
};

struct writer {
    struct side *side;
    size_t i; /* the operation */
    enum resource resource;
    struct buf *out;
    unsigned depth;
};

/* ---- texts ---- */

/* Among the resourceVersions of its resource. */
static size_t rank(const struct writer *w, const char *version)
{
    uint64_t number = strtoull(version, NULL, 10);
    size_t count = 0;
    while (count < w->side->revision_count[w->resource] &&
           w->side->revisions[w->resource][count] <= number) {
        count++;
    }
    return count;
}

static bool is_uuid(const char *text, size_t len)
{
    if (len < UUID_BYTES) {
        return false;
    }
    for (size_t i = 0; i < UUID_BYTES; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i])) {
            return false;
        }
    }
    return true;
}

/* Named by the operation that made it; one that no server made is what the sequence says. */
static const char *name_of_uid(const struct writer *w, const char *text, char copy[UUID_BYTES + 1])
{
    memcpy(copy, text, UUID_BYTES);
    copy[UUID_BYTES] = '\0';
    const char *name = map_get(&w->side->uids, copy);
    return name != NULL ? name : copy;
}

static bool starts(const char *text, size_t len, const char *with)
{
    size_t n = strlen(with);
    return n > 0 && n <= len && memcmp(text, with, n) == 0;
}

/* "g7-x2bcd": what was made of the generateName "g7-", also where it was then refused. Returns the
 * length of what is to be kept, 0: it is no such name. */
static size_t generated_prefix(const char *text, size_t len)
{
    size_t at = 1;
    while (at < len && isdigit((unsigned char)text[at])) {
        at++;
    }
    if (text[0] != 'g' || at == 1 || len < at + 1 + SUFFIX_BYTES || text[at] != '-') {
        return 0;
    }
    at++;
    for (size_t i = at; i < at + SUFFIX_BYTES; i++) {
        if (strchr("bcdfghjklmnpqrstvwxz2456789", text[i]) == NULL) {
            return 0;
        }
    }
    return at;
}

/* "(*bool)(0xc002fee284)" */
static size_t pointer_length(const char *text, size_t len)
{
    size_t at = 2;
    while (at < len && isxdigit((unsigned char)text[at])) {
        at++;
    }
    return starts(text, len, "0xc0") ? at : 0;
}

/* "… the ResourceVersion in record (4711)": how long the number at the end is; 0: it is none. */
static size_t version_length(const char *text, const char *at)
{
    static const char *const before[] = {"ResourceVersion in the precondition (",
                                         "ResourceVersion in record ("};
    for (size_t i = 0; i < ARRAY_LEN(before); i++) {
        size_t len = strlen(before[i]);
        if ((size_t)(at - text) >= len && memcmp(at - len, before[i], len) == 0) {
            return strspn(at, "0123456789");
        }
    }
    return 0;
}

static void mask_text(struct writer *w, const char *text, size_t len, struct buf *out)
{
    const struct side *side = w->side;
    char uid[UUID_BYTES + 1];
    size_t done = 0;
    while (done < len) {
        const char *at = text + done;
        size_t left = len - done, part;
        if (is_uuid(at, left)) {
            buf_append_text(out, name_of_uid(w, at, uid));
            done += UUID_BYTES;
        } else if (starts(at, left, side->ns)) {
            buf_append_text(out, "<ns>");
            done += strlen(side->ns);
        } else if ((part = generated_prefix(at, left)) > 0) {
            buf_append(out, at, part);
            buf_append_text(out, "<suffix>");
            done += part + SUFFIX_BYTES;
        } else if ((part = pointer_length(at, left)) > 0) {
            buf_append_text(out, "<pointer>");
            done += part;
        } else if ((part = version_length(text, at)) > 0) {
            buf_printf(out, "<rv %zu>", rank(w, at));
            done += part;
        } else {
            buf_append_char(out, *at);
            done++;
        }
    }
}

/* Loose ones are cut behind what they begin with, wherever that is in the message. */
static size_t length_to_compare(const char *message, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(loose_messages); i++) {
        const char *at = strstr(message, loose_messages[i]);
        size_t until = at != NULL ? (size_t)(at - message) + strlen(loose_messages[i]) : len;
        len = until < len ? until : len;
    }
    return len;
}

/* ---- resourceVersions ---- */

static void write_version(struct writer *w, const char *version)
{
    if (version[0] == '\0' || strcmp(version, "0") == 0) {
        buf_printf(w->out, "\"%s\"", version);
    } else {
        buf_printf(w->out, "<rv %zu>", rank(w, version));
    }
}

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
        write_version(w, text);
    } else if (strcmp(key, "creationTimestamp") == 0 || strcmp(key, "deletionTimestamp") == 0 ||
               strcmp(key, "time") == 0) {
        buf_append_text(w->out, "<time>");
    } else if (strcmp(key, "continue") == 0) {
        buf_append_text(w->out, "<continue>");
    } else {
        if (strcmp(key, "message") == 0) {
            len = length_to_compare(text, len);
        }
        struct buf masked;
        buf_init(&masked, BODY_BYTES_MAX);
        mask_text(w, text, len, &masked);
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
        mask_text(w, yyjson_get_str(key), yyjson_get_len(key), &text);
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
        mask_text(w, buf_text(&s->bytes), s->bytes.len, w->out);
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

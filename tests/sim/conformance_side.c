#include "sim/conformance_side.h"

#include "base/mem.h"
#include "kube/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_BYTES_MAX = 320, KEY_BYTES_MAX = WORD_BYTES_MAX + 16 };

#define NO_UID "00000000-0000-0000-0000-000000000000"

struct side *side_new(const struct sequence *sequence, const char *ns)
{
    struct side *side = mem_zalloc(sizeof(*side));
    side->sequence = sequence;
    snprintf(side->ns, sizeof(side->ns), "%s", ns);
    map_init(&side->memory, 1);
    map_init(&side->uids, 1);
    for (size_t i = 0; i < sequence->count; i++) {
        buf_init(&side->said[i].bytes, BODY_BYTES_MAX);
    }
    return side;
}

static void free_texts(struct map *m)
{
    map_for_each (m, e) {
        mem_free(e->value);
    }
    map_fini(m);
}

void side_free(struct side *side)
{
    if (side == NULL) {
        return;
    }
    for (size_t i = 0; i < side->sequence->count; i++) {
        mem_free(side->said[i].path);
        mem_free(side->said[i].body);
        buf_fini(&side->said[i].bytes);
    }
    for (size_t i = 0; i < side->generated_count; i++) {
        mem_free(side->generated[i]);
    }
    for (size_t r = 0; r < RESOURCE_COUNT; r++) {
        mem_free(side->revisions[r]);
    }
    free_texts(&side->memory);
    free_texts(&side->uids);
    mem_free(side->continue_token);
    mem_free(side);
}

/* ---- asking ---- */

/* "rv deployments/a" → text */
static const char *recall(const struct side *side, const char *what, const char *of,
                          const char *otherwise)
{
    char key[KEY_BYTES_MAX];
    snprintf(key, sizeof(key), "%s %s", what, of);
    const char *text = map_get(&side->memory, key);
    return text != NULL ? text : otherwise;
}

static void append_number(struct buf *out, uint64_t number)
{
    if (number != 0) {
        buf_printf(out, "%llu", (unsigned long long)number);
    }
}

static const uint64_t *of_resource(const uint64_t *values, const char *plural)
{
    size_t r = 0;
    while (r + 1 < RESOURCE_COUNT && strcmp(resource_texts[r].plural, plural) != 0) {
        r++;
    }
    return &values[r];
}

/* @text begins behind a '$'. Returns how many bytes of it were a word, 0 if none. */
static size_t append_word(const struct side *side, const char *text, struct buf *out)
{
    static const char *const words[] = {"uid(",   "rv(", "old(",     "newest(",
                                        "first(", "ns",  "continue", "generated"};
    size_t w = 0;
    while (w < ARRAY_LEN(words) && strncmp(text, words[w], strlen(words[w])) != 0) {
        w++;
    }
    if (w == ARRAY_LEN(words)) {
        return 0;
    }
    size_t len = strlen(words[w]);
    char of[WORD_BYTES_MAX] = "";
    if (words[w][len - 1] == '(') {
        size_t inside = strcspn(text + len, ")");
        snprintf(of, sizeof(of), "%.*s", (int)inside, text + len);
        len += inside + 1;
    }
    switch (words[w][0]) {
    case 'u':
        buf_append_text(out, recall(side, "uid", of, NO_UID));
        break;
    case 'r':
        buf_append_text(out, recall(side, "rv", of, "1"));
        break;
    case 'o':
        buf_append_text(out, recall(side, "old", of, "1"));
        break;
    case 'f':
        append_number(out, *of_resource(side->first, of));
        break;
    case 'c':
        buf_append_text(out, side->continue_token != NULL ? side->continue_token : "");
        break;
    case 'g':
        buf_append_text(out, side->generated_count > 0 ? side->generated[side->generated_count - 1]
                                                       : "none");
        break;
    default: /* "ns" and "newest(" */
        if (words[w][1] == 's') {
            buf_append_text(out, side->ns);
        } else {
            append_number(out, *of_resource(side->newest, of));
        }
        break;
    }
    return len;
}

static char *fill_in(const struct side *side, const char *text, bool is_body)
{
    struct buf out;
    buf_init(&out, BODY_BYTES_MAX);
    while (*text != '\0') {
        size_t len = *text == '$' ? append_word(side, text + 1, &out) : 0;
        if (len == 0) {
            buf_append_char(&out, is_body && *text == '\'' ? '"' : *text);
        }
        text += len + 1;
    }
    return buf_take(&out);
}

void side_ask(struct side *side, size_t i)
{
    const struct operation *o = &side->sequence->operations[i];
    struct said *s = &side->said[i];
    s->path = fill_in(side, o->path, false);
    s->body = o->body != NULL ? fill_in(side, o->body, true) : NULL;
    s->newest_told = side->newest[o->resource];
}

void side_question(const struct side *side, size_t i, struct buf *out)
{
    const struct operation *o = &side->sequence->operations[i];
    const struct said *s = &side->said[i];
    if (o->compact) {
        buf_append_text(out, "compaction");
        return;
    }
    buf_printf(out, "%s %s%s", o->is_watch ? "WATCH" : http_method_name(o->method),
               s->path != NULL ? s->path : o->path, o->cached ? " (cached)" : "");
    if (o->accept != NULL) {
        buf_printf(out, "  Accept: %s", o->accept);
    }
    if (o->content_type != NULL) {
        buf_printf(out, "  %s", o->content_type);
    }
    if (o->body != NULL) {
        buf_printf(out, "  %s", s->body != NULL ? s->body : o->body);
    }
}

/* ---- learning ---- */

static void remember(struct side *side, const char *what, const char *of, const char *text)
{
    char key[KEY_BYTES_MAX];
    snprintf(key, sizeof(key), "%s %s", what, of);
    mem_free(map_put(&side->memory, key, mem_strdup(text)));
}

static void learn_version(struct side *side, enum resource resource, const char *object,
                          const char *version)
{
    const char *known = recall(side, "rv", object, NULL);
    if (known != NULL && strcmp(known, version) == 0) {
        return;
    }
    if (known != NULL) {
        remember(side, "old", object, known);
    }
    remember(side, "rv", object, version);
    uint64_t number = strtoull(version, NULL, 10);
    if (number > side->newest[resource]) {
        side->newest[resource] = number;
    }
    if (side->first[resource] == 0) {
        side->first[resource] = number;
    }
}

static void learn_uid(struct side *side, size_t i, const char *uid)
{
    char name[32];
    if (map_get(&side->uids, uid) == NULL) {
        snprintf(name, sizeof(name), "<uid %zu>", i);
        map_put(&side->uids, uid, mem_strdup(name));
    }
}

static void learn_object(struct side *side, size_t i, yyjson_val *metadata)
{
    enum resource resource = side->sequence->operations[i].resource;
    const char *name = yyjson_get_str(yyjson_obj_get(metadata, "name"));
    const char *uid = yyjson_get_str(yyjson_obj_get(metadata, "uid"));
    const char *version = yyjson_get_str(yyjson_obj_get(metadata, "resourceVersion"));
    if (name == NULL || uid == NULL || version == NULL) {
        return;
    }
    char object[WORD_BYTES_MAX];
    snprintf(object, sizeof(object), "%s/%s", resource_texts[resource].plural, name);
    remember(side, "uid", object, uid);
    learn_uid(side, i, uid);
    learn_version(side, resource, object, version);
    const char *base = yyjson_get_str(yyjson_obj_get(metadata, "generateName"));
    if (base != NULL && strncmp(name, base, strlen(base)) == 0 &&
        side->generated_count < OPERATIONS_MAX) {
        for (size_t g = 0; g < side->generated_count; g++) {
            if (strcmp(side->generated[g], name) == 0) {
                return;
            }
        }
        side->generated[side->generated_count++] = mem_strdup(name);
    }
}

void side_learn(struct side *side, size_t i)
{
    const struct said *s = &side->said[i];
    yyjson_doc *doc = json_parse(buf_text(&s->bytes), s->bytes.len, NULL);
    yyjson_val *root = yyjson_doc_get_root(doc);
    yyjson_val *metadata = yyjson_obj_get(root, "metadata");
    if (yyjson_obj_get(root, "items") != NULL) {
        const char *token = yyjson_get_str(yyjson_obj_get(metadata, "continue"));
        mem_free(side->continue_token);
        side->continue_token = token != NULL ? mem_strdup(token) : NULL;
    } else if (s->status / 100 == 2) {
        learn_object(side, i, metadata);
    }
    yyjson_doc_free(doc);
}

/* Its label is what counts: no other text of an object looks like this. */
static bool is_end(const struct operation *o, const char *line, size_t len)
{
    char label[32];
    snprintf(label, sizeof(label), "\"end\":\"%u\"", o->end);
    return memmem(line, len, label, strlen(label)) != NULL;
}

bool side_watch_bytes(struct side *side, size_t i, const char *bytes, size_t len)
{
    struct said *s = &side->said[i];
    size_t whole = s->bytes.len;
    while (whole > 0 && s->bytes.data[whole - 1] != '\n') {
        whole--;
    }
    buf_append(&s->bytes, bytes, len);
    while (!s->end_seen) {
        const char *line = s->bytes.data + whole;
        const char *end = memchr(line, '\n', s->bytes.len - whole);
        if (end == NULL) {
            return false;
        }
        size_t line_len = (size_t)(end - line) + 1;
        s->end_seen = is_end(&side->sequence->operations[i], line, line_len);
        whole += line_len;
    }
    buf_cut(&s->bytes, whole); /* whatever comes after is nobody's business */
    return true;
}

#include "kube/yaml.h"

#include "base/map.h"
#include "base/mem.h"

#include <assert.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

struct reader {
    yaml_parser_t parser;
    struct yaml *yaml;
    struct map anchors; /* finished nodes only, so that no node can contain itself */
    const char *path;
    const char *bytes;
    size_t len;
};

static int fail_at(const struct reader *r, yaml_mark_t mark, int code, const char *reason,
                   struct error *err)
{
    return error_set(err, code, "%s:%zu:%zu: %s", r->path, mark.line + 1, mark.column + 1, reason);
}

/* libyaml gives an offset, not a mark, for bytes that are no text. */
static yaml_mark_t mark_of_offset(const struct reader *r, size_t offset)
{
    yaml_mark_t mark = {0};
    for (size_t i = 0; i < offset && i < r->len; i++) {
        mark.column = r->bytes[i] == '\n' ? 0 : mark.column + 1;
        mark.line += r->bytes[i] == '\n';
    }
    return mark;
}

static int next_event(struct reader *r, yaml_event_t *event, struct error *err)
{
    if (yaml_parser_parse(&r->parser, event)) {
        return 0;
    }
    const yaml_parser_t *p = &r->parser;
    yaml_mark_t mark =
        p->error == YAML_READER_ERROR ? mark_of_offset(r, p->problem_offset) : p->problem_mark;
    /* libyaml's texts are constants: they hold nothing of the file */
    return fail_at(r, mark, ERR_PARSE, p->problem != NULL ? p->problem : "not YAML", err);
}

static struct yaml_node *node_new(struct reader *r, enum yaml_kind kind, yaml_mark_t mark)
{
    struct yaml *y = r->yaml;
    struct yaml_node *node = arena_alloc(&y->arena, sizeof(*node));
    *node = (struct yaml_node){.kind = kind,
                               .line = (unsigned)mark.line + 1,
                               .column = (unsigned)mark.column + 1,
                               .previous = y->last};
    y->last = node;
    y->nodes++;
    return node;
}

/* Scalars may be secrets. */
static void event_fini(yaml_event_t *event)
{
    if (event->type == YAML_SCALAR_EVENT) {
        mem_wipe(event->data.scalar.value, event->data.scalar.length);
    }
    yaml_event_delete(event);
}

static void remember(struct reader *r, const yaml_char_t *anchor, struct yaml_node *node)
{
    if (anchor != NULL) {
        map_put(&r->anchors, (const char *)anchor, node);
    }
}

static int read_text(struct reader *r, const yaml_event_t *event, struct yaml_node **out,
                     struct error *err)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    if (memchr(text, '\0', len) != NULL) {
        return fail_at(r, event->start_mark, ERR_PARSE, "a text must not contain NUL", err);
    }
    *out = node_new(r, YAML_TEXT, event->start_mark);
    (*out)->plain =
        event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && event->data.scalar.tag == NULL;
    (*out)->text = arena_strndup(&r->yaml->arena, text, len);
    remember(r, event->data.scalar.anchor, *out);
    return 0;
}

static int read_node(struct reader *r, const yaml_event_t *event, unsigned depth,
                     struct yaml_node **out, struct error *err);

/* The items up to the end of the list or map @node. */
static int read_items(struct reader *r, struct yaml_node *node, unsigned depth, struct error *err)
{
    struct yaml_item **tail = &node->items;
    const struct yaml_node *key = NULL;
    for (;;) {
        CLEANUP(event_fini) yaml_event_t event = {0};
        struct yaml_node *value = NULL;
        int failed = next_event(r, &event, err);
        if (failed != 0) {
            return failed;
        }
        if (event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT) {
            return 0;
        }
        failed = read_node(r, &event, depth, &value, err);
        if (failed != 0) {
            return failed;
        }
        assert(value != NULL);
        if (node->kind == YAML_MAP && key == NULL) {
            if (value->kind != YAML_TEXT) {
                return fail_at(r, event.start_mark, ERR_PARSE, "expected a text as key", err);
            }
            key = value;
            continue;
        }
        *tail = arena_alloc(&r->yaml->arena, sizeof(**tail));
        **tail = (struct yaml_item){.key = key, .value = value};
        tail = &(*tail)->next;
        key = NULL;
    }
}

/* The node that begins with @event; its further events are read here. */
static int read_node(struct reader *r, const yaml_event_t *event, unsigned depth,
                     struct yaml_node **out, struct error *err)
{
    if (depth == YAML_DEPTH_MAX) {
        return fail_at(r, event->start_mark, ERR_TOO_BIG, "nested deeper than 64 levels", err);
    }
    if (r->yaml->nodes == YAML_NODES_MAX) {
        return fail_at(r, event->start_mark, ERR_TOO_BIG, "more than 100000 values", err);
    }
    int failed = 0;
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        *out = map_get(&r->anchors, (const char *)event->data.alias.anchor);
        return *out != NULL ? 0
                            : fail_at(r, event->start_mark, ERR_PARSE,
                                      "an alias without an anchor before it", err);
    case YAML_SEQUENCE_START_EVENT:
        *out = node_new(r, YAML_LIST, event->start_mark);
        failed = read_items(r, *out, depth + 1, err);
        remember(r, event->data.sequence_start.anchor, *out);
        return failed;
    case YAML_MAPPING_START_EVENT:
        *out = node_new(r, YAML_MAP, event->start_mark);
        failed = read_items(r, *out, depth + 1, err);
        remember(r, event->data.mapping_start.anchor, *out);
        return failed;
    default:
        return read_text(r, event, out, err);
    }
}

static int read_document(struct reader *r, struct error *err)
{
    for (;;) {
        CLEANUP(event_fini) yaml_event_t event = {0};
        int failed = next_event(r, &event, err);
        if (failed != 0 || event.type == YAML_STREAM_END_EVENT) {
            return failed;
        }
        if (event.type != YAML_STREAM_START_EVENT && event.type != YAML_DOCUMENT_START_EVENT) {
            return read_node(r, &event, 0, &r->yaml->root, err);
        }
    }
}

int yaml_parse(struct yaml *y, const char *path, const char *bytes, size_t len, struct error *err)
{
    struct reader r = {.yaml = y, .path = path, .bytes = bytes, .len = len};
    *y = (struct yaml){0};
    if (!yaml_parser_initialize(&r.parser)) {
        mem_out_of_memory(sizeof(r.parser));
    }
    map_init(&r.anchors, 0);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)bytes, len);
    int failed = read_document(&r, err);
    yaml_parser_delete(&r.parser);
    map_fini(&r.anchors);
    if (failed != 0) {
        yaml_fini(y);
    }
    return failed;
}

void yaml_fini(struct yaml *y)
{
    for (struct yaml_node *node = y->last; node != NULL; node = node->previous) {
        if (node->text != NULL) {
            mem_wipe(node->text, strlen(node->text));
        }
    }
    arena_fini(&y->arena);
    *y = (struct yaml){0};
}

static bool is_one_of(const char *text, const char *const words[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool yaml_is_null(const struct yaml_node *node)
{
    static const char *const words[] = {"", "~", "null"};
    return node->kind == YAML_TEXT && node->plain && is_one_of(node->text, words, ARRAY_LEN(words));
}

bool yaml_is_bool(const struct yaml_node *node, bool *value)
{
    static const char *const yes[] = {"true", "yes", "on"};
    static const char *const no[] = {"false", "no", "off"};
    if (node->kind != YAML_TEXT || !node->plain) {
        return false;
    }
    *value = is_one_of(node->text, yes, ARRAY_LEN(yes));
    return *value || is_one_of(node->text, no, ARRAY_LEN(no));
}

const struct yaml_node *yaml_get(const struct yaml_node *node, const char *key)
{
    if (node == NULL || node->kind != YAML_MAP) {
        return NULL;
    }
    for (const struct yaml_item *i = node->items; i != NULL; i = i->next) {
        if (strcmp(i->key->text, key) == 0) {
            return yaml_is_null(i->value) ? NULL : i->value;
        }
    }
    return NULL;
}

const char *yaml_get_text(const struct yaml_node *node, const char *key)
{
    const struct yaml_node *value = yaml_get(node, key);
    bool text = value != NULL && value->kind == YAML_TEXT && *value->text != '\0';
    return text ? value->text : NULL;
}

bool yaml_get_bool(const struct yaml_node *node, const char *key)
{
    const struct yaml_node *value = yaml_get(node, key);
    bool yes = false;
    return value != NULL && yaml_is_bool(value, &yes) && yes;
}

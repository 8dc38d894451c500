#include "operator/status.h"

#include "base/json_writer.h"
#include "base/mem.h"
#include "kube/json.h"

#include <assert.h>
#include <string.h>

enum { STATUS_BYTES_USUAL = 1 << 10 };

static const char *read_text(struct arena *arena, yyjson_val *object, const char *key)
{
    yyjson_val *value = yyjson_obj_get(object, key);
    return yyjson_is_str(value) ? arena_strndup(arena, yyjson_get_str(value), yyjson_get_len(value))
                                : "";
}

static int32_t read_count(yyjson_val *object, const char *key)
{
    int64_t n = json_get_int(yyjson_obj_get(object, key), 0);
    return n < 0 || n > INT32_MAX ? 0 : (int32_t)n;
}

static void read_nodes(struct arena *arena, yyjson_val *list, struct status *out)
{
    out->nodes = arena_alloc(arena, (yyjson_arr_size(list) + 1) * sizeof *out->nodes);
    size_t index, max;
    yyjson_val *node;
    yyjson_arr_foreach(list, index, max, node)
    {
        if (yyjson_is_str(node)) {
            out->nodes[out->node_count++] =
                arena_strndup(arena, yyjson_get_str(node), yyjson_get_len(node));
        }
    }
}

static void read_conditions(struct arena *arena, yyjson_val *list, struct status *out)
{
    size_t index, max;
    yyjson_val *c;
    yyjson_arr_foreach(list, index, max, c)
    {
        if (out->condition_count < STATUS_CONDITIONS_MAX) {
            out->conditions[out->condition_count++] =
                (struct condition){.type = read_text(arena, c, "type"),
                                   .status = read_text(arena, c, "status"),
                                   .reason = read_text(arena, c, "reason"),
                                   .message = read_text(arena, c, "message"),
                                   .since = read_text(arena, c, "lastTransitionTime")};
        }
    }
}

void status_read(struct arena *arena, yyjson_val *json, struct status *out)
{
    *out = (struct status){.replicas = read_count(json, "replicas"),
                           .ready_replicas = read_count(json, "readyReplicas"),
                           .selector = read_text(arena, json, "selector"),
                           .source = read_text(arena, json, "source"),
                           .observed_generation =
                               json_get_int(yyjson_obj_get(json, "observedGeneration"), 0)};
    sizing_status_read(arena, yyjson_obj_get(json, "sizing"), &out->sizing);
    read_nodes(arena, yyjson_obj_get(json, "nodes"), out);
    read_conditions(arena, yyjson_obj_get(json, "conditions"), out);
}

void status_parse(struct arena *arena, const char *text, struct status *out)
{
    struct error err = ERROR_INIT;
    yyjson_doc *doc = json_parse(text, strlen(text), &err); /* NULL for "": an empty status */
    status_read(arena, yyjson_doc_get_root(doc), out);
    yyjson_doc_free(doc);
}

static void write_conditions(struct json_writer *w, const struct status *s)
{
    json_key(w, "conditions");
    json_array_begin(w);
    for (size_t i = 0; i < s->condition_count; i++) {
        const struct condition *c = &s->conditions[i];
        json_object_begin(w);
        json_member_string(w, "type", c->type);
        json_member_string(w, "status", c->status);
        json_member_string(w, "reason", c->reason);
        json_member_string(w, "message", c->message);
        json_member_string(w, "lastTransitionTime", c->since);
        json_object_end(w);
    }
    json_array_end(w);
}

const char *status_text(struct arena *arena, const struct status *s)
{
    CLEANUP(buf_fini) struct buf text;
    struct json_writer w;
    buf_init(&text, BODY_BYTES_MAX * 2U);
    buf_reserve(&text, STATUS_BYTES_USUAL);
    json_writer_init(&w, &text, false);
    json_object_begin(&w);
    json_key(&w, "nodes");
    json_array_begin(&w);
    for (size_t i = 0; i < s->node_count; i++) {
        json_string(&w, s->nodes[i]);
    }
    json_array_end(&w);
    json_member_int(&w, "replicas", s->replicas);
    json_member_int(&w, "readyReplicas", s->ready_replicas);
    json_member_string(&w, "selector", s->selector);
    json_member_string(&w, "source", s->source);
    json_key(&w, "sizing");
    sizing_status_write(&w, &s->sizing);
    json_member_int(&w, "observedGeneration", s->observed_generation);
    write_conditions(&w, s);
    json_object_end(&w);
    return arena_strdup(arena, text.truncated ? "{}" : buf_text(&text));
}

const char *status_canonical(struct arena *arena, yyjson_val *json)
{
    struct status s;
    status_read(arena, json, &s);
    return status_text(arena, &s);
}

/* Index of the condition, or condition_count. */
static size_t find(const struct status *s, const char *type)
{
    size_t i = 0;
    while (i < s->condition_count && strcmp(s->conditions[i].type, type) != 0) {
        i++;
    }
    return i;
}

const struct condition *status_condition(const struct status *s, const char *type)
{
    size_t i = find(s, type);
    return i < s->condition_count ? &s->conditions[i] : NULL;
}

void status_set_condition(struct status *s, const char *type, const char *status,
                          const char *reason, const char *message, const char *now_text)
{
    size_t i = find(s, type);
    if (i == STATUS_CONDITIONS_MAX) {
        return;
    }
    struct condition *c = &s->conditions[i];
    if (i == s->condition_count) {
        s->condition_count++;
        *c = (struct condition){.status = ""};
    }
    const char *since = strcmp(c->status, status) == 0 ? c->since : now_text;
    *c = (struct condition){
        .type = type, .status = status, .reason = reason, .message = message, .since = since};
}

void status_remove_condition(struct status *s, const char *type)
{
    size_t i = find(s, type);
    if (i < s->condition_count) {
        s->condition_count--;
        memmove(&s->conditions[i], &s->conditions[i + 1],
                (s->condition_count - i) * sizeof *s->conditions);
    }
}

#include "sim/facts.h"

#include "base/mem.h"
#include "kube/json.h"

#include <inttypes.h>
#include <string.h>

#define CLAIM_LABEL "memcached-operator/associated-memcached-deployment-name"

enum { VALUE_BYTES_MAX = 4096 };

static void add_text(struct facts *f, const char *key, const char *value)
{
    if (value != NULL && value[0] != '\0' && f->count < FACTS_MAX) {
        f->items[f->count++] = (struct fact){.key = key, .value = mem_strdup(value)};
    }
}

static void add(struct facts *f, const char *key, yyjson_val *v)
{
    if (yyjson_is_num(v)) {
        char text[32];
        snprintf(text, sizeof text, "%" PRId64, json_get_int(v, 0));
        add_text(f, key, text);
    } else {
        add_text(f, key, yyjson_get_str(v));
    }
}

static void add_count(struct facts *f, const char *key, yyjson_val *list)
{
    if (list != NULL) {
        char text[32];
        snprintf(text, sizeof text, "%zu", yyjson_arr_size(list));
        add_text(f, key, text);
    }
}

/* ---- Kinds ---- */

/* Conditions that say that all is well need no words. */
static void add_condition(struct facts *f, yyjson_val *condition)
{
    static const char *const types[] = {"Available", "Conflict", "Reconciled", "SizeSynced"};
    yyjson_val *type = yyjson_obj_get(condition, "type");
    const char *status = yyjson_get_str(yyjson_obj_get(condition, "status"));
    const char *message = yyjson_get_str(yyjson_obj_get(condition, "message"));
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        bool is_news = (strcmp(types[i], "Conflict") == 0) == (strcmp(status, "True") == 0);
        if (yyjson_equals_str(type, types[i])) {
            CLEANUP(buf_fini) struct buf text;
            buf_init(&text, VALUE_BYTES_MAX);
            buf_printf(&text, "%s(%s%s%s)", status,
                       yyjson_get_str(yyjson_obj_get(condition, "reason")), is_news ? ": " : "",
                       is_news ? message : "");
            add_text(f, types[i], buf_text(&text));
        }
    }
}

/* "5 3": a staircase down. */
static void add_holds(struct facts *f, yyjson_val *holds)
{
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, VALUE_BYTES_MAX);
    size_t i, max;
    yyjson_val *hold;
    yyjson_arr_foreach(holds, i, max, hold)
    {
        buf_printf(&text, "%s%" PRId64, i > 0 ? " " : "",
                   json_get_int(yyjson_obj_get(hold, "size"), 0));
    }
    add_text(f, "holds", buf_text(&text));
}

static void read_memcached(struct facts *f, yyjson_val *o)
{
    yyjson_val *status = yyjson_obj_get(o, "status");
    add(f, "size", json_at(o, "spec", "size", NULL));
    add(f, "source", yyjson_obj_get(status, "source"));
    add_holds(f, json_at(status, "sizing", "holds", NULL));
    add_count(f, "nodes", yyjson_obj_get(status, "nodes"));
    add(f, "running", yyjson_obj_get(status, "replicas"));
    add(f, "ready", yyjson_obj_get(status, "readyReplicas"));
    add(f, "observed", yyjson_obj_get(status, "observedGeneration"));
    size_t i, max;
    yyjson_val *condition;
    yyjson_arr_foreach(yyjson_obj_get(status, "conditions"), i, max, condition)
    {
        add_condition(f, condition);
    }
}

static void add_words(struct facts *f, const char *key, yyjson_val *list)
{
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, VALUE_BYTES_MAX);
    size_t i, max;
    yyjson_val *word;
    yyjson_arr_foreach(list, i, max, word)
    {
        buf_printf(&text, "%s%s", i > 0 ? " " : "", yyjson_get_str(word));
    }
    add_text(f, key, buf_text(&text));
}

static void read_deployment(struct facts *f, yyjson_val *o)
{
    yyjson_val *container =
        yyjson_arr_get_first(json_at(o, "spec", "template", "spec", "containers", NULL));
    add(f, "claims", json_at(o, "metadata", "labels", CLAIM_LABEL, NULL));
    add(f, "replicas", json_at(o, "spec", "replicas", NULL));
    add(f, "image", yyjson_obj_get(container, "image"));
    add_words(f, "command", yyjson_obj_get(container, "command"));
    add(f, "ready", json_at(o, "status", "readyReplicas", NULL));
}

static void read_pod(struct facts *f, yyjson_val *o)
{
    size_t i, max;
    yyjson_val *condition;
    yyjson_arr_foreach(json_at(o, "status", "conditions", NULL), i, max, condition)
    {
        if (yyjson_equals_str(yyjson_obj_get(condition, "type"), "Ready")) {
            add(f, "ready", yyjson_obj_get(condition, "status"));
        }
    }
}

static void read_lease(struct facts *f, yyjson_val *o)
{
    const char *holder = yyjson_get_str(json_at(o, "spec", "holderIdentity", NULL));
    add_text(f, "holder", holder == NULL || holder[0] == '\0' ? "nobody" : holder);
}

static void read_event(struct facts *f, yyjson_val *o)
{
    add(f, "note", yyjson_obj_get(o, "note"));
    add(f, "count", json_at(o, "series", "count", NULL));
}

static const struct {
    const char *resource, *word;
    void (*read)(struct facts *f, yyjson_val *o);
} kinds[] = {
    {"memcacheds", "memcached", read_memcached},
    {"deployments", "deployment", read_deployment},
    {"statefulsets", "statefulset", read_deployment},
    {"pods", "pod", read_pod},
    {"leases", "lease", read_lease},
    {"events", "event", read_event},
};

/* ---- Reading ---- */

static void add_owner(struct facts *f, yyjson_val *metadata)
{
    yyjson_val *owner = yyjson_arr_get_first(yyjson_obj_get(metadata, "ownerReferences"));
    if (owner != NULL) {
        CLEANUP(buf_fini) struct buf text;
        buf_init(&text, VALUE_BYTES_MAX);
        buf_printf(&text, "%s/%s", yyjson_get_str(yyjson_obj_get(owner, "kind")),
                   yyjson_get_str(yyjson_obj_get(owner, "name")));
        add_text(f, "owner", buf_text(&text));
    }
}

void facts_read(struct facts *f, const char *resource, const char *json)
{
    *f = (struct facts){.count = 0};
    yyjson_doc *doc = json != NULL ? yyjson_read(json, strlen(json), 0) : NULL;
    yyjson_val *o = yyjson_doc_get_root(doc);
    yyjson_val *metadata = yyjson_obj_get(o, "metadata");
    for (size_t i = 0; i < ARRAY_LEN(kinds) && o != NULL; i++) {
        if (strcmp(kinds[i].resource, resource) == 0) {
            kinds[i].read(f, o);
        }
    }
    add_owner(f, metadata);
    add_text(f, "deleting", yyjson_obj_get(metadata, "deletionTimestamp") != NULL ? "yes" : "");
    yyjson_doc_free(doc);
}

void facts_fini(struct facts *f)
{
    for (size_t i = 0; i < f->count; i++) {
        mem_free(f->items[i].value);
    }
    f->count = 0;
}

/* ---- Telling ---- */

static const char *find(const struct facts *f, const char *key)
{
    for (size_t i = 0; i < f->count; i++) {
        if (strcmp(f->items[i].key, key) == 0) {
            return f->items[i].value;
        }
    }
    return NULL;
}

bool facts_append_difference(struct buf *out, const struct facts *before, const struct facts *after)
{
    size_t len = out->len;
    for (size_t i = 0; i < after->count; i++) {
        const char *was = find(before, after->items[i].key);
        if (was == NULL || strcmp(was, after->items[i].value) != 0) {
            buf_printf(out, " %s=%s", after->items[i].key, after->items[i].value);
        }
    }
    for (size_t i = 0; i < before->count; i++) {
        if (find(after, before->items[i].key) == NULL) {
            buf_printf(out, " %s=-", before->items[i].key);
        }
    }
    return out->len > len;
}

/* "cache-5d7f9-x2x4z" is "cache-…": which one it is never matters. */
static void append_pod_name(struct buf *out, const char *name)
{
    const char *end = name + strlen(name);
    for (int dashes = 0; end > name && dashes < 2; end--) {
        dashes += end[-1] == '-' ? 1 : 0;
    }
    if (end > name) {
        buf_printf(out, "%.*s-…", (int)(end - name), name);
    } else {
        buf_append_text(out, name);
    }
}

const char *facts_word(const char *resource)
{
    const char *word = resource;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        word = strcmp(kinds[i].resource, resource) == 0 ? kinds[i].word : word;
    }
    return word;
}

static void append_event_name(struct buf *out, yyjson_val *o)
{
    buf_printf(out, "event %s %s on %s/%s", yyjson_get_str(yyjson_obj_get(o, "type")),
               yyjson_get_str(yyjson_obj_get(o, "reason")),
               yyjson_get_str(json_at(o, "regarding", "kind", NULL)),
               yyjson_get_str(json_at(o, "regarding", "name", NULL)));
}

void facts_append_name(struct buf *out, const char *resource, const char *json)
{
    const char *word = facts_word(resource);
    yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
    yyjson_val *metadata = yyjson_obj_get(yyjson_doc_get_root(doc), "metadata");
    const char *ns = yyjson_get_str(yyjson_obj_get(metadata, "namespace"));
    const char *name = yyjson_get_str(yyjson_obj_get(metadata, "name"));
    if (strcmp(resource, "events") == 0) {
        append_event_name(out, yyjson_doc_get_root(doc));
    } else {
        buf_printf(out, "%s %s%s", word, ns != NULL ? ns : "", ns != NULL ? "/" : "");
        if (strcmp(resource, "pods") == 0) {
            append_pod_name(out, name);
        } else {
            buf_append_text(out, name);
        }
    }
    yyjson_doc_free(doc);
}

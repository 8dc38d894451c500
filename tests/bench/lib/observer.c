#include "lib/observer.h"

#include "base/buf.h"
#include "base/mem.h"
#include "kube/json.h"
#include "lib/pairs.h"
#include "operator/types.h"

#include <stdio.h>
#include <string.h>

enum { UNKNOWN = -1, LINE_BYTES_MAX = 16 << 20 };

struct observer {
    struct bare_client *client;
    char *ns;
    char rv[64]; /* of the last event */
    size_t restarts;
    struct buf line; /* the unfinished one */
    int32_t *replicas;
    size_t count;
    size_t first, end; /* of whom something is expected */
    int32_t expected;
    size_t missing;
    double last_seen;
};

static bool is_missing(const struct observer *o, size_t i)
{
    return i >= o->first && i < o->end && o->replicas[i] != o->expected;
}

static void see(struct observer *o, size_t i, int32_t replicas)
{
    bool was_missing = is_missing(o, i);
    o->replicas[i] = replicas;
    if (was_missing && !is_missing(o, i)) {
        o->missing--;
        o->last_seen = seconds_now();
    } else if (!was_missing && is_missing(o, i)) {
        o->missing++;
    }
}

static void take_line(struct observer *o, const char *line, size_t len)
{
    yyjson_doc *doc = yyjson_read(line, len, 0);
    yyjson_val *event = yyjson_doc_get_root(doc);
    const char *type = yyjson_get_str(yyjson_obj_get(event, "type"));
    yyjson_val *object = yyjson_obj_get(event, "object");
    const char *name = yyjson_get_str(json_at(object, "metadata", "name", NULL));
    const char *rv = yyjson_get_str(json_at(object, "metadata", "resourceVersion", NULL));
    if (type == NULL || strcmp(type, "ERROR") == 0 || name == NULL || rv == NULL) {
        die("watch: %.*s", (int)len, line);
    }
    snprintf(o->rv, sizeof(o->rv), "%s", rv);
    size_t i = pair_index(name);
    if (i < o->count) {
        bool gone = strcmp(type, "DELETED") == 0;
        int64_t replicas = json_get_int(json_at(object, "spec", "replicas", NULL), UNKNOWN);
        see(o, i, gone ? UNKNOWN : (int32_t)replicas);
    }
    yyjson_doc_free(doc);
}

static void watch(struct observer *o);

static void take_bytes(void *ctx, const char *bytes, size_t len)
{
    struct observer *o = ctx;
    const char *newline;
    if (bytes == NULL) {
        buf_reset(&o->line, LINE_BYTES_MAX);
        o->restarts++;
        watch(o);
        return;
    }
    while ((newline = memchr(bytes, '\n', len)) != NULL) {
        size_t part = (size_t)(newline - bytes);
        buf_append(&o->line, bytes, part);
        take_line(o, buf_text(&o->line), o->line.len);
        buf_reset(&o->line, LINE_BYTES_MAX);
        bytes += part + 1;
        len -= part + 1;
    }
    buf_append(&o->line, bytes, len);
}

/* From the last event on; at first from "0", which gives what there is. */
static void watch(struct observer *o)
{
    char path[512];
    snprintf(path, sizeof(path),
             "/apis/apps/v1/namespaces/%s/deployments?watch=true&timeoutSeconds=3600"
             "&labelSelector=app.kubernetes.io%%2Fmanaged-by%%3Dmemcached-operator"
             "&resourceVersion=%s",
             o->ns, o->rv);
    bare_stream(o->client, path, take_bytes, o);
}

struct observer *observer_new(struct bare_client *client, const char *ns, size_t count)
{
    struct observer *o = mem_zalloc(sizeof(*o));
    *o = (struct observer){.client = client, .ns = mem_strdup(ns), .rv = "0", .count = count};
    buf_init(&o->line, LINE_BYTES_MAX);
    o->replicas = mem_alloc(count * sizeof(*o->replicas));
    for (size_t i = 0; i < count; i++) {
        o->replicas[i] = UNKNOWN;
    }
    watch(o);
    return o;
}

void observer_free(struct observer *o)
{
    buf_fini(&o->line);
    mem_free(o->replicas);
    mem_free(o->ns);
    mem_free(o);
}

void observer_expect(struct observer *o, size_t first, size_t end, int32_t replicas)
{
    o->first = first;
    o->end = end;
    o->expected = replicas;
    o->missing = 0;
    o->last_seen = 0;
    for (size_t i = first; i < end; i++) {
        o->missing += is_missing(o, i) ? 1 : 0;
    }
}

size_t observer_missing(const struct observer *o)
{
    return o->missing;
}

double observer_last_seen(const struct observer *o)
{
    return o->last_seen;
}

size_t observer_restarts(const struct observer *o)
{
    return o->restarts;
}

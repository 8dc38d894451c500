#include "sim/conformance_sequence.h"

#include "base/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

const struct resource_text resource_texts[RESOURCE_COUNT] = {
    [RESOURCE_DEPLOYMENTS] = {"deployments", "/apis/apps/v1", "apps/v1", "Deployment"},
    [RESOURCE_MEMCACHEDS] = {"memcacheds", "/apis/cache.example.com/v1alpha1",
                             "cache.example.com/v1alpha1", "Memcached"},
    [RESOURCE_PODS] = {"pods", "/api/v1", "v1", "Pod"},
    [RESOURCE_REPLICASETS] = {"replicasets", "/apis/apps/v1", "apps/v1", "ReplicaSet"},
    [RESOURCE_LEASES] = {"leases", "/apis/coordination.k8s.io/v1", "coordination.k8s.io/v1",
                         "Lease"},
    [RESOURCE_EVENTS] = {"events", "/apis/events.k8s.io/v1", "events.k8s.io/v1", "Event"},
    [RESOURCE_NAMESPACES] = {"namespaces", "/api/v1", "v1", "Namespace"},
};

void sequence_fini(struct sequence *s)
{
    for (size_t i = 0; i < s->count; i++) {
        mem_free(s->operations[i].path);
        mem_free(s->operations[i].body);
    }
    s->count = 0;
}

struct operation *sequence_add(struct sequence *s, enum http_method method, enum resource resource,
                               const char *content_type, const char *body, const char *path, ...)
{
    assert(s->count < OPERATIONS_MAX);
    struct buf text;
    buf_init(&text, OPERATION_BYTES_MAX);
    va_list args;
    va_start(args, path);
    char *room = buf_reserve(&text, OPERATION_BYTES_MAX / 2);
    int len = vsnprintf(room, OPERATION_BYTES_MAX / 2, path, args);
    va_end(args);
    assert(len >= 0 && len < OPERATION_BYTES_MAX / 2);
    struct operation *o = &s->operations[s->count++];
    *o = (struct operation){
        .method = method,
        .resource = resource,
        .content_type = content_type,
        .path = mem_strdup(room),
        .body = body != NULL ? mem_strdup(body) : NULL,
    };
    buf_fini(&text);
    return o;
}

const char *sequence_path(enum resource resource, const char *rest, char out[PATH_BYTES_MAX])
{
    const struct resource_text *t = &resource_texts[resource];
    snprintf(out, PATH_BYTES_MAX, "%s/%s%s%s%s", t->root,
             resource == RESOURCE_NAMESPACES ? "" : "namespaces/$ns/", t->plural,
             rest[0] != '\0' && rest[0] != '?' ? "/" : "", rest);
    return out;
}

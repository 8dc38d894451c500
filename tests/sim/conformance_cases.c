/*
 * Sequences that are written down: what random ones cannot or should not reach, because it takes
 * time, many objects, or all namespaces.
 */
#include "base/mem.h"
#include "sim/conformance_bodies.h"

#include <stdio.h>

struct step {
    enum http_method method;
    enum resource resource;
    const char *rest; /* of the path; a whole one when it begins with '/' */
    const char *content_type, *body;
    unsigned times; /* 0: once; else %u in the body counts from 0 */
    enum { PLAIN, CACHED, WATCH, COMPACT } kind;
    const char *accept;
};

enum { STEPS_MAX = 24 };

#define GET(r, path)                                                                               \
    {                                                                                              \
        .method = HTTP_GET, .resource = r, .rest = path                                            \
    }
#define GET_CACHED(r, path)                                                                        \
    {                                                                                              \
        .method = HTTP_GET, .resource = r, .rest = path, .kind = CACHED                            \
    }
#define GET_METADATA(r, path)                                                                      \
    {                                                                                              \
        .method = HTTP_GET, .resource = r, .rest = path, .accept = MEDIA_METADATA_LIST             \
    }
#define WATCHING(r, path)                                                                          \
    {                                                                                              \
        .method = HTTP_GET, .resource = r, .rest = path, .kind = WATCH                             \
    }
#define DELETE(r, path)                                                                            \
    {                                                                                              \
        .method = HTTP_DELETE, .resource = r, .rest = path                                         \
    }
#define POST(r, path, text)                                                                        \
    {                                                                                              \
        .method = HTTP_POST, .resource = r, .rest = path, .content_type = MEDIA_JSON, .body = text \
    }
#define POST_TIMES(n, r, path, text)                                                               \
    {                                                                                              \
        .method = HTTP_POST, .resource = r, .rest = path, .content_type = MEDIA_JSON,              \
        .body = text, .times = n                                                                   \
    }
#define PATCH(r, path, media, text)                                                                \
    {                                                                                              \
        .method = HTTP_PATCH, .resource = r, .rest = path, .content_type = media, .body = text     \
    }

/* A Memcached named m0, m1, …; and one of a name. */
#define MEMCACHED                                                                                  \
    "{'apiVersion':'cache.example.com/v1alpha1','kind':'Memcached','metadata':{'name':'m%u',"      \
    "'labels':{'run':'$ns'}},'spec':{'size':%u}}"
#define MC          RESOURCE_MEMCACHEDS
#define NS          RESOURCE_NAMESPACES
#define LIST_IN_ALL "/apis/cache.example.com/v1alpha1/memcacheds?labelSelector=run%3D$ns"

static const struct written_case {
    const char *name;
    struct step steps[STEPS_MAX];
} cases[] = {
    {"pages keep to the first one's revision",
     {
         POST_TIMES(7, MC, "", MEMCACHED),
         GET(MC, "?limit=2"),
         DELETE(MC, "m3"),
         PATCH(MC, "m4", MEDIA_MERGE_PATCH, "{'spec':{'size':9}}"),
         POST(MC, "",
              "{'apiVersion':'cache.example.com/"
              "v1alpha1','kind':'Memcached','metadata':{'name':'m2b'},'spec':{'size':1}}"),
         GET(MC, "?limit=2&continue=$continue"),
         GET(MC, "?limit=2&continue=$continue"),
         GET(MC, "?limit=2&continue=$continue"),
         GET(MC, "?limit=3&labelSelector=run"),
         GET(MC, "?limit=3&labelSelector=run&continue=$continue"),
         GET(MC, "?limit=7"),
         GET(MC, "?limit=8"),
         GET(MC, "?limit=2"),
         GET(MC, "?limit=2&resourceVersion=$newest(memcacheds)&continue=$continue"),
         GET(MC, "?limit=2&resourceVersion=0&continue=$continue"),
     }},
    {"history is forgotten",
     {
         POST_TIMES(4, MC, "", MEMCACHED),
         GET(MC, "?limit=2"),
         PATCH(MC, "m3", MEDIA_MERGE_PATCH, "{'spec':{'size':9}}"),
         {.kind = COMPACT},
         GET(MC, "?limit=2&continue=$continue"),
         GET(MC, "?resourceVersion=$first(memcacheds)&resourceVersionMatch=Exact"),
         GET(MC, "?resourceVersion=$first(memcacheds)&limit=1"),
         GET_CACHED(MC, "?resourceVersion=$first(memcacheds)"),
         GET(MC, "?resourceVersion=$newest(memcacheds)&resourceVersionMatch=Exact"),
         WATCHING(MC, "?watch=1&resourceVersion=1&timeoutSeconds=1"),
         WATCHING(MC, "?watch=1&resourceVersion=$newest(memcacheds)&timeoutSeconds=1"),
     }},
    {"a watch ends when its time is over",
     {
         POST_TIMES(3, MC, "", MEMCACHED),
         WATCHING(MC, "?watch=1&timeoutSeconds=1"),
         WATCHING(MC, "?watch=1&timeoutSeconds=1&resourceVersion=0&labelSelector=run"),
         WATCHING(MC, "?watch=1&timeoutSeconds=1&resourceVersion=$first(memcacheds)"),
         GET(MC, "?watch=0&limit=1"),
         GET(MC, "?watch=false&limit=1"),
     }},
    {"a watch is refused",
     {
         WATCHING(MC, "?watch=1&resourceVersion=x&timeoutSeconds=1"),
         WATCHING(MC, "?watch=1&labelSelector=%2F&timeoutSeconds=1"),
         WATCHING(MC, "?watch=1&fieldSelector=spec.size%3D1&timeoutSeconds=1"),
         WATCHING(MC, "?watch=maybe&timeoutSeconds=1"),
         WATCHING(RESOURCE_DEPLOYMENTS, "?watch=1&fieldSelector=spec.x%3D1&timeoutSeconds=1"),
         WATCHING(RESOURCE_DEPLOYMENTS, "?watch=1&timeoutSeconds=x"),
         WATCHING(MC, "/apis/cache.example.com/v1alpha1/widgets?watch=1&timeoutSeconds=1"),
     }},
    {"WatchList, which 1.20 does not know",
     {
         POST_TIMES(2, MC, "", MEMCACHED),
         WATCHING(MC, "?watch=1&sendInitialEvents=true&timeoutSeconds=1"),
         WATCHING(MC, "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&"
                      "allowWatchBookmarks=true&timeoutSeconds=1"),
         WATCHING(MC,
                  "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&"
                  "resourceVersion=$newest(memcacheds)&allowWatchBookmarks=true&timeoutSeconds=1"),
         WATCHING(
             RESOURCE_DEPLOYMENTS,
             "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1"),
         GET(MC, "?sendInitialEvents=true"),
     }},
    {"a list from the future",
     {
         POST_TIMES(1, MC, "", MEMCACHED),
         GET(MC, "?resourceVersion=9000000000"),
         GET(MC, "m0?resourceVersion=9000000000"),
         GET(MC, "?resourceVersion=9000000000&limit=1"),
         GET(MC, "?resourceVersion=9000000000&resourceVersionMatch=Exact"),
     }},
    {"all namespaces",
     {
         POST_TIMES(3, MC, "", MEMCACHED),
         GET(MC, LIST_IN_ALL),
         GET_METADATA(MC, LIST_IN_ALL),
         PATCH(MC, "m1", MEDIA_MERGE_PATCH, "{'metadata':{'labels':{'run':null}}}"),
         WATCHING(MC, LIST_IN_ALL "&watch=1&resourceVersion=$first(memcacheds)&timeoutSeconds=1"),
         WATCHING(MC, LIST_IN_ALL "&watch=1&resourceVersion=0&timeoutSeconds=1"),
     }},
    {"a namespace that ends",
     {
         GET(NS, "$ns"),
         POST_TIMES(2, MC, "", MEMCACHED),
         POST(RESOURCE_LEASES, "",
              "{'apiVersion':'coordination.k8s.io/v1','kind':'Lease','metadata':{'name':'a'}}"),
         DELETE(NS, "$ns"),
         DELETE(NS, "$ns"),
         GET(NS, "$ns"),
         POST_TIMES(3, MC, "", MEMCACHED),
         PATCH(MC, "m0", MEDIA_MERGE_PATCH, "{'spec':{'size':9}}"),
         PATCH(MC, "m0?fieldManager=x&force=true", MEDIA_APPLY_PATCH,
               "{'apiVersion':'cache.example.com/"
               "v1alpha1','kind':'Memcached','metadata':{'name':'m0'},'spec':{'size':3}}"),
         PATCH(MC, "new?fieldManager=x&force=true", MEDIA_APPLY_PATCH,
               "{'apiVersion':'cache.example.com/"
               "v1alpha1','kind':'Memcached','metadata':{'name':'new'},'spec':{'size':3}}"),
         POST(RESOURCE_LEASES, "",
              "{'apiVersion':'coordination.k8s.io/v1','kind':'Lease','metadata':{'name':'b'}}"),
         DELETE(MC, "m1"),
         GET(MC, ""),
     }},
    {"a namespace that is not there",
     {
         POST(MC, "/apis/cache.example.com/v1alpha1/namespaces/nowhere/memcacheds", MEMCACHED),
         POST(RESOURCE_LEASES, "/apis/coordination.k8s.io/v1/namespaces/nowhere/leases",
              "{'apiVersion':'coordination.k8s.io/v1','kind':'Lease','metadata':{'name':'a'}}"),
         GET(MC, "/apis/cache.example.com/v1alpha1/namespaces/nowhere/memcacheds"),
         GET(NS, "nowhere"),
         DELETE(NS, "nowhere"),
         POST(NS, "", "{'metadata':{'name':'$ns'}}"),
         POST(NS, "", "{'metadata':{'name':'No'}}"),
         POST(NS, "", "{'metadata':{'name':'a.b'}}"),
     }},
};

static void add_step(struct sequence *s, const struct step *step)
{
    char path[PATH_BYTES_MAX], body[2048];
    unsigned times = step->times > 0 ? step->times : 1;
    for (unsigned i = 0; i < times; i++) {
        const char *whole =
            step->rest != NULL && step->rest[0] == '/'
                ? step->rest
                : sequence_path(step->resource, step->rest != NULL ? step->rest : "", path);
        if (step->body != NULL) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(body, sizeof(body), step->body, i, i);
#pragma GCC diagnostic pop
        }
        struct operation *o = sequence_add(s, step->method, step->resource, step->content_type,
                                           step->body != NULL ? body : NULL, "%s", whole);
        o->accept = step->accept;
        o->is_watch = step->kind == WATCH;
        o->initial = o->is_watch;
        o->cached = step->kind == CACHED || step->kind == WATCH;
        o->compact = step->kind == COMPACT;
    }
}

const char *sequence_case(struct sequence *s, size_t n)
{
    *s = (struct sequence){0};
    if (n >= ARRAY_LEN(cases)) {
        return NULL;
    }
    const struct step *steps = cases[n].steps;
    for (size_t i = 0; i < STEPS_MAX && (steps[i].rest != NULL || steps[i].kind == COMPACT); i++) {
        add_step(s, &steps[i]);
    }
    return cases[n].name;
}

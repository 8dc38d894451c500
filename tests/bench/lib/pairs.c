#include "lib/pairs.h"

#include "base/buf.h"
#include "operator/types.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum { LANES = 16, PATH_BYTES = 512, BODY_BYTES = 4096 };

#define DEPLOYMENTS "/apis/apps/v1/namespaces/%s/deployments"
#define MEMCACHEDS  "/apis/" MEMCACHED_API_VERSION "/namespaces/%s/memcacheds"

/* One request for each of a row of objects. */
struct batch {
    const char *ns;
    size_t next, end;
    int32_t size;
    void (*build)(const struct batch *b, size_t i, struct bare_request *r, char *path, char *body);
    struct {
        struct bare_request request;
        char path[PATH_BYTES], body[BODY_BYTES];
    } lanes[LANES];
};

size_t pair_index(const char *memcached)
{
    if (memcached[0] != 'm' || !isdigit((unsigned char)memcached[1])) {
        return SIZE_MAX;
    }
    return strtoul(memcached + 1, NULL, 10);
}

static void format_deployment(char *body, const char *name, const char *labels, int32_t replicas)
{
    /* As kbench.py's: of the size that Deployments have. */
    snprintf(body, BODY_BYTES,
             "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"%s\","
             "\"labels\":{%s}},\"spec\":{\"replicas\":%d,\"selector\":{\"matchLabels\":{\"app\":"
             "\"%s\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"%s\"}},\"spec\":{"
             "\"containers\":[{\"name\":\"c\",\"image\":\"memcached:1.6\",\"env\":["
             "{\"name\":\"V0\",\"value\":\"%040d\"},{\"name\":\"V1\",\"value\":\"%040d\"},"
             "{\"name\":\"V2\",\"value\":\"%040d\"},{\"name\":\"V3\",\"value\":\"%040d\"},"
             "{\"name\":\"V4\",\"value\":\"%040d\"},{\"name\":\"V5\",\"value\":\"%040d\"},"
             "{\"name\":\"V6\",\"value\":\"%040d\"},{\"name\":\"V7\",\"value\":\"%040d\"},"
             "{\"name\":\"V8\",\"value\":\"%040d\"},{\"name\":\"V9\",\"value\":\"%040d\"},"
             "{\"name\":\"V10\",\"value\":\"%040d\"},{\"name\":\"V11\",\"value\":\"%040d\"}],"
             "\"resources\":{\"requests\":{\"cpu\":\"10m\",\"memory\":\"16Mi\"}}}]}}}}",
             name, labels, replicas, name, name, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
}

static void build_memcached(const struct batch *b, size_t i, struct bare_request *r, char *path,
                            char *body)
{
    r->method = HTTP_POST;
    r->content_type = MEDIA_JSON;
    snprintf(path, PATH_BYTES, MEMCACHEDS, b->ns);
    snprintf(body, BODY_BYTES,
             "{\"apiVersion\":\"" MEMCACHED_API_VERSION "\",\"kind\":\"Memcached\",\"metadata\":{"
             "\"name\":\"m%zu\"},\"spec\":{\"size\":%d}}",
             i, b->size);
}

static void build_source(const struct batch *b, size_t i, struct bare_request *r, char *path,
                         char *body)
{
    char name[32], labels[128];
    r->method = HTTP_POST;
    r->content_type = MEDIA_JSON;
    snprintf(name, sizeof(name), "s%zu", i);
    snprintf(labels, sizeof(labels), "\"" CLAIM_LABEL "\":\"m%zu\"", i);
    snprintf(path, PATH_BYTES, DEPLOYMENTS, b->ns);
    format_deployment(body, name, labels, b->size);
}

static void build_unrelated(const struct batch *b, size_t i, struct bare_request *r, char *path,
                            char *body)
{
    char name[32];
    r->method = HTTP_POST;
    r->content_type = MEDIA_JSON;
    snprintf(name, sizeof(name), "unrelated%zu", i);
    snprintf(path, PATH_BYTES, DEPLOYMENTS, b->ns);
    format_deployment(body, name, "\"x\":\"y\"", b->size);
}

static void build_scale(const struct batch *b, size_t i, struct bare_request *r, char *path,
                        char *body)
{
    r->method = HTTP_PATCH;
    r->content_type = MEDIA_MERGE_PATCH;
    snprintf(path, PATH_BYTES, DEPLOYMENTS "/s%zu", b->ns, i);
    snprintf(body, BODY_BYTES, "{\"spec\":{\"replicas\":%d}}", b->size);
}

static const struct bare_request *next_of_batch(void *ctx, size_t lane)
{
    struct batch *b = ctx;
    if (b->next == b->end) {
        return NULL;
    }
    struct bare_request *r = &b->lanes[lane].request;
    r->path = b->lanes[lane].path;
    r->body = b->lanes[lane].body;
    b->build(b, b->next++, r, b->lanes[lane].path, b->lanes[lane].body);
    return r;
}

void pairs_create_namespace(struct bare_client *c, const char *ns)
{
    char body[256];
    snprintf(body, sizeof(body), "{\"metadata\":{\"name\":\"%s\"}}", ns);
    bare_call(c, &(struct bare_request){HTTP_POST, "/api/v1/namespaces", MEDIA_JSON, body});
}

void pairs_create(struct bare_client *c, const char *ns, size_t first, size_t end, int32_t size)
{
    struct batch memcacheds = {
        .ns = ns, .next = first, .end = end, .size = size, .build = build_memcached};
    struct batch sources = {
        .ns = ns, .next = first, .end = end, .size = size, .build = build_source};
    bare_run(c, LANES, next_of_batch, &memcacheds);
    bare_run(c, LANES, next_of_batch, &sources);
}

void pairs_scale(struct bare_client *c, const char *ns, size_t first, size_t end, int32_t replicas)
{
    struct batch b = {.ns = ns, .next = first, .end = end, .size = replicas, .build = build_scale};
    bare_run(c, LANES, next_of_batch, &b);
}

void pairs_create_unrelated(struct bare_client *c, const char *ns, size_t count)
{
    struct batch b = {.ns = ns, .end = count, .build = build_unrelated};
    bare_run(c, LANES, next_of_batch, &b);
}

#include "faults/lib/api.h"

#include "base/buf.h"
#include "base/mem.h"
#include "lib/net_server.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

enum { TEXT_BYTES_MAX = 1 << 16, TEXTS_MAX = 1024 };

#define MEMCACHEDS  "/apis/cache.example.com/v1alpha1/memcacheds?"
#define MEMCACHED   "/apis/cache.example.com/v1alpha1/namespaces/default/memcacheds/web"
#define DEPLOYMENTS "/apis/apps/v1/deployments?"
#define DEPLOYMENT  "/apis/apps/v1/namespaces/default/deployments"
#define LEASES      "/apis/coordination.k8s.io/v1/namespaces/default/leases"
#define EVENTS      "/apis/events.k8s.io/v1/namespaces/default/events"

struct api {
    struct net_server *server;
    const char *token;
    /* used by the server's threads, one at a time */
    char *texts[TEXTS_MAX]; /* of answers */
    size_t text_count;
    long long version; /* of the newest object */
    long long size;    /* of the Memcached */
    char *status;      /* its status, as JSON */
    char *lease;       /* NULL: there is none */
    char *deployment;  /* NULL: there is none */
    /* read by others as well */
    atomic_uint created, strange, silent, waiting;
    atomic_bool sized, reported;
};

/* Single quotes become double ones. Lives as long as the server. */
__attribute__((format(printf, 2, 3))) static const char *keep(struct api *a, const char *format,
                                                              ...)
{
    char text[TEXT_BYTES_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    for (char *c = text; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    if (a->text_count == TEXTS_MAX) {
        return ""; /* a client that asks as much has lost its mind; the test sees that elsewhere */
    }
    return a->texts[a->text_count++] = mem_strdup(text);
}

static struct net_reply whole(int status, const char *body)
{
    return (struct net_reply){.status = status, .body = body, .then = NET_END};
}

static struct net_reply refuse(struct api *a, int code, const char *reason)
{
    return whole(code, keep(a,
                            "{'kind':'Status','apiVersion':'v1','status':'Failure','code':%d,"
                            "'reason':'%s','message':'%s'}",
                            code, reason, reason));
}

static bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* ---- reading ---- */

static const char *memcached(struct api *a)
{
    return keep(a,
                "{'apiVersion':'cache.example.com/v1alpha1','kind':'Memcached','metadata':{'name':"
                "'web','namespace':'default','uid':'m-web','resourceVersion':'%lld','generation':"
                "%lld,'creationTimestamp':'2026-01-01T00:00:00Z'},'spec':{'size':%lld},'status':"
                "%s}",
                a->version, a->size, a->size, a->status);
}

static const char *source(struct api *a)
{
    return keep(a, "{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'source',"
                   "'namespace':'default','uid':'d-source','resourceVersion':'5','generation':1,"
                   "'creationTimestamp':'2026-01-01T00:00:00Z','labels':{'memcached-operator/"
                   "associated-memcached-deployment-name':'web'}},'spec':{'replicas':2}}");
}

/* A watch that brings all objects first, and then nothing ever. */
static struct net_reply watch(struct api *a, const char *query)
{
    const char *object = begins(query, MEMCACHEDS) ? memcached(a)
                         : begins(query, DEPLOYMENTS) && strstr(query, "associated") != NULL
                             ? source(a)
                             : NULL;
    const char *events = keep(a, "%s%s%s", object != NULL ? "{'type':'ADDED','object':" : "",
                              object != NULL ? object : "", object != NULL ? "}\n" : "");
    return (struct net_reply){
        .status = 200,
        .body = strstr(query, "sendInitialEvents=true") == NULL
                    ? ""
                    : keep(a,
                           "%s{'type':'BOOKMARK','object':{'metadata':{'resourceVersion':'%lld',"
                           "'annotations':{'k8s.io/initial-events-end':'true'}}}}\n",
                           events, a->version),
        .then = NET_HANG,
    };
}

static struct net_reply get(struct api *a, const char *path)
{
    if (strstr(path, "watch=true") != NULL || strstr(path, "watch=1") != NULL) {
        return watch(a, path);
    }
    if (begins(path, DEPLOYMENT) || begins(path, LEASES)) {
        const char *object = begins(path, LEASES) ? a->lease : a->deployment;
        return object != NULL ? whole(200, keep(a, "%s", object)) : refuse(a, 404, "NotFound");
    }
    if (begins(path, MEMCACHED)) {
        return whole(200, memcached(a));
    }
    if (begins(path, MEMCACHEDS)) {
        return whole(200, keep(a, "{'metadata':{'resourceVersion':'%lld'},'items':[%s]}",
                               a->version, memcached(a)));
    }
    bool sources = begins(path, DEPLOYMENTS) && strstr(path, "associated") != NULL;
    return whole(200, keep(a, "{'metadata':{'resourceVersion':'%lld'},'items':[%s]}", a->version,
                           sources ? source(a) : ""));
}

/* ---- writing ---- */

/* The object as it was sent, with what a server adds to it. */
static const char *stored(struct api *a, yyjson_doc *sent, const char *uid)
{
    yyjson_mut_doc *doc = yyjson_doc_mut_copy(sent, NULL);
    yyjson_mut_val *meta = yyjson_mut_obj_get(yyjson_mut_doc_get_root(doc), "metadata");
    char version[32];
    snprintf(version, sizeof(version), "%lld", ++a->version);
    yyjson_mut_obj_remove_key(meta, "resourceVersion");
    yyjson_mut_obj_remove_key(meta, "uid");
    yyjson_mut_obj_add_str(doc, meta, "resourceVersion", version);
    yyjson_mut_obj_add_str(doc, meta, "uid", uid);
    yyjson_mut_obj_add_int(doc, meta, "generation", 1);
    yyjson_mut_obj_add_str(doc, meta, "creationTimestamp", "2026-01-01T00:00:00Z");
    char *text = yyjson_mut_write(doc, 0, NULL);
    const char *kept = keep(a, "%s", text);
    free(text);
    yyjson_mut_doc_free(doc);
    return kept;
}

static struct net_reply write_memcached(struct api *a, const char *path, yyjson_val *body)
{
    if (begins(path, MEMCACHED "/status")) {
        char *status = yyjson_val_write(yyjson_obj_get(body, "status"), 0, NULL);
        mem_free(a->status);
        a->status = mem_strdup(status != NULL ? status : "{}");
        free(status);
        a->reported = a->sized && a->created > 0;
    } else {
        a->size = yyjson_get_sint(yyjson_ptr_get(body, "/spec/size"));
        a->sized = a->size == 2;
        a->reported = false;
    }
    a->version++;
    return whole(200, memcached(a));
}

static struct net_reply store(struct api *a, const char *method, const char *path, yyjson_doc *body)
{
    bool creates = begins(method, "POST ");
    if (begins(path, MEMCACHED) && begins(method, "PATCH ")) {
        return write_memcached(a, path, yyjson_doc_get_root(body));
    }
    bool is_lease = begins(path, LEASES);
    if (is_lease || begins(path, DEPLOYMENT)) {
        char **object = is_lease ? &a->lease : &a->deployment;
        if (creates && *object != NULL) {
            return refuse(a, 409, "AlreadyExists");
        }
        a->created += creates && !is_lease;
        mem_free(*object);
        *object = mem_strdup(stored(a, body, is_lease ? "l-1" : "d-web"));
        return whole(creates ? 201 : 200, keep(a, "%s", *object));
    }
    if (begins(path, EVENTS)) {
        return whole(creates ? 201 : 200, stored(a, body, "e-1"));
    }
    a->strange++;
    return refuse(a, 404, "NotFound");
}

static struct net_reply write_object(struct api *a, const char *request, const char *path)
{
    const char *body = strstr(request, "\r\n\r\n") + 4;
    yyjson_doc *doc = yyjson_read(body, strlen(body), 0);
    if (doc == NULL) {
        a->strange++;
        return refuse(a, 400, "BadRequest");
    }
    unsigned about = begins(path, LEASES) ? API_LEASES : API_OTHERS;
    struct net_reply reply = {.then = NET_HANG};
    if ((a->silent & about) != 0) {
        a->waiting++;
    } else {
        reply = store(a, request, path, doc);
    }
    yyjson_doc_free(doc);
    return reply;
}

static struct net_reply answer(void *ctx, const char *request)
{
    struct api *a = ctx;
    char expected[256];
    snprintf(expected, sizeof(expected), "\r\nAuthorization: Bearer %s\r\n", a->token);
    if (strstr(request, expected) == NULL) {
        return refuse(a, 401, "Unauthorized");
    }
    const char *path = strchr(request, ' ') + 1;
    return begins(request, "GET ") ? get(a, path) : write_object(a, request, path);
}

/* ---- life ---- */

struct api *api_new(const struct net_cert *cert, const char *token)
{
    struct api *a = mem_zalloc(sizeof(*a));
    a->token = token;
    a->version = 100;
    a->size = 1;
    a->status = mem_strdup("{}");
    a->server =
        net_server_new(&(struct net_server_options){.cert = cert, .answer = answer, .ctx = a});
    return a;
}

void api_free(struct api *a)
{
    net_server_free(a->server);
    for (size_t i = 0; i < a->text_count; i++) {
        mem_free(a->texts[i]);
    }
    mem_free(a->status);
    mem_free(a->lease);
    mem_free(a->deployment);
    mem_free(a);
}

unsigned api_port(const struct api *a)
{
    return net_server_port(a->server);
}

bool api_in_step(const struct api *a)
{
    return a->sized && a->created > 0 && a->reported;
}

unsigned api_strange(const struct api *a)
{
    return a->strange;
}

unsigned api_created(const struct api *a)
{
    return a->created;
}

void api_fall_silent(struct api *a, unsigned about)
{
    a->silent = about;
}

unsigned api_waiting(const struct api *a)
{
    return a->waiting;
}

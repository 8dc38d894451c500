#include "sim/cluster_mirror.h"

#include "base/mem.h"
#include "kube/json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES_MAX = 4096, BODY_TEXT_BYTES_MAX = 1024 };

static const struct {
    const char *resource, *type, *prefix;
} kinds[THING_KINDS] = {
    [THING_DEPLOYMENT] = {"deployments", "Deployment", "/apis/apps/v1"},
    [THING_MEMCACHED] = {"memcacheds", "Memcached", "/apis/cache.example.com/v1alpha1"},
    [THING_NAMESPACE] = {"namespaces", "Namespace", "/api/v1"},
    [THING_POD] = {"pods", "Pod", "/api/v1"},
    [THING_REPLICASET] = {"replicasets", "ReplicaSet", "/apis/apps/v1"},
    [THING_STATEFULSET] = {"statefulsets", "StatefulSet", "/apis/apps/v1"},
    [THING_FLEET] = {"fleets", "Fleet", "/apis/stable.example.com/v1"},
};

const char *thing_resource(enum thing_kind kind)
{
    return kinds[kind].resource;
}

const char *thing_type(enum thing_kind kind)
{
    return kinds[kind].type;
}

void thing_path(struct buf *out, enum thing_kind kind, const char *ns)
{
    buf_append_text(out, kinds[kind].prefix);
    if (ns[0] != '\0') {
        buf_append_text(out, "/namespaces/");
        buf_append_text(out, ns);
    }
    buf_append_char(out, '/');
    buf_append_text(out, kinds[kind].resource);
}

/* ---- Decoding ---- */

static const char *text(yyjson_val *value)
{
    return yyjson_is_str(value) ? yyjson_get_str(value) : "";
}

void mirror_suffix(uint64_t n, size_t len, char *out)
{
    static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
    for (size_t i = 0; i < len; i++) {
        out[i] = alphabet[n % (sizeof alphabet - 1)];
        n /= sizeof alphabet - 1;
    }
    out[len] = '\0';
}

void template_hash(yyjson_val *template, char out[TEMPLATE_HASH_BYTES])
{
    size_t len = 0;
    char *bytes = yyjson_val_write(template, 0, &len);
    uint64_t hash = 0xcbf29ce484222325U;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001b3U; /* FNV-1a */
    }
    free(bytes); /* yyjson's own */
    mirror_suffix(hash, TEMPLATE_HASH_BYTES - 1, out);
}

static void decode_finalizers(struct thing *t, yyjson_val *list)
{
    size_t index, max;
    yyjson_val *finalizer;
    yyjson_arr_foreach(list, index, max, finalizer)
    {
        t->held = true;
        t->foreground |= yyjson_equals_str(finalizer, "foregroundDeletion");
        t->orphan |= yyjson_equals_str(finalizer, "orphan");
    }
}

static void decode_deployment(struct thing *t)
{
    yyjson_val *template = json_at(t->json, "spec", "template", NULL);
    t->replicas = json_get_int(json_at(t->json, "spec", "replicas", NULL), 1);
    t->generation = json_get_int(json_at(t->json, "metadata", "generation", NULL), 0);
    t->paused = yyjson_get_bool(json_at(t->json, "spec", "paused", NULL));
    t->has_pods = json_at(template, "metadata", "labels", "memcached_cr", NULL) != NULL;
    if (t->has_pods) {
        template_hash(template, t->template_hash);
    }
}

static void decode_pod(struct thing *t)
{
    const char *hash = text(yyjson_obj_get(t->labels, "pod-template-hash"));
    memcpy(t->template_hash, hash, strnlen(hash, TEMPLATE_HASH_BYTES - 1));
    size_t index, max;
    yyjson_val *item;
    yyjson_arr_foreach(json_at(t->json, "status", "conditions", NULL), index, max, item)
    {
        t->ready |= yyjson_equals_str(yyjson_obj_get(item, "type"), "Ready") &&
                    yyjson_equals_str(yyjson_obj_get(item, "status"), "True");
    }
    yyjson_arr_foreach(t->owners, index, max, item)
    {
        if (yyjson_get_bool(yyjson_obj_get(item, "controller"))) {
            t->controller = text(yyjson_obj_get(item, "uid"));
        }
    }
}

static struct thing *decode(enum thing_kind kind, const char *json)
{
    struct thing *t = mem_zalloc(sizeof *t);
    t->kind = kind;
    t->doc = yyjson_read(json, strlen(json), 0);
    t->json = yyjson_doc_get_root(t->doc);
    yyjson_val *metadata = yyjson_obj_get(t->json, "metadata");
    t->ns = text(yyjson_obj_get(metadata, "namespace"));
    t->name = text(yyjson_obj_get(metadata, "name"));
    t->uid = text(yyjson_obj_get(metadata, "uid"));
    t->labels = yyjson_obj_get(metadata, "labels");
    t->owners = yyjson_obj_get(metadata, "ownerReferences");
    t->deleting = yyjson_obj_get(metadata, "deletionTimestamp") != NULL;
    decode_finalizers(t, yyjson_obj_get(metadata, "finalizers"));
    if (kind == THING_DEPLOYMENT) {
        decode_deployment(t);
    } else if (kind == THING_POD) {
        decode_pod(t);
    }
    return t;
}

static void thing_free(struct thing *t)
{
    if (t != NULL) {
        yyjson_doc_free(t->doc);
        mem_free(t);
    }
}

/* ---- The sorted list ---- */

static int compare(const struct thing *t, enum thing_kind kind, const char *ns, const char *name)
{
    if (t->kind != kind) {
        return t->kind < kind ? -1 : 1;
    }
    int order = strcmp(t->ns, ns);
    return order != 0 ? order : strcmp(t->name, name);
}

/* Where it is, or belongs. */
static size_t position(const struct mirror *m, enum thing_kind kind, const char *ns,
                       const char *name, bool *found)
{
    size_t low = 0, high = m->count;
    *found = false;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = compare(m->things[middle], kind, ns, name);
        *found |= order == 0;
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Takes @t. */
static void put(struct mirror *m, struct thing *t)
{
    bool found;
    size_t at = position(m, t->kind, t->ns, t->name, &found);
    if (found) {
        thing_free(m->things[at]);
        m->things[at] = t;
        return;
    }
    if (m->count == m->cap) {
        m->cap = m->cap == 0 ? 32 : m->cap * 2;
        m->things = mem_realloc(m->things, m->cap * sizeof(struct thing *));
    }
    memmove(&m->things[at + 1], &m->things[at], (m->count - at) * sizeof(struct thing *));
    m->things[at] = t;
    m->count++;
}

static void drop(struct mirror *m, const struct thing *like)
{
    bool found;
    size_t at = position(m, like->kind, like->ns, like->name, &found);
    if (found) {
        thing_free(m->things[at]);
        m->count--;
        memmove(&m->things[at], &m->things[at + 1], (m->count - at) * sizeof(struct thing *));
    }
}

struct thing *mirror_find(const struct mirror *m, enum thing_kind kind, const char *ns,
                          const char *name)
{
    bool found;
    size_t at = position(m, kind, ns, name, &found);
    return found ? m->things[at] : NULL;
}

bool mirror_is_terminating(const struct mirror *m, const char *ns)
{
    const struct thing *t = mirror_find(m, THING_NAMESPACE, "", ns);
    return t == NULL || t->deleting;
}

/* ---- Keeping in step ---- */

void mirror_init(struct mirror *m, struct api *api)
{
    *m = (struct mirror){.api = api, .has_gap = true};
}

static void clear(struct mirror *m)
{
    for (size_t i = 0; i < m->count; i++) {
        thing_free(m->things[i]);
    }
    m->count = 0;
}

void mirror_fini(struct mirror *m)
{
    clear(m);
    mem_free(m->things);
}

struct reading {
    struct mirror *mirror;
    enum thing_kind kind;
};

static void read_one(void *ctx, const char *json)
{
    struct reading *r = ctx;
    put(r->mirror, decode(r->kind, json));
}

static void read_all(struct mirror *m)
{
    clear(m);
    struct reading r = {.mirror = m};
    for (r.kind = 0; r.kind < THING_KINDS; r.kind++) {
        api_each(m->api, kinds[r.kind].resource, NULL, read_one, &r);
    }
    m->revision = api_revision(m->api);
    m->has_gap = false;
}

static void on_change(void *ctx, const struct api_change *change)
{
    struct mirror *m = ctx;
    m->has_gap |= change->revision != m->revision + 1;
    m->revision = change->revision;
    enum thing_kind kind = 0;
    while (kind < THING_KINDS && strcmp(kinds[kind].resource, change->resource) != 0) {
        kind++;
    }
    if (kind == THING_KINDS) {
        return;
    }
    struct thing *t = decode(kind, change->after != NULL ? change->after : change->before);
    if (change->after != NULL) {
        put(m, t);
    } else {
        drop(m, t);
        thing_free(t);
    }
}

bool mirror_update(struct mirror *m)
{
    uint64_t revision = api_revision(m->api);
    if (!m->has_gap && revision == m->revision) {
        return false;
    }
    if (!m->has_gap && revision > m->revision) {
        api_each_change(m->api, m->revision, on_change, m);
    }
    if (m->has_gap || m->revision != revision) { /* compacted, or restored from a backup */
        read_all(m);
    }
    return true;
}

/* ---- Writing ---- */

int mirror_send(struct mirror *m, const char *agent, enum http_method method, const char *path,
                const char *content_type, const char *body)
{
    struct api_request request = {
        .method = method,
        .path = path,
        .content_type = body != NULL ? content_type : NULL,
        .body = body,
        .body_len = body != NULL ? strlen(body) : 0,
        .agent = agent,
    };
    struct api_answer answer;
    api_answer_init(&answer);
    api_handle(m->api, 0, &request, &answer);
    int status = answer.http_status;
    api_answer_fini(&answer);
    return status;
}

void mirror_write(struct mirror *m, const char *agent, struct thing *t, enum http_method method,
                  const char *subresource, const char *body)
{
    CLEANUP(buf_fini) struct buf path;
    buf_init(&path, PATH_BYTES_MAX);
    thing_path(&path, t->kind, t->ns);
    buf_append_char(&path, '/');
    buf_append_text(&path, t->name);
    buf_append_text(&path, subresource);
    const char *content_type = method == HTTP_PATCH ? MEDIA_MERGE_PATCH : MEDIA_JSON;
    t->refused = mirror_send(m, agent, method, buf_text(&path), content_type, body) >= 300;
}

void mirror_delete(struct mirror *m, const char *agent, struct thing *t, const char *policy,
                   bool now)
{
    CLEANUP(buf_fini) struct buf body;
    buf_init(&body, BODY_TEXT_BYTES_MAX);
    buf_printf(&body,
               "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"preconditions\":{\"uid\":\"%s"
               "\"},\"propagationPolicy\":\"%s\"%s}",
               t->uid, policy, now ? ",\"gracePeriodSeconds\":0" : "");
    mirror_write(m, agent, t, HTTP_DELETE, "", buf_text(&body));
}

/*
 * Random sequences. Three names in one namespace, so that operations meet; resources as this
 * operator uses them.
 */
#include "base/mem.h"
#include "sim/conformance_bodies.h"

#include <stdio.h>
#include <string.h>

#define MEDIA_JSON_PATCH "application/json-patch+json"
#define MEDIA_UNKNOWN    "text/x-unknown"
#define LABELS_OF_A      "'a':'1'"

enum {
    WATCHES_MAX = 3,
    EARLY_CREATE_PERCENT = 60, /* of a sequence's first third: others then find something */
};

/* What a watch or list may be filtered by, and labels that pass. */
static const struct selector {
    const char *query, *labels, *name;
} selectors[] = {
    {"", "", NULL},
    {"labelSelector=a%3D1", LABELS_OF_A, NULL},
    {"labelSelector=a", LABELS_OF_A, NULL},
    {"labelSelector=%21a", "", NULL},
    {"labelSelector=a%21%3D1", "'a':'2'", NULL},
    {"labelSelector=a+in+%281%2C2%29%2Cb", "'a':'2','b':'x'", NULL},
    {"labelSelector=a+notin+%281%29", "", NULL},
    {"fieldSelector=metadata.name%3Da", "", "a"},
    {"fieldSelector=metadata.name%3Db&labelSelector=a%3D%3D1", LABELS_OF_A, "b"},
    {"fieldSelector=metadata.name%21%3Da", "", NULL},
};

struct generator {
    struct sequence *s;
    struct random random;
    const struct selector *watched[WATCHES_MAX];
    enum resource watched_resource[WATCHES_MAX];
    unsigned watches, serial;
    bool used[RESOURCE_COUNT];
    struct buf body;
};

static enum resource some_resource(struct random *r)
{
    static const enum resource often[] = {
        RESOURCE_DEPLOYMENTS, RESOURCE_DEPLOYMENTS, RESOURCE_DEPLOYMENTS, RESOURCE_MEMCACHEDS,
        RESOURCE_MEMCACHEDS,  RESOURCE_MEMCACHEDS,  RESOURCE_PODS,        RESOURCE_LEASES,
        RESOURCE_EVENTS,      RESOURCE_REPLICASETS,
    };
    return often[random_below(r, ARRAY_LEN(often))];
}

static const char *some_name(struct random *r)
{
    return PICK(r, "a", "a", "a", "b", "b", "c");
}

static struct operation *add(struct generator *g, enum http_method method, enum resource resource,
                             const char *content_type, const char *rest)
{
    char path[PATH_BYTES_MAX];
    g->used[resource] = true;
    struct operation *o = sequence_add(g->s, method, resource, content_type,
                                       content_type != NULL ? buf_text(&g->body) : NULL, "%s",
                                       sequence_path(resource, rest, path));
    buf_reset(&g->body, OPERATION_BYTES_MAX);
    return o;
}

/* A media type that does not fit, once in a while. */
static const char *media(struct generator *g, const char *good)
{
    return chance(&g->random, 1) ? PICK(&g->random, MEDIA_UNKNOWN, MEDIA_JSON, MEDIA_MERGE_PATCH)
                                 : good;
}

static const char *manager_query(struct random *r)
{
    return PICK(r, "?fieldManager=m1", "?fieldManager=m2", "?fieldManager=m3",
                "?fieldManager=m1&force=true", "?fieldManager=m2&force=true",
                "?fieldManager=m2&force=false");
}

/* ---- writes ---- */

static void create(struct generator *g, enum resource resource)
{
    struct random *r = &g->random;
    body_object(r, resource, chance(r, 95) ? some_name(r) : NULL, g->serial++, false, &g->body);
    add(g, HTTP_POST, resource, media(g, MEDIA_JSON),
        PICK(r, "", "", "", "?fieldManager=m1", "?fieldManager=m2"));
}

static void update(struct generator *g, enum resource resource)
{
    struct random *r = &g->random;
    const char *name = some_name(r);
    body_object(r, resource, chance(r, 97) ? name : "c", g->serial++, true, &g->body);
    add(g, HTTP_PUT, resource, media(g, MEDIA_JSON), name);
}

static void merge_patch(struct generator *g, enum resource resource)
{
    struct random *r = &g->random;
    const char *name = some_name(r);
    char rest[64];
    body_merge_patch(r, resource, name, &g->body);
    snprintf(rest, sizeof(rest), "%s%s", name, PICK(r, "", "", "?fieldManager=m1"));
    add(g, HTTP_PATCH, resource, media(g, MEDIA_MERGE_PATCH), rest);
}

static void apply(struct generator *g, enum resource resource)
{
    struct random *r = &g->random;
    const char *name = some_name(r);
    char rest[64];
    body_apply(r, resource, name, &g->body);
    snprintf(rest, sizeof(rest), "%s%s", name,
             chance(r, 98) ? manager_query(r) : PICK(r, "", "?force=true", "?fieldManager="));
    add(g, HTTP_PATCH, resource, MEDIA_APPLY_PATCH, rest);
}

static bool has_status(enum resource resource)
{
    return resource != RESOURCE_LEASES && resource != RESOURCE_EVENTS;
}

static bool has_scale(enum resource resource)
{
    return has_status(resource) && resource != RESOURCE_PODS;
}

static void write_status(struct generator *g, enum resource resource)
{
    struct random *r = &g->random;
    const char *name = some_name(r);
    bool whole = chance(r, 30);
    char rest[64];
    snprintf(rest, sizeof(rest), "%s/status%s", name, PICK(r, "", "", "?fieldManager=m1"));
    if (!has_status(resource)) {
        resource = RESOURCE_DEPLOYMENTS;
    }
    body_status(r, resource, name, whole, &g->body);
    if (whole) {
        add(g, HTTP_PUT, resource, MEDIA_JSON, rest);
    } else {
        add(g, HTTP_PATCH, resource, MEDIA_MERGE_PATCH, rest);
    }
}

static void scale(struct generator *g, enum resource resource)
{
    struct random *r = &g->random;
    char rest[64];
    const char *name = some_name(r);
    if (!has_scale(resource)) {
        resource = chance(r, 50) ? RESOURCE_DEPLOYMENTS : RESOURCE_MEMCACHEDS;
    }
    snprintf(rest, sizeof(rest), "%s/scale%s", name, PICK(r, "", "?fieldManager=m1"));
    if (chance(r, 30)) {
        add(g, HTTP_GET, resource, NULL, rest);
    } else if (chance(r, 50)) {
        body_scale(r, resource, name, true, &g->body);
        add(g, HTTP_PUT, resource, MEDIA_JSON, rest);
    } else {
        body_scale(r, resource, name, false, &g->body);
        add(g, HTTP_PATCH, resource, MEDIA_MERGE_PATCH, rest);
    }
}

static void delete_one(struct generator *g, enum resource resource)
{
    struct random *r = &g->random;
    const char *name = chance(r, 96) ? some_name(r) : "$generated";
    char rest[64];
    if (chance(r, 50)) {
        snprintf(rest, sizeof(rest), "%s%s", name,
                 chance(r, 85) ? ""
                               : PICK(r, "?propagationPolicy=Foreground", "?gracePeriodSeconds=0"));
        add(g, HTTP_DELETE, resource, NULL, rest);
    } else {
        body_delete(r, resource, name, &g->body);
        add(g, HTTP_DELETE, resource, MEDIA_JSON, name);
    }
}

/* ---- reads ---- */

static void get(struct generator *g, enum resource resource)
{
    struct random *r = &g->random;
    char rest[64];
    bool cached = chance(r, 15);
    snprintf(rest, sizeof(rest), "%s%s", chance(r, 96) ? some_name(r) : "$generated",
             cached ? "?resourceVersion=0" : "");
    struct operation *o = add(g, HTTP_GET, resource, NULL, rest);
    o->cached = cached;
    o->accept = chance(r, 15) ? MEDIA_METADATA : NULL;
}

static void list(struct generator *g, enum resource resource)
{
    struct random *r = &g->random;
    char rest[PATH_BYTES_MAX];
    const struct selector *s =
        &selectors[chance(r, 50) ? 0 : random_below(r, ARRAY_LEN(selectors))];
    const char *plural = resource_texts[resource].plural;
    size_t len = (size_t)snprintf(rest, sizeof(rest), "?%s%s", s->query,
                                  PICK(r, "", "", "", "&limit=1", "&limit=2"));
    bool cached = chance(r, 30);
    if (cached) {
        const char *version = PICK(r, "0", "0", "$newest", "$first");
        const char *match =
            chance(r, 70) ? ""
                          : PICK(r, "&resourceVersionMatch=NotOlderThan",
                                 "&resourceVersionMatch=Exact", "&resourceVersionMatch=Other");
        bool is_word = version[0] == '$';
        snprintf(rest + len, sizeof(rest) - len, "&resourceVersion=%s%s%s%s%s", version,
                 is_word ? "(" : "", is_word ? plural : "", is_word ? ")" : "", match);
    }
    struct operation *o = add(g, HTTP_GET, resource, NULL, rest);
    o->cached = cached;
    o->accept = chance(r, 15) ? MEDIA_METADATA_LIST : NULL;
}

static void next_page(struct generator *g, enum resource resource)
{
    struct random *r = &g->random;
    add(g, HTTP_GET, resource, NULL, PICK(r, "?limit=1", "?limit=1", "?limit=2"));
    create(g, resource);
    add(g, HTTP_GET, resource, NULL,
        PICK(r, "?limit=1&continue=$continue", "?limit=5&continue=$continue",
             "?limit=1&continue=$continue", "?continue=$continue"));
}

/* Refused as they are. */
static void list_badly(struct generator *g, enum resource resource)
{
    struct random *r = &g->random;
    add(g, HTTP_GET, resource, NULL,
        PICK(r, "?limit=x", "?limit=-1", "?continue=junk", "?labelSelector=a%3D%3D%3D1",
             "?labelSelector=%2Fa", "?fieldSelector=spec.x%3D1", "?fieldSelector=a",
             "?resourceVersion=x", "?resourceVersionMatch=Exact", "?labelSelector=a+in+1",
             "?resourceVersion=-1", "?labelSelector=a%3D-"));
}

/* Not of Events, which nobody here watches: they are in no watch cache of that server, so what a
 * watch without version begins with is read while the next operations write. */
static void watch(struct generator *g, enum resource resource)
{
    struct random *r = &g->random;
    char rest[PATH_BYTES_MAX], version[64] = "";
    const char *plural = resource_texts[resource].plural;
    const struct selector *s =
        &selectors[chance(r, 40) ? 0 : random_below(r, ARRAY_LEN(selectors))];
    if (g->watches == WATCHES_MAX || resource == RESOURCE_EVENTS) {
        return;
    }
    unsigned kind = (unsigned)random_below(r, 4);
    if (kind == 0) {
        snprintf(version, sizeof(version), "&resourceVersion=0");
    } else if (kind > 1) {
        snprintf(version, sizeof(version), "&resourceVersion=$%s(%s)",
                 kind == 2 ? "newest" : "first", plural);
    }
    snprintf(rest, sizeof(rest), "?watch=%s&%s%s%s", PICK(r, "1", "true"), s->query, version,
             PICK(r, "", "&allowWatchBookmarks=true", "&timeoutSeconds=300"));
    struct operation *o = add(g, HTTP_GET, resource, NULL, rest);
    o->is_watch = true;
    o->cached = true;
    o->initial = true; /* also $newest() may be nothing */
    o->accept = chance(r, 20) ? MEDIA_METADATA : NULL;
    g->watched[g->watches] = s;
    g->watched_resource[g->watches++] = resource;
    o->end = g->watches;
}

/* Paths and methods that are not there. */
static void ask_badly(struct generator *g, enum resource resource)
{
    struct random *r = &g->random;
    static const struct {
        enum http_method method;
        const char *path;
    } bad[] = {
        {HTTP_GET, "/apis/apps/v1/namespaces/$ns/widgets"},
        {HTTP_GET, "/apis/apps/v1beta9/namespaces/$ns/deployments"},
        {HTTP_GET, "/apis/none.example.com/v1/namespaces/$ns/deployments"},
        {HTTP_GET, "/apis/cache.example.com/v1alpha1/namespaces/$ns/widgets"},
        {HTTP_GET, "/apis/cache.example.com/v9/namespaces/$ns/memcacheds"},
        {HTTP_GET, "/nothing"},
        {HTTP_POST, "/apis/apps/v1/namespaces/$ns/deployments/a"},
        {HTTP_PUT, "/apis/apps/v1/namespaces/$ns/deployments"},
        {HTTP_PATCH, "/apis/apps/v1/namespaces/$ns/deployments"},
        {HTTP_POST, "/apis/cache.example.com/v1alpha1/namespaces/$ns/memcacheds/a"},
        {HTTP_PUT, "/apis/cache.example.com/v1alpha1/namespaces/$ns/memcacheds"},
        {HTTP_GET, "/apis/apps/v1/namespaces/$ns/deployments/a/widgets"},
        {HTTP_GET, "/apis/cache.example.com/v1alpha1/namespaces/$ns/memcacheds/a/widgets"},
        {HTTP_DELETE, "/apis/apps/v1/namespaces/$ns/deployments/a/scale"},
        {HTTP_DELETE, "/apis/apps/v1/namespaces/$ns/deployments/a/status"},
        {HTTP_GET, "/apis/apps/v1/namespaces/$ns/deployments/UPPER"},
        {HTTP_GET, "/apis/apps/v1/namespaces/$ns/deployments/a%20b"},
        {HTTP_GET, "/apis/apps/v1/namespaces/$ns/deployments/%C3%BC"},
        {HTTP_DELETE, "/apis/apps/v1/namespaces/$ns/deployments/UPPER"},
        {HTTP_GET, "/apis/apps/v1/namespaces/nowhere/deployments/a"},
    };
    size_t i = random_below(r, ARRAY_LEN(bad));
    bool has_body = bad[i].method != HTTP_GET && bad[i].method != HTTP_DELETE;
    if (strstr(bad[i].path, "memcacheds") != NULL) {
        resource = RESOURCE_MEMCACHEDS;
    } else {
        resource = RESOURCE_DEPLOYMENTS;
    }
    if (has_body) {
        body_object(r, resource, "a", 0, false, &g->body);
    }
    sequence_add(g->s, bad[i].method, resource,
                 !has_body                     ? NULL
                 : bad[i].method == HTTP_PATCH ? MEDIA_MERGE_PATCH
                                               : MEDIA_JSON,
                 has_body ? buf_text(&g->body) : NULL, "%s", bad[i].path);
    buf_reset(&g->body, OPERATION_BYTES_MAX);
}

/* Creation of names as users and enemies think of them. */
static void create_hostile(struct generator *g, enum resource resource)
{
    struct random *r = &g->random;
    body_minimal(resource,
                 PICK(r, "UPPER", "a b", "-a", "a.", "..", "ünï", "a/b", "a%2fb", "",
                      "0123456789012345678901234567890123456789012345678901234567890123456789",
                      "\\u0000", "a\\u202e", "a_b", "a.b"),
                 PICK(r, "", "'a':'1'", "'a':''", "'':'1'", "'a/b/c':'1'", "'ü':'1'", "'a':'ü'"),
                 &g->body);
    add(g, HTTP_POST, resource, MEDIA_JSON, "");
}

/* ---- a sequence ---- */

typedef void generate_fn(struct generator *g, enum resource resource);

static const struct {
    unsigned weight;
    generate_fn *fn;
} kinds[] = {
    {16, create},    {10, update},    {20, merge_patch}, {18, apply},         {7, write_status},
    {7, scale},      {9, delete_one}, {5, get},          {8, list},           {2, next_page},
    {1, list_badly}, {6, watch},      {1, ask_badly},    {1, create_hostile},
};

static void generate_one(struct generator *g, bool early)
{
    unsigned total = 0;
    if (early && chance(&g->random, EARLY_CREATE_PERCENT)) {
        create(g, some_resource(&g->random));
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        total += kinds[i].weight;
    }
    uint64_t at = random_below(&g->random, total);
    size_t i = 0;
    while (at >= kinds[i].weight) {
        at -= kinds[i++].weight;
    }
    kinds[i].fn(g, some_resource(&g->random));
}

/* What every open watch must show last: an object that passes its selector, changed. */
static void end_watches(struct generator *g)
{
    for (unsigned w = 0; w < g->watches; w++) {
        const struct selector *s = g->watched[w];
        enum resource resource = g->watched_resource[w];
        char name[16];
        snprintf(name, sizeof(name), "end-%u", w + 1);
        const char *object = s->name != NULL ? s->name : name;
        body_minimal(resource, object, s->labels, &g->body);
        add(g, HTTP_POST, resource, MEDIA_JSON, "")->end = w + 1;
        buf_printf(&g->body, "{'metadata':{'labels':{%s%s'end':'%u'}}}", s->labels,
                   s->labels[0] != '\0' ? "," : "", w + 1);
        add(g, HTTP_PATCH, resource, MEDIA_MERGE_PATCH, object)->end = w + 1;
    }
}

void sequence_generate(struct sequence *s, uint64_t seed, size_t length)
{
    struct generator g = {.s = s};
    random_init(&g.random, seed);
    buf_init(&g.body, OPERATION_BYTES_MAX);
    *s = (struct sequence){0};
    while (s->count < length && s->count + 3 * WATCHES_MAX + RESOURCE_COUNT < OPERATIONS_MAX) {
        generate_one(&g, s->count < length / 3);
    }
    end_watches(&g);
    for (enum resource r = 0; r < RESOURCE_COUNT; r++) {
        if (g.used[r]) {
            add(&g, HTTP_GET, r, NULL, "");
        }
    }
    buf_fini(&g.body);
}

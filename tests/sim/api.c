#include "sim/api_call.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

/* ---- the truth ------------------------------------------------------------------------------- */

static void create_default_namespace(struct api *a)
{
    static const char BODY[] =
        "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"default\"}}";
    struct api_answer answer;
    api_answer_init(&answer);
    api_handle(a, 0,
               &(struct api_request){.method = HTTP_POST,
                                     .path = "/api/v1/namespaces",
                                     .content_type = MEDIA_JSON,
                                     .body = BODY,
                                     .body_len = sizeof BODY - 1,
                                     .agent = "kube-apiserver"},
               &answer);
    assert(answer.http_status == 201);
    api_answer_fini(&answer);
}

struct api *api_new(const struct api_options *options)
{
    struct api *a = mem_zalloc(sizeof *a);
    a->options = *options;
    a->crd_served = !options->without_crd;
    random_init(&a->random, options->seed);
    uint64_t first = options->first_revision > 0 ? options->first_revision : 1;
    api_store_init(&a->store, first - 1);
    for (unsigned i = 0; i < API_SERVERS_MAX; i++) {
        a->caches[i] = mem_zalloc(api_resource_count * sizeof a->caches[i][0]);
    }
    api_set_time(a, 0);
    create_default_namespace(a);
    for (unsigned r = 0; r < api_resource_count; r++) {
        a->store.last[r] = api_revision(a); /* all caches are filled now */
    }
    return a;
}

void api_free(struct api *a)
{
    if (a == NULL) {
        return;
    }
    while (a->watches != NULL) {
        api_watch_close(a->watches);
    }
    api_store_fini(&a->store);
    for (unsigned i = 0; i < API_SERVERS_MAX; i++) {
        mem_free(a->caches[i]);
    }
    mem_free(a);
}

void api_set_admission(struct api *a, api_admit_fn *admit, void *ctx)
{
    a->admit = admit;
    a->admit_ctx = ctx;
}

void api_set_time(struct api *a, int64_t wall_us)
{
    assert(wall_us >= a->wall_us);
    a->wall_us = wall_us;
    time_format(a->now_text, wall_us, TIME_SECONDS);
}

uint64_t api_revision(const struct api *a)
{
    return api_store_revision(&a->store);
}

/* The state that frozen caches still go back to. */
static uint64_t oldest_shown(const struct api *a, uint64_t revision)
{
    for (unsigned i = 0; i < API_SERVERS_MAX; i++) {
        for (unsigned r = 0; r < api_resource_count; r++) {
            const struct api_cache *cache = &a->caches[i][r];
            if (cache->frozen && cache->floor < revision) {
                revision = cache->floor;
            }
        }
    }
    return revision;
}

void api_compact(struct api *a, uint64_t revision)
{
    if (revision > a->store.compacted) {
        api_store_compact(&a->store, revision, oldest_shown(a, revision));
        api_watches_compact(a);
    }
}

void api_restore(struct api *a, uint64_t revision)
{
    assert(revision >= a->store.compacted);
    api_watches_end(a);
    for (unsigned i = 0; i < API_SERVERS_MAX; i++) {
        api_thaw(a, i);
    }
    api_store_restore(&a->store, revision);
}

static void remove_all(struct api *a, unsigned resource)
{
    const struct api_keys *keys = &a->store.keys[resource];
    for (size_t i = 0; i < keys->count; i++) {
        if (api_version_is_there(keys->items[i]->newest)) {
            api_store_remove(&a->store, keys->items[i]->newest);
        }
    }
}

void api_serve_memcacheds(struct api *a, bool serve)
{
    if (a->crd_served == serve) {
        return;
    }
    a->crd_served = serve;
    for (unsigned r = 0; r < api_resource_count; r++) {
        if (api_resources[r].is_memcached && !serve) {
            remove_all(a, r);
        }
        if (api_resources[r].is_memcached && serve) {
            a->store.last[r] = api_revision(a); /* its cache is filled now */
        }
    }
    if (!serve) {
        api_watches_end_memcacheds(a);
    }
}

/* ---- caches ---------------------------------------------------------------------------------- */

uint64_t api_cache_limit(const struct api *a, unsigned server, unsigned resource)
{
    const struct api_cache *cache = &a->caches[server][resource];
    return cache->frozen ? cache->limit : api_revision(a);
}

uint64_t api_cache_floor(const struct api *a, unsigned server, unsigned resource)
{
    const struct api_cache *cache = &a->caches[server][resource];
    return cache->frozen ? cache->floor : a->store.compacted;
}

uint64_t api_cache_current(const struct api *a, unsigned server, unsigned resource)
{
    const struct api_cache *cache = &a->caches[server][resource];
    if (cache->frozen) {
        return cache->current;
    }
    if (a->options.watch_list) {
        return api_revision(a);
    }
    uint64_t last = a->store.last[resource];
    return last > a->store.compacted ? last : a->store.compacted;
}

/* Revision of the last write of @resource up to @revision, but not less than @floor. */
static uint64_t last_write(const struct api *a, unsigned resource, uint64_t revision,
                           uint64_t floor)
{
    while (revision > floor && api_store_change(&a->store, revision)->entry->resource != resource) {
        revision--;
    }
    return revision;
}

void api_freeze(struct api *a, unsigned server, const char *resource, uint64_t revision)
{
    assert(server < API_SERVERS_MAX);
    uint64_t floor = a->store.compacted;
    revision = revision < floor ? floor : revision;
    revision = revision > api_revision(a) ? api_revision(a) : revision;
    for (unsigned r = 0; r < api_resource_count; r++) {
        if (resource == NULL || strcmp(resource, api_resources[r].plural) == 0) {
            a->caches[server][r] = (struct api_cache){
                .frozen = true,
                .limit = revision,
                .current = a->options.watch_list ? revision : last_write(a, r, revision, floor),
                .floor = floor,
            };
        }
    }
}

void api_thaw(struct api *a, unsigned server)
{
    assert(server < API_SERVERS_MAX);
    memset(a->caches[server], 0, api_resource_count * sizeof a->caches[server][0]);
    api_watches_thaw(a, server);
}

/* ---- requests -------------------------------------------------------------------------------- */

void api_answer_init(struct api_answer *answer)
{
    *answer = (struct api_answer){.retry_after_ms = -1};
    buf_init(&answer->body, API_ANSWER_BYTES_MAX);
}

void api_answer_fini(struct api_answer *answer)
{
    buf_fini(&answer->body);
}

static void dispatch(struct api_call *c)
{
    const struct api_path *path = &c->path;
    bool is_main = path->subresource == NULL;
    bool is_finalize = !is_main && strcmp(path->subresource, "finalize") == 0;
    bool has_place = path->ns[0] != '\0' || !path->resource->namespaced;
    enum http_method method = c->request->method;
    if (is_finalize && method == HTTP_PUT) {
        api_finalize(c);
    } else if (is_finalize) {
        api_answer_no_method(c->answer);
    } else if (method == HTTP_GET && path->name != NULL) {
        api_get_object(c);
    } else if (method == HTTP_GET) {
        api_list(c);
    } else if (method == HTTP_POST && has_place && is_main &&
               (path->name == NULL || path->resource->is_custom)) {
        api_create(c); /* a custom resource may have its name in the path, too */
    } else if (method == HTTP_PUT && path->name != NULL) {
        api_update(c);
    } else if (method == HTTP_PATCH && path->name != NULL) {
        api_patch(c);
    } else if (method == HTTP_DELETE && path->name != NULL && is_main) {
        api_delete(c);
    } else if (method == HTTP_PUT && path->resource->is_custom && has_place && is_main) {
        api_answer_bad_request(c->answer, "name must be provided");
    } else if (path->resource->is_custom && !has_place) {
        api_answer_page_not_found(c->answer);
    } else {
        api_answer_no_method(c->answer);
    }
}

void api_handle(struct api *a, unsigned server, const struct api_request *request,
                struct api_answer *answer)
{
    struct api_call c;
    if (api_call_init(&c, a, server, request, answer)) {
        dispatch(&c);
    }
    api_call_fini(&c);
}

bool api_is_watch(const struct api_request *request)
{
    struct api_path path;
    api_path_parse(&path, request->path);
    bool is_watch = request->method == HTTP_GET && path.kind == API_PATH_RESOURCE &&
                    path.name == NULL && api_query_bool(path.query.watch);
    api_path_fini(&path);
    return is_watch;
}

/* ---- looking --------------------------------------------------------------------------------- */

static unsigned find_plural(const char *plural)
{
    unsigned r = 0;
    while (strcmp(api_resources[r].plural, plural) != 0) {
        r++;
        assert(r < api_resource_count);
    }
    return r;
}

const char *api_get(const struct api *a, const char *resource, const char *ns, const char *name)
{
    unsigned r = find_plural(resource);
    struct api_version *v =
        api_store_get(&a->store, r, api_resources[r].namespaced ? ns : "", name);
    return api_version_is_there(v) ? api_version_text(v, API_FORM_WHOLE, NULL) : NULL;
}

void api_each(const struct api *a, const char *resource, const char *ns,
              void (*each)(void *ctx, const char *json), void *ctx)
{
    const struct api_keys *keys = &a->store.keys[find_plural(resource)];
    for (size_t i = 0; i < keys->count; i++) {
        struct api_version *v = keys->items[i]->newest;
        if (api_version_is_there(v) && (ns == NULL || strcmp(v->entry->ns, ns) == 0)) {
            each(ctx, api_version_text(v, API_FORM_WHOLE, NULL));
        }
    }
}

uint64_t api_oldest(const struct api *a)
{
    return a->store.base;
}

void api_each_change(const struct api *a, uint64_t after_revision,
                     void (*each)(void *ctx, const struct api_change *change), void *ctx)
{
    uint64_t first = after_revision > a->store.base ? after_revision : a->store.base;
    for (uint64_t revision = first + 1; revision <= api_revision(a); revision++) {
        struct api_version *v = api_store_change(&a->store, revision);
        const struct api_change change = {
            .revision = revision,
            .resource = api_resources[v->entry->resource].plural,
            .before = api_version_is_there(v->prev)
                          ? api_version_text(v->prev, API_FORM_WHOLE, NULL)
                          : NULL,
            .after = api_version_is_there(v) ? api_version_text(v, API_FORM_WHOLE, NULL) : NULL,
        };
        each(ctx, &change);
    }
}

/*
 * A workload is a list of steps that is written when it is made: nothing in it depends on how the
 * run goes, so a run can be replayed with some of them left out.
 */
#include "sim/workload.h"

#include "base/mem.h"
#include "kube/json.h"
#include "sim/workload_scripts.h"
#include "sim/workload_steps.h"
#include "sim/world.h"

#include <stdio.h>
#include <string.h>

struct workload {
    struct steps steps;
    size_t next;
    uint64_t ready_ms;
};

static const char *const texts[WORKLOAD_COUNT] = {
    [WORKLOAD_NONE] = "none",           [WORKLOAD_CREATE] = "create",
    [WORKLOAD_SCALE] = "scale",         [WORKLOAD_RECREATE] = "recreate",
    [WORKLOAD_RELABEL] = "relabel",     [WORKLOAD_HAND_SCALE] = "hand-scale",
    [WORKLOAD_CLAIMANTS] = "claimants", [WORKLOAD_UPGRADE] = "upgrade",
    [WORKLOAD_NAMESPACE] = "namespace", [WORKLOAD_CRD] = "crd",
    [WORKLOAD_STRANGER] = "stranger",   [WORKLOAD_RANDOM] = "random",
    [WORKLOAD_SIZE_FROM] = "size-from", [WORKLOAD_SEVERAL] = "several-sources",
    [WORKLOAD_MISSING] = "missing",     [WORKLOAD_HOLD] = "hold",
    [WORKLOAD_STEP] = "step",           [WORKLOAD_PAUSE] = "pause",
};

const char *workload_text(enum workload_name name)
{
    return texts[name];
}

bool workload_find(const char *text, enum workload_name *name)
{
    for (unsigned i = 0; i < WORKLOAD_COUNT; i++) {
        if (strcmp(texts[i], text) == 0) {
            *name = (enum workload_name)i;
            return true;
        }
    }
    return false;
}

struct workload *workload_new(const struct workload_spec *spec, uint64_t seed)
{
    struct workload *l = mem_zalloc(sizeof *l);
    if (spec->name == WORKLOAD_RANDOM) {
        workload_write_random(&l->steps, spec->steps, seed);
    } else if (spec->name != WORKLOAD_NONE) {
        workload_write_script(&l->steps, spec->name, spec->variant % workload_variants(spec->name));
    }
    return l;
}

void workload_free(struct workload *l)
{
    if (l != NULL) {
        steps_fini(&l->steps);
        mem_free(l);
    }
}

uint64_t workload_ready_ms(const struct workload *l)
{
    return l->ready_ms;
}

const char *workload_next(const struct workload *l)
{
    return l->next < l->steps.count ? l->steps.items[l->next].words : NULL;
}

struct search {
    const char *memcached;
    char name[254];
};

static void find_pod(void *ctx, const char *json)
{
    struct search *search = ctx;
    yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
    yyjson_val *metadata = yyjson_obj_get(yyjson_doc_get_root(doc), "metadata");
    yyjson_val *label = json_at(metadata, "labels", "memcached_cr", NULL);
    bool is_leaving = yyjson_obj_get(metadata, "deletionTimestamp") != NULL;
    if (search->name[0] == '\0' && !is_leaving && yyjson_equals_str(label, search->memcached)) {
        snprintf(search->name, sizeof search->name, "%s",
                 yyjson_get_str(yyjson_obj_get(metadata, "name")));
    }
    yyjson_doc_free(doc);
}

static void evict(const struct step *step, struct world *w)
{
    struct search search = {.memcached = step->body};
    char path[512];
    api_each(world_api(w), "pods", step->path, find_pod, &search);
    if (search.name[0] != '\0') {
        snprintf(path, sizeof path, "/api/v1/namespaces/%s/pods/%s", step->path, search.name);
        if (step->is_held) {
            world_write(w, step->who, HTTP_PATCH, path, MEDIA_MERGE_PATCH,
                        "{\"metadata\":{\"finalizers\":[\"example.com/hold\"]}}", 0);
        }
        world_write(w, step->who, HTTP_DELETE, path, NULL, NULL, 0);
    }
}

/* True: go on. */
static bool run(struct workload *l, struct step *step, struct world *w)
{
    switch (step->type) {
    case STEP_REQUEST:
        world_write(w, step->who, step->method, step->path, step->content_type, step->body, 0);
        break;
    case STEP_UPGRADE:
        world_upgrade(w, step->image);
        break;
    case STEP_CRD_AWAY:
    case STEP_CRD_BACK:
        api_serve_memcacheds(world_api(w), step->type == STEP_CRD_BACK);
        break;
    case STEP_EVICT:
        evict(step, w);
        break;
    case STEP_WAIT:
        l->ready_ms = world_now_ms(w) + step->wait_ms;
        break;
    case STEP_AWAIT_GONE:
        return api_get(world_api(w), "namespaces", "", step->path) == NULL || step->patience-- == 0;
    }
    return true;
}

void workload_step(struct workload *l, struct world *w)
{
    if (l->next < l->steps.count && run(l, &l->steps.items[l->next], w)) {
        l->next++;
    }
}

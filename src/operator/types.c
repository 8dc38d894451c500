#include "operator/types.h"

#include "base/arena.h"
#include "base/mem.h"
#include "kube/json.h"
#include "operator/rival.h"
#include "operator/shape.h"
#include "operator/status.h"

#include <stdlib.h>
#include <string.h>

/* Absent is @absent; a value that no int32 ≥ 0 holds is REPLICAS_INVALID. */
static int32_t decode_replicas(yyjson_val *value, int32_t absent)
{
    if (value == NULL) {
        return absent;
    }
    int64_t n = json_get_int(value, REPLICAS_INVALID);
    return n < 0 || n > INT32_MAX ? REPLICAS_INVALID : (int32_t)n;
}

static int32_t decode_count(yyjson_val *value)
{
    int32_t n = decode_replicas(value, 0);
    return n == REPLICAS_INVALID ? 0 : n;
}

static enum paused decode_paused(yyjson_val *value)
{
    if (value == NULL || yyjson_equals_str(value, "false")) {
        return PAUSED_NO;
    }
    return yyjson_equals_str(value, "true") ? PAUSED_YES : PAUSED_UNCLEAR;
}

static int memcached_decode(yyjson_val *json, struct object **out, struct error *err)
{
    CLEANUP(arena_fini) struct arena arena = {0};
    const char *status = status_canonical(&arena, yyjson_obj_get(json, "status"));
    size_t status_bytes = strlen(status) + 1;
    yyjson_val *sources_rv = json_at(json, "metadata", "annotations", SOURCES_ANNOTATION, NULL);
    const struct size_from *size_from =
        size_from_read(&arena, json_at(json, "spec", "sizeFrom", NULL));
    yyjson_val *size_rival = rival_find(json, "size");
    struct object_packer p;
    struct memcached *m =
        object_alloc(sizeof *m,
                     object_meta_bytes(json) + status_bytes + object_text_bytes(sources_rv) +
                         object_text_bytes(size_rival) + size_from_bytes(size_from),
                     &p);
    if (object_pack_meta(&p, json, &m->object, err) != 0) {
        object_free(&m->object);
        return err->code;
    }
    m->size = decode_replicas(json_at(json, "spec", "size", NULL), REPLICAS_INVALID);
    m->size_from = size_from_pack(&p, size_from);
    m->paused = decode_paused(json_at(json, "metadata", "annotations", PAUSED_ANNOTATION, NULL));
    m->status = memcpy(p.next, status, status_bytes);
    p.next += status_bytes;
    m->sources_rv = object_pack_text(&p, sources_rv);
    m->size_rival = object_pack_text(&p, size_rival);
    *out = &m->object;
    return 0;
}

/* @rival: of its replicas; may be NULL. */
static int deployment_decode(yyjson_val *json, yyjson_val *rival, struct deployment **out,
                             struct error *err)
{
    yyjson_val *claim = json_at(json, "metadata", "labels", CLAIM_LABEL, NULL);
    struct object_packer p;
    struct deployment *d = object_alloc(
        sizeof *d, object_meta_bytes(json) + object_text_bytes(claim) + object_text_bytes(rival),
        &p);
    if (object_pack_meta(&p, json, &d->object, err) != 0) {
        object_free(&d->object);
        return err->code;
    }
    d->replicas_rival = object_pack_text(&p, rival);
    d->claim = object_pack_text(&p, claim);
    d->replicas = decode_replicas(json_at(json, "spec", "replicas", NULL), 1);
    yyjson_val *status = yyjson_obj_get(json, "status");
    d->observed_generation = json_get_int(yyjson_obj_get(status, "observedGeneration"), 0);
    d->current_replicas = decode_count(yyjson_obj_get(status, "replicas"));
    d->ready_replicas = decode_count(yyjson_obj_get(status, "readyReplicas"));
    *out = d;
    return 0;
}

static int source_decode(yyjson_val *json, struct object **out, struct error *err)
{
    struct deployment *d;
    if (deployment_decode(json, NULL, &d, err) != 0) {
        return err->code;
    }
    *out = &d->object;
    return 0;
}

/* Annotations are texts. What is no number is none. */
static int64_t decode_generation(yyjson_val *value)
{
    const char *text = yyjson_get_str(value);
    char *end = NULL;
    if (text == NULL || text[0] < '0' || text[0] > '9') {
        return 0;
    }
    int64_t n = strtoll(text, &end, 10); /* saturates */
    return *end == '\0' ? n : 0;
}

static int operand_decode(yyjson_val *json, struct object **out, struct error *err)
{
    struct deployment *d;
    if (deployment_decode(json, rival_find(json, "replicas"), &d, err) != 0) {
        return err->code;
    }
    d->shape = shape_hash(json);
    d->is_shown = yyjson_equals_str(json_at(json, "metadata", "labels", OPERAND_LABEL, NULL),
                                    OPERAND_MANAGER);
    d->made_from =
        decode_generation(json_at(json, "metadata", "annotations", GENERATION_ANNOTATION, NULL));
    *out = &d->object;
    return 0;
}

static int pod_decode(yyjson_val *json, struct object **out, struct error *err)
{
    yyjson_val *memcached = json_at(json, "metadata", "labels", POD_LABEL, NULL);
    struct object_packer p;
    struct pod *pod =
        object_alloc(sizeof *pod, object_meta_bytes(json) + object_text_bytes(memcached), &p);
    if (object_pack_meta(&p, json, &pod->object, err) != 0) {
        object_free(&pod->object);
        return err->code;
    }
    pod->memcached = object_pack_text(&p, memcached);
    if (pod->memcached == NULL) {
        pod->memcached = "";
    }
    *out = &pod->object;
    return 0;
}

const struct kind memcached_kind = {.group = "cache.example.com",
                                    .version = "v1alpha1",
                                    .kind = "Memcached",
                                    .plural = "memcacheds",
                                    .decode = memcached_decode};
const struct kind source_kind = {.group = "apps",
                                 .version = "v1",
                                 .kind = "Deployment",
                                 .plural = "deployments",
                                 .decode = source_decode};
const struct kind statefulset_kind = {.group = "apps",
                                      .version = "v1",
                                      .kind = "StatefulSet",
                                      .plural = "statefulsets",
                                      .decode = source_decode};
const struct kind replicaset_kind = {.group = "apps",
                                     .version = "v1",
                                     .kind = "ReplicaSet",
                                     .plural = "replicasets",
                                     .decode = source_decode};
const struct kind operand_kind = {.group = "apps",
                                  .version = "v1",
                                  .kind = "Deployment",
                                  .plural = "deployments",
                                  .decode = operand_decode};
const struct kind pod_kind = {
    .group = "", .version = "v1", .kind = "Pod", .plural = "pods", .decode = pod_decode};

bool is_operand(const struct object *o)
{
    return o->controller.uid != NULL && o->controller.kind != NULL &&
           o->controller.api_version != NULL && strcmp(o->controller.kind, "Memcached") == 0 &&
           strncmp(o->controller.api_version, "cache.example.com/", 18) == 0;
}

bool is_controlled_by(const struct object *o, const struct object *owner)
{
    return o->controller.uid != NULL && owner->uid != NULL &&
           strcmp(o->controller.uid, owner->uid) == 0;
}

/*
 * JSON to each struct that the operator decodes. What is decoded can be addressed; it follows from
 * what the JSON says, not from how it is written; and views of one Deployment agree.
 */
#include "base/arena.h"
#include "base/mem.h"
#include "fuzz/fuzz.h"
#include "kube/json.h"
#include "kube/name.h"
#include "kube/scale.h"
#include "operator/shape.h"
#include "operator/status.h"
#include "operator/types.h"

#include <stdlib.h>
#include <string.h>

/* Of a kind without a decoder of its own only the metadata is read. */
static const struct kind bare_kind = {
    .group = "", .version = "v1", .kind = "Thing", .plural = "things"};

static struct object *decode(const struct kind *kind, yyjson_val *json)
{
    struct object *object = NULL;
    struct error err = ERROR_INIT;
    int rc = kind->decode != NULL ? kind->decode(json, &object, &err)
                                  : object_decode_meta(json, &object, &err);
    assert(rc == err.code && (rc == 0) == (object != NULL));
    assert(rc == 0 || (rc == ERR_PARSE && err.message[0] != '\0'));
    return object;
}

static void check_meta(const struct kind *kind, const struct object *o)
{
    CLEANUP(buf_fini) struct buf path;
    buf_init(&path, 4096);
    assert(o->ns != NULL && o->uid != NULL && o->rv != NULL);
    assert(o->ns[0] == '\0' || namespace_is_valid(o->ns));
    assert(path_append_resource(&path, kind, o->ns, o->name, "status") == 0);
    assert(rv_compare(o->rv, o->rv) == 0);
    bool controlled = o->controller.uid != NULL;
    assert((o->controller.name != NULL) == controlled &&
           (o->controller.kind != NULL) == controlled);
    assert(controlled || !is_operand(o));
    assert(is_controlled_by(o, o) == (controlled && strcmp(o->controller.uid, o->uid) == 0));
}

static void assert_same_meta(const struct object *a, const struct object *b)
{
    assert(strcmp(a->ns, b->ns) == 0 && strcmp(a->name, b->name) == 0);
    assert(strcmp(a->uid, b->uid) == 0 && strcmp(a->rv, b->rv) == 0);
    assert(a->created_us == b->created_us && a->generation == b->generation);
    assert(a->deleting == b->deleting && is_operand(a) == is_operand(b));
    assert((a->controller.uid == NULL) == (b->controller.uid == NULL));
}

static void check_memcached(yyjson_val *json)
{
    CLEANUP(arena_fini) struct arena arena = {0};
    struct memcached *m = (struct memcached *)decode(&memcached_kind, json);
    if (m != NULL) {
        struct status s;
        assert(m->size >= REPLICAS_INVALID);
        status_parse(&arena, m->status, &s);
        assert(strcmp(status_text(&arena, &s), m->status) == 0);
        object_free(&m->object);
    }
}

static void assert_same_deployment(const struct deployment *a, const struct deployment *b)
{
    assert_same_meta(&a->object, &b->object);
    assert(a->replicas == b->replicas && a->replicas >= REPLICAS_INVALID);
    assert(a->current_replicas == b->current_replicas && a->current_replicas >= 0);
    assert(a->ready_replicas == b->ready_replicas && a->ready_replicas >= 0);
    assert(a->observed_generation == b->observed_generation);
    assert((a->claim == NULL) == (b->claim == NULL));
    assert(a->claim == NULL || strcmp(a->claim, b->claim) == 0);
}

/* @json and @rewritten say the same. */
static void check_deployment(yyjson_val *json, yyjson_val *rewritten)
{
    struct deployment *source = (struct deployment *)decode(&source_kind, json);
    struct deployment *operand = (struct deployment *)decode(&operand_kind, json);
    struct deployment *again = (struct deployment *)decode(&operand_kind, rewritten);
    assert((source == NULL) == (operand == NULL) && (source == NULL) == (again == NULL));
    assert(shape_hash(json) == shape_hash(rewritten));
    if (source != NULL) {
        assert_same_deployment(source, operand);
        assert_same_deployment(source, again);
        assert(operand->shape == shape_hash(json) && again->shape == operand->shape);
        object_free(&source->object);
        object_free(&operand->object);
        object_free(&again->object);
    }
}

static void check_pod(yyjson_val *json)
{
    struct pod *pod = (struct pod *)decode(&pod_kind, json);
    if (pod != NULL) {
        assert(pod->memcached != NULL);
        object_free(&pod->object);
    }
}

static void check_scale(yyjson_val *json)
{
    struct scale *scale = (struct scale *)decode(&scale_kind, json);
    if (scale != NULL) {
        assert(scale->object.rv[0] != '\0' && scale->replicas >= SCALE_REPLICAS_INVALID);
        object_free(&scale->object);
    }
}

static void check_json(yyjson_val *json, yyjson_val *rewritten)
{
    struct object *bare = decode(&bare_kind, json);
    struct object *again = decode(&bare_kind, rewritten);
    assert((bare == NULL) == (again == NULL));
    check_memcached(json);
    check_deployment(json, rewritten);
    check_pod(json);
    check_scale(json);
    if (bare != NULL) {
        check_meta(&bare_kind, bare);
        assert_same_meta(bare, again);
        object_free(bare);
        object_free(again);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    yyjson_doc *doc = parse((struct part){(const char *)data, size});
    size_t len = 0;
    char *text = doc != NULL ? yyjson_write(doc, YYJSON_WRITE_PRETTY, &len) : NULL;
    yyjson_doc *rewritten = text != NULL ? yyjson_read(text, len, 0) : NULL;
    if (rewritten != NULL) {
        check_json(yyjson_doc_get_root(doc), yyjson_doc_get_root(rewritten));
    }
    yyjson_doc_free(rewritten);
    free(text); /* yyjson's */
    yyjson_doc_free(doc);
    return 0;
}

#include "operator/desired.h"

#include "base/json_writer.h"
#include "base/mem.h"
#include "kube/json.h"

#include "operator/shape.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DEPLOYMENT_BYTES_USUAL = 2 << 10, DEPLOYMENT_BYTES_MAX = 16 << 10 };

static void write_pod_labels(struct json_writer *w, const char *name)
{
    json_object_begin(w);
    json_member_string(w, "app", "memcached");
    json_member_string(w, POD_LABEL, name);
    json_object_end(w);
}

static void write_owner(struct json_writer *w, const struct memcached *m)
{
    json_key(w, "ownerReferences");
    json_array_begin(w);
    json_object_begin(w);
    json_member_string(w, "apiVersion", MEMCACHED_API_VERSION);
    json_member_string(w, "kind", memcached_kind.kind);
    json_member_string(w, "name", m->object.name);
    json_member_string(w, "uid", m->object.uid);
    json_member_bool(w, "controller", true);
    json_member_bool(w, "blockOwnerDeletion", true);
    json_object_end(w);
    json_array_end(w);
}

static void write_metadata(struct json_writer *w, const struct memcached *m,
                           const struct object *live)
{
    json_key(w, "metadata");
    json_object_begin(w);
    json_member_string(w, "name", m->object.name);
    json_member_string(w, "namespace", m->object.ns);
    if (live != NULL) {
        json_member_string(w, "uid", live->uid);
        json_member_string(w, "resourceVersion", live->rv);
    }
    json_key(w, "labels");
    json_object_begin(w);
    json_member_string(w, "app", "memcached");
    json_member_string(w, POD_LABEL, m->object.name);
    json_member_string(w, "app.kubernetes.io/name", "memcached");
    json_member_string(w, "app.kubernetes.io/instance", m->object.name);
    json_member_string(w, OPERAND_LABEL, "memcached-operator");
    json_object_end(w);
    char generation[24];
    snprintf(generation, sizeof generation, "%" PRId64, m->object.generation);
    json_key(w, "annotations");
    json_object_begin(w);
    json_member_string(w, GENERATION_ANNOTATION, generation);
    json_object_end(w);
    write_owner(w, m);
    json_object_end(w);
}

/* Not `-m=64` as in the Go example: getopt reads that as "=64", i.e. 0. */
static void write_command(struct json_writer *w)
{
    static const char *const command[] = {"memcached", "-m", "64", "-o", "modern", "-v"};
    json_key(w, "command");
    json_array_begin(w);
    for (size_t i = 0; i < ARRAY_LEN(command); i++) {
        json_string(w, command[i]);
    }
    json_array_end(w);
    json_key(w, "args"); /* owned and empty, so that arguments added by others go away */
    json_array_begin(w);
    json_array_end(w);
}

static void write_container(struct json_writer *w, const char *image)
{
    json_object_begin(w);
    json_member_string(w, "name", "memcached");
    json_member_string(w, "image", image);
    json_member_string(w, "imagePullPolicy", "IfNotPresent");
    write_command(w);
    json_key(w, "ports");
    json_array_begin(w);
    json_object_begin(w);
    json_member_int(w, "containerPort", MEMCACHED_PORT);
    json_member_string(w, "name", "memcached");
    json_member_string(w, "protocol", "TCP");
    json_object_end(w);
    json_array_end(w);
    json_key(w, "securityContext");
    json_object_begin(w);
    json_member_bool(w, "allowPrivilegeEscalation", false);
    json_key(w, "capabilities");
    json_object_begin(w);
    json_key(w, "drop");
    json_array_begin(w);
    json_string(w, "ALL");
    json_array_end(w);
    json_object_end(w);
    json_object_end(w);
    json_object_end(w);
}

/* https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted */
static void write_pod_spec(struct json_writer *w, const char *image)
{
    json_key(w, "spec");
    json_object_begin(w);
    json_member_bool(w, "automountServiceAccountToken", false);
    json_key(w, "securityContext");
    json_object_begin(w);
    json_member_bool(w, "runAsNonRoot", true);
    json_member_int(w, "runAsUser", MEMCACHED_USER);
    json_member_int(w, "runAsGroup", MEMCACHED_USER);
    json_key(w, "seccompProfile");
    json_object_begin(w);
    json_member_string(w, "type", "RuntimeDefault");
    json_object_end(w);
    json_object_end(w);
    json_key(w, "containers");
    json_array_begin(w);
    write_container(w, image);
    json_array_end(w);
    json_object_end(w);
}

static void write_spec(struct json_writer *w, const struct memcached *m, const char *image)
{
    json_key(w, "spec");
    json_object_begin(w);
    json_member_int(w, "replicas", m->size);
    json_key(w, "selector");
    json_object_begin(w);
    json_key(w, "matchLabels");
    write_pod_labels(w, m->object.name);
    json_object_end(w);
    json_key(w, "template");
    json_object_begin(w);
    json_key(w, "metadata");
    json_object_begin(w);
    json_key(w, "labels");
    write_pod_labels(w, m->object.name);
    json_object_end(w);
    write_pod_spec(w, image);
    json_object_end(w);
    json_object_end(w);
}

const char *desired_deployment(struct arena *arena, const struct memcached *m, const char *image,
                               const struct object *live)
{
    CLEANUP(buf_fini) struct buf text;
    struct json_writer w;
    buf_init(&text, DEPLOYMENT_BYTES_MAX);
    buf_reserve(&text, DEPLOYMENT_BYTES_USUAL);
    json_writer_init(&w, &text, false);
    json_object_begin(&w);
    json_member_string(&w, "apiVersion", "apps/v1");
    json_member_string(&w, "kind", operand_kind.kind);
    write_metadata(&w, m, live);
    write_spec(&w, m, image);
    json_object_end(&w);
    assert(!text.truncated); /* names are bounded by the API, the image by the flag */
    return arena_strdup(arena, buf_text(&text));
}

uint64_t desired_shape(const struct memcached *m, const char *image)
{
    CLEANUP(arena_fini) struct arena arena = {0};
    const char *text = desired_deployment(&arena, m, image, NULL);
    struct error err = ERROR_INIT;
    yyjson_doc *doc = json_parse(text, strlen(text), &err);
    assert(doc != NULL);
    uint64_t shape = shape_hash(yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
    return shape;
}

const char *desired_selector(struct arena *arena, const struct memcached *m)
{
    return arena_printf(arena, "app=memcached," POD_LABEL "=%s", m->object.name);
}

/*
 * I3: is an operator's write one that it may make? A table of who may write what, then what each
 * kind of write may change.
 */
#include "sim/invariant_parts.h"

#include "base/mem.h"
#include "kube/json.h"
#include "sim/invariant_desired.h"
#include "sim/invariant_hold.h"
#include "sim/invariant_resize.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

__attribute__((format(printf, 3, 4))) static void blame(struct invariants *i, const struct deed *d,
                                                        const char *format, ...)
{
    char what[INVARIANT_TEXT_BYTES_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    yyjson_val *metadata = yyjson_obj_get(d->after != NULL ? d->after : d->before, "metadata");
    world_fail(i->world, "I3: process %u wrote %s %s/%s at revision %" PRIu64 ": %s", d->process,
               d->change->resource, invariants_text(yyjson_obj_get(metadata, "namespace")),
               invariants_text(yyjson_obj_get(metadata, "name")), d->change->revision, what);
}

/* ---- Memcacheds ---- */

static int64_t size_of(yyjson_val *memcached)
{
    return json_get_int(json_at(memcached, "spec", "size", NULL), -1);
}

/* What the operator says with this write that it knew when it decided that; 0: nothing new. */
static uint64_t record_of(const struct deed *d, const char *annotation)
{
    const char *was =
        invariants_text(json_at(d->before, "metadata", "annotations", annotation, NULL));
    const char *is =
        invariants_text(json_at(d->after, "metadata", "annotations", annotation, NULL));
    return strcmp(was, is) == 0 ? 0 : strtoull(is, NULL, 10);
}

static void judge_size(struct invariants *i, const struct deed *d)
{
    struct memcached_past *m =
        history_of(&i->history, invariants_text(json_at(d->after, "metadata", "uid", NULL)));
    CLEANUP(buf_fini) struct buf why;
    buf_init(&why, INVARIANT_TEXT_BYTES_MAX);
    const char *fault =
        m != NULL ? resize_fault(i, d, m, record_of(d, SOURCES_RECORD), &why) : NULL;
    if (fault != NULL) {
        blame(i, d, "size %" PRId64 " became %" PRId64 ": %s", size_of(d->before),
              size_of(d->after), fault);
    }
}

static void judge_hold(struct invariants *i, const struct deed *d)
{
    CLEANUP(buf_fini) struct buf why;
    buf_init(&why, INVARIANT_TEXT_BYTES_MAX);
    const char *uid = invariants_text(json_at(d->after, "metadata", "uid", NULL));
    const struct memcached_past *m = history_of(&i->history, uid);
    const char *fault = m != NULL ? hold_prolonged(i, d, m, &why) : NULL;
    if (fault != NULL) {
        blame(i, d, "%s", fault);
    }
}

static bool is_to_subresource(const struct exchange *e, const char *subresource)
{
    size_t len = strcspn(e->path, "?");
    size_t tail = strlen(subresource);
    return len > tail && strncmp(e->path + len - tail, subresource, tail) == 0;
}

/* It was decided for one object, and another has its name now. A custom resource's status ignores
 * the uid; what protects it is the resourceVersion, and that comes twice where etcd was restored.
 */
static bool is_for_another(const struct invariants *i, const struct deed *d)
{
    if (i->history.is_restored && is_to_subresource(d->exchange, "/status")) {
        return false;
    }
    const char *body = d->exchange->body;
    yyjson_doc *doc = body != NULL ? yyjson_read(body, strlen(body), 0) : NULL;
    const char *meant = invariants_text(json_at(yyjson_doc_get_root(doc), "metadata", "uid", NULL));
    bool other = meant[0] != '\0' &&
                 strcmp(meant, invariants_text(json_at(d->after, "metadata", "uid", NULL))) != 0;
    yyjson_doc_free(doc);
    return other;
}

static void judge_memcached(struct invariants *i, const struct deed *d)
{
    if (d->before == NULL) {
        blame(i, d, "an operator makes no Memcacheds");
        return;
    }
    if (is_for_another(i, d)) {
        blame(i, d, "it is not the one that this write was meant for, but has its name");
        return;
    }
    bool is_status = is_to_subresource(d->exchange, "/status");
    const char *member = members_differ(d->before, d->after,
                                        LIST("metadata", "spec", is_status ? "status" : "spec"));
    if (member == NULL) {
        member = members_differ(yyjson_obj_get(d->before, "metadata"),
                                yyjson_obj_get(d->after, "metadata"),
                                LIST("managedFields", "resourceVersion", "generation",
                                     is_status ? "generation" : "annotations"));
    }
    if (member == NULL) {
        member = members_differ(json_at(d->before, "metadata", "annotations", NULL),
                                json_at(d->after, "metadata", "annotations", NULL),
                                LIST(SOURCES_RECORD));
    }
    if (member == NULL) {
        member = members_differ(yyjson_obj_get(d->before, "spec"), yyjson_obj_get(d->after, "spec"),
                                LIST(is_status ? "" : "size"));
    }
    if (member != NULL) {
        blame(i, d, "%s is not its to change by a write of %s", member,
              is_status ? "the status" : "the size");
    } else if (size_of(d->before) != size_of(d->after) &&
               json_at(d->before, "metadata", "deletionTimestamp", NULL) != NULL) {
        blame(i, d,
              "it is on its way out, and nobody needs its size"); /* the write has its version */
    } else if (size_of(d->before) != size_of(d->after)) {
        judge_size(i, d);
    } else if (is_status) {
        judge_hold(i, d);
    }
}

/* ---- Deployments ---- */

static bool is_by_its_name(const struct memcached_past *m, const struct deed *d)
{
    yyjson_val *metadata = yyjson_obj_get(d->after, "metadata");
    return yyjson_equals_str(yyjson_obj_get(metadata, "name"), m->name) &&
           yyjson_equals_str(yyjson_obj_get(metadata, "namespace"), m->ns);
}

static void judge_replicas(struct invariants *i, const struct deed *d, struct memcached_past *m)
{
    yyjson_val *was = json_at(d->before, "spec", "replicas", NULL);
    int64_t is = json_get_int(json_at(d->after, "spec", "replicas", NULL), -1);
    int64_t record = (int64_t)record_of(d, GENERATION_RECORD);
    if ((d->before != NULL && json_get_int(was, -1) == is) ||
        history_explains_replicas(&i->history, m, is, record)) {
        return;
    }
    CLEANUP(buf_fini) struct buf past;
    buf_init(&past, INVARIANT_TEXT_BYTES_MAX);
    timeline_text(&m->sizes, &past);
    blame(i, d,
          "replicas %" PRId64 " became %" PRId64
          ", which was not the size of its Memcached since revision %" PRIu64
          ", or not in generation %" PRId64 ", which it knew; that was: %s",
          json_get_int(was, -1), is, m->sizes.moments[m->size_cursor].revision, record,
          buf_text(&past));
}

static bool is_known_image(const struct invariants *i, const char *image)
{
    for (unsigned n = 0; n < i->image_count; n++) {
        if (strcmp(i->images[n], image) == 0) {
            return true;
        }
    }
    return false;
}

/* The reference to the Memcached was right, so its name and uid are those of @after. */
static void judge_contents(struct invariants *i, const struct deed *d)
{
    CLEANUP(buf_fini) struct buf where;
    buf_init(&where, INVARIANT_TEXT_BYTES_MAX);
    const char *image = desired_image_of(d->after);
    const char *difference =
        desired_difference(d->after, invariants_text(json_at(d->after, "metadata", "name", NULL)),
                           controlling_memcached(d->after), image, &where);
    if (!is_known_image(i, image)) {
        blame(i, d, "image \"%s\" is none that an operator was started with", image);
    } else if (difference != NULL) {
        blame(i, d, "%s is not as desired", difference);
    } else if (d->before != NULL) {
        difference = foreign_difference(d->before, d->after, &where);
        if (difference != NULL) {
            blame(i, d, "%s is not its to change", difference);
        }
    }
}

static void judge_deployment(struct invariants *i, const struct deed *d)
{
    const char *uid = controlling_memcached(d->after);
    struct memcached_past *m = history_of(&i->history, uid);
    const char *before = d->before != NULL ? controlling_memcached(d->before) : uid;
    if (m == NULL || !is_by_its_name(m, d)) {
        blame(i, d, "it is of no Memcached of its name");
    } else if (before == NULL || strcmp(before, uid) != 0) {
        blame(i, d, "it was not its Memcached's before: %s", before != NULL ? before : "nobody's");
    } else if (d->before == NULL && d->exchange->method != HTTP_POST) {
        blame(i, d, "created by %s: had one been there, it would have been merged into",
              http_method_name(d->exchange->method));
    } else if (json_at(d->before, "metadata", "deletionTimestamp", NULL) != NULL) {
        blame(i, d, "it is on its way out"); /* the write has its version */
    } else {
        judge_contents(i, d);
        /* A creation can carry no version: one whose connection broke may land after all when the
         * one that came after it was deleted. Nobody can call it back; it is put right. */
        if (d->before != NULL || !d->exchange->orphan) {
            judge_replicas(i, d, m);
        }
    }
}

/* ---- All ---- */

static void judge_lease(struct invariants *i, const struct deed *d)
{
    yyjson_val *metadata = yyjson_obj_get(d->after, "metadata");
    if (!yyjson_equals_str(yyjson_obj_get(metadata, "name"), INVARIANT_LEASE) ||
        !yyjson_equals_str(yyjson_obj_get(metadata, "namespace"), INVARIANT_LEASE_NS)) {
        blame(i, d, "it is not the operators' Lease");
    }
}

static void judge_event(struct invariants *i, const struct deed *d)
{
    CLEANUP(buf_fini) struct buf said;
    buf_init(&said, INVARIANT_TEXT_BYTES_MAX);
    if (invariants_repeated_event(i, d, &said) != NULL) {
        blame(i, d, "told already, and to be counted up: %s", buf_text(&said));
    }
}

void invariants_judge_deed(struct invariants *i, const struct deed *d)
{
    const char *resource = d->change->resource;
    if (d->after == NULL || d->exchange->method == HTTP_DELETE) {
        blame(i, d, "an operator deletes nothing");
    } else if (strcmp(resource, "memcacheds") == 0) {
        judge_memcached(i, d);
    } else if (strcmp(resource, "deployments") == 0) {
        judge_deployment(i, d);
    } else if (strcmp(resource, "leases") == 0) {
        judge_lease(i, d);
    } else if (strcmp(resource, "events") == 0) {
        judge_event(i, d);
    } else {
        blame(i, d, "an operator has nothing to write there");
    }
}

/*
 * The floor: the writes that the operator makes for pairs out of step, byte for byte (its own
 * reconcilers plan them), prepared beforehand and sent by a client that does nothing else.
 *
 *     floor KUBECONFIG NAMESPACE PAIRS SIZE LANES
 *
 * Scales the Memcacheds m0, m1, … to SIZE, each followed by its Deployment as soon as the first
 * write is answered; LANES pairs at a time. Prints one line: seconds from the first request to the
 * last answer, seconds of CPU in that time, and the median and 99th percentile of one pair's time.
 */
#include "lib/bare.h"
#include "lib/measure.h"
#include "lib/pairs.h"

#include "base/mem.h"
#include "kube/json.h"
#include "kube/name.h"
#include "operator/desired.h"
#include "operator/memcached_reconcile.h"
#include "operator/sync_reconcile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define FIELD_MANAGER "memcached-operator"

struct pair {
    struct memcached *memcached;
    struct deployment *operand;
    struct bare_request requests[2]; /* the Memcached's, the Deployment's */
    double seconds;
};

struct floor {
    struct arena arena;
    struct pair *pairs;
    size_t count;
    size_t next; /* pair to begin */
    struct lane {
        struct pair *pair;
        size_t sent; /* of its requests */
        double began;
    } * lanes;
};

/* ---- preparing ---- */

static char *resource_path(struct arena *arena, const struct kind *kind, const char *ns,
                           const char *name, bool write, bool force)
{
    CLEANUP(buf_fini) struct buf path;
    buf_init(&path, 4096);
    path_append_resource(&path, kind, ns, name, NULL);
    if (write) {
        path_append_query(&path, "fieldManager", FIELD_MANAGER);
    }
    if (force) {
        path_append_query(&path, "force", "true");
    }
    return arena_strdup(arena, buf_text(&path));
}

static struct bare_request as_request(struct arena *arena, const struct write *w)
{
    return (struct bare_request){
        .method = w->method,
        .path = resource_path(arena, w->kind, w->ns, w->name, true, w->force),
        .content_type = w->content_type,
        .body = w->body,
    };
}

/* List a kind and put each object that belongs to a pair where it belongs. */
static void list(struct bare_client *client, struct floor *f, const char *ns,
                 const struct kind *kind)
{
    struct error err = ERROR_INIT;
    const char *answer = bare_call(
        client,
        &(struct bare_request){.method = HTTP_GET,
                               .path = resource_path(&f->arena, kind, ns, NULL, false, false)});
    yyjson_doc *doc = yyjson_read(answer, strlen(answer), 0);
    yyjson_val *item;
    yyjson_arr_iter items = yyjson_arr_iter_with(yyjson_obj_get(yyjson_doc_get_root(doc), "items"));
    while ((item = yyjson_arr_iter_next(&items)) != NULL) {
        struct object *o;
        if (kind->decode(item, &o, &err) != 0) {
            die("list of %s: %s", kind->plural, err.message);
        }
        size_t i = pair_index(o->name);
        if (i >= f->count) {
            object_free(o);
        } else if (kind == &memcached_kind) {
            f->pairs[i].memcached = (struct memcached *)o;
        } else {
            f->pairs[i].operand = (struct deployment *)o;
        }
    }
    yyjson_doc_free(doc);
}

/* What the operator would do if a source of the given size appeared, and then with the result. */
static void prepare(struct arena *arena, struct pair *pair, int32_t size)
{
    struct memory memory = {0};
    struct deployment source = {
        .object = {.ns = pair->memcached->object.ns, .name = "source"},
        .replicas = size,
        .claim = pair->memcached->object.name,
    };
    const struct object *sources[] = {&source.object};
    struct plan plan;

    plan_init(&plan, arena);
    struct sizing_view sizing_view = {
        .memcached = pair->memcached, .claimants = sources, .claimant_count = ARRAY_LEN(sources)};
    struct sizing sizing = sizing_decide(&sizing_view, (struct now){0}, arena);
    sync_reconcile(&(struct sync_view){.memcached = pair->memcached,
                                       .memory = &memory,
                                       .sizing_view = &sizing_view,
                                       .sizing = &sizing},
                   (struct now){0}, &plan);
    if (!plan.has_write) {
        die("%s has that size already", pair->memcached->object.name);
    }
    pair->requests[0] = as_request(arena, &plan.write);

    pair->memcached->size = size;
    sizing = sizing_decide(&sizing_view, (struct now){0}, arena);
    plan_init(&plan, arena);
    memcached_reconcile(
        &(struct memcached_view){.memcached = pair->memcached,
                                 .operand = pair->operand,
                                 .memory = &memory,
                                 .sizing = &sizing,
                                 .image = DEFAULT_IMAGE,
                                 .shape = desired_shape(pair->memcached, DEFAULT_IMAGE)},
        (struct now){0}, &plan);
    if (!plan.has_write || plan.write.tag != WRITE_APPLY) {
        die("Deployment %s is not to be applied", pair->memcached->object.name);
    }
    pair->requests[1] = as_request(arena, &plan.write);
}

static void prepare_all(struct bare_client *client, struct floor *f, const char *ns, int32_t size)
{
    list(client, f, ns, &memcached_kind);
    list(client, f, ns, &operand_kind);
    for (size_t i = 0; i < f->count; i++) {
        if (f->pairs[i].memcached == NULL || f->pairs[i].operand == NULL) {
            die("pair %zu is not complete", i);
        }
        prepare(&f->arena, &f->pairs[i], size);
    }
}

/* ---- measuring ---- */

static const struct bare_request *next_request(void *ctx, size_t number)
{
    struct floor *f = ctx;
    struct lane *lane = &f->lanes[number];
    if (lane->pair == NULL || lane->sent == ARRAY_LEN(lane->pair->requests)) {
        double now = seconds_now();
        if (lane->pair != NULL) {
            lane->pair->seconds = now - lane->began;
        }
        if (f->next == f->count) {
            return NULL;
        }
        *lane = (struct lane){.pair = &f->pairs[f->next++], .began = now};
    }
    return &lane->pair->requests[lane->sent++];
}

static double cpu_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void measure(struct bare_client *client, struct floor *f, size_t lanes)
{
    f->lanes = arena_alloc(&f->arena, lanes * sizeof(*f->lanes));
    double *samples = arena_alloc(&f->arena, f->count * sizeof(*samples));
    double cpu = cpu_seconds(), began = seconds_now();
    bare_run(client, lanes, next_request, f);
    double wall = seconds_now() - began;
    cpu = cpu_seconds() - cpu;
    for (size_t i = 0; i < f->count; i++) {
        samples[i] = f->pairs[i].seconds;
    }
    printf("%.6f %.6f %.6f %.6f\n", wall, cpu, quantile(samples, f->count, 0.5),
           quantile(samples, f->count, 0.99));
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        die("usage: floor KUBECONFIG NAMESPACE PAIRS SIZE LANES");
    }
    struct floor f = {.count = strtoul(argv[3], NULL, 10)};
    f.pairs = arena_alloc(&f.arena, f.count * sizeof(*f.pairs));
    struct bare_client *client = bare_new(argv[1]);
    prepare_all(client, &f, argv[2], atoi(argv[4]));
    measure(client, &f, strtoul(argv[5], NULL, 10));
    bare_free(client);
    for (size_t i = 0; i < f.count; i++) {
        object_free(&f.pairs[i].memcached->object);
        object_free(&f.pairs[i].operand->object);
    }
    arena_fini(&f.arena);
    return 0;
}

/*
 * Memory: a hundred thousand events (--many: a million) about ever new names: Memcacheds, their
 * Deployments and pods, claimants of good and bad names, strangers that are in the way, and the
 * Events that follow. When all are gone, the operator is as large as one that has seen few, and
 * when it ends nothing is left.
 */
#include "sim/perturb.h"

#include "base/buf.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/store.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

/* Of AddressSanitizer, whose mallinfo2() tells nothing; its header is not in gcc 12's package. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

enum {
    EVENTS_FEW = 3000, /* tables have their size, every kind of event was there */
    EVENTS_TEST = 100 * 1000,
    EVENTS_MANY = 1000 * 1000,
    ROUND_NAMES = 16,
    ROUNDS_KEPT = 8,         /* then Events are swept away, as the server does after an hour */
    ROUND_MS = 1000,         /* between two rounds */
    END_MS = 60 * 60 * 1000, /* what is kept for a while is over by then */
    /* malloc's own caches; one allocation left behind by each name would be 90 KB */
    SLACK_BYTES = 16 << 10,
    LOST_BYTES_MAX = 64 << 10,
    STORES = 5,
    METRICS_BYTES_MAX = 1 << 20,
    BODY_BYTES = 1024,
    PATH_BYTES = 512,
};

#define DEPLOYMENTS "/apis/apps/v1/namespaces/default/deployments"
#define MEMCACHEDS  "/apis/cache.example.com/v1alpha1/namespaces/default/memcacheds"

struct footprint {
    uint64_t events, names;
    size_t bytes;   /* freed when the process ended */
    size_t objects; /* in its stores */
    size_t series;  /* lines of its metrics */
};

/* ---- What happens ---- */

static void write_object(struct world *w, enum http_method method, const char *path,
                         const char *body)
{
    char text[BODY_BYTES];
    snprintf(text, sizeof text, "%s", body);
    for (char *c = text; (c = strchr(c, '\'')) != NULL;) {
        *c = '"';
    }
    world_write(w, "kubectl", method, path, method == HTTP_POST ? MEDIA_JSON : MEDIA_MERGE_PATCH,
                method == HTTP_DELETE ? NULL : text, method == HTTP_POST ? 201 : 200);
}

static void create_memcached(struct world *w, unsigned n)
{
    char body[BODY_BYTES];
    snprintf(body, sizeof body,
             "{'apiVersion':'cache.example.com/v1alpha1','kind':'Memcached',"
             "'metadata':{'name':'m-%u'},'spec':{'size':1}}",
             n);
    write_object(w, HTTP_POST, MEMCACHEDS, body);
}

/* @claim: the label's value, NULL: none. */
static void create_deployment(struct world *w, const char *prefix, unsigned n, const char *claim)
{
    char body[BODY_BYTES];
    snprintf(body, sizeof body,
             "{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'%s-%u','labels':{"
             "'%s':'%s'}},'spec':{'replicas':2,'selector':{'matchLabels':{'a':'b'}},'template':{"
             "'metadata':{'labels':{'a':'b'}},'spec':{'containers':[{'name':'c','image':'i'}]}}}}",
             prefix, n,
             claim != NULL ? "memcached-operator/associated-memcached-deployment-name" : "team",
             claim != NULL ? claim : "x");
    write_object(w, HTTP_POST, DEPLOYMENTS, body);
}

static void delete_it(struct world *w, const char *collection, const char *prefix, unsigned n)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s-%u", collection, prefix, n);
    write_object(w, HTTP_DELETE, path, "");
}

static void scale_deployment(struct world *w, const char *prefix, unsigned n, int replicas)
{
    char path[PATH_BYTES];
    char body[BODY_BYTES];
    snprintf(path, sizeof path, DEPLOYMENTS "/%s-%u", prefix, n);
    snprintf(body, sizeof body, "{'spec':{'replicas':%d}}", replicas);
    write_object(w, HTTP_PATCH, path, body);
}

/* Each kind of name has another fate. */
enum fate { FATE_CLAIMANTS, FATE_STRANGER, FATE_BAD_CLAIM, FATE_RIVAL, FATES };

static void begin(struct world *w, unsigned n)
{
    char name[64];
    snprintf(name, sizeof name, "m-%u", n);
    enum fate fate = n % FATES;
    if (fate == FATE_STRANGER) {
        create_deployment(w, "m", n, NULL);
    }
    create_memcached(w, n);
    create_deployment(w, "s", n, name);
    if (fate == FATE_CLAIMANTS) {
        create_deployment(w, "c", n, name);
    } else if (fate == FATE_BAD_CLAIM) {
        snprintf(name, sizeof name, "Bad_%u", n);
        create_deployment(w, "c", n, name);
    } else {
        snprintf(name, sizeof name, "nobody-%u", n);
        create_deployment(w, "c", n, name);
    }
}

static void change(struct world *w, unsigned n)
{
    enum fate fate = n % FATES;
    scale_deployment(w, "s", n, 1);
    if (fate == FATE_RIVAL) {
        scale_deployment(w, "m", n, 3);
    }
}

static void end(struct world *w, unsigned n)
{
    bool source_first = n / FATES % 2 == 0;
    if (source_first) {
        delete_it(w, DEPLOYMENTS, "s", n);
        delete_it(w, MEMCACHEDS, "m", n);
    } else {
        delete_it(w, MEMCACHEDS, "m", n);
        delete_it(w, DEPLOYMENTS, "s", n);
    }
    delete_it(w, DEPLOYMENTS, "c", n);
    if (n % FATES == FATE_STRANGER) {
        delete_it(w, DEPLOYMENTS, "m", n);
    }
}

/* ---- Running ---- */

static enum world_say count_event(void *ctx, struct world *w, const struct choice *next)
{
    uint64_t *events = ctx;
    (void)w;
    *events += next->type == CHOICE_DELIVER ? 1 : 0;
    return SAY_TAKE;
}

static void collect_path(void *ctx, const char *json)
{
    struct buf *paths = ctx;
    yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
    const char *name = yyjson_get_str(json_at(yyjson_doc_get_root(doc), "metadata", "name", NULL));
    buf_printf(paths, "/apis/events.k8s.io/v1/namespaces/default/events/%s\n",
               name != NULL ? name : "");
    yyjson_doc_free(doc);
}

/* The server forgets: Events after an hour, history after minutes. */
static void sweep(struct world *w)
{
    CLEANUP(buf_fini) struct buf paths;
    buf_init(&paths, 64 << 20);
    api_each(world_api(w), "events", NULL, collect_path, &paths);
    for (char *at = paths.data, *stop; at != NULL && *at != '\0'; at = stop + 1) {
        stop = strchr(at, '\n');
        *stop = '\0';
        write_object(w, HTTP_DELETE, at, "");
    }
    world_take(
        w, &(struct choice){.type = CHOICE_COMPACT, .value = (int64_t)api_revision(world_api(w))});
}

static void each_name(struct world *w, unsigned first, void (*what)(struct world *w, unsigned n),
                      uint64_t *events)
{
    for (unsigned n = first; n < first + ROUND_NAMES; n++) {
        what(w, n);
    }
    world_play(w, 0, count_event, events);
}

static void pass(struct world *w, uint64_t ms)
{
    struct choice choices[WORLD_CHOICES_MAX];
    uint64_t until_ms = world_now_ms(w) + ms;
    while (world_failure(w) == NULL && world_now_ms(w) < until_ms) {
        struct choice next = choices[world_choices(w, choices) - 1];
        int64_t left_ms = (int64_t)(until_ms - world_now_ms(w));
        next.value = next.value < left_ms ? next.value : left_ms;
        world_take(w, &next);
        world_drain(w);
    }
}

/* ---- Measuring ---- */

static size_t heap_bytes(void)
{
    return __sanitizer_get_current_allocated_bytes != NULL
               ? __sanitizer_get_current_allocated_bytes()
               : mallinfo2().uordblks;
}

static size_t count_series(struct manager *m)
{
    CLEANUP(buf_fini) struct buf text;
    size_t lines = 0;
    buf_init(&text, METRICS_BYTES_MAX);
    metrics_render(manager_metrics(m), &text);
    for (size_t i = 0; i < text.len; i++) {
        lines += text.data[i] == '\n' ? 1 : 0;
    }
    return lines;
}

static void measure(struct world *w, struct footprint *out)
{
    struct manager *m = world_manager(w, 0);
    for (size_t i = 0; i < STORES; i++) {
        out->objects += manager_store(m, i)->objects.count;
    }
    out->series = count_series(m);
    size_t before = heap_bytes();
    world_take(w, &(struct choice){.type = CHOICE_CRASH});
    out->bytes = before - heap_bytes();
}

static struct world *live(uint64_t events, bool watch_list, const struct perturb_case *c,
                          struct footprint *out)
{
    struct world *w = world_new(&(struct world_options){
        .seed = 7, .processes = 1, .watch_list = watch_list, .trace = c->trace, .logs = c->logs});
    *out = (struct footprint){0};
    world_drain(w);
    for (unsigned first = 0; out->events < events && world_failure(w) == NULL;
         first += ROUND_NAMES) {
        each_name(w, first, begin, &out->events);
        each_name(w, first, change, &out->events);
        each_name(w, first, end, &out->events);
        out->names += ROUND_NAMES;
        pass(w, ROUND_MS);
        if (first / ROUND_NAMES % ROUNDS_KEPT == 0) {
            sweep(w);
        }
    }
    sweep(w);
    pass(w, END_MS);
    measure(w, out);
    return w;
}

static void compare(struct world *w, const struct footprint *few, const struct footprint *many)
{
    if (many->objects != few->objects || many->series != few->series ||
        many->bytes > few->bytes + SLACK_BYTES) {
        world_fail(w,
                   "I5: after %" PRIu64 " events about %" PRIu64
                   " names %zu objects, %zu series of metrics, %zu bytes; after %" PRIu64
                   " about %" PRIu64 ": %zu, %zu, %zu",
                   many->events, many->names, many->objects, many->series, many->bytes, few->events,
                   few->names, few->objects, few->series, few->bytes);
    }
    if (few->bytes == 0) {
        world_fail(w, "memory: nothing was measured");
    }
}

/* ---- Cases ---- */

static uint64_t count(bool many)
{
    return many ? 2 : 1;
}

static void run(uint64_t i, bool many, struct perturb_case *c)
{
    struct footprint few, all;
    bool watch_list = i % 2 == 0;
    world_free(live(EVENTS_FEW, watch_list, c, &few));
    size_t before = heap_bytes();
    struct world *w = live(many ? EVENTS_MANY : EVENTS_TEST, watch_list, c, &all);
    compare(w, &few, &all);
    snprintf(c->what, sizeof c->what,
             "%" PRIu64 " events about %" PRIu64 " names, %s lists: %zu bytes, %zu series, %zu "
             "objects; after %" PRIu64 " about %" PRIu64 ": %zu bytes",
             all.events, all.names, watch_list ? "streamed" : "paged", all.bytes, all.series,
             all.objects, few.events, few.names, few.bytes);
    printf("memory: %s\n", c->what);
    perturb_finish(w, c);
    size_t after = heap_bytes();
    if (c->failure[0] == '\0' && after > before + LOST_BYTES_MAX) {
        snprintf(c->failure, sizeof c->failure, "I5: %zu bytes are lost for good", after - before);
    }
}

const struct perturb_class perturb_memory = {
    .name = "memory",
    .about = "events about ever new names: when they are gone, the operator is as large as before",
    .count = count,
    .run = run,
};

/*
 * A watch stream through a reflector into its store. However the stream is cut, the outcome is the
 * same: store, position, error, and what the reflector does next.
 */
#include "base/mem.h"
#include "fuzz/fuzz.h"
#include "kube/reflector.h"
#include "operator/types.h"

#include <string.h>

static const struct now at_start = {.mono_ms = 1000};
static const struct now at_end = {.mono_ms = 5000};

struct feeding {
    struct reflector *reflector;
    struct error err;
};

static int feed(void *ctx, const char *bytes, size_t len)
{
    struct feeding *f = ctx;
    return reflector_body(f->reflector, at_end, bytes, len, &f->err);
}

static void begin(struct reflector *r)
{
    struct request request;
    assert(reflector_want(r, at_start, &request));
    assert(strstr(request.path, "sendInitialEvents=true") != NULL);
    request_fini(&request);
    reflector_head(r, at_start, 200, -1);
}

/* The list is over: what comes goes straight into the store. */
static void end_list(struct reflector *r)
{
    static const char bookmark[] = "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{"
                                   "\"resourceVersion\":\"5\",\"annotations\":"
                                   "{\"k8s.io/initial-events-end\":\"true\"}}}}\n";
    struct error err = ERROR_INIT;
    assert(reflector_body(r, at_start, bookmark, sizeof bookmark - 1, &err) == 0);
    assert(reflector_synced(r));
}

static void describe_store(const struct store *store, struct buf *out)
{
    map_for_each (&store->objects, entry) {
        const struct object *o = entry->value;
        char key[STORE_KEY_BYTES];
        assert(strcmp(entry->key, store_key(o->ns, o->name, key)) == 0);
        buf_printf(out, "%s %s@%s %s\n", entry->key, o->uid, o->rv, o->deleting ? "deleting" : "");
    }
}

static void describe(const struct reflector *r, const struct feeding *f, struct buf *out)
{
    describe_store(r->store, out);
    buf_printf(out, "at %s synced %d pending %zu\n", r->scope->rv != NULL ? r->scope->rv : "-",
               r->scope->synced, r->pending_count);
    buf_printf(out, "state %d next %d list %d failing %d wake %d\n", r->state, r->next, r->list_rv,
               r->failing, (int)r->wake_ms);
    buf_printf(out, "error %d %s\n", f->err.code, f->err.message);
}

/* The outcome of @stream cut at @sizes, as text (mem_free). */
static char *outcome(const struct reflector_spec *spec, bool listed, struct part stream,
                     struct part sizes)
{
    struct random random;
    struct store store;
    struct reflector r;
    struct feeding f = {&r, ERROR_INIT};
    struct buf out;
    buf_init(&out, 64 << 20);
    random_init(&random, 1);
    store_init(&store, spec->kind, 1);
    reflector_init(&r, spec, &store, &random, NULL, NULL);
    begin(&r);
    if (listed) {
        end_list(&r);
    }
    int rc = feed_pieces(stream, sizes, feed, &f);
    assert(rc == f.err.code);
    describe(&r, &f, &out);
    reflector_end(&r, at_end, rc != 0 ? &f.err : NULL);
    assert(r.state == REFLECTOR_WAITING && r.wake_ms >= at_end.mono_ms);
    describe(&r, &f, &out);
    reflector_fini(&r);
    store_fini(&store);
    return buf_take(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct reflector_spec all = {.kind = &memcached_kind, .ns = ""};
    static const struct reflector_spec one = {.kind = &source_kind, .ns = "default"};
    static const char in_big_pieces[] = "\xff";
    struct input in = input_of(data, size);
    struct part stream, sizes;
    input_next(&in, &stream);
    input_next(&in, &sizes);
    for (int listed = 0; listed <= 1; listed++) {
        const struct reflector_spec *spec = listed ? &one : &all;
        char *cut = outcome(spec, listed, stream, sizes);
        char *big = outcome(spec, listed, stream, (struct part){in_big_pieces, 1});
        assert(strcmp(cut, big) == 0);
        mem_free(cut);
        mem_free(big);
    }
    return 0;
}

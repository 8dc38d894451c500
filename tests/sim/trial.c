#include "sim/trial.h"

#include "lib/testing.h"

#include <string.h>

void trial_begin(struct trial *t, const struct world_options *options)
{
    *t = (struct trial){.world = world_new(options)};
    t->invariants = invariants_new(t->world);
}

void trial_end(struct trial *t)
{
    invariants_free(t->invariants);
    world_free(t->world);
}

struct telling {
    struct trial *trial;
    int process;
    const struct exchange *exchange;
};

static void tell_change(void *ctx, const struct api_change *change)
{
    struct telling *t = ctx;
    t->trial->revision = change->revision;
    invariants_change(t->trial->invariants, t->process, t->exchange, change);
}

void trial_tell(struct trial *t, int process, const struct exchange *exchange)
{
    struct telling telling = {.trial = t, .process = process, .exchange = exchange};
    api_each_change(world_api(t->world), t->revision, tell_change, &telling);
}

void trial_write(struct trial *t, const struct exchange *exchange, enum http_method method,
                 const char *path, const char *body)
{
    uint64_t revision = api_revision(world_api(t->world));
    bool is_apply = strstr(path, "fieldManager=") != NULL;
    world_write(t->world, exchange != NULL ? "memcached-operator" : "kubectl", method, path,
                is_apply               ? MEDIA_APPLY_PATCH
                : method == HTTP_PATCH ? MEDIA_MERGE_PATCH
                                       : MEDIA_JSON,
                body, 0);
    if (api_revision(world_api(t->world)) == revision) {
        fail_msg("nothing came of %s %s", path, body != NULL ? body : "");
    }
    trial_tell(t, exchange != NULL ? 0 : -1, exchange);
}

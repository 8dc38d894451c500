#include "lib/testing.h"

#include "lib/toy.h"

#include <stdio.h>

static const struct kind thing_kind = {
    .group = "toys.example.com", .version = "v1", .kind = "Thing", .plural = "things"};

static void reconcile(void *ctx, const char *ns, const char *name, struct now now,
                      struct plan *plan)
{
    struct toy *t = ctx;
    (void)now;
    t->reconciles++;
    if (t->again_ms > 0) {
        plan_again(plan, t->again_ms);
    }
    if (t->write) {
        struct write *w = plan_write(plan, "patch Thing", HTTP_PATCH, &thing_kind, ns, name);
        w->content_type = MEDIA_MERGE_PATCH;
        w->body = "{\"a\":1}";
        w->into = t->things;
    } else if (t->look) {
        plan_write(plan, "look at Thing", HTTP_GET, &thing_kind, ns, name);
    }
}

static bool answered(void *ctx, const char *ns, const char *name, struct now now,
                     const struct write *write, const struct answer *answer,
                     const struct object *object)
{
    struct toy *t = ctx;
    (void)ns, (void)name, (void)now, (void)write;
    t->answers++;
    t->last_code = answer->error.code;
    t->last_object = object != NULL;
    return t->look_again;
}

static void resync(void *ctx, struct now now)
{
    struct toy *t = ctx;
    map_for_each (&t->things->objects, e) {
        const struct object *o = e->value;
        controller_enqueue(t->controller, now, o->ns, o->name);
    }
}

static void on_thing(void *ctx, const struct object *before, const struct object *after)
{
    struct toy *t = ctx;
    const struct object *o = after != NULL ? after : before;
    controller_enqueue(t->controller, manager_now(t->driver.manager), o->ns, o->name);
}

struct manager_options toy_options(void)
{
    return (struct manager_options){
        .log = {.encoder = LOG_CONSOLE, .time = LOG_TIME_ISO8601, .level_min = LOG_DEBUG},
        .name = "toy",
        .identity = "me",
        .host = "server:443",
        .user = "tester",
        .lease_ns = "system",
        .lease_name = "toy",
        .max_concurrent = 16,
        .seed = 7,
    };
}

void toy_init(struct toy *t, const struct manager_options *options)
{
    *t = (struct toy){0};
    struct manager *m = manager_new(options);
    t->things = manager_watch(
        m, &(struct watch_spec){.kind = &thing_kind, .if_not_served = "install the toys"});
    t->controller =
        manager_add_controller(m, &(struct controller_spec){.name = "thing",
                                                            .logger = "controllers.Thing",
                                                            .keyed_by = &thing_kind,
                                                            .ctx = t,
                                                            .reconcile = reconcile,
                                                            .answered = answered,
                                                            .resync = resync});
    store_subscribe(t->things, on_thing, t);
    driver_init(&t->driver, m);
}

void toy_fini(struct toy *t)
{
    driver_fini(&t->driver);
}

void toy_tell(struct toy *t, const char *name, int rv)
{
    driver_feed(&t->driver, "GET " THINGS,
                "{'type':'MODIFIED','object':{'metadata':{'namespace':'default','name':'%s','uid':"
                "'u-%s','resourceVersion':'%d'}}}\n",
                name, name, rv);
}

void toy_patched(struct toy *t, const char *name, int rv)
{
    char line[256];
    snprintf(line, sizeof line, "PATCH " THING "%s?", name);
    driver_answer(
        &t->driver, line, 200,
        "{'metadata':{'namespace':'default','name':'%s','uid':'u-%s','resourceVersion':'%d'}}",
        name, name, rv);
}

size_t toy_patches(const struct toy *t)
{
    return driver_count(&t->driver, "PATCH " THING);
}

/*
 * Lookouts at work in a manager: objects that are watched each for itself, come and go, and what
 * whoever refers to them is told.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "kube/kind_search.h"
#include "lib/driver.h"
#include "lib/toy.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GADGETS   "/apis/example.com/v1/namespaces/a/gadgets?fieldSelector=metadata.name%3D"
#define GET(name) "GET " GADGETS name "&"

#define META(name, rv)      "{'metadata':{'namespace':'a','name':'" name "','resourceVersion':'" rv "'}}"
#define EVENT(type, object) "{'type':'" type "','object':" object "}\n"
#define INITIAL_END(rv)                                                                            \
    EVENT("BOOKMARK", "{'metadata':{'resourceVersion':'" rv                                        \
                      "','annotations':{'k8s.io/initial-events-end':'true'}}}")
#define LIST(rv, items) "{'metadata':{'resourceVersion':'" rv "'},'items':[" items "]}"
#define NOT_FOUND       "{'kind':'Status','code':404,'reason':'NotFound'}"
#define FORBIDDEN       "{'kind':'Status','code':403,'reason':'Forbidden','message':'no'}"

static const struct kind gadget_kind = {
    .group = "example.com", .version = "v1", .kind = "Gadget", .plural = "gadgets"};

/* What the server says of kinds that are not compiled in. */
#define ROLLOUTS      "GET /apis/argoproj.io/v1alpha1"
#define GET_ROLLOUT   "GET /apis/argoproj.io/v1alpha1/namespaces/a/rollouts"
#define WATCH_ROLLOUT GET_ROLLOUT "?fieldSelector=metadata.name%3Dr&"
#define RESOURCES                                                                                  \
    "{'kind':'APIResourceList','groupVersion':'argoproj.io/v1alpha1','resources':["                \
    "{'name':'rollouts','namespaced':true,'kind':'Rollout','verbs':['get','list','watch']},"       \
    "{'name':'rollouts/scale','namespaced':true,'group':'autoscaling','version':'v1',"             \
    "'kind':'Scale','verbs':['get','patch','update']}]}"
#define ROLLOUT(rv, uid, generation)                                                               \
    "{'metadata':{'namespace':'a','name':'r','uid':'" uid "','resourceVersion':'" rv               \
    "','generation':" generation "}}"
#define SCALE(rv, uid, replicas)                                                                   \
    "{'kind':'Scale','metadata':{'namespace':'a','name':'r','uid':'" uid                           \
    "','resourceVersion':'" rv "'},'spec':{'replicas':" replicas "}}"

/* ---- whoever refers to objects --------------------------------------------------------------- */

struct referrer {
    struct driver driver;
    struct controller *controller; /* reads the scale of what it is told of, when that is due */
    struct store *things;
    struct buf told;
    const char *remove_when_told, *add_when_told; /* names in namespace a */
    size_t reconciles;
};

static struct referrer referrer;

static void describe(struct buf *out, const struct sight *sight)
{
    buf_append_text(out, sight->synced ? "" : " unknown");
    if (sight->object != NULL) {
        buf_printf(out, " @%s", sight->object->rv);
    }
    if (sight->scale != NULL) {
        buf_printf(out, " x%d", sight->scale->replicas);
    }
    buf_append_text(out, sight->scale_due ? " due" : "");
    if (sight->trouble != NULL) {
        buf_printf(out, " %s", error_code_name(sight->trouble->code));
    }
    buf_append_char(out, '\n');
}

static void on_news(void *ctx, struct lookout *l, const char *ns, const char *name)
{
    struct referrer *r = ctx;
    struct sight sight = lookout_see(l, ns, name);
    const char *remove = r->remove_when_told;
    const char *add = r->add_when_told;

    buf_printf(&r->told, "%s:", name);
    describe(&r->told, &sight);
    r->remove_when_told = r->add_when_told = NULL;
    if (remove != NULL) {
        lookout_remove(l, ns, remove);
    }
    if (add != NULL) {
        lookout_add(l, ns, add);
    }
    if (r->controller != NULL) {
        controller_enqueue(r->controller, manager_now(r->driver.manager), ns, name);
    }
}

static struct lookout *gadgets(struct referrer *r)
{
    return manager_lookout(r->driver.manager,
                           &(struct lookout_spec){.kind = &gadget_kind, .news = on_news, .ctx = r},
                           NULL);
}

static struct lookout *rollouts(struct referrer *r)
{
    return manager_lookout(r->driver.manager,
                           &(struct lookout_spec){.api_version = "argoproj.io/v1alpha1",
                                                  .kind_name = "Rollout",
                                                  .news = on_news,
                                                  .ctx = r},
                           NULL);
}

/* As the header of lookout.h has it. */
static void reconcile(void *ctx, const char *ns, const char *name, struct now now,
                      struct plan *plan)
{
    struct referrer *r = ctx;
    struct lookout *l = rollouts(r);
    struct sight sight = lookout_see(l, ns, name);

    (void)now;
    r->reconciles++;
    if (sight.scale_due) {
        struct write *w = plan_write(plan, "read scale", HTTP_GET, lookout_kind(l), ns, name);
        w->subresource = "scale";
        w->into = lookout_scales(l);
    }
}

static const struct kind thing_kind = {
    .group = "toys.example.com", .version = "v1", .kind = "Thing", .plural = "things"};

static struct driver *begin_with(const struct manager_options *options)
{
    struct manager *m = manager_new(options);

    referrer = (struct referrer){.driver.manager = m};
    buf_init(&referrer.told, 1 << 20);
    referrer.things = manager_watch(m, &(struct watch_spec){.kind = &thing_kind});
    driver_init(&referrer.driver, m);
    return &referrer.driver;
}

static struct driver *begin(void)
{
    struct manager_options options = toy_options();

    return begin_with(&options);
}

static struct driver *begin_reading_scales(void)
{
    struct manager_options options = toy_options();
    struct driver *d = begin_with(&options);

    referrer.controller =
        manager_add_controller(d->manager, &(struct controller_spec){.name = "reader",
                                                                     .logger = "reader",
                                                                     .keyed_by = &thing_kind,
                                                                     .ctx = &referrer,
                                                                     .reconcile = reconcile});
    driver_list(d, THINGS, "%s", "");
    return d;
}

static int teardown(void **state)
{
    (void)state;
    driver_fini(&referrer.driver);
    buf_fini(&referrer.told);
    return 0;
}

static void add(const char *name)
{
    assert_true(lookout_add(gadgets(&referrer), "a", name));
    driver_pass(&referrer.driver, 0);
}

static void remove_one(const char *name)
{
    lookout_remove(gadgets(&referrer), "a", name);
    driver_pass(&referrer.driver, 0);
}

#define assert_told(expected)                                                                      \
    do {                                                                                           \
        assert_string_equal(buf_text(&referrer.told), expected);                                   \
        buf_reset(&referrer.told, SIZE_MAX);                                                       \
    } while (0)

static const struct store *gadget_store(void)
{
    return manager_store(referrer.driver.manager, 1); /* behind the things */
}

/* Nothing of what was watched is left: neither here nor on the wire. */
static void assert_nothing_left(struct driver *d)
{
    assert_int_equal(driver_count(d, "GET " GADGETS), 0);
    assert_int_equal(gadget_store()->scope_count, 0);
    assert_int_equal(gadget_store()->objects.count, 0);
}

/* ---- an object's life ------------------------------------------------------------------------ */

static void an_object_appears_changes_goes_and_comes_again(void **state)
{
    (void)state;
    struct driver *d = begin();

    add("web");
    assert_told("");
    driver_feed(d, GET("web"), INITIAL_END("10"));
    assert_told("web:\n"); /* known to be absent */
    driver_feed(d, GET("web"), EVENT("ADDED", META("web", "11")));
    driver_feed(d, GET("web"), EVENT("MODIFIED", META("web", "12")));
    driver_feed(d, GET("web"), EVENT("DELETED", META("web", "13")));
    driver_feed(d, GET("web"), EVENT("ADDED", META("web", "14")));
    assert_told("web: @11\nweb: @12\nweb:\nweb: @14\n");
    driver_answer(d, GET("web"), 200, "%s", "");
    assert_int_equal(driver_count(d, GET("web")), 1); /* goes on */
}

static void who_was_not_added_is_not_known(void **state)
{
    (void)state;
    struct driver *d = begin();
    struct sight sight = lookout_see(gadgets(&referrer), "a", "web");

    assert_false(sight.synced);
    assert_null(sight.object);
    assert_null(sight.trouble);
    assert_false(lookout_refresh(gadgets(&referrer), "a", "web"));
    assert_int_equal(driver_count(d, "GET " GADGETS), 0);
}

static void two_who_refer_to_one_object_share_its_watch(void **state)
{
    (void)state;
    struct driver *d = begin();

    add("web");
    add("web");
    assert_int_equal(driver_count(d, GET("web")), 1);
    driver_feed(d, GET("web"), EVENT("ADDED", META("web", "5")) INITIAL_END("10"));
    remove_one("web");
    assert_int_equal(driver_count(d, GET("web")), 1);
    assert_told("web: unknown @5\nweb: @5\n");
    remove_one("web");
    assert_told("web: unknown\n");
    assert_nothing_left(d);
}

static void an_object_is_no_other_of_its_name(void **state)
{
    (void)state;
    struct driver *d = begin();

    add("web");
    assert_true(lookout_add(gadgets(&referrer), "b", "web"));
    driver_pass(d, 0);
    assert_non_null(driver_find(d, "GET /apis/example.com/v1/namespaces/b/gadgets?fieldSelector="
                                   "metadata.name%3Dweb&"));
    driver_feed(d, GET("web"), EVENT("ADDED", META("web", "5")) INITIAL_END("10"));
    assert_false(lookout_see(gadgets(&referrer), "b", "web").synced);
    assert_true(lookout_see(gadgets(&referrer), "a", "web").synced);
}

/* Added by a reconcile, it is begun as soon as the shell can. */
static void what_was_added_is_due_at_once(void **state)
{
    (void)state;
    struct driver *d = begin();

    assert_true(manager_deadline(d->manager) > d->now.mono_ms);
    assert_true(lookout_add(gadgets(&referrer), "a", "web"));
    assert_true(manager_deadline(d->manager) <= d->now.mono_ms);
    driver_pass(d, 0);
    assert_true(manager_deadline(d->manager) > d->now.mono_ms);
    lookout_remove(gadgets(&referrer), "a", "web");
    assert_true(manager_deadline(d->manager) <= d->now.mono_ms);
}

/* Whole objects only of kinds that the program decodes. */
static void only_what_is_used_is_asked_for(void **state)
{
    (void)state;
    struct driver *d = begin();

    add("web");
    assert_null(driver_find(d, GET("web"))->accept);
    assert_true(lookout_add(rollouts(&referrer), "a", "r"));
    driver_pass(d, 0);
    driver_answer(d, ROLLOUTS, 200, RESOURCES);
    assert_non_null(strstr(driver_find(d, WATCH_ROLLOUT)->accept, "as=PartialObjectMetadata;"));
}

static void names_that_are_none_are_not_watched(void **state)
{
    static const char *const names[] = {"", "..", "a,b", "a=b", "A", "a/b", "a b"};
    (void)state;
    struct driver *d = begin();

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_false(lookout_add(gadgets(&referrer), "a", names[i]));
        assert_false(lookout_add(gadgets(&referrer), names[i], "web"));
    }
    driver_pass(d, 1000);
    assert_int_equal(driver_count(d, "GET " GADGETS), 0);
}

/* ---- coming and going while something is in flight ------------------------------------------- */

static void removed_while_it_is_listed(void **state)
{
    (void)state;
    struct driver *d = begin();

    add("web");
    driver_answer(d, GET("web"), 422, "{}"); /* no WatchList here */
    driver_feed(d, GET("web") "resourceVersion=0", "{'items':[" META("web", "5") ",");
    remove_one("web");
    assert_told("");
    assert_nothing_left(d);
}

static void removed_while_its_initial_events_come(void **state)
{
    (void)state;
    struct driver *d = begin();

    add("web");
    driver_feed(d, GET("web"), EVENT("ADDED", META("web", "5")));
    remove_one("web");
    assert_told("");
    assert_nothing_left(d);
}

static void removed_while_it_waits_for_another_attempt(void **state)
{
    (void)state;
    struct driver *d = begin();

    add("web");
    driver_break(d, GET("web"));
    assert_told("web: unknown transport\n");
    remove_one("web");
    driver_pass(d, 60000);
    assert_told("");
    assert_nothing_left(d);
}

/* web@5 is known, its watch has broken, and the check that comes before another one waits for its
 * answer. */
static void add_and_break(struct driver *d)
{
    add("web");
    driver_feed(d, GET("web"), EVENT("ADDED", META("web", "5")) INITIAL_END("10"));
    driver_break(d, GET("web"));
    driver_pass(d, 2000);
}

/* However often it is referred to anew: it is asked for when the server wants to be asked. */
static void removed_and_added_again_in_a_pause_keeps_to_it(void **state)
{
    (void)state;
    struct driver *d = begin();

    add_and_break(d);
    driver_answer(d, GET("web") "resourceVersion=10", 200, LIST("10", ""));
    driver_retry_after(d, GET("web"), 429, 30000);
    remove_one("web");
    driver_pass(d, 10000);
    add("web");
    assert_ptr_equal(lookout_see(gadgets(&referrer), "a", "web").object,
                     store_get(gadget_store(), "a", "web"));
    driver_pass(d, 19000);
    assert_int_equal(driver_count(d, GET("web")), 0);
    driver_pass(d, 20000);
    driver_retry_after(d, GET("web"), 429, 30000);
    remove_one("web");
    driver_pass(d, 29000);
    assert_int_equal(gadget_store()->scope_count, 1);
    driver_pass(d, 30000);
    assert_nothing_left(d);
}

static void removed_and_added_again_in_one_step_goes_on(void **state)
{
    (void)state;
    struct driver *d = begin();

    add("web");
    driver_feed(d, GET("web"), EVENT("ADDED", META("web", "5")) INITIAL_END("10"));
    assert_told("web: unknown @5\nweb: @5\n");
    size_t started = d->started;
    lookout_remove(gadgets(&referrer), "a", "web");
    add("web");
    assert_int_equal(d->started, started);
    assert_int_equal(driver_count(d, GET("web")), 1);
    assert_told("");
}

static void removed_and_added_again_later_begins_anew(void **state)
{
    (void)state;
    struct driver *d = begin();

    add("web");
    driver_feed(d, GET("web"), EVENT("ADDED", META("web", "5")) INITIAL_END("10"));
    remove_one("web");
    buf_reset(&referrer.told, SIZE_MAX);
    add("web");
    assert_false(lookout_see(gadgets(&referrer), "a", "web").synced);
    driver_feed(d, GET("web"), INITIAL_END("20"));
    assert_told("web:\n");
}

/* Within the very call that hands its event over. */
static void removed_by_whom_it_is_told_to(void **state)
{
    (void)state;
    struct driver *d = begin();

    add("web");
    referrer.remove_when_told = "web";
    driver_feed(d, GET("web"),
                EVENT("ADDED", META("web", "5")) INITIAL_END("10")
                    EVENT("MODIFIED", META("web", "11")));
    assert_told("web: unknown @5\nweb: @5\nweb: @11\nweb: unknown\n");
    assert_nothing_left(d);
}

static void added_anew_by_whom_its_end_is_told_to(void **state)
{
    (void)state;
    struct driver *d = begin();

    add("web");
    driver_feed(d, GET("web"), EVENT("ADDED", META("web", "5")) INITIAL_END("10"));
    buf_reset(&referrer.told, SIZE_MAX);
    referrer.add_when_told = "web";
    remove_one("web");
    assert_told("web: unknown\n");
    assert_int_equal(driver_count(d, GET("web")), 1);
    driver_feed(d, GET("web"), EVENT("ADDED", META("web", "5")) INITIAL_END("10"));
    assert_told("web: unknown @5\nweb: @5\n");
}

static void others_added_by_whom_something_is_told_to(void **state)
{
    (void)state;
    struct driver *d = begin();

    add("web");
    referrer.add_when_told = "api";
    driver_feed(d, GET("web"), INITIAL_END("10"));
    assert_int_equal(driver_count(d, GET("api")), 1);
}

/* ---- trouble --------------------------------------------------------------------------------- */

/* Only the first of attempts that fail alike is told. */
static void a_kind_that_is_not_served_is_watched_once_it_is(void **state)
{
    (void)state;
    struct driver *d = begin();

    driver_list(d, THINGS, "%s", "");
    add("web");
    for (int i = 0; i < 5; i++) {
        driver_answer(d, GET("web"), 404, "404 page not found");
        driver_pass(d, 60000);
    }
    assert_told("web: unknown not-found\n");
    assert_true(manager_ready(d->manager, NULL));
    driver_feed(d, GET("web"), EVENT("ADDED", META("web", "5")) INITIAL_END("10"));
    assert_told("web: unknown @5 not-found\nweb: @5\n");
}

/* The type goes while it is watched: its object is gone with it, for what one can know. */
static void a_kind_that_is_no_longer_served_has_no_objects(void **state)
{
    (void)state;
    struct driver *d = begin();

    add("web");
    driver_feed(d, GET("web"), EVENT("ADDED", META("web", "5")) INITIAL_END("10"));
    driver_answer(d, GET("web"), 200, "%s", "");
    buf_reset(&referrer.told, SIZE_MAX);
    driver_answer(d, GET("web"), 404, "404 page not found"); /* the watch */
    driver_pass(d, 2000);
    driver_answer(d, GET("web"), 404, "404 page not found"); /* the list */
    assert_told("web: @5 not-found\nweb: not-found\n");
}

static void a_forbidden_object_stops_nobody(void **state)
{
    (void)state;
    struct driver *d = begin();

    add("web");
    add("api");
    driver_list(d, THINGS, "%s", "");
    driver_answer(d, GET("web"), 403, FORBIDDEN);
    assert_told("web: unknown forbidden\n");
    struct sight sight = lookout_see(gadgets(&referrer), "a", "web");
    assert_non_null(strstr(sight.trouble->message, "403 Forbidden: no"));
    assert_true(manager_ready(d->manager, NULL));
    assert_non_null(strstr(buf_text(&d->logs), "Starting the controllers"));
    driver_feed(d, GET("api"), INITIAL_END("10"));
    assert_told("api:\n");
    driver_pass(d, 60000);
    driver_feed(d, GET("web"), INITIAL_END("11"));
    assert_told("web:\n");
}

/* A new watch while the manager is at work. */
static void nobody_waits_for_a_new_object(void **state)
{
    (void)state;
    struct driver *d = begin_reading_scales();

    add("web");
    controller_enqueue(referrer.controller, d->now, "a", "any");
    driver_pass(d, 1);
    assert_int_equal(referrer.reconciles, 1);
    assert_true(manager_ready(d->manager, NULL));
    assert_true(manager_deadline(d->manager) > d->now.mono_ms); /* and nobody spins */
}

static void what_was_known_stays_while_the_watch_is_broken(void **state)
{
    (void)state;
    struct driver *d = begin();

    add("web");
    driver_feed(d, GET("web"), EVENT("ADDED", META("web", "5")) INITIAL_END("10"));
    buf_reset(&referrer.told, SIZE_MAX);
    driver_break(d, GET("web"));
    assert_told("web: @5 transport\n");
    driver_pass(d, 2000);
    driver_answer(d, GET("web") "resourceVersion=10", 200, LIST("10", ""));
    driver_feed(d, GET("web"), "%s", "");
    assert_told("web: @5\n");
}

static void history_that_is_gone_is_listed_anew(void **state)
{
    (void)state;
    struct driver *d = begin();

    add("web");
    driver_feed(d, GET("web"), EVENT("ADDED", META("web", "5")) INITIAL_END("10"));
    driver_answer(d, GET("web"), 200, "%s", "");
    buf_reset(&referrer.told, SIZE_MAX);
    driver_answer(d, GET("web"), 410, "{'kind':'Status','code':410,'reason':'Expired'}");
    driver_pass(d, 2000);
    assert_told("web: @5 gone\n");
    driver_feed(d, GET("web"), INITIAL_END("20"));
    assert_told("web: gone\nweb:\n"); /* it went meanwhile */
}

static void refreshed_by_a_consistent_read(void **state)
{
    (void)state;
    struct driver *d = begin();

    add("web");
    driver_feed(d, GET("web"), EVENT("ADDED", META("web", "5")) INITIAL_END("10"));
    assert_int_equal(lookout_see(gadgets(&referrer), "a", "web").lists, 1);
    assert_true(lookout_refresh(gadgets(&referrer), "a", "web"));
    assert_true(lookout_refresh(gadgets(&referrer), "a", "web")); /* begins later than this */
    driver_pass(d, 0);
    assert_false(lookout_refresh(gadgets(&referrer), "a", "web")); /* has begun before */
    assert_int_equal(driver_count(d, GET("web")), 1);
    assert_null(strstr(driver_find(d, GET("web"))->line, "&resourceVersion="));
    driver_feed(d, GET("web"), EVENT("ADDED", META("web", "6")) INITIAL_END("20"));
    assert_int_equal(lookout_see(gadgets(&referrer), "a", "web").lists, 2);
}

/* The server has asked for patience, whatever is asked for. */
static void refreshed_when_the_server_lets_it(void **state)
{
    (void)state;
    struct driver *d = begin();

    add_and_break(d);
    driver_retry_after(d, GET("web") "resourceVersion=10", 429, 30000);
    assert_true(lookout_refresh(gadgets(&referrer), "a", "web"));
    driver_pass(d, 29000);
    assert_int_equal(driver_count(d, GET("web")), 0);
    driver_pass(d, 2000);
    assert_int_equal(driver_count(d, GET("web")), 1);
    assert_null(strstr(driver_find(d, GET("web"))->line, "&resourceVersion="));
}

/* ---- restored history ------------------------------------------------------------------------ */

#define RV_TOO_LARGE                                                                               \
    "{'kind':'Status','code':504,'reason':'Timeout','details':{'causes':["                         \
    "{'reason':'ResourceVersionTooLarge'}]}}"

static void a_reset_history_makes_every_object_doubtful(void **state)
{
    (void)state;
    struct driver *d = begin();

    add("web");
    driver_feed(d, GET("web"), EVENT("ADDED", META("web", "15")) INITIAL_END("20"));
    driver_list(d, THINGS, "%s", "");
    driver_feed(d, "GET " THINGS, EVENT("BOOKMARK", "{'metadata':{'resourceVersion':'120'}}"));
    buf_reset(&referrer.told, SIZE_MAX);
    driver_break(d, "GET " THINGS);
    driver_pass(d, 2000);
    driver_answer(d, "GET " THINGS, 504, RV_TOO_LARGE);
    driver_answer(d, "GET " THINGS, 200, LIST("9", ""));
    assert_told("web: unknown @15\n");
    assert_int_equal(driver_count(d, GET("web")), 1); /* the old watch is gone */
    driver_feed(d, GET("web"), EVENT("ADDED", META("web", "8")) INITIAL_END("9"));
    assert_told("web: unknown @8\nweb: @8\n");
}

/* Of web@15, at 20, and of the things, at 120: both ask now whether the server has come as far. */
static void break_both(struct driver *d)
{
    add("web");
    driver_feed(d, GET("web"), EVENT("ADDED", META("web", "15")) INITIAL_END("20"));
    driver_list(d, THINGS, "%s", "");
    driver_feed(d, "GET " THINGS, EVENT("BOOKMARK", "{'metadata':{'resourceVersion':'120'}}"));
    driver_break(d, GET("web"));
    driver_break(d, "GET " THINGS);
    driver_pass(d, 2000);
}

static void a_doubtful_object_is_listed_when_the_server_lets_it(void **state)
{
    (void)state;
    struct driver *d = begin();

    break_both(d);
    driver_retry_after(d, GET("web") "resourceVersion=20", 429, 30000);
    driver_answer(d, "GET " THINGS, 504, RV_TOO_LARGE);
    driver_answer(d, "GET " THINGS, 200, LIST("9", ""));
    driver_pass(d, 29000);
    assert_int_equal(driver_count(d, GET("web")), 0);
    driver_pass(d, 2000);
    driver_feed(d, GET("web"), EVENT("ADDED", META("web", "8")) INITIAL_END("9"));
    assert_int_equal(lookout_see(gadgets(&referrer), "a", "web").synced, true);
}

/* The server has written as much as it has lost before others asked: their checks would pass. */
static void a_server_that_is_behind_is_asked_for_every_object(void **state)
{
    (void)state;
    struct driver *d = begin();

    break_both(d);
    assert_int_equal(driver_count(d, GET("web") "resourceVersion=20"), 1);
    driver_answer(d, "GET " THINGS, 504, RV_TOO_LARGE);
    assert_int_equal(driver_count(d, GET("web") "resourceVersion=20"), 0);
    driver_answer(d, "GET " THINGS, 200, LIST("130", ""));
    assert_true(lookout_see(gadgets(&referrer), "a", "web").synced); /* it is only doubted */
    assert_null(strstr(buf_text(&d->logs), "history was reset"));
    driver_feed(d, GET("web"), EVENT("ADDED", META("web", "8")) INITIAL_END("130"));
    assert_non_null(strstr(buf_text(&d->logs), "history was reset"));
}

/* And nothing is decided before the other watches have listed, too. */
static void an_object_may_be_the_first_to_show_a_reset_history(void **state)
{
    (void)state;
    struct driver *d = begin();

    driver_list(d, THINGS, "%s", "");
    add("web");
    add("api");
    driver_feed(d, GET("web"), EVENT("ADDED", META("web", "15")) INITIAL_END("20"));
    driver_feed(d, GET("api"), EVENT("ADDED", META("api", "15")) INITIAL_END("20"));
    driver_break(d, GET("web"));
    driver_pass(d, 2000);
    driver_answer(d, GET("web"), 504, RV_TOO_LARGE);
    buf_reset(&referrer.told, SIZE_MAX);
    assert_true(manager_ready(d->manager, NULL));
    driver_feed(d, GET("web"), EVENT("ADDED", META("web", "8")) INITIAL_END("9"));
    assert_non_null(strstr(buf_text(&d->logs), "history was reset"));
    assert_false(manager_ready(d->manager, NULL));
    assert_told("web: @8 transport\nweb: @8\nweb: @8\napi: unknown @15\n");
    driver_feed(d, GET("api"), EVENT("ADDED", META("api", "8")) INITIAL_END("9"));
    driver_answer(d, "GET " THINGS, 200, LIST("9", ""));
    driver_feed(d, "GET " THINGS, "%s", "");
    assert_true(manager_ready(d->manager, NULL));
    assert_told("api: unknown @8\napi: @8\n");
}

/* ---- standing by, stopping ------------------------------------------------------------------- */

static void a_standby_watches_too(void **state)
{
    (void)state;
    struct manager_options options = toy_options();
    options.leader_elect = true;
    struct driver *d = begin_with(&options);

    add("web");
    driver_feed(d, GET("web"), INITIAL_END("10"));
    assert_told("web:\n");
    remove_one("web");
    assert_nothing_left(d);
}

static void stopping_ends_all_and_begins_none(void **state)
{
    (void)state;
    struct driver *d = begin_reading_scales();

    add("web");
    assert_true(lookout_add(rollouts(&referrer), "a", "r"));
    driver_pass(d, 0);
    controller_enqueue(referrer.controller, d->now, "a", "any");
    assert_int_equal(driver_count(d, ROLLOUTS), 1);
    driver_stop(d);
    assert_int_equal(driver_count(d, "GET"), 0);
    assert_int_equal(d->exit_code, 0);
    lookout_remove(gadgets(&referrer), "a", "web");
    assert_true(lookout_add(gadgets(&referrer), "a", "api"));
    driver_pass(d, 1000);
    assert_int_equal(driver_count(d, "GET"), 0);
}

/* Whoever refers to them may be gone by then. */
static void nobody_is_told_of_the_managers_end(void **state)
{
    (void)state;
    struct driver *d = begin();

    add("web");
    driver_feed(d, GET("web"), EVENT("ADDED", META("web", "5")) INITIAL_END("10"));
    add("api");
    assert_true(lookout_add(rollouts(&referrer), "a", "r"));
    driver_pass(d, 0);
    buf_reset(&referrer.told, SIZE_MAX);
    manager_free(d->manager);
    d->manager = NULL;
    assert_told("");
}

/* ---- many ------------------------------------------------------------------------------------ */

static const char *numbered(size_t i)
{
    static char name[16];

    snprintf(name, sizeof name, "n%zu", i);
    return name;
}

static void add_many(struct driver *d, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_true(lookout_add(gadgets(&referrer), "a", numbered(i)));
    }
    driver_pass(d, 0);
}

static void feed_numbered(struct driver *d, size_t i, const char *lines)
{
    char prefix[256];

    snprintf(prefix, sizeof prefix, "GET %s%s&", GADGETS, numbered(i));
    driver_feed(d, prefix, "%s", lines);
}

static void three_hundred_names(void **state)
{
    (void)state;
    struct driver *d = begin();

    add_many(d, 300);
    for (size_t i = 0; i < 300; i++) {
        feed_numbered(d, i, INITIAL_END("10"));
        assert_true(lookout_see(gadgets(&referrer), "a", numbered(i)).synced);
    }
    for (size_t i = 0; i < 300; i++) {
        char line[256];
        snprintf(
            line, sizeof line,
            EVENT("ADDED", "{'metadata':{'namespace':'a','name':'%s','resourceVersion':'11'}}"),
            numbered(i));
        feed_numbered(d, i, line);
    }
    assert_int_equal(driver_count(d, "GET " GADGETS), 300);
    assert_int_equal(gadget_store()->objects.count, 300);
    for (size_t i = 0; i < 300; i += 2) {
        lookout_remove(gadgets(&referrer), "a", numbered(i));
    }
    driver_pass(d, 0);
    assert_int_equal(driver_count(d, "GET " GADGETS), 150);
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(lookout_see(gadgets(&referrer), "a", numbered(i)).object != NULL, i % 2);
    }
}

/* All at once, also when they come back after an outage, they would open a connection each. */
static void only_some_begin_at_a_time(void **state)
{
    (void)state;
    struct driver *d = begin();

    add_many(d, 20);
    assert_int_equal(driver_count(d, "GET " GADGETS), LOOKOUT_STARTS_MAX);
    assert_true(manager_deadline(d->manager) > d->now.mono_ms); /* and nobody spins meanwhile */
    feed_numbered(d, 0, "");
    assert_int_equal(driver_count(d, "GET " GADGETS), LOOKOUT_STARTS_MAX + 1);
    for (size_t i = 1; i < 20; i++) {
        feed_numbered(d, i, INITIAL_END("10"));
    }
    assert_int_equal(driver_count(d, "GET " GADGETS), 20);
    while (driver_find(d, "GET " GADGETS) != NULL) {
        driver_break(d, "GET " GADGETS);
    }
    d->now.mono_ms += 2000; /* all of them are due now */
    driver_pass(d, 0);
    assert_int_equal(driver_count(d, "GET " GADGETS), LOOKOUT_STARTS_MAX);
}

static void who_is_not_answered_holds_others_up_for_a_while_only(void **state)
{
    (void)state;
    struct driver *d = begin();

    add_many(d, 20);
    driver_pass(d, LOOKOUT_START_MS - 1);
    assert_int_equal(driver_count(d, "GET " GADGETS), LOOKOUT_STARTS_MAX);
    driver_pass(d, 2);
    assert_int_equal(driver_count(d, "GET " GADGETS), 2 * LOOKOUT_STARTS_MAX);
    for (size_t i = 0; i < 8; i++) { /* nor for longer than it is referred to */
        lookout_remove(gadgets(&referrer), "a", numbered(LOOKOUT_STARTS_MAX + i));
    }
    driver_pass(d, 0);
    assert_int_equal(driver_count(d, "GET " GADGETS), 20 - 8);
}

static void more_than_the_limit_wait_for_their_turn(void **state)
{
    (void)state;
    struct driver *d = begin();

    add_many(d, LOOKOUT_WATCHES_MAX + 2);
    assert_told("n1000: unknown too-big\nn1001: unknown too-big\n");
    for (size_t i = 0; i < LOOKOUT_WATCHES_MAX; i++) {
        feed_numbered(d, i, INITIAL_END("10"));
    }
    assert_int_equal(driver_count(d, "GET " GADGETS), LOOKOUT_WATCHES_MAX);
    const struct error *why = lookout_see(gadgets(&referrer), "a", "n1001").trouble;
    assert_non_null(strstr(why->message, "1000 objects of kind Gadget"));
    driver_break(d, GET("n17")); /* it pauses, but others need its place */
    buf_reset(&referrer.told, SIZE_MAX);
    remove_one("n17");
    assert_int_equal(driver_count(d, "GET " GADGETS), LOOKOUT_WATCHES_MAX);
    assert_int_equal(driver_count(d, GET("n1001")) + driver_count(d, GET("n1000")), 1);
    remove_one("n18");
    assert_int_equal(driver_count(d, "GET " GADGETS), LOOKOUT_WATCHES_MAX);
    assert_null(lookout_see(gadgets(&referrer), "a", "n1000").trouble);
    assert_null(lookout_see(gadgets(&referrer), "a", "n1001").trouble);
    assert_told("n1001: unknown\nn1000: unknown\n");
}

/* ---- whatever happens ------------------------------------------------------------------------ */

enum { NAMES = 6 };

/* A server with objects n0 … n5, and who refers to which. */
struct chaos {
    struct driver *d;
    struct random random;
    unsigned rv; /* the server's last */
    struct {
        unsigned rv; /* 0: there never was one */
        bool gone;   /* at rv */
        unsigned references;
        uint64_t in_step; /* the request of which the initial events are complete */
    } objects[NAMES];
};

static size_t below(struct chaos *c, size_t bound)
{
    return (size_t)random_below(&c->random, bound);
}

/* Some open request for an object, which it is of; or NULL. */
static const struct open_request *some_request(struct chaos *c, size_t *name)
{
    if (driver_count(c->d, "GET " GADGETS) == 0) {
        return NULL;
    }
    size_t i = below(c, c->d->open_count);
    while (strncmp(c->d->open[i].line, "GET " GADGETS, strlen("GET " GADGETS)) != 0) {
        i = (i + 1) % c->d->open_count;
    }
    *name = (size_t)(c->d->open[i].line[strlen("GET " GADGETS "n")] - '0');
    return &c->d->open[i];
}

static bool is_there(const struct chaos *c, size_t i)
{
    return c->objects[i].rv != 0 && !c->objects[i].gone;
}

static const char *object_text(const struct chaos *c, size_t i)
{
    static char text[128];

    snprintf(text, sizeof text,
             "{'metadata':{'namespace':'a','name':'n%zu','resourceVersion':'%u'}}", i,
             c->objects[i].rv);
    return text;
}

static void tell_of_object(struct chaos *c, const char *line, size_t i)
{
    driver_feed(c->d, line, "{'type':'%s','object':%s}\n",
                c->objects[i].gone ? "DELETED" : "MODIFIED", object_text(c, i));
}

/* All that the request is to be told by now. */
static void answer_truly(struct chaos *c, const struct open_request *r, size_t i)
{
    const char *from = strstr(r->line, "resourceVersion=");
    char *line = mem_strdup(r->line);

    if (strstr(line, "watch=1") == NULL) {
        driver_answer(c->d, line, 200, LIST("%u", "%s"), c->rv,
                      is_there(c, i) ? object_text(c, i) : "");
    } else if (strstr(line, "sendInitialEvents") == NULL) {
        driver_feed(c->d, line, "%s", "");
        if (c->objects[i].rv > strtoul(from + strlen("resourceVersion="), NULL, 10)) {
            tell_of_object(c, line, i);
        }
    } else if (c->objects[i].in_step != r->id) {
        c->objects[i].in_step = r->id;
        if (is_there(c, i)) {
            driver_feed(c->d, line, "{'type':'ADDED','object':%s}\n", object_text(c, i));
        }
        driver_feed(c->d, line, INITIAL_END("%u"), c->rv);
    }
    mem_free(line);
}

static void change(struct chaos *c, size_t i)
{
    char prefix[256];

    c->objects[i].gone = is_there(c, i) && below(c, 3) == 0;
    c->objects[i].rv = ++c->rv;
    snprintf(prefix, sizeof prefix, "GET %sn%zu&", GADGETS, i);
    const struct open_request *r = driver_find(c->d, prefix);
    bool watches = r != NULL && strstr(r->line, "watch=1") != NULL;
    bool listed =
        watches && (strstr(r->line, "sendInitialEvents") == NULL || c->objects[i].in_step == r->id);
    if (listed) {
        tell_of_object(c, prefix, i);
    }
}

static void answer_badly(struct chaos *c, const struct open_request *r)
{
    static const int statuses[] = {401, 403, 404, 410, 422, 429, 500, 503};
    char *line = mem_strdup(r->line);

    switch (below(c, 4)) {
    case 0:
        driver_break(c->d, line);
        break;
    case 1:
        driver_answer(c->d, line, 200, "%s", below(c, 2) == 0 ? "" : "{]");
        break;
    default:
        driver_answer(c->d, line, statuses[below(c, ARRAY_LEN(statuses))], "{}");
        break;
    }
    mem_free(line);
}

static void refer(struct chaos *c, size_t i, bool more)
{
    if (more) {
        c->objects[i].references++;
        assert_true(lookout_add(gadgets(&referrer), "a", numbered(i)));
    } else if (c->objects[i].references > 0) {
        c->objects[i].references--;
        lookout_remove(gadgets(&referrer), "a", numbered(i));
    }
}

static void happen(struct chaos *c)
{
    size_t i = below(c, NAMES);
    size_t named = 0;
    const struct open_request *r = some_request(c, &named);

    switch (below(c, 8)) {
    case 0:
        refer(c, i, true);
        break;
    case 1:
        refer(c, i, false);
        break;
    case 2:
        driver_pass(c->d, below(c, 40000));
        break;
    case 3:
        lookout_refresh(gadgets(&referrer), "a", numbered(i));
        break;
    case 4:
        change(c, i);
        break;
    case 5:
        if (r != NULL) {
            answer_badly(c, r);
        }
        break;
    default:
        if (r != NULL) {
            answer_truly(c, r, named);
        }
        break;
    }
}

static void check(struct chaos *c)
{
    size_t wanted = 0;

    driver_pass(c->d, 0);
    assert_true(manager_deadline(c->d->manager) > c->d->now.mono_ms); /* nobody spins */
    for (size_t i = 0; i < NAMES; i++) {
        char prefix[256];
        bool referred = c->objects[i].references > 0;
        snprintf(prefix, sizeof prefix, "GET %sn%zu&", GADGETS, i);
        assert_in_range(driver_count(c->d, prefix), 0, referred ? 1 : 0);
        wanted += referred ? 1 : 0;
    }
    assert_in_range(gadget_store()->scope_count, wanted, NAMES); /* the others pause */
}

/* A backup of long ago: all objects are older, some are others, and some are not there. The watch
 * of the things is the first to see it. */
static void restore(struct chaos *c)
{
    c->rv = 500;
    for (size_t i = 0; i < NAMES; i++) {
        c->objects[i].rv = 400 + (unsigned)i;
        c->objects[i].gone = below(c, 2) == 0;
    }
    driver_break(c->d, "GET " THINGS);
    driver_pass(c->d, 60000);
    driver_answer(c->d, "GET " THINGS, 504, RV_TOO_LARGE);
    driver_answer(c->d, "GET " THINGS, 200, LIST("90", ""));
    check(c);
}

/* The server is well from here on: what is referred to comes in step, and nothing else. */
static void settle(struct chaos *c)
{
    for (int round = 0; round < 6; round++) {
        for (size_t i = 0; i < NAMES; i++) {
            char prefix[256];
            snprintf(prefix, sizeof prefix, "GET %sn%zu&", GADGETS, i);
            const struct open_request *r = driver_find(c->d, prefix);
            if (r != NULL) {
                answer_truly(c, r, i);
            }
        }
        driver_pass(c->d, 61000);
    }
    for (size_t i = 0; i < NAMES; i++) {
        struct sight sight = lookout_see(gadgets(&referrer), "a", numbered(i));
        bool referred = c->objects[i].references > 0;
        assert_int_equal(sight.synced, referred);
        assert_null(sight.trouble);
        assert_ptr_equal(sight.object, store_get(gadget_store(), "a", numbered(i)));
        assert_int_equal(sight.object != NULL, referred && is_there(c, i));
        if (sight.object != NULL) {
            assert_int_equal(strtoul(sight.object->rv, NULL, 10), c->objects[i].rv);
        }
    }
}

static void whatever_happens_it_comes_in_step(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct chaos c = {.d = begin(), .rv = 1000};
        random_init(&c.random, seed);
        driver_list(c.d, THINGS, "%s", "");
        driver_feed(c.d, "GET " THINGS, "%s", "");
        gadgets(&referrer); /* there is its store from here on */
        for (int i = 0; i < 300; i++) {
            happen(&c);
            check(&c);
        }
        if (seed % 2 == 0) {
            restore(&c);
        }
        settle(&c);
        for (size_t i = 0; i < NAMES; i++) {
            while (c.objects[i].references > 0) {
                refer(&c, i, false);
            }
        }
        driver_pass(c.d, 0);
        assert_nothing_left(c.d);
        if (seed < 200) {
            teardown(NULL);
        }
    }
}

/* What the process holds of the heap; with AddressSanitizer malloc is its own. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t heap_bytes(void)
{
    return __sanitizer_get_current_allocated_bytes != NULL
               ? __sanitizer_get_current_allocated_bytes()
               : mallinfo2().uordblks;
}

/* One comes and goes, at another point of its life each time. */
static void come_and_go(struct driver *d, size_t i)
{
    const char *name = numbered(i);
    char prefix[256];

    assert_true(lookout_add(gadgets(&referrer), "a", name));
    driver_pass(d, 0);
    snprintf(prefix, sizeof prefix, "GET %s%s&", GADGETS, name);
    if (i % 3 == 0) {
        driver_feed(d, prefix,
                    EVENT("ADDED", "{'metadata':{'namespace':'a','name':'%s',"
                                   "'resourceVersion':'5'}}") INITIAL_END("10"),
                    name);
    } else if (i % 3 == 1) {
        driver_answer(d, prefix, 403, FORBIDDEN);
    }
    lookout_remove(gadgets(&referrer), "a", name);
    driver_pass(d, i % 100 == 99 ? 60000 : 0); /* what pauses ends, now and then */
    buf_reset(&referrer.told, SIZE_MAX);
}

static void memory_does_not_grow_with_what_comes_and_goes(void **state)
{
    (void)state;
    struct manager_options options = toy_options();
    options.log.level_min = LOG_ERROR; /* the driver keeps all that is logged */
    struct driver *d = begin_with(&options);

    driver_list(d, THINGS, "%s", "");
    for (size_t i = 0; i < 10 * 1000; i++) {
        come_and_go(d, i);
    }
    size_t before = heap_bytes();
    for (size_t i = 0; i < 100 * 1000; i++) {
        come_and_go(d, i);
    }
    assert_in_range(heap_bytes(), 0, before + 16 * 1024);
    assert_nothing_left(d);
}

/* ---- kinds that the server is asked for ------------------------------------------------------ */

static void refer_to_rollout(struct driver *d)
{
    assert_true(lookout_add(rollouts(&referrer), "a", "r"));
    driver_pass(d, 0);
}

static void a_kind_is_asked_for_once_and_for_good(void **state)
{
    (void)state;
    struct driver *d = begin();

    assert_null(lookout_kind(rollouts(&referrer)));
    driver_pass(d, 1000);
    assert_int_equal(driver_count(d, ROLLOUTS), 0); /* nobody refers to any */
    refer_to_rollout(d);
    refer_to_rollout(d);
    assert_int_equal(driver_count(d, ROLLOUTS), 1);
    driver_answer(d, ROLLOUTS, 200, RESOURCES);
    const struct kind *kind = lookout_kind(rollouts(&referrer));
    assert_string_equal(kind->plural, "rollouts");
    assert_int_equal(driver_count(d, WATCH_ROLLOUT), 1);
    driver_feed(d, WATCH_ROLLOUT, EVENT("ADDED", ROLLOUT("5", "u", "1")) INITIAL_END("10"));
    assert_told("r: unknown @5 due\nr: @5 due\n");
    lookout_remove(rollouts(&referrer), "a", "r");
    lookout_remove(rollouts(&referrer), "a", "r");
    driver_pass(d, 0);
    refer_to_rollout(d);
    assert_int_equal(driver_count(d, WATCH_ROLLOUT), 1);
    assert_ptr_equal(lookout_kind(rollouts(&referrer)), kind);
}

static void a_kind_that_is_not_found_is_asked_for_again(void **state)
{
    (void)state;
    struct driver *d = begin();

    driver_list(d, THINGS, "%s", "");
    refer_to_rollout(d);
    driver_answer(d, ROLLOUTS, 404, "404 page not found");
    assert_told("r: unknown not-found\n");
    assert_true(manager_ready(d->manager, NULL));
    driver_pass(d, KIND_SEARCH_MS_MIN - 1);
    assert_int_equal(driver_count(d, ROLLOUTS), 0);
    driver_pass(d, KIND_SEARCH_MS_MIN);
    driver_answer(d, ROLLOUTS, 404, "404 page not found");
    driver_pass(d, 2 * KIND_SEARCH_MS_MIN - 1);
    assert_int_equal(driver_count(d, ROLLOUTS), 0);
    driver_pass(d, 2 * KIND_SEARCH_MS_MIN);
    assert_told("");
    driver_answer(d, ROLLOUTS, 403, FORBIDDEN);
    assert_told("r: unknown forbidden\n");
    for (int i = 0; i < 12; i++) {
        driver_pass(d, 2 * KIND_SEARCH_TROUBLE_MS_MAX);
        driver_break(d, ROLLOUTS);
    }
    assert_told("r: unknown transport\n");
    for (int i = 0; i < 12; i++) {
        driver_pass(d, 2 * KIND_SEARCH_MS_MAX);
        driver_answer(d, ROLLOUTS, 404, "404 page not found");
    }
    assert_told("r: unknown not-found\n");
    driver_pass(d, KIND_SEARCH_MS_MAX - 1);
    assert_int_equal(driver_count(d, ROLLOUTS), 0);
    driver_pass(d, 2 * KIND_SEARCH_MS_MAX);
    driver_answer(d, ROLLOUTS, 200, RESOURCES);
    assert_told("r: unknown\n");
    assert_int_equal(driver_count(d, WATCH_ROLLOUT), 1);
}

static void nobody_asks_for_what_nobody_refers_to(void **state)
{
    (void)state;
    struct driver *d = begin();

    refer_to_rollout(d);
    lookout_remove(rollouts(&referrer), "a", "r");
    driver_pass(d, 0);
    assert_int_equal(driver_count(d, ROLLOUTS), 0); /* cancelled */
    refer_to_rollout(d);
    driver_answer(d, ROLLOUTS, 404, "404 page not found");
    lookout_remove(rollouts(&referrer), "a", "r");
    driver_pass(d, 10 * KIND_SEARCH_MS_MAX);
    assert_int_equal(driver_count(d, ROLLOUTS), 0);
}

/* Nobody refers to the kind any more, and then somebody does again. */
static void a_search_is_not_begun_anew_before_the_server_wants_it(void **state)
{
    (void)state;
    struct driver *d = begin();

    refer_to_rollout(d);
    driver_retry_after(d, ROLLOUTS, 429, 30000);
    lookout_remove(rollouts(&referrer), "a", "r");
    driver_pass(d, 10000);
    refer_to_rollout(d);
    driver_pass(d, 19000);
    assert_int_equal(driver_count(d, ROLLOUTS), 0);
    driver_pass(d, 1000);
    driver_retry_after(d, ROLLOUTS, 429, 30000);
    lookout_remove(rollouts(&referrer), "a", "r");
    driver_pass(d, 10 * KIND_SEARCH_MS_MAX);
    assert_int_equal(driver_count(d, ROLLOUTS), 0);
}

static void a_kind_that_is_compiled_in_is_found_by_its_names(void **state)
{
    (void)state;
    struct driver *d = begin();
    struct lookout *l = gadgets(&referrer);

    assert_ptr_equal(manager_lookout(d->manager,
                                     &(struct lookout_spec){.api_version = "example.com/v1",
                                                            .kind_name = "Gadget"},
                                     NULL),
                     l);
    assert_ptr_equal(lookout_kind(l), &gadget_kind);
}

static void names_of_kinds_that_are_none_are_refused(void **state)
{
    (void)state;
    struct driver *d = begin();
    struct error err = ERROR_INIT;
    struct lookout_spec spec = {.api_version = "../secrets", .kind_name = "Secret"};

    assert_null(manager_lookout(d->manager, &spec, &err));
    assert_int_equal(err.code, ERR_INVALID);
}

/* Those that nobody refers to any more take nothing, and neither do those in between. */
static void many_kinds_come_and_go(void **state)
{
    (void)state;
    struct driver *d = begin();
    char kind[32];
    struct lookout_spec spec = {.api_version = "v1", .kind_name = kind};

    for (size_t i = 0; i < 300; i++) {
        snprintf(kind, sizeof kind, "Kind%zu", i);
        assert_true(lookout_add(manager_lookout(d->manager, &spec, NULL), "a", "x"));
    }
    driver_pass(d, 0);
    assert_int_equal(driver_count(d, "GET /api/v1"), 300);
    for (size_t i = 0; i < 300; i += 2) {
        snprintf(kind, sizeof kind, "Kind%zu", i);
        lookout_remove(manager_lookout(d->manager, &spec, NULL), "a", "x");
    }
    driver_pass(d, 0);
    assert_int_equal(driver_count(d, "GET /api/v1"), 150);
    for (size_t i = 0; i < 150; i++) {
        driver_answer(d, "GET /api/v1", 404, "404 page not found");
    }
    snprintf(kind, sizeof kind, "Kind7");
    struct sight sight = lookout_see(manager_lookout(d->manager, &spec, NULL), "a", "x");
    assert_int_equal(sight.trouble->code, ERR_NOT_FOUND);
}

/* ---- scales ---------------------------------------------------------------------------------- */

#define GET_SCALE GET_ROLLOUT "/r/scale"

/* The rollout is known at version 5, and its scale is being read. */
static struct driver *begin_with_rollout(void)
{
    struct driver *d = begin_reading_scales();

    refer_to_rollout(d);
    driver_answer(d, ROLLOUTS, 200, RESOURCES);
    driver_feed(d, WATCH_ROLLOUT, EVENT("ADDED", ROLLOUT("5", "u", "1")) INITIAL_END("10"));
    buf_reset(&referrer.told, SIZE_MAX);
    assert_int_equal(driver_count(d, GET_SCALE), 1);
    assert_string_equal(driver_find(d, GET_SCALE)->line, GET_SCALE);
    return d;
}

static void tell_rollout(struct driver *d, const char *type, const char *object)
{
    driver_feed(d, WATCH_ROLLOUT, "{'type':'%s','object':%s}\n", type, object);
}

static void a_scale_is_read_when_the_object_may_have_another(void **state)
{
    (void)state;
    struct driver *d = begin_with_rollout();

    assert_non_null(strstr(driver_find(d, WATCH_ROLLOUT)->line, "watch=1"));
    driver_answer(d, GET_SCALE, 200, SCALE("5", "u", "3"));
    assert_told("r: @5 x3\n");
    tell_rollout(d, "MODIFIED", ROLLOUT("6", "u", "1")); /* its status */
    assert_told("r: @6 x3\n");
    assert_int_equal(driver_count(d, GET_SCALE), 0);
    tell_rollout(d, "MODIFIED", ROLLOUT("7", "u", "2")); /* its spec */
    assert_told("r: @7 x3 due\n");
    tell_rollout(d, "MODIFIED", ROLLOUT("8", "u", "3")); /* and again, while it is read */
    driver_answer(d, GET_SCALE, 200, SCALE("7", "u", "4"));
    assert_told("r: @8 x3 due\nr: @8 x4 due\n");
    driver_answer(d, GET_SCALE, 200, SCALE("9", "u", "5"));
    tell_rollout(d, "MODIFIED", ROLLOUT("9", "u", "3"));
    assert_told("r: @8 x5\nr: @9 x5\n");
    assert_int_equal(driver_count(d, GET_SCALE), 0);
}

/* What has no generation may have changed its spec with every version. */
static void a_scale_is_read_at_each_version_without_a_generation(void **state)
{
    (void)state;
    struct driver *d = begin_with_rollout();

    driver_answer(d, GET_SCALE, 200, SCALE("5", "u", "3"));
    tell_rollout(d, "MODIFIED", ROLLOUT("6", "u", "0"));
    driver_answer(d, GET_SCALE, 200, SCALE("6", "u", "3"));
    tell_rollout(d, "MODIFIED", ROLLOUT("7", "u", "0"));
    assert_int_equal(driver_count(d, GET_SCALE), 1);
}

static void a_scale_goes_with_its_object(void **state)
{
    (void)state;
    struct driver *d = begin_with_rollout();

    driver_answer(d, GET_SCALE, 200, SCALE("5", "u", "3"));
    tell_rollout(d, "DELETED", ROLLOUT("6", "u", "1"));
    assert_int_equal(lookout_scales(rollouts(&referrer))->objects.count, 0);
    tell_rollout(d, "ADDED", ROLLOUT("7", "other", "1")); /* of the same generation */
    struct sight sight = lookout_see(rollouts(&referrer), "a", "r");
    assert_null(sight.scale);
    assert_true(sight.scale_due);
    driver_answer(d, GET_SCALE, 200, SCALE("7", "other", "1"));
    sight = lookout_see(rollouts(&referrer), "a", "r");
    assert_int_equal(sight.scale->replicas, 1);
    assert_false(sight.scale_due);
}

/* One event tells of the end and of the namesake. */
static void a_scale_is_not_a_namesakes(void **state)
{
    (void)state;
    struct driver *d = begin_with_rollout();

    driver_answer(d, GET_SCALE, 200, SCALE("5", "u", "3"));
    buf_reset(&referrer.told, SIZE_MAX);
    tell_rollout(d, "MODIFIED", ROLLOUT("7", "other", "1"));
    assert_told("r: @7 due\nr: @7 due\n");
}

static void a_scale_that_comes_too_late_does_not_stay(void **state)
{
    (void)state;
    struct driver *d = begin_with_rollout();

    tell_rollout(d, "DELETED", ROLLOUT("6", "u", "1"));
    driver_answer(d, GET_SCALE, 200, SCALE("5", "u", "3"));
    assert_int_equal(lookout_scales(rollouts(&referrer))->objects.count, 0);
    refer_to_rollout(d);
    tell_rollout(d, "ADDED", ROLLOUT("7", "u2", "1"));
    lookout_remove(rollouts(&referrer), "a", "r");
    lookout_remove(rollouts(&referrer), "a", "r");
    driver_pass(d, 0);
    driver_answer(d, GET_SCALE, 200, SCALE("7", "u2", "3")); /* nobody refers to it any more */
    assert_int_equal(lookout_scales(rollouts(&referrer))->objects.count, 0);
}

/* A server whose scales are older than their objects, or have no version: no hot loop. */
static void a_scale_that_is_never_new_enough_is_not_read_for_ever(void **state)
{
    (void)state;
    struct driver *d = begin_with_rollout();

    driver_answer(d, GET_SCALE, 200, SCALE("4", "u", "3"));
    driver_answer(d, GET_SCALE, 200, SCALE("4", "u", "3"));
    assert_int_equal(driver_count(d, GET_SCALE), 0);
    tell_rollout(d, "MODIFIED", ROLLOUT("8", "u", "2"));
    driver_answer(d, GET_SCALE, 200,
                  "{'kind':'Scale','metadata':{'namespace':'a','name':'r'},'spec':{}}");
    assert_int_equal(driver_count(d, GET_SCALE), 0);
    assert_non_null(strstr(buf_text(&d->logs), "Scale: metadata: resourceVersion: missing"));
}

static void scales_are_doubtful_after_a_reset_history(void **state)
{
    (void)state;
    struct driver *d = begin_with_rollout();

    driver_answer(d, GET_SCALE, 200, SCALE("5", "u", "3"));
    driver_break(d, WATCH_ROLLOUT);
    driver_pass(d, 2000);
    driver_answer(d, WATCH_ROLLOUT, 504, RV_TOO_LARGE);
    buf_reset(&referrer.told, SIZE_MAX);
    driver_feed(d, WATCH_ROLLOUT, EVENT("ADDED", ROLLOUT("4", "u", "1")) INITIAL_END("4"));
    assert_int_equal(lookout_scales(rollouts(&referrer))->objects.count, 0);
    assert_true(lookout_see(rollouts(&referrer), "a", "r").scale_due);
}

int main(void)
{
#define LOOKOUT_TEST(name) cmocka_unit_test_teardown(name, teardown)
    const struct CMUnitTest tests[] = {
        LOOKOUT_TEST(an_object_appears_changes_goes_and_comes_again),
        LOOKOUT_TEST(who_was_not_added_is_not_known),
        LOOKOUT_TEST(two_who_refer_to_one_object_share_its_watch),
        LOOKOUT_TEST(an_object_is_no_other_of_its_name),
        LOOKOUT_TEST(what_was_added_is_due_at_once),
        LOOKOUT_TEST(only_what_is_used_is_asked_for),
        LOOKOUT_TEST(names_that_are_none_are_not_watched),
        LOOKOUT_TEST(removed_while_it_is_listed),
        LOOKOUT_TEST(removed_while_its_initial_events_come),
        LOOKOUT_TEST(removed_while_it_waits_for_another_attempt),
        LOOKOUT_TEST(removed_and_added_again_in_a_pause_keeps_to_it),
        LOOKOUT_TEST(removed_and_added_again_in_one_step_goes_on),
        LOOKOUT_TEST(removed_and_added_again_later_begins_anew),
        LOOKOUT_TEST(removed_by_whom_it_is_told_to),
        LOOKOUT_TEST(added_anew_by_whom_its_end_is_told_to),
        LOOKOUT_TEST(others_added_by_whom_something_is_told_to),
        LOOKOUT_TEST(a_kind_that_is_not_served_is_watched_once_it_is),
        LOOKOUT_TEST(a_kind_that_is_no_longer_served_has_no_objects),
        LOOKOUT_TEST(a_forbidden_object_stops_nobody),
        LOOKOUT_TEST(nobody_waits_for_a_new_object),
        LOOKOUT_TEST(what_was_known_stays_while_the_watch_is_broken),
        LOOKOUT_TEST(history_that_is_gone_is_listed_anew),
        LOOKOUT_TEST(refreshed_by_a_consistent_read),
        LOOKOUT_TEST(refreshed_when_the_server_lets_it),
        LOOKOUT_TEST(a_reset_history_makes_every_object_doubtful),
        LOOKOUT_TEST(a_doubtful_object_is_listed_when_the_server_lets_it),
        LOOKOUT_TEST(a_server_that_is_behind_is_asked_for_every_object),
        LOOKOUT_TEST(an_object_may_be_the_first_to_show_a_reset_history),
        LOOKOUT_TEST(a_standby_watches_too),
        LOOKOUT_TEST(stopping_ends_all_and_begins_none),
        LOOKOUT_TEST(nobody_is_told_of_the_managers_end),
        LOOKOUT_TEST(three_hundred_names),
        LOOKOUT_TEST(only_some_begin_at_a_time),
        LOOKOUT_TEST(who_is_not_answered_holds_others_up_for_a_while_only),
        LOOKOUT_TEST(more_than_the_limit_wait_for_their_turn),
        LOOKOUT_TEST(whatever_happens_it_comes_in_step),
        LOOKOUT_TEST(memory_does_not_grow_with_what_comes_and_goes),
        LOOKOUT_TEST(a_kind_is_asked_for_once_and_for_good),
        LOOKOUT_TEST(a_kind_that_is_not_found_is_asked_for_again),
        LOOKOUT_TEST(nobody_asks_for_what_nobody_refers_to),
        LOOKOUT_TEST(a_search_is_not_begun_anew_before_the_server_wants_it),
        LOOKOUT_TEST(a_kind_that_is_compiled_in_is_found_by_its_names),
        LOOKOUT_TEST(names_of_kinds_that_are_none_are_refused),
        LOOKOUT_TEST(many_kinds_come_and_go),
        LOOKOUT_TEST(a_scale_is_read_when_the_object_may_have_another),
        LOOKOUT_TEST(a_scale_is_read_at_each_version_without_a_generation),
        LOOKOUT_TEST(a_scale_goes_with_its_object),
        LOOKOUT_TEST(a_scale_is_not_a_namesakes),
        LOOKOUT_TEST(a_scale_that_comes_too_late_does_not_stay),
        LOOKOUT_TEST(a_scale_that_is_never_new_enough_is_not_read_for_ever),
        LOOKOUT_TEST(scales_are_doubtful_after_a_reset_history),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * spec.sizeFrom as a whole on the real manager: what is watched for it, which size is written and
 * when, and what the status says. The test plays a server that takes every write and runs every
 * pod at once.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "kube/metrics.h"
#include "kube/queue.h"
#include "lib/driver.h"
#include "operator/contest.h"
#include "operator/operator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHE       "/apis/cache.example.com/v1alpha1"
#define MEMCACHEDS  CACHE "/memcacheds?"
#define CR          CACHE "/namespaces/default/memcacheds/cache"
#define SOURCES     "/apis/apps/v1/deployments?labelSelector=memcached-operator%2F"
#define OPERANDS    "/apis/apps/v1/deployments?labelSelector=app.kubernetes.io%2F"
#define PODS        "/api/v1/pods?"
#define DEPLOYMENTS "/apis/apps/v1/namespaces/default/deployments"
#define CREATE      "POST " DEPLOYMENTS "?fieldManager=memcached-operator"
#define APPLY       "PATCH " DEPLOYMENTS "/cache?fieldManager=memcached-operator&force=true"
#define SIZE        "PATCH " CR "?fieldManager=memcached-operator"
#define STATUS      "PATCH " CR "/status?fieldManager=memcached-operator"
#define CONFIRM     "GET " CR
#define EVENTS      "POST /apis/events.k8s.io/v1/namespaces/default/events"
#define NAMED       "?fieldSelector=metadata.name%3D"
#define WEB         DEPLOYMENTS NAMED "web"
#define API         "/apis/apps/v1/namespaces/default/statefulsets" NAMED "api"
#define ROLLOUTS    "/apis/argoproj.io/v1alpha1"
#define ROLLOUT     ROLLOUTS "/namespaces/default/rollouts" NAMED "blue"
#define SCALE       "GET " ROLLOUTS "/namespaces/default/rollouts/blue/scale"

#define FROM_WEB "{'sources':[{'kind':'Deployment','name':'web'}]}"
#define FROM_ROLLOUT                                                                               \
    "{'sources':[{'apiVersion':'argoproj.io/v1alpha1','kind':'Rollout','name':'blue'}]}"

struct fixture {
    struct driver driver;
    struct operator* operator;
    const char *size_from;   /* of the Memcached, as JSON */
    const char *annotations; /* likewise */
    const char *managed;     /* managedFields, likewise */
    int size, generation;
    int rv;       /* the server's last */
    char *status; /* the Memcached's */
    char *events; /* notes of all events so far */
    int sizes_written, statuses_written;
};

static void start_operator(struct fixture *f)
{
    struct manager *m = manager_new(&(struct manager_options){
        .log = {.encoder = LOG_CONSOLE, .time = LOG_TIME_ISO8601, .level_min = LOG_DEBUG},
        .name = "memcached-operator",
        .identity = "test",
        .host = "server:443",
        .user = "tester",
        .max_concurrent = 16,
        .seed = 1,
    });
    f->operator= operator_new(m, &(struct operator_options){.image = "memcached:1.6"});
    struct now then = f->driver.now;
    driver_init(&f->driver, m);
    if (then.mono_ms > f->driver.now.mono_ms) {
        driver_pass(&f->driver, then.mono_ms - f->driver.now.mono_ms);
    }
}

static void stop_operator(struct fixture *f)
{
    driver_fini(&f->driver);
    operator_free(f->operator);
}

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof *f);
    *f = (struct fixture){.size_from = FROM_WEB,
                          .annotations = "{}",
                          .managed = "[]",
                          .size = 1,
                          .generation = 1,
                          .rv = 200,
                          .status = mem_strdup("{}"),
                          .events = mem_strdup("")};
    start_operator(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    stop_operator(f);
    mem_free(f->status);
    mem_free(f->events);
    mem_free(f);
    return 0;
}

/* ---- The server ---- */

static const char *memcached_json(struct fixture *f)
{
    static char text[1 << 14];
    snprintf(text, sizeof text,
             "{'metadata':{'namespace':'default','name':'cache','uid':'m1','resourceVersion':'%d',"
             "'generation':%d,'annotations':%s,'managedFields':%s,'creationTimestamp':'2026-01-"
             "01T00:00:00Z'},"
             "'spec':{'size':%d,'sizeFrom':%s},'status':%s}",
             ++f->rv, f->generation, f->annotations, f->managed, f->size, f->size_from, f->status);
    return text;
}

/* As a Deployment, a StatefulSet, or a Rollout's metadata. */
static const char *source_json(struct fixture *f, const char *name, int replicas)
{
    static char text[1024];
    snprintf(text, sizeof text,
             "{'metadata':{'namespace':'default','name':'%s','uid':'u-%s','resourceVersion':'%d',"
             "'generation':%d,'creationTimestamp':'2026-01-01T00:00:00Z'},'spec':{'replicas':%d}}",
             name, name, f->rv + 1, f->rv + 1, replicas);
    f->rv++;
    return text;
}

static int number_after(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    assert_non_null(at);
    return atoi(at + strlen(key));
}

/* It runs as many pods as are wanted, at once. */
static void take_deployment(struct fixture *f, const char *prefix, int http_status)
{
    const struct open_request *r = driver_find(&f->driver, prefix);
    const char *metadata = strstr(r->body, "\"metadata\":{") + strlen("\"metadata\":{");
    int replicas = number_after(r->body, "\"replicas\":");
    char body[1 << 14];
    ++f->rv;
    snprintf(body, sizeof body,
             "%.*s\"uid\":\"d1\",\"resourceVersion\":\"%d\",\"generation\":%d,%s",
             (int)(metadata - r->body), r->body, f->rv, f->rv, metadata);
    body[strlen(body) - 1] = '\0';
    driver_answer(&f->driver, prefix, http_status,
                  "%s,'status':{'observedGeneration':%d,'replicas':%d,'readyReplicas':%d}}", body,
                  f->rv, replicas, replicas);
}

static void take_size(struct fixture *f)
{
    f->size = number_after(driver_find(&f->driver, SIZE)->body, "\"size\":");
    f->generation++;
    f->sizes_written++;
    f->managed = "[{'manager':'memcached-operator','fieldsV1':{'f:spec':{'f:size':{}}}}]";
    driver_answer(&f->driver, SIZE, 200, "%s", memcached_json(f));
}

static void take_status(struct fixture *f)
{
    const char *status =
        strstr(driver_find(&f->driver, STATUS)->body, "\"status\":") + strlen("\"status\":");
    mem_free(f->status);
    f->status = mem_strndup(status, strlen(status) - 1);
    f->statuses_written++;
    driver_answer(&f->driver, STATUS, 200, "%s", memcached_json(f));
}

static void take_event(struct fixture *f)
{
    char text[1 << 15];
    const char *body = driver_find(&f->driver, EVENTS)->body;
    const char *reason = strstr(body, "\"reason\":\"");
    const char *note = strstr(body, "\"note\":\"");
    snprintf(text, sizeof text, "%s%.*s: %.*s\n", f->events, (int)strcspn(reason + 10, "\""),
             reason + 10, (int)strcspn(note + 8, "\""), note + 8);
    mem_free(f->events);
    f->events = mem_strdup(text);
    driver_answer(&f->driver, EVENTS, 201, "{}");
}

/* Take every write until there are no more. */
static void settle(struct fixture *f)
{
    struct driver *d = &f->driver;
    for (int i = 0; i < 100; i++) {
        driver_pass(d, 1);
        if (driver_find(d, CONFIRM) != NULL) {
            driver_answer(d, CONFIRM, 200, "%s", memcached_json(f));
        } else if (driver_find(d, CREATE) != NULL) {
            take_deployment(f, CREATE, 201);
        } else if (driver_find(d, APPLY) != NULL) {
            take_deployment(f, APPLY, 200);
        } else if (driver_find(d, SIZE) != NULL) {
            take_size(f);
        } else if (driver_find(d, STATUS) != NULL) {
            take_status(f);
        } else if (driver_find(d, EVENTS) != NULL) {
            take_event(f);
        } else {
            return;
        }
    }
    fail_msg("it comes to no rest");
}

static void list_named(struct fixture *f, const char *path, const char *object)
{
    char prefix[512];
    snprintf(prefix, sizeof prefix, "GET %s", path);
    driver_list(&f->driver, path, "%s", object);
    driver_pass(&f->driver, 1);
    const struct open_request *again = driver_find(&f->driver, prefix);
    assert_non_null(again);
    assert_null(strstr(again->line, "resourceVersion=")); /* a consistent read */
    driver_answer(&f->driver, prefix, 200, "{'metadata':{'resourceVersion':'%d'},'items':[%s]}",
                  ++f->rv, object);
}

static void sync_all(struct fixture *f, const char *claimants)
{
    driver_list(&f->driver, MEMCACHEDS, "%s", memcached_json(f));
    driver_list(&f->driver, SOURCES, "%s", claimants);
    driver_list(&f->driver, OPERANDS, "%s", "");
    driver_list(&f->driver, PODS, "%s", "");
    driver_pass(&f->driver, 1);
}

/* The Memcached follows Deployment web, which has @replicas. */
static void follow_web(struct fixture *f, const char *size_from, int replicas)
{
    f->size_from = size_from;
    sync_all(f, "");
    list_named(f, WEB, source_json(f, "web", replicas));
    settle(f);
}

static void scale_web(struct fixture *f, int replicas)
{
    driver_feed(&f->driver, "GET " WEB, "{'type':'MODIFIED','object':%s}\n",
                source_json(f, "web", replicas));
    settle(f);
}

static void remove_web(struct fixture *f)
{
    driver_feed(&f->driver, "GET " WEB, "{'type':'DELETED','object':%s}\n",
                source_json(f, "web", 1));
    settle(f);
}

/* Somebody changes the Memcached: its spec, unless @generation stays. */
static void change_memcached(struct fixture *f)
{
    driver_feed(&f->driver, "GET " MEMCACHEDS, "{'type':'MODIFIED','object':%s}\n",
                memcached_json(f));
    settle(f);
}

static void change_size_from(struct fixture *f, const char *size_from)
{
    f->size_from = size_from;
    f->generation++;
    change_memcached(f);
}

static void scale_by_hand(struct fixture *f, int size)
{
    f->size = size;
    f->generation++;
    change_memcached(f);
}

/* "True InSync": of the condition SizeSynced. */
static void assert_synced(struct fixture *f, const char *expected)
{
    char text[128];
    const char *c = strstr(f->status, "{\"type\":\"SizeSynced\",\"status\":\"");
    assert_non_null(c);
    c += strlen("{\"type\":\"SizeSynced\",\"status\":\"");
    const char *reason = strstr(c, "\"reason\":\"") + strlen("\"reason\":\"");
    snprintf(text, sizeof text, "%.*s %.*s", (int)strcspn(c, "\""), c, (int)strcspn(reason, "\""),
             reason);
    assert_string_equal(text, expected);
}

static void assert_status_has(struct fixture *f, const char *text)
{
    if (strstr(f->status, text) == NULL) {
        fail_msg("%s is not in %s", text, f->status);
    }
}

static void assert_events(struct fixture *f, const char *expected)
{
    assert_string_equal(f->events, expected);
    mem_free(f->events);
    f->events = mem_strdup("");
}

/* Nothing is begun though time passes. */
static void assert_quiet(struct fixture *f, uint64_t ms)
{
    size_t started = f->driver.started;
    driver_pass(&f->driver, ms);
    assert_int_equal(f->driver.started, started);
}

/* ---- Following ---- */

static void the_size_follows_a_deployment_that_bears_no_label(void **state)
{
    struct fixture *f = *state;
    follow_web(f, FROM_WEB, 4);
    assert_int_equal(f->size, 4);
    assert_synced(f, "True InSync");
    assert_status_has(f, "\"source\":\"Deployment/web\",\"sizing\":{\"source\":\"Deployment/web\","
                         "\"wish\":4,\"size\":4,\"reason\":\"InSync\"");
    assert_events(f, "SizeChanged: size changed from 1 to 4: web 4\n");
    scale_web(f, 6);
    assert_int_equal(f->size, 6);
    assert_events(f, "SizeChanged: size changed from 4 to 6: web 6\n");
    assert_quiet(f, 200000);
}

static void what_is_scaled_by_hand_is_put_back(void **state)
{
    struct fixture *f = *state;
    follow_web(f, FROM_WEB, 4);
    f->events[0] = '\0';
    scale_by_hand(f, 9);
    assert_int_equal(f->size, 4);
    assert_events(f, "DriftCorrected: size was changed from 4 to 9 beside the operator; put back, "
                     "since Deployment/web decides it\n");
}

/* Whoever it is, as the server notes it. */
static void a_rival_is_named_instead_of_fought(void **state)
{
    struct fixture *f = *state;
    follow_web(f, FROM_WEB, 4);
    for (int i = 0; i <= CONTEST_ROUNDS; i++) {
        f->managed = "[{'manager':'memcached-operator','fieldsV1':{'f:metadata':{}}},"
                     "{'manager':'keda','fieldsV1':{'f:spec':{'f:size':{}}}}]";
        f->size = 9;
        f->generation++;
        driver_feed(&f->driver, "GET " MEMCACHEDS, "{'type':'MODIFIED','object':%s}\n",
                    memcached_json(f));
        driver_pass(&f->driver, 1000);
        settle(f);
    }
    assert_int_equal(f->size, 4);
    assert_synced(f, "False WriteConflict");
    assert_status_has(f, "\\\"keda\\\" keeps changing size");
}

static void two_sources_make_a_sum_by_ratio_within_limits(void **state)
{
    struct fixture *f = *state;
    f->size_from = "{'sources':[{'kind':'Deployment','name':'web'},{'kind':'StatefulSet',"
                   "'name':'api'}],'ratio':{'memcached':1,'per':2},'min':1,'max':20}";
    sync_all(f, "");
    list_named(f, WEB, source_json(f, "web", 5));
    settle(f);
    assert_int_equal(f->sizes_written, 0); /* while one of them is not known */
    list_named(f, API, source_json(f, "api", 2));
    settle(f);
    assert_int_equal(f->size, 4);
    assert_events(f, "SizeChanged: size changed from 1 to 4: web 5 + api 2 = 7 → ÷2 up = 4 → "
                     "clamp 1..20 = 4\n");
    assert_status_has(f, "\"source\":\"Sum of 2 sources\"");
}

static void a_source_that_goes_is_missing_until_it_comes_back(void **state)
{
    struct fixture *f = *state;
    follow_web(f, FROM_WEB, 4);
    f->events[0] = '\0';
    remove_web(f);
    assert_int_equal(f->size, 4);
    assert_synced(f, "False SourceMissing");
    assert_events(f, "SourceMissing: Deployment/web is not there; size does not go down "
                     "(ifMissing: Keep)\n");
    assert_quiet(f, 200000);
    driver_feed(&f->driver, "GET " WEB, "{'type':'ADDED','object':%s}\n", source_json(f, "web", 2));
    settle(f);
    assert_int_equal(f->size, 2);
    assert_synced(f, "True InSync");
}

static void a_source_that_never_was_leaves_the_size_as_it_is(void **state)
{
    struct fixture *f = *state;
    sync_all(f, "");
    list_named(f, WEB, "");
    settle(f);
    assert_int_equal(f->sizes_written, 0);
    assert_synced(f, "False SourceMissing");
}

static void what_fails_for_a_moment_is_not_told(void **state)
{
    struct fixture *f = *state;
    sync_all(f, "");
    driver_break(&f->driver, "GET " WEB);
    settle(f);
    assert_null(strstr(f->status, "SizeSynced"));
    assert_events(f, "");
    driver_pass(&f->driver, 2000);
    list_named(f, WEB, source_json(f, "web", 4));
    settle(f);
    assert_int_equal(f->size, 4);
    driver_break(&f->driver, "GET " WEB);
    settle(f);
    assert_synced(f, "True InSync");
}

static void what_may_not_be_watched_is_told(void **state)
{
    struct fixture *f = *state;
    sync_all(f, "");
    driver_answer(&f->driver, "GET " WEB, 403,
                  "{'kind':'Status','code':403,'reason':'Forbidden','message':'no'}");
    settle(f);
    assert_synced(f, "False SourceMissing");
    assert_status_has(f, "Deployment/web cannot be read: 403 Forbidden: no; size stays as it is");
    assert_int_equal(f->sizes_written, 0);
}

/* ---- Any kind ---- */

static void answer_discovery(struct fixture *f, const char *more)
{
    driver_answer(&f->driver, "GET " ROLLOUTS, 200,
                  "{'kind':'APIResourceList','groupVersion':'argoproj.io/v1alpha1','resources':["
                  "{'name':'rollouts','namespaced':true,'kind':'Rollout','verbs':['list','watch']}"
                  "%s]}",
                  more);
}

#define ROLLOUT_SCALE                                                                              \
    ",{'name':'rollouts/scale','namespaced':true,'group':'autoscaling','version':'v1',"            \
    "'kind':'Scale','verbs':['get']}"

static void answer_scale(struct fixture *f, int replicas)
{
    driver_answer(&f->driver, SCALE, 200,
                  "{'kind':'Scale','apiVersion':'autoscaling/v1','metadata':{'namespace':'default',"
                  "'name':'blue','uid':'u-blue','resourceVersion':'%d'},'spec':{'replicas':%d}}",
                  f->rv, replicas);
    settle(f);
}

static void any_kind_is_followed_by_its_scale(void **state)
{
    struct fixture *f = *state;
    f->size_from = FROM_ROLLOUT;
    sync_all(f, "");
    answer_discovery(f, ROLLOUT_SCALE);
    list_named(f, ROLLOUT, source_json(f, "blue", 0));
    settle(f);
    answer_scale(f, 3);
    assert_int_equal(f->size, 3);
    assert_status_has(f, "\"source\":\"Rollout/blue\"");
    driver_feed(&f->driver, "GET " ROLLOUT, "{'type':'MODIFIED','object':%s}\n",
                source_json(f, "blue", 0));
    answer_scale(f, 5);
    assert_int_equal(f->size, 5);
    assert_quiet(f, 200000);
}

static void a_scale_that_may_not_be_read_is_said_and_tried_again(void **state)
{
    struct fixture *f = *state;
    f->size_from = FROM_ROLLOUT;
    sync_all(f, "");
    answer_discovery(f, ROLLOUT_SCALE);
    list_named(f, ROLLOUT, source_json(f, "blue", 0));
    for (int i = 0; i < 3; i++) {
        settle(f);
        driver_pass(&f->driver, 1000);
        driver_answer(&f->driver, SCALE, 403,
                      "{'kind':'Status','code':403,'reason':'Forbidden','message':'no'}");
    }
    settle(f);
    assert_synced(f, "False SourceMissing");
    assert_status_has(f, "Rollout/blue cannot be read: 403 Forbidden: no");
    assert_int_equal(f->sizes_written, 0);
    assert_true(f->statuses_written <= 3);
    driver_pass(&f->driver, 10000);
    answer_scale(f, 3);
    assert_int_equal(f->size, 3);
}

static void a_kind_that_is_not_served_is_missing(void **state)
{
    struct fixture *f = *state;
    f->size_from = FROM_ROLLOUT;
    sync_all(f, "");
    driver_answer(&f->driver, "GET " ROLLOUTS, 404,
                  "{'kind':'Status','code':404,'reason':'NotFound'}");
    settle(f);
    assert_synced(f, "False SourceMissing");
    assert_status_has(f, "Rollout/blue is of a kind that the server does not know");
    driver_pass(&f->driver, 10000);
    answer_discovery(f, ROLLOUT_SCALE);
    list_named(f, ROLLOUT, source_json(f, "blue", 0));
    settle(f);
    answer_scale(f, 3);
    assert_int_equal(f->size, 3);
}

static void a_kind_without_scale_is_a_mistake(void **state)
{
    struct fixture *f = *state;
    f->size_from = FROM_ROLLOUT;
    sync_all(f, "");
    answer_discovery(f, "");
    settle(f);
    assert_synced(f, "False InvalidSpec");
    assert_int_equal(f->sizes_written, 0);
}

static void a_scale_that_fails_for_a_moment_is_not_told(void **state)
{
    struct fixture *f = *state;
    f->size_from = FROM_ROLLOUT;
    sync_all(f, "");
    answer_discovery(f, ROLLOUT_SCALE);
    list_named(f, ROLLOUT, source_json(f, "blue", 0));
    settle(f);
    driver_break(&f->driver, SCALE);
    settle(f);
    assert_null(strstr(f->status, "SizeSynced"));
    driver_pass(&f->driver, 1000);
    answer_scale(f, 3);
    assert_int_equal(f->size, 3);
}

/* ---- Time ---- */

static void a_lower_wish_is_held_and_followed_in_the_end(void **state)
{
    struct fixture *f = *state;
    follow_web(f, "{'sources':[{'kind':'Deployment','name':'web'}],'scaleDownAfterSeconds':300}",
               8);
    f->events[0] = '\0';
    scale_web(f, 3);
    assert_int_equal(f->size, 8);
    assert_synced(f, "True Holding");
    assert_status_has(f, "\"wish\":3,\"size\":8,\"reason\":\"Holding\"");
    assert_status_has(f, "\"holdUntil\":\"2026-01-01T00:05:0");
    assert_non_null(strstr(f->events, "Holding: wish is 3; size stays 8"));
    assert_quiet(f, 298000);
    driver_pass(&f->driver, 3000);
    settle(f);
    assert_int_equal(f->size, 3);
    assert_synced(f, "True InSync");
    assert_status_has(f, "\"holdUntil\":null,\"holds\":[]");
    assert_quiet(f, 20000); /* no longer: watches end after five minutes */
}

static void a_restart_goes_on_with_a_hold(void **state)
{
    struct fixture *f = *state;
    const char *rules =
        "{'sources':[{'kind':'Deployment','name':'web'}],'scaleDownAfterSeconds':300}";
    follow_web(f, rules, 8);
    scale_web(f, 3);
    driver_pass(&f->driver, 100000);
    stop_operator(f);
    start_operator(f);
    follow_web(f, rules, 3);
    assert_int_equal(f->size, 8);
    assert_synced(f, "True Holding");
    driver_pass(&f->driver, 190000);
    settle(f);
    assert_int_equal(f->size, 8);
    driver_pass(&f->driver, 15000);
    settle(f);
    assert_int_equal(f->size, 3);
}

/* At a server whose caches lag: the hold has begun since what the list shows. */
static void a_restart_goes_on_with_the_newest_hold(void **state)
{
    struct fixture *f = *state;
    const char *rules =
        "{'sources':[{'kind':'Deployment','name':'web'}],'scaleDownAfterSeconds':300}";
    follow_web(f, rules, 8);
    char *old = mem_strdup(f->status);
    scale_web(f, 3);
    driver_pass(&f->driver, 100000);
    stop_operator(f);
    start_operator(f);
    char *newest = f->status;
    f->status = old;
    sync_all(f, "");
    f->status = newest;
    mem_free(old);
    list_named(f, WEB, source_json(f, "web", 3));
    settle(f);
    assert_int_equal(f->size, 8);
    driver_pass(&f->driver, 205000);
    settle(f);
    assert_int_equal(f->size, 3);
}

static void a_step_waits_for_the_last_one(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    f->size_from = "{'sources':[{'kind':'Deployment','name':'web'}],'step':{'up':2}}";
    sync_all(f, "");
    list_named(f, WEB, source_json(f, "web", 5));
    settle(f);
    /* this server runs everything at once: so there are two steps, 1 → 3 → 5 */
    assert_int_equal(f->size, 5);
    assert_int_equal(f->sizes_written, 2);
    assert_synced(f, "True InSync");
    /* a step more, that is not carried out */
    driver_feed(d, "GET " WEB, "{'type':'MODIFIED','object':%s}\n", source_json(f, "web", 9));
    take_size(f);
    assert_int_equal(f->size, 7);
    driver_break(d, APPLY);
    assert_null(driver_find(d, SIZE));
    driver_pass(d, 1000);
    settle(f);
    assert_int_equal(f->size, 9);
}

#define SEE_OPERAND "GET " DEPLOYMENTS "/cache"

static const char *operand_json(const char *owner_uid, int rv, int replicas)
{
    static char text[1024];
    snprintf(text, sizeof text,
             "{'metadata':{'namespace':'default','name':'cache','uid':'d0','resourceVersion':'%d',"
             "'labels':{'app.kubernetes.io/managed-by':'memcached-operator'},"
             "'ownerReferences':[{'kind':'Memcached','apiVersion':'cache.example.com/v1alpha1',"
             "'name':'cache','uid':'%s','controller':true}]},'spec':{'replicas':%d},"
             "'status':{'replicas':%d,'readyReplicas':%d}}",
             rv, owner_uid, replicas, replicas, replicas);
    return text;
}

/* A start: the size is 6, and the Deployment has, or had, so many. */
static void begin_steps(struct fixture *f, const char *owner_uid, int has, int of_web)
{
    struct driver *d = &f->driver;
    f->size = 6;
    driver_list(d, MEMCACHEDS, "%s", memcached_json(f));
    driver_list(d, SOURCES, "%s", "");
    driver_list(d, OPERANDS, "%s", operand_json(owner_uid, 90, has));
    driver_list(d, PODS, "%s", "");
    driver_pass(d, 1);
    list_named(f, WEB, source_json(f, "web", of_web));
    if (driver_find(d, CONFIRM) != NULL) {
        driver_answer(d, CONFIRM, 200, "%s", memcached_json(f));
    }
    if (driver_find(d, APPLY) != NULL) {
        driver_answer(d, APPLY, 409, "{'kind':'Status','code':409,'reason':'Conflict'}");
    }
    while (driver_find(d, STATUS) != NULL) {
        take_status(f);
    }
    assert_null(driver_find(d, SIZE));
}

#define BY_TWO "{'sources':[{'kind':'Deployment','name':'web'}],'step':{'up':2,'down':2}}"
#define BY_TWO_HELD                                                                                \
    "{'sources':[{'kind':'Deployment','name':'web'}],'step':{'up':2},'scaleDownAfterSeconds':20}"

/* What another Memcached of its name has left behind is no step that was made. */
static void steps_are_not_counted_from_what_a_namesake_had(void **state)
{
    struct fixture *f = *state;
    f->size_from = BY_TWO;
    begin_steps(f, "m0", 4, 1);
    assert_null(driver_find(&f->driver, SEE_OPERAND));
}

/* Nor what a server shows whose cache lags. */
static void steps_are_counted_from_what_the_deployment_has_in_etcd(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    f->size_from = BY_TWO;
    begin_steps(f, "m1", 4, 1);
    driver_answer(d, SEE_OPERAND, 200, "%s", operand_json("m1", 190, 6));
    take_size(f);
    assert_int_equal(f->size, 4);
    take_deployment(f, APPLY, 200);
    assert_null(driver_find(d, SEE_OPERAND)); /* once is enough */
    take_size(f);
    assert_int_equal(f->size, 2);
}

/* The other controller waits for the size. But a hold has ended until the Deployment is read. */
static void whoever_waits_for_a_step_hears_that_there_is_none(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    f->size_from = BY_TWO_HELD;
    begin_steps(f, "m1", 6, 9);
    driver_feed(d, "GET " WEB, "{'type':'MODIFIED','object':%s}\n", source_json(f, "web", 6));
    driver_break(d, SEE_OPERAND);
    driver_pass(d, 25000);
    driver_answer(d, SEE_OPERAND, 200, "%s", operand_json("m1", 90, 6));
    settle(f);
    assert_int_equal(f->sizes_written, 0);
    assert_synced(f, "True InSync");
}

static void a_deployment_that_is_gone_from_etcd_counts_no_more(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    f->size_from = BY_TWO;
    begin_steps(f, "m1", 4, 1);
    driver_answer(d, SEE_OPERAND, 404, "{'kind':'Status','code':404,'reason':'NotFound'}");
    driver_answer(d, CONFIRM, 200, "%s", memcached_json(f));
    assert_int_equal(number_after(driver_find(d, CREATE)->body, "\"replicas\":"), 6);
    assert_null(driver_find(d, SIZE));
}

static void where_the_deployment_may_not_be_read_what_is_known_has_to_do(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    f->size_from = BY_TWO;
    begin_steps(f, "m1", 6, 1);
    driver_answer(d, SEE_OPERAND, 403,
                  "{'kind':'Status','code':403,'reason':'Forbidden','message':'no get'}");
    for (int i = 0; i < 20 && driver_find(d, SIZE) == NULL; i++) { /* the key is the other one's */
        driver_pass(d, (uint64_t)QUEUE_BACKOFF_MS_MIN << i);
        if (driver_find(d, APPLY) != NULL) {
            driver_answer(d, APPLY, 409, "{'kind':'Status','code':409,'reason':'Conflict'}");
        }
    }
    take_size(f);
    assert_int_equal(f->size, 4);
}

/* ---- Pause and modes ---- */

static void what_is_paused_is_left_alone(void **state)
{
    struct fixture *f = *state;
    follow_web(f, FROM_WEB, 4);
    change_size_from(f, "{'sources':[{'kind':'Deployment','name':'web'}],'paused':true}");
    assert_synced(f, "True Paused");
    scale_web(f, 8);
    assert_int_equal(f->size, 4);
    scale_by_hand(f, 2);
    assert_int_equal(f->size, 2);
    assert_status_has(f, "\"wish\":8,");
    change_size_from(f, FROM_WEB);
    assert_int_equal(f->size, 8);
    assert_synced(f, "True InSync");
}

static void the_annotation_pauses_too(void **state)
{
    struct fixture *f = *state;
    follow_web(f, FROM_WEB, 4);
    f->annotations = "{'memcached-operator/paused':'true'}";
    change_memcached(f);
    assert_synced(f, "True Paused");
    scale_web(f, 8);
    assert_int_equal(f->size, 4);
    f->annotations = "{}";
    change_memcached(f);
    assert_int_equal(f->size, 8);
}

static void who_only_observes_writes_no_size(void **state)
{
    struct fixture *f = *state;
    follow_web(f, "{'sources':[{'kind':'Deployment','name':'web'}],'mode':'Observe'}", 4);
    assert_int_equal(f->sizes_written, 0);
    assert_synced(f, "True Observing");
    assert_status_has(f, "\"wish\":4,\"size\":4");
}

static void only_up_means_never_down(void **state)
{
    struct fixture *f = *state;
    follow_web(f, "{'sources':[{'kind':'Deployment','name':'web'}],'mode':'ScaleUpOnly'}", 4);
    scale_web(f, 2);
    assert_int_equal(f->size, 4);
    assert_synced(f, "True Holding");
    scale_web(f, 5);
    assert_int_equal(f->size, 5);
}

/* ---- What is wrong ---- */

static void an_invalid_spec_keeps_the_last_size(void **state)
{
    struct fixture *f = *state;
    follow_web(f, FROM_WEB, 4);
    f->events[0] = '\0';
    change_size_from(f, "{'sources':[{'kind':'Deployment','name':'web'}],'min':5,'max':2}");
    assert_synced(f, "False InvalidSpec");
    assert_non_null(strstr(f->events, "InvalidSpec: spec.sizeFrom"));
    assert_int_equal(f->size, 4);
    assert_null(driver_find(&f->driver, "GET " WEB)); /* nor is anything watched for it */
    assert_quiet(f, 200000);
    change_size_from(f, FROM_WEB);
    list_named(f, WEB, source_json(f, "web", 6));
    settle(f);
    assert_int_equal(f->size, 6);
}

static void a_memcached_cannot_follow_itself(void **state)
{
    struct fixture *f = *state;
    f->size_from = "{'sources':[{'kind':'Deployment','name':'cache'}]}";
    sync_all(f, "");
    settle(f);
    assert_synced(f, "False Loop");
    assert_status_has(f, "Deployment/cache follows this Memcached itself");
    assert_int_equal(f->sizes_written, 0);
}

/* cache → a's Deployment → b's Deployment → cache: each of them may be the one that closes it. */
static void a_loop_over_others_is_found_when_it_closes_and_when_it_opens(void **state)
{
    static const char other[] =
        "{'type':'%s','object':{'metadata':{'namespace':'default','name':'%s','uid':'m-%s',"
        "'resourceVersion':'%d','generation':%d},'spec':{'size':1,'sizeFrom':{'paused':true,"
        "'sources':[{'kind':'Deployment','name':'%s'}]}}}}\n";
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    f->size_from = "{'paused':true,'sources':[{'kind':'Deployment','name':'a'}]}";
    sync_all(f, "");
    driver_feed(d, "GET " MEMCACHEDS, other, "ADDED", "a", "a", ++f->rv, 1, "b");
    settle(f);
    driver_feed(d, "GET " MEMCACHEDS, other, "ADDED", "b", "b", ++f->rv, 1, "cache");
    settle(f);
    assert_synced(f, "False Loop");
    assert_status_has(f, "Deployment/a → Deployment/b → Deployment/cache");
    driver_feed(d, "GET " MEMCACHEDS, other, "MODIFIED", "b", "b", ++f->rv, 2, "web");
    list_named(f, DEPLOYMENTS NAMED "a", "");
    settle(f);
    assert_synced(f, "True Paused");
}

static void a_label_beside_sources_is_named_and_ignored(void **state)
{
    struct fixture *f = *state;
    sync_all(f, "{'metadata':{'namespace':'default','name':'other','uid':'o','resourceVersion':"
                "'90','labels':{'memcached-operator/associated-memcached-deployment-name':"
                "'cache'}},'spec':{'replicas':9}}");
    settle(f);
    assert_events(f, ""); /* as long as it is not known what is */
    list_named(f, WEB, source_json(f, "web", 4));
    settle(f);
    assert_int_equal(f->size, 4);
    assert_status_has(f, "{\"type\":\"Conflict\",\"status\":\"True\",\"reason\":\"LabelIgnored\","
                         "\"message\":\"spec.sizeFrom.sources decide the size; ignored: "
                         "\\\"other\\\"\"");
    assert_events(f, "SizeChanged: size changed from 1 to 4: web 4\n"
                     "ClaimIgnored: Memcached \\\n");
    assert_quiet(f, 200000);
}

/* ---- Labels under rules ---- */

static const char *claimant_json(struct fixture *f, const char *name, int replicas)
{
    static char text[1024];
    snprintf(text, sizeof text,
             "{'metadata':{'namespace':'default','name':'%s','uid':'u-%s','resourceVersion':'%d',"
             "'labels':{'memcached-operator/associated-memcached-deployment-name':'cache'}},"
             "'spec':{'replicas':%d}}",
             name, name, f->rv + 1, replicas);
    f->rv++;
    return text;
}

static void scale_claimant(struct fixture *f, const char *name, int replicas)
{
    driver_feed(&f->driver, "GET " SOURCES, "{'type':'MODIFIED','object':%s}\n",
                claimant_json(f, name, replicas));
    settle(f);
}

static void labels_can_make_a_sum(void **state)
{
    struct fixture *f = *state;
    f->size_from = "{'claims':'Sum','max':9}";
    sync_all(f, claimant_json(f, "a", 2));
    settle(f);
    scale_claimant(f, "b", 3);
    assert_int_equal(f->size, 5);
    assert_status_has(f, "\"source\":\"Sum of 2 Deployments\"");
    assert_null(strstr(f->status, "Conflict"));
    scale_claimant(f, "a", 7);
    assert_int_equal(f->size, 9);
    change_size_from(f, "{'claims':'Ignore'}");
    assert_status_has(f, "spec.sizeFrom.claims is Ignore; ignored: \\\"a\\\", \\\"b\\\"");
    scale_by_hand(f, 4);
    assert_int_equal(f->size, 4);
}

/* Its number is in the status though it decides nothing. */
static void a_claimant_that_is_ignored_is_told_of_truly(void **state)
{
    struct fixture *f = *state;
    f->size_from = "null";
    sync_all(f, claimant_json(f, "a", 1));
    scale_claimant(f, "b", 3);
    assert_status_has(f, "{\"name\":\"Deployment/b\",\"replicas\":3,\"deciding\":false}");
    f->statuses_written = 0;
    scale_claimant(f, "b", 5);
    assert_status_has(f, "{\"name\":\"Deployment/b\",\"replicas\":5,\"deciding\":false}");
    assert_int_equal(f->statuses_written, 1);
    assert_int_equal(f->sizes_written, 0);
}

/* The label's own protection: a window does not remember what was wished once, either. */
static void a_window_begins_with_a_view_that_is_new_enough(void **state)
{
    struct fixture *f = *state;
    f->size = 3;
    f->size_from = "{'scaleDownAfterSeconds':300}";
    f->annotations = "{'memcached-operator/sources-resource-version':'180'}";
    sync_all(f, "{'metadata':{'namespace':'default','name':'a','uid':'u-a','resourceVersion':'90',"
                "'labels':{'memcached-operator/associated-memcached-deployment-name':'cache'}},"
                "'spec':{'replicas':8}}");
    settle(f);
    driver_answer(&f->driver, "GET " SOURCES, 200,
                  "{'metadata':{'resourceVersion':'190'},'items':[%s]}", claimant_json(f, "a", 3));
    driver_pass(&f->driver, 1000);
    settle(f);
    assert_int_equal(f->sizes_written, 0);
    assert_synced(f, "True InSync");
    assert_status_has(f, "\"wish\":3,\"size\":3");
    assert_status_has(f, "\"holds\":[]");
}

/* ---- What is watched ---- */

static void what_is_named_no_more_is_watched_no_more(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    follow_web(f, FROM_WEB, 4);
    assert_int_equal(driver_count(d, "GET " WEB), 1);
    change_size_from(f, "{'sources':[{'kind':'StatefulSet','name':'api'}]}");
    assert_int_equal(driver_count(d, "GET " WEB), 0);
    assert_int_equal(driver_count(d, "GET " API), 1);
    list_named(f, API, source_json(f, "api", 2));
    settle(f);
    assert_int_equal(f->size, 2);
    driver_feed(d, "GET " MEMCACHEDS, "{'type':'DELETED','object':%s}\n", memcached_json(f));
    driver_pass(d, 1);
    assert_int_equal(driver_count(d, "GET " API), 0);
}

static void a_watch_stays_as_long_as_one_of_two_needs_it(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    follow_web(f, FROM_WEB, 4);
    driver_feed(d, "GET " MEMCACHEDS,
                "{'type':'ADDED','object':{'metadata':{'namespace':'default','name':'two','uid':"
                "'m2','resourceVersion':'%d','generation':1},'spec':{'size':4,'sizeFrom':%s}}}\n",
                ++f->rv, FROM_WEB);
    settle(f);
    driver_feed(d, "GET " MEMCACHEDS, "{'type':'DELETED','object':%s}\n", memcached_json(f));
    driver_pass(d, 1);
    assert_int_equal(driver_count(d, "GET " WEB), 1);
    driver_feed(d, "GET " WEB, "{'type':'MODIFIED','object':%s}\n", source_json(f, "web", 7));
    driver_break(d, "GET " CACHE "/namespaces/default/memcacheds/two"); /* its turn ends */
    assert_non_null(driver_find(d, "PATCH " CACHE "/namespaces/default/memcacheds/two?"));
}

/* After a restart, at a server whose caches lag: web had 8 an hour ago, and has 4 now. */
static void nothing_is_decided_before_a_consistent_read(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    f->size = 4;
    sync_all(f, "");
    driver_list(d, WEB,
                "{'metadata':{'namespace':'default','name':'web','uid':'u-web',"
                "'resourceVersion':'60'},'spec':{'replicas':8}}");
    settle(f);
    driver_pass(d, 5000);
    assert_int_equal(f->sizes_written, 0);
    assert_null(strstr(f->status, "SizeSynced"));
    driver_answer(d, "GET " WEB, 200, "{'metadata':{'resourceVersion':'240'},'items':[%s]}",
                  source_json(f, "web", 4));
    settle(f);
    assert_int_equal(f->sizes_written, 0);
    assert_synced(f, "True InSync");
}

/* ---- Metrics ---- */

static void assert_metric(struct fixture *f, const char *line, bool is_there)
{
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, 1 << 20);
    metrics_render(manager_metrics(f->driver.manager), &text);
    if ((strstr(buf_text(&text), line) != NULL) != is_there) {
        fail_msg("%s: %s\n%s", line, is_there ? "missing" : "there", buf_text(&text));
    }
}

static void metrics_say_what_sizes_are_and_were(void **state)
{
    struct fixture *f = *state;
    follow_web(f, "{'sources':[{'kind':'Deployment','name':'web'}],'max':6}", 4);
    scale_web(f, 9);
    scale_web(f, 2);
    scale_by_hand(f, 3);
    assert_metric(f, "memcached_size{namespace=\"default\",name=\"cache\"} 2\n", true);
    assert_metric(f, "memcached_size_wish{namespace=\"default\",name=\"cache\"} 2\n", true);
    assert_metric(f, "memcached_size_changes_total{direction=\"up\"} 2\n", true);
    assert_metric(f, "memcached_size_changes_total{direction=\"down\"} 1\n", true);
    assert_metric(f, "memcached_drift_corrections_total 1\n", true);
    assert_metric(f, "memcached_sync_latency_seconds_count 3\n", true);
    assert_metric(f, "memcached_claim_conflicts 0\n", true);
}

static void series_of_what_is_deleted_disappear(void **state)
{
    struct fixture *f = *state;
    sync_all(f, "{'metadata':{'namespace':'default','name':'other','uid':'o','resourceVersion':"
                "'90','labels':{'memcached-operator/associated-memcached-deployment-name':"
                "'cache'}},'spec':{'replicas':9}}");
    list_named(f, WEB, source_json(f, "web", 4));
    settle(f);
    assert_metric(f, "memcached_claim_conflicts 1\n", true);
    driver_feed(&f->driver, "GET " MEMCACHEDS, "{'type':'DELETED','object':%s}\n",
                memcached_json(f));
    driver_pass(&f->driver, 1);
    assert_metric(f, "name=\"cache\"", false);
    assert_metric(f, "memcached_claim_conflicts 0\n", true);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_size_follows_a_deployment_that_bears_no_label),
        TEST(what_is_scaled_by_hand_is_put_back),
        TEST(a_rival_is_named_instead_of_fought),
        TEST(two_sources_make_a_sum_by_ratio_within_limits),
        TEST(a_source_that_goes_is_missing_until_it_comes_back),
        TEST(a_source_that_never_was_leaves_the_size_as_it_is),
        TEST(what_fails_for_a_moment_is_not_told),
        TEST(what_may_not_be_watched_is_told),
        TEST(any_kind_is_followed_by_its_scale),
        TEST(a_scale_that_may_not_be_read_is_said_and_tried_again),
        TEST(a_scale_that_fails_for_a_moment_is_not_told),
        TEST(a_kind_that_is_not_served_is_missing),
        TEST(a_kind_without_scale_is_a_mistake),
        TEST(a_lower_wish_is_held_and_followed_in_the_end),
        TEST(a_restart_goes_on_with_a_hold),
        TEST(a_restart_goes_on_with_the_newest_hold),
        TEST(a_step_waits_for_the_last_one),
        TEST(steps_are_not_counted_from_what_a_namesake_had),
        TEST(steps_are_counted_from_what_the_deployment_has_in_etcd),
        TEST(whoever_waits_for_a_step_hears_that_there_is_none),
        TEST(a_deployment_that_is_gone_from_etcd_counts_no_more),
        TEST(where_the_deployment_may_not_be_read_what_is_known_has_to_do),
        TEST(what_is_paused_is_left_alone),
        TEST(the_annotation_pauses_too),
        TEST(who_only_observes_writes_no_size),
        TEST(only_up_means_never_down),
        TEST(an_invalid_spec_keeps_the_last_size),
        TEST(a_memcached_cannot_follow_itself),
        TEST(a_loop_over_others_is_found_when_it_closes_and_when_it_opens),
        TEST(a_label_beside_sources_is_named_and_ignored),
        TEST(labels_can_make_a_sum),
        TEST(a_claimant_that_is_ignored_is_told_of_truly),
        TEST(a_window_begins_with_a_view_that_is_new_enough),
        TEST(what_is_named_no_more_is_watched_no_more),
        TEST(a_watch_stays_as_long_as_one_of_two_needs_it),
        TEST(nothing_is_decided_before_a_consistent_read),
        TEST(metrics_say_what_sizes_are_and_were),
        TEST(series_of_what_is_deleted_disappear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The operator as a whole on the real manager, with a test for a server: which requests it sends,
 * in which order, and that it comes to rest.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "lib/driver.h"
#include "operator/operator.h"

#include <stdio.h>
#include <string.h>

#define MEMCACHEDS "/apis/cache.example.com/v1alpha1/memcacheds?"
#define SOURCES    "/apis/apps/v1/deployments?labelSelector=memcached-operator%2F"
#define OPERANDS   "/apis/apps/v1/deployments?labelSelector=app.kubernetes.io%2F"
#define PODS       "/api/v1/pods?"
#define CR         "/apis/cache.example.com/v1alpha1/namespaces/default/memcacheds/cache"
#define DEPLOYMENT "/apis/apps/v1/namespaces/default/deployments/cache"
#define CREATE     "POST /apis/apps/v1/namespaces/default/deployments?fieldManager=memcached-operator"
#define SIZE       "PATCH " CR "?fieldManager=memcached-operator"
#define STATUS     "PATCH " CR "/status?fieldManager=memcached-operator"
#define APPLY      "PATCH " DEPLOYMENT "?fieldManager=memcached-operator&force=true"
#define LOOK       "GET " DEPLOYMENT
#define CONFIRM    "GET " CR
#define EVENTS     "POST /apis/events.k8s.io/v1/namespaces/default/events"

struct fixture {
    struct driver driver;
    struct operator* operator;
};

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof *f);
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
    driver_init(&f->driver, m);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    driver_fini(&f->driver);
    operator_free(f->operator);
    mem_free(f);
    return 0;
}

/* ---- Objects as the server sends them ---- */

static const char *memcached_json(int rv, int size)
{
    static char text[1024];
    snprintf(text, sizeof text,
             "{'metadata':{'namespace':'default','name':'cache','uid':'m1','resourceVersion':'%d',"
             "'generation':1,'creationTimestamp':'2026-01-01T00:00:00Z'},'spec':{'size':%d}}",
             rv, size);
    return text;
}

static const char *source_json(const char *name, int rv, int replicas, int second)
{
    static char text[1024];
    snprintf(text, sizeof text,
             "{'metadata':{'namespace':'default','name':'%s','uid':'u-%s','resourceVersion':'%d',"
             "'creationTimestamp':'2026-01-01T00:00:%02dZ','labels':{"
             "'memcached-operator/associated-memcached-deployment-name':'cache'}},"
             "'spec':{'replicas':%d}}",
             name, name, rv, second, replicas);
    return text;
}

/* The server's answer to a write of the Deployment: what was written, with the server's own
 * metadata. */
static void take_deployment(struct driver *d, const char *prefix, int http_status, int rv)
{
    const struct open_request *r = driver_find(d, prefix);
    assert_non_null(r);
    const char *metadata = strstr(r->body, "\"metadata\":{") + strlen("\"metadata\":{");
    char body[1 << 14];
    snprintf(body, sizeof body,
             "%.*s\"uid\":\"d1\",\"resourceVersion\":\"%d\",\"generation\":%d,%s",
             (int)(metadata - r->body), r->body, rv, rv, metadata);
    driver_answer(d, prefix, http_status, "%s", body);
}

/* The server's answer to a status write. */
static void take_status(struct driver *d, int rv, int size)
{
    const struct open_request *r = driver_find(d, STATUS);
    assert_non_null(r);
    char *status = mem_strdup(strstr(r->body, "\"status\":"));
    driver_answer(d, STATUS, 200,
                  "{\"metadata\":{\"namespace\":\"default\",\"name\":\"cache\",\"uid\":\"m1\","
                  "\"resourceVersion\":\"%d\",\"generation\":1},\"spec\":{\"size\":%d},%s",
                  rv, size, status);
    mem_free(status);
}

/* From a cache, which may lag. */
static void list_all(struct driver *d, const char *memcacheds, const char *sources)
{
    driver_list(d, MEMCACHEDS, "%s", memcacheds);
    driver_list(d, SOURCES, "%s", sources);
    driver_list(d, OPERANDS, "%s", "");
    driver_list(d, PODS, "%s", "");
}

/* And etcd has the same. */
static void sync_all(struct driver *d, const char *memcacheds, const char *sources)
{
    list_all(d, memcacheds, sources);
    if (driver_find(d, CONFIRM) != NULL) {
        driver_answer(d, CONFIRM, 200, "%s", memcacheds);
    }
}

/* Nothing is in flight but the four watches, and nothing comes though time passes. */
static void assert_at_rest(struct driver *d)
{
    while (driver_find(d, EVENTS) != NULL) {
        driver_answer(d, EVENTS, 201, "{}");
    }
    size_t started = d->started;
    assert_int_equal(driver_count(d, ""), 4);
    driver_pass(d, 200000);
    assert_int_equal(d->started, started);
}

/* A Memcached of 1 whose Deployment exists and whose status is written. */
static void settle(struct driver *d)
{
    sync_all(d, memcached_json(50, 1), "");
    take_deployment(d, CREATE, 201, 101);
    take_status(d, 102, 1);
    assert_at_rest(d);
}

/* ---- Tests ---- */

static void nothing_is_written_before_all_caches_are_in_step(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    driver_list(d, MEMCACHEDS, "%s", memcached_json(50, 1));
    driver_list(d, OPERANDS, "%s", "");
    driver_list(d, SOURCES, "%s", "");
    const char *why = NULL;
    assert_false(manager_ready(d->manager, &why));
    assert_string_equal(why, "pods: not in step with the server yet");
    assert_null(driver_find(d, CREATE));
    driver_list(d, PODS, "%s", "");
    assert_true(manager_ready(d->manager, NULL));
    assert_null(driver_find(d, CREATE)); /* nor before the Memcached was read from etcd */
    driver_answer(d, CONFIRM, 200, "%s", memcached_json(50, 1));
    assert_non_null(driver_find(d, CREATE));
}

static void a_memcached_becomes_a_deployment_then_rest(void **state)
{
    struct fixture *f = *state;
    settle(&f->driver);
    assert_non_null(
        strstr(buf_text(&f->driver.logs),
               "INFO\tcontrollers.Memcached\tCreating a new Deployment\t{\"memcached\": "
               "\"default/cache\", \"Deployment.Namespace\": \"default\", "
               "\"Deployment.Name\": \"cache\"}\n"));
}

/* The latency that counts: source, Memcached, Deployment, with no wait for a watch in between. */
static void a_scaled_source_is_two_patches(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    settle(d);
    driver_feed(d, "GET " SOURCES, "{'type':'ADDED','object':%s}\n", source_json("web", 110, 4, 0));
    assert_string_equal(
        driver_find(d, SIZE)->body,
        "{\"metadata\":{\"uid\":\"m1\",\"resourceVersion\":\"102\",\"annotations\":{"
        "\"memcached-operator/sources-resource-version\":\"110\"}},\"spec\":{\"size\":4}}");
    assert_non_null(
        strstr(buf_text(&d->logs),
               "INFO\tcontrollers.DeploymentSync\tReplica count on deployment has "
               "changed. Syncing memcached\t{\"deploymentSync\": \"default/web\", "
               "\"memcached-identifier\": \"default/cache\", \"from\": 1, \"to\": 4}\n"));
    /* the status write of the new source is under way as well; answer it later */
    driver_answer(d, SIZE, 200, "%s", memcached_json(111, 4));
    if (driver_find(d, STATUS) != NULL) {
        take_status(d, 112, 4);
    }
    assert_non_null(strstr(driver_find(d, APPLY)->body, "\"replicas\":4"));
    take_deployment(d, APPLY, 200, 113);
    while (driver_find(d, STATUS) != NULL) {
        take_status(d, 114, 4);
    }
    assert_at_rest(d);
}

/* A Memcached whose size was decided when sources were known up to @seen. */
static const char *decided_json(int rv, int size, const char *seen)
{
    static char text[1024];
    snprintf(text, sizeof text,
             "{'metadata':{'namespace':'default','name':'cache','uid':'m1','resourceVersion':'%d',"
             "'generation':1,'creationTimestamp':'2026-01-01T00:00:00Z','annotations':{"
             "'memcached-operator/sources-resource-version':'%s'}},'spec':{'size':%d}}",
             rv, seen, size);
    return text;
}

/* After a restart, at a server whose caches lag: the source is as it was before the last decision.
 */
static void a_size_is_not_taken_back_to_what_its_source_was_once(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    sync_all(d, decided_json(50, 2, "130"), source_json("web", 90, 4, 0));
    driver_pass(d, 1);
    assert_null(driver_find(d, SIZE));
    const struct open_request *list = driver_find(d, "GET " SOURCES);
    assert_non_null(list); /* a consistent read, in place of the watch */
    assert_null(strstr(list->line, "resourceVersion="));
    driver_answer(d, "GET " SOURCES, 200, "{'metadata':{'resourceVersion':'140'},'items':[%s]}",
                  source_json("web", 120, 2, 0));
    driver_pass(d, 1000);
    assert_null(driver_find(d, SIZE));
}

/* Nobody could see so much: somebody else's record, or an edited one. */
static void a_record_that_no_read_reaches_counts_no_more(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    sync_all(d, decided_json(50, 2, "99999999999999999999"), source_json("web", 90, 4, 0));
    driver_pass(d, 5000);
    assert_null(driver_find(d, SIZE)); /* as long as the read is not answered */
    driver_answer(d, "GET " SOURCES, 200, "{'metadata':{'resourceVersion':'140'},'items':[%s]}",
                  source_json("web", 90, 4, 0));
    driver_pass(d, 1000);
    assert_non_null(strstr(driver_find(d, SIZE)->body, "\"size\":4"));
}

/* The same for the Deployment: it was made from a newer Memcached than is known here. */
static void a_deployment_is_not_taken_back_to_what_its_memcached_was_once(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    sync_all(d, memcached_json(50, 1), "");
    driver_answer(d, CREATE, 409,
                  "{'kind':'Status','reason':'AlreadyExists','code':409,'message':'exists'}");
    driver_answer(d, LOOK, 200,
                  "{'metadata':{'namespace':'default','name':'cache','uid':'d1',"
                  "'resourceVersion':'70','generation':2,'annotations':{"
                  "'memcached-operator/memcached-generation':'2'},'ownerReferences':[{"
                  "'apiVersion':'cache.example.com/v1alpha1','kind':'Memcached','name':'cache',"
                  "'uid':'m1','controller':true}]},'spec':{'replicas':3}}");
    driver_pass(d, 1);
    assert_null(driver_find(d, APPLY));
    assert_null(strstr(driver_find(d, "GET " MEMCACHEDS)->line, "resourceVersion="));
    driver_answer(d, "GET " MEMCACHEDS, 200,
                  "{'metadata':{'resourceVersion':'140'},'items':[{'metadata':{'namespace':"
                  "'default','name':'cache','uid':'m1','resourceVersion':'60','generation':2},"
                  "'spec':{'size':3}}]}");
    driver_pass(d, 1000);
    assert_non_null(strstr(driver_find(d, APPLY)->body, "\"replicas\":3"));
}

/* Two writes of one object at once would only conflict: the second waits for the first. */
static void size_and_status_are_never_written_at_once(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    sync_all(d, memcached_json(50, 1), "");
    take_deployment(d, CREATE, 201, 101);
    assert_non_null(driver_find(d, STATUS));
    driver_feed(d, "GET " SOURCES, "{'type':'ADDED','object':%s}\n", source_json("web", 110, 4, 0));
    assert_null(driver_find(d, SIZE));
    take_status(d, 111, 1);
    assert_int_equal(driver_count(d, "PATCH"), 1);
    while (driver_find(d, STATUS) != NULL) {
        take_status(d, 112, 1);
    }
    assert_non_null(strstr(driver_find(d, SIZE)->body, "\"resourceVersion\":\"11"));
    assert_int_equal(driver_count(d, "PATCH"), 1);
}

/* The echo of our own write is not even decoded; the watch goes on from its version all the same.
 */
static void the_echo_of_a_write_is_only_glanced_at(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    settle(d);
    driver_feed(
        d, "GET " OPERANDS,
        "{'type':'MODIFIED','object':{'kind':'Deployment','metadata':{'name':'cache',"
        "'namespace':'default','resourceVersion':'101','labels':{}},'spec': no JSON here }}\n");
    assert_at_rest(d);
    driver_break(d, "GET " OPERANDS);
    driver_pass(d, 5000);
    assert_non_null(strstr(driver_find(d, "GET " OPERANDS)->line, "&resourceVersion=101"));
}

/* Our own writes are seen before the watch tells of them; late news of older states change nothing.
 */
static void late_watch_events_lead_to_no_second_write(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    settle(d);
    driver_feed(d, "GET " MEMCACHEDS, "{'type':'MODIFIED','object':%s}\n", memcached_json(60, 7));
    driver_feed(d, "GET " MEMCACHEDS, "{'type':'MODIFIED','object':%s}\n", memcached_json(50, 1));
    assert_at_rest(d);
}

static void a_taken_name_is_looked_at_and_left_alone(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    sync_all(d, memcached_json(50, 1), "");
    driver_answer(d, CREATE, 409, "{'kind':'Status','code':409,'reason':'AlreadyExists'}");
    driver_answer(
        d, LOOK, 200,
        "{'metadata':{'namespace':'default','name':'cache','uid':'x','resourceVersion':'9'},"
        "'spec':{'replicas':1}}");
    assert_non_null(strstr(driver_find(d, STATUS)->body, "\"reason\":\"NameTaken\""));
    take_status(d, 102, 1);
    assert_non_null(strstr(driver_find(d, EVENTS)->body, "NameTaken"));
    driver_answer(d, EVENTS, 201, "{}");
    assert_int_equal(driver_count(d, ""), 4);
    /* once the way is free it goes on by itself */
    driver_pass(d, 30001);
    driver_answer(d, LOOK, 404, "{'kind':'Status','code':404,'reason':'NotFound'}");
    take_deployment(d, CREATE, 201, 120);
    take_status(d, 121, 1);
    assert_at_rest(d);
}

/* As the Go operator made it: ours by its owner reference, but without labels. */
static void a_deployment_of_the_go_operator_is_adopted(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    sync_all(d, memcached_json(50, 1), "");
    driver_answer(d, CREATE, 409, "{'kind':'Status','code':409,'reason':'AlreadyExists'}");
    driver_answer(
        d, LOOK, 200,
        "{'metadata':{'namespace':'default','name':'cache','uid':'go','resourceVersion':'9',"
        "'ownerReferences':[{'apiVersion':'cache.example.com/v1alpha1','kind':'Memcached',"
        "'name':'cache','uid':'m1','controller':true}]},'spec':{'replicas':1}}");
    assert_non_null(
        strstr(driver_find(d, APPLY)->body, "\"uid\":\"go\",\"resourceVersion\":\"9\""));
    take_deployment(d, APPLY, 200, 103);
    take_status(d, 104, 1);
    assert_at_rest(d);
}

static void a_lost_answer_is_looked_at_before_anything_is_repeated(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    sync_all(d, memcached_json(50, 1), "");
    driver_break(d, CREATE); /* it was done, but nobody told */
    assert_null(driver_find(d, CREATE));
    driver_pass(d, 5);
    driver_answer(d, CREATE, 409, "{'kind':'Status','code':409,'reason':'AlreadyExists'}");
    assert_non_null(driver_find(d, LOOK));
}

/* The Deployment waits for the size, whose write fails; then the source comes to the size. */
static void a_size_that_needs_no_write_any_more_is_not_waited_for(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    sync_all(d, memcached_json(50, 1), source_json("web", 51, 4, 1));
    assert_null(driver_find(d, CREATE));
    driver_break(d, SIZE);
    driver_feed(d, "GET " SOURCES, "{'type':'MODIFIED','object':%s}\n",
                source_json("web", 60, 1, 1));
    assert_non_null(driver_find(d, CONFIRM));
}

static void a_conflict_waits_for_the_newest_state(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    settle(d);
    driver_feed(d, "GET " MEMCACHEDS, "{'type':'MODIFIED','object':%s}\n", memcached_json(120, 3));
    driver_answer(d, APPLY, 409, "{'kind':'Status','code':409,'reason':'Conflict'}");
    assert_null(driver_find(d, APPLY));
    assert_null(strstr(buf_text(&d->logs), "ERROR"));
    driver_pass(d, 5);
    assert_non_null(driver_find(d, APPLY));
}

/* What came between is no news for the size; that it came is. */
static void a_size_that_met_a_newer_memcached_is_written_when_that_comes(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    settle(d);
    driver_feed(d, "GET " SOURCES, "{'type':'ADDED','object':%s}\n", source_json("web", 110, 4, 0));
    driver_answer(d, SIZE, 409, "{'kind':'Status','code':409,'reason':'Conflict'}");
    assert_null(driver_find(d, SIZE)); /* in 5 ms */
    driver_feed(d, "GET " MEMCACHEDS, "{'type':'MODIFIED','object':%s}\n", memcached_json(120, 1));
    assert_non_null(strstr(driver_find(d, SIZE)->body, "\"resourceVersion\":\"120\""));
    assert_null(driver_find(d, EVENTS)); /* nothing has changed yet */
    driver_answer(d, SIZE, 200, "%s", memcached_json(121, 4));
    take_deployment(d, APPLY, 200, 122);
    while (driver_find(d, STATUS) != NULL) {
        take_status(d, 123, 4);
    }
    assert_non_null(strstr(driver_find(d, EVENTS)->body, "SizeChanged"));
}

/* What was written, as a webhook leaves it that puts its own name into the label. */
static char *deployment_of_helm(const struct open_request *r, int rv)
{
    static const char manager[] = "\"app.kubernetes.io/managed-by\":\"";
    const char *metadata = strstr(r->body, "\"metadata\":{") + strlen("\"metadata\":{");
    const char *value = strstr(r->body, manager) + strlen(manager);
    char *text = mem_alloc(1 << 14);
    snprintf(text, 1 << 14, "%.*s\"uid\":\"d1\",\"resourceVersion\":\"%d\",%.*sHelm%s",
             (int)(metadata - r->body), r->body, rv, (int)(value - metadata), metadata,
             strchr(value, '"'));
    return text;
}

/* The watch does not show it: a stale copy would be refused for ever. */
static void a_deployment_whose_label_is_taken_is_known_by_looking(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    sync_all(d, memcached_json(50, 1), "");
    char *live = deployment_of_helm(driver_find(d, CREATE), 101);
    driver_answer(d, CREATE, 201, "%s", live);
    driver_answer(d, LOOK, 200, "%s", live);
    assert_non_null(strstr(driver_find(d, STATUS)->body, "\"reason\":\"WriteConflict\""));
    assert_null(strstr(driver_find(d, STATUS)->body, "NoDeployment"));
    take_status(d, 102, 1);
    driver_feed(d, "GET " MEMCACHEDS, "{'type':'MODIFIED','object':%s}\n", memcached_json(120, 3));
    driver_answer(d, APPLY, 409, "{'kind':'Status','code':409,'reason':'Conflict'}");
    driver_pass(d, 5);
    assert_null(driver_find(d, APPLY));
    driver_answer(d, LOOK, 200, "%s", live);
    assert_non_null(driver_find(d, APPLY));
    mem_free(live);
}

static void a_refusal_is_shown_in_the_status(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    sync_all(d, memcached_json(50, 1), "");
    driver_answer(d, CREATE, 403,
                  "{'kind':'Status','code':403,'reason':'Forbidden','message':'quota'}");
    assert_non_null(strstr(buf_text(&d->logs), "ERROR\tcontrollers.Memcached\tReconciler error"));
    driver_pass(d, 5);
    assert_non_null(strstr(driver_find(d, STATUS)->body, "403 Forbidden: quota"));
    take_status(d, 102, 1);
    driver_pass(d, 5);
    take_deployment(d, CREATE, 201, 105);
    assert_non_null(strstr(driver_find(d, STATUS)->body, "\"reason\":\"AsDesired\""));
}

/* A creation that lands late, or whose answer was lost, needs no other write to be right. */
static void a_refusal_is_past_when_the_deployment_is_there(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    sync_all(d, memcached_json(50, 1), "");
    char *body = mem_strdup(driver_find(d, CREATE)->body);
    driver_answer(d, CREATE, 403, "{'kind':'Status','code':403,'reason':'Forbidden'}");
    driver_pass(d, 5);
    take_status(d, 102, 1);
    driver_answer(d, CREATE, 403, "{'kind':'Status','code':403,'reason':'Forbidden'}");
    const char *metadata = strstr(body, "\"metadata\":{") + strlen("\"metadata\":{");
    driver_feed(d, "GET " OPERANDS,
                "{\"type\":\"ADDED\",\"object\":%.*s\"uid\":\"d1\",\"resourceVersion\":"
                "\"105\",%s}\n",
                (int)(metadata - body), body, metadata);
    assert_null(driver_find(d, CREATE));
    assert_non_null(strstr(driver_find(d, STATUS)->body, "\"reason\":\"AsDesired\""));
    mem_free(body);
}

/* Else the status says the one and the other by turns, at each look. */
static void a_refusal_is_past_when_a_stranger_is_there(void **state)
{
    static const char stranger[] =
        "{'metadata':{'namespace':'default','name':'cache','uid':'d9','resourceVersion':'90'},"
        "'spec':{'replicas':7}}";
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    sync_all(d, memcached_json(50, 1), "");
    driver_answer(d, CREATE, 403, "{'kind':'Status','code':403,'reason':'Forbidden'}");
    driver_pass(d, 5);
    take_status(d, 102, 1);
    driver_answer(d, CREATE, 409, "{'kind':'Status','code':409,'reason':'AlreadyExists'}");
    driver_answer(d, LOOK, 200, "%s", stranger);
    assert_non_null(strstr(driver_find(d, STATUS)->body, "\"reason\":\"NameTaken\""));
    take_status(d, 110, 1);
    driver_pass(d, 30001);
    assert_null(driver_find(d, STATUS));
    driver_answer(d, LOOK, 200, "%s", stranger);
    assert_null(driver_find(d, STATUS));
}

static void a_refused_size_is_past_when_nobody_wants_it(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    settle(d);
    driver_feed(d, "GET " SOURCES, "{'type':'ADDED','object':%s}\n", source_json("web", 110, 4, 0));
    driver_answer(d, SIZE, 403, "{'kind':'Status','code':403,'reason':'Forbidden'}");
    assert_non_null(strstr(driver_find(d, STATUS)->body, "\"reason\":\"WriteRefused\""));
    take_status(d, 112, 1);
    driver_feed(d, "GET " SOURCES, "{'type':'MODIFIED','object':%s}\n",
                source_json("web", 113, 1, 0));
    assert_non_null(strstr(driver_find(d, STATUS)->body, "\"reason\":\"InSync\""));
}

static void faulty_claims_are_warned_of_and_ignored(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    settle(d);
    driver_feed(
        d, "GET " SOURCES,
        "{'type':'ADDED','object':{'metadata':{'namespace':'default','name':'bad','uid':'b',"
        "'resourceVersion':'120','labels':{"
        "'memcached-operator/associated-memcached-deployment-name':'Cache_1'}},"
        "'spec':{'replicas':3}}}\n");
    assert_non_null(strstr(driver_find(d, EVENTS)->body, "is no valid name of a Memcached"));
    driver_answer(d, EVENTS, 201, "{}");
    driver_feed(
        d, "GET " SOURCES,
        "{'type':'ADDED','object':{'metadata':{'namespace':'default','name':'cache','uid':'d1',"
        "'resourceVersion':'121','ownerReferences':[{'apiVersion':'cache.example.com/v1alpha1',"
        "'kind':'Memcached','name':'cache','uid':'m1','controller':true}],'labels':{"
        "'memcached-operator/associated-memcached-deployment-name':'cache'}},"
        "'spec':{'replicas':3}}}\n");
    assert_non_null(strstr(driver_find(d, EVENTS)->body, "would feed itself"));
    driver_answer(d, EVENTS, 201, "{}");
    assert_int_equal(driver_count(d, "PATCH"), 0);
    assert_at_rest(d);
}

/* What is there at the start is warned of as well, once. */
static void faulty_claims_of_before_the_start_are_warned_of(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    sync_all(d, "",
             "{'metadata':{'namespace':'default','name':'bad','uid':'b','resourceVersion':'60',"
             "'labels':{'memcached-operator/associated-memcached-deployment-name':'Cache_1'}},"
             "'spec':{'replicas':3}}");
    assert_int_equal(driver_count(d, EVENTS), 1);
    assert_non_null(strstr(driver_find(d, EVENTS)->body, "is no valid name of a Memcached"));
    const char *warning = strstr(buf_text(&d->logs), "WARN");
    assert_non_null(warning);
    assert_null(strstr(warning + 1, "WARN"));
    assert_at_rest(d);
}

/* The Go operator's CRD knows of a status nothing but nodes. */
static void a_status_that_the_server_prunes_is_written_once(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    sync_all(d, memcached_json(50, 1), "");
    take_deployment(d, CREATE, 201, 101);
    driver_answer(d, STATUS, 200, "%s", memcached_json(102, 1));
    assert_at_rest(d);
    driver_feed(d, "GET " MEMCACHEDS, "{'type':'MODIFIED','object':%s}\n", memcached_json(110, 1));
    assert_at_rest(d);
}

static void a_deleted_memcached_leaves_nothing_behind(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    settle(d);
    driver_feed(d, "GET " MEMCACHEDS, "{'type':'DELETED','object':%s}\n", memcached_json(130, 1));
    driver_feed(d, "GET " OPERANDS,
                "{'type':'DELETED','object':{'metadata':{'namespace':'default','name':'cache',"
                "'uid':'d1','resourceVersion':'131'}}}\n");
    assert_at_rest(d);
}

static void lose_operand(struct driver *d, int rv)
{
    driver_feed(d, "GET " OPERANDS,
                "{'type':'DELETED','object':{'metadata':{'namespace':'default','name':'cache',"
                "'uid':'d1','resourceVersion':'%d'}}}\n",
                rv);
}

/* What was remembered of a Memcached dies with it, even when no cache ever saw its name free. */
static void a_namesake_inherits_no_quarrel(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    settle(d);
    for (int rv = 130; rv < 134; rv += 2) {
        lose_operand(d, rv);
        take_deployment(d, CREATE, 201, rv + 1);
    }
    lose_operand(d, 134);
    assert_null(driver_find(d, CREATE)); /* in 5 ms */
    driver_feed(d, "GET " MEMCACHEDS,
                "{'type':'MODIFIED','object':{'metadata':{'namespace':'default','name':'cache',"
                "'uid':'m2','resourceVersion':'135','generation':1},'spec':{'size':1}}}\n");
    driver_answer(d, STATUS, 404, "{}");
    driver_answer(d, CONFIRM, 200,
                  "{'metadata':{'namespace':'default','name':'cache','uid':'m2',"
                  "'resourceVersion':'135','generation':1},'spec':{'size':1}}");
    assert_non_null(strstr(driver_find(d, CREATE)->body, "\"uid\":\"m2\""));
}

static const char *pod_json(int rv, const char *more)
{
    static char text[512];
    snprintf(
        text, sizeof text,
        "{'metadata':{'namespace':'default','name':'cache-1','uid':'p1','resourceVersion':'%d'%s,"
        "'labels':{'app':'memcached','memcached_cr':'cache'}}}",
        rv, more);
    return text;
}

static void pods_come_into_the_status_and_go(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    settle(d);
    driver_feed(d, "GET " PODS, "{'type':'ADDED','object':%s}\n", pod_json(110, ""));
    assert_non_null(strstr(driver_find(d, STATUS)->body, "\"nodes\":[\"cache-1\"]"));
    take_status(d, 111, 1);
    driver_feed(d, "GET " PODS, "{'type':'MODIFIED','object':%s}\n", pod_json(112, ""));
    assert_int_equal(driver_count(d, "PATCH"), 0);
    driver_feed(d, "GET " PODS, "{'type':'MODIFIED','object':%s}\n",
                pod_json(113, ",'deletionTimestamp':'2026-01-01T00:00:00Z'"));
    assert_non_null(strstr(driver_find(d, STATUS)->body, "\"nodes\":[]"));
    take_status(d, 114, 1);
    driver_feed(d, "GET " PODS, "{'type':'DELETED','object':%s}\n", pod_json(115, ""));
    assert_int_equal(driver_count(d, "PATCH"), 0);
}

static void a_terminating_winner_hands_over(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    settle(d);
    driver_feed(d, "GET " SOURCES, "{'type':'ADDED','object':%s}\n", source_json("old", 110, 1, 1));
    driver_feed(d, "GET " SOURCES, "{'type':'ADDED','object':%s}\n",
                source_json("young", 111, 5, 2));
    while (driver_find(d, STATUS) != NULL) {
        take_status(d, 112, 1);
    }
    driver_feed(d, "GET " SOURCES,
                "{'type':'MODIFIED','object':{'metadata':{'namespace':'default','name':'old',"
                "'uid':'u-old','resourceVersion':'115','creationTimestamp':'2026-01-01T00:00:01Z',"
                "'deletionTimestamp':'2026-01-01T00:01:00Z','labels':{"
                "'memcached-operator/associated-memcached-deployment-name':'cache'}},"
                "'spec':{'replicas':1}}}\n");
    assert_non_null(strstr(driver_find(d, SIZE)->body, "\"size\":5"));
}

/* The winner's relabelling sets its old Memcached free for the next claimant. */
static void a_relabelled_winner_hands_over(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    settle(d);
    driver_feed(d, "GET " SOURCES, "{'type':'ADDED','object':%s}\n", source_json("old", 110, 1, 1));
    driver_feed(d, "GET " SOURCES, "{'type':'ADDED','object':%s}\n",
                source_json("young", 111, 5, 2));
    while (driver_find(d, STATUS) != NULL) {
        take_status(d, 112, 1);
    }
    assert_null(driver_find(d, SIZE));
    driver_feed(d, "GET " SOURCES,
                "{'type':'MODIFIED','object':{'metadata':{'namespace':'default','name':'old',"
                "'uid':'u-old','resourceVersion':'115','creationTimestamp':'2026-01-01T00:00:01Z',"
                "'labels':{'memcached-operator/associated-memcached-deployment-name':'other'}},"
                "'spec':{'replicas':1}}}\n");
    assert_non_null(strstr(driver_find(d, SIZE)->body, "\"size\":5"));
}

/* After a start at a server whose caches lag: the list may show a Memcached as it was before its
 * Deployment was made, and deleted, which nothing that is left tells of. */
static void nothing_is_created_from_a_memcached_that_only_a_cache_told_of(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    list_all(d, memcached_json(50, 1), "");
    driver_pass(d, 1000);
    assert_null(driver_find(d, CREATE));
    driver_answer(d, CONFIRM, 200, "%s", memcached_json(157, 3));
    assert_non_null(strstr(driver_find(d, CREATE)->body, "\"replicas\":3"));
    take_deployment(d, CREATE, 201, 158);
    take_status(d, 159, 3);
    lose_operand(d, 160);
    driver_pass(d, 5);
    assert_null(driver_find(d, CONFIRM)); /* once is enough: we know what we decided since */
    assert_non_null(driver_find(d, CREATE));
}

/* It is gone: the watch will say so, too. */
static void nothing_is_created_for_a_memcached_that_is_gone(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    list_all(d, memcached_json(50, 1), "");
    driver_answer(d, CONFIRM, 404, "{'kind':'Status','code':404,'reason':'NotFound'}");
    driver_pass(d, 1000);
    assert_null(driver_find(d, CREATE));
}

/* A role of an older release: people are told which right is missing. */
static void a_memcached_that_may_not_be_read_is_told(void **state)
{
    struct fixture *f = *state;
    struct driver *d = &f->driver;
    list_all(d, memcached_json(50, 1), "");
    driver_answer(d, CONFIRM, 403,
                  "{'kind':'Status','code':403,'reason':'Forbidden','message':'cannot get'}");
    driver_pass(d, 10);
    assert_non_null(strstr(driver_find(d, STATUS)->body, "cannot get"));
    take_status(d, 102, 1);
    driver_pass(d, 1000);
    driver_answer(d, CONFIRM, 200, "%s", memcached_json(102, 1));
    assert_non_null(driver_find(d, CREATE));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_written_before_all_caches_are_in_step),
        TEST(a_memcached_becomes_a_deployment_then_rest),
        TEST(a_scaled_source_is_two_patches),
        TEST(a_size_is_not_taken_back_to_what_its_source_was_once),
        TEST(a_record_that_no_read_reaches_counts_no_more),
        TEST(a_deployment_is_not_taken_back_to_what_its_memcached_was_once),
        TEST(size_and_status_are_never_written_at_once),
        TEST(the_echo_of_a_write_is_only_glanced_at),
        TEST(late_watch_events_lead_to_no_second_write),
        TEST(a_taken_name_is_looked_at_and_left_alone),
        TEST(a_deployment_of_the_go_operator_is_adopted),
        TEST(a_lost_answer_is_looked_at_before_anything_is_repeated),
        TEST(a_size_that_needs_no_write_any_more_is_not_waited_for),
        TEST(a_conflict_waits_for_the_newest_state),
        TEST(a_size_that_met_a_newer_memcached_is_written_when_that_comes),
        TEST(a_deployment_whose_label_is_taken_is_known_by_looking),
        TEST(a_refusal_is_shown_in_the_status),
        TEST(a_refusal_is_past_when_the_deployment_is_there),
        TEST(a_refusal_is_past_when_a_stranger_is_there),
        TEST(a_refused_size_is_past_when_nobody_wants_it),
        TEST(faulty_claims_are_warned_of_and_ignored),
        TEST(faulty_claims_of_before_the_start_are_warned_of),
        TEST(a_status_that_the_server_prunes_is_written_once),
        TEST(a_deleted_memcached_leaves_nothing_behind),
        TEST(a_namesake_inherits_no_quarrel),
        TEST(pods_come_into_the_status_and_go),
        TEST(a_terminating_winner_hands_over),
        TEST(a_relabelled_winner_hands_over),
        TEST(nothing_is_created_from_a_memcached_that_only_a_cache_told_of),
        TEST(nothing_is_created_for_a_memcached_that_is_gone),
        TEST(a_memcached_that_may_not_be_read_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The rest of Kubernetes, on the model API server: each rule of the controllers, and that they see
 * the same whether they followed all changes or begin anew.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "base/random.h"
#include "kube/json.h"
#include "sim/cluster.h"

#include <stdio.h>
#include <string.h>

enum { STEPS_PLAYED_MAX = 2000 };

#define DEPLOYMENTS "/apis/apps/v1/namespaces/default/deployments"
#define MEMCACHEDS  "/apis/cache.example.com/v1alpha1/namespaces/default/memcacheds"
#define PODS        "/api/v1/namespaces/default/pods"

struct fixture {
    struct api *api;
    struct cluster *cluster;
    char text[4096]; /* what a function below returned */
};

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof *f);
    f->api = api_new(&(struct api_options){.seed = 7, .first_revision = 100});
    api_set_time(f->api, 1767225600000000);
    f->cluster = cluster_new(f->api, 7);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    cluster_free(f->cluster);
    api_free(f->api);
    mem_free(f);
    return 0;
}

/* ---- Users ---- */

/* "POST /apis/…"; ' stands for ". Fails the test unless the server does it. */
static void ask(struct fixture *f, const char *line, const char *body)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    size_t len = strcspn(line, " ");
    enum http_method method = HTTP_GET;
    while (strncmp(methods[method], line, len) != 0 || methods[method][len] != '\0') {
        method++;
    }
    char *text = mem_strdup(body != NULL ? body : "");
    for (char *c = text; (c = strchr(c, '\'')) != NULL;) {
        *c = '"';
    }
    struct api_answer answer;
    api_answer_init(&answer);
    api_handle(f->api, 0,
               &(struct api_request){.method = method,
                                     .path = line + len + 1,
                                     .content_type = body == NULL           ? NULL
                                                     : method == HTTP_PATCH ? MEDIA_MERGE_PATCH
                                                                            : MEDIA_JSON,
                                     .body = body != NULL ? text : NULL,
                                     .body_len = strlen(text),
                                     .agent = "test"},
               &answer);
    if (answer.http_status >= 300) {
        fail_msg("%s: %d %s", line, answer.http_status, buf_text(&answer.body));
    }
    api_answer_fini(&answer);
    mem_free(text);
}

/* A Deployment of memcached pods; @owner: JSON of an ownerReference's kind, name and uid, or NULL.
 */
static void make_deployment(struct fixture *f, const char *name, int replicas, const char *owner)
{
    CLEANUP(buf_fini) struct buf body;
    buf_init(&body, 8192);
    buf_printf(&body,
               "{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'%s',"
               "'ownerReferences':[%s]},'spec':{'replicas':%d,'selector':{'matchLabels':{"
               "'memcached_cr':'%s'}},'template':{'metadata':{'labels':{'memcached_cr':'%s'}},"
               "'spec':{'containers':[{'name':'main','image':'memcached:1.6'}]}}}}",
               name, owner != NULL ? owner : "", replicas, name, name);
    ask(f, "POST " DEPLOYMENTS, buf_text(&body));
}

static void make_memcached(struct fixture *f, const char *name)
{
    char body[256];
    snprintf(body, sizeof body,
             "{'apiVersion':'cache.example.com/v1alpha1','kind':'Memcached','metadata':{'name':'%s'"
             "},'spec':{'size':1}}",
             name);
    ask(f, "POST " MEMCACHEDS, body);
}

/* ---- Looking ---- */

static yyjson_doc *get(struct fixture *f, const char *resource, const char *name)
{
    const char *json = api_get(f->api, resource, "default", name);
    return json != NULL ? yyjson_read(json, strlen(json), 0) : NULL;
}

static bool exists(struct fixture *f, const char *resource, const char *name)
{
    return api_get(f->api, resource, "default", name) != NULL;
}

/* A reference to @name for make_deployment(). */
static const char *owner_text(struct fixture *f, const char *resource, const char *kind,
                              const char *name)
{
    yyjson_doc *doc = get(f, resource, name);
    yyjson_val *uid = json_at(yyjson_doc_get_root(doc), "metadata", "uid", NULL);
    snprintf(f->text, sizeof f->text,
             "{'apiVersion':'%s','kind':'%s','name':'%s','uid':'%s','controller':true,"
             "'blockOwnerDeletion':true}",
             strcmp(kind, "Memcached") == 0 ? "cache.example.com/v1alpha1" : "apps/v1", kind, name,
             yyjson_is_str(uid) ? yyjson_get_str(uid) : "no-such-uid");
    yyjson_doc_free(doc);
    return f->text;
}

static int64_t status_of(struct fixture *f, const char *deployment, const char *key)
{
    yyjson_doc *doc = get(f, "deployments", deployment);
    int64_t n = json_get_int(json_at(yyjson_doc_get_root(doc), "status", key, NULL), 0);
    yyjson_doc_free(doc);
    return n;
}

struct count {
    unsigned pods, live, ready, controlled;
    char first[254]; /* name of the first live one */
};

static void count_pod(void *ctx, const char *json)
{
    struct count *count = ctx;
    bool is_live = strstr(json, "deletionTimestamp") == NULL;
    count->pods++;
    count->live += is_live;
    count->ready += is_live && strstr(json, "\"Ready\"") != NULL;
    count->controlled += strstr(json, "\"controller\":true") != NULL;
    if (is_live && count->first[0] == '\0') {
        yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
        const char *name =
            yyjson_get_str(json_at(yyjson_doc_get_root(doc), "metadata", "name", NULL));
        snprintf(count->first, sizeof count->first, "%s", name != NULL ? name : "");
        yyjson_doc_free(doc);
    }
}

static struct count count_pods(struct fixture *f)
{
    struct count count = {0};
    api_each(f->api, "pods", "default", count_pod, &count);
    return count;
}

/* ---- Playing ---- */

/* The first step that is due; false: none. */
static bool play_one(struct fixture *f)
{
    struct cluster_step steps[CLUSTER_STEPS_MAX];
    if (cluster_steps(f->cluster, steps) == 0) {
        return false;
    }
    cluster_do(f->cluster, &steps[0]);
    return true;
}

static void play(struct fixture *f)
{
    for (int i = 0; i < STEPS_PLAYED_MAX; i++) {
        if (!play_one(f)) {
            return;
        }
    }
    fail_msg("it never ends");
}

/* All steps that are due, in words, names of pods left out. */
static const char *due(struct fixture *f)
{
    struct cluster_step steps[CLUSTER_STEPS_MAX];
    char text[512];
    size_t count = cluster_steps(f->cluster, steps), len = 0;
    f->text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        cluster_step_text(&steps[i], text, sizeof text);
        if (strcmp(steps[i].resource, "pods") == 0) {
            *strchr(text, '/') = '\0';
        }
        len +=
            (size_t)snprintf(f->text + len, sizeof f->text - len, "%s%s", i > 0 ? ", " : "", text);
    }
    return f->text;
}

/* ---- Deployments and pods ---- */

static void pods_come_one_by_one(void **state)
{
    static const char *const expected[] = {
        "observe deployments default/cache, add a pod of deployments default/cache",
        "add a pod of deployments default/cache",
        "observe deployments default/cache, add a pod of deployments default/cache, make ready "
        "pods "
        "default",
        "add a pod of deployments default/cache, make ready pods default",
        "observe deployments default/cache, make ready pods default, make ready pods default",
        "make ready pods default, make ready pods default",
        "observe deployments default/cache, make ready pods default",
        "make ready pods default",
        "observe deployments default/cache",
        "",
    };
    struct fixture *f = *state;
    assert_string_equal(due(f), "");
    make_deployment(f, "cache", 2, NULL);
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        assert_string_equal(due(f), expected[i]);
        assert_int_equal(play_one(f), i + 1 < ARRAY_LEN(expected));
    }
    assert_int_equal(status_of(f, "cache", "observedGeneration"), 1);
    assert_int_equal(status_of(f, "cache", "replicas"), 2);
    assert_int_equal(status_of(f, "cache", "updatedReplicas"), 2);
    assert_int_equal(status_of(f, "cache", "readyReplicas"), 2);
    assert_int_equal(status_of(f, "cache", "availableReplicas"), 2);
    assert_int_equal(status_of(f, "cache", "unavailableReplicas"), 0);
    assert_non_null(
        strstr(api_get(f->api, "deployments", "default", "cache"), "NewReplicaSetAvailable"));
}

static void pods_go_through_terminating(void **state)
{
    struct fixture *f = *state;
    make_deployment(f, "cache", 3, NULL);
    play(f);
    ask(f, "PATCH " DEPLOYMENTS "/cache/scale", "{'spec':{'replicas':1}}");
    assert_string_equal(due(f), "observe deployments default/cache, remove pods default");
    struct cluster_step steps[CLUSTER_STEPS_MAX];
    cluster_steps(f->cluster, steps);
    cluster_do(f->cluster, &steps[1]);
    struct count count = count_pods(f);
    assert_int_equal(count.pods, 3);
    assert_int_equal(count.live, 2);
    play(f);
    assert_int_equal(count_pods(f).pods, 1);
    assert_int_equal(status_of(f, "cache", "readyReplicas"), 1);
    ask(f, "PATCH " DEPLOYMENTS "/cache/scale", "{'spec':{'replicas':0}}");
    play(f);
    assert_int_equal(count_pods(f).pods, 0);
    assert_null(strstr(api_get(f->api, "deployments", "default", "cache"), "readyReplicas"));
    assert_int_equal(status_of(f, "cache", "observedGeneration"), 3);
}

static void a_new_template_rolls_out_pod_by_pod(void **state)
{
    struct fixture *f = *state;
    make_deployment(f, "cache", 3, NULL);
    play(f);
    ask(f, "PATCH " DEPLOYMENTS "/cache",
        "{'spec':{'template':{'spec':{'containers':[{'name':'main','image':'memcached:2'}]}}}}");
    do {
        struct count count = count_pods(f);
        assert_in_range(count.live, 3, 4);
        assert_true(count.ready >= 3);
    } while (play_one(f));
    assert_int_equal(count_pods(f).pods, 3);
    assert_int_equal(status_of(f, "cache", "updatedReplicas"), 3);
}

static void a_paused_deployment_does_not_roll(void **state)
{
    struct fixture *f = *state;
    make_deployment(f, "cache", 2, NULL);
    play(f);
    ask(f, "PATCH " DEPLOYMENTS "/cache",
        "{'spec':{'paused':true,'template':{'metadata':{'annotations':{'a':'b'}}}}}");
    play(f);
    assert_int_equal(status_of(f, "cache", "observedGeneration"), 2);
    assert_int_equal(status_of(f, "cache", "updatedReplicas"), 0);
    ask(f, "PATCH " DEPLOYMENTS "/cache", "{'spec':{'paused':null}}");
    play(f);
    assert_int_equal(status_of(f, "cache", "updatedReplicas"), 2);
}

static void a_pod_that_is_deleted_is_replaced(void **state)
{
    struct fixture *f = *state;
    make_deployment(f, "cache", 1, NULL);
    play(f);
    char line[512], first[254];
    struct count count = count_pods(f);
    snprintf(first, sizeof first, "%s", count.first);
    snprintf(line, sizeof line, "DELETE " PODS "/%s", first);
    ask(f, line, NULL);
    assert_int_equal(count_pods(f).live, 0);
    play(f);
    count = count_pods(f);
    assert_int_equal(count.pods, 1);
    assert_string_not_equal(count.first, first);
    assert_int_equal(status_of(f, "cache", "readyReplicas"), 1);
}

static void a_pod_that_is_held_stays_terminating(void **state)
{
    struct fixture *f = *state;
    make_deployment(f, "cache", 1, NULL);
    play(f);
    char line[512];
    struct count count = count_pods(f);
    snprintf(line, sizeof line, "PATCH " PODS "/%s", count.first);
    ask(f, line, "{'metadata':{'finalizers':['example.com/hold']}}");
    snprintf(line, sizeof line, "DELETE " PODS "/%s", count.first);
    ask(f, line, NULL);
    play(f);
    count = count_pods(f);
    assert_int_equal(count.pods, 2);
    assert_int_equal(count.live, 1);
    assert_string_equal(due(f), "");
}

static void deployments_of_others_are_ready_at_once(void **state)
{
    struct fixture *f = *state;
    ask(f, "POST " DEPLOYMENTS,
        "{'apiVersion':'apps/"
        "v1','kind':'Deployment','metadata':{'name':'web'},'spec':{'replicas':3,"
        "'selector':{'matchLabels':{'app':'web'}},'template':{'metadata':{'labels':{'app':'web'}},"
        "'spec':{'containers':[{'name':'main','image':'nginx'}]}}}}");
    assert_string_equal(due(f), "observe deployments default/web");
    play(f);
    assert_int_equal(status_of(f, "web", "readyReplicas"), 3);
    assert_int_equal(count_pods(f).pods, 0);
}

static void a_node_is_full_some_time(void **state)
{
    struct fixture *f = *state;
    make_deployment(f, "cache", 2147483647, NULL);
    play(f);
    assert_in_range(count_pods(f).live, 1, 100);
    assert_int_equal(status_of(f, "cache", "observedGeneration"), 1);
    assert_true(status_of(f, "cache", "unavailableReplicas") > 1000000);
}

/* ---- Garbage collection ---- */

static void what_is_owned_goes_with_its_owner(void **state)
{
    struct fixture *f = *state;
    make_memcached(f, "cache");
    make_deployment(f, "cache", 2, owner_text(f, "memcacheds", "Memcached", "cache"));
    play(f);
    assert_int_equal(count_pods(f).ready, 2);
    ask(f, "DELETE " MEMCACHEDS "/cache", NULL);
    assert_false(exists(f, "memcacheds", "cache"));
    assert_string_equal(due(f), "collect deployments default/cache");
    play(f);
    assert_false(exists(f, "deployments", "cache"));
    assert_int_equal(count_pods(f).pods, 0);
}

static void an_owner_that_never_was_is_gone_too(void **state)
{
    struct fixture *f = *state;
    make_deployment(f, "cache", 1, owner_text(f, "memcacheds", "Memcached", "cache"));
    play(f);
    assert_false(exists(f, "deployments", "cache"));
}

static void a_namesake_is_no_owner(void **state)
{
    struct fixture *f = *state;
    make_memcached(f, "cache");
    make_deployment(f, "cache", 1, owner_text(f, "memcacheds", "Memcached", "cache"));
    ask(f, "DELETE " MEMCACHEDS "/cache", NULL);
    make_memcached(f, "cache");
    play(f);
    assert_false(exists(f, "deployments", "cache"));
    assert_true(exists(f, "memcacheds", "cache"));
}

static void of_several_owners_one_is_enough(void **state)
{
    struct fixture *f = *state;
    make_memcached(f, "cache");
    make_memcached(f, "queue");
    char owners[1024];
    snprintf(owners, sizeof owners, "%s", owner_text(f, "memcacheds", "Memcached", "cache"));
    size_t len = strlen(owners);
    const char *second = strchr(owner_text(f, "memcacheds", "Memcached", "queue"), 'k');
    snprintf(owners + len, sizeof owners - len,
             ",{'apiVersion':'cache.example.com/v1alpha1','%.*s}",
             (int)(strstr(second, ",'controller'") - second), second);
    make_deployment(f, "both", 1, owners);
    play(f);
    ask(f, "DELETE " MEMCACHEDS "/cache", NULL);
    play(f);
    assert_true(exists(f, "deployments", "both"));
    const char *left = api_get(f->api, "deployments", "default", "both");
    assert_null(strstr(left, "\"name\":\"cache\""));
    assert_non_null(strstr(left, "\"name\":\"queue\""));
    ask(f, "DELETE " MEMCACHEDS "/queue", NULL);
    play(f);
    assert_false(exists(f, "deployments", "both"));
}

static void an_owner_of_an_unknown_kind_is_left_alone(void **state)
{
    struct fixture *f = *state;
    make_deployment(f, "cache", 1,
                    "{'apiVersion':'example.com/v1','kind':'Thing','name':'a','uid':'b'}");
    play(f);
    assert_true(exists(f, "deployments", "cache"));
}

static void in_the_foreground_the_owner_goes_last(void **state)
{
    struct fixture *f = *state;
    make_memcached(f, "cache");
    make_deployment(f, "cache", 1, owner_text(f, "memcacheds", "Memcached", "cache"));
    play(f);
    ask(f, "DELETE " MEMCACHEDS "/cache",
        "{'kind':'DeleteOptions','apiVersion':'v1','propagationPolicy':'Foreground'}");
    while (exists(f, "memcacheds", "cache")) {
        bool pods = count_pods(f).pods > 0;
        bool deployment = exists(f, "deployments", "cache");
        assert_true(deployment || !pods);
        assert_true(play_one(f));
    }
    assert_false(exists(f, "deployments", "cache"));
    play(f);
}

static void orphans_stay_and_are_taken_in(void **state)
{
    struct fixture *f = *state;
    make_deployment(f, "cache", 2, NULL);
    play(f);
    ask(f, "DELETE " DEPLOYMENTS "/cache",
        "{'kind':'DeleteOptions','apiVersion':'v1','propagationPolicy':'Orphan'}");
    play(f);
    assert_false(exists(f, "deployments", "cache"));
    struct count count = count_pods(f);
    assert_int_equal(count.live, 2);
    assert_int_equal(count.controlled, 0);
    make_deployment(f, "cache", 3, NULL);
    play(f);
    count = count_pods(f);
    assert_int_equal(count.live, 3);
    assert_int_equal(count.controlled, 3);
}

static void a_finalizer_of_somebody_holds(void **state)
{
    struct fixture *f = *state;
    make_memcached(f, "cache");
    make_deployment(f, "cache", 1, owner_text(f, "memcacheds", "Memcached", "cache"));
    play(f);
    ask(f, "PATCH " MEMCACHEDS "/cache", "{'metadata':{'finalizers':['example.com/hold']}}");
    ask(f, "DELETE " MEMCACHEDS "/cache", NULL);
    play(f);
    assert_true(exists(f, "memcacheds", "cache"));
    assert_true(exists(f, "deployments", "cache"));
    ask(f, "PATCH " MEMCACHEDS "/cache", "{'metadata':{'finalizers':null}}");
    play(f);
    assert_false(exists(f, "deployments", "cache"));
}

/* ---- Namespaces ---- */

static void a_namespace_ends_with_all_that_is_in_it(void **state)
{
    struct fixture *f = *state;
    ask(f, "POST /api/v1/namespaces",
        "{'apiVersion':'v1','kind':'Namespace','metadata':{'name':'other'}}");
    ask(f, "POST /apis/cache.example.com/v1alpha1/namespaces/other/memcacheds",
        "{'apiVersion':'cache.example.com/v1alpha1','kind':'Memcached','metadata':{'name':'cache'},"
        "'spec':{'size':1}}");
    ask(f, "POST /apis/apps/v1/namespaces/other/deployments",
        "{'apiVersion':'apps/"
        "v1','kind':'Deployment','metadata':{'name':'cache'},'spec':{'replicas':"
        "2,'selector':{'matchLabels':{'memcached_cr':'a'}},'template':{'metadata':{'labels':{"
        "'memcached_cr':'a'}},'spec':{'containers':[{'name':'main','image':'m'}]}}}}");
    ask(f, "POST /apis/coordination.k8s.io/v1/namespaces/other/leases",
        "{'apiVersion':'coordination.k8s.io/v1','kind':'Lease','metadata':{'name':'a'},'spec':{}}");
    play(f);
    ask(f, "DELETE /api/v1/namespaces/other", NULL);
    assert_non_null(api_get(f->api, "namespaces", "", "other"));
    play(f);
    assert_null(api_get(f->api, "namespaces", "", "other"));
    assert_null(api_get(f->api, "deployments", "other", "cache"));
    assert_null(api_get(f->api, "memcacheds", "other", "cache"));
    assert_null(api_get(f->api, "leases", "other", "a"));
    assert_non_null(api_get(f->api, "namespaces", "", "default"));
}

/* ---- Steps ---- */

static void what_is_no_longer_due_is_ignored(void **state)
{
    struct fixture *f = *state;
    make_deployment(f, "cache", 1, NULL);
    struct cluster_step steps[CLUSTER_STEPS_MAX];
    assert_int_equal(cluster_steps(f->cluster, steps), 2);
    ask(f, "PATCH " DEPLOYMENTS "/cache/scale", "{'spec':{'replicas':0}}");
    cluster_do(f->cluster, &steps[1]);
    assert_int_equal(count_pods(f).pods, 0);
    ask(f, "DELETE " DEPLOYMENTS "/cache", NULL);
    uint64_t revision = api_revision(f->api);
    cluster_do(f->cluster, &steps[0]);
    assert_int_equal(api_revision(f->api), revision);
}

/* Steps of one that has just begun. */
static void expect_same_anew(struct fixture *f)
{
    struct cluster_step followed[CLUSTER_STEPS_MAX] = {0}, anew[CLUSTER_STEPS_MAX] = {0};
    struct cluster *fresh = cluster_new(f->api, 7);
    size_t count = cluster_steps(f->cluster, followed);
    assert_int_equal(cluster_steps(fresh, anew), count);
    for (size_t i = 0; i < count; i++) {
        char a[512], b[512];
        assert_string_equal(cluster_step_text(&followed[i], a, sizeof a),
                            cluster_step_text(&anew[i], b, sizeof b));
    }
    cluster_free(fresh);
}

static void random_act(struct fixture *f, struct random *r)
{
    static const char *const names[] = {"cache", "queue"};
    const char *name = names[random_below(r, 2)];
    char line[256];
    switch (random_below(r, 5)) {
    case 0:
        if (!exists(f, "memcacheds", name)) {
            make_memcached(f, name);
        }
        break;
    case 1:
        if (!exists(f, "deployments", name)) {
            make_deployment(f, name, (int)random_below(r, 4),
                            owner_text(f, "memcacheds", "Memcached", name));
        }
        break;
    case 2:
    case 3:
        snprintf(line, sizeof line, "DELETE %s/%s", random_below(r, 2) ? DEPLOYMENTS : MEMCACHEDS,
                 name);
        if (exists(f, strstr(line, "memcacheds") != NULL ? "memcacheds" : "deployments", name)) {
            ask(f, line,
                random_below(r, 2) ? "{'kind':'DeleteOptions','apiVersion':'v1',"
                                     "'propagationPolicy':'Foreground'}"
                                   : NULL);
        }
        break;
    default:
        if (random_below(r, 8) == 0) {
            api_compact(f->api, api_revision(f->api));
        } else if (random_below(r, 8) == 0) {
            api_serve_memcacheds(f->api, false);
            api_serve_memcacheds(f->api, true);
        }
        break;
    }
}

static void following_and_beginning_anew_see_the_same(void **state)
{
    struct fixture *f = *state;
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct random r;
        random_init(&r, seed);
        for (int i = 0; i < 60; i++) {
            struct cluster_step steps[CLUSTER_STEPS_MAX];
            size_t count = cluster_steps(f->cluster, steps);
            if (count == 0 || random_below(&r, 4) == 0) {
                random_act(f, &r);
            } else {
                cluster_do(f->cluster, &steps[random_below(&r, count)]);
            }
            expect_same_anew(f);
        }
    }
    play(f);
}

static void what_was_compacted_unseen_is_noticed(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(due(f), "");
    make_deployment(f, "cache", 1, NULL);
    api_compact(f->api, api_revision(f->api));
    make_deployment(f, "queue", 1, NULL);
    expect_same_anew(f);
    assert_non_null(strstr(due(f), "observe deployments default/cache"));
}

static void a_restored_past_is_noticed(void **state)
{
    struct fixture *f = *state;
    make_deployment(f, "cache", 1, NULL);
    uint64_t before = api_revision(f->api);
    play(f);
    api_restore(f->api, before);
    expect_same_anew(f);
    play(f);
    assert_int_equal(count_pods(f).ready, 1);
}

static void the_same_seed_gives_the_same_names(void **state)
{
    struct fixture *f = *state;
    char first[254];
    make_deployment(f, "cache", 1, NULL);
    play(f);
    snprintf(first, sizeof first, "%s", count_pods(f).first);
    assert_true(strncmp(first, "cache-", 6) == 0);
    assert_int_equal(strlen(first), strlen("cache-") + 10 + 1 + 5);
    void *other = NULL;
    setup(&other);
    make_deployment(other, "cache", 1, NULL);
    play(other);
    assert_string_equal(count_pods(other).first, first);
    teardown(&other);
}

#define RULE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(pods_come_one_by_one),
        RULE(pods_go_through_terminating),
        RULE(a_new_template_rolls_out_pod_by_pod),
        RULE(a_paused_deployment_does_not_roll),
        RULE(a_pod_that_is_deleted_is_replaced),
        RULE(a_pod_that_is_held_stays_terminating),
        RULE(deployments_of_others_are_ready_at_once),
        RULE(a_node_is_full_some_time),
        RULE(what_is_owned_goes_with_its_owner),
        RULE(an_owner_that_never_was_is_gone_too),
        RULE(a_namesake_is_no_owner),
        RULE(of_several_owners_one_is_enough),
        RULE(an_owner_of_an_unknown_kind_is_left_alone),
        RULE(in_the_foreground_the_owner_goes_last),
        RULE(orphans_stay_and_are_taken_in),
        RULE(a_finalizer_of_somebody_holds),
        RULE(a_namespace_ends_with_all_that_is_in_it),
        RULE(what_is_no_longer_due_is_ignored),
        RULE(following_and_beginning_anew_see_the_same),
        RULE(what_was_compacted_unseen_is_noticed),
        RULE(a_restored_past_is_noticed),
        RULE(the_same_seed_gives_the_same_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

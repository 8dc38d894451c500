/*
 * Memcached → Deployment and status: each row of design.md's table as a golden trace.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "lib/objects.h"
#include "operator/desired.h"
#include "operator/memcached_reconcile.h"
#include "operator/shape.h"
#include "operator/status.h"

#include <stdio.h>
#include <string.h>

enum { OBJECTS_MAX = 24 };

struct fixture {
    struct memcached *memcached;
    struct deployment *operand, *stranger;
    struct object *sources[OBJECTS_MAX];
    size_t source_count;
    struct object *pods[OBJECTS_MAX];
    size_t pod_count;
    struct memory memory;
    struct arena arena;
    struct plan plan;
};

#define IMAGE "memcached:1.6"

static const char *reconcile_at(struct fixture *f, uint64_t mono_ms)
{
    struct now now = {.mono_ms = mono_ms, .wall_us = 1767225600000000}; /* 2026-01-01 */
    plan_init(&f->plan, &f->arena);
    struct sizing_view sizing_view = {.memcached = f->memcached,
                                      .claimants = (const struct object *const *)f->sources,
                                      .claimant_count = f->source_count,
                                      .operand = f->operand};
    struct sizing sizing = {0};
    if (f->memcached != NULL) {
        sizing = sizing_decide(&sizing_view, now, &f->arena);
    }
    struct memcached_view view = {
        .memcached = f->memcached,
        .operand = f->operand,
        .stranger = f->stranger,
        .memory = &f->memory,
        .sizing = &sizing,
        .pods = (const struct object *const *)f->pods,
        .pod_count = f->pod_count,
        .image = IMAGE,
        .shape = f->memcached != NULL ? desired_shape(f->memcached, IMAGE) : 0,
    };
    memcached_reconcile(&view, now, &f->plan);
    return plan_trace(&f->plan);
}

static const char *reconcile(struct fixture *f)
{
    return reconcile_at(f, 1000000);
}

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof *f);
    f->memcached = make_memcached("cache", 2, 41);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    object_free((struct object *)f->memcached);
    object_free((struct object *)f->operand);
    object_free((struct object *)f->stranger);
    for (size_t i = 0; i < OBJECTS_MAX; i++) {
        object_free(f->sources[i]);
        object_free(f->pods[i]);
    }
    arena_fini(&f->arena);
    mem_free(f);
    return 0;
}

/* Our Deployment as the server has it: what we created, seen and run by its controller. */
static struct deployment *make_operand(const struct memcached *m, int ready)
{
    CLEANUP(arena_fini) struct arena arena = {0};
    char *text = arena_strdup(&arena, desired_deployment(&arena, m, IMAGE, NULL));
    char *brace = strrchr(text, '}');
    *brace = '\0';
    char *metadata = strstr(text, "\"metadata\":{") + strlen("\"metadata\":{");
    int head = (int)(metadata - text);
    return (struct deployment *)object_from(
        &operand_kind,
        "%.*s'uid':'d-1','resourceVersion':'50','generation':3,%s,'status':{'observedGeneration':3,"
        "'replicas':%d,'readyReplicas':%d}}",
        head, text, metadata, m->size, ready);
}

static void add_pod(struct fixture *f, const char *name, bool deleting)
{
    f->pods[f->pod_count] = object_from(
        &pod_kind,
        "{'metadata':{'namespace':'default','name':'%s','uid':'%s','resourceVersion':'1',"
        "'labels':{'app':'memcached','memcached_cr':'cache'}}}",
        name, name);
    f->pods[f->pod_count++]->deleting = deleting;
}

/* Take over what the status write of the last plan says, as the server would. */
static void server_takes_status(struct fixture *f)
{
    assert_true(f->plan.has_write);
    assert_string_equal(f->plan.write.subresource, "status");
    const char *text = strstr(f->plan.write.body, "\"status\":") + strlen("\"status\":");
    f->memcached->status = arena_strndup(&f->arena, text, strlen(text) - 1);
}

static const char *condition(struct fixture *f, const char *type)
{
    struct status s;
    status_parse(&f->arena, f->memcached->status, &s);
    const struct condition *c = status_condition(&s, type);
    return c == NULL ? "absent"
                     : arena_printf(&f->arena, "%s %s: %s", c->status, c->reason, c->message);
}

/* ---- The Deployment ---- */

static void a_missing_deployment_is_created_by_post(void **state)
{
    struct fixture *f = *state;
    const char *trace = reconcile(f);
    const char *expected =
        "log Creating a new Deployment memcached=default/cache Deployment.Namespace=default "
        "Deployment.Name=cache\nPOST deployments default/ {";
    assert_memory_equal(trace, expected, strlen(expected));
    assert_int_equal(f->plan.write.tag, WRITE_CREATE);
    assert_false(f->plan.write.force);
}

static void what_is_as_desired_is_not_written(void **state)
{
    struct fixture *f = *state;
    f->operand = make_operand(f->memcached, 2);
    reconcile(f);
    server_takes_status(f);
    assert_string_equal(reconcile(f), "");
}

static void another_size_is_applied_with_uid_and_version(void **state)
{
    struct fixture *f = *state;
    f->operand = make_operand(f->memcached, 2);
    f->memcached->size = 4;
    const char *trace = reconcile(f);
    const char *expected = "log Updating the Deployment memcached=default/cache from=2 to=4 "
                           "template-differs=0\nPATCH deployments default/cache {";
    assert_memory_equal(trace, expected, strlen(expected));
    assert_true(f->plan.write.force);
    assert_string_equal(f->plan.write.content_type, MEDIA_APPLY_PATCH);
    assert_non_null(strstr(f->plan.write.body, "\"uid\":\"d-1\",\"resourceVersion\":\"50\""));
    assert_non_null(strstr(f->plan.write.body, "\"replicas\":4"));
}

static void another_shape_is_applied_and_said(void **state)
{
    struct fixture *f = *state;
    f->operand = make_operand(f->memcached, 2);
    f->operand->shape ^= 1;
    const char *trace = reconcile(f);
    assert_non_null(strstr(trace, "event Normal DeploymentUpdated default/cache: "));
    assert_int_equal(f->plan.write.tag, WRITE_APPLY);
}

static void a_terminating_memcached_is_left_to_garbage_collection(void **state)
{
    struct fixture *f = *state;
    f->memcached->object.deleting = true;
    assert_string_equal(reconcile(f), "");
}

static void a_terminating_deployment_is_waited_for(void **state)
{
    struct fixture *f = *state;
    f->operand = make_operand(f->memcached, 2);
    f->operand->object.deleting = true;
    f->memcached->size = 4;
    reconcile(f);
    server_takes_status(f);
    assert_string_equal(reconcile(f), "");
}

static void no_memcached_needs_nothing(void **state)
{
    struct fixture *f = *state;
    f->operand = make_operand(f->memcached, 2);
    object_free(&f->memcached->object);
    f->memcached = NULL;
    assert_string_equal(reconcile(f), "");
}

static void a_deployment_of_another_owner_is_never_touched(void **state)
{
    struct fixture *f = *state;
    f->operand = make_operand(f->memcached, 2);
    f->operand->object.controller.uid = "m-an-older-namesake";
    f->memcached->size = 4;
    const char *trace = reconcile(f);
    assert_non_null(strstr(trace, "event Warning NameTaken default/cache: "));
    server_takes_status(f);
    assert_non_null(
        strstr(condition(f, "Reconciled"), "False NameTaken: Deployment \"cache\" exists"));
    assert_string_equal(condition(f, "Available"),
                        "False NoDeployment: there is no Deployment of this Memcached");
    assert_string_equal(reconcile(f), "");
}

static void what_blocks_the_way_is_looked_at(void **state)
{
    struct fixture *f = *state;
    f->memory.way_blocked = true;
    assert_string_equal(reconcile(f), "GET deployments default/cache\n");
}

static void a_stranger_is_left_alone_and_looked_at_again(void **state)
{
    struct fixture *f = *state;
    f->memory = (struct memory){.way_blocked = true, .looked = true, .looked_ms = 1000000};
    f->stranger = make_operand(f->memcached, 0);
    f->stranger->object.controller.uid = NULL;
    const char *trace = reconcile(f);
    assert_non_null(strstr(trace, "event Warning NameTaken"));
    server_takes_status(f);
    assert_string_equal(reconcile_at(f, 1010000), "again 20000ms\n");
    assert_string_equal(reconcile_at(f, 1030000), "GET deployments default/cache\n");
}

/* It lost its labels before it was deleted: no watch tells when it is gone. */
static void a_terminating_deployment_without_labels_is_looked_at_again(void **state)
{
    struct fixture *f = *state;
    f->memory = (struct memory){.way_blocked = true, .looked = true, .looked_ms = 1000000};
    f->stranger = make_operand(f->memcached, 2);
    f->stranger->object.deleting = true;
    reconcile(f);
    server_takes_status(f);
    assert_string_equal(reconcile_at(f, 1010000), "again 20000ms\n");
    assert_string_equal(reconcile_at(f, 1030000), "GET deployments default/cache\n");
}

/* The Go operator's Deployments bear no labels: the watch of our own does not see them. */
static void a_deployment_of_ours_that_lost_its_labels_is_adopted(void **state)
{
    struct fixture *f = *state;
    f->memory = (struct memory){.way_blocked = true, .looked = true, .looked_ms = 1000000};
    f->stranger = make_operand(f->memcached, 2);
    reconcile(f);
    assert_int_equal(f->plan.write.tag, WRITE_APPLY);
    assert_non_null(strstr(f->plan.write.body, "\"uid\":\"d-1\""));
}

/* Scaled by hand: the Deployment does not follow what is about to be put right. */
static void a_size_that_its_source_does_not_have_never_reaches_the_deployment(void **state)
{
    struct fixture *f = *state;
    f->operand = make_operand(f->memcached, 2);
    f->sources[f->source_count++] = &make_source("web", "cache", 2, 0)->object;
    reconcile(f);
    server_takes_status(f);
    f->memcached->size = 7;
    add_pod(f, "cache-1", false);
    assert_string_equal(reconcile(f), "");
    /* nor does it while a rival is answered slowly; then the status goes on */
    for (int i = 0; i <= CONTEST_ROUNDS; i++) {
        contest_written(&f->memory.size, 2, 2, 1000000);
    }
    reconcile(f);
    assert_int_equal(f->plan.write.tag, WRITE_STATUS);
    /* unless the server refuses to have it put right */
    char trouble[] = "403 Forbidden: denied by webhook";
    f->memory.size_trouble = trouble;
    reconcile(f);
    assert_int_equal(f->plan.write.tag, WRITE_APPLY);
    f->memory.size_trouble = NULL;
    /* or keeps its own size */
    contest_written(&f->memory.size, 2, 7, 1000000);
    reconcile(f);
    assert_int_equal(f->plan.write.tag, WRITE_APPLY);
}

struct invalid {
    const char *name;
    int size;
    const char *message;
};

static void an_invalid_spec_writes_nothing_but_the_status(void **state)
{
    static const struct invalid table[] = {
        {"cache", REPLICAS_INVALID, "spec.size is not a whole number"},
        {"a-name-that-is-longer-than-sixty-three-characters-and-so-no-label-value", 2,
         "the name is longer than 63 characters"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        object_free(&f->memcached->object);
        f->memcached = make_memcached(table[i].name, table[i].size, 1);
        assert_non_null(strstr(reconcile(f), "event Warning InvalidSpec"));
        server_takes_status(f);
        assert_non_null(strstr(condition(f, "Reconciled"), table[i].message));
        assert_non_null(strstr(f->memcached->status, "\"observedGeneration\":1"));
        assert_string_equal(reconcile(f), "");
    }
}

static void a_refused_write_is_said_then_tried_again(void **state)
{
    struct fixture *f = *state;
    char trouble[] = "403 Forbidden: exceeded quota";
    f->memory.operand_trouble = trouble;
    assert_non_null(
        strstr(reconcile(f), "event Warning WriteRefused default/cache: 403 Forbidden"));
    server_takes_status(f);
    assert_string_equal(condition(f, "Reconciled"),
                        "False WriteRefused: 403 Forbidden: exceeded quota");
    reconcile(f);
    assert_int_equal(f->plan.write.tag, WRITE_CREATE);
}

static void the_servers_own_version_is_not_fought(void **state)
{
    struct fixture *f = *state;
    f->operand = make_operand(f->memcached, 2);
    uint64_t wish = shape_with_replicas(f->operand->shape, 2);
    f->operand->shape ^= 1;
    contest_written(&f->memory.operand, wish, shape_with_replicas(f->operand->shape, 2), 1000000);
    reconcile(f);
    server_takes_status(f);
    assert_non_null(
        strstr(condition(f, "Reconciled"), "False WriteConflict: the API server changes"));
    assert_string_equal(reconcile(f), "");
}

static void a_rival_writer_is_answered_ever_more_slowly_and_named(void **state)
{
    struct fixture *f = *state;
    f->operand = make_operand(f->memcached, 2);
    uint64_t wish = shape_with_replicas(f->operand->shape, 2);
    f->operand->replicas = 7;
    for (int i = 0; i <= CONTEST_ROUNDS; i++) {
        contest_written(&f->memory.operand, wish, wish, 1000000);
    }
    assert_non_null(strstr(reconcile(f), "again 80ms\n"));
    server_takes_status(f);
    assert_non_null(strstr(condition(f, "Reconciled"), "False WriteConflict: somebody else"));
    assert_string_equal(reconcile(f), "again 80ms\n");
    reconcile_at(f, 1000080);
    assert_int_equal(f->plan.write.tag, WRITE_APPLY);
}

static void what_is_deleted_again_and_again_is_created_ever_more_slowly(void **state)
{
    struct fixture *f = *state;
    uint64_t wish = shape_with_replicas(desired_shape(f->memcached, IMAGE), f->memcached->size);
    contest_written(&f->memory.operand, wish, wish, 1000000);
    reconcile(f);
    assert_int_equal(f->plan.write.tag, WRITE_CREATE); /* the first time at once */
    for (int i = 0; i < CONTEST_ROUNDS; i++) {
        contest_written(&f->memory.operand, wish, wish, 1000000);
    }
    assert_non_null(strstr(reconcile(f), "again 80ms\n"));
    server_takes_status(f);
    assert_non_null(strstr(condition(f, "Reconciled"), "False WriteConflict: somebody else"));
    assert_string_equal(reconcile(f), "again 80ms\n");
    reconcile_at(f, 1000080);
    assert_int_equal(f->plan.write.tag, WRITE_CREATE);
}

/* ---- The status ---- */

static void the_status_reports_what_runs(void **state)
{
    struct fixture *f = *state;
    f->operand = make_operand(f->memcached, 1);
    add_pod(f, "cache-1", false);
    add_pod(f, "cache-2", true);
    add_pod(f, "cache-3", false);
    assert_string_equal(reconcile(f),
                        "PATCH memcacheds default/cache/status "
                        "{\"metadata\":{\"uid\":\"m-cache\",\"resourceVersion\":\"41\"},"
                        "\"status\":{"
                        "\"nodes\":[\"cache-1\",\"cache-3\"],\"replicas\":2,\"readyReplicas\":1,"
                        "\"selector\":\"app=memcached,memcached_cr=cache\",\"source\":\"\","
                        "\"sizing\":null,\"observedGeneration\":"
                        "1,"
                        "\"conditions\":[{\"type\":\"Available\",\"status\":\"False\",\"reason\":"
                        "\"ReplicasNotReady\","
                        "\"message\":\"1 of 2 replicas are "
                        "ready\",\"lastTransitionTime\":\"2026-01-01T00:00:00Z\"},"
                        "{\"type\":\"Reconciled\",\"status\":\"True\",\"reason\":\"AsDesired\","
                        "\"message\":\"the Deployment is as the spec says\","
                        "\"lastTransitionTime\":\"2026-01-01T00:00:00Z\"}]}}\n");
}

static void numbers_of_an_older_spec_are_not_taken_over(void **state)
{
    struct fixture *f = *state;
    f->operand = make_operand(f->memcached, 2);
    reconcile(f);
    server_takes_status(f);
    f->memcached->object.generation = 2;
    f->operand->object.generation = 4; /* observed: 3 */
    f->operand->ready_replicas = 1;
    assert_string_equal(reconcile(f), "");
    f->operand->observed_generation = 4;
    reconcile(f);
    assert_non_null(strstr(f->plan.write.body, "\"observedGeneration\":2"));
}

static void a_conditions_time_changes_only_with_its_status(void **state)
{
    struct fixture *f = *state;
    f->operand = make_operand(f->memcached, 0);
    f->memcached->status =
        "{\"conditions\":[{\"type\":\"Available\",\"status\":\"False\",\"reason\":\"x\","
        "\"message\":"
        "\"y\",\"lastTransitionTime\":\"2020-02-02T00:00:00Z\"},{\"type\":\"Theirs\",\"status\":"
        "\"True\",\"reason\":\"r\",\"message\":\"m\",\"lastTransitionTime\":\"2021-01-01T00:00:"
        "00Z\"}]}";
    reconcile(f);
    assert_non_null(strstr(f->plan.write.body,
                           "\"message\":\"0 of 2 replicas are ready\",\"lastTransitionTime\":"
                           "\"2020-02-02T00:00:00Z\""));
    assert_non_null(strstr(f->plan.write.body, "{\"type\":\"Theirs\",\"status\":\"True\""));
}

static void the_deciding_source_is_named(void **state)
{
    struct fixture *f = *state;
    f->operand = make_operand(f->memcached, 2);
    f->sources[f->source_count++] = &make_source("web", "cache", 2, 0)->object;
    reconcile(f);
    server_takes_status(f);
    assert_non_null(strstr(f->memcached->status, "\"source\":\"Deployment/web\""));
    assert_string_equal(condition(f, "SizeSynced"), "True InSync: size follows Deployment/web");
    assert_string_equal(condition(f, "Conflict"), "absent");
}

static void losing_claimants_are_named_and_warned_once(void **state)
{
    struct fixture *f = *state;
    f->operand = make_operand(f->memcached, 2);
    f->sources[f->source_count++] = &make_source("a", "cache", 9, 9)->object;
    f->sources[f->source_count++] = &make_source("web", "cache", 2, 0)->object;
    assert_non_null(strstr(reconcile(f),
                           "event Warning ClaimIgnored default/a: Memcached \"cache\" "
                           "follows the older Deployment \"web\"\n"));
    server_takes_status(f);
    assert_string_equal(
        condition(f, "Conflict"),
        "True SeveralClaimants: Deployment \"web\" is the oldest claimant and decides "
        "the size; ignored: \"a\"");
    assert_string_equal(reconcile(f), "");

    f->sources[f->source_count++] = &make_source("z", "cache", 9, 9)->object;
    const char *trace = reconcile(f);
    assert_null(strstr(trace, "default/a:"));
    assert_non_null(strstr(trace, "event Warning ClaimIgnored default/z:"));
    server_takes_status(f);

    f->source_count = 2;
    object_free(f->sources[2]);
    f->sources[2] = NULL;
    f->sources[0]->deleting = true;
    reconcile(f);
    server_takes_status(f);
    assert_string_equal(condition(f, "Conflict"), "absent");
}

static void many_losers_are_counted(void **state)
{
    struct fixture *f = *state;
    f->operand = make_operand(f->memcached, 2);
    for (int i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%02d", i);
        f->sources[f->source_count++] = &make_source(name, "cache", 2, i)->object;
    }
    const char *trace = reconcile(f);
    assert_non_null(strstr(trace, "ClaimIgnored default/s10:"));
    assert_null(strstr(trace, "ClaimIgnored default/s11:")); /* who is not named is not told */
    server_takes_status(f);
    assert_non_null(strstr(condition(f, "Conflict"), "\"s10\" and 9 more"));
    f->operand->ready_replicas--;
    trace = reconcile(f);
    assert_non_null(strstr(trace, "status"));
    assert_null(strstr(trace, "ClaimIgnored"));
}

static void a_contested_size_is_said(void **state)
{
    struct fixture *f = *state;
    f->operand = make_operand(f->memcached, 2);
    f->sources[f->source_count++] = &make_source("web", "cache", 2, 0)->object;
    for (int i = 0; i <= CONTEST_ROUNDS; i++) {
        contest_written(&f->memory.size, 2, 2, 1000000);
    }
    assert_non_null(
        strstr(reconcile(f), "event Warning WriteConflict default/cache: somebody else"));
    server_takes_status(f);
    assert_non_null(strstr(condition(f, "SizeSynced"), "False WriteConflict"));
    /* and taken back when it is over */
    reconcile_at(f, 1000000 + CONTEST_QUIET_MS);
    server_takes_status(f);
    assert_non_null(strstr(condition(f, "SizeSynced"), "True InSync"));
}

static void a_rival_is_named(void **state)
{
    struct fixture *f = *state;
    f->operand = make_operand(f->memcached, 2);
    f->sources[f->source_count++] = &make_source("web", "cache", 2, 0)->object;
    f->memory.size_rival = arena_strdup(&f->arena, "argocd-controller");
    f->memory.operand_rival = arena_strdup(&f->arena, "kube-controller-manager");
    uint64_t wish = shape_with_replicas(f->operand->shape, 2);
    for (int i = 0; i <= CONTEST_ROUNDS; i++) {
        contest_written(&f->memory.size, 2, 2, 1000000);
        contest_written(&f->memory.operand, wish, wish, 1000000);
    }
    reconcile(f);
    server_takes_status(f);
    assert_string_equal(condition(f, "SizeSynced"),
                        "False WriteConflict: \"argocd-controller\" keeps changing size; it is put "
                        "back ever more slowly");
    assert_string_equal(condition(f, "Reconciled"),
                        "False WriteConflict: \"kube-controller-manager\" (a "
                        "HorizontalPodAutoscaler?) keeps changing the Deployment; it is put back "
                        "ever more slowly");
}

/* An admission webhook clamps the size. */
static void a_size_that_the_server_changes_is_said(void **state)
{
    struct fixture *f = *state;
    f->operand = make_operand(f->memcached, 2);
    f->sources[f->source_count++] = &make_source("web", "cache", 40, 0)->object;
    contest_written(&f->memory.size, 40, 2, 1000000);
    reconcile(f);
    server_takes_status(f);
    assert_string_equal(condition(f, "SizeSynced"),
                        "False WriteConflict: the API server keeps size 2 though 40 was written: "
                        "is there an admission webhook?");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_missing_deployment_is_created_by_post),
        TEST(what_is_as_desired_is_not_written),
        TEST(another_size_is_applied_with_uid_and_version),
        TEST(another_shape_is_applied_and_said),
        TEST(a_terminating_memcached_is_left_to_garbage_collection),
        TEST(a_terminating_deployment_is_waited_for),
        TEST(no_memcached_needs_nothing),
        TEST(a_deployment_of_another_owner_is_never_touched),
        TEST(what_blocks_the_way_is_looked_at),
        TEST(a_stranger_is_left_alone_and_looked_at_again),
        TEST(a_terminating_deployment_without_labels_is_looked_at_again),
        TEST(a_deployment_of_ours_that_lost_its_labels_is_adopted),
        TEST(a_size_that_its_source_does_not_have_never_reaches_the_deployment),
        TEST(an_invalid_spec_writes_nothing_but_the_status),
        TEST(a_refused_write_is_said_then_tried_again),
        TEST(the_servers_own_version_is_not_fought),
        TEST(a_rival_writer_is_answered_ever_more_slowly_and_named),
        TEST(what_is_deleted_again_and_again_is_created_ever_more_slowly),
        TEST(the_status_reports_what_runs),
        TEST(numbers_of_an_older_spec_are_not_taken_over),
        TEST(a_conditions_time_changes_only_with_its_status),
        TEST(the_deciding_source_is_named),
        TEST(losing_claimants_are_named_and_warned_once),
        TEST(many_losers_are_counted),
        TEST(a_contested_size_is_said),
        TEST(a_rival_is_named),
        TEST(a_size_that_the_server_changes_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The oracle must be able to fail: a world is brought to its right end by the real operator, then
 * something wrong is done in the operator's name, or to the state, and the rule that forbids it is
 * to say so. What is right must pass.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "kube/json.h"
#include "sim/invariant_claims.h"
#include "sim/trial.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS          "/namespaces/default"
#define DEPLOYMENTS "/apis/apps/v1" NS "/deployments"
#define MEMCACHEDS  "/apis/cache.example.com/v1alpha1" NS "/memcacheds"
#define LEASES      "/apis/coordination.k8s.io/v1/namespaces/operator-system/leases"

/* ---- Playing ---- */

/* With " for ', and the newest revision for @. */
static char *expand(const struct trial *t, const char *body)
{
    struct buf text;
    buf_init(&text, 64 << 10);
    for (const char *c = body; *c != '\0'; c++) {
        if (*c == '@') {
            buf_printf(&text, "%" PRIu64, api_revision(world_api(t->world)));
        } else {
            buf_append_char(&text, *c == '\'' ? '"' : *c);
        }
    }
    return buf_take(&text);
}

/* One write, which the server must do: "u PATCH /apis/…" by a user, "o …" by the operator; body as
 * above. */
static void write_as(struct trial *t, const char *line, const char *body)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    bool is_operator = line[0] == 'o';
    line += 2;
    size_t len = strcspn(line, " ");
    enum http_method method = HTTP_GET;
    while (strncmp(methods[method], line, len) != 0 || methods[method][len] != '\0') {
        method++;
    }
    char *text = expand(t, body != NULL ? body : "");
    char *path = mem_strdup(line + len + 1);
    const struct manager *m = world_manager(t->world, 0);
    bool led = m != NULL && manager_settings(m)->leader_elect;
    char *identity = led ? mem_strdup(manager_settings(m)->identity) : NULL;
    struct exchange exchange = {
        .method = method, .path = path, .body = text, .executed = true, .identity = identity};
    trial_write(t, is_operator ? &exchange : NULL, method, path, body != NULL ? text : NULL);
    mem_free(identity);
    mem_free(path);
    mem_free(text);
}

/* A Memcached "cache" that follows "web" with 3 replicas, and an operator that has done its work.
 */
static void begin_settled(struct trial *t, const struct workload_spec *workload)
{
    trial_begin(t, &(struct world_options){.seed = 1, .processes = 1, .workload = *workload});
    if (!world_settle(t->world)) {
        fail_msg("%s", world_failure(t->world));
    }
    trial_tell(t, -1, NULL);
    invariants_check_state(t->invariants);
    invariants_check_stores(t->invariants);
    assert_null(world_failure(t->world));
}

static const struct workload_spec pair = {.name = WORKLOAD_CREATE};

/* @expected: what the failure must say; NULL: there must be none. */
static void expect(const struct trial *t, const char *row, const char *expected)
{
    const char *failure = world_failure(t->world);
    if ((failure == NULL) != (expected == NULL) ||
        (expected != NULL && strstr(failure, expected) == NULL)) {
        fail_msg("%s: expected \"%s\", got \"%s\"", row, expected != NULL ? expected : "no failure",
                 failure != NULL ? failure : "none");
    }
}

struct act {
    const char *line, *body;
};

struct row {
    const char *name;
    const char *expected;
    struct act acts[6];
};

static void play(struct trial *t, const struct row *row)
{
    for (size_t n = 0; n < ARRAY_LEN(row->acts) && row->acts[n].line != NULL; n++) {
        write_as(t, row->acts[n].line, row->acts[n].body);
    }
}

/* ---- I3 ---- */

#define SIZE(n)        "{'spec':{'size':" #n "}}"
#define REPLICAS(n)    "{'spec':{'replicas':" #n "}}"
#define KNOWING_ALL(n) /* @ is the newest revision */                                              \
    "{'metadata':{'annotations':{'memcached-operator/sources-resource-version':'@'}},'spec':{"     \
    "'size':" #n "}}"
#define KNOWING_GENERATION(generation, n)                                                          \
    "{'metadata':{'annotations':{'memcached-operator/memcached-generation':'" #generation          \
    "'}},'spec':{'replicas':" #n "}}"
#define CLAIM(name)                                                                                \
    "{'metadata':{'labels':{'memcached-operator/associated-memcached-deployment-name':" name "}}}"
#define POD(what)  "{'spec':{'template':{'spec':{" what "}}}}"
#define OWNER(uid) "{'metadata':{'ownerReferences':[" uid "]}}"
#define SOURCE(name, replicas)                                                                     \
    "{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'" name                        \
    "','labels':{'memcached-operator/associated-memcached-deployment-name':'cache'}},'spec':{"     \
    "'replicas':" #replicas ",'selector':{'matchLabels':{'app':'a'}},'template':{'metadata':{"     \
    "'labels':{'app':'a'}},'spec':{'containers':[{'name':'main','image':'nginx'}]}}}}"
#define COMMAND "'command':['memcached','-m','64','-o','modern','-v']"
#define CONTAINER_OF(image, what)                                                                  \
    "'containers':[{'name':'memcached','image':'" image "','imagePullPolicy':'IfNotPresent',"      \
    "'ports':[{'containerPort':11211,'name':'memcached','protocol':'TCP'}],'securityContext':{"    \
    "'allowPrivilegeEscalation':false,'capabilities':{'drop':['ALL']}}," what "}]"
#define CONTAINER(what) CONTAINER_OF("memcached:1.6", what)

static const char sidecar[] = POD(CONTAINER(COMMAND "},{'name':'sidecar','image':'busybox'"));

static const struct row deeds[] = {
    /* sizes */
    {"a size that nobody had", "size 3 became 9", {{"o PATCH " MEMCACHEDS "/cache", SIZE(9)}}},
    {"the size of who decides",
     NULL,
     {{"u PATCH " DEPLOYMENTS "/web", REPLICAS(5)}, {"o PATCH " MEMCACHEDS "/cache", SIZE(5)}}},
    {"late, but in order",
     NULL,
     {{"u PATCH " DEPLOYMENTS "/web", REPLICAS(5)},
      {"u PATCH " DEPLOYMENTS "/web", REPLICAS(1)},
      {"o PATCH " MEMCACHEDS "/cache", SIZE(5)},
      {"o PATCH " MEMCACHEDS "/cache", SIZE(1)}}},
    {"a reverted size",
     "size 1 became 5",
     {{"u PATCH " DEPLOYMENTS "/web", REPLICAS(5)},
      {"u PATCH " DEPLOYMENTS "/web", REPLICAS(1)},
      {"o PATCH " MEMCACHEDS "/cache", SIZE(5)},
      {"o PATCH " MEMCACHEDS "/cache", SIZE(1)},
      {"o PATCH " MEMCACHEDS "/cache", SIZE(5)}}},
    {"a size of who does not decide",
     "size 3 became 7",
     {{"u POST " DEPLOYMENTS, SOURCE("younger", 7)}, {"o PATCH " MEMCACHEDS "/cache", SIZE(7)}}},
    {"the size of who decides after that",
     NULL,
     {{"u POST " DEPLOYMENTS, SOURCE("younger", 7)},
      {"u PATCH " DEPLOYMENTS "/web", CLAIM("null")},
      {"o PATCH " MEMCACHEDS "/cache", SIZE(7)}}},
    {"a size that came when it did not decide any more",
     "size 3 became 6",
     {{"u PATCH " DEPLOYMENTS "/web", CLAIM("null")},
      {"u PATCH " DEPLOYMENTS "/web", REPLICAS(6)},
      {"o PATCH " MEMCACHEDS "/cache", SIZE(6)}}},
    {"a hand-made size put back",
     NULL,
     {{"u PATCH " MEMCACHEDS "/cache", SIZE(8)}, {"o PATCH " MEMCACHEDS "/cache", SIZE(3)}}},
    {"a size of nobody's that is hand-made",
     "size 3 became 4",
     {{"u DELETE " DEPLOYMENTS "/web", NULL}, {"o PATCH " MEMCACHEDS "/cache", SIZE(4)}}},
    {"a size of the revision that it knew",
     NULL,
     {{"u PATCH " DEPLOYMENTS "/web", REPLICAS(5)},
      {"o PATCH " MEMCACHEDS "/cache", KNOWING_ALL(5)}}},
    {"a size of before the revision that it knew",
     "size 3 became 5",
     {{"u PATCH " DEPLOYMENTS "/web", REPLICAS(5)},
      {"u PATCH " DEPLOYMENTS "/web", REPLICAS(1)},
      {"o PATCH " MEMCACHEDS "/cache", KNOWING_ALL(5)}}},
    {"a size of somebody of whom it knew that he decides no more",
     "size 8 became 3",
     {{"u PATCH " DEPLOYMENTS "/web", CLAIM("null")},
      {"u PATCH " MEMCACHEDS "/cache", SIZE(8)},
      {"o PATCH " MEMCACHEDS "/cache", KNOWING_ALL(3)}}},
    {"more than the size",
     "a is not its",
     {{"o PATCH " MEMCACHEDS "/cache", "{'metadata':{'annotations':{'a':'b'}}}"}}},
    {"labels of a Memcached",
     "labels is not its",
     {{"o PATCH " MEMCACHEDS "/cache", "{'metadata':{'labels':{'a':'b'}}}"}}},
    {"its status", NULL, {{"o PATCH " MEMCACHEDS "/cache/status", "{'status':{'replicas':77}}"}}},
    {"a Memcached made",
     "makes no Memcacheds",
     {{"o POST " MEMCACHEDS, "{'apiVersion':'cache.example.com/v1alpha1','kind':'Memcached',"
                             "'metadata':{'name':'new'},'spec':{'size':1}}"}}},
    {"a Memcached deleted", "deletes nothing", {{"o DELETE " MEMCACHEDS "/cache", NULL}}},
    /* Deployments */
    {"an operand deleted", "deletes nothing", {{"o DELETE " DEPLOYMENTS "/cache", NULL}}},
    {"replicas that its Memcached never had",
     "replicas 3 became 5",
     {{"o PATCH " DEPLOYMENTS "/cache", REPLICAS(5)}}},
    {"replicas put back",
     NULL,
     {{"u PATCH " DEPLOYMENTS "/cache", REPLICAS(5)},
      {"o PATCH " DEPLOYMENTS "/cache", REPLICAS(3)}}},
    {"reverted replicas",
     "replicas 4 became 3",
     {{"u PATCH " MEMCACHEDS "/cache", SIZE(4)},
      {"o PATCH " DEPLOYMENTS "/cache", REPLICAS(4)},
      {"o PATCH " DEPLOYMENTS "/cache", REPLICAS(3)}}},
    {"replicas of the generation that it knew",
     NULL,
     {{"u PATCH " MEMCACHEDS "/cache", SIZE(4)},
      {"o PATCH " DEPLOYMENTS "/cache", KNOWING_GENERATION(3, 4)}}},
    {"replicas of another generation than it knew",
     "replicas 3 became 4",
     {{"u PATCH " MEMCACHEDS "/cache", SIZE(4)},
      {"u PATCH " MEMCACHEDS "/cache", SIZE(5)},
      {"o PATCH " DEPLOYMENTS "/cache", KNOWING_GENERATION(4, 4)}}},
    {"the size of a Memcached that is on its way out",
     "on its way out, and nobody needs its size",
     {{"u PATCH " DEPLOYMENTS "/web", REPLICAS(5)},
      {"u PATCH " MEMCACHEDS "/cache", "{'metadata':{'finalizers':['example.com/hold']}}"},
      {"u DELETE " MEMCACHEDS "/cache", NULL},
      {"o PATCH " MEMCACHEDS "/cache", SIZE(5)}}},
    {"an operand for a Memcached of which it knew that it is on its way out",
     "on its way out",
     {{"u PATCH " MEMCACHEDS "/cache", "{'metadata':{'finalizers':['example.com/hold']}}"},
      {"u DELETE " MEMCACHEDS "/cache", NULL},
      {"u PATCH " DEPLOYMENTS "/cache", REPLICAS(1)},
      {"o PATCH " DEPLOYMENTS "/cache", KNOWING_GENERATION(3, 3)}}},
    {"an image that nobody asked for",
     "image \"nginx\"",
     {{"o PATCH " DEPLOYMENTS "/cache",
       POD("'containers':[{'name':'memcached','image':'nginx'}]")}}},
    {"a command that nobody asked for",
     "command is not as desired",
     {{"o PATCH " DEPLOYMENTS "/cache", POD(CONTAINER("'command':['sleep']"))}}},
    {"arguments",
     "args is not as desired",
     {{"o PATCH " DEPLOYMENTS "/cache", POD(CONTAINER(COMMAND ",'args':['-vv']"))}}},
    {"a label lost",
     "managed-by is not as desired",
     {{"o PATCH " DEPLOYMENTS "/cache",
       "{'metadata':{'labels':{'app.kubernetes.io/managed-by':null}}}"}}},
    {"security lost",
     "securityContext",
     {{"o PATCH " DEPLOYMENTS "/cache", POD("'securityContext':{'runAsUser':0}")}}},
    {"another's sidecar stays",
     NULL,
     {{"u PATCH " DEPLOYMENTS "/cache", sidecar},
      {"u PATCH " DEPLOYMENTS "/cache", REPLICAS(9)},
      {"o PATCH " DEPLOYMENTS "/cache", REPLICAS(3)}}},
    {"another's sidecar removed",
     "sidecar",
     {{"u PATCH " DEPLOYMENTS "/cache", sidecar},
      {"o PATCH " DEPLOYMENTS "/cache", POD(CONTAINER(COMMAND))}}},
    {"an annotation",
     ".metadata.annotations.a is not its",
     {{"o PATCH " DEPLOYMENTS "/cache", "{'metadata':{'annotations':{'a':'b'}}}"}}},
    {"a finalizer",
     "finalizers is not its",
     {{"o PATCH " DEPLOYMENTS "/cache", "{'metadata':{'finalizers':['example.com/hold']}}"}}},
    {"the strategy",
     ".spec.revisionHistoryLimit is not its",
     {{"o PATCH " DEPLOYMENTS "/cache", "{'spec':{'revisionHistoryLimit':1}}"}}},
    {"another's container field",
     "env is not its",
     {{"o PATCH " DEPLOYMENTS "/cache",
       POD(CONTAINER(COMMAND ",'env':[{'name':'A','value':'b'}]"))}}},
    {"a Deployment's status",
     "status is not its",
     {{"o PATCH " DEPLOYMENTS "/cache/status", "{'status':{'replicas':9}}"}}},
    {"a source", "of no Memcached of its name", {{"o PATCH " DEPLOYMENTS "/web", REPLICAS(1)}}},
    {"an operand let go",
     "of no Memcached of its name",
     {{"o PATCH " DEPLOYMENTS "/cache", OWNER("")}}},
    {"one created by apply",
     "created by PATCH",
     {{"u DELETE " DEPLOYMENTS "/cache", NULL}, {"o PATCH created", NULL}}},
    {"one created rightly",
     NULL,
     {{"u DELETE " DEPLOYMENTS "/cache", NULL}, {"o POST created", NULL}}},
    {"a stranger taken over",
     "was not its Memcached's before",
     {{"u PATCH " DEPLOYMENTS "/cache", OWNER("")}, {"o PATCH taken", NULL}}},
    /* others */
    {"a pod",
     "nothing to write there",
     {{"o POST /api/v1" NS "/pods",
       "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'a'},'spec':{'containers':[{'name':'a',"
       "'image':'b'}]}}"}}},
    {"another's Lease",
     "not the operators' Lease",
     {{"o POST /apis/coordination.k8s.io/v1" NS "/leases",
       "{'apiVersion':'coordination.k8s.io/v1','kind':'Lease','metadata':{'name':'other'},'spec':"
       "{}}"}}},
};

/* The operand as it was, but for what the server sets, as a body for "created" and "taken". */
static char *operand_body(struct trial *t)
{
    const char *json = api_get(world_api(t->world), "deployments", "default", "cache");
    yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
    yyjson_mut_doc *copy = yyjson_doc_mut_copy(doc, NULL);
    yyjson_mut_val *metadata = yyjson_mut_obj_get(yyjson_mut_doc_get_root(copy), "metadata");
    static const char *const servers[] = {"uid", "resourceVersion", "generation", "managedFields",
                                          "creationTimestamp"};
    for (size_t i = 0; i < ARRAY_LEN(servers); i++) {
        yyjson_mut_obj_remove_key(metadata, servers[i]);
    }
    yyjson_mut_obj_remove_key(yyjson_mut_doc_get_root(copy), "status");
    char *text = yyjson_mut_write(copy, 0, NULL);
    yyjson_mut_doc_free(copy);
    yyjson_doc_free(doc);
    return text;
}

static void play_deed(struct trial *t, const struct row *row)
{
    char *operand = operand_body(t);
    for (size_t n = 0; n < ARRAY_LEN(row->acts) && row->acts[n].line != NULL; n++) {
        const struct act *w = &row->acts[n];
        if (strcmp(w->line, "o POST created") == 0) {
            write_as(t, "o POST " DEPLOYMENTS, operand);
        } else if (strcmp(w->line, "o PATCH created") == 0) {
            write_as(t, "o PATCH " DEPLOYMENTS "/cache?fieldManager=memcached-operator&force=true",
                     operand);
        } else if (strcmp(w->line, "o PATCH taken") == 0) {
            write_as(t, "o PATCH " DEPLOYMENTS "/cache", operand);
        } else {
            write_as(t, w->line, w->body);
        }
    }
    free(operand); /* yyjson's own */
}

static void deeds_are_judged(void **state)
{
    (void)state;
    for (size_t n = 0; n < ARRAY_LEN(deeds); n++) {
        struct trial t;
        begin_settled(&t, &pair);
        play_deed(&t, &deeds[n]);
        expect(&t, deeds[n].name, deeds[n].expected);
        if (deeds[n].expected != NULL) {
            assert_true(strncmp(world_failure(t.world), "I3: process 0 wrote ", 20) == 0);
        }
        trial_end(&t);
    }
}

/* A server that answers a write of the size by more than that: as a change by hand. */
static void what_no_server_would_do_is_judged_too(void **state)
{
    (void)state;
    static const char before[] =
        "{\"metadata\":{\"name\":\"a\",\"namespace\":\"b\",\"uid\":\"c\"},\"spec\":{\"size\":1}}";
    static const struct {
        const char *path, *after, *expected;
    } rows[] = {
        {"/m/a",
         "{\"metadata\":{\"name\":\"a\",\"namespace\":\"b\",\"uid\":\"c\"},\"spec\":{\"size\":1},"
         "\"status\":{}}",
         "status is not its to change by a write of the size"},
        {"/m/a/status",
         "{\"metadata\":{\"name\":\"a\",\"namespace\":\"b\",\"uid\":\"c\"},\"spec\":{\"size\":2}}",
         "size is not its to change by a write of the status"},
        {"/m/a",
         "{\"metadata\":{\"name\":\"a\",\"namespace\":\"b\",\"uid\":\"c\"},\"spec\":{\"size\":1,"
         "\"x\":1}}",
         "x is not its to change by a write of the size"},
    };
    for (size_t n = 0; n < ARRAY_LEN(rows); n++) {
        struct trial t;
        trial_begin(&t, &(struct world_options){.seed = 1});
        char *path = mem_strdup(rows[n].path);
        invariants_change(
            t.invariants, 0, &(struct exchange){.method = HTTP_PATCH, .path = path},
            &(struct api_change){
                .revision = 9, .resource = "memcacheds", .before = before, .after = rows[n].after});
        expect(&t, rows[n].after, rows[n].expected);
        mem_free(path);
        trial_end(&t);
    }
}

static void an_upgrade_brings_a_known_image(void **state)
{
    (void)state;
    static const char body[] = POD(CONTAINER_OF("memcached:2", COMMAND));
    struct trial t;
    begin_settled(&t, &pair);
    invariants_upgraded(t.invariants, "memcached:2");
    write_as(&t, "o PATCH " DEPLOYMENTS "/cache", body);
    expect(&t, "upgraded", NULL);
    trial_end(&t);
    begin_settled(&t, &pair);
    invariants_upgraded(t.invariants, "memcached:2");
    invariants_check_state(t.invariants);
    expect(&t, "not upgraded", "image \"memcached:1.6\", desired \"memcached:2\"");
    trial_end(&t);
}

/* After a restore what was seen of the lost future may still be decided on; not so without. */
static void a_restore_forgets_the_order(void **state)
{
    (void)state;
    for (int restored = 0; restored < 2; restored++) {
        struct trial t;
        begin_settled(&t, &pair);
        write_as(&t, "u PATCH " DEPLOYMENTS "/web", REPLICAS(5));
        write_as(&t, "o PATCH " MEMCACHEDS "/cache", SIZE(5));
        write_as(&t, "u PATCH " DEPLOYMENTS "/web", REPLICAS(1));
        write_as(&t, "o PATCH " MEMCACHEDS "/cache", SIZE(1));
        if (restored) {
            invariants_restored(t.invariants, t.revision);
        }
        write_as(&t, "o PATCH " MEMCACHEDS "/cache", SIZE(5));
        expect(&t, "restored", restored ? NULL : "size 1 became 5");
        trial_end(&t);
    }
}

/* ---- I1 ---- */

#define STATUS(what) "{'status':{" what "}}"
#define CONDITION(t, s, r)                                                                         \
    "{'type':'" t "','status':'" s "','reason':'" r "','message':'m'," TIME "}"
#define TIME             "'lastTransitionTime':'2026-01-01T00:00:00Z'"
#define CONDITIONS(list) STATUS("'conditions':[" list "]")
#define AVAILABLE        CONDITION("Available", "True", "AllReplicasReady")
#define RECONCILED       CONDITION("Reconciled", "True", "AsDesired")
#define SYNCED           CONDITION("SizeSynced", "True", "InSync")

static const struct row states[] = {
    {"nothing", NULL, {{NULL, NULL}}},
    {"a size",
     "but \"Deployment/web\" decides and calls for 3",
     {{"u PATCH " MEMCACHEDS "/cache", SIZE(5)}}},
    {"the source",
     "but \"Deployment/web\" decides and calls for 5",
     {{"u PATCH " DEPLOYMENTS "/web", REPLICAS(5)}}},
    {"no operand", "it has no Deployment", {{"u DELETE " DEPLOYMENTS "/cache", NULL}}},
    {"replicas",
     "but its Deployment has 1 replicas",
     {{"u PATCH " DEPLOYMENTS "/cache", REPLICAS(1)}}},
    {"an image",
     "of its Deployment is not as desired (image \"nginx\"",
     {{"u PATCH " DEPLOYMENTS "/cache",
       POD("'containers':[{'name':'memcached','image':'nginx'}]")}}},
    {"a label",
     ".metadata.labels.app of its Deployment",
     {{"u PATCH " DEPLOYMENTS "/cache", "{'metadata':{'labels':{'app':'b'}}}"}}},
    {"security",
     ".spec.template.spec.securityContext.runAsNonRoot of its Deployment",
     {{"u PATCH " DEPLOYMENTS "/cache", POD("'securityContext':null")}}},
    {"what others add",
     NULL,
     {{"u PATCH " DEPLOYMENTS "/cache", "{'metadata':{'labels':{'a':'b'}}}"}}},
    {"the name taken",
     "status.observedGeneration",
     {{"u PATCH " DEPLOYMENTS "/cache", OWNER("")},
      {"u PATCH " MEMCACHEDS "/cache/status", STATUS("'observedGeneration':0")}}},
    {"the name taken, and not said", "not 0", {{"u PATCH " DEPLOYMENTS "/cache", OWNER("")}}},
    {"nodes", "status.nodes[0]", {{"u PATCH " MEMCACHEDS "/cache/status", STATUS("'nodes':[]")}}},
    {"replicas told",
     "status.replicas is 9, not 3",
     {{"u PATCH " MEMCACHEDS "/cache/status", STATUS("'replicas':9")}}},
    {"ready ones told",
     "status.readyReplicas is 0, not 3",
     {{"u PATCH " MEMCACHEDS "/cache/status", STATUS("'readyReplicas':0")}}},
    {"the generation",
     "status.observedGeneration is 1, not 2",
     {{"u PATCH " MEMCACHEDS "/cache/status", STATUS("'observedGeneration':1")}}},
    {"the source told",
     "status.source is \"\", not \"Deployment/web\"",
     {{"u PATCH " MEMCACHEDS "/cache/status", STATUS("'source':null")}}},
    {"the selector",
     "status.selector is \"a=b\"",
     {{"u PATCH " MEMCACHEDS "/cache/status", STATUS("'selector':'a=b'")}}},
    {"no status at all", "I1: ", {{"u PATCH " MEMCACHEDS "/cache/status", "{'status':null}"}}},
    {"all conditions",
     NULL,
     {{"u PATCH " MEMCACHEDS "/cache/status", CONDITIONS(AVAILABLE "," RECONCILED "," SYNCED)}}},
    {"one of others beside",
     NULL,
     {{"u PATCH " MEMCACHEDS "/cache/status",
       CONDITIONS(AVAILABLE "," RECONCILED "," SYNCED "," CONDITION("Mine", "True", "So"))}}},
    {"no Available",
     "no condition Available",
     {{"u PATCH " MEMCACHEDS "/cache/status", CONDITIONS(RECONCILED "," SYNCED)}}},
    {"no Reconciled",
     "no condition Reconciled",
     {{"u PATCH " MEMCACHEDS "/cache/status", CONDITIONS(AVAILABLE "," SYNCED)}}},
    {"no SizeSynced",
     "no condition SizeSynced",
     {{"u PATCH " MEMCACHEDS "/cache/status", CONDITIONS(AVAILABLE "," RECONCILED)}}},
    {"a Conflict that is none",
     "has condition Conflict SeveralClaimants, but should have none",
     {{"u PATCH " MEMCACHEDS "/cache/status",
       CONDITIONS(AVAILABLE "," RECONCILED "," SYNCED
                            "," CONDITION("Conflict", "True", "SeveralClaimants"))}}},
    {"a wrong reason",
     "condition Available is True ReplicasNotReady",
     {{"u PATCH " MEMCACHEDS "/cache/status",
       CONDITIONS(RECONCILED "," SYNCED "," CONDITION("Available", "True", "ReplicasNotReady"))}}},
    {"trouble that is none",
     "condition Reconciled is False WriteConflict",
     {{"u PATCH " MEMCACHEDS "/cache/status",
       CONDITIONS(AVAILABLE "," SYNCED "," CONDITION("Reconciled", "False", "WriteConflict"))}}},
    {"a second claimant", "no condition Conflict", {{"u POST " DEPLOYMENTS, SOURCE("younger", 3)}}},
    {"a second claimant, not named",
     "does not name \"web\"",
     {{"u POST " DEPLOYMENTS, SOURCE("younger", 3)},
      {"u PATCH " MEMCACHEDS "/cache/status",
       CONDITIONS(AVAILABLE "," RECONCILED "," SYNCED
                            "," CONDITION("Conflict", "True", "SeveralClaimants"))}}},
    {"an older claimant",
     "I1: Memcached default/cache: size is 3, but \"Deployment/web\" decides and calls for 2",
     {{"u DELETE " DEPLOYMENTS "/web", NULL}, {"u POST " DEPLOYMENTS, SOURCE("web", 2)}}},
    {"nobody claims it, and the status says so not",
     "status.source is \"Deployment/web\", not \"\"",
     {{"u PATCH " DEPLOYMENTS "/web", CLAIM("null")}}},
    {"a label that is no name counts for nothing",
     "status.source is \"Deployment/web\", not \"\"",
     {{"u PATCH " DEPLOYMENTS "/web", CLAIM("'No_Name'")}}},
    {"a new Memcached",
     "I1: Memcached default/new: it has no Deployment",
     {{"u POST " MEMCACHEDS, "{'apiVersion':'cache.example.com/v1alpha1','kind':'Memcached',"
                             "'metadata':{'name':'new'},'spec':{'size':1}}"}}},
    {"a Deployment without its Memcached",
     "I1: Deployment default/cache: its Memcached",
     {{"u DELETE " MEMCACHEDS "/cache", NULL}}},
};

static void states_are_judged(void **state)
{
    (void)state;
    for (size_t n = 0; n < ARRAY_LEN(states); n++) {
        struct trial t;
        begin_settled(&t, &pair);
        play(&t, &states[n]);
        invariants_check_state(t.invariants);
        expect(&t, states[n].name, states[n].expected);
        trial_end(&t);
    }
}

static void a_pod_that_went_is_missed(void **state)
{
    (void)state;
    struct trial t;
    begin_settled(&t, &(struct workload_spec){.name = WORKLOAD_CREATE, .variant = 4});
    yyjson_doc *doc = NULL;
    const char *json = api_get(world_api(t.world), "memcacheds", "default", "cache");
    doc = yyjson_read(json, strlen(json), 0);
    yyjson_val *nodes = json_at(yyjson_doc_get_root(doc), "status", "nodes", NULL);
    assert_int_equal(yyjson_arr_size(nodes), 2);
    char line[512];
    snprintf(line, sizeof line, "u DELETE /api/v1" NS "/pods/%s",
             yyjson_get_str(yyjson_arr_get(nodes, 1)));
    write_as(&t, line, NULL);
    invariants_check_state(t.invariants);
    expect(&t, "a pod less", "status.nodes names 2 pods, but there are 1");
    yyjson_doc_free(doc);
    trial_end(&t);
}

/* ---- I4 ---- */

static const struct row views[] = {
    {"nothing", NULL, {{NULL, NULL}}},
    {"one more",
     "store memcacheds: default/new is missing",
     {{"u POST " MEMCACHEDS, "{'apiVersion':'cache.example.com/v1alpha1','kind':'Memcached',"
                             "'metadata':{'name':'new'},'spec':{'size':1}}"}}},
    {"one less",
     "store sources: default/web is gone on the server",
     {{"u DELETE " DEPLOYMENTS "/web", NULL}}},
    {"one that left the watch",
     "store sources: 1 objects, on the server 0",
     {{"u PATCH " DEPLOYMENTS "/web", CLAIM("null")}}},
    {"a newer one",
     "store operands: default/cache",
     {{"u PATCH " DEPLOYMENTS "/cache", REPLICAS(1)}}},
    {"a namesake",
     "store sources: default/web",
     {{"u DELETE " DEPLOYMENTS "/web", NULL}, {"u POST " DEPLOYMENTS, SOURCE("web", 3)}}},
    {"a pod",
     "store pods: default/by-hand is missing",
     {{"u POST /api/v1" NS "/pods",
       "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'by-hand','labels':{'app':'memcached',"
       "'memcached_cr':'x'}},'spec':{'containers':[{'name':'a','image':'b'}]}}"}}},
    {"a pod of others",
     NULL,
     {{"u POST /api/v1" NS "/pods",
       "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'by-hand','labels':{'app':'nginx'}},"
       "'spec':{'containers':[{'name':'a','image':'b'}]}}"}}},
};

static void stores_are_compared(void **state)
{
    (void)state;
    for (size_t n = 0; n < ARRAY_LEN(views); n++) {
        struct trial t;
        begin_settled(&t, &pair);
        play(&t, &views[n]);
        invariants_check_stores(t.invariants);
        expect(&t, views[n].name, views[n].expected);
        trial_end(&t);
    }
}

/* ---- I6 ---- */

#define LEASE LEASES "/memcached-operator.cache.example.com"

static void begin_led(struct trial *t)
{
    trial_begin(t, &(struct world_options){
                       .seed = 1, .processes = 1, .leader_elect = true, .workload = pair});
    if (!world_settle(t->world)) {
        fail_msg("%s", world_failure(t->world));
    }
    trial_tell(t, -1, NULL);
}

static void who_holds_the_lease_may_write(void **state)
{
    (void)state;
    struct trial t;
    begin_led(&t);
    write_as(&t, "o PATCH " MEMCACHEDS "/cache/status", STATUS("'replicas':8"));
    expect(&t, "held", NULL);
    trial_end(&t);
}

static void who_does_not_hold_it_may_not(void **state)
{
    (void)state;
    static const char *const holders[] = {"{'spec':{'holderIdentity':'another'}}",
                                          "{'spec':{'holderIdentity':''}}"};
    static const char *const expected[] = {"the Lease is held by \"another\"",
                                           "the Lease is held by \"\""};
    for (size_t n = 0; n < ARRAY_LEN(holders); n++) {
        struct trial t;
        begin_led(&t);
        world_take(t.world, &(struct choice){.type = CHOICE_PAUSE});
        world_take(t.world, &(struct choice){.type = CHOICE_PASS, .value = 10000});
        write_as(&t, "o PATCH " LEASE, holders[n]);
        write_as(&t, "o PATCH " MEMCACHEDS "/cache/status", STATUS("'replicas':8"));
        expect(&t, holders[n], expected[n]);
        trial_end(&t);
    }
}

static void nothing_lands_after_it_ran_out(void **state)
{
    (void)state;
    for (int late = 0; late < 2; late++) {
        struct trial t;
        begin_led(&t);
        /* The process stands still, so it does not renew. */
        world_take(t.world, &(struct choice){.type = CHOICE_PAUSE});
        write_as(&t, "o PATCH " LEASE, "{'spec':{'renewTime':'2026-01-01T00:00:00.000000Z'}}");
        world_take(t.world, &(struct choice){.type = CHOICE_PASS, .value = 15000 + late});
        write_as(&t, "o PATCH " MEMCACHEDS "/cache/status", STATUS("'replicas':8"));
        expect(&t, "late", late ? "15001 ms after it renewed the Lease" : NULL);
        trial_end(&t);
    }
}

/* The one who holds it cannot know of that before it renews. */
static void a_lease_that_a_stranger_wrote_into_is_still_held(void **state)
{
    (void)state;
    struct trial t;
    begin_led(&t);
    write_as(&t, "u PATCH " LEASE, "{'spec':{'holderIdentity':'stranger'}}");
    write_as(&t, "o PATCH " MEMCACHEDS "/cache/status", STATUS("'replicas':8"));
    expect(&t, "held", NULL);
    trial_end(&t);
}

static void a_lease_is_not_taken_from_who_may_believe_in_it(void **state)
{
    (void)state;
    for (int early = 0; early < 2; early++) {
        struct trial t;
        begin_led(&t);
        world_take(t.world, &(struct choice){.type = CHOICE_PAUSE});
        world_take(t.world, &(struct choice){.type = CHOICE_PASS, .value = 10000 - early});
        write_as(&t, "o PATCH " LEASE, "{'spec':{'holderIdentity':'another'}}");
        expect(&t, "early", early ? "another took the Lease 9999 ms after process-0-0" : NULL);
        trial_end(&t);
    }
}

/* ---- Who decides ---- */

static void the_oldest_claimant_decides(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct claimant all[3];
        const char *decides;
    } rows[] = {
        {"nobody", {{.name = ""}}, NULL},
        {"the older one",
         {{.name = "a", .created = "2026-01-01T00:00:01Z", .counts = true},
          {.name = "b", .created = "2026-01-01T00:00:00Z", .counts = true}},
         "b"},
        {"of the same second the lesser name",
         {{.name = "b", .created = "2026-01-01T00:00:00Z", .counts = true},
          {.name = "a", .created = "2026-01-01T00:00:00Z", .counts = true}},
         "a"},
        {"those that do not count do not",
         {{.name = "a", .created = "2025-01-01T00:00:00Z"},
          {.name = "b", .created = "2026-01-01T00:00:00Z", .counts = true}},
         "b"},
    };
    for (size_t n = 0; n < ARRAY_LEN(rows); n++) {
        struct claimant all[3];
        const struct claimant *pointers[3];
        for (size_t i = 0; i < ARRAY_LEN(all); i++) {
            all[i] = rows[n].all[i];
            snprintf(all[i].ns, sizeof all[i].ns, "ns");
            snprintf(all[i].claim, sizeof all[i].claim, "cache");
            pointers[i] = &all[i];
        }
        const struct claimant *decides =
            claimants_decide(pointers, ARRAY_LEN(pointers), "ns", "cache");
        if (rows[n].decides == NULL) {
            assert_null(decides);
        } else {
            assert_non_null(decides);
            assert_string_equal(decides->name, rows[n].decides);
        }
        assert_null(claimants_decide(pointers, ARRAY_LEN(pointers), "ns", "other"));
        assert_null(claimants_decide(pointers, ARRAY_LEN(pointers), "other", "cache"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_claimant_decides),
        cmocka_unit_test(deeds_are_judged),
        cmocka_unit_test(what_no_server_would_do_is_judged_too),
        cmocka_unit_test(an_upgrade_brings_a_known_image),
        cmocka_unit_test(a_restore_forgets_the_order),
        cmocka_unit_test(states_are_judged),
        cmocka_unit_test(a_pod_that_went_is_missed),
        cmocka_unit_test(stores_are_compared),
        cmocka_unit_test(who_holds_the_lease_may_write),
        cmocka_unit_test(who_does_not_hold_it_may_not),
        cmocka_unit_test(nothing_lands_after_it_ran_out),
        cmocka_unit_test(a_lease_that_a_stranger_wrote_into_is_still_held),
        cmocka_unit_test(a_lease_is_not_taken_from_who_may_believe_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

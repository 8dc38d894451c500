/*
 * What a write does to one object, as tables of requests, each on what those before have left.
 *
 *     {"apply! deployments/web/status by op", BODY, "200 /status/replicas 3 | /metadata/generation
 * 1"}
 *
 * Verbs: create, update, patch (merge patch), json (patch), apply, apply! (forced). In bodies and
 * expectations ' stands for ", and $UID and $RV for the object's. An expectation is 200 or 201 with
 * JSON pointers and what is there ("-": nothing), "same" when nothing was to be written, or the
 * refusal's code, reason ("-": none) and message. Every line is what a kube-apiserver 1.20.2
 * answered, but for what its JSON parser says.
 */
#include "lib/testing.h"

#include "sim/api_object.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OBJECTS_MAX = 8, TEXT_MAX = 8192 };

#define IS_A(version, kind, name)                                                                  \
    "'apiVersion':'" version "','kind':'" kind "','metadata':{'name':'" name "'"
#define DEPLOYMENT(name)   IS_A("apps/v1", "Deployment", name)
#define MEMCACHED(name)    IS_A("cache.example.com/v1alpha1", "Memcached", name)
#define LEASE(name)        IS_A("coordination.k8s.io/v1", "Lease", name)
#define SELECTOR           "'selector':{'matchLabels':{'app':'web'}}"
#define TEMPLATE(pod_spec) "'template':{'metadata':{'labels':{'app':'web'}},'spec':{" pod_spec "}}"
#define CONTAINERS         "'containers':[{'name':'c','image':'nginx'}]"
#define SPEC               SELECTOR "," TEMPLATE(CONTAINERS)

struct step {
    const char *request, *body, *expect;
};

struct stored {
    char key[128]; /* "deployments/web" */
    char *json;
    unsigned revision;
};

struct store {
    struct stored objects[OBJECTS_MAX];
    size_t count;
    unsigned revision;
};

struct parsed_request {
    char verb[16], plural[32], name[256], sub[16], manager[32];
};

static const struct api_resource *resource_of(const char *plural)
{
    for (unsigned i = 0; i < api_resource_count; i++) {
        if (strcmp(api_resources[i].plural, plural) == 0) {
            return &api_resources[i];
        }
    }
    fail_msg("no resource %s", plural);
    return NULL;
}

/* "apply! deployments/web/status by op" */
static void parse_request(const char *text, struct parsed_request *r)
{
    char path[320];
    *r = (struct parsed_request){.manager = "kubectl"};
    assert_true(sscanf(text, "%15s %319s by %31s", r->verb, path, r->manager) >= 2);
    sscanf(path, "%31[^/]/%255[^/]/%15s", r->plural, r->name, r->sub);
}

static struct stored *find(struct store *s, const char *plural, const char *name)
{
    char key[sizeof s->objects[0].key];
    snprintf(key, sizeof key, "%s/%.64s", plural, name);
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->objects[i].key, key) == 0) {
            return &s->objects[i];
        }
    }
    assert_true(s->count < OBJECTS_MAX);
    struct stored *o = &s->objects[s->count++];
    *o = (struct stored){0};
    memcpy(o->key, key, sizeof key);
    return o;
}

static void put(struct store *s, struct stored *o, yyjson_mut_doc *doc)
{
    char version[16];
    o->revision = ++s->revision;
    snprintf(version, sizeof version, "%u", o->revision);
    yyjson_mut_val *metadata = yyjson_mut_obj_get(yyjson_mut_doc_get_root(doc), "metadata");
    assert_null(yyjson_mut_obj_get(metadata, "resourceVersion"));
    yyjson_mut_obj_add_strcpy(doc, metadata, "resourceVersion", version);
    free(o->json);
    o->json = yyjson_mut_write(doc, 0, NULL);
    assert_non_null(o->json);
}

/* ' → ", $UID, $RV */
static const char *fill_in(const struct stored *o, const char *text, char out[TEXT_MAX])
{
    size_t len = 0;
    yyjson_doc *doc = o->json == NULL ? NULL : yyjson_read(o->json, strlen(o->json), 0);
    yyjson_val *metadata = yyjson_obj_get(yyjson_doc_get_root(doc), "metadata");
    while (*text != '\0' && len < TEXT_MAX - 64) {
        bool uid = strncmp(text, "$UID", 4) == 0, version = strncmp(text, "$RV", 3) == 0;
        if (uid || version) {
            const char *value =
                yyjson_get_str(yyjson_obj_get(metadata, uid ? "uid" : "resourceVersion"));
            assert_non_null(value);
            len += (size_t)snprintf(out + len, TEXT_MAX - len, "%s", value);
            text += uid ? 4 : 3;
        } else {
            out[len++] = *text == '\'' ? '"' : *text;
            text++;
        }
    }
    out[len] = '\0';
    yyjson_doc_free(doc);
    return out;
}

/* "/spec/replicas 3 | /status -" */
static void expect_values(const struct step *step, const char *json, const char *expected)
{
    char all[TEXT_MAX];
    struct stored none = {0};
    fill_in(&none, expected, all);
    yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
    for (char *save, *part = strtok_r(all, "|", &save); part != NULL;
         part = strtok_r(NULL, "|", &save)) {
        char pointer[512], wanted[TEXT_MAX];
        assert_int_equal(sscanf(part, " %511s %8191[^|]", pointer, wanted), 2);
        for (size_t len = strlen(wanted); len > 0 && wanted[len - 1] == ' '; len--) {
            wanted[len - 1] = '\0';
        }
        yyjson_val *v = yyjson_doc_ptr_get(doc, pointer);
        yyjson_doc *want = yyjson_read(wanted, strlen(wanted), 0);
        if (strcmp(wanted, "-") == 0 ? v != NULL : !yyjson_equals(v, yyjson_doc_get_root(want))) {
            fail_msg("%s %s\n%s is not %s in\n%s", step->request, step->body, pointer, wanted,
                     json);
        }
        yyjson_doc_free(want);
    }
    yyjson_doc_free(doc);
}

static void expect_refusal(const struct step *step, const struct stored *o,
                           const struct api_refusal *refusal)
{
    char got[TEXT_MAX], wanted[TEXT_MAX];
    const char *reason =
        refusal->reason == NULL || refusal->reason[0] == '\0' ? "-" : refusal->reason;
    snprintf(got, sizeof got, "%d %s %s", refusal->code, reason, refusal->message);
    fill_in(o, step->expect, wanted);
    if (strchr(step->expect, '`') == NULL) { /* Go's quotes: such texts are compared as they are */
        for (char *c = got; *c != '\0'; c++) {
            *c = *c == '\'' ? '"' : *c;
        }
    } else {
        snprintf(wanted, sizeof wanted, "%s", step->expect);
    }
    assert_string_equal(got, wanted);
    if (refusal->details[0] != '\0') {
        yyjson_doc *details = yyjson_read(refusal->details, strlen(refusal->details), 0);
        assert_true(yyjson_is_obj(yyjson_doc_get_root(details)));
        yyjson_doc_free(details);
    }
}

static enum api_verb verb_of(const char *text)
{
    static const char *const VERBS[] = {[API_CREATE] = "create",
                                        [API_UPDATE] = "update",
                                        [API_MERGE_PATCH] = "patch",
                                        [API_APPLY] = "apply",
                                        [API_JSON_PATCH] = "json"};
    for (size_t i = 0; i < ARRAY_LEN(VERBS); i++) {
        if (strncmp(text, VERBS[i], strlen(VERBS[i])) == 0) {
            return (enum api_verb)i;
        }
    }
    fail_msg("no verb %s", text);
    return API_CREATE;
}

static void take(struct store *s, const struct step *step)
{
    char body[TEXT_MAX], uid[32];
    struct parsed_request r;
    parse_request(step->request, &r);
    struct stored *o = find(s, r.plural, r.name);
    yyjson_doc *live = o->json == NULL ? NULL : yyjson_read(o->json, strlen(o->json), 0);
    fill_in(o, step->body, body);
    yyjson_doc *parsed = yyjson_read(body, strlen(body), 0);
    assert_non_null(parsed);
    snprintf(uid, sizeof uid, "uid-%u", s->revision + 1);
    const struct api_resource *resource = resource_of(r.plural);
    struct api_change_request request = {
        .resource = resource,
        .verb = verb_of(r.verb),
        .subresource = r.sub[0] != '\0' ? r.sub : NULL,
        .ns = resource->namespaced ? "default" : NULL,
        .name = strcmp(r.verb, "create") == 0 ? NULL : r.name,
        .manager = r.manager,
        .force = strcmp(r.verb, "apply!") == 0,
        .now_text = s->revision % 2 == 0 ? "2026-01-01T00:00:00Z" : "2026-01-01T00:00:01Z",
        .new_uid = uid,
        .suffix = "xyzzy",
        .body = yyjson_doc_get_root(parsed),
    };
    bool unchanged = false;
    struct api_refusal refusal = {0};
    yyjson_mut_doc *doc =
        api_object_change(&request, yyjson_doc_get_root(live), &unchanged, &refusal);
    if (doc == NULL) {
        expect_refusal(step, o, &refusal);
    } else if (strcmp(step->expect, "same") == 0) {
        assert_true(unchanged);
    } else {
        if (unchanged || step->expect[0] != '2') {
            fail_msg("%s %s: %s", step->request, step->body, unchanged ? "same" : "done");
        }
        put(s, o, doc);
        if (strlen(step->expect) > 3) {
            expect_values(step, o->json, step->expect + 4);
        }
    }
    yyjson_mut_doc_free(doc);
    yyjson_doc_free(parsed);
    yyjson_doc_free(live);
}

static void run(const struct step *steps, size_t count)
{
    struct store s = {.revision = 100};
    for (size_t i = 0; i < count; i++) {
        take(&s, &steps[i]);
    }
    for (size_t i = 0; i < s.count; i++) {
        free(s.objects[i].json);
    }
}
#define RUN(steps) run(steps, ARRAY_LEN(steps))

/* ---- */

static void creation_sets_metadata_and_defaults(void **state)
{
    (void)state;
    static const struct step STEPS[] = {
        {"create deployments/web",
         "{" DEPLOYMENT("web") ",'uid':'x','generation':7},'spec':{" SPEC
                               "},'status':{'replicas':3}}",
         "201 /metadata/generation 1 | /metadata/namespace 'default' | /status {}"
         " | /spec/replicas 1 | /spec/revisionHistoryLimit 10 | /spec/progressDeadlineSeconds 600"
         " | /spec/strategy {'type':'RollingUpdate','rollingUpdate':{'maxUnavailable':'25%',"
         "'maxSurge':'25%'}}"
         " | /spec/template {'metadata':{'creationTimestamp':null,'labels':{'app':'web'}},'spec':{"
         "'containers':[{'name':'c','image':'nginx','resources':{},'terminationMessagePath':"
         "'/dev/termination-log','terminationMessagePolicy':'File','imagePullPolicy':'Always'}],"
         "'restartPolicy':'Always','terminationGracePeriodSeconds':30,'dnsPolicy':'ClusterFirst',"
         "'securityContext':{},'schedulerName':'default-scheduler'}}"},
        {"create deployments/web", "{" DEPLOYMENT("web") "},'spec':{" SPEC "}}",
         "409 AlreadyExists deployments.apps 'web' already exists"},
        {"create deployments/b", "{" DEPLOYMENT("b") ",'resourceVersion':'5'},'spec':{" SPEC "}}",
         "500 - resourceVersion should not be set on objects to be created"},
        {"create deployments/b", "{" DEPLOYMENT("b") ",'namespace':'other'},'spec':{" SPEC "}}",
         "400 BadRequest the namespace of the provided object does not match the namespace sent on "
         "the request"},
        {"create memcacheds/m", "{" MEMCACHED("m") "},'spec':{'size':1,'more':2},'status':{}}",
         "201 /metadata/generation 1 | /spec {'size':1} | /status -"},
        {"create leases/l",
         "{" LEASE("l") "},'spec':{'holderIdentity':'','leaseDurationSeconds':15}}",
         "201 /metadata/generation - | /spec {'holderIdentity':'','leaseDurationSeconds':15}"},
        {"create namespaces/n", "{'kind':'Namespace','metadata':{'name':'n'}}",
         "201 /spec {'finalizers':['kubernetes']} | /status {'phase':'Active'}"},
    };
    RUN(STEPS);
}

static void images_decide_the_pull_policy(void **state)
{
    (void)state;
#define IMAGE(image, policy)                                                                       \
    {                                                                                              \
        "patch deployments/web",                                                                   \
            "{'spec':{'template':{'spec':{'containers':[{'name':'c','image':'" image "'}]}}}}",    \
            "200 /spec/template/spec/containers/0/imagePullPolicy '" policy "'"                    \
    }
    static const struct step STEPS[] = {
        {"create deployments/web", "{" DEPLOYMENT("web") "},'spec':{" SPEC "}}", "201"},
        IMAGE("nginx:1", "IfNotPresent"),
        IMAGE("nginx:latest", "Always"),
        IMAGE("r:5000/a/b", "Always"),
        IMAGE("r:5000/a/b:2", "IfNotPresent"),
        IMAGE("a@sha256:0000000000000000000000000000000000000000000000000000000000000000",
              "IfNotPresent"),
    };
    RUN(STEPS);
}

static void generation_follows_the_spec(void **state)
{
    (void)state;
    static const struct step STEPS[] = {
        {"create deployments/web", "{" DEPLOYMENT("web") "},'spec':{" SPEC "}}", "201"},
        {"patch deployments/web", "{'spec':{'replicas':2}}", "200 /metadata/generation 2"},
        {"patch deployments/web", "{'spec':{'replicas':2}}", "same"},
        {"patch deployments/web", "{'metadata':{'labels':{'a':'b'}}}",
         "200 /metadata/generation 2"},
        {"patch deployments/web", "{'metadata':{'annotations':{'a':'b'}}}",
         "200 /metadata/generation 3"},
        {"patch deployments/web", "{'metadata':{'generation':9}}", "same"},
        {"patch deployments/web", "{'status':{'replicas':2}}",
         "200 /metadata/generation 3 | /status {}"},
        {"patch deployments/web/status", "{'spec':{'replicas':7},'status':{'replicas':2}}",
         "200 /metadata/generation 3 | /status {'replicas':2} | /spec/replicas 2"},
        {"create memcacheds/m", "{" MEMCACHED("m") "},'spec':{'size':1}}", "201"},
        {"patch memcacheds/m", "{'metadata':{'annotations':{'a':'b'}}}",
         "200 /metadata/generation 1"},
        {"patch memcacheds/m", "{'spec':{'size':2}}", "200 /metadata/generation 2"},
        {"patch memcacheds/m/status", "{'spec':{'size':7},'status':{'replicas':2}}",
         "200 /metadata/generation 2 | /status {'replicas':2} | /spec/size 2"},
    };
    RUN(STEPS);
}

static void preconditions_are_kept(void **state)
{
    (void)state;
#define CHANGED(what)                                                                              \
    "409 Conflict Operation cannot be fulfilled on " what                                          \
    ": the object has been modified; please apply your changes to the latest version and try "     \
    "again"
    static const struct step STEPS[] = {
        {"create deployments/web", "{" DEPLOYMENT("web") "},'spec':{" SPEC "}}", "201"},
        {"patch deployments/web", "{'metadata':{'resourceVersion':'1'},'spec':{'replicas':2}}",
         CHANGED("deployments.apps 'web'")},
        {"patch deployments/web", "{'metadata':{'resourceVersion':'$RV'},'spec':{'replicas':2}}",
         "200"},
        {"patch deployments/web", "{'metadata':{'uid':'x'},'spec':{'replicas':3}}",
         "422 Invalid Deployment.apps 'web' is invalid: metadata.uid: Invalid value: 'x': field is "
         "immutable"},
        {"patch deployments/web", "{'metadata':{'uid':'$UID'},'spec':{'replicas':3}}", "200"},
        {"patch deployments/web", "{'metadata':{'name':'x'}}",
         "400 BadRequest the name of the object (x) does not match the name on the URL (web)"},
        {"update deployments/web", "{" DEPLOYMENT("web") ",'uid':'x'},'spec':{" SPEC "}}",
         "409 Conflict Operation cannot be fulfilled on deployments.apps 'web': StorageError: "
         "invalid object, Code: 4, Key: /registry/deployments/default/web, ResourceVersion: 0, "
         "AdditionalErrorMsg: Precondition failed: UID in precondition: x, UID in object meta: "
         "$UID"},
        {"update deployments/web", "{" DEPLOYMENT("web") "},'spec':{" SPEC "}}",
         "200 /spec/replicas 1"},
        {"update deployments/none", "{" DEPLOYMENT("none") "},'spec':{" SPEC "}}",
         "404 NotFound deployments.apps 'none' not found"},
        {"patch deployments/none", "{}", "404 NotFound deployments.apps 'none' not found"},
        {"create memcacheds/m", "{" MEMCACHED("m") "},'spec':{'size':1}}", "201"},
        {"update memcacheds/m", "{" MEMCACHED("m") "},'spec':{'size':2}}",
         "422 Invalid memcacheds.cache.example.com 'm' is invalid: metadata.resourceVersion: "
         "Invalid value: 0x0: must be specified for an update"},
        {"patch memcacheds/m", "{'metadata':{'uid':'x'},'spec':{'size':2}}",
         "422 Invalid Memcached.cache.example.com 'm' is invalid: metadata.uid: Invalid value: "
         "'x': "
         "field is immutable"},
        /* The status of a custom resource is no place for a uid: it is not looked at. */
        {"patch memcacheds/m/status", "{'metadata':{'uid':'x'},'status':{'replicas':2}}", "200"},
        {"patch memcacheds/m/status",
         "{'metadata':{'resourceVersion':'1'},'status':{'replicas':3}}",
         CHANGED("memcacheds.cache.example.com 'm'")},
        {"update leases/l", "{" LEASE("l") "},'spec':{}}", "201"},
        {"update leases/l",
         "{" LEASE("l") ",'resourceVersion':'$RV'},'spec':{'holderIdentity':'a'}}", "200"},
        {"update leases/l", "{" LEASE("l") ",'resourceVersion':'1'},'spec':{'holderIdentity':'b'}}",
         CHANGED("leases.coordination.k8s.io 'l'")},
    };
    RUN(STEPS);
}

static void apply_owns_what_it_names(void **state)
{
    (void)state;
#define OWNS(entry, fields) "/metadata/managedFields/" entry "/fieldsV1 " fields
    static const struct step STEPS[] = {
        {"apply deployments/web by op", "{" DEPLOYMENT("web") ",'uid':'x'},'spec':{" SPEC "}}",
         "409 Conflict Operation cannot be fulfilled on deployments.apps 'web': uid mismatch: the "
         "provided object specified uid x, and no existing object was found"},
        {"apply deployments/web by op",
         "{" DEPLOYMENT("web") ",'resourceVersion':'5'},'spec':{'replicas':2," SPEC "}}",
         "201 /metadata/generation 1 | /metadata/managedFields/0/operation 'Apply' | " OWNS(
             "0", "{'f:spec':{'f:replicas':{},'f:selector':{},'f:template':{'f:metadata':{"
                  "'f:labels':{'f:app':{}}},'f:spec':{'f:containers':{'k:{\\'name\\':\\'c\\'}':{"
                  "'.':{},'f:image':{},'f:name':{}}}}}}}")},
        {"apply deployments/web by op", "{" DEPLOYMENT("web") "},'spec':{'replicas':2," SPEC "}}",
         "same"},
        {"apply deployments/web by two", "{" DEPLOYMENT("web") "},'spec':{'replicas':2}}",
         "200 " OWNS("1", "{'f:spec':{'f:replicas':{}}}")},
        {"apply deployments/web by two", "{" DEPLOYMENT("web") "},'spec':{'replicas':3}}",
         "409 Conflict Apply failed with 1 conflict: conflict with 'op': .spec.replicas"},
        {"patch deployments/web by hpa", "{'spec':{'replicas':5}}",
         "200 " OWNS("1", "{'f:spec':{'f:replicas':{}}}") " | /metadata/managedFields/2 -"},
        {"apply deployments/web by two",
         "{" DEPLOYMENT("web") "},'spec':{'replicas':3,'template':{'spec':{'containers':[{'name':"
                               "'c','image':'x'}]}}}}",
         "409 Conflict Apply failed with 2 conflicts: conflicts with 'hpa' using apps/v1:\n"
         "- .spec.replicas\nconflicts with 'op':\n"
         "- .spec.template.spec.containers[name='c'].image"},
        {"apply! deployments/web by two", "{" DEPLOYMENT("web") "},'spec':{'replicas':3}}",
         "200 /spec/replicas 3 | /metadata/managedFields/2 -"},
        {"apply deployments/web by two", "{" DEPLOYMENT("web") "},'spec':{'minReadySeconds':1}}",
         "200 /spec/replicas 1"},
    };
    RUN(STEPS);
}

static void apply_takes_away_what_it_no_longer_names(void **state)
{
    (void)state;
    static const struct step STEPS[] = {
        {"apply memcacheds/m by op",
         "{" MEMCACHED("m") ",'labels':{'a':'1','b':'2'}},'spec':{'size':1}}", "201"},
        {"apply memcacheds/m by two", "{" MEMCACHED("m") ",'labels':{'b':'2'}}}", "200"},
        {"apply memcacheds/m by op", "{" MEMCACHED("m") "},'spec':{'size':1}}",
         "200 /metadata/labels {'b':'2'}"},
        {"patch memcacheds/m by hand", "{'metadata':{'labels':{'b':'3'}}}", "200"},
        /* What a hand has changed is the hand's. */
        {"apply memcacheds/m by two", "{" MEMCACHED("m") "}}", "same"},
        {"apply memcacheds/m by op", "{" MEMCACHED("m") "}}",
         "422 Invalid Memcached.cache.example.com 'm' is invalid: spec: Invalid value: 'null': "
         "spec "
         "in body must be of type object: 'null'"},
        {"apply deployments/web by op",
         "{" DEPLOYMENT("web") "},'spec':{" SELECTOR "," TEMPLATE(
             "'containers':[{'name':'c','image':'nginx'},{'name':'d','image':'x'},{'name':'e',"
             "'image':'x'}]") "}}",
         "201"},
        {"apply deployments/web by op", "{" DEPLOYMENT("web") "},'spec':{" SPEC "}}",
         "200 /spec/template/spec/containers/0/name 'c' | /spec/template/spec/containers/1 -"},
    };
    RUN(STEPS);
}

static void apply_refuses_what_has_no_type(void **state)
{
    (void)state;
    static const struct step STEPS[] = {
        {"apply deployments/web by op", "{" DEPLOYMENT("web") "},'more':1}",
         "500 - failed to create typed patch object: .more: field not declared in schema"},
        {"apply deployments/web by op", "{" DEPLOYMENT("web") "},'spec':{'replicas':'x'}}",
         "500 - failed to create typed patch object: .spec.replicas: expected numeric (int or "
         "float), got *value.valueUnstructured"},
        {"apply deployments/web by op", "{'kind':'Deployment'}",
         "400 BadRequest Incorrect version specified in apply patch. Specified patch version: , "
         "expected: apps/v1"},
        {"apply deployments/web by op", "{'apiVersion':'apps/v1'}",
         "500 - failed to create typed patch object: no corresponding type for apps/v1, Kind="},
        {"apply deployments/web by op", "{" DEPLOYMENT("web") ",'managedFields':[]}}",
         "400 BadRequest metadata.managedFields must be nil"},
        {"apply memcacheds/m/status by op", "{" MEMCACHED("m") "},'status':{}}",
         "404 NotFound memcacheds.cache.example.com 'm' not found"},
    };
    RUN(STEPS);
}

static void updates_own_what_they_change(void **state)
{
    (void)state;
    static const struct step STEPS[] = {
        {"create memcacheds/m by a", "{" MEMCACHED("m") ",'labels':{'x':'1'}},'spec':{'size':1}}",
         "201 " OWNS("0", "{'f:metadata':{'f:labels':{'.':{},'f:x':{}}},'f:spec':{'.':{},"
                          "'f:size':{}}}")},
        {"patch memcacheds/m by b", "{'spec':{'size':2}}",
         "200 " OWNS("0", "{'f:metadata':{'f:labels':{'.':{},'f:x':{}}},'f:spec':{}}") " | " OWNS(
             "1", "{'f:spec':{'f:size':{}}}")},
        /* Half of a spec: whoever writes next makes it all of it. */
        {"patch memcacheds/m by b", "{}",
         "200 " OWNS("0", "{'f:metadata':{'f:labels':{'.':{},'f:x':{}}},'f:spec':{'.':{},"
                          "'f:size':{}}}")},
        {"patch memcacheds/m by b", "{'metadata':{'labels':null}}",
         "200 " OWNS("0", "{'f:spec':{'.':{},'f:size':{}}}")},
        {"patch memcacheds/m by b", "{'metadata':{'managedFields':[{}]}}",
         "200 /metadata/managedFields -"},
        {"patch memcacheds/m by b", "{'spec':{'size':3}}", "200 /metadata/managedFields -"},
        {"apply! memcacheds/m by op", "{" MEMCACHED("m") "},'spec':{'size':4}}",
         "200 /metadata/managedFields/1/manager 'before-first-apply' | " OWNS("1",
                                                                              "{'f:spec':{}}")},
        /* The scale subresource owns nothing. */
        {"patch memcacheds/m/scale by hpa", "{'spec':{'replicas':5}}",
         "200 /spec/size 5 | /metadata/generation 5 | /metadata/managedFields/2 -"},
    };
    RUN(STEPS);
}

static void scales_change_replicas_only(void **state)
{
    (void)state;
    static const struct step STEPS[] = {
        {"create deployments/web", "{" DEPLOYMENT("web") "},'spec':{" SPEC "}}", "201"},
        {"patch deployments/web/scale", "{'spec':{'replicas':4}}",
         "200 /spec/replicas 4 | /metadata/generation 2"},
        {"patch deployments/web/scale", "{'spec':{'replicas':4}}", "same"},
        {"patch deployments/web/scale", "{'spec':{'replicas':-1}}",
         "422 Invalid Scale.autoscaling 'web' is invalid: spec.replicas: Invalid value: -1: must "
         "be "
         "greater than or equal to 0"},
        {"patch deployments/web/scale",
         "{'metadata':{'resourceVersion':'1'},'spec':{'replicas':1}}",
         CHANGED("deployments.apps 'web'")},
        {"patch deployments/web/scale", "{'metadata':{'uid':'x'},'spec':{'replicas':1}}",
         "409 Conflict Operation cannot be fulfilled on deployments/scale.apps 'web': Precondition "
         "failed: UID in precondition: x, UID in object meta: $UID"},
        {"update deployments/web/scale",
         "{'apiVersion':'autoscaling/v1','kind':'Scale','metadata':{'name':'web','namespace':"
         "'default'},'spec':{}}",
         "200 /spec/replicas 0"},
        {"update deployments/web/scale", "{'kind':'Scale','spec':{}}",
         "400 BadRequest the name of the object (web based on URL) was undeterminable: name must "
         "be "
         "provided"},
        {"create memcacheds/m", "{" MEMCACHED("m") "},'spec':{'size':1}}", "201"},
        {"patch memcacheds/m/scale", "{'spec':{'replicas':-7}}",
         "422 Invalid Memcached.cache.example.com 'm' is invalid: [spec.size: Invalid value: -7: "
         "spec.size in body should be greater than or equal to 0, .spec.size: Invalid value: -7: "
         "should be a non-negative integer]"},
        {"patch memcacheds/m/scale", "{'metadata':{'uid':'x'},'spec':{'replicas':2}}",
         "200 /spec/size 2"},
    };
    RUN(STEPS);
}

static void invalid_objects_are_refused(void **state)
{
    (void)state;
#define BAD(kind, name, what) "422 Invalid " kind " '" name "' is invalid: " what
    static const struct step STEPS[] = {
        {"create deployments/web", "{'kind':'Deployment'}",
         "422 Invalid Deployment.apps \"\" is invalid: [metadata.name: Required value: name or "
         "generateName is required, spec.selector: Required value, spec.template.metadata.labels: "
         "Invalid value: map[string]string(nil): `selector` does not match template `labels`, "
         "spec.template.spec.containers: Required value]"},
        {"create deployments/web", "{" DEPLOYMENT("web") "},'spec':{'replicas':-1," SPEC "}}",
         BAD("Deployment.apps", "web",
             "spec.replicas: Invalid value: -1: must be greater than or equal to 0")},
        {"create deployments/web", "{" DEPLOYMENT("web") "},'spec':{'replicas':'1'," SPEC "}}",
         "400 BadRequest Deployment in version 'v1' cannot be handled as a Deployment: json: "
         "cannot "
         "unmarshal string into field .spec.replicas of type int32"},
        {"create deployments/web", "{" DEPLOYMENT("web") "},'spec':{" SPEC "}}", "201"},
        {"patch deployments/web", "{'spec':{'selector':{'matchLabels':{'app':'x'}}}}",
         "422 Invalid Deployment.apps \"web\" is invalid: [spec.template.metadata.labels: Invalid "
         "value: map[string]string{\"app\":\"web\"}: `selector` does not match template `labels`, "
         "spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string{\"app\":"
         "\"x\"}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: field is immutable]"},
        {"patch deployments/web", "{'metadata':{'labels':{'a':'b c'}}}",
         BAD("Deployment.apps", "web",
             "metadata.labels: Invalid value: 'b c': a valid label must be an empty string or "
             "consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
             "alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for "
             "validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')")},
        {"create memcacheds/A_b", "{" MEMCACHED("A_b") "},'spec':{'size':1}}",
         BAD("Memcached.cache.example.com", "A_b",
             "metadata.name: Invalid value: 'A_b': a lowercase RFC 1123 subdomain must consist of "
             "lower case alphanumeric characters, '-' or '.', and must start and end with an "
             "alphanumeric character (e.g. 'example.com', regex used for validation is "
             "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')")},
        {"create memcacheds/m", "{" MEMCACHED("m") "},'spec':{}}",
         BAD("Memcached.cache.example.com", "m", "spec.size: Required value")},
        {"create memcacheds/m", "{" MEMCACHED("m") "},'spec':{'size':'x'}}",
         BAD("Memcached.cache.example.com", "m",
             "[spec.size: Invalid value: 'string': spec.size in body must be of type integer: "
             "'string', .spec.size: Invalid value: 0: .spec.size accessor error: x is of the type "
             "string, expected int64]")},
        {"create memcacheds/m", "{'spec':{'size':1}}",
         "400 BadRequest Memcached in version 'v1alpha1' cannot be handled as a Memcached: "
         "unmarshalerDecoder: Object 'Kind' is missing"},
        {"create memcacheds/m", "{" MEMCACHED("m") "},'spec':{'size':1}}", "201"},
        {"patch memcacheds/m/status", "{'status':{'source':''}}", "200 /status {'source':''}"},
        {"patch memcacheds/m/status", "{'status':{'selector':''}}",
         BAD("Memcached.cache.example.com", "m",
             "status.selector: Invalid value: 'null': status.selector in body must be of type "
             "string: 'null'")},
        {"patch memcacheds/m/status",
         "{'status':{'conditions':[{'type':'A','status':'x','reason':"
         "'R','message':'m','lastTransitionTime':'2026-01-01T00:00:00Z'}]}}",
         BAD("Memcached.cache.example.com", "m",
             "status.conditions.status: Unsupported value: 'x': supported values: 'True', 'False', "
             "'Unknown'")},
        {"create leases/l",
         "{" LEASE("l") "},'spec':{'leaseDurationSeconds':0,'leaseTransitions':-1}}",
         BAD("Lease.coordination.k8s.io", "l",
             "[spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0, "
             "spec.leaseTransitions: Invalid value: -1: must to greater or equal than 0]")},
        {"create events/e",
         "{" IS_A("events.k8s.io/v1", "Event", "e") "},'eventTime':'2026-01-01T00:00:00.123456Z',"
                                                    "'reportingController':'c','reportingInstance':"
                                                    "'i','type':'x','reason':'R','action':'A',"
                                                    "'regarding':{'namespace':'default'}}",
         BAD("Event", "e", "type: Invalid value: '': has invalid value: x")},
    };
    RUN(STEPS);
}

static void times_are_kept_in_their_form(void **state)
{
    (void)state;
    static const struct step STEPS[] = {
        {"create leases/l",
         "{" LEASE("l") "},'spec':{'renewTime':'2026-01-01T02:00:00.100000+02:00'}}",
         "201 /spec/renewTime '2026-01-01T00:00:00.100000Z'"},
        {"create deployments/web",
         "{" DEPLOYMENT("web") ",'creationTimestamp':'2000-01-01T00:00:00Z'},'spec':{" SPEC "}}",
         "201"},
        {"patch deployments/web/status",
         "{'status':{'conditions':[{'type':'A','status':'True','lastTransitionTime':"
         "'2026-01-01T02:00:00+02:00'}]}}",
         "200 /status/conditions/0 {'type':'A','status':'True','lastUpdateTime':null,"
         "'lastTransitionTime':'2026-01-01T00:00:00Z'}"},
    };
    RUN(STEPS);
}

static void patches_follow_their_rfcs(void **state)
{
    (void)state;
    static const struct step STEPS[] = {
        {"create memcacheds/m",
         "{" MEMCACHED("m") ",'labels':{'a':'1','b':'2'}},'spec':{'size':1}}", "201"},
        {"patch memcacheds/m", "{'metadata':{'labels':{'a':null,'c':'3','none':null}}}",
         "200 /metadata/labels {'b':'2','c':'3'}"},
        {"patch memcacheds/m", "{'metadata':{'annotations':{'x':null}}}", "same"},
        {"patch memcacheds/m", "'x'", "500 - Invalid JSON Patch"},
        {"json memcacheds/m",
         "[{'op':'test','path':'/spec/size','value':1},{'op':'replace','path':'/spec/size',"
         "'value':2}]",
         "200 /spec/size 2"},
        {"json memcacheds/m", "[{'op':'add','path':'/spec','value':{'size':3}}]",
         "200 /spec {'size':3}"},
        {"create memcacheds/twice", "{" MEMCACHED("twice") "},'spec':{'size':1},'spec':{'size':2}}",
         "201 /spec/size 2"},
        {"apply memcacheds/m", "[]",
         "400 BadRequest error decoding YAML: error unmarshaling JSON: while decoding JSON: json: "
         "cannot unmarshal array into Go value of type map[string]interface {}"},
    };
    RUN(STEPS);
}

/* ---- What is shown of an object beside itself ---- */

static char *shown(const char *plural, const char *json,
                   yyjson_mut_doc *(*show)(const struct api_resource *, yyjson_val *))
{
    char text[TEXT_MAX];
    const struct stored none = {0};
    fill_in(&none, json, text);
    yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
    yyjson_mut_doc *out = show(resource_of(plural), yyjson_doc_get_root(doc));
    char *result = out == NULL ? NULL : yyjson_mut_write(out, 0, NULL);
    for (char *c = result; c != NULL && *c != '\0'; c++) {
        *c = *c == '"' ? '\'' : *c;
    }
    yyjson_mut_doc_free(out);
    yyjson_doc_free(doc);
    return result;
}

static yyjson_mut_doc *show_metadata(const struct api_resource *resource, yyjson_val *live)
{
    (void)resource;
    return api_object_metadata(live);
}

static void a_scale_and_metadata_are_shown(void **state)
{
    (void)state;
    static const struct {
        const char *plural, *json;
        yyjson_mut_doc *(*show)(const struct api_resource *, yyjson_val *);
        const char *shown; /* NULL: nothing */
    } cases[] = {
        {"deployments",
         "{'metadata':{'name':'a','namespace':'n','uid':'u','resourceVersion':'3','generation':2,"
         "'creationTimestamp':'t'},'spec':{'replicas':1,'selector':{'matchLabels':{'b':'2','a':"
         "'1'},'matchExpressions':[{'key':'c','operator':'In','values':['x','y']},{'key':'d',"
         "'operator':'DoesNotExist'}]}},'status':{'replicas':4}}",
         api_object_scale,
         "{'kind':'Scale','apiVersion':'autoscaling/v1','metadata':{'name':'a','namespace':'n',"
         "'uid':'u','resourceVersion':'3','creationTimestamp':'t'},'spec':{'replicas':1},'status':{"
         "'replicas':4,'selector':'!d,a=1,b=2,c in (x,y)'}}"},
        {"memcacheds", "{'metadata':{'name':'a'},'spec':{'size':0},'status':{'selector':'a=1'}}",
         api_object_scale,
         "{'kind':'Scale','apiVersion':'autoscaling/"
         "v1','metadata':{'name':'a'},'spec':{},'status':{"
         "'replicas':0,'selector':'a=1'}}"},
        {"memcacheds", "{'metadata':{'name':'a'}}", api_object_scale, NULL},
        {"pods", "{'kind':'Pod','metadata':{'name':'a'},'spec':{}}", show_metadata,
         "{'kind':'PartialObjectMetadata','apiVersion':'meta.k8s.io/v1','metadata':{'name':'a'}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *text = shown(cases[i].plural, cases[i].json, cases[i].show);
        if (cases[i].shown == NULL) {
            assert_null(text);
        } else {
            assert_string_equal(text, cases[i].shown);
        }
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(creation_sets_metadata_and_defaults),
        cmocka_unit_test(images_decide_the_pull_policy),
        cmocka_unit_test(generation_follows_the_spec),
        cmocka_unit_test(preconditions_are_kept),
        cmocka_unit_test(apply_owns_what_it_names),
        cmocka_unit_test(apply_takes_away_what_it_no_longer_names),
        cmocka_unit_test(apply_refuses_what_has_no_type),
        cmocka_unit_test(updates_own_what_they_change),
        cmocka_unit_test(scales_change_replicas_only),
        cmocka_unit_test(invalid_objects_are_refused),
        cmocka_unit_test(times_are_kept_in_their_form),
        cmocka_unit_test(patches_follow_their_rfcs),
        cmocka_unit_test(a_scale_and_metadata_are_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

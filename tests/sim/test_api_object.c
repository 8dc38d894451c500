/*
 * Writes of one object: see api_steps.h for how to read the tables.
 */
#include "lib/testing.h"

#include "sim/api_object.h"
#include "sim/api_steps.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

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
    STEPS_RUN(STEPS);
}

/* Not compared with a real server: the conformance program does not know these two. */
static void other_kinds_have_replicas(void **state)
{
    (void)state;
#define STATEFULSET(name) IS_A("apps/v1", "StatefulSet", name)
#define FLEET(name)       IS_A("stable.example.com/v1", "Fleet", name)
    static const struct step STEPS[] = {
        {"create statefulsets/db", "{" STATEFULSET("db") "},'spec':{" SPEC "}}",
         "201 /metadata/generation 1 | /status {'replicas':0} | /spec/replicas 1"
         " | /spec/serviceName '' | /spec/podManagementPolicy 'OrderedReady'"
         " | /spec/revisionHistoryLimit 10"
         " | /spec/updateStrategy {'type':'RollingUpdate','rollingUpdate':{'partition':0}}"},
        {"patch statefulsets/db/scale", "{'spec':{'replicas':3}}", "200 /spec/replicas 3"},
        {"patch statefulsets/db", "{'spec':{'replicas':2,'updateStrategy':{'type':'OnDelete'}}}",
         "200 /spec/replicas 2 | /metadata/generation 3"},
        {"patch statefulsets/db", "{'spec':{'serviceName':'x','replicas':-1}}",
         "422 Invalid StatefulSet.apps 'db' is invalid: [spec.replicas: Invalid value: -1: must be "
         "greater than or equal to 0, spec: Forbidden: updates to statefulset spec for fields "
         "other than 'replicas', 'template', and 'updateStrategy' are forbidden]"},
        {"create fleets/f", "{" FLEET("f") "},'spec':{'replicas':2,'more':1}}",
         "201 /spec {'replicas':2} | /metadata/generation 1"},
        {"patch fleets/f/scale", "{'spec':{'replicas':5}}", "200 /spec/replicas 5"},
        {"patch fleets/f", "{'spec':{'note':'x'}}", "200 /metadata/generation 3"},
        {"patch fleets/f", "{'spec':{'replicas':-1}}",
         "422 Invalid Fleet.stable.example.com 'f' is invalid: .spec.replicas: Invalid value: -1: "
         "should be a non-negative integer"},
        {"patch fleets/f", "{'spec':{'replicas':null}}", "200 /spec {'note':'x'}"},
        {"patch fleets/f/scale", "{'spec':{}}",
         "400 BadRequest the spec replicas field '.spec.replicas' cannot be empty"},
    };
    STEPS_RUN(STEPS);
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
    STEPS_RUN(STEPS);
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
    STEPS_RUN(STEPS);
}

static void preconditions_are_kept(void **state)
{
    (void)state;
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
    STEPS_RUN(STEPS);
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
        {"update deployments/web/scale",
         "{'kind':'Scale','metadata':{'name':'web','namespace':'default','uid':'x'}}",
         "409 Conflict Operation cannot be fulfilled on deployments.apps 'web': StorageError: "
         "invalid object, Code: 4, Key: /registry/deployments/default/web, ResourceVersion: 0, "
         "AdditionalErrorMsg: Precondition failed: UID in precondition: x, UID in object meta: "
         "$UID"},
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
    STEPS_RUN(STEPS);
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
    STEPS_RUN(STEPS);
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
    STEPS_RUN(STEPS);
}

/* ---- What is shown of an object beside itself ---- */

static char *shown(const struct api_resource *resource, const char *json,
                   yyjson_mut_doc *(*show)(const struct api_resource *, yyjson_val *))
{
    char *text = mem_strdup(json);
    for (char *c = text; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
    yyjson_mut_doc *out = show(resource, yyjson_doc_get_root(doc));
    mem_free(text);
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
        const char *group, *version, *plural, *json;
        yyjson_mut_doc *(*show)(const struct api_resource *, yyjson_val *);
        const char *shown; /* NULL: nothing */
    } cases[] = {
        {"apps", "v1", "deployments",
         "{'metadata':{'name':'a','namespace':'n','uid':'u','resourceVersion':'3','generation':2,"
         "'creationTimestamp':'t'},'spec':{'replicas':1,'selector':{'matchLabels':{'b':'2','a':"
         "'1'},'matchExpressions':[{'key':'c','operator':'In','values':['x','y']},{'key':'d',"
         "'operator':'DoesNotExist'}]}},'status':{'replicas':4}}",
         api_object_scale,
         "{'kind':'Scale','apiVersion':'autoscaling/v1','metadata':{'name':'a','namespace':'n',"
         "'uid':'u','resourceVersion':'3','creationTimestamp':'t'},'spec':{'replicas':1},'status':{"
         "'replicas':4,'selector':'!d,a=1,b=2,c in (x,y)'}}"},
        {"cache.example.com", "v1alpha1", "memcacheds",
         "{'metadata':{'name':'a'},'spec':{'size':0},'status':{'selector':'a=1'}}",
         api_object_scale,
         "{'kind':'Scale','apiVersion':'autoscaling/"
         "v1','metadata':{'name':'a'},'spec':{},'status':{"
         "'replicas':0,'selector':'a=1'}}"},
        {"cache.example.com", "v1alpha1", "memcacheds", "{'metadata':{'name':'a'}}",
         api_object_scale, NULL},
        {"", "v1", "pods", "{'kind':'Pod','metadata':{'name':'a'},'spec':{}}", show_metadata,
         "{'kind':'PartialObjectMetadata','apiVersion':'meta.k8s.io/v1','metadata':{'name':'a'}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct api_resource *resource =
            api_resource_find(cases[i].group, cases[i].version, cases[i].plural);
        char *text = shown(resource, cases[i].json, cases[i].show);
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
        cmocka_unit_test(other_kinds_have_replicas),
        cmocka_unit_test(images_decide_the_pull_policy),
        cmocka_unit_test(generation_follows_the_spec),
        cmocka_unit_test(preconditions_are_kept),
        cmocka_unit_test(scales_change_replicas_only),
        cmocka_unit_test(times_are_kept_in_their_form),
        cmocka_unit_test(patches_follow_their_rfcs),
        cmocka_unit_test(a_scale_and_metadata_are_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Who owns which fields: see api_steps.h for how to read the tables.
 */
#include "lib/testing.h"

#include "sim/api_steps.h"

#include "base/mem.h"

static void apply_owns_what_it_names(void **state)
{
    (void)state;
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
    STEPS_RUN(STEPS);
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
    STEPS_RUN(STEPS);
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
    STEPS_RUN(STEPS);
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
    STEPS_RUN(STEPS);
}

static void fields_change_hands(void **state)
{
    (void)state;
#define SAYS(manager)                                                                              \
    {                                                                                              \
        "patch memcacheds/m by " manager, "{'metadata':{'labels':{'" manager "':'1'}}}", "200"     \
    }
    static const struct step STEPS[] = {
        /* What creation drops is owned all the same, until somebody sets it. */
        {"create memcacheds/m by a",
         "{" MEMCACHED("m") "},'spec':{'size':1},'status':{'replicas':1}}",
         "201 " OWNS("0", "{'f:spec':{'.':{},'f:size':{}},'f:status':{'.':{},'f:replicas':{}}}")},
        {"patch memcacheds/m/status by b", "{'status':{'replicas':1}}",
         "200 " OWNS("0", "{'f:spec':{'.':{},'f:size':{}}}") " | " OWNS(
             "1", "{'f:status':{'.':{},'f:replicas':{}}}")},
        SAYS("m1"),
        SAYS("m2"),
        SAYS("m3"),
        SAYS("m4"),
        SAYS("m5"),
        SAYS("m6"),
        SAYS("m7"),
        SAYS("m8"),
        {"patch memcacheds/m by m9", "{'metadata':{'labels':{'m9':'1'}}}",
         "200 /metadata/managedFields/10 - | /metadata/managedFields/9/manager 'm9'"},
        /* A map that is owned, but nothing in it: the next write makes it all of it. */
        {"create memcacheds/n by a", "{" MEMCACHED("n") ",'labels':{'x':'1'}},'spec':{'size':1}}",
         "201"},
        {"patch memcacheds/n by b", "{'metadata':{'labels':{'x':null,'y':'1'}}}",
         "200 " OWNS("0", "{'f:metadata':{'f:labels':{}},'f:spec':{'.':{},'f:size':{}}}")},
        {"patch memcacheds/n by b", "{}",
         "200 " OWNS("0", "{'f:metadata':{'f:labels':{'.':{},'f:y':{}}},'f:spec':{'.':{},"
                          "'f:size':{}}}")},
        /* Items of a list have owners of their own. */
        {"patch memcacheds/n/status by c",
         "{'status':{'conditions':[{'type':'A','status':'True','reason':'R','message':'m',"
         "'lastTransitionTime':'2026-01-01T00:00:00Z'}]}}",
         "200"},
        {"patch memcacheds/n/status by d",
         "{'status':{'conditions':[{'type':'A','status':'False','reason':'R','message':'m',"
         "'lastTransitionTime':'2026-01-01T00:00:00Z'},{'type':'B','status':'True','reason':'R',"
         "'message':'m','lastTransitionTime':'2026-01-01T00:00:00Z'}]}}",
         "200 " OWNS("3", "{'f:status':{'f:conditions':{'k:{\\'type\\':\\'A\\'}':{'f:status':{}},"
                          "'k:{\\'type\\':\\'B\\'}':{'.':{},'f:lastTransitionTime':{},"
                          "'f:message':{},'f:reason':{},'f:status':{},'f:type':{}}}}}")},
        /* Where others own parts of a list's item, it stays. */
        {"apply deployments/web by op",
         "{" DEPLOYMENT("web") "},'spec':{" SELECTOR "," TEMPLATE(
             "'containers':[{'name':'c','image':'nginx'},{'name':'d','image':'x'}]") "}}",
         "201"},
        {"patch deployments/web by hand",
         "{'spec':{'template':{'spec':{'containers':[{'name':'c','image':'nginx'},{'name':'d',"
         "'image':'x','env':[{'name':'E','value':'1'}]}]}}}}",
         "200"},
        {"apply deployments/web by op", "{" DEPLOYMENT("web") "},'spec':{" SPEC "}}",
         "200 /spec/template/spec/containers/1 -"},
    };
    STEPS_RUN(STEPS);
}

static void owners_have_the_time_of_their_last_change(void **state)
{
    (void)state;
#define AT(entry, second) "/metadata/managedFields/" entry "/time '2026-01-01T00:00:0" second "Z'"
    static const struct step TIMES[] = {
        {"create memcacheds/m by a", "{" MEMCACHED("m") "},'spec':{'size':1}}",
         "201 " AT("0", "0")},
        {"patch memcacheds/m by a", "{'spec':{'size':2}}", "200 " AT("0", "0")},
        {"patch memcacheds/m by b", "{'metadata':{'labels':{'x':'1'}}}",
         "200 " AT("0", "0") " | " AT("1", "0")},
        {"patch memcacheds/m by b", "{'metadata':{'labels':{'y':'1'}}}",
         "200 " AT("0", "0") " | " AT("1", "1")},
        {"apply! memcacheds/m by op", "{" MEMCACHED("m") "},'spec':{'size':3}}",
         "200 " AT("0", "0")},
        {"apply! memcacheds/m by op", "{" MEMCACHED("m") "},'spec':{'size':4}}",
         "200 " AT("0", "1")},
        /* Who has half of a spec comes to share it, which is a change of the owners. */
        {"apply! memcacheds/m by op", "{" MEMCACHED("m") "},'spec':{'size':4}}",
         "200 " AT("0", "0")},
        {"apply! memcacheds/m by op", "{" MEMCACHED("m") "},'spec':{'size':4}}", "same"},
        {"patch memcacheds/m by c", "{'metadata':{'labels':{'z':'1'}}}", "200"},
        {"patch memcacheds/m by c", "{'metadata':{'labels':{'z':'2'}}}",
         "200 /metadata/managedFields/1/manager 'a' | " AT("1", "0")},
    };
    steps_run(TIMES, ARRAY_LEN(TIMES), true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(apply_owns_what_it_names),
        cmocka_unit_test(apply_takes_away_what_it_no_longer_names),
        cmocka_unit_test(apply_refuses_what_has_no_type),
        cmocka_unit_test(updates_own_what_they_change),
        cmocka_unit_test(fields_change_hands),
        cmocka_unit_test(owners_have_the_time_of_their_last_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

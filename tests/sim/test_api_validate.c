/*
 * What is refused (see api_steps.h for how to read the table). And that the rules for Memcacheds
 * are those of config/crd/bases, and the fields that are kept are those that have rules.
 */
#include "lib/testing.h"

#include "sim/api_object.h"
#include "sim/api_schema.h"
#include "sim/api_steps.h"
#include "sim/api_validate_memcached.h"

#include "base/mem.h"
#include "kube/yaml.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char CRD[] = "config/crd/bases/cache.example.com_memcacheds.yaml";
enum { CRD_BYTES_MAX = 64 << 10 };

static const char *text(const struct yaml_node *node, const char *key)
{
    const struct yaml_node *v = yaml_get(node, key);
    return v == NULL ? "" : v->text;
}

static long number(const struct yaml_node *node, const char *key)
{
    return strtol(text(node, key), NULL, 10);
}

static bool is_in(const struct yaml_node *list, const char *wanted)
{
    for (const struct yaml_item *i = list == NULL ? NULL : list->items; i != NULL; i = i->next) {
        if (strcmp(i->value->text, wanted) == 0) {
            return true;
        }
    }
    return false;
}

static size_t count(const struct yaml_node *list)
{
    size_t n = 0;
    for (const struct yaml_item *i = list == NULL ? NULL : list->items; i != NULL; i = i->next) {
        n++;
    }
    return n;
}

static void compare_limits(const struct memcached_rule *rule, const struct yaml_node *schema)
{
    assert_int_equal(rule->has_min, yaml_get(schema, "minimum") != NULL);
    assert_int_equal(rule->min, number(schema, "minimum"));
    assert_int_equal(rule->max, number(schema, "maximum"));
    assert_int_equal(rule->max_items, number(schema, "maxItems"));
    assert_int_equal(rule->min_len, number(schema, "minLength"));
    assert_int_equal(rule->max_len, number(schema, "maxLength"));
    assert_string_equal(rule->pattern == NULL ? "" : rule->pattern, text(schema, "pattern"));
    assert_int_equal(rule->is_time, strcmp(text(schema, "format"), "date-time") == 0);
    assert_int_equal(rule->nullable, strcmp(text(schema, "nullable"), "true") == 0);
    size_t values = 0;
    for (; rule->one_of != NULL && rule->one_of[values] != NULL; values++) {
        assert_true(is_in(yaml_get(schema, "enum"), rule->one_of[values]));
    }
    assert_int_equal(values, count(yaml_get(schema, "enum")));
}

static void compare(const struct memcached_rule *rule, const struct yaml_node *schema,
                    const struct schema *type, bool root)
{
    static const char *const METADATA[] = {"apiVersion", "kind", "metadata"};
    assert_non_null(schema);
    assert_string_equal(rule->type, text(schema, "type"));
    compare_limits(rule, schema);
    size_t members = root ? ARRAY_LEN(METADATA) : 0, required = 0;
    for (const struct memcached_rule *r = rule->members; r != NULL && r->name != NULL; r++) {
        const struct schema_field *field = schema_find(type, r->name, strlen(r->name));
        assert_non_null(field);
        assert_int_equal(field->presence, r->nullable ? FIELD_NULLABLE : FIELD_IF_GIVEN);
        assert_int_equal(r->required, is_in(yaml_get(schema, "required"), r->name));
        compare(r, yaml_get(yaml_get(schema, "properties"), r->name), field->type, false);
        members++;
        required += r->required;
    }
    assert_int_equal(members, count(yaml_get(schema, "properties")));
    assert_int_equal(required, count(yaml_get(schema, "required")));
    assert_int_equal(rule->items != NULL, yaml_get(schema, "items") != NULL);
    if (rule->items != NULL) {
        bool atomic = strcmp(text(schema, "x-kubernetes-list-type"), "map") != 0;
        assert_int_equal(type->atomic, atomic);
        const struct yaml_node *keys = yaml_get(schema, "x-kubernetes-list-map-keys");
        assert_string_equal(type->keys[0] == NULL ? "" : type->keys[0],
                            keys == NULL ? "" : keys->items->value->text);
        compare(rule->items, yaml_get(schema, "items"), type->element, false);
    }
}

static void rules_are_those_of_the_crd(void **state)
{
    (void)state;
    static char bytes[CRD_BYTES_MAX];
    FILE *f = fopen(CRD, "r");
    assert_non_null(f);
    size_t len = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    struct yaml y = {0};
    struct error err = ERROR_INIT;
    assert_int_equal(yaml_parse(&y, CRD, bytes, len, &err), 0);
    const struct yaml_node *versions = yaml_get(yaml_get(y.root, "spec"), "versions");
    assert_int_equal(count(versions), 1);
    const struct yaml_node *schema =
        yaml_get(yaml_get(versions->items->value, "schema"), "openAPIV3Schema");
    const struct api_resource *memcacheds =
        api_resource_find("cache.example.com", "v1alpha1", "memcacheds");
    compare(&memcached_rules, schema, schema_of(memcacheds), true);
    yaml_fini(&y);
}

static const struct memcached_rule *member(const struct memcached_rule *object, const char *name)
{
    const struct memcached_rule *r = object->members;
    while (r->name != NULL && strcmp(r->name, name) != 0) {
        r++;
    }
    assert_non_null(r->name);
    return r;
}

static bool matches(const char *pattern, const char *text)
{
    regex_t regex;
    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    bool found = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return found;
}

/* What is written by hand for speed is what the pattern says. */
static void patterns_are_what_they_say(void **state)
{
    (void)state;
    static const char DNS_63[] = "a23456789-123456789-123456789-123456789-123456789-123456789-123";
    char longer[sizeof DNS_63 + 1];
    const struct {
        const char *member, *text;
        bool matches;
    } cases[] = {
        {"reason", "A", true},
        {"reason", "AbC9_", true},
        {"reason", "A,b:c", true},
        {"reason", "", false},
        {"reason", "9a", false},
        {"reason", "_a", false},
        {"reason", "A:", false},
        {"reason", "A,", false},
        {"reason", "A b", false},
        {"type", "Available", true},
        {"type", "a.b/C_d-e", true},
        {"type", "", false},
        {"type", "-a", false},
        {"type", "a-", false},
        {"type", "A.B/c", false},
        {"type", "a/b/c", false},
        {"type", "/a", false},
        {"type", "a b", false},
        {"apiVersion", "v1", true},
        {"apiVersion", "apps/v1", true},
        {"apiVersion", "a.b-c.d/v1beta1", true},
        {"apiVersion", "", false},
        {"apiVersion", "/v1", false},
        {"apiVersion", "apps/", false},
        {"apiVersion", "a..b/v1", false},
        {"apiVersion", "a/b/v1", false},
        {"apiVersion", "Apps/v1", false},
        {"apiVersion", "v1.2", false},
        {"apiVersion", "-v1", false},
        {"apiVersion", DNS_63, true},
        {"apiVersion", strcat(strcpy(longer, DNS_63), "4"), false},
        {"kind", "Deployment", true},
        {"kind", "a", true},
        {"kind", "A-9", true},
        {"kind", "9A", false},
        {"kind", "A-", false},
        {"kind", "A/b", false},
        {"kind", "-A", false},
        {"name", "web", true},
        {"name", "9.a-b.c", true},
        {"name", "a.", false},
        {"name", ".a", false},
        {"name", "a..b", false},
        {"name", "A", false},
        {"name", "a_b", false},
        {"name", "a-.b", false},
        {"name", "", false},
    };
    const struct memcached_rule *conditions =
        member(member(&memcached_rules, "status"), "conditions");
    const struct memcached_rule *sources =
        member(member(member(&memcached_rules, "spec"), "sizeFrom"), "sources");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool of_condition =
            strcmp(cases[i].member, "reason") == 0 || strcmp(cases[i].member, "type") == 0;
        const struct memcached_rule *r =
            member(of_condition ? conditions->items : sources->items, cases[i].member);
        if (r->matches(cases[i].text) != cases[i].matches ||
            matches(r->pattern, cases[i].text) != cases[i].matches) {
            fail_msg("%s \"%s\"", cases[i].member, cases[i].text);
        }
    }
}

static void invalid_objects_are_refused(void **state)
{
    (void)state;
#define SOURCE "{'kind':'Deployment','name':'web'}"
#define SOURCES_8                                                                                  \
    SOURCE "," SOURCE "," SOURCE "," SOURCE "," SOURCE "," SOURCE "," SOURCE "," SOURCE
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
        {"patch memcacheds/m", "{'spec':{'sizeFrom':{'sources':[{'kind':'Deployment'}]}}}",
         BAD("Memcached.cache.example.com", "m", "spec.sizeFrom.sources.name: Required value")},
        {"patch memcacheds/m",
         "{'spec':{'sizeFrom':{'sources':[{'kind':'9','name':'A'}],'min':-1,'paused':'no'}}}",
         BAD("Memcached.cache.example.com", "m",
             "[spec.sizeFrom.sources.kind: Invalid value: '9': spec.sizeFrom.sources.kind in body "
             "should match '^[A-Za-z]([-A-Za-z0-9]*[A-Za-z0-9])?$', spec.sizeFrom.sources.name: "
             "Invalid value: 'A': spec.sizeFrom.sources.name in body should match "
             "'^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$', "
             "spec.sizeFrom.min: Invalid value: -1: spec.sizeFrom.min in body should be greater "
             "than or equal to 0, spec.sizeFrom.paused: Invalid value: 'string': "
             "spec.sizeFrom.paused in body must be of type boolean: 'string']")},
        {"patch memcacheds/m",
         "{'spec':{'sizeFrom':{'ratio':{'per':0,'rounding':'Off'},'scaleDownAfterSeconds':86401}}}",
         BAD("Memcached.cache.example.com", "m",
             "[spec.sizeFrom.ratio.per: Invalid value: 0: spec.sizeFrom.ratio.per in body should "
             "be greater than or equal to 1, spec.sizeFrom.ratio.rounding: Unsupported value: "
             "'Off': supported values: 'Up', 'Down', 'Nearest', "
             "spec.sizeFrom.scaleDownAfterSeconds: Invalid value: 86401: "
             "spec.sizeFrom.scaleDownAfterSeconds in body should be less than or equal to 86400]")},
        {"patch memcacheds/m", "{'spec':{'sizeFrom':{'claims':'Max','nonsense':1,'min':null}}}",
         "200 /spec {'size':1,'sizeFrom':{'claims':'Max'}}"},
        {"patch memcacheds/m",
         "{'spec':{'sizeFrom':{'sources':[" SOURCES_8 "," SOURCES_8 "," SOURCE "]}}}",
         BAD("Memcached.cache.example.com", "m",
             "spec.sizeFrom.sources: Invalid value: '': spec.sizeFrom.sources in body should have "
             "at most 16 items")},
        {"patch memcacheds/m", "{'spec':{'sizeFrom':null}}", "200 /spec {'size':1}"},
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
        {"patch memcacheds/m/status",
         "{'status':{'conditions':[{'type':'A','status':'True','reason':'','message':'m',"
         "'lastTransitionTime':'x'}]}}",
         BAD("Memcached.cache.example.com", "m",
             "[status.conditions.lastTransitionTime: Invalid value: 'x': "
             "status.conditions.lastTransitionTime in body must be of type date-time: 'x', "
             "status.conditions.reason: Invalid value: 'null': status.conditions.reason in body "
             "must "
             "be of type string: 'null', status.conditions.reason: Invalid value: '': "
             "status.conditions.reason in body should be at least 1 chars long]")},
        {"patch memcacheds/m/status",
         "{'status':{'conditions':[{'type':'A','status':'True','reason':'a b','message':'m',"
         "'lastTransitionTime':'2026-01-01T00:00:00Z'}]}}",
         BAD("Memcached.cache.example.com", "m",
             "status.conditions.reason: Invalid value: 'a b': status.conditions.reason in body "
             "should match '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$'")},
        {"create leases/l", "{" LEASE("l") "},'spec':{'renewTime':'2026-01-01T00:00:00.123Z'}}",
         "400 BadRequest Lease in version 'v1' cannot be handled as a Lease: json: cannot "
         "unmarshal "
         "string into field .spec.renewTime of type time"},
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
    STEPS_RUN(STEPS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invalid_objects_are_refused),
        cmocka_unit_test(rules_are_those_of_the_crd),
        cmocka_unit_test(patterns_are_what_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The rules that the model has for Memcacheds are those of config/crd/bases, and the fields that it
 * keeps are those that have rules.
 */
#include "lib/testing.h"

#include "sim/api_object.h"
#include "sim/api_schema.h"
#include "sim/api_validate_memcached.h"

#include "base/mem.h"
#include "kube/yaml.h"

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
    assert_int_equal(number(schema, "minimum"), 0);
    assert_int_equal(rule->max, number(schema, "maximum"));
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

static void patterns_are_what_they_say(void **state)
{
    (void)state;
    static const struct {
        const char *member, *text;
        bool matches;
    } cases[] = {
        {"reason", "A", true},       {"reason", "AbC9_", true},   {"reason", "A,b:c", true},
        {"reason", "", false},       {"reason", "9a", false},     {"reason", "_a", false},
        {"reason", "A:", false},     {"reason", "A,", false},     {"reason", "A b", false},
        {"type", "Available", true}, {"type", "a.b/C_d-e", true}, {"type", "", false},
        {"type", "-a", false},       {"type", "a-", false},       {"type", "A.B/c", false},
        {"type", "a/b/c", false},    {"type", "/a", false},       {"type", "a b", false},
    };
    const struct memcached_rule *status = &memcached_rules.members[1];
    assert_string_equal(status->name, "status");
    const struct memcached_rule *conditions = NULL;
    for (const struct memcached_rule *r = status->members; r->name != NULL; r++) {
        conditions = strcmp(r->name, "conditions") == 0 ? r : conditions;
    }
    assert_non_null(conditions);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (const struct memcached_rule *r = conditions->items->members; r->name != NULL; r++) {
            if (strcmp(r->name, cases[i].member) == 0) {
                assert_int_equal(r->matches(cases[i].text), cases[i].matches);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_those_of_the_crd),
        cmocka_unit_test(patterns_are_what_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The schema of config/crd and the operator agree on spec.sizeFrom: the same fields, choices,
 * limits and names. Rules between fields: test_size_from.
 */
#include "lib/testing.h"

#include "base/mem.h"
#include "kube/json.h"
#include "kube/yaml.h"
#include "operator/sizing.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char CRD[] = "config/crd/bases/cache.example.com_memcacheds.yaml";
enum { CRD_BYTES_MAX = 256 << 10 };

static const struct yaml_node *at(const struct yaml_node *schema, const char *property)
{
    const struct yaml_node *found = yaml_get(yaml_get(schema, "properties"), property);
    assert_non_null(found);
    return found;
}

static const struct yaml_node *object_schema(struct yaml *y)
{
    static char bytes[CRD_BYTES_MAX];
    FILE *f = fopen(CRD, "r");
    assert_non_null(f);
    size_t len = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    struct error err = ERROR_INIT;
    assert_int_equal(yaml_parse(y, CRD, bytes, len, &err), 0);
    const struct yaml_node *versions = yaml_get(yaml_get(y->root, "spec"), "versions");
    return yaml_get(yaml_get(versions->items->value, "schema"), "openAPIV3Schema");
}

/* Is there a fault at @path when sizeFrom is @json? Faults elsewhere, of rules between fields, do
 * not count. */
static bool is_faulty(const char *json, const char *path)
{
    CLEANUP(arena_fini) struct arena arena = {0};
    struct error err = ERROR_INIT;
    yyjson_doc *doc = json_parse(json, strlen(json), &err);
    assert_non_null(doc);
    const struct size_from *f = size_from_read(&arena, yyjson_doc_get_root(doc));
    const char *start = arena_printf(&arena, "spec.sizeFrom.%s ", path);
    bool faulty = f->fault != NULL && strncmp(f->fault, start, strlen(start)) == 0;
    yyjson_doc_free(doc);
    return faulty;
}

/* {"parent":{"name":value}}, or {"name":value}. */
static void assert_value(const char *parent, const char *name, const char *value, bool good)
{
    char json[512], path[256];
    bool top = parent == NULL;
    snprintf(json, sizeof json, top ? "{%s\"%s\":%s}" : "{\"%s\":{\"%s\":%s}}", top ? "" : parent,
             name, value);
    snprintf(path, sizeof path, "%s%s%s", top ? "" : parent, top ? "" : ".", name);
    if (is_faulty(json, path) == good) {
        fail_msg("%s: the operator finds that %s", json, good ? "faulty" : "good");
    }
}

static void assert_number(const char *parent, const char *name, long long number, bool good)
{
    char value[32];
    snprintf(value, sizeof value, "%lld", number);
    assert_value(parent, name, value, good);
}

static void compare_leaf(const char *parent, const char *name, const struct yaml_node *schema)
{
    const char *type = yaml_get_text(schema, "type");
    if (strcmp(type, "integer") == 0) {
        long long min = strtoll(yaml_get_text(schema, "minimum"), NULL, 10);
        long long max = strtoll(yaml_get_text(schema, "maximum"), NULL, 10);
        assert_number(parent, name, min, true);
        assert_number(parent, name, max, true);
        assert_number(parent, name, min - 1, false);
        assert_number(parent, name, max + 1, false);
    } else if (strcmp(type, "boolean") == 0) {
        assert_value(parent, name, "true", true);
        assert_value(parent, name, "1", false);
    } else {
        assert_string_equal(type, "string");
        assert_non_null(yaml_get(schema, "enum"));
        for (const struct yaml_item *i = yaml_get(schema, "enum")->items; i != NULL; i = i->next) {
            char value[64];
            snprintf(value, sizeof value, "\"%s\"", i->value->text);
            assert_value(parent, name, value, true);
        }
        assert_value(parent, name, "\"Other\"", false);
    }
}

static size_t compare_fields(const char *parent, const struct yaml_node *schema)
{
    size_t leaves = 0;
    const struct yaml_item *i = yaml_get(schema, "properties")->items;
    for (; i != NULL; i = i->next) {
        const char *type = yaml_get_text(i->value, "type");
        if (strcmp(type, "object") == 0) {
            assert_null(parent);
            leaves += compare_fields(i->key->text, i->value);
        } else if (strcmp(type, "array") != 0) {
            compare_leaf(parent, i->key->text, i->value);
            leaves++;
        }
    }
    return leaves;
}

static void fields_choices_and_limits(void **state)
{
    (void)state;
    struct yaml y = {0};
    const struct yaml_node *spec = at(object_schema(&y), "spec");
    assert_int_equal(compare_fields(NULL, at(spec, "sizeFrom")), 14);
    yaml_fini(&y);
}

/* ---- Sources ---- */

static bool schema_takes(const struct yaml_node *schema, const char *text)
{
    regex_t pattern;
    assert_int_equal(regcomp(&pattern, yaml_get_text(schema, "pattern"), REG_EXTENDED | REG_NOSUB),
                     0);
    size_t max = strtoul(yaml_get_text(schema, "maxLength"), NULL, 10);
    bool good =
        strlen(text) >= 1 && strlen(text) <= max && regexec(&pattern, text, 0, NULL, 0) == 0;
    regfree(&pattern);
    return good;
}

static bool operator_takes(const char *field, const char *text)
{
    char json[2048], path[64];
    bool api_version = strcmp(field, "apiVersion") == 0;
    bool kind = strcmp(field, "kind") == 0;
    snprintf(json, sizeof json,
             "{\"sources\":[{\"apiVersion\":\"%s\",\"kind\":\"%s\",\"name\":\"%s\"}]}",
             api_version ? text : "apps/v1", kind ? text : "Deployment",
             api_version || kind ? "web" : text);
    snprintf(path, sizeof path, "sources[0].%s", field);
    return !is_faulty(json, path);
}

static void names_of_sources(void **state)
{
    (void)state;
    char long_label[65], long_name[256];
    memset(long_label, 'a', sizeof long_label);
    memset(long_name, 'a', sizeof long_name);
    long_label[64] = long_name[254] = '\0';
    const char *const texts[] = {
        "web",
        "Web",
        "a",
        "A",
        "0",
        "0a",
        "a0",
        "a-b",
        "-a",
        "a-",
        "a.b",
        "a..b",
        ".a",
        "a.",
        "a_b",
        "a b",
        "a/b",
        "v1",
        "apps/v1",
        "apps/",
        "/v1",
        "/",
        "a/b/c",
        "a.b-c/v1",
        "a./v1",
        "apps/v1.2",
        "A/v1",
        "apps/V1",
        "%2e",
        "..",
        "a%",
        "a?b",
        "StatefulSet",
        "kéy",
        "a\\u000ab",
        long_name,
        long_name + 1,
        long_label,
        long_label + 1,
        "",
    };
    static const char *const fields[] = {"apiVersion", "kind", "name"};
    struct yaml y = {0};
    const struct yaml_node *sources = at(at(at(object_schema(&y), "spec"), "sizeFrom"), "sources");
    assert_int_equal(strtol(yaml_get_text(sources, "maxItems"), NULL, 10), SIZE_FROM_SOURCES_MAX);
    for (size_t f = 0; f < ARRAY_LEN(fields); f++) {
        const struct yaml_node *schema = at(yaml_get(sources, "items"), fields[f]);
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
            if (schema_takes(schema, texts[i]) != operator_takes(fields[f], texts[i])) {
                fail_msg("%s \"%s\": the operator finds that %s", fields[f], texts[i],
                         operator_takes(fields[f], texts[i]) ? "good" : "bad");
            }
        }
    }
    yaml_fini(&y);
}

static void the_status_has_room(void **state)
{
    (void)state;
    struct yaml y = {0};
    const struct yaml_node *sizing = at(at(object_schema(&y), "status"), "sizing");
    assert_int_equal(strtol(yaml_get_text(at(sizing, "holds"), "maxItems"), NULL, 10),
                     SIZE_WINDOW_PEAKS_MAX);
    assert_int_equal(strtol(yaml_get_text(at(sizing, "claimants"), "maxItems"), NULL, 10),
                     SIZING_CLAIMANTS_SHOWN_MAX);
    yaml_fini(&y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_choices_and_limits),
        cmocka_unit_test(names_of_sources),
        cmocka_unit_test(the_status_has_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Custom resources: judged by the table of their rules, and worded, as apiextensions does.
 */
#include "sim/api_validate_memcached.h"
#include "base/mem.h"
#include "base/time_text.h"
#include "sim/api_validate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 128 };

/* ---- Judging ---- */

static const char *type_of(yyjson_mut_val *v)
{
    switch (yyjson_mut_get_type(v)) {
    case YYJSON_TYPE_BOOL:
        return "boolean";
    case YYJSON_TYPE_NUM:
        return yyjson_mut_is_int(v) ||
                       yyjson_mut_get_real(v) == (double)(int64_t)yyjson_mut_get_real(v)
                   ? "integer"
                   : "number";
    case YYJSON_TYPE_STR:
        /* That server, built with a newer Go, takes an empty text for null. */
        return yyjson_mut_get_len(v) == 0 ? "null" : "string";
    case YYJSON_TYPE_ARR:
        return "array";
    case YYJSON_TYPE_OBJ:
        return "object";
    default:
        return "null";
    }
}

static void judge(struct field_errors *e, const char *path, const struct memcached_rule *rule,
                  yyjson_mut_val *v);

static void judge_text(struct field_errors *e, const char *path, const struct memcached_rule *rule,
                       const char *text)
{
    int64_t wall_us;
    if (rule->min_len > strlen(text)) {
        field_invalid_text(e, path, text, "%s in body should be at least %zu chars long", path,
                           rule->min_len);
    } else if (rule->max_len != 0 && rule->max_len < strlen(text)) {
        field_invalid_text(e, path, text, "%s in body should be at most %zu chars long", path,
                           rule->max_len);
    } else if (rule->matches != NULL && !rule->matches(text)) {
        field_invalid_text(e, path, text, "%s in body should match '%s'", path, rule->pattern);
    }
    if (rule->is_time && time_parse(text, strlen(text), &wall_us) != 0) {
        field_invalid_text(e, path, text, "%s in body must be of type date-time: \"%s\"", path,
                           text);
    }
    for (size_t i = 0; rule->one_of != NULL && strcmp(rule->one_of[i], text) != 0; i++) {
        if (rule->one_of[i + 1] == NULL) {
            field_unsupported(e, path, text, rule->one_of);
            break;
        }
    }
}

static void judge_integer(struct field_errors *e, const char *path,
                          const struct memcached_rule *rule, int64_t value)
{
    if (rule->has_min && value < rule->min) {
        field_invalid_int(e, path, value, "%s in body should be greater than or equal to %" PRId64,
                          path, rule->min);
    }
    if (rule->max != 0 && value > rule->max) {
        field_invalid_int(e, path, value, "%s in body should be less than or equal to %" PRId64,
                          path, rule->max);
    }
}

static void judge_members(struct field_errors *e, const char *path,
                          const struct memcached_rule *rule, yyjson_mut_val *object)
{
    for (const struct memcached_rule *r = rule->members; r != NULL && r->name != NULL; r++) {
        char below[PATH_BYTES];
        snprintf(below, sizeof below, "%s%s%s", path, path[0] != '\0' ? "." : "", r->name);
        yyjson_mut_val *v = yyjson_mut_obj_get(object, r->name);
        if (v != NULL) {
            judge(e, below, r, v);
        }
    }
    for (const struct memcached_rule *r = rule->members; r != NULL && r->name != NULL; r++) {
        if (r->required && yyjson_mut_obj_get(object, r->name) == NULL) {
            field_required(e, field_path("%s%s%s", path, path[0] != '\0' ? "." : "", r->name).text,
                           "");
        }
    }
}

static void judge_items(struct field_errors *e, const char *path, const struct memcached_rule *rule,
                        yyjson_mut_val *list)
{
    size_t i, max;
    yyjson_mut_val *item;
    if (rule->max_items != 0 && yyjson_mut_arr_size(list) > rule->max_items) {
        field_invalid_text(e, path, "", "%s in body should have at most %zu items", path,
                           rule->max_items);
    }
    yyjson_mut_arr_foreach(list, i, max, item)
    {
        judge(e, path, rule->items, item);
    }
}

static void judge(struct field_errors *e, const char *path, const struct memcached_rule *rule,
                  yyjson_mut_val *v)
{
    const char *type = type_of(v);
    if (strcmp(type, rule->type) != 0 && !(rule->nullable && strcmp(type, "null") == 0)) {
        field_invalid_text(e, path, type, "%s in body must be of type %s: \"%s\"", path, rule->type,
                           type);
        if (strcmp(type, "null") != 0) {
            return;
        }
    }
    if (yyjson_mut_is_str(v)) {
        judge_text(e, path, rule, yyjson_mut_get_str(v));
    } else if (yyjson_mut_is_int(v)) {
        judge_integer(e, path, rule, yyjson_mut_get_sint(v));
    } else if (yyjson_mut_is_obj(v)) {
        judge_members(e, path, rule, v);
    } else if (yyjson_mut_is_arr(v)) {
        judge_items(e, path, rule, v);
    }
}

/* ---- The scale subresource's paths ---- */

/* Go's %v and %T of a value. */
static void print_value(yyjson_mut_val *v, char *out, size_t bytes)
{
    char *json = yyjson_mut_val_write(v, 0, NULL);
    if (yyjson_mut_is_str(v)) {
        snprintf(out, bytes, "%s", yyjson_mut_get_str(v));
    } else if (yyjson_mut_is_real(v) &&
               yyjson_mut_get_real(v) == (double)(int64_t)yyjson_mut_get_real(v)) {
        snprintf(out, bytes, "%" PRId64, (int64_t)yyjson_mut_get_real(v));
    } else if (yyjson_mut_is_obj(v) && yyjson_mut_obj_size(v) == 0) {
        snprintf(out, bytes, "map[]");
    } else if (yyjson_mut_is_null(v)) {
        snprintf(out, bytes, "<nil>");
    } else {
        snprintf(out, bytes, "%s", json);
    }
    free(json);
}

static const char *go_type(yyjson_mut_val *v)
{
    switch (yyjson_mut_get_type(v)) {
    case YYJSON_TYPE_BOOL:
        return "bool";
    case YYJSON_TYPE_NUM:
        return yyjson_mut_is_int(v) ? "int64" : "float64";
    case YYJSON_TYPE_STR:
        return "string";
    case YYJSON_TYPE_ARR:
        return "[]interface {}";
    case YYJSON_TYPE_OBJ:
        return "map[string]interface {}";
    default:
        return "<nil>";
    }
}

/* The member of a member, or NULL; complains of what is of another type than @wanted. */
static yyjson_mut_val *scale_value(struct field_errors *e, yyjson_mut_val *object, const char *path,
                                   const char *wanted)
{
    const char *key = strchr(path + 1, '.') + 1;
    yyjson_mut_val *part = yyjson_mut_obj_getn(object, path + 1, (size_t)(key - path - 2));
    yyjson_mut_val *v = yyjson_mut_obj_get(part, key);
    bool bad_part = part != NULL && !yyjson_mut_is_null(part) && !yyjson_mut_is_obj(part);
    if (bad_part || (v != NULL && strcmp(go_type(v), wanted) != 0)) {
        char value[256];
        print_value(bad_part ? part : v, value, sizeof value);
        field_invalid(e, path, strcmp(wanted, "string") == 0 ? "\"\"" : "0",
                      "%s accessor error: %s is of the type %s, expected %s", path, value,
                      go_type(bad_part ? part : v), bad_part ? "map[string]interface{}" : wanted);
        return NULL;
    }
    return v;
}

static void judge_replicas(struct field_errors *e, yyjson_mut_val *object, const char *path)
{
    yyjson_mut_val *v = scale_value(e, object, path, "int64");
    int64_t replicas = v == NULL ? 0 : yyjson_mut_get_sint(v);
    if (replicas < 0) {
        field_invalid_int(e, path, replicas, "should be a non-negative integer");
    } else if (replicas > INT32_MAX) {
        field_invalid_int(e, path, replicas, "should be less than or equal to %d", INT32_MAX);
    }
}

void validate_custom(struct field_errors *e, const struct api_resource *resource,
                     yyjson_mut_val *object, bool with_spec_scale)
{
    e->distinct = true;
    judge_members(e, "", resource->is_memcached ? &memcached_rules : &fleet_rules, object);
    e->distinct = false;
    if (with_spec_scale) {
        judge_replicas(e, object, resource->is_memcached ? ".spec.size" : ".spec.replicas");
    }
    judge_replicas(e, object, ".status.replicas");
    scale_value(e, object, ".status.selector", "string");
}

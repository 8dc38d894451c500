/*
 * Is what is applied of its resource's type? Worded as structured-merge-diff does.
 */
#include "sim/api_item.h"

#include <stdarg.h>
#include <stdio.h>

struct check {
    char *error;
    size_t error_bytes;
};

/* Where we are; innermost last. */
struct path {
    const struct path *parent;
    const char *name;
};

static size_t path_text(const struct path *p, char *out, size_t bytes)
{
    if (p == NULL) {
        return 0;
    }
    size_t len = path_text(p->parent, out, bytes);
    if (len < bytes) {
        len += (size_t)snprintf(out + len, bytes - len, ".%s", p->name);
    }
    return len < bytes ? len : bytes - 1;
}

static bool complain(struct check *d, const struct path *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool complain(struct check *d, const struct path *path, const char *format, ...)
{
    size_t len = path_text(path, d->error, d->error_bytes);
    len += (size_t)snprintf(d->error + len, d->error_bytes - len, "%s", len > 0 ? ": " : "");
    if (len < d->error_bytes) {
        va_list args;
        va_start(args, format);
        vsnprintf(d->error + len, d->error_bytes - len, format, args);
        va_end(args);
    }
    return false;
}

static bool check_value(struct check *d, const struct schema *type, const struct path *path,
                        yyjson_mut_val *v);

static bool check_items(struct check *d, const struct schema *type, const struct path *path,
                        yyjson_mut_val *list)
{
    size_t i, count;
    yyjson_mut_val *item, room = {0};
    yyjson_mut_arr_foreach(list, i, count, item)
    {
        for (size_t k = 0; k < SCHEMA_KEYS_MAX && type->keys[k] != NULL; k++) {
            if (item_key(type, item, k, &room) == NULL) {
                return complain(d, path,
                                "element %zu: associative list with keys has an element that omits "
                                "key field \"%s\" (and doesn't have default value)",
                                i, type->keys[k]);
            }
        }
        if (schema_is_associative(type) && item_find(type, list, item) != item) {
            return complain(d, path, "duplicate entries for key");
        }
        if (!check_value(d, type->element, path, item)) {
            return false;
        }
    }
    return true;
}

static bool check_members(struct check *d, const struct schema *type, const struct path *path,
                          yyjson_mut_val *object)
{
    size_t i, count;
    yyjson_mut_val *key, *value;
    yyjson_mut_obj_foreach(object, i, count, key, value)
    {
        const char *name = yyjson_mut_get_str(key);
        const struct path here = {path, name};
        const struct schema *child = type->element;
        if (type->class == SCHEMA_STRUCT) {
            const struct schema_field *f = schema_find(type, name, yyjson_mut_get_len(key));
            if (f == NULL) {
                return complain(d, &here, "field not declared in schema");
            }
            child = f->type;
        }
        if (!check_value(d, child, &here, value)) {
            return false;
        }
    }
    return true;
}

static bool check_value(struct check *d, const struct schema *type, const struct path *path,
                        yyjson_mut_val *v)
{
    if (yyjson_mut_is_null(v)) {
        return true;
    }
    const char got[] = "got *value.valueUnstructured";
    switch (type->class) {
    case SCHEMA_STRING:
    case SCHEMA_TIME:
    case SCHEMA_MICRO_TIME:
        return yyjson_mut_is_str(v) || complain(d, path, "expected string, %s", got);
    case SCHEMA_INT32:
    case SCHEMA_INT64:
        return yyjson_mut_is_num(v) ||
               complain(d, path, "expected numeric (int or float), %s", got);
    case SCHEMA_BOOL:
        return yyjson_mut_is_bool(v) || complain(d, path, "expected boolean, %s", got);
    case SCHEMA_STRUCT:
    case SCHEMA_MAP:
        return yyjson_mut_is_obj(v) ? check_members(d, type, path, v)
                                    : complain(d, path, "expected map, %s", got);
    case SCHEMA_LIST:
        return yyjson_mut_is_arr(v) ? check_items(d, type, path, v)
                                    : complain(d, path, "expected list, %s", got);
    default:
        return true;
    }
}

bool schema_check(const struct schema *type, yyjson_mut_val *config, char *error,
                  size_t error_bytes)
{
    struct check d = {.error = error, .error_bytes = error_bytes};
    return check_value(&d, type, NULL, config);
}

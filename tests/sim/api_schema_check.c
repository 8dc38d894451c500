/*
 * Is what is applied of its resource's type? Worded as structured-merge-diff does.
 */
#include "sim/api_item.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ERRORS_BYTES_MAX = 16 << 10 };

/* Collects all that is wrong. */
struct check {
    struct buf text; /* a line each */
    size_t count;
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

static void complain(struct check *d, const struct path *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void complain(struct check *d, const struct path *path, const char *format, ...)
{
    char where[512], what[512];
    where[path_text(path, where, sizeof where)] = '\0';
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    buf_printf(&d->text, "%s%s%s%s", d->count++ > 0 ? "\n  " : "", where,
               where[0] != '\0' ? ": " : "", what);
}

static void check_value(struct check *d, const struct schema *type, const struct path *path,
                        yyjson_mut_val *v);

static void check_items(struct check *d, const struct schema *type, const struct path *path,
                        yyjson_mut_val *list)
{
    size_t i, count;
    yyjson_mut_val *item, room = {0};
    yyjson_mut_arr_foreach(list, i, count, item)
    {
        for (size_t k = 0; k < SCHEMA_KEYS_MAX && type->keys[k] != NULL; k++) {
            if (item_key(type, item, k, &room) == NULL) {
                complain(d, path,
                         "element %zu: associative list with keys has an element that omits key "
                         "field \"%s\" (and doesn't have default value)",
                         i, type->keys[k]);
            }
        }
        if (schema_is_associative(type) && item_find(type, list, item) != item) {
            complain(d, path, "duplicate entries for key");
        }
        check_value(d, type->element, path, item);
    }
}

static void check_members(struct check *d, const struct schema *type, const struct path *path,
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
                complain(d, &here, "field not declared in schema");
                continue;
            }
            child = f->type;
        }
        check_value(d, child, &here, value);
    }
}

/* What it should be, or NULL if it is that. */
static const char *wanted_type(enum schema_class class, yyjson_mut_val *v)
{
    switch (class) {
    case SCHEMA_STRING:
    case SCHEMA_TIME:
    case SCHEMA_MICRO_TIME:
        return yyjson_mut_is_str(v) ? NULL : "string";
    case SCHEMA_INT32:
    case SCHEMA_INT64:
        return yyjson_mut_is_num(v) ? NULL : "numeric (int or float)";
    case SCHEMA_BOOL:
        return yyjson_mut_is_bool(v) ? NULL : "boolean";
    case SCHEMA_STRUCT:
    case SCHEMA_MAP:
        return yyjson_mut_is_obj(v) ? NULL : "map";
    case SCHEMA_LIST:
        return yyjson_mut_is_arr(v) ? NULL : "list";
    default:
        return NULL;
    }
}

/* Some print what they got as Go's %#v, some its type, most as %v; containers are not printed like
 * that here. */
static void complain_of_type(struct check *d, const struct path *path, const char *wanted,
                             yyjson_mut_val *v)
{
    char *json = yyjson_mut_val_write(v, 0, NULL);
    if (strcmp(wanted, "string") == 0) {
        complain(d, path, "expected string, got &value.valueUnstructured{Value:%s}", json);
    } else if (wanted[0] == 'n') {
        complain(d, path, "expected %s, got *value.valueUnstructured", wanted);
    } else {
        complain(d, path, "expected %s, got &{%s}", wanted,
                 yyjson_mut_is_str(v) ? yyjson_mut_get_str(v) : json);
    }
    free(json);
}

static void check_value(struct check *d, const struct schema *type, const struct path *path,
                        yyjson_mut_val *v)
{
    if (yyjson_mut_is_null(v)) {
        return;
    }
    const char *wanted = wanted_type(type->class, v);
    if (wanted != NULL) {
        complain_of_type(d, path, wanted, v);
    } else if (type->class == SCHEMA_LIST) {
        check_items(d, type, path, v);
    } else if (type->class == SCHEMA_STRUCT || type->class == SCHEMA_MAP) {
        check_members(d, type, path, v);
    }
}

bool schema_check(const struct schema *type, yyjson_mut_val *config, char *error,
                  size_t error_bytes)
{
    struct check d = {0};
    buf_init(&d.text, ERRORS_BYTES_MAX);
    check_value(&d, type, NULL, config);
    if (d.count > 0) {
        snprintf(error, error_bytes, "%s%s", d.count > 1 ? "errors:\n  " : "", buf_text(&d.text));
    }
    buf_fini(&d.text);
    return d.count == 0;
}

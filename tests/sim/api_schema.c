#include "sim/api_schema.h"

#include "base/mem.h"
#include "base/time_text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct schema_field *schema_find(const struct schema *type, const char *name, size_t len)
{
    for (const struct schema_field *f = type->fields; f != NULL && f->name != NULL; f++) {
        if (f->name[0] == name[0] && strncmp(f->name, name, len) == 0 && f->name[len] == '\0') {
            return f;
        }
    }
    return NULL;
}

bool schema_is_associative(const struct schema *type)
{
    return type->class == SCHEMA_LIST && (type->set || type->keys[0] != NULL);
}

/* ---- Decoding ---- */

/* Where we are, for errors; innermost last. */
struct path {
    const struct path *parent;
    const char *name;
};

struct decoder {
    yyjson_mut_doc *doc;
    char *error;
    size_t error_bytes;
};

static size_t path_text(const struct path *p, char *out, size_t bytes)
{
    if (p == NULL) {
        return 0;
    }
    size_t len = path_text(p->parent, out, bytes);
    if (p->name != NULL && len < bytes) {
        len += (size_t)snprintf(out + len, bytes - len, ".%s", p->name);
    }
    return len < bytes ? len : bytes - 1;
}

static const char *json_kind(yyjson_mut_val *v)
{
    switch (yyjson_mut_get_type(v)) {
    case YYJSON_TYPE_NULL:
        return "null";
    case YYJSON_TYPE_BOOL:
        return "bool";
    case YYJSON_TYPE_NUM:
        return "number";
    case YYJSON_TYPE_STR:
        return "string";
    case YYJSON_TYPE_ARR:
        return "array";
    default:
        return "object";
    }
}

static bool wrong_type(struct decoder *d, const struct path *path, yyjson_mut_val *v,
                       const char *wanted)
{
    char where[256] = "";
    path_text(path, where, sizeof where);
    snprintf(d->error, d->error_bytes, "json: cannot unmarshal %s into field %s of type %s",
             json_kind(v), where, wanted);
    return false;
}

static bool decode_int(struct decoder *d, const struct path *path, yyjson_mut_val *v, int64_t min,
                       int64_t max)
{
    if (yyjson_mut_is_null(v)) {
        yyjson_mut_set_uint(v, 0);
        return true;
    }
    bool fits = yyjson_mut_is_uint(v) ? yyjson_mut_get_uint(v) <= (uint64_t)max
                                      : yyjson_mut_is_sint(v) && yyjson_mut_get_sint(v) >= min &&
                                            yyjson_mut_get_sint(v) <= max;
    return fits || wrong_type(d, path, v, max == INT32_MAX ? "int32" : "int64");
}

/* MicroTime wants exactly six digits: it is parsed by a layout, not as RFC 3339. */
static bool has_six_digits(const char *text, size_t len)
{
    const char *dot = memchr(text, '.', len);
    return dot != NULL && strspn(dot + 1, "0123456789") == 6;
}

static bool decode_time(struct decoder *d, const struct path *path, yyjson_mut_val *v,
                        enum time_precision precision)
{
    if (yyjson_mut_is_null(v)) {
        return true;
    }
    const char *text = yyjson_mut_get_str(v);
    size_t len = yyjson_mut_get_len(v);
    int64_t wall_us;
    if (text == NULL || (precision == TIME_MICROSECONDS && !has_six_digits(text, len)) ||
        time_parse(text, len, &wall_us) != 0) {
        return wrong_type(d, path, v, "time");
    }
    char normal[TIME_TEXT_BYTES];
    time_format(normal, wall_us, precision);
    if (strlen(normal) != len || memcmp(normal, text, len) != 0) {
        yyjson_mut_val *copy = yyjson_mut_strcpy(d->doc, normal);
        yyjson_mut_set_strn(v, yyjson_mut_get_str(copy), strlen(normal));
    }
    return true;
}

static bool decode_scalar(struct decoder *d, const struct schema *type, const struct path *path,
                          yyjson_mut_val *v)
{
    switch (type->class) {
    case SCHEMA_STRING:
        if (yyjson_mut_is_null(v)) {
            yyjson_mut_set_str(v, "");
        }
        return yyjson_mut_is_str(v) || wrong_type(d, path, v, "string");
    case SCHEMA_INT32:
        return decode_int(d, path, v, INT32_MIN, INT32_MAX);
    case SCHEMA_INT64:
        return decode_int(d, path, v, INT64_MIN, INT64_MAX);
    case SCHEMA_BOOL:
        if (yyjson_mut_is_null(v)) {
            yyjson_mut_set_bool(v, false);
        }
        return yyjson_mut_is_bool(v) || wrong_type(d, path, v, "bool");
    case SCHEMA_TIME:
        return decode_time(d, path, v, TIME_SECONDS);
    case SCHEMA_MICRO_TIME:
        return decode_time(d, path, v, TIME_MICROSECONDS);
    case SCHEMA_QUANTITY:
        return yyjson_mut_is_str(v) || yyjson_mut_is_num(v) || wrong_type(d, path, v, "Quantity");
    case SCHEMA_INT_OR_STRING:
        return yyjson_mut_is_str(v) || yyjson_mut_is_int(v) ||
               wrong_type(d, path, v, "IntOrString");
    default:
        return true;
    }
}

static bool is_zero(yyjson_mut_val *v)
{
    switch (yyjson_mut_get_type(v)) {
    case YYJSON_TYPE_NULL:
        return true;
    case YYJSON_TYPE_BOOL:
        return !yyjson_mut_get_bool(v);
    case YYJSON_TYPE_NUM:
        return yyjson_mut_is_int(v) && yyjson_mut_get_uint(v) == 0;
    case YYJSON_TYPE_STR:
        return yyjson_mut_get_len(v) == 0;
    default:
        return yyjson_mut_get_len(v) == 0;
    }
}

static bool decode_value(struct decoder *d, const struct schema *type, const struct path *path,
                         yyjson_mut_val *v);

/* What an always present field shows when nobody has set it. */
static yyjson_mut_val *zero_value(struct decoder *d, const struct schema *type)
{
    switch (type->class) {
    case SCHEMA_STRING:
        return yyjson_mut_str(d->doc, "");
    case SCHEMA_INT32:
    case SCHEMA_INT64:
        return yyjson_mut_uint(d->doc, 0);
    case SCHEMA_STRUCT: {
        if (type->atomic) {
            return yyjson_mut_null(d->doc); /* the one behind a pointer: a selector */
        }
        yyjson_mut_val *v = yyjson_mut_obj(d->doc);
        decode_value(d, type, NULL, v);
        return v;
    }
    default:
        return yyjson_mut_null(d->doc);
    }
}

static bool decode_field(struct decoder *d, const struct schema_field *f, const struct path *path,
                         yyjson_mut_val *v, bool *keep)
{
    bool null = yyjson_mut_is_null(v);
    if (null && f->presence == FIELD_ALWAYS) {
        yyjson_mut_val *zero = zero_value(d, f->type);
        *v = (yyjson_mut_val){.tag = zero->tag, .uni = zero->uni, .next = v->next};
        *keep = true;
        return true;
    }
    if (null) {
        *keep = f->presence == FIELD_NULLABLE;
        return true;
    }
    if (!decode_value(d, f->type, &(struct path){path, f->name}, v)) {
        return false;
    }
    *keep = f->presence != FIELD_UNLESS_ZERO || !is_zero(v);
    return true;
}

static bool decode_struct(struct decoder *d, const struct schema *type, const struct path *path,
                          yyjson_mut_val *object)
{
    uint64_t seen = 0; /* bit per field */
    yyjson_mut_obj_iter it = yyjson_mut_obj_iter_with(object);
    for (yyjson_mut_val *key; (key = yyjson_mut_obj_iter_next(&it)) != NULL;) {
        const struct schema_field *f =
            schema_find(type, yyjson_mut_get_str(key), yyjson_mut_get_len(key));
        bool keep = false;
        if (f != NULL) {
            seen |= UINT64_C(1) << (f - type->fields);
            if (!decode_field(d, f, path, yyjson_mut_obj_iter_get_val(key), &keep)) {
                return false;
            }
        }
        if (!keep) {
            yyjson_mut_obj_iter_remove(&it);
        }
    }
    for (const struct schema_field *f = type->fields; f->name != NULL; f++) {
        assert(f - type->fields < 64);
        if (f->presence == FIELD_ALWAYS && (seen >> (f - type->fields) & 1) == 0) {
            yyjson_mut_obj_add(object, yyjson_mut_str(d->doc, f->name), zero_value(d, f->type));
        }
    }
    return true;
}

static bool decode_map(struct decoder *d, const struct schema *type, const struct path *path,
                       yyjson_mut_val *map)
{
    size_t i, count;
    yyjson_mut_val *key, *value;
    yyjson_mut_obj_foreach(map, i, count, key, value)
    {
        if (!decode_value(d, type->element, &(struct path){path, yyjson_mut_get_str(key)}, value)) {
            return false;
        }
    }
    return true;
}

static bool decode_list(struct decoder *d, const struct schema *type, const struct path *path,
                        yyjson_mut_val *list)
{
    size_t i, count;
    yyjson_mut_val *item;
    yyjson_mut_arr_foreach(list, i, count, item)
    {
        if (yyjson_mut_is_null(item) && type->element->class == SCHEMA_STRUCT) {
            yyjson_mut_val *zero = zero_value(d, type->element);
            *item = (yyjson_mut_val){.tag = zero->tag, .uni = zero->uni, .next = item->next};
        } else if (!decode_value(d, type->element, path, item)) {
            return false;
        }
    }
    return true;
}

static bool decode_value(struct decoder *d, const struct schema *type, const struct path *path,
                         yyjson_mut_val *v)
{
    switch (type->class) {
    case SCHEMA_STRUCT:
        return yyjson_mut_is_obj(v) ? decode_struct(d, type, path, v)
                                    : wrong_type(d, path, v, "struct");
    case SCHEMA_MAP:
        return yyjson_mut_is_obj(v) ? decode_map(d, type, path, v) : wrong_type(d, path, v, "map");
    case SCHEMA_LIST:
        return yyjson_mut_is_arr(v) ? decode_list(d, type, path, v)
                                    : wrong_type(d, path, v, "slice");
    default:
        return decode_scalar(d, type, path, v);
    }
}

/* ---- Custom resources: unknown fields and nulls go, types are validation's business ---- */

static void prune(const struct schema *type, yyjson_mut_val *v);

static void prune_struct(const struct schema *type, yyjson_mut_val *object)
{
    yyjson_mut_obj_iter it = yyjson_mut_obj_iter_with(object);
    for (yyjson_mut_val *key; (key = yyjson_mut_obj_iter_next(&it)) != NULL;) {
        yyjson_mut_val *value = yyjson_mut_obj_iter_get_val(key);
        const struct schema_field *f =
            schema_find(type, yyjson_mut_get_str(key), yyjson_mut_get_len(key));
        if (f == NULL || (yyjson_mut_is_null(value) && f->presence != FIELD_NULLABLE)) {
            yyjson_mut_obj_iter_remove(&it);
        } else {
            prune(f->type, value);
        }
    }
}

static void prune(const struct schema *type, yyjson_mut_val *v)
{
    if (type->class == SCHEMA_STRUCT && yyjson_mut_is_obj(v)) {
        prune_struct(type, v);
    } else if (type->class == SCHEMA_LIST && yyjson_mut_is_arr(v)) {
        size_t i, count;
        yyjson_mut_val *item;
        yyjson_mut_arr_foreach(v, i, count, item)
        {
            prune(type->element, item);
        }
    }
}

static bool decode_custom(struct decoder *d, const struct schema *type, yyjson_mut_val *object)
{
    const struct schema *metadata = schema_find(type, "metadata", 8)->type;
    yyjson_mut_val *given = yyjson_mut_obj_get(object, "metadata");
    if (given != NULL && !yyjson_mut_is_null(given) &&
        !decode_value(d, metadata, &(struct path){NULL, "metadata"}, given)) {
        return false;
    }
    /* The creationTimestamp of an object that has none is not even null there. */
    if (given != NULL && yyjson_mut_is_null(yyjson_mut_obj_get(given, "creationTimestamp"))) {
        yyjson_mut_obj_remove_key(given, "creationTimestamp");
    }
    yyjson_mut_obj_iter it = yyjson_mut_obj_iter_with(object);
    for (yyjson_mut_val *key; (key = yyjson_mut_obj_iter_next(&it)) != NULL;) {
        yyjson_mut_val *value = yyjson_mut_obj_iter_get_val(key);
        const struct schema_field *f =
            schema_find(type, yyjson_mut_get_str(key), yyjson_mut_get_len(key));
        if (f == NULL || yyjson_mut_is_null(value)) {
            yyjson_mut_obj_iter_remove(&it);
        } else if (value != given) {
            prune(f->type, value);
        }
    }
    return true;
}

bool schema_decode(yyjson_mut_doc *doc, const struct schema *type, yyjson_mut_val *object,
                   bool lenient, char *error, size_t error_bytes)
{
    struct decoder d = {.doc = doc, .error = error, .error_bytes = error_bytes};
    return lenient ? decode_custom(&d, type, object) : decode_value(&d, type, NULL, object);
}

#include "sim/api_item.h"

#include "base/json_writer.h"

#include <stdlib.h>
#include <string.h>

/* ---- Lists whose items have an identity ---- */

yyjson_mut_val *item_key(const struct schema *type, yyjson_mut_val *item, size_t k,
                         yyjson_mut_val *room)
{
    yyjson_mut_val *value = yyjson_mut_obj_get(item, type->keys[k]);
    if (value == NULL && type->key_defaults[k] != NULL) {
        yyjson_mut_set_str(room, type->key_defaults[k]);
        value = room;
    }
    return value;
}

static bool has_keys(const struct schema *type, yyjson_mut_val *item)
{
    if (type->set) {
        return item != NULL && !yyjson_mut_is_ctn(item) && !yyjson_mut_is_null(item);
    }
    yyjson_mut_val room = {0};
    for (size_t k = 0; k < SCHEMA_KEYS_MAX && type->keys[k] != NULL; k++) {
        if (item_key(type, item, k, &room) == NULL) {
            return false;
        }
    }
    return true;
}

static bool is_same(const struct schema *type, yyjson_mut_val *a, yyjson_mut_val *b)
{
    if (type->set) {
        return yyjson_mut_equals(a, b);
    }
    yyjson_mut_val room_a = {0}, room_b = {0};
    for (size_t k = 0; k < SCHEMA_KEYS_MAX && type->keys[k] != NULL; k++) {
        if (!yyjson_mut_equals(item_key(type, a, k, &room_a), item_key(type, b, k, &room_b))) {
            return false;
        }
    }
    return true;
}

yyjson_mut_val *item_find(const struct schema *type, yyjson_mut_val *list, yyjson_mut_val *wanted)
{
    size_t i, max;
    yyjson_mut_val *item;
    yyjson_mut_arr_foreach(list, i, max, item)
    {
        if (is_same(type, item, wanted)) {
            return item;
        }
    }
    return NULL;
}

bool item_all_distinct(const struct schema *type, yyjson_mut_val *list)
{
    size_t i, max;
    yyjson_mut_val *item;
    yyjson_mut_arr_foreach(list, i, max, item)
    {
        if (!has_keys(type, item) || item_find(type, list, item) != item) {
            return false;
        }
    }
    return true;
}

static void append_value(struct buf *out, yyjson_mut_val *v)
{
    if (v == NULL) {
        buf_append_text(out, "null"); /* such an item is owned by nobody, but must not hurt */
    } else if (yyjson_mut_is_str(v)) {
        buf_append_char(out, '"');
        json_escape(out, yyjson_mut_get_str(v), yyjson_mut_get_len(v), true);
        buf_append_char(out, '"');
    } else {
        char *text = yyjson_mut_val_write(v, 0, NULL);
        buf_append_text(out, text);
        free(text);
    }
}

char item_element(const struct schema *type, yyjson_mut_val *item, struct buf *out)
{
    buf_cut(out, 0);
    if (type->set) {
        append_value(out, item);
        return 'v';
    }
    yyjson_mut_val room = {0};
    for (size_t k = 0; k < SCHEMA_KEYS_MAX && type->keys[k] != NULL; k++) {
        buf_printf(out, "%c\"%s\":", k > 0 ? ',' : '{', type->keys[k]);
        append_value(out, item_key(type, item, k, &room));
    }
    buf_append_char(out, '}');
    return 'k';
}

/* ---- Kinds of values ---- */

const struct schema *item_member_type(const struct schema *type, const char *name, size_t len)
{
    if (type->class == SCHEMA_ANY) {
        return type;
    }
    if (type->class == SCHEMA_MAP) {
        return type->element;
    }
    const struct schema_field *f = schema_find(type, name, len);
    return f == NULL ? NULL : f->type;
}

bool item_is_empty(yyjson_mut_val *v)
{
    return v == NULL || yyjson_mut_is_null(v) ||
           (yyjson_mut_is_ctn(v) && yyjson_mut_get_len(v) == 0);
}

static bool is_object(yyjson_mut_val *v)
{
    return item_is_empty(v) || yyjson_mut_is_obj(v);
}

enum item_shape item_shape(const struct schema *type, yyjson_mut_val *a, yyjson_mut_val *b)
{
    if (type->atomic || (item_is_empty(a) && item_is_empty(b))) {
        return ITEM_LEAF;
    }
    switch (type->class) {
    case SCHEMA_STRUCT:
    case SCHEMA_MAP:
    case SCHEMA_ANY:
        return is_object(a) && is_object(b) ? ITEM_OBJECT : ITEM_LEAF;
    case SCHEMA_LIST:
        return schema_is_associative(type) && (item_is_empty(a) || yyjson_mut_is_arr(a)) &&
                       (item_is_empty(b) || yyjson_mut_is_arr(b))
                   ? ITEM_LIST
                   : ITEM_LEAF;
    default:
        return ITEM_LEAF;
    }
}

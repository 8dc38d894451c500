/*
 * One object's fields as a set, and a set's fields of an object.
 */
#include "base/buf.h"
#include "sim/api_item.h"
#include "sim/api_merge.h"

#include <string.h>

/* ---- The fields of one ---- */

static yyjson_mut_val *fields_of(yyjson_mut_doc *doc, const struct schema *type, yyjson_mut_val *v,
                                 struct buf *element);

static yyjson_mut_val *fields_of_object(yyjson_mut_doc *doc, const struct schema *type,
                                        yyjson_mut_val *v, struct buf *element)
{
    yyjson_mut_val *out = NULL;
    size_t i, max;
    yyjson_mut_val *key, *value;
    yyjson_mut_obj_foreach(v, i, max, key, value)
    {
        const struct schema *below =
            item_member_type(type, yyjson_mut_get_str(key), yyjson_mut_get_len(key));
        yyjson_mut_val *node = below == NULL ? NULL : fields_of(doc, below, value, element);
        if (node != NULL) {
            fields_put(doc, &out, 'f', yyjson_mut_get_str(key), yyjson_mut_get_len(key), node);
        }
    }
    return out;
}

static yyjson_mut_val *fields_of_list(yyjson_mut_doc *doc, const struct schema *type,
                                      yyjson_mut_val *v, struct buf *element)
{
    yyjson_mut_val *out = NULL;
    size_t i, max;
    yyjson_mut_val *item;
    yyjson_mut_arr_foreach(v, i, max, item)
    {
        yyjson_mut_val *node = type->set ? NULL : fields_of(doc, type->element, item, element);
        fields_mark(doc, &node);
        char kind = item_element(type, item, element);
        if (fields_child(out, kind, element->data, element->len) == NULL) {
            fields_put(doc, &out, kind, element->data, element->len, node);
        }
    }
    return out;
}

static yyjson_mut_val *fields_of(yyjson_mut_doc *doc, const struct schema *type, yyjson_mut_val *v,
                                 struct buf *element)
{
    bool container = type->class == SCHEMA_STRUCT || type->class == SCHEMA_MAP ||
                     type->class == SCHEMA_LIST || yyjson_mut_is_ctn(v);
    if (container && !type->atomic && item_is_empty(v)) {
        return NULL;
    }
    switch (item_shape(type, v, NULL)) {
    case ITEM_OBJECT:
        return fields_of_object(doc, type, v, element);
    case ITEM_LIST:
        return fields_of_list(doc, type, v, element);
    default:
        return yyjson_mut_obj(doc);
    }
}

yyjson_mut_val *merge_fields(yyjson_mut_doc *doc, const struct schema *type, yyjson_mut_val *v)
{
    struct buf element;
    buf_init(&element, ITEM_BYTES_MAX);
    yyjson_mut_val *out = fields_of_object(doc, type, v, &element);
    buf_fini(&element);
    return out;
}

/* ---- Expanding ---- */

static bool expand_children(yyjson_mut_doc *doc, const struct schema *type, yyjson_mut_val *v,
                            yyjson_mut_val *set, struct buf *element);

static bool expand(yyjson_mut_doc *doc, const struct schema *type, yyjson_mut_val *v,
                   yyjson_mut_val *node, struct buf *element)
{
    if (item_shape(type, v, NULL) == ITEM_LEAF) {
        return false;
    }
    if (yyjson_mut_obj_size(node) > 0) {
        return expand_children(doc, type, v, node, element);
    }
    yyjson_mut_val *all = fields_of(doc, type, v, element);
    if (all == NULL) {
        return false;
    }
    fields_mark(doc, &all);
    node->tag = all->tag;
    node->uni = all->uni;
    return true;
}

static yyjson_mut_val *item_named(const struct schema *type, yyjson_mut_val *list,
                                  yyjson_mut_val *key, struct buf *element)
{
    size_t i, max;
    yyjson_mut_val *item;
    yyjson_mut_arr_foreach(list, i, max, item)
    {
        item_element(type, item, element);
        if (element->len + 2 == yyjson_mut_get_len(key) &&
            memcmp(element->data, yyjson_mut_get_str(key) + 2, element->len) == 0) {
            return item;
        }
    }
    return NULL;
}

static bool expand_children(yyjson_mut_doc *doc, const struct schema *type, yyjson_mut_val *v,
                            yyjson_mut_val *set, struct buf *element)
{
    bool expanded = false;
    size_t i, max;
    yyjson_mut_val *key, *node;
    yyjson_mut_obj_foreach(set, i, max, key, node)
    {
        const char *text = yyjson_mut_get_str(key);
        size_t len = yyjson_mut_get_len(key);
        if (len < 2) {
            continue; /* "." */
        }
        bool list = type->class == SCHEMA_LIST;
        const struct schema *below =
            list ? type->element : item_member_type(type, text + 2, len - 2);
        yyjson_mut_val *part =
            list ? item_named(type, v, key, element) : yyjson_mut_obj_getn(v, text + 2, len - 2);
        if (below != NULL && part != NULL) {
            expanded |= expand(doc, below, part, node, element);
        }
    }
    return expanded;
}

bool merge_expand(yyjson_mut_doc *doc, const struct schema *type, yyjson_mut_val *v,
                  yyjson_mut_val *set)
{
    struct buf element;
    buf_init(&element, ITEM_BYTES_MAX);
    bool expanded = expand_children(doc, type, v, set, &element);
    buf_fini(&element);
    return expanded;
}

/* ---- Removing ---- */

static void remove_below(yyjson_mut_doc *doc, const struct schema *type, yyjson_mut_val *v,
                         yyjson_mut_val *set, struct buf *element);

static void remove_members(yyjson_mut_doc *doc, const struct schema *type, yyjson_mut_val *v,
                           yyjson_mut_val *set, struct buf *element)
{
    yyjson_mut_obj_iter it = yyjson_mut_obj_iter_with(v);
    for (yyjson_mut_val *key; (key = yyjson_mut_obj_iter_next(&it)) != NULL;) {
        yyjson_mut_val *node =
            fields_child(set, 'f', yyjson_mut_get_str(key), yyjson_mut_get_len(key));
        const struct schema *below =
            item_member_type(type, yyjson_mut_get_str(key), yyjson_mut_get_len(key));
        if (fields_is_member(node)) {
            yyjson_mut_obj_iter_remove(&it);
        } else if (node != NULL && below != NULL) {
            remove_below(doc, below, yyjson_mut_obj_iter_get_val(key), node, element);
        }
    }
}

/* The list is made anew: yyjson 0.10's iterator passes over the item behind a removed one. */
static void remove_items(yyjson_mut_doc *doc, const struct schema *type, yyjson_mut_val *v,
                         yyjson_mut_val *set, struct buf *element)
{
    size_t count = yyjson_mut_arr_size(v);
    yyjson_mut_val *item = yyjson_mut_arr_get_first(v), *next;
    yyjson_mut_arr_clear(v);
    for (size_t i = 0; i < count; i++, item = next) {
        next = item->next;
        char kind = item_element(type, item, element);
        yyjson_mut_val *node = fields_child(set, kind, element->data, element->len);
        if (fields_is_member(node)) {
            continue;
        }
        if (node != NULL) {
            remove_below(doc, type->element, item, node, element);
        }
        yyjson_mut_arr_append(v, item);
    }
}

static void remove_below(yyjson_mut_doc *doc, const struct schema *type, yyjson_mut_val *v,
                         yyjson_mut_val *set, struct buf *element)
{
    switch (item_shape(type, v, NULL)) {
    case ITEM_OBJECT:
        remove_members(doc, type, v, set, element);
        break;
    case ITEM_LIST:
        remove_items(doc, type, v, set, element);
        break;
    default:
        return;
    }
    if (yyjson_mut_get_len(v) == 0) {
        yyjson_mut_set_null(v);
    }
}

void merge_remove(yyjson_mut_doc *doc, const struct schema *type, yyjson_mut_val *object,
                  yyjson_mut_val *set)
{
    struct buf element;
    buf_init(&element, ITEM_BYTES_MAX);
    remove_members(doc, type, object, set, &element);
    buf_fini(&element);
}

#include "sim/api_merge.h"

#include "base/json_writer.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES_MAX = 1 << 20 };

/* ---- Lists whose items have an identity ---- */

static bool has_keys(const struct schema *type, yyjson_mut_val *item)
{
    if (type->set) {
        return item != NULL && !yyjson_mut_is_ctn(item) && !yyjson_mut_is_null(item);
    }
    for (size_t k = 0; k < SCHEMA_KEYS_MAX && type->keys[k] != NULL; k++) {
        if (yyjson_mut_obj_get(item, type->keys[k]) == NULL) {
            return false;
        }
    }
    return true;
}

static bool is_same_item(const struct schema *type, yyjson_mut_val *a, yyjson_mut_val *b)
{
    if (type->set) {
        return yyjson_mut_equals(a, b);
    }
    for (size_t k = 0; k < SCHEMA_KEYS_MAX && type->keys[k] != NULL; k++) {
        if (!yyjson_mut_equals(yyjson_mut_obj_get(a, type->keys[k]),
                               yyjson_mut_obj_get(b, type->keys[k]))) {
            return false;
        }
    }
    return true;
}

static yyjson_mut_val *find_item(const struct schema *type, yyjson_mut_val *list,
                                 yyjson_mut_val *wanted)
{
    size_t i, max;
    yyjson_mut_val *item;
    yyjson_mut_arr_foreach(list, i, max, item)
    {
        if (is_same_item(type, item, wanted)) {
            return item;
        }
    }
    return NULL;
}

static bool items_are_distinct(const struct schema *type, yyjson_mut_val *list)
{
    size_t i, max;
    yyjson_mut_val *item;
    yyjson_mut_arr_foreach(list, i, max, item)
    {
        if (!has_keys(type, item) || find_item(type, list, item) != item) {
            return false;
        }
    }
    return true;
}

/* The item's path element: `{"containerPort":80,"protocol":"TCP"}`, or its value. */
static char item_element(const struct schema *type, yyjson_mut_val *item, struct buf *out)
{
    buf_cut(out, 0);
    if (!type->set) {
        buf_append_char(out, '{');
    }
    for (size_t k = 0; k < SCHEMA_KEYS_MAX && (type->set ? k == 0 : type->keys[k] != NULL); k++) {
        yyjson_mut_val *v = type->set ? item : yyjson_mut_obj_get(item, type->keys[k]);
        if (!type->set) {
            buf_printf(out, "%s\"%s\":", k > 0 ? "," : "", type->keys[k]);
        }
        if (yyjson_mut_is_str(v)) {
            buf_append_char(out, '"');
            json_escape(out, yyjson_mut_get_str(v), yyjson_mut_get_len(v), true);
            buf_append_char(out, '"');
        } else {
            char *text = yyjson_mut_val_write(v, 0, NULL);
            buf_append_text(out, text);
            free(text);
        }
    }
    if (!type->set) {
        buf_append_char(out, '}');
    }
    return type->set ? 'v' : 'k';
}

/* ---- Kinds of values ---- */

/* The type below a member, or NULL for one that the schema does not have. */
static const struct schema *member_type_named(const struct schema *type, const char *name,
                                              size_t len)
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

static const struct schema *member_type(const struct schema *type, yyjson_mut_val *key)
{
    return member_type_named(type, yyjson_mut_get_str(key), yyjson_mut_get_len(key));
}

static bool is_empty(yyjson_mut_val *v)
{
    return v == NULL || yyjson_mut_is_null(v) ||
           (yyjson_mut_is_ctn(v) && yyjson_mut_get_len(v) == 0);
}

static bool is_object(yyjson_mut_val *v)
{
    return is_empty(v) || yyjson_mut_is_obj(v);
}

enum shape { SHAPE_LEAF, SHAPE_OBJECT, SHAPE_LIST };

/* How to look at @a and @b (at most one is NULL): as a whole, by members, or by items. */
static enum shape shape_of(const struct schema *type, yyjson_mut_val *a, yyjson_mut_val *b)
{
    if (type->atomic || (is_empty(a) && is_empty(b))) {
        return SHAPE_LEAF;
    }
    switch (type->class) {
    case SCHEMA_STRUCT:
    case SCHEMA_MAP:
    case SCHEMA_ANY:
        return is_object(a) && is_object(b) ? SHAPE_OBJECT : SHAPE_LEAF;
    case SCHEMA_LIST:
        return schema_is_associative(type) && (is_empty(a) || yyjson_mut_is_arr(a)) &&
                       (is_empty(b) || yyjson_mut_is_arr(b))
                   ? SHAPE_LIST
                   : SHAPE_LEAF;
    default:
        return SHAPE_LEAF;
    }
}

/* ---- Comparing ---- */

struct comparison {
    yyjson_mut_doc *doc;
    struct buf element;
    bool valid;
};

bool merge_is_same(const struct merge_diff *d)
{
    return d->added == NULL && d->modified == NULL && d->removed == NULL;
}

static void compare(struct comparison *c, const struct schema *type, yyjson_mut_val *a,
                    yyjson_mut_val *b, struct merge_diff *out);

static void put_diff(struct comparison *c, char kind, const char *text, size_t len,
                     const struct merge_diff *below, struct merge_diff *out)
{
    if (below->added != NULL) {
        fields_put(c->doc, &out->added, kind, text, len, below->added);
    }
    if (below->modified != NULL) {
        fields_put(c->doc, &out->modified, kind, text, len, below->modified);
    }
    if (below->removed != NULL) {
        fields_put(c->doc, &out->removed, kind, text, len, below->removed);
    }
}

static void compare_member(struct comparison *c, const struct schema *type, yyjson_mut_val *key,
                           yyjson_mut_val *a, yyjson_mut_val *b, struct merge_diff *out)
{
    const struct schema *below = member_type(type, key);
    struct merge_diff diff = {0};
    if (below != NULL) {
        compare(c, below, a, b, &diff);
        put_diff(c, 'f', yyjson_mut_get_str(key), yyjson_mut_get_len(key), &diff, out);
    }
}

static yyjson_mut_val *member(yyjson_mut_val *object, yyjson_mut_val *key)
{
    return yyjson_mut_obj_getn(object, yyjson_mut_get_str(key), yyjson_mut_get_len(key));
}

static void compare_objects(struct comparison *c, const struct schema *type, yyjson_mut_val *a,
                            yyjson_mut_val *b, struct merge_diff *out)
{
    size_t i, max;
    yyjson_mut_val *key, *value;
    yyjson_mut_obj_foreach(a, i, max, key, value)
    {
        compare_member(c, type, key, value, member(b, key), out);
    }
    yyjson_mut_obj_foreach(b, i, max, key, value)
    {
        if (member(a, key) == NULL) {
            compare_member(c, type, key, NULL, value, out);
        }
    }
}

static void compare_item(struct comparison *c, const struct schema *type, yyjson_mut_val *a,
                         yyjson_mut_val *b, struct merge_diff *out)
{
    struct merge_diff diff = {0};
    compare(c, type->element, a, b, &diff);
    if (!merge_is_same(&diff)) {
        char kind = item_element(type, a != NULL ? a : b, &c->element);
        put_diff(c, kind, c->element.data, c->element.len, &diff, out);
    }
}

static void compare_lists(struct comparison *c, const struct schema *type, yyjson_mut_val *a,
                          yyjson_mut_val *b, struct merge_diff *out)
{
    if (!items_are_distinct(type, a) || !items_are_distinct(type, b)) {
        c->valid = false;
        return;
    }
    size_t i, max;
    yyjson_mut_val *item;
    yyjson_mut_arr_foreach(a, i, max, item)
    {
        compare_item(c, type, item, find_item(type, b, item), out);
    }
    yyjson_mut_arr_foreach(b, i, max, item)
    {
        if (find_item(type, a, item) == NULL) {
            compare_item(c, type, NULL, item, out);
        }
    }
}

static void compare(struct comparison *c, const struct schema *type, yyjson_mut_val *a,
                    yyjson_mut_val *b, struct merge_diff *out)
{
    enum shape shape = shape_of(type, a, b);
    if (shape == SHAPE_LEAF && a != NULL && b != NULL && !yyjson_mut_equals(a, b)) {
        fields_mark(c->doc, &out->modified);
    } else if (shape == SHAPE_OBJECT) {
        compare_objects(c, type, a, b, out);
    } else if (shape == SHAPE_LIST) {
        compare_lists(c, type, a, b, out);
    }
    if (a == NULL) {
        fields_mark(c->doc, &out->added);
    }
    if (b == NULL) {
        fields_mark(c->doc, &out->removed);
    }
}

bool merge_compare(yyjson_mut_doc *doc, const struct schema *type, yyjson_mut_val *a,
                   yyjson_mut_val *b, struct merge_diff *out)
{
    struct comparison c = {.doc = doc, .valid = true};
    buf_init(&c.element, KEY_BYTES_MAX);
    *out = (struct merge_diff){0};
    compare_objects(&c, type, a, b, out);
    buf_fini(&c.element);
    return c.valid;
}

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
        const struct schema *below = member_type(type, key);
        yyjson_mut_val *node = below == NULL ? NULL : fields_of(doc, below, value, element);
        if (type->class == SCHEMA_MAP) {
            fields_mark(doc, &node);
        }
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
    if (container && !type->atomic && is_empty(v)) {
        return NULL;
    }
    switch (shape_of(type, v, NULL)) {
    case SHAPE_OBJECT:
        return fields_of_object(doc, type, v, element);
    case SHAPE_LIST:
        return fields_of_list(doc, type, v, element);
    default:
        return yyjson_mut_obj(doc);
    }
}

yyjson_mut_val *merge_fields(yyjson_mut_doc *doc, const struct schema *type, yyjson_mut_val *v)
{
    struct buf element;
    buf_init(&element, KEY_BYTES_MAX);
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
    if (shape_of(type, v, NULL) == SHAPE_LEAF) {
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
            list ? type->element : member_type_named(type, text + 2, len - 2);
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
    buf_init(&element, KEY_BYTES_MAX);
    bool expanded = expand_children(doc, type, v, set, &element);
    buf_fini(&element);
    return expanded;
}

/* ---- Applying ---- */

static void replace(yyjson_mut_doc *doc, yyjson_mut_val *v, yyjson_mut_val *by)
{
    yyjson_mut_val *copy = yyjson_mut_val_mut_copy(doc, by);
    v->tag = copy->tag;
    v->uni = copy->uni;
}

static void apply(yyjson_mut_doc *doc, const struct schema *type, yyjson_mut_val *v,
                  yyjson_mut_val *config);

static void apply_object(yyjson_mut_doc *doc, const struct schema *type, yyjson_mut_val *v,
                         yyjson_mut_val *config)
{
    size_t i, max;
    yyjson_mut_val *key, *value;
    yyjson_mut_obj_foreach(config, i, max, key, value)
    {
        yyjson_mut_val *ours = member(v, key);
        const struct schema *below = member_type(type, key);
        if (ours == NULL) {
            yyjson_mut_obj_add(v, yyjson_mut_val_mut_copy(doc, key),
                               yyjson_mut_val_mut_copy(doc, value));
        } else if (below != NULL) {
            apply(doc, below, ours, value);
        }
    }
}

/* Ours stay in their order, new ones come behind. */
static void apply_list(yyjson_mut_doc *doc, const struct schema *type, yyjson_mut_val *v,
                       yyjson_mut_val *config)
{
    size_t i, max;
    yyjson_mut_val *item;
    yyjson_mut_arr_foreach(config, i, max, item)
    {
        yyjson_mut_val *ours = find_item(type, v, item);
        if (ours == NULL) {
            yyjson_mut_arr_append(v, yyjson_mut_val_mut_copy(doc, item));
        } else {
            apply(doc, type->element, ours, item);
        }
    }
}

static void apply(yyjson_mut_doc *doc, const struct schema *type, yyjson_mut_val *v,
                  yyjson_mut_val *config)
{
    enum shape shape = shape_of(type, v, config);
    if (shape == SHAPE_LEAF || yyjson_mut_is_null(v)) {
        replace(doc, v, config);
    } else if (shape == SHAPE_OBJECT) {
        apply_object(doc, type, v, config);
    } else {
        apply_list(doc, type, v, config);
    }
}

void merge_apply(yyjson_mut_doc *doc, const struct schema *type, yyjson_mut_val *object,
                 yyjson_mut_val *config)
{
    apply_object(doc, type, object, config);
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
        const struct schema *below = member_type(type, key);
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
    switch (shape_of(type, v, NULL)) {
    case SHAPE_OBJECT:
        remove_members(doc, type, v, set, element);
        break;
    case SHAPE_LIST:
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
    buf_init(&element, KEY_BYTES_MAX);
    remove_members(doc, type, object, set, &element);
    buf_fini(&element);
}

/* ---- RFC 7386 ---- */

/* What a patch becomes where there was nothing: itself, without its nulls. */
static yyjson_mut_val *without_nulls(yyjson_mut_doc *doc, yyjson_val *patch)
{
    if (!yyjson_is_obj(patch)) {
        return yyjson_val_mut_copy(doc, patch);
    }
    yyjson_mut_val *out = yyjson_mut_obj(doc);
    size_t i, max;
    yyjson_val *key, *value;
    yyjson_obj_foreach(patch, i, max, key, value)
    {
        if (!yyjson_is_null(value)) {
            yyjson_mut_obj_add(out, yyjson_val_mut_copy(doc, key), without_nulls(doc, value));
        }
    }
    return out;
}

static void patch_member(yyjson_mut_doc *doc, yyjson_mut_val *object, yyjson_val *key,
                         yyjson_val *value)
{
    const char *name = yyjson_get_str(key);
    size_t len = yyjson_get_len(key);
    if (yyjson_is_null(value)) {
        yyjson_mut_obj_remove_keyn(object, name, len);
        return;
    }
    yyjson_mut_val *ours = yyjson_mut_obj_getn(object, name, len);
    if (ours == NULL) {
        yyjson_mut_obj_add(object, yyjson_val_mut_copy(doc, key), without_nulls(doc, value));
        return;
    }
    yyjson_mut_val *patched = merge_patch(doc, ours, value);
    if (patched != ours) {
        ours->tag = patched->tag;
        ours->uni = patched->uni;
    }
}

yyjson_mut_val *merge_patch(yyjson_mut_doc *doc, yyjson_mut_val *object, yyjson_val *patch)
{
    if (!yyjson_is_obj(patch) || !yyjson_mut_is_obj(object)) {
        return without_nulls(doc, patch);
    }
    size_t i, max;
    yyjson_val *key, *value;
    yyjson_obj_foreach(patch, i, max, key, value)
    {
        patch_member(doc, object, key, value);
    }
    return object;
}

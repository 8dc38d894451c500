#include "sim/api_merge.h"

#include "sim/api_item.h"

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
    const struct schema *below =
        item_member_type(type, yyjson_mut_get_str(key), yyjson_mut_get_len(key));
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
    if (!item_all_distinct(type, a) || !item_all_distinct(type, b)) {
        c->valid = false;
        return;
    }
    size_t i, max;
    yyjson_mut_val *item;
    yyjson_mut_arr_foreach(a, i, max, item)
    {
        compare_item(c, type, item, item_find(type, b, item), out);
    }
    yyjson_mut_arr_foreach(b, i, max, item)
    {
        if (item_find(type, a, item) == NULL) {
            compare_item(c, type, NULL, item, out);
        }
    }
}

static void compare(struct comparison *c, const struct schema *type, yyjson_mut_val *a,
                    yyjson_mut_val *b, struct merge_diff *out)
{
    enum item_shape shape = item_shape(type, a, b);
    if (shape == ITEM_LEAF && a != NULL && b != NULL && !yyjson_mut_equals(a, b)) {
        fields_mark(c->doc, &out->modified);
    } else if (shape == ITEM_OBJECT) {
        compare_objects(c, type, a, b, out);
    } else if (shape == ITEM_LIST) {
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
    buf_init(&c.element, ITEM_BYTES_MAX);
    *out = (struct merge_diff){0};
    compare_objects(&c, type, a, b, out);
    buf_fini(&c.element);
    return c.valid;
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
        const struct schema *below =
            item_member_type(type, yyjson_mut_get_str(key), yyjson_mut_get_len(key));
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
        yyjson_mut_val *ours = item_find(type, v, item);
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
    enum item_shape shape = item_shape(type, v, config);
    if (shape == ITEM_LEAF || yyjson_mut_is_null(v)) {
        replace(doc, v, config);
    } else if (shape == ITEM_OBJECT) {
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

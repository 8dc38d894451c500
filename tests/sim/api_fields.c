#include "sim/api_fields.h"

#include "base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES_MAX = 64 << 10, KEY_BYTES_USUAL = 256 };

static size_t size_of(yyjson_mut_val *node)
{
    return yyjson_mut_obj_size(node);
}

static yyjson_mut_val *dot_of(yyjson_mut_val *node)
{
    return yyjson_mut_obj_getn(node, ".", 1);
}

bool fields_is_member(yyjson_mut_val *node)
{
    return node != NULL && (size_of(node) == 0 || dot_of(node) != NULL);
}

static yyjson_mut_val *key_of(yyjson_mut_doc *doc, char kind, const char *text, size_t len)
{
    char usual[KEY_BYTES_USUAL];
    char *key = len + 2 <= sizeof usual ? usual : mem_alloc(len + 2);
    key[0] = kind;
    key[1] = ':';
    memcpy(key + 2, text, len);
    yyjson_mut_val *v = yyjson_mut_strncpy(doc, key, len + 2);
    if (key != usual) {
        mem_free(key);
    }
    return v;
}

static int compare_keys(yyjson_mut_val *a, yyjson_mut_val *b)
{
    size_t a_len = yyjson_mut_get_len(a), b_len = yyjson_mut_get_len(b);
    int order = memcmp(yyjson_mut_get_str(a), yyjson_mut_get_str(b), a_len < b_len ? a_len : b_len);
    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

/* Most come in order: the last one is looked at first. */
static void insert(yyjson_mut_val *parent, yyjson_mut_val *key, yyjson_mut_val *node)
{
    size_t count = size_of(parent);
    yyjson_mut_val *last = parent->uni.ptr;
    if (count == 0 || compare_keys(last, key) < 0) {
        yyjson_mut_obj_add(parent, key, node);
        return;
    }
    size_t i, max, at = 0;
    yyjson_mut_val *k, *v;
    yyjson_mut_obj_foreach(parent, i, max, k, v)
    {
        (void)v;
        if (compare_keys(k, key) > 0) {
            break;
        }
        at = i + 1;
    }
    yyjson_mut_obj_insert(parent, key, node, at);
}

void fields_put(yyjson_mut_doc *doc, yyjson_mut_val **parent, char kind, const char *text,
                size_t len, yyjson_mut_val *node)
{
    if (*parent == NULL) {
        *parent = yyjson_mut_obj(doc);
    }
    insert(*parent, key_of(doc, kind, text, len), node);
}

void fields_mark(yyjson_mut_doc *doc, yyjson_mut_val **node)
{
    if (*node == NULL) {
        *node = yyjson_mut_obj(doc);
    } else if (!fields_is_member(*node)) {
        insert(*node, yyjson_mut_strn(doc, ".", 1), yyjson_mut_obj(doc));
    }
}

static yyjson_mut_val *child_by(yyjson_mut_val *set, yyjson_mut_val *key)
{
    return yyjson_mut_obj_getn(set, yyjson_mut_get_str(key), yyjson_mut_get_len(key));
}

yyjson_mut_val *fields_child(yyjson_mut_val *set, char kind, const char *text, size_t len)
{
    char usual[KEY_BYTES_USUAL];
    if (set == NULL) {
        return NULL;
    }
    char *key = len + 2 <= sizeof usual ? usual : mem_alloc(len + 2);
    key[0] = kind;
    key[1] = ':';
    memcpy(key + 2, text, len);
    yyjson_mut_val *v = yyjson_mut_obj_getn(set, key, len + 2);
    if (key != usual) {
        mem_free(key);
    }
    return v;
}

static bool is_dot(yyjson_mut_val *key)
{
    return yyjson_mut_equals_strn(key, ".", 1);
}

/* Returns whether something is left of @a. */
static bool subtract_node(yyjson_mut_val *a, yyjson_mut_val *b);

static void subtract_children(yyjson_mut_val *a, yyjson_mut_val *b)
{
    size_t i, max;
    yyjson_mut_val *key, *theirs;
    yyjson_mut_obj_foreach(b, i, max, key, theirs)
    {
        yyjson_mut_val *ours = is_dot(key) ? NULL : child_by(a, key);
        if (ours != NULL && !subtract_node(ours, theirs)) {
            yyjson_mut_obj_remove_keyn(a, yyjson_mut_get_str(key), yyjson_mut_get_len(key));
        }
    }
}

static bool subtract_node(yyjson_mut_val *a, yyjson_mut_val *b)
{
    bool member = fields_is_member(a) && !fields_is_member(b);
    subtract_children(a, b);
    bool children = size_of(a) > (dot_of(a) != NULL);
    if (!member || !children) {
        yyjson_mut_obj_remove_keyn(a, ".", 1); /* a member without children is an empty node */
    }
    return member || children;
}

void fields_subtract(yyjson_mut_val **a, yyjson_mut_val *b)
{
    if (*a == NULL || b == NULL) {
        return;
    }
    subtract_children(*a, b);
    if (size_of(*a) == 0) {
        *a = NULL;
    }
}

static void unite_node(yyjson_mut_doc *doc, yyjson_mut_val *a, yyjson_mut_val *b)
{
    bool member = fields_is_member(a) || fields_is_member(b);
    size_t i, max;
    yyjson_mut_val *key, *theirs;
    yyjson_mut_obj_foreach(b, i, max, key, theirs)
    {
        yyjson_mut_val *ours = child_by(a, key);
        if (is_dot(key)) {
            continue;
        }
        if (ours == NULL) {
            insert(a, yyjson_mut_val_mut_copy(doc, key), yyjson_mut_val_mut_copy(doc, theirs));
        } else {
            unite_node(doc, ours, theirs);
        }
    }
    if (member && size_of(a) > 0 && dot_of(a) == NULL) {
        insert(a, yyjson_mut_strn(doc, ".", 1), yyjson_mut_obj(doc));
    }
}

void fields_unite(yyjson_mut_doc *doc, yyjson_mut_val **a, yyjson_mut_val *b)
{
    if (b == NULL || size_of(b) == 0) {
        return;
    }
    if (*a == NULL || size_of(*a) == 0) {
        *a = yyjson_mut_val_mut_copy(doc, b);
        return;
    }
    size_t i, max;
    yyjson_mut_val *key, *theirs;
    yyjson_mut_obj_foreach(b, i, max, key, theirs)
    {
        yyjson_mut_val *ours = child_by(*a, key);
        if (ours == NULL) {
            insert(*a, yyjson_mut_val_mut_copy(doc, key), yyjson_mut_val_mut_copy(doc, theirs));
        } else {
            unite_node(doc, ours, theirs);
        }
    }
}

/* @root: the set as such, which is no member. */
static yyjson_mut_val *common_node(yyjson_mut_doc *doc, yyjson_mut_val *a, yyjson_mut_val *b,
                                   bool root)
{
    yyjson_mut_val *out = NULL;
    size_t i, max;
    yyjson_mut_val *key, *theirs;
    yyjson_mut_obj_foreach(b, i, max, key, theirs)
    {
        yyjson_mut_val *ours = is_dot(key) ? NULL : child_by(a, key);
        yyjson_mut_val *both = ours == NULL ? NULL : common_node(doc, ours, theirs, false);
        if (both != NULL) {
            out = out == NULL ? yyjson_mut_obj(doc) : out;
            insert(out, yyjson_mut_val_mut_copy(doc, key), both);
        }
    }
    if (!root && fields_is_member(a) && fields_is_member(b)) {
        fields_mark(doc, &out);
    }
    return out;
}

yyjson_mut_val *fields_common(yyjson_mut_doc *doc, yyjson_mut_val *a, yyjson_mut_val *b)
{
    return a == NULL || b == NULL ? NULL : common_node(doc, a, b, true);
}

static bool cover_node(yyjson_mut_val *a, yyjson_mut_val *b, bool root)
{
    if (!root && fields_is_member(b) && !fields_is_member(a)) {
        return false;
    }
    size_t i, max;
    yyjson_mut_val *key, *theirs;
    yyjson_mut_obj_foreach(b, i, max, key, theirs)
    {
        yyjson_mut_val *ours = is_dot(key) ? theirs : child_by(a, key);
        if (ours == NULL || (!is_dot(key) && !cover_node(ours, theirs, false))) {
            return false;
        }
    }
    return true;
}

bool fields_cover(yyjson_mut_val *a, yyjson_mut_val *b)
{
    if (b == NULL || size_of(b) == 0) {
        return true;
    }
    return a != NULL && cover_node(a, b, true);
}

bool fields_equal(yyjson_mut_val *a, yyjson_mut_val *b)
{
    return fields_cover(a, b) && fields_cover(b, a);
}

/* ---- Paths ---- */

/* `{"containerPort":80,"protocol":"TCP"}` → `[containerPort=80,protocol="TCP"]` */
static void append_key(struct buf *path, const char *json, size_t len)
{
    yyjson_doc *doc = yyjson_read(json, len, 0);
    size_t i, max;
    yyjson_val *key, *value;
    buf_append_char(path, '[');
    yyjson_obj_foreach(yyjson_doc_get_root(doc), i, max, key, value)
    {
        char *text = yyjson_val_write(value, 0, NULL);
        buf_printf(path, "%s%s=%s", i > 0 ? "," : "", yyjson_get_str(key), text);
        free(text);
    }
    buf_append_char(path, ']');
    yyjson_doc_free(doc);
}

static void append_element(struct buf *path, yyjson_mut_val *key)
{
    const char *text = yyjson_mut_get_str(key);
    size_t len = yyjson_mut_get_len(key);
    if (len < 2) {
        return;
    }
    if (text[0] == 'f') {
        buf_append_char(path, '.');
        buf_append(path, text + 2, len - 2);
    } else if (text[0] == 'k') {
        append_key(path, text + 2, len - 2);
    } else {
        buf_append_text(path, text[0] == 'v' ? "[=" : "[");
        buf_append(path, text + 2, len - 2);
        buf_append_char(path, ']');
    }
}

struct visit {
    struct buf path;
    void (*each)(void *ctx, const char *path);
    void *ctx;
};

/* Of one node first all that are members themselves, then what is below them. */
static void visit_children(struct visit *v, yyjson_mut_val *node)
{
    for (int below = 0; below < 2; below++) {
        size_t i, max;
        yyjson_mut_val *key, *child;
        yyjson_mut_obj_foreach(node, i, max, key, child)
        {
            if (is_dot(key)) {
                continue;
            }
            size_t len = v->path.len;
            append_element(&v->path, key);
            if (below) {
                visit_children(v, child);
            } else if (fields_is_member(child)) {
                v->each(v->ctx, buf_text(&v->path));
            }
            buf_cut(&v->path, len);
        }
    }
}

void fields_each(yyjson_mut_val *set, void (*each)(void *ctx, const char *path), void *ctx)
{
    struct visit v = {.each = each, .ctx = ctx};
    buf_init(&v.path, PATH_BYTES_MAX);
    if (set != NULL) {
        visit_children(&v, set);
    }
    buf_fini(&v.path);
}

#include "kube/object.h"
#include "base/mem.h"
#include "base/time_text.h"
#include "kube/json.h"
#include "kube/name.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

const char *kind_api_version(const struct kind *kind, char out[API_VERSION_BYTES])
{
    const char *slash = kind->group[0] == '\0' ? "" : "/";
    snprintf(out, API_VERSION_BYTES, "%s%s%s", kind->group, slash, kind->version);
    return out;
}

size_t object_text_bytes(yyjson_val *text)
{
    return yyjson_is_str(text) ? yyjson_get_len(text) + 1 : 0;
}

/* There is at most one, as the API server sees to it. */
static yyjson_val *controller_of(yyjson_val *metadata)
{
    yyjson_val *owners = json_at(metadata, "ownerReferences", NULL);
    size_t i;
    size_t count;
    yyjson_val *owner;
    yyjson_arr_foreach(owners, i, count, owner)
    {
        if (yyjson_is_true(json_at(owner, "controller", NULL))) {
            return owner;
        }
    }
    return NULL;
}

size_t object_meta_bytes(yyjson_val *json)
{
    yyjson_val *metadata = json_at(json, "metadata", NULL);
    yyjson_val *owner = controller_of(metadata);
    return object_text_bytes(json_at(metadata, "namespace", NULL)) +
           object_text_bytes(json_at(metadata, "name", NULL)) +
           object_text_bytes(json_at(metadata, "uid", NULL)) +
           object_text_bytes(json_at(metadata, "resourceVersion", NULL)) +
           object_text_bytes(json_at(owner, "apiVersion", NULL)) +
           object_text_bytes(json_at(owner, "kind", NULL)) +
           object_text_bytes(json_at(owner, "name", NULL)) +
           object_text_bytes(json_at(owner, "uid", NULL));
}

void *object_alloc(size_t struct_bytes, size_t text_bytes, struct object_packer *packer)
{
    assert(struct_bytes >= sizeof(struct object));
    char *memory = mem_zalloc(struct_bytes + text_bytes);
    *packer = (struct object_packer){memory + struct_bytes, memory + struct_bytes + text_bytes};
    return memory;
}

const char *object_pack_text(struct object_packer *p, yyjson_val *text)
{
    size_t bytes = object_text_bytes(text);
    if (bytes == 0 || memchr(yyjson_get_str(text), '\0', bytes - 1) != NULL) {
        return NULL;
    }
    assert(bytes <= (size_t)(p->end - p->next)); /* it was measured */
    char *copy = memcpy(p->next, yyjson_get_str(text), bytes);
    p->next += bytes;
    return copy;
}

/* A text that must be there when @fallback is NULL; absent and null give @fallback. */
static int pack_member(struct object_packer *p, yyjson_val *parent, const char *key,
                       const char *fallback, const char **out, struct error *err)
{
    yyjson_val *value = json_at(parent, key, NULL);
    bool absent = value == NULL || yyjson_is_null(value);
    *out = absent ? fallback : object_pack_text(p, value);
    if (*out == NULL) {
        return error_set(err, ERR_PARSE, "%s: %s", key, absent ? "missing" : "not a plain text");
    }
    return 0;
}

static int pack_controller(struct object_packer *p, yyjson_val *metadata, struct owner *out,
                           struct error *err)
{
    yyjson_val *owners = json_at(metadata, "ownerReferences", NULL);
    if (owners != NULL && !yyjson_is_null(owners) && !yyjson_is_arr(owners)) {
        return error_set(err, ERR_PARSE, "ownerReferences: not a list");
    }
    yyjson_val *owner = controller_of(metadata);
    if (owner == NULL) {
        return 0;
    }
    struct owner packed = {0};
    if (pack_member(p, owner, "apiVersion", NULL, &packed.api_version, err) != 0 ||
        pack_member(p, owner, "kind", NULL, &packed.kind, err) != 0 ||
        pack_member(p, owner, "name", NULL, &packed.name, err) != 0 ||
        pack_member(p, owner, "uid", NULL, &packed.uid, err) != 0) {
        error_wrap(err, "ownerReferences");
        return ERR_PARSE;
    }
    *out = packed;
    return 0;
}

static int read_time(yyjson_val *value, int64_t *out_us, struct error *err)
{
    if (value == NULL || yyjson_is_null(value)) {
        return 0;
    }
    if (!yyjson_is_str(value) ||
        time_parse(yyjson_get_str(value), yyjson_get_len(value), out_us) != 0) {
        return error_set(err, ERR_PARSE, "creationTimestamp: not RFC 3339");
    }
    return 0;
}

/* Every server sees to it, and store keys and paths rely on it. Kinds may have names that are no
 * DNS names, but none is more than a path segment:
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#path-segment-names */
static int check_place(const struct object *o, struct error *err)
{
    if (o->name[0] == '\0' || strnlen(o->name, NAME_BYTES_MAX + 1) > NAME_BYTES_MAX ||
        strcmp(o->name, ".") == 0 || strcmp(o->name, "..") == 0 || strpbrk(o->name, "/%") != NULL) {
        return error_set(err, ERR_PARSE, "name: \"%.64s\" is no object name", o->name);
    }
    if (o->ns[0] != '\0' && !namespace_is_valid(o->ns)) {
        return error_set(err, ERR_PARSE, "namespace: \"%.64s\" is no namespace", o->ns);
    }
    return 0;
}

int object_pack_meta(struct object_packer *p, yyjson_val *json, struct object *out,
                     struct error *err)
{
    yyjson_val *metadata = json_at(json, "metadata", NULL);
    if (!yyjson_is_obj(metadata)) {
        return error_set(err, ERR_PARSE, "metadata: missing or not an object");
    }
    if (pack_member(p, metadata, "name", NULL, &out->name, err) != 0 ||
        pack_member(p, metadata, "namespace", "", &out->ns, err) != 0 ||
        pack_member(p, metadata, "uid", "", &out->uid, err) != 0 ||
        pack_member(p, metadata, "resourceVersion", "", &out->rv, err) != 0 ||
        check_place(out, err) != 0 || pack_controller(p, metadata, &out->controller, err) != 0 ||
        read_time(json_at(metadata, "creationTimestamp", NULL), &out->created_us, err) != 0) {
        error_wrap(err, "metadata");
        return ERR_PARSE;
    }
    out->generation = json_get_int(json_at(metadata, "generation", NULL), 0);
    out->deleting = yyjson_is_str(json_at(metadata, "deletionTimestamp", NULL));
    return 0;
}

int object_decode_meta(yyjson_val *json, struct object **out, struct error *err)
{
    struct object_packer p;
    struct object *object = object_alloc(sizeof *object, object_meta_bytes(json), &p);
    int rc = object_pack_meta(&p, json, object, err);
    if (rc != 0) {
        object_free(object);
        return rc;
    }
    *out = object;
    return 0;
}

void object_free(struct object *o)
{
    mem_free(o);
}

static bool is_decimal(const char *text)
{
    return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

int rv_compare(const char *a, const char *b)
{
    a = a == NULL ? "" : a;
    b = b == NULL ? "" : b;
    if (is_decimal(a) && is_decimal(b)) {
        a += strspn(a, "0");
        b += strspn(b, "0");
    }
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);
    if (a_len != b_len) {
        return a_len < b_len ? -1 : 1;
    }
    return strcmp(a, b);
}

#include "sim/cluster_collect.h"

#include "base/json_writer.h"
#include "base/mem.h"
#include "kube/json.h"

#include <string.h>

#define COLLECTOR  "kube-controller-manager"
#define NAMESPACER "namespace-controller"

enum { PATCH_BYTES_MAX = 64 << 10, PATH_BYTES_MAX = 1024 };

/* ---- Owners ---- */

enum owner_state { OWNER_SOLID, OWNER_WAITING, OWNER_GONE };

/* A kind that this model does not have cannot be looked up: it is left alone, as the real one does.
 */
static enum owner_state owner_state(const struct mirror *m, const struct thing *t,
                                    yyjson_val *reference)
{
    const char *name = yyjson_get_str(yyjson_obj_get(reference, "name"));
    enum thing_kind kind = 0;
    while (kind < THING_KINDS &&
           !yyjson_equals_str(yyjson_obj_get(reference, "kind"), thing_type(kind))) {
        kind++;
    }
    if (kind == THING_KINDS || name == NULL) {
        return OWNER_SOLID;
    }
    const struct thing *owner = mirror_find(m, kind, kind == THING_NAMESPACE ? "" : t->ns, name);
    if (owner == NULL || !yyjson_equals_str(yyjson_obj_get(reference, "uid"), owner->uid)) {
        return OWNER_GONE;
    }
    return owner->deleting && owner->foreground ? OWNER_WAITING : OWNER_SOLID;
}

static yyjson_val *reference_to(const struct thing *t, const struct thing *owner)
{
    size_t index, max;
    yyjson_val *reference;
    yyjson_arr_foreach(t->owners, index, max, reference)
    {
        if (yyjson_equals_str(yyjson_obj_get(reference, "uid"), owner->uid)) {
            return reference;
        }
    }
    return NULL;
}

static bool has_dependents(const struct mirror *m, const struct thing *owner, bool blocking)
{
    for (size_t i = 0; i < m->count; i++) {
        yyjson_val *reference =
            strcmp(m->things[i]->ns, owner->ns) == 0 ? reference_to(m->things[i], owner) : NULL;
        if (reference != NULL &&
            (!blocking || yyjson_get_bool(yyjson_obj_get(reference, "blockOwnerDeletion")))) {
            return true;
        }
    }
    return false;
}

/* ---- What is due ---- */

enum collect {
    COLLECT_NOTHING,
    COLLECT_DELETE,
    COLLECT_DELETE_FOREGROUND,
    COLLECT_CUT,     /* references to owners that are gone, beside one that is not */
    COLLECT_ORPHAN,  /* the finalizer of that name */
    COLLECT_RELEASE, /* the finalizer foregroundDeletion: nobody blocks any more */
};

static enum collect judge_owners(const struct mirror *m, const struct thing *t)
{
    size_t counts[3] = {0};
    size_t index, max;
    yyjson_val *reference;
    yyjson_arr_foreach(t->owners, index, max, reference)
    {
        counts[owner_state(m, t, reference)]++;
    }
    if (counts[OWNER_SOLID] > 0) {
        return counts[OWNER_GONE] + counts[OWNER_WAITING] > 0 ? COLLECT_CUT : COLLECT_NOTHING;
    }
    if (counts[OWNER_WAITING] > 0 && has_dependents(m, t, false)) {
        return COLLECT_DELETE_FOREGROUND;
    }
    return counts[OWNER_WAITING] + counts[OWNER_GONE] > 0 ? COLLECT_DELETE : COLLECT_NOTHING;
}

static enum collect judge(const struct mirror *m, const struct thing *t)
{
    if (t->deleting && t->orphan) {
        return COLLECT_ORPHAN;
    }
    if (t->deleting && t->foreground) {
        return has_dependents(m, t, true) ? COLLECT_NOTHING : COLLECT_RELEASE;
    }
    return t->deleting || t->owners == NULL ? COLLECT_NOTHING : judge_owners(m, t);
}

bool collect_is_due(const struct mirror *m, const struct thing *t)
{
    return judge(m, t) != COLLECT_NOTHING;
}

/* ---- Doing it ---- */

static void begin_patch(struct json_writer *w, struct buf *body, const struct thing *t,
                        const char *list)
{
    buf_init(body, PATCH_BYTES_MAX);
    json_writer_init(w, body, false);
    json_object_begin(w);
    json_key(w, "metadata");
    json_object_begin(w);
    json_member_string(w, "uid", t->uid);
    json_key(w, list);
    json_array_begin(w);
}

static void end_patch(struct json_writer *w)
{
    json_array_end(w);
    json_object_end(w);
    json_object_end(w);
}

static void write_reference(struct json_writer *w, yyjson_val *reference)
{
    size_t index, max;
    yyjson_val *key, *value;
    json_object_begin(w);
    yyjson_obj_foreach(reference, index, max, key, value)
    {
        json_key(w, yyjson_get_str(key));
        if (yyjson_is_bool(value)) {
            json_bool(w, yyjson_get_bool(value));
        } else {
            json_string(w, yyjson_get_str(value));
        }
    }
    json_object_end(w);
}

/* Keep the references to owners that stay: @owner NULL; or all but those to @owner. */
static void cut_references(struct mirror *m, struct thing *t, const struct thing *owner)
{
    CLEANUP(buf_fini) struct buf body;
    struct json_writer w;
    begin_patch(&w, &body, t, "ownerReferences");
    size_t index, max;
    yyjson_val *reference;
    yyjson_arr_foreach(t->owners, index, max, reference)
    {
        bool stays = owner == NULL
                         ? owner_state(m, t, reference) == OWNER_SOLID
                         : !yyjson_equals_str(yyjson_obj_get(reference, "uid"), owner->uid);
        if (stays) {
            write_reference(&w, reference);
        }
    }
    end_patch(&w);
    mirror_write(m, COLLECTOR, t, HTTP_PATCH, "", buf_text(&body));
}

static void drop_finalizer(struct mirror *m, struct thing *t, const char *finalizer)
{
    CLEANUP(buf_fini) struct buf body;
    struct json_writer w;
    begin_patch(&w, &body, t, "finalizers");
    size_t index, max;
    yyjson_val *item;
    yyjson_arr_foreach(json_at(t->json, "metadata", "finalizers", NULL), index, max, item)
    {
        if (!yyjson_equals_str(item, finalizer)) {
            json_string(&w, yyjson_get_str(item));
        }
    }
    end_patch(&w);
    mirror_write(m, COLLECTOR, t, HTTP_PATCH, "", buf_text(&body));
}

static void orphan_dependents(struct mirror *m, struct thing *owner)
{
    for (size_t i = 0; i < m->count; i++) {
        struct thing *t = m->things[i];
        if (strcmp(t->ns, owner->ns) == 0 && reference_to(t, owner) != NULL) {
            cut_references(m, t, owner);
        }
    }
    drop_finalizer(m, owner, "orphan");
}

void collect_do(struct mirror *m, struct thing *t)
{
    switch (judge(m, t)) {
    case COLLECT_NOTHING:
        break;
    case COLLECT_DELETE:
        mirror_delete(m, COLLECTOR, t, "Background", false);
        break;
    case COLLECT_DELETE_FOREGROUND:
        mirror_delete(m, COLLECTOR, t, "Foreground", false);
        break;
    case COLLECT_CUT:
        cut_references(m, t, NULL);
        break;
    case COLLECT_ORPHAN:
        orphan_dependents(m, t);
        break;
    case COLLECT_RELEASE:
        drop_finalizer(m, t, "foregroundDeletion");
        break;
    }
}

/* ---- Namespaces ---- */

bool namespace_is_empty(const struct mirror *m, const char *ns)
{
    for (size_t i = 0; i < m->count; i++) {
        if (strcmp(m->things[i]->ns, ns) == 0) {
            return false;
        }
    }
    return true;
}

struct names {
    struct buf text; /* one after the other, each with its NUL */
};

static void collect_name(void *ctx, const char *json)
{
    struct names *names = ctx;
    yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
    yyjson_val *name = json_at(yyjson_doc_get_root(doc), "metadata", "name", NULL);
    buf_append(&names->text, yyjson_get_str(name), yyjson_get_len(name) + 1);
    yyjson_doc_free(doc);
}

static void remove_all(struct mirror *m, const char *prefix, const char *resource, const char *ns)
{
    struct names names;
    buf_init(&names.text, 16 << 20);
    api_each(m->api, resource, ns, collect_name, &names);
    for (const char *name = names.text.data; name < names.text.data + names.text.len;
         name += strlen(name) + 1) {
        CLEANUP(buf_fini) struct buf path;
        buf_init(&path, PATH_BYTES_MAX);
        buf_printf(&path, "%s/namespaces/%s/%s/%s", prefix, ns, resource, name);
        mirror_send(m, NAMESPACER, HTTP_DELETE, buf_text(&path), NULL, NULL);
    }
    buf_fini(&names.text);
}

void namespace_finish(struct mirror *m, struct thing *ns)
{
    remove_all(m, "/apis/events.k8s.io/v1", "events", ns->name);
    remove_all(m, "/apis/coordination.k8s.io/v1", "leases", ns->name);
    CLEANUP(buf_fini) struct buf body;
    buf_init(&body, PATCH_BYTES_MAX);
    buf_printf(&body,
               "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"%s\",\"uid\""
               ":\"%s\"},\"spec\":{\"finalizers\":[]}}",
               ns->name, ns->uid);
    mirror_write(m, NAMESPACER, ns, HTTP_PUT, "/finalize", buf_text(&body));
}

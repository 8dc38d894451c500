#include "sim/invariant_desired.h"

#include "base/mem.h"
#include "kube/json.h"
#include "sim/invariant_claims.h"

#include <stdio.h>
#include <string.h>

enum { DESIRED_BYTES_MAX = 16 << 10 };

/* @N the Memcached's name, @U its uid, @I the image; ' stands for ". */
static const char desired_text[] =
    "{'metadata':{'labels':{'app':'memcached','memcached_cr':'@N','app.kubernetes.io/name':"
    "'memcached','app.kubernetes.io/instance':'@N','app.kubernetes.io/managed-by':"
    "'memcached-operator'},'ownerReferences':[{'apiVersion':'cache.example.com/v1alpha1','kind':"
    "'Memcached','name':'@N','uid':'@U','controller':true,'blockOwnerDeletion':true}]},"
    "'spec':{'selector':{'matchLabels':{'app':'memcached','memcached_cr':'@N'}},"
    "'template':{'metadata':{'labels':{'app':'memcached','memcached_cr':'@N'}},"
    "'spec':{'automountServiceAccountToken':false,"
    "'securityContext':{'runAsNonRoot':true,'runAsUser':11211,'runAsGroup':11211,"
    "'seccompProfile':{'type':'RuntimeDefault'}},"
    "'containers':[{'name':'memcached','image':'@I','imagePullPolicy':'IfNotPresent',"
    "'command':['memcached','-m','64','-o','modern','-v'],'args':[],"
    "'ports':[{'containerPort':11211,'name':'memcached','protocol':'TCP'}],"
    "'securityContext':{'allowPrivilegeEscalation':false,'capabilities':{'drop':['ALL']}}}]}}}}";

static void fill(struct buf *out, const char *name, const char *uid, const char *image)
{
    for (const char *c = desired_text; *c != '\0'; c++) {
        if (*c == '@') {
            c++;
            buf_append_text(out, *c == 'N' ? name : *c == 'U' ? uid : image);
        } else {
            buf_append_char(out, *c == '\'' ? '"' : *c);
        }
    }
}

/* ---- Containment ---- */

static const char *contain(yyjson_val *have, yyjson_val *want, struct buf *where);

/* Lists of objects: each wanted one is contained in one that is there. Other lists are equal. */
static const char *contain_list(yyjson_val *have, yyjson_val *want, struct buf *where)
{
    if (!yyjson_is_obj(yyjson_arr_get_first(want))) {
        bool both_empty = yyjson_arr_size(have) == 0 && yyjson_arr_size(want) == 0;
        return both_empty || yyjson_equals(have, want) ? NULL : buf_text(where);
    }
    size_t index, max, other, others;
    yyjson_val *element, *candidate;
    yyjson_arr_foreach(want, index, max, element)
    {
        bool found = false;
        char deepest[256] = "";
        size_t len = where->len;
        yyjson_arr_foreach(have, other, others, candidate)
        {
            const char *part = contain(candidate, element, where);
            found |= part == NULL;
            if (part != NULL && strlen(part) > strlen(deepest)) {
                snprintf(deepest, sizeof deepest, "%s", part);
            }
            buf_cut(where, len);
        }
        if (!found) {
            buf_append_text(where, deepest[0] != '\0' ? deepest + len : "");
            return buf_text(where);
        }
    }
    return NULL;
}

static const char *contain(yyjson_val *have, yyjson_val *want, struct buf *where)
{
    if (yyjson_is_arr(want)) {
        return contain_list(have, want, where);
    }
    if (!yyjson_is_obj(want)) {
        return yyjson_equals(have, want) ? NULL : buf_text(where);
    }
    size_t index, max;
    yyjson_val *key, *value;
    yyjson_obj_foreach(want, index, max, key, value)
    {
        size_t len = where->len;
        buf_append_char(where, '.');
        buf_append_text(where, yyjson_get_str(key));
        if (contain(yyjson_obj_get(have, yyjson_get_str(key)), value, where) != NULL) {
            return buf_text(where);
        }
        buf_cut(where, len);
    }
    return NULL;
}

const char *desired_difference(yyjson_val *deployment, const char *name, const char *uid,
                               const char *image, struct buf *where)
{
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, DESIRED_BYTES_MAX);
    fill(&text, name, uid, image);
    yyjson_doc *doc = yyjson_read(text.data, text.len, 0);
    const char *difference = contain(deployment, yyjson_doc_get_root(doc), where);
    yyjson_doc_free(doc);
    return difference;
}

static yyjson_val *named(yyjson_val *list, const char *name)
{
    size_t index, max;
    yyjson_val *element;
    yyjson_arr_foreach(list, index, max, element)
    {
        if (yyjson_equals_str(yyjson_obj_get(element, "name"), name)) {
            return element;
        }
    }
    return NULL;
}

static yyjson_val *pod_spec(yyjson_val *deployment)
{
    return json_at(deployment, "spec", "template", "spec", NULL);
}

const char *desired_image_of(yyjson_val *deployment)
{
    yyjson_val *containers = yyjson_obj_get(pod_spec(deployment), "containers");
    yyjson_val *image = yyjson_obj_get(named(containers, "memcached"), "image");
    return yyjson_is_str(image) ? yyjson_get_str(image) : "";
}

/* ---- What is others' ---- */

static bool is_listed(const char *name, const char *const *list)
{
    for (size_t i = 0; list[i] != NULL; i++) {
        if (strcmp(name, list[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* A member of @a that is not ignored and not equal in @b. */
static const char *member_of(yyjson_val *a, yyjson_val *b, const char *const *ignored)
{
    size_t index, max;
    yyjson_val *key, *value;
    yyjson_obj_foreach(a, index, max, key, value)
    {
        const char *name = yyjson_get_str(key);
        yyjson_val *other = yyjson_obj_get(b, name);
        if (!is_listed(name, ignored) && (other == NULL || !yyjson_equals(value, other))) {
            return name;
        }
    }
    return NULL;
}

const char *members_differ(yyjson_val *before, yyjson_val *after, const char *const *ignored)
{
    const char *name = member_of(before, after, ignored);
    return name != NULL ? name : member_of(after, before, ignored);
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static const struct {
    const char *path[4]; /* of an object */
    const char *const *ours;
} shared[] = {
    {{NULL}, LIST("metadata", "spec")},
    {{"metadata"},
     LIST("labels", "annotations", "ownerReferences", "managedFields", "resourceVersion",
          "generation")},
    {{"metadata", "annotations"}, LIST(GENERATION_RECORD)},
    {{"metadata", "labels"},
     LIST("app", "memcached_cr", "app.kubernetes.io/name", "app.kubernetes.io/instance",
          "app.kubernetes.io/managed-by")},
    {{"spec"}, LIST("replicas", "template")},
    {{"spec", "template"}, LIST("metadata", "spec")},
    {{"spec", "template", "metadata"}, LIST("labels")},
    {{"spec", "template", "metadata", "labels"}, LIST("app", "memcached_cr")},
    {{"spec", "template", "spec"},
     LIST("automountServiceAccountToken", "securityContext", "containers")},
};

static const char *const ours_of_pod_security[] = {"runAsNonRoot", "runAsUser", "runAsGroup",
                                                   "seccompProfile", NULL};
static const char *const ours_of_container[] = {"image", "imagePullPolicy", "command", "args",
                                                "ports", "securityContext", NULL};

static yyjson_val *walk(yyjson_val *value, const char *const path[4], struct buf *where)
{
    buf_cut(where, 0);
    for (size_t i = 0; i < 4 && path[i] != NULL; i++) {
        value = yyjson_obj_get(value, path[i]);
        buf_append_char(where, '.');
        buf_append_text(where, path[i]);
    }
    return value;
}

static const char *say(struct buf *where, const char *path, const char *member)
{
    buf_cut(where, 0);
    buf_printf(where, "%s.%s", path, member);
    return buf_text(where);
}

/* Containers of others stay as they are; of ours only some fields are the operator's. */
static const char *containers_differ(yyjson_val *before, yyjson_val *after, struct buf *where)
{
    size_t index, max;
    yyjson_val *container;
    yyjson_arr_foreach(before, index, max, container)
    {
        const char *name = yyjson_get_str(yyjson_obj_get(container, "name"));
        yyjson_val *now = named(after, name);
        bool ours = strcmp(name, "memcached") == 0;
        const char *member =
            now == NULL ? "name"
                        : members_differ(container, now, ours ? ours_of_container : LIST(NULL));
        if (member != NULL) {
            return say(where, name, member);
        }
    }
    return NULL;
}

static const char *owners_differ(yyjson_val *before, yyjson_val *after, struct buf *where)
{
    const char *uid = controlling_memcached(before);
    size_t index, max, other, others;
    yyjson_val *owner, *candidate;
    yyjson_arr_foreach(json_at(before, "metadata", "ownerReferences", NULL), index, max, owner)
    {
        bool found = uid != NULL && yyjson_equals_str(yyjson_obj_get(owner, "uid"), uid);
        yyjson_arr_foreach(json_at(after, "metadata", "ownerReferences", NULL), other, others,
                           candidate)
        {
            found |= yyjson_equals(owner, candidate);
        }
        if (!found) {
            return say(where, ".metadata", "ownerReferences");
        }
    }
    return NULL;
}

const char *foreign_difference(yyjson_val *before, yyjson_val *after, struct buf *where)
{
    for (size_t i = 0; i < ARRAY_LEN(shared); i++) {
        yyjson_val *was = walk(before, shared[i].path, where);
        yyjson_val *is = walk(after, shared[i].path, where);
        const char *member = members_differ(was, is, shared[i].ours);
        if (member != NULL) {
            buf_printf(where, ".%s", member);
            return buf_text(where);
        }
    }
    yyjson_val *was = pod_spec(before), *is = pod_spec(after);
    const char *member =
        members_differ(yyjson_obj_get(was, "securityContext"),
                       yyjson_obj_get(is, "securityContext"), ours_of_pod_security);
    if (member != NULL) {
        return say(where, ".spec.template.spec.securityContext", member);
    }
    const char *container = containers_differ(yyjson_obj_get(was, "containers"),
                                              yyjson_obj_get(is, "containers"), where);
    return container != NULL ? container : owners_differ(before, after, where);
}

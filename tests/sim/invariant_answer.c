/*
 * I3, of what changes nothing: a write that the server refuses as invalid, and the creation of a
 * Deployment that the operator has written itself, as it has been told, and that is there unchanged
 * in what the operator sees of it. Neither does harm; both tell of a decision that was wrong.
 */
#include "sim/invariant_parts.h"

#include "base/mem.h"
#include "kube/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DEPLOYMENTS "/apis/apps/v1/namespaces/"

enum { KEY_BYTES = 16 + 64 + 254 };

/* A Deployment as the answer to a write has shown it to its writer. */
struct known {
    uint64_t revision;
    unsigned start; /* of the process */
};

static const char *name_of(yyjson_val *object)
{
    return invariants_text(json_at(object, "metadata", "name", NULL));
}

/* The filtered watch shows it. */
static bool is_shown(yyjson_val *deployment)
{
    yyjson_val *label =
        json_at(deployment, "metadata", "labels", "app.kubernetes.io/managed-by", NULL);
    return yyjson_equals_str(label, "memcached-operator");
}

/* Of a namespace's Deployments, or one of them. */
static bool is_of_deployments(const struct exchange *e, char ns[64])
{
    char resource[32] = "";
    return sscanf(e->path, DEPLOYMENTS "%63[^/]/%31[a-z]", ns, resource) == 2 &&
           strcmp(resource, "deployments") == 0;
}

static const char *key_of(unsigned process, const char *ns, const char *name, char out[KEY_BYTES])
{
    snprintf(out, KEY_BYTES, "%u/%s/%s", process, ns, name);
    return out;
}

void invariants_forget_known(struct invariants *i)
{
    map_for_each (&i->known, e) {
        mem_free(e->value);
    }
    map_fini(&i->known);
    map_init(&i->known, 5);
}

void invariants_told(struct invariants *i, const struct exchange *e, const struct api_answer *a)
{
    char ns[64], key[KEY_BYTES];
    if (e->method == HTTP_GET || a->http_status > 201 || !is_of_deployments(e, ns)) {
        return;
    }
    yyjson_doc *doc = yyjson_read(buf_text(&a->body), a->body.len, 0);
    yyjson_val *root = yyjson_doc_get_root(doc);
    key_of(e->process, ns, name_of(root), key);
    mem_free(map_remove(&i->known, key));
    if (is_shown(root)) {
        struct known *known = mem_zalloc(sizeof *known);
        const char *rv = invariants_text(json_at(root, "metadata", "resourceVersion", NULL));
        *known = (struct known){.revision = strtoull(rv, NULL, 10),
                                .start = world_starts(i->world, e->process)};
        map_put(&i->known, key, known);
    }
    yyjson_doc_free(doc);
}

struct looking {
    const char *ns, *name;
    bool gone;
};

static void look(void *ctx, const struct api_change *change)
{
    struct looking *l = ctx;
    const char *json = change->after != NULL ? change->after : change->before;
    if (strcmp(change->resource, "deployments") != 0 || json == NULL) {
        return;
    }
    yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
    yyjson_val *root = yyjson_doc_get_root(doc);
    bool same = strcmp(name_of(root), l->name) == 0 &&
                strcmp(invariants_text(json_at(root, "metadata", "namespace", NULL)), l->ns) == 0;
    l->gone = l->gone || (same && (change->after == NULL || !is_shown(root)));
    yyjson_doc_free(doc);
}

static void judge_creation(struct invariants *i, const struct exchange *e, const char *ns)
{
    char key[KEY_BYTES];
    yyjson_doc *doc = yyjson_read(e->body, strlen(e->body), 0);
    const char *name = name_of(yyjson_doc_get_root(doc));
    const struct known *known = map_get(&i->known, key_of(e->process, ns, name, key));
    struct looking l = {.ns = ns, .name = name};
    if (known != NULL && known->start == world_starts(i->world, e->process) &&
        known->revision >= api_oldest(world_api(i->world))) {
        api_each_change(world_api(i->world), known->revision, look, &l);
        if (!l.gone) {
            world_fail(i->world,
                       "I3: process %u creates deployments %s/%s, which it has written itself at "
                       "revision %" PRIu64 ", and which is there",
                       e->process, ns, name, known->revision);
        }
    }
    yyjson_doc_free(doc);
}

void invariants_answered(struct invariants *i, const struct exchange *e, const struct api_answer *a,
                         bool admitted)
{
    char ns[64];
    if (e->method == HTTP_GET || e->orphan) {
        return;
    }
    /* After a restore a namesake may have the very version that was decided on: its uid tells. */
    bool is_namesake =
        i->history.is_restored && strstr(buf_text(&a->body), "invalid: metadata.uid:") != NULL;
    if ((a->http_status == 400 || a->http_status == 422) && !admitted && !is_namesake) {
        world_fail(i->world, "I3: process %u's %s %s is invalid: %.300s", e->process,
                   http_method_name(e->method), e->path, buf_text(&a->body));
    } else if (e->method == HTTP_POST && a->http_status == 409 && is_of_deployments(e, ns)) {
        judge_creation(i, e, ns);
    }
}

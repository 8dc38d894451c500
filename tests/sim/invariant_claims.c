#include "sim/invariant_claims.h"

#include "kube/json.h"
#include "kube/name.h"

#include <stdio.h>
#include <string.h>

static void copy(char *out, size_t bytes, yyjson_val *text)
{
    snprintf(out, bytes, "%s", yyjson_is_str(text) ? yyjson_get_str(text) : "");
}

const char *controlling_memcached(yyjson_val *deployment)
{
    size_t index, max;
    yyjson_val *owner;
    yyjson_arr_foreach(json_at(deployment, "metadata", "ownerReferences", NULL), index, max, owner)
    {
        const char *api_version = yyjson_get_str(yyjson_obj_get(owner, "apiVersion"));
        if (yyjson_get_bool(yyjson_obj_get(owner, "controller")) && api_version != NULL &&
            strncmp(api_version, "cache.example.com/", 18) == 0 &&
            yyjson_equals_str(yyjson_obj_get(owner, "kind"), "Memcached")) {
            return yyjson_get_str(yyjson_obj_get(owner, "uid"));
        }
    }
    return NULL;
}

bool claimant_read(yyjson_val *deployment, struct claimant *out)
{
    yyjson_val *metadata = yyjson_obj_get(deployment, "metadata");
    yyjson_val *claim = json_at(metadata, "labels", CLAIM_LABEL, NULL);
    if (!yyjson_is_str(claim)) {
        return false;
    }
    copy(out->uid, sizeof out->uid, yyjson_obj_get(metadata, "uid"));
    copy(out->ns, sizeof out->ns, yyjson_obj_get(metadata, "namespace"));
    copy(out->name, sizeof out->name, yyjson_obj_get(metadata, "name"));
    copy(out->created, sizeof out->created, yyjson_obj_get(metadata, "creationTimestamp"));
    copy(out->claim, sizeof out->claim, claim);
    out->replicas = json_get_int(json_at(deployment, "spec", "replicas", NULL), 1);
    out->counts = yyjson_obj_get(metadata, "deletionTimestamp") == NULL &&
                  controlling_memcached(deployment) == NULL && name_is_valid(out->claim);
    return true;
}

bool claimant_is_for(const struct claimant *c, const char *ns, const char *memcached)
{
    return c->counts && strcmp(c->ns, ns) == 0 && strcmp(c->claim, memcached) == 0;
}

const struct claimant *claimants_decide(const struct claimant *const *all, size_t count,
                                        const char *ns, const char *memcached)
{
    const struct claimant *oldest = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!claimant_is_for(all[i], ns, memcached)) {
            continue;
        }
        int order = oldest == NULL ? -1 : strcmp(all[i]->created, oldest->created);
        if (order < 0 || (order == 0 && strcmp(all[i]->name, oldest->name) < 0)) {
            oldest = all[i];
        }
    }
    return oldest;
}

/*
 * I5: what is watched by its name, spec.sizeFrom of some Memcached names.
 */
#include "sim/invariant_parts.h"

#include "sim/invariant_size.h"

#include <stdio.h>
#include <string.h>

enum { PART_BYTES = 256 };

struct search {
    const char *ns;
    char key[SIZE_SOURCE_KEY_BYTES];
    bool found;
};

static void look_for_name(void *ctx, const char *json)
{
    struct search *search = ctx;
    struct size_rules rules;
    yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
    size_rules_read(&rules, yyjson_doc_get_root(doc));
    for (size_t n = 0; n < rules.source_count; n++) {
        char key[SIZE_SOURCE_KEY_BYTES];
        size_source_key(&rules.sources[n], search->ns, key);
        search->found |= strcmp(key, search->key) == 0;
    }
    yyjson_doc_free(doc);
}

bool invariants_wants_watch(const struct invariants *i, const char *path)
{
    char ns[PART_BYTES], plural[PART_BYTES], name[PART_BYTES];
    const char *at = strstr(path, "/namespaces/");
    const char *by_name = strstr(path, "fieldSelector=metadata.name%3D");
    if (at == NULL || by_name == NULL ||
        sscanf(at, "/namespaces/%255[^/]/%255[^?]", ns, plural) != 2 ||
        sscanf(by_name, "fieldSelector=metadata.name%%3D%255[^&]", name) != 1) {
        return true;
    }
    struct search search = {.ns = ns};
    snprintf(search.key, sizeof search.key, "%.63s/%.63s/%.253s", ns, plural, name);
    api_each(world_api(i->world), "memcacheds", ns, look_for_name, &search);
    return search.found;
}

#include "sim/conformance_known.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

static bool answers(const char *text, int status)
{
    char begin[16];
    snprintf(begin, sizeof(begin), "%d ", status);
    return strncmp(text, begin, strlen(begin)) == 0;
}

static bool is_root_path(const struct sequence *s, size_t i, const char *real, const char *model)
{
    return strcmp(s->operations[i].path, "/nothing") == 0 && answers(real, 404) &&
           answers(model, 404);
}

static bool is_yaml(const struct sequence *s, size_t i, const char *real, const char *model)
{
    const struct operation *o = &s->operations[i];
    return o->content_type != NULL && strcmp(o->content_type, MEDIA_APPLY_PATCH) == 0 &&
           answers(real, 400) && answers(model, 400) &&
           strstr(model, "error converting YAML to JSON") != NULL;
}

static bool is_nul(const struct sequence *s, size_t i, const char *real, const char *model)
{
    const struct operation *o = &s->operations[i];
    return o->body != NULL && strstr(o->body, "\\u0000") != NULL && answers(real, 422) &&
           answers(model, 422);
}

static bool is_overwritten_path(const struct sequence *s, size_t i, const char *real,
                                const char *model)
{
    (void)s;
    (void)i;
    const char *at = strstr(real, "Apply failed with ");
    char begin[32] = "";
    if (at != NULL) {
        snprintf(begin, sizeof(begin), "%.24s", at); /* with the count */
    }
    return at != NULL && answers(real, 409) && strstr(model, begin) != NULL &&
           strstr(real, "ownerReferences[uid=") != NULL;
}

static bool is_other_kind(const struct sequence *s, size_t i, const char *real, const char *model)
{
    (void)s;
    (void)i;
    return answers(real, 500) && answers(model, 500) &&
           strstr(real, "failed to merge config: expected objects of the same type") != NULL;
}

static bool is_last_apply(const struct sequence *s, size_t i, const char *real, const char *model)
{
    const struct operation *o = &s->operations[i];
    return o->resource == RESOURCE_MEMCACHEDS && answers(real, 200) && answers(model, 200) &&
           strcmp(o->content_type != NULL ? o->content_type : "", MEDIA_APPLY_PATCH) == 0 &&
           strstr(real, "finalizers: null") != NULL && strstr(real, "deletionTimestamp") != NULL;
}

/* They differ in resourceVersions only. */
static bool same_but_versions(const char *a, const char *b)
{
    static const char mark[] = "<rv ";
    while (*a != '\0' && *a == *b) {
        if (strncmp(a, mark, strlen(mark)) == 0 && strncmp(b, mark, strlen(mark)) == 0) {
            a = strchr(a, '>');
            b = strchr(b, '>');
        }
        a++;
        b++;
    }
    return *a == *b;
}

/* Something like this was applied to a Memcached before. */
static bool has_applied_empty(const struct sequence *s, size_t until)
{
    static const char *const empty[] = {"'labels':{}", "'annotations':{}", "'finalizers':[]"};
    for (size_t i = 0; i < until; i++) {
        const struct operation *o = &s->operations[i];
        for (size_t e = 0; e < ARRAY_LEN(empty); e++) {
            if (!o->off && o->resource == RESOURCE_MEMCACHEDS && o->content_type != NULL &&
                strcmp(o->content_type, MEDIA_APPLY_PATCH) == 0 &&
                strstr(o->body, empty[e]) != NULL) {
                return true;
            }
        }
    }
    return false;
}

static bool is_unsettled(const struct sequence *s, size_t i, const char *real, const char *model)
{
    return s->operations[i].resource == RESOURCE_MEMCACHEDS && has_applied_empty(s, i) &&
           answers(real, 200) && same_but_versions(real, model);
}

const struct known_difference known_table[KNOWN_MAX] = {
    {"a path outside of /api and /apis", "a real server lists the paths that it has in its 404",
     is_root_path, false},
    {"an apply's body that is YAML, but not JSON", "the model reads JSON only; refused by both",
     is_yaml, false},
    {"a NUL in a name", "the model's texts end there; refused by both, in other words", is_nul,
     false},
    {"the fields in a conflict over an owner reference",
     "that server's library overwrites a path while it collects the next one: it names one field "
     "twice, the other not at all",
     is_overwritten_path, false},
    {"an apply of another kind of the same version",
     "the model knows its own kinds only; refused by both, in other words", is_other_kind, false},
    {"the answer of an apply that takes the last finalizer from what is being deleted",
     "the real server does not store a custom resource any more, and shows null where labels, "
     "annotations and finalizers went",
     is_last_apply, false},
    {"a write without a change, after an apply of empty metadata",
     "the real server has stored a custom resource's empty labels, annotations or finalizers, and "
     "writes it again without them at the first occasion",
     is_unsettled, true},
    {0},
};

int known_find(const struct sequence *s, size_t i, const char *real, const char *model)
{
    for (int k = 0; k < KNOWN_MAX && known_table[k].name != NULL; k++) {
        if (known_table[k].is_it(s, i, real, model)) {
            return k;
        }
    }
    return -1;
}

void known_print(const unsigned long counts[KNOWN_MAX])
{
    for (int i = 0; i < KNOWN_MAX && known_table[i].name != NULL; i++) {
        printf("known difference, met %lu times: %s (%s)\n", counts[i], known_table[i].name,
               known_table[i].reason);
    }
}

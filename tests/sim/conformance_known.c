#include "sim/conformance_known.h"

#include <stdio.h>
#include <string.h>

static bool answers(const char *text, int status)
{
    char begin[16];
    snprintf(begin, sizeof(begin), "%d ", status);
    return strncmp(text, begin, strlen(begin)) == 0;
}

static bool is_root_path(const struct operation *o, const char *real, const char *model)
{
    return strcmp(o->path, "/nothing") == 0 && answers(real, 404) && answers(model, 404);
}

static bool is_yaml(const struct operation *o, const char *real, const char *model)
{
    return o->content_type != NULL && strcmp(o->content_type, MEDIA_APPLY_PATCH) == 0 &&
           answers(real, 400) && answers(model, 400) &&
           strstr(model, "error converting YAML to JSON") != NULL;
}

static bool is_nul(const struct operation *o, const char *real, const char *model)
{
    return o->body != NULL && strstr(o->body, "\\u0000") != NULL && answers(real, 422) &&
           answers(model, 422);
}

static bool is_overwritten_path(const struct operation *o, const char *real, const char *model)
{
    (void)o;
    const char *at = strstr(real, "Apply failed with ");
    char begin[32] = "";
    if (at != NULL) {
        snprintf(begin, sizeof(begin), "%.24s", at); /* with the count */
    }
    return at != NULL && answers(real, 409) && strstr(model, begin) != NULL &&
           strstr(real, "ownerReferences[uid=") != NULL;
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
    {0},
};

int known_find(const struct operation *o, const char *real, const char *model)
{
    for (int i = 0; i < KNOWN_MAX && known_table[i].name != NULL; i++) {
        if (known_table[i].is_it(o, real, model)) {
            return i;
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

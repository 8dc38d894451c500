#include "operator/rival.h"

#include "kube/json.h"
#include "operator/types.h"

#include <stdio.h>
#include <string.h>

enum { FIELD_BYTES = 64 };

yyjson_val *rival_find(yyjson_val *object, const char *field)
{
    char key[FIELD_BYTES]; /* as in fieldsV1 */
    size_t i, count;
    yyjson_val *entry, *rival = NULL;
    snprintf(key, sizeof key, "f:%s", field);
    yyjson_arr_foreach(json_at(object, "metadata", "managedFields", NULL), i, count, entry)
    {
        yyjson_val *manager = yyjson_obj_get(entry, "manager");
        if (yyjson_get_len(manager) > 0 && !yyjson_equals_str(manager, OPERAND_MANAGER) &&
            json_at(entry, "fieldsV1", "f:spec", key, NULL) != NULL) {
            rival = manager;
        }
    }
    return rival;
}

const char *rival_text(const char *name, struct arena *arena)
{
    if (name == NULL) {
        return "somebody else";
    }
    /* all of the controller manager's controllers have this one name; it is one of them that scales
     * what is not its own */
    bool is_autoscaler = strcmp(name, "kube-controller-manager") == 0;
    return arena_printf(arena, "\"%s\"%s", name,
                        is_autoscaler ? " (a HorizontalPodAutoscaler?)" : "");
}

/*
 * I2, for people: what an operator has told in an Event it does not tell in another one soon after,
 * but counts up (https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/).
 * Judged while every request gets its answer: one whose answers are lost may not know what it told;
 * and while clocks are right, by which Events tell when it happened.
 */
#include "sim/invariant_parts.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/time_text.h"
#include "kube/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The operator counts for six minutes, by a clock that may run fast by half. */
enum { COUNTED_MS = 4 * 60 * 1000, NAME_BYTES = 254 };

struct told {
    char ns[64], name[NAME_BYTES]; /* of the Event */
    uint64_t last_ms;
};

/* What is said, of what, and by whom. */
static void append_said(struct buf *out, yyjson_val *event)
{
    static const char *const members[] = {"reportingInstance", "type", "reason", "action", "note"};
    yyjson_val *regarding = yyjson_obj_get(event, "regarding");
    buf_printf(out, "%s %s/%s %s", invariants_text(yyjson_obj_get(regarding, "kind")),
               invariants_text(yyjson_obj_get(regarding, "namespace")),
               invariants_text(yyjson_obj_get(regarding, "name")),
               invariants_text(yyjson_obj_get(regarding, "uid")));
    for (size_t n = 0; n < ARRAY_LEN(members); n++) {
        buf_printf(out, ", %s", invariants_text(yyjson_obj_get(event, members[n])));
    }
}

/* When what is told happened, or happened last; the Event itself may come later. */
static uint64_t happened_ms(yyjson_val *event, uint64_t now_ms)
{
    const char *last = invariants_text(json_at(event, "series", "lastObservedTime", NULL));
    const char *at = last[0] != '\0' ? last : invariants_text(yyjson_obj_get(event, "eventTime"));
    int64_t us = 0;
    return time_parse(at, strlen(at), &us) == 0 ? (uint64_t)us / 1000 : now_ms;
}

const char *invariants_repeated_event(struct invariants *i, const struct deed *d, struct buf *said)
{
    append_said(said, d->after);
    yyjson_val *metadata = yyjson_obj_get(d->after, "metadata");
    const char *name = invariants_text(yyjson_obj_get(metadata, "name"));
    uint64_t now_ms = world_now_ms(i->world);
    struct told *told = map_get(&i->told, buf_text(said));
    if (told == NULL) {
        told = mem_zalloc(sizeof *told);
        map_put(&i->told, buf_text(said), told);
    }
    bool is_another = told->name[0] != '\0' && strcmp(told->name, name) != 0;
    bool is_repeated = is_another && happened_ms(d->after, now_ms) < told->last_ms + COUNTED_MS &&
                       world_is_calm(i->world) && world_clocks_agree(i->world) &&
                       api_get(world_api(i->world), "events", told->ns, told->name) != NULL;
    snprintf(told->ns, sizeof told->ns, "%s",
             invariants_text(yyjson_obj_get(metadata, "namespace")));
    snprintf(told->name, sizeof told->name, "%s", name);
    told->last_ms = happened_ms(d->after, now_ms);
    return is_repeated ? buf_text(said) : NULL;
}

void invariants_forget_events(struct invariants *i)
{
    map_for_each (&i->told, e) {
        mem_free(e->value);
    }
    map_fini(&i->told);
}

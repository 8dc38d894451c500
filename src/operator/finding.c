#include "operator/finding.h"

#include "operator/desired.h"
#include "operator/shape.h"

#include <string.h>

const char *finding_invalid_spec(const struct memcached *m)
{
    if (m->size == REPLICAS_INVALID) {
        return "spec.size is not a whole number from 0 to 2147483647";
    }
    if (strlen(m->object.name) > MEMCACHED_NAME_BYTES_MAX) {
        return "the name is longer than 63 characters: it cannot be the value of the pods' label "
               "memcached_cr";
    }
    return NULL;
}

const struct deployment *finding_operand(const struct memcached_view *view)
{
    return view->operand != NULL ? view->operand : view->stranger;
}

static bool stranger_is_known(const struct memcached_view *view, struct now now)
{
    const struct memory *memory = view->memory;
    return memory->looked && view->stranger != NULL &&
           now.mono_ms - memory->looked_ms < STRANGER_LOOK_MS;
}

static uint64_t wish_of(const struct memcached_view *view)
{
    return shape_with_replicas(view->shape, view->memcached->size);
}

uint64_t finding_pause_ms(const struct memcached_view *view, struct now now)
{
    return contest_pause(&view->memory->operand, wish_of(view), now.mono_ms);
}

static enum finding compare(const struct memcached_view *view, const struct deployment *d,
                            struct now now)
{
    uint64_t wish = wish_of(view);
    uint64_t live = shape_with_replicas(d->shape, d->replicas);
    if (wish == live && d == view->operand) {
        return FINDING_AS_DESIRED;
    }
    uint64_t delay_ms = contest_delay(&view->memory->operand, wish, live, now.mono_ms);
    if (delay_ms == CONTEST_NEVER) {
        return FINDING_OVERRULED;
    }
    return delay_ms == 0 ? FINDING_DIFFERS : FINDING_CONTESTED;
}

/* The size is not what it shall be, and the other controller is about to put it right. Until then
 * it does not reach the Deployment, however short its life would be. */
static bool size_is_awaited(const struct memcached_view *view)
{
    const struct memory *memory = view->memory;
    const struct sizing *sizing = view->sizing;
    int32_t size = view->memcached->size;
    return sizing->has_target && sizing->target != size && memory->size_trouble == NULL &&
           !contest_is_overruled(&memory->size, (uint64_t)sizing->target, (uint64_t)size);
}

bool finding_size_is_due(const struct memcached_view *view, struct now now)
{
    return size_is_awaited(view) &&
           contest_delay(&view->memory->size, (uint64_t)view->sizing->target,
                         (uint64_t)view->memcached->size, now.mono_ms) == 0;
}

enum finding finding_examine(const struct memcached_view *view, struct now now)
{
    if (finding_invalid_spec(view->memcached) != NULL) {
        return FINDING_INVALID;
    }
    if (view->operand == NULL && !view->memory->way_blocked) {
        return finding_pause_ms(view, now) == 0 ? FINDING_MISSING : FINDING_CONTESTED;
    }
    if (view->operand == NULL && !stranger_is_known(view, now)) {
        return FINDING_LOOK;
    }
    const struct deployment *d = finding_operand(view);
    if (!is_controlled_by(&d->object, &view->memcached->object)) {
        return FINDING_TAKEN;
    }
    if (d->object.deleting) {
        return FINDING_TERMINATING;
    }
    return size_is_awaited(view) ? FINDING_AWAITS_SIZE : compare(view, d, now);
}

/*
 * Linked into the operator's own program with --wrap=manager_step: a core that does not hear that
 * it shall stop, which the real one always does in time.
 */
#include "kube/manager.h"

void __real_manager_step(struct manager *m, struct now now, const struct event *event,
                         struct actions *actions);
void __wrap_manager_step(struct manager *m, struct now now, const struct event *event,
                         struct actions *actions);

void __wrap_manager_step(struct manager *m, struct now now, const struct event *event,
                         struct actions *actions)
{
    static const struct event tick = {.type = EVENT_TICK};
    __real_manager_step(m, now, event->type == EVENT_STOP ? &tick : event, actions);
}

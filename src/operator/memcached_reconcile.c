/*
 * One pass: find out what is wrong with the operand and plan its one write; when nothing is, see
 * whether the status tells the truth and plan that. Trouble goes first into the status, then is
 * tried again.
 */
#include "operator/memcached_reconcile.h"

#include "operator/desired.h"
#include "operator/finding.h"
#include "operator/memcached_status.h"
#include "operator/shape.h"

static void plan_create(const struct memcached_view *view, struct plan *plan)
{
    const struct memcached *m = view->memcached;
    struct write *w =
        plan_write(plan, "create Deployment", HTTP_POST, &operand_kind, m->object.ns, NULL);
    w->content_type = MEDIA_JSON;
    w->body = desired_deployment(plan->arena, m, view->image, NULL);
    w->into = view->operands;
    w->tag = WRITE_CREATE;
    w->wish = shape_with_replicas(view->shape, m->size);
    plan_log(
        plan, LOG_INFO, "Creating a new Deployment",
        (struct log_field[]){
            LOG_STR("memcached", arena_printf(plan->arena, "%s/%s", m->object.ns, m->object.name)),
            LOG_STR("Deployment.Namespace", m->object.ns),
            LOG_STR("Deployment.Name", m->object.name),
        },
        3);
}

static void log_apply(const struct memcached_view *view, const struct deployment *d,
                      struct plan *plan)
{
    const struct memcached *m = view->memcached;
    bool shape_differs = d->shape != view->shape;
    plan_log(
        plan, LOG_INFO, "Updating the Deployment",
        (struct log_field[]){
            LOG_STR("memcached", arena_printf(plan->arena, "%s/%s", m->object.ns, m->object.name)),
            LOG_INT("from", d->replicas),
            LOG_INT("to", m->size),
            LOG_BOOL("template-differs", shape_differs),
        },
        4);
    if (shape_differs) {
        plan_event(plan, &memcached_kind, &m->object, EVENT_NORMAL, "DeploymentUpdated", "Apply",
                   "Deployment \"%s\" differed from what the spec says; put back", m->object.name);
    }
}

static void plan_apply(const struct memcached_view *view, struct plan *plan)
{
    const struct memcached *m = view->memcached;
    const struct deployment *d = finding_operand(view);
    struct write *w = plan_write(plan, "apply Deployment", HTTP_PATCH, &operand_kind, m->object.ns,
                                 m->object.name);
    w->content_type = MEDIA_APPLY_PATCH;
    w->force = true;
    w->body = desired_deployment(plan->arena, m, view->image, &d->object);
    w->into = view->operands;
    w->tag = WRITE_APPLY;
    w->wish = shape_with_replicas(view->shape, m->size);
    log_apply(view, d, plan);
}

static void plan_look(const struct memcached_view *view, struct plan *plan)
{
    struct write *w = plan_write(plan, "look at Deployment", HTTP_GET, &operand_kind,
                                 view->memcached->object.ns, view->memcached->object.name);
    w->into = view->strangers;
    w->tag = WRITE_LOOK;
}

/* What is known of the operand is from a look at it: no watch tells when that changes. */
static bool relies_on_look(const struct memcached_view *view, enum finding finding)
{
    return view->operand == NULL &&
           (finding == FINDING_TAKEN || finding == FINDING_TERMINATING ||
            finding == FINDING_OVERRULED || finding == FINDING_AWAITS_SIZE);
}

/* When to look again though nothing changed. */
static void plan_next_look(const struct memcached_view *view, enum finding finding, struct now now,
                           struct plan *plan)
{
    const struct memory *memory = view->memory;
    if (finding == FINDING_CONTESTED) {
        plan_again(plan, finding_pause_ms(view, now));
    }
    if (relies_on_look(view, finding)) {
        plan_again(plan, memory->looked_ms + STRANGER_LOOK_MS - now.mono_ms);
    }
    if (contest_is_on(&memory->operand, now.mono_ms) || contest_is_on(&memory->size, now.mono_ms)) {
        plan_again(plan, CONTEST_QUIET_MS); /* to take the condition back when it is over */
    }
    if (view->sizing->again_ms > 0) {
        plan_again(plan, view->sizing->again_ms); /* a hold ends */
    }
}

void memcached_reconcile(const struct memcached_view *view, struct now now, struct plan *plan)
{
    const struct memcached *m = view->memcached;
    if (m == NULL || m->object.deleting) {
        return; /* garbage collection removes what was owned */
    }
    if (finding_size_is_due(view, now)) {
        return;
    }
    enum finding finding = finding_examine(view, now);
    bool trouble = view->memory->operand_trouble != NULL;
    plan_next_look(view, finding, now, plan);
    if (trouble && memcached_status_plan(view, finding, now, plan)) {
        return;
    }
    switch (finding) {
    case FINDING_MISSING:
        plan_create(view, plan);
        break;
    case FINDING_DIFFERS:
        plan_apply(view, plan);
        break;
    case FINDING_LOOK:
        plan_look(view, plan);
        break;
    default:
        if (!trouble) {
            memcached_status_plan(view, finding, now, plan);
        }
        break;
    }
}

/*
 * The views that the two pure reconcilers decide on, the decision on the size that both share, and
 * whether what is known is new enough to decide on.
 */
#include "operator/operator_parts.h"

#include "base/mem.h"
#include "operator/desired.h"
#include "operator/finding.h"
#include "operator/shape.h"
#include "operator/size_loop.h"
#include "operator/status.h"
#include "operator/sync_reconcile.h"

#include <string.h>

enum { OUTDATED_AGAIN_MS = 500 };

/* ---- What decisions are made from ---- */

/* What @store has of @ns is older than what @record says that a decision was made from: have it
 * refreshed. A record that a consistent read does not reach is none of this history, and counts no
 * more. */
static bool is_outdated(struct operator* op, struct doubt *doubt, const struct store *store,
                        const char *ns, uint64_t record)
{
    const struct store_scope *scope = store_scope_of(store, ns);
    if (scope == NULL || (doubt->record == record && scope->lists > doubt->lists)) {
        return false;
    }
    if (doubt->record != record && manager_refresh(op->manager, store, ns)) {
        *doubt = (struct doubt){.record = record, .lists = scope->lists};
    }
    return true;
}

static bool memcached_is_outdated(struct operator* op, const struct memcached_view *view,
                                  struct memory *memory)
{
    const struct object *m = &view->memcached->object;
    const struct deployment *d = view->operand != NULL ? view->operand : view->stranger;
    return d != NULL && is_controlled_by(&d->object, m) && d->made_from > m->generation &&
           is_outdated(op, &memory->memcached_doubt, op->memcacheds, m->ns, (uint64_t)d->made_from);
}

/* Of labelled Deployments. What is named has no record: named_sources.h. */
static bool claims_are_outdated(struct operator* op, const struct memcached *m,
                                const char *claims_rv, struct memory *memory)
{
    return m->sources_rv != NULL && rv_compare(m->sources_rv, claims_rv) > 0 &&
           is_outdated(op, &memory->sources_doubt, op->sources, m->object.ns,
                       shape_text(m->sources_rv));
}

/* Decide again when the view may be new enough. */
static void put_off(struct plan *plan)
{
    plan_init(plan, plan->arena);
    plan_again(plan, OUTDATED_AGAIN_MS);
}

/* Instead of what was planned. The answer goes to @into. */
static void plan_read(struct plan *plan, const char *what, const struct object *m,
                      struct store *into, int tag)
{
    plan_init(plan, plan->arena);
    struct write *w = plan_write(plan, what, HTTP_GET, into->kind, m->ns, m->name);
    w->into = into;
    w->tag = tag;
}

/* memory->is_confirmed comes first. */
static void plan_confirm(struct operator* op, const struct memcached *m, struct plan *plan)
{
    plan_read(plan, "look at Memcached", &m->object, op->memcacheds, WRITE_CONFIRM);
}

/* ---- The size ---- */

static bool is_of_group(const struct size_source *source, const char *group)
{
    size_t len = strlen(group);
    return strncmp(source->api_version, group, len) == 0 && source->api_version[len] == '/';
}

/* The Memcached whose Deployment has that name. One that is not made yet will be; one that is
 * another's never. */
static const struct memcached *owner_of_deployment(const struct operator* op, const char *ns,
                                                   const char *name)
{
    const struct memcached *m = operator_memcached(op, ns, name);
    const struct object *d = store_get(op->operands, ns, name);
    if (d == NULL) {
        d = named_sources_sight(op->named, ns,
                                &(struct size_source){"apps/v1", source_kind.kind, name})
                .object;
    }
    return m != NULL && (d == NULL || is_controlled_by(d, &m->object)) ? m : NULL;
}

/* size_loop_owner */
static const struct memcached *owner_of(void *ctx, const char *ns, const struct size_source *source)
{
    const struct operator* op = ctx;
    if (is_of_group(source, memcached_kind.group) &&
        strcmp(source->kind, memcached_kind.kind) == 0) {
        return operator_memcached(op, ns, source->name);
    }
    if (!is_of_group(source, source_kind.group)) {
        return NULL;
    }
    if (strcmp(source->kind, source_kind.kind) == 0) {
        return owner_of_deployment(op, ns, source->name);
    }
    const struct object *o = named_sources_sight(op->named, ns, source).object;
    bool is_of_deployment = o != NULL && o->controller.kind != NULL &&
                            strcmp(o->controller.kind, source_kind.kind) == 0;
    return is_of_deployment ? owner_of_deployment(op, ns, o->controller.name) : NULL;
}

static void mark_loops(struct operator* op, const struct memcached *m,
                       struct sizing_source *sources, struct arena *arena)
{
    for (size_t i = 0; sources != NULL && i < m->size_from->source_count; i++) {
        const char *way = size_loop_find(m, i, owner_of, op, arena);
        if (way != NULL) {
            sources[i] = (struct sizing_source){.state = SOURCE_LOOP, .detail = way};
        }
    }
}

static bool keeps_window(const struct memcached *m)
{
    const struct size_from *f = m->size_from;
    return f != NULL && f->fault == NULL && f->scale_down_after_s > 0;
}

/* A window is about to be gone on with that a newer status may tell more of. If it may not be read,
 * what is known has to do: people are told of the trouble. */
static bool window_is_unconfirmed(const struct memcached *m, const struct memory *memory)
{
    return keeps_window(m) && memory->window == NULL && !memory->is_confirmed &&
           memory->size_trouble == NULL;
}

/* The window so far; after a start, as the status tells it. */
static const struct size_window *window_of(const struct memcached *m, const struct memory *memory,
                                           struct now now, struct arena *arena)
{
    if (memory->window != NULL) {
        return memory->window;
    }
    struct status status;
    struct size_window *resumed = arena_alloc(arena, sizeof *resumed);
    status_parse(arena, m->status, &status);
    sizing_status_resume(&status.sizing, m->size_from, now, resumed);
    return resumed;
}

static void keep_window(const struct memcached *m, struct memory *memory,
                        const struct sizing *sizing)
{
    if (!keeps_window(m)) {
        mem_free(memory->window);
        memory->window = NULL;
        return;
    }
    if (memory->window == NULL) {
        memory->window = mem_alloc(sizeof *memory->window);
    }
    *memory->window = sizing->window;
}

/* False: @plan waits for a newer view. */
static bool decide(struct operator* op, const struct memcached *m, struct memory *memory,
                   struct now now, struct plan *plan, struct decision *d)
{
    char key[STORE_KEY_BYTES];
    const struct object *o = &m->object;
    const struct store_scope *scope = store_scope_of(op->sources, o->ns);
    *d = (struct decision){.by_label = m->size_from == NULL || m->size_from->source_count == 0};
    d->claims_rv = d->by_label && scope != NULL ? scope->rv : NULL;
    if (keeps_window(m) && d->by_label && claims_are_outdated(op, m, d->claims_rv, memory)) {
        put_off(plan); /* the window would remember what was wished once */
        return false;
    }
    d->named = named_sources_see(op->named, m, plan->arena);
    mark_loops(op, m, d->named.sources, plan->arena);
    d->operand = (const struct deployment *)store_get(op->operands, o->ns, o->name);
    bool is_ours = d->operand != NULL && is_controlled_by(&d->operand->object, o);
    d->view = (struct sizing_view){
        .memcached = m,
        .sources = d->named.sources,
        .window = keeps_window(m) ? window_of(m, memory, now, plan->arena) : NULL,
        .operand = is_ours ? d->operand : NULL, /* not what a namesake has left behind */
    };
    d->view.claimants =
        store_index_get(op->claims, store_key(o->ns, o->name, key), &d->view.claimant_count);
    d->sizing = sizing_decide(&d->view, now, plan->arena);
    keep_window(m, memory, &d->sizing);
    size_metrics_show(&op->metrics, memory, m, &d->sizing);
    if (d->named.is_doubted) {
        plan_again(plan, OUTDATED_AGAIN_MS);
    }
    return true;
}

static void note_rival(char **rival, const char *name)
{
    mem_free(*rival);
    *rival = name != NULL ? mem_strdup(name) : NULL;
}

/* ---- Memcached → Deployment ---- */

/* What was refused is past once nobody wants to write it any more: its source has another size, the
 * write was done all the same, or a stranger has taken the name. No later answer would tell. */
static void forget_past_troubles(struct memory *memory, const struct memcached_view *view,
                                 struct now now)
{
    if (memory->operand_trouble == NULL && memory->size_trouble == NULL) {
        return;
    }
    const struct sizing *s = view->sizing;
    if (s->reason != SIZING_UNKNOWN && (!s->has_target || s->target == view->memcached->size)) {
        operator_set_trouble(&memory->size_trouble, NULL);
    }
    enum finding finding = finding_examine(view, now);
    if (finding == FINDING_AS_DESIRED || finding == FINDING_TAKEN || finding == FINDING_INVALID) {
        operator_set_trouble(&memory->operand_trouble, NULL);
    }
}

void operator_reconcile_memcached(void *ctx, const char *ns, const char *name, struct now now,
                                  struct plan *plan)
{
    struct operator* op = ctx;
    const struct memcached *m = operator_memcached(op, ns, name);
    if (m == NULL) {
        operator_forget(op, ns, name);
        return;
    }
    struct memory *memory = operator_memory(op, ns, name);
    if (memory->shape == 0) {
        memory->shape = desired_shape(m, op->image);
    }
    struct decision d;
    if (window_is_unconfirmed(m, memory) || !decide(op, m, memory, now, plan, &d)) {
        return; /* the other controller confirms it; the answer brings this key */
    }
    char key[STORE_KEY_BYTES];
    struct memcached_view view = {
        .memcached = m,
        .operand = d.operand,
        .stranger = (const struct deployment *)store_get(op->strangers, ns, name),
        .memory = memory,
        .sizing = &d.sizing,
        .image = op->image,
        .shape = memory->shape,
        .memcacheds = op->memcacheds,
        .operands = op->operands,
        .strangers = op->strangers,
    };
    if (view.operand != NULL && view.operand->replicas == m->size) {
        memory->behind_ms = 0;
    }
    view.pods = store_index_get(op->owned_pods, store_key(ns, name, key), &view.pod_count);
    forget_past_troubles(memory, &view, now);
    memory->waits_for_size = finding_size_is_due(&view, now);
    memcached_reconcile(&view, now, plan);
    if (plan->has_write && plan->write.tag != WRITE_LOOK &&
        memcached_is_outdated(op, &view, memory)) {
        put_off(plan);
    } else if (plan->has_write && plan->write.tag == WRITE_CREATE && !memory->is_confirmed) {
        plan_confirm(op, m, plan);
    }
    if (plan->has_write && plan->write.tag == WRITE_APPLY &&
        contest_is_correction(&memory->operand, plan->write.wish)) {
        note_rival(&memory->operand_rival, finding_operand(&view)->replicas_rival);
    }
}

/* ---- Sources → size ---- */

/* For the latency: the news is followed, or a size is about to be written for it. */
static void note_news(struct memory *memory, const struct memcached *m, const struct plan *plan)
{
    if (plan->has_write) {
        memory->size_before = m->size;
        if (contest_is_correction(&memory->size, plan->write.wish)) {
            note_rival(&memory->size_rival, m->size_rival);
        }
        memory->behind_ms = memory->behind_ms > 0 ? memory->behind_ms : memory->news_ms;
    }
    memory->news_ms = 0;
}

/* How far the last step has come, a lagging server's caches may not show. If its Deployment may not
 * be read, what is known has to do. */
static bool step_is_unconfirmed(const struct memcached *m, const struct memory *memory,
                                const struct decision *d, const struct plan *plan)
{
    const struct size_from *f = m->size_from;
    return plan->has_write && f != NULL && (f->step_up > 0 || f->step_down > 0) &&
           d->view.operand != NULL && !memory->operand_is_confirmed && memory->size_trouble == NULL;
}

bool operator_plan_size(struct operator* op, const struct memcached *m, struct memory *memory,
                        struct now now, struct plan *plan, struct decision *d)
{
    *d = (struct decision){0};
    if (window_is_unconfirmed(m, memory)) {
        plan_confirm(op, m, plan);
        return false;
    }
    if (!decide(op, m, memory, now, plan, d)) {
        return false;
    }
    if (d->named.unread != NULL) {
        named_sources_plan_read(op->named, m->object.ns, d->named.unread, plan);
        return false;
    }
    struct sync_view view = {.memcached = m,
                             .memory = memory,
                             .sizing_view = &d->view,
                             .sizing = &d->sizing,
                             .sources_rv = d->claims_rv,
                             .memcacheds = op->memcacheds};
    sync_reconcile(&view, now, plan);
    if (plan->has_write && d->by_label && claims_are_outdated(op, m, d->claims_rv, memory)) {
        put_off(plan);
        return false;
    }
    if (step_is_unconfirmed(m, memory, d, plan)) {
        plan_read(plan, "look at Deployment", &m->object, op->operands, WRITE_CONFIRM_OPERAND);
        *d = (struct decision){0};
        return false;
    }
    return true;
}

void operator_reconcile_sync(void *ctx, const char *ns, const char *name, struct now now,
                             struct plan *plan)
{
    struct operator* op = ctx;
    const struct memcached *m = operator_memcached(op, ns, name);
    if (m == NULL) {
        return;
    }
    struct memory *memory = operator_memory(op, ns, name);
    struct decision d;
    if (operator_plan_size(op, m, memory, now, plan, &d) && d.sizing.reason != SIZING_UNKNOWN) {
        note_news(memory, m, plan);
    }
    if (memory->waits_for_size && !plan->has_write) { /* it is wished no more */
        memory->waits_for_size = false;
        controller_enqueue(op->memcached_controller, now, ns, name);
    }
}

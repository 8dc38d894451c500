/*
 * Wiring: which objects are watched, which change brings which key to which controller, and the
 * views that the two pure reconcilers decide on.
 */
#include "operator/operator.h"

#include "base/mem.h"
#include "operator/claims.h"
#include "operator/desired.h"
#include "operator/finding.h"
#include "operator/memcached_reconcile.h"
#include "operator/shape.h"
#include "operator/sync_reconcile.h"

#include <stdio.h>
#include <string.h>

enum { OUTDATED_AGAIN_MS = 500 };

struct operator
{
    struct manager *manager;
    char *image;
    struct controller *memcached_controller;
    struct controller *sync_controller;
    struct store *memcacheds, *sources, *operands, *strangers, *pods;
    struct store_index *claims;     /* "ns/label value" → sources */
    struct store_index *owned_pods; /* "ns/memcached_cr" → pods */
    bool started;                   /* at work, and not a standby */
    struct map memories;            /* "ns/name" of a Memcached → struct memory */
};

/* ---- Memory ---- */

static struct memory *memory_of(struct operator* op, const char *ns, const char *name)
{
    char key[STORE_KEY_BYTES];
    store_key(ns, name, key);
    struct memory *memory = map_get(&op->memories, key);
    if (memory == NULL) {
        memory = mem_zalloc(sizeof *memory);
        map_put(&op->memories, key, memory);
    }
    return memory;
}

static void memory_free(struct memory *memory)
{
    if (memory != NULL) {
        mem_free(memory->operand_trouble);
        mem_free(memory->size_trouble);
        mem_free(memory);
    }
}

static void forget(struct operator* op, const char *ns, const char *name)
{
    char key[STORE_KEY_BYTES];
    memory_free(map_remove(&op->memories, store_key(ns, name, key)));
    store_drop(op->strangers, ns, name);
}

static void set_trouble(char **trouble, const struct answer *answer)
{
    mem_free(*trouble);
    *trouble = answer == NULL ? NULL : mem_strdup(answer->error.message);
}

/* The server understood the write and refuses it: trying again alone will not help, so people are
 * told. */
static bool is_refusal(const struct answer *answer)
{
    return answer->error.code == ERR_BAD_REQUEST || answer->error.code == ERR_FORBIDDEN;
}

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

static bool sources_are_outdated(struct operator* op, const struct sync_view *view,
                                 struct memory *memory)
{
    const struct memcached *m = view->memcached;
    return m->sources_rv != NULL && rv_compare(m->sources_rv, view->sources_rv) > 0 &&
           is_outdated(op, &memory->sources_doubt, op->sources, m->object.ns,
                       shape_text(m->sources_rv));
}

/* Decide again when the view may be new enough. */
static void put_off(struct plan *plan)
{
    plan_init(plan, plan->arena);
    plan_again(plan, OUTDATED_AGAIN_MS);
}

/* ---- Views ---- */

static const struct memcached *memcached_get(const struct operator* op, const char *ns,
                                             const char *name)
{
    return (const struct memcached *)store_get(op->memcacheds, ns, name);
}

/* What was refused is past once nobody wants to write it any more: its source has another size, the
 * write was done all the same, or a stranger has taken the name. No later answer would tell. */
static void forget_past_troubles(struct memory *memory, const struct memcached_view *view,
                                 struct now now, struct arena *arena)
{
    if (memory->operand_trouble == NULL && memory->size_trouble == NULL) {
        return;
    }
    struct claims claims = claims_judge(arena, view->sources, view->source_count);
    if (claims.winner == NULL || claims.winner->replicas == view->memcached->size) {
        set_trouble(&memory->size_trouble, NULL);
    }
    enum finding finding = finding_examine(view, &claims, now);
    if (finding == FINDING_AS_DESIRED || finding == FINDING_TAKEN || finding == FINDING_INVALID) {
        set_trouble(&memory->operand_trouble, NULL);
    }
}

static void reconcile_memcached(void *ctx, const char *ns, const char *name, struct now now,
                                struct plan *plan)
{
    struct operator* op = ctx;
    const struct memcached *m = memcached_get(op, ns, name);
    if (m == NULL) {
        forget(op, ns, name);
        return;
    }
    struct memory *memory = memory_of(op, ns, name);
    if (memory->shape == 0) {
        memory->shape = desired_shape(m, op->image);
    }
    char key[STORE_KEY_BYTES];
    store_key(ns, name, key);
    struct memcached_view view = {
        .memcached = m,
        .operand = (const struct deployment *)store_get(op->operands, ns, name),
        .stranger = (const struct deployment *)store_get(op->strangers, ns, name),
        .memory = memory,
        .image = op->image,
        .shape = memory->shape,
        .memcacheds = op->memcacheds,
        .operands = op->operands,
        .strangers = op->strangers,
    };
    view.sources = store_index_get(op->claims, key, &view.source_count);
    view.pods = store_index_get(op->owned_pods, key, &view.pod_count);
    forget_past_troubles(memory, &view, now, plan->arena);
    memcached_reconcile(&view, now, plan);
    if (plan->has_write && plan->write.tag != WRITE_LOOK &&
        memcached_is_outdated(op, &view, memory)) {
        put_off(plan);
    }
}

static void reconcile_sync(void *ctx, const char *ns, const char *name, struct now now,
                           struct plan *plan)
{
    struct operator* op = ctx;
    const struct memcached *m = memcached_get(op, ns, name);
    if (m == NULL) {
        return;
    }
    char key[STORE_KEY_BYTES];
    store_key(ns, name, key);
    struct memory *memory = memory_of(op, ns, name);
    struct sync_view view = {.memcached = m, .memory = memory, .memcacheds = op->memcacheds};
    const struct store_scope *scope = store_scope_of(op->sources, ns);
    view.sources_rv = scope != NULL ? scope->rv : NULL;
    view.sources = store_index_get(op->claims, key, &view.source_count);
    sync_reconcile(&view, now, plan);
    if (plan->has_write && sources_are_outdated(op, &view, memory)) {
        put_off(plan);
    }
}

/* ---- Answers ---- */

static void remember_operand(struct memory *memory, struct now now, const struct write *write,
                             const struct answer *answer, const struct object *object)
{
    if (object != NULL) {
        const struct deployment *d = (const struct deployment *)object;
        contest_written(&memory->operand, write->wish, shape_with_replicas(d->shape, d->replicas),
                        now.mono_ms);
    }
    if (is_refusal(answer)) {
        set_trouble(&memory->operand_trouble, answer);
    } else if (answer->error.code == ERR_NONE) {
        set_trouble(&memory->operand_trouble, NULL);
    }
}

/* Nothing is in the way any more, or what we know of it is out of date. */
static void forget_stranger(struct operator* op, struct memory *memory, const char *ns,
                            const char *name)
{
    memory->way_blocked = false;
    store_drop(op->strangers, ns, name);
}

/* It was written, but the server took our label off: only looking tells of it. */
static bool is_hidden(const struct answer *answer, const struct object *operand)
{
    return answer->error.code == ERR_NONE && operand != NULL &&
           !((const struct deployment *)operand)->is_shown;
}

static bool answered_memcached(void *ctx, const char *ns, const char *name, struct now now,
                               const struct write *write, const struct answer *answer,
                               const struct object *object)
{
    struct operator* op = ctx;
    struct memory *memory = memory_of(op, ns, name);
    int code = answer->error.code;
    switch (write->tag) {
    case WRITE_CREATE:
        remember_operand(memory, now, write, answer, object);
        memory->way_blocked = code == ERR_EXISTS || is_hidden(answer, object);
        memory->looked = false;
        return memory->way_blocked;
    case WRITE_LOOK:
        memory->looked = code == ERR_NONE;
        memory->looked_ms = now.mono_ms;
        if (code == ERR_NOT_FOUND) {
            forget_stranger(op, memory, ns, name);
        }
        return code == ERR_NONE || code == ERR_NOT_FOUND;
    case WRITE_APPLY:
        remember_operand(memory, now, write, answer, object);
        memory->looked = false; /* after a conflict the stranger is to be looked at anew */
        if (code == ERR_NONE || code == ERR_NOT_FOUND) {
            forget_stranger(op, memory, ns, name);
        }
        memory->way_blocked |= is_hidden(answer, object);
        return is_hidden(answer, object);
    case WRITE_STATUS:
        if (object != NULL) {
            contest_written(&memory->status, write->wish,
                            shape_text(((const struct memcached *)object)->status), now.mono_ms);
        }
        return false;
    default:
        return false;
    }
}

/* A refused or contested size shows in the status, which is the other controller's. */
static bool answered_sync(void *ctx, const char *ns, const char *name, struct now now,
                          const struct write *write, const struct answer *answer,
                          const struct object *object)
{
    struct operator* op = ctx;
    struct memory *memory = memory_of(op, ns, name);
    bool had_trouble = memory->size_trouble != NULL;
    if (is_refusal(answer)) {
        set_trouble(&memory->size_trouble, answer);
    } else if (answer->error.code == ERR_NONE) {
        set_trouble(&memory->size_trouble, NULL);
    }
    if (object != NULL) {
        const struct memcached *m = (const struct memcached *)object;
        contest_written(&memory->size, write->wish, (uint64_t)m->size, now.mono_ms);
    }
    if (had_trouble || memory->size_trouble != NULL) {
        controller_enqueue(op->memcached_controller, now, ns, name);
    }
    return false;
}

/* ---- Which change brings which key ---- */

static void enqueue_both(struct operator* op, const char *ns, const char *name)
{
    struct now now = manager_now(op->manager);
    controller_enqueue(op->sync_controller, now, ns, name);
    controller_enqueue(op->memcached_controller, now, ns, name);
}

static void on_memcached(void *ctx, const struct object *before, const struct object *after)
{
    struct operator* op = ctx;
    const struct object *o = after != NULL ? after : before;
    const struct memcached *was = (const struct memcached *)before;
    const struct memcached *is = (const struct memcached *)after;
    bool same = was != NULL && is != NULL && strcmp(was->object.uid, is->object.uid) == 0;
    if (!same) {
        forget(op, o->ns, o->name); /* a namesake inherits no quarrels */
    }
    if (same && was->size == is->size) {
        controller_enqueue(op->memcached_controller, manager_now(op->manager), o->ns, o->name);
    } else {
        enqueue_both(op, o->ns, o->name);
    }
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The same claimant with the same claim: at most its replicas differ. */
static bool same_claimant(const struct deployment *a, const struct deployment *b)
{
    return a != NULL && b != NULL && same_text(a->claim, b->claim) &&
           same_text(a->object.uid, b->object.uid) && a->object.deleting == b->object.deleting &&
           is_operand(&a->object) == is_operand(&b->object);
}

static void warn_of_claim(struct operator* op, const struct deployment *d)
{
    enum claim_fault fault = d->claim != NULL ? claim_check(d) : CLAIM_GOOD;
    if (fault == CLAIM_GOOD || !op->started) {
        return;
    }
    char note[512];
    if (fault == CLAIM_OWN) {
        snprintf(note, sizeof note,
                 "The label " CLAIM_LABEL
                 " is ignored: this Deployment belongs to Memcached \"%s\" "
                 "and would feed itself",
                 d->object.controller.name != NULL ? d->object.controller.name : "");
    } else {
        snprintf(note, sizeof note,
                 "The label " CLAIM_LABEL " is ignored: \"%s\" is no valid name of a Memcached",
                 d->claim);
    }
    struct now now = manager_now(op->manager);
    manager_log(op->manager, now, LOG_WARN, "controllers.DeploymentSync", note,
                (struct log_field[]){LOG_STR("namespace", d->object.ns),
                                     LOG_STR("deployment", d->object.name)},
                2);
    manager_record(op->manager, now,
                   &(struct recorder_event){.kind = &source_kind,
                                            .ns = d->object.ns,
                                            .name = d->object.name,
                                            .uid = d->object.uid,
                                            .rv = d->object.rv,
                                            .severity = EVENT_WARNING,
                                            .reason = "ClaimInvalid",
                                            .action = "Scale",
                                            .note = note});
}

/* Only its replicas are others. A size that differs from them is written, and the answer brings the
 * Memcached's own key; who waits for a size that is right now has to be told. */
static void on_replicas(struct operator* op, const struct deployment *source)
{
    const char *ns = source->object.ns;
    const struct memcached *m = memcached_get(op, ns, source->claim);
    if (m != NULL && m->size == source->replicas) {
        enqueue_both(op, ns, source->claim);
    } else {
        controller_enqueue(op->sync_controller, manager_now(op->manager), ns, source->claim);
    }
}

/* A Deployment maps to the Memcached that it claims, and to the one that it used to claim. */
static void on_source(void *ctx, const struct object *before, const struct object *after)
{
    struct operator* op = ctx;
    const struct deployment *was = (const struct deployment *)before;
    const struct deployment *is = (const struct deployment *)after;
    if (same_claimant(was, is)) {
        if (was->replicas != is->replicas && is->claim != NULL) {
            on_replicas(op, is);
        }
        return;
    }
    if (was != NULL && was->claim != NULL) {
        enqueue_both(op, was->object.ns, was->claim);
    }
    if (is != NULL && is->claim != NULL) {
        warn_of_claim(op, is);
        enqueue_both(op, is->object.ns, is->claim);
    }
}

/* Our Deployments bear the names of their Memcacheds. */
static void on_operand(void *ctx, const struct object *before, const struct object *after)
{
    struct operator* op = ctx;
    const struct object *o = after != NULL ? after : before;
    controller_enqueue(op->memcached_controller, manager_now(op->manager), o->ns, o->name);
}

static void on_pod(void *ctx, const struct object *before, const struct object *after)
{
    struct operator* op = ctx;
    const struct pod *is = (const struct pod *)after;
    const struct pod *was = (const struct pod *)before;
    struct now now = manager_now(op->manager);
    if (was != NULL && (is == NULL || strcmp(was->memcached, is->memcached) != 0)) {
        controller_enqueue(op->memcached_controller, now, was->object.ns, was->memcached);
    }
    if (is != NULL && (was == NULL || was->object.deleting != is->object.deleting ||
                       strcmp(was->memcached, is->memcached) != 0)) {
        controller_enqueue(op->memcached_controller, now, is->object.ns, is->memcached);
    }
}

/* What was there before work began has to be warned of too; a standby leaves that to the leader. */
static void start(void *ctx, struct now now)
{
    struct operator* op = ctx;
    (void)now;
    op->started = true;
    map_for_each (&op->sources->objects, e) {
        warn_of_claim(op, e->value);
    }
}

static void resync_memcached(void *ctx, struct now now)
{
    struct operator* op = ctx;
    map_for_each (&op->memcacheds->objects, e) {
        const struct object *o = e->value;
        controller_enqueue(op->memcached_controller, now, o->ns, o->name);
    }
}

static void resync_sync(void *ctx, struct now now)
{
    struct operator* op = ctx;
    map_for_each (&op->memcacheds->objects, e) {
        const struct object *o = e->value;
        controller_enqueue(op->sync_controller, now, o->ns, o->name);
    }
}

/* ---- Indexes ---- */

static void claim_key(const struct object *o, char out[STORE_KEY_BYTES])
{
    const struct deployment *d = (const struct deployment *)o;
    out[0] = '\0';
    if (d->claim != NULL) {
        store_key(o->ns, d->claim, out);
    }
}

static void pod_key(const struct object *o, char out[STORE_KEY_BYTES])
{
    store_key(o->ns, ((const struct pod *)o)->memcached, out);
}

static bool operand_is_shown(const struct object *o)
{
    return ((const struct deployment *)o)->is_shown;
}

/* ---- Making ---- */

static void add_stores(struct operator* op, struct manager *m)
{
    op->memcacheds = manager_watch(
        m,
        &(struct watch_spec){
            .kind = &memcached_kind,
            .if_not_served = "install the CustomResourceDefinition: `make install`, or "
                             "`kubectl apply -k config/crd`; the operator starts by itself then"});
    op->sources =
        manager_watch(m, &(struct watch_spec){.kind = &source_kind, .label_selector = CLAIM_LABEL});
    op->operands = manager_watch(
        m, &(struct watch_spec){.kind = &operand_kind, .label_selector = OPERAND_SELECTOR});
    op->pods = manager_watch(m, &(struct watch_spec){.kind = &pod_kind,
                                                     .label_selector = POD_SELECTOR,
                                                     .metadata_only = true});
    op->strangers = manager_add_store(m, &operand_kind);
    store_show_only(op->operands, operand_is_shown);
    op->claims = store_add_index(op->sources, claim_key);
    op->owned_pods = store_add_index(op->pods, pod_key);
    store_subscribe(op->memcacheds, on_memcached, op);
    store_subscribe(op->sources, on_source, op);
    store_subscribe(op->operands, on_operand, op);
    store_subscribe(op->pods, on_pod, op);
}

/* The memcached controller is added first: it goes first, so that what a sync has begun is
 * completed before the next sync begins. */
static void add_controllers(struct operator* op, struct manager *m)
{
    op->memcached_controller =
        manager_add_controller(m, &(struct controller_spec){.name = "memcached",
                                                            .logger = "controllers.Memcached",
                                                            .keyed_by = &memcached_kind,
                                                            .ctx = op,
                                                            .reconcile = reconcile_memcached,
                                                            .answered = answered_memcached,
                                                            .resync = resync_memcached});
    op->sync_controller =
        manager_add_controller(m, &(struct controller_spec){.name = "deploymentsync",
                                                            .logger = "controllers.DeploymentSync",
                                                            .keyed_by = &memcached_kind,
                                                            .ctx = op,
                                                            .reconcile = reconcile_sync,
                                                            .answered = answered_sync,
                                                            .start = start,
                                                            .resync = resync_sync});
}

struct operator* operator_new(struct manager *manager, const struct operator_options *options)
{
    struct operator* op = mem_zalloc(sizeof *op);
    op->manager = manager;
    op->image = mem_strdup(options->image);
    map_init(&op->memories, manager_settings(manager)->seed);
    add_stores(op, manager);
    add_controllers(op, manager);
    return op;
}

void operator_free(struct operator* op)
{
    if (op == NULL) {
        return;
    }
    map_for_each (&op->memories, e) {
        memory_free(e->value);
    }
    map_fini(&op->memories);
    mem_free(op->image);
    mem_free(op);
}

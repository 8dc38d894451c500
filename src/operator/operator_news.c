/*
 * Which change brings which key to which controller.
 */
#include "operator/operator_parts.h"

#include "operator/claims.h"

#include <stdio.h>
#include <string.h>

static void enqueue_both(struct operator* op, const char *ns, const char *name)
{
    struct now now = manager_now(op->manager);
    controller_enqueue(op->sync_controller, now, ns, name);
    controller_enqueue(op->memcached_controller, now, ns, name);
}

/* What its size is made from, beside who asks for it. */
static bool same_rules(const struct memcached *a, const struct memcached *b)
{
    return a->size == b->size && a->paused == b->paused &&
           (a->object.generation == b->object.generation ||
            (a->size_from == NULL && b->size_from == NULL));
}

static void on_memcached(void *ctx, const struct object *before, const struct object *after)
{
    struct operator* op = ctx;
    const struct object *o = after != NULL ? after : before;
    const struct memcached *was = (const struct memcached *)before;
    const struct memcached *is = (const struct memcached *)after;
    bool same = was != NULL && is != NULL && strcmp(was->object.uid, is->object.uid) == 0;
    if (!same) {
        operator_forget(op, o->ns, o->name); /* a namesake inherits no quarrels */
    }
    bool names_others =
        named_sources_follow(op->named, o->ns, o->name, is != NULL ? is->size_from : NULL);
    if (op->started && (!same || names_others) && named_sources_any(op->named)) {
        named_sources_tell_all(op->named, o->ns); /* loops go over several Memcacheds */
    }
    const struct memory *memory = operator_recall(op, o->ns, o->name);
    bool is_awaited = memory != NULL && memory->size_awaits_newer;
    if (same && same_rules(was, is) && !is_awaited) {
        controller_enqueue(op->memcached_controller, manager_now(op->manager), o->ns, o->name);
        return;
    }
    enqueue_both(op, o->ns, o->name);
}

/* For the latency: a source of it has changed. */
static void note_news(struct operator* op, const char *ns, const char *name)
{
    struct memory *memory = operator_recall(op, ns, name);
    if (memory != NULL && memory->news_ms == 0) {
        memory->news_ms = manager_now(op->manager).mono_ms;
    }
}

/* A named source of it. */
static void on_named(void *ctx, const char *ns, const char *name)
{
    struct operator* op = ctx;
    note_news(op, ns, name);
    enqueue_both(op, ns, name);
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

/* A Deployment maps to the Memcached that it claims, and to the one that it used to claim. */
static void on_source(void *ctx, const struct object *before, const struct object *after)
{
    struct operator* op = ctx;
    const struct deployment *was = (const struct deployment *)before;
    const struct deployment *is = (const struct deployment *)after;
    if (same_claimant(was, is)) {
        if (was->replicas != is->replicas && is->claim != NULL) {
            note_news(op, is->object.ns, is->claim);
            enqueue_both(op, is->object.ns, is->claim); /* the status tells of all claimants */
        }
        return;
    }
    if (was != NULL && was->claim != NULL) {
        enqueue_both(op, was->object.ns, was->claim);
    }
    if (is != NULL && is->claim != NULL) {
        warn_of_claim(op, is);
        note_news(op, is->object.ns, is->claim);
        enqueue_both(op, is->object.ns, is->claim);
    }
}

/* Our Deployments bear the names of their Memcacheds. A step waits for what they carry out. */
static void on_operand(void *ctx, const struct object *before, const struct object *after)
{
    struct operator* op = ctx;
    const struct object *o = after != NULL ? after : before;
    struct now now = manager_now(op->manager);
    const struct memcached *m = operator_memcached(op, o->ns, o->name);
    controller_enqueue(op->memcached_controller, now, o->ns, o->name);
    if (m != NULL && m->size_from != NULL &&
        (m->size_from->step_up > 0 || m->size_from->step_down > 0)) {
        controller_enqueue(op->sync_controller, now, o->ns, o->name);
    }
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
void operator_start(void *ctx, struct now now)
{
    struct operator* op = ctx;
    (void)now;
    op->started = true;
    named_sources_start(op->named);
    map_for_each (&op->sources->objects, e) {
        warn_of_claim(op, e->value);
    }
}

void operator_resync_memcached(void *ctx, struct now now)
{
    struct operator* op = ctx;
    map_for_each (&op->memcacheds->objects, e) {
        const struct object *o = e->value;
        controller_enqueue(op->memcached_controller, now, o->ns, o->name);
    }
}

void operator_resync_sync(void *ctx, struct now now)
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

void operator_listen(struct operator* op)
{
    op->named = named_sources_new(op->manager, on_named, op);
    store_show_only(op->operands, operand_is_shown);
    op->claims = store_add_index(op->sources, claim_key);
    op->owned_pods = store_add_index(op->pods, pod_key);
    store_subscribe(op->memcacheds, on_memcached, op);
    store_subscribe(op->sources, on_source, op);
    store_subscribe(op->operands, on_operand, op);
    store_subscribe(op->pods, on_pod, op);
}

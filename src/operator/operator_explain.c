/*
 * The operator that explains: one controller in place of the two, whose plans only read. What it
 * says comes from the functions that decide and plan for the two, so that it cannot disagree.
 */
#include "operator/operator_parts.h"

#include "operator/explain.h"
#include "operator/finding.h"

#include <assert.h>
#include <string.h>

#define IN_ORDER "all" /* the one key of op->in_order */

/* ---- The Deployment ---- */

static const char *reason_text(enum finding finding, const struct memcached *m)
{
    switch (finding) {
    case FINDING_TAKEN:
        return "one of that name is not this Memcached's";
    case FINDING_TERMINATING:
        return "it is being deleted; a new one will follow";
    case FINDING_INVALID:
        return finding_invalid_spec(m);
    default:
        return NULL;
    }
}

/* Is one in the way? False: @plan looks. */
static bool look_at_deployment(const struct memcached_view *view, struct now now, struct plan *plan,
                               struct explanation *e)
{
    const char *trouble = view->memory->operand_trouble;
    e->reason = trouble != NULL ? trouble : e->reason;
    if (trouble == NULL) {
        memcached_reconcile(view, now, plan);
    }
    return trouble != NULL;
}

/* What the Memcached controller does once spec.size is written. Of the Deployment's shape nothing
 * is said: which image is wanted, only the operator's own flags say. */
static bool explain_deployment(const struct operator* op, const struct memory *memory,
                               const struct decision *d, struct now now, struct plan *plan,
                               struct explanation *e)
{
    const struct object *o = &e->memcached->object;
    struct memcached after = *e->memcached;
    after.size = e->size;
    struct memcached_view view = {
        .memcached = &after,
        .operand = d->operand,
        .stranger = (const struct deployment *)store_get(op->strangers, o->ns, o->name),
        .memory = memory,
        .sizing = &d->sizing,
        .image = op->image,
        .memcacheds = op->memcacheds,
        .operands = op->operands,
        .strangers = op->strangers,
    };
    const struct deployment *operand = finding_operand(&view);
    view.shape = operand != NULL ? operand->shape : 0;
    enum finding finding = finding_examine(&view, now);
    if (finding == FINDING_LOOK && !o->deleting) {
        return look_at_deployment(&view, now, plan, e);
    }
    e->deed = EXPLAIN_NOTHING;
    if (o->deleting) {
        e->reason = "the Memcached is being deleted";
        return true;
    }
    if (finding == FINDING_MISSING) {
        e->deed = EXPLAIN_CREATE;
    } else if (finding == FINDING_DIFFERS) {
        e->deed = EXPLAIN_SCALE;
        e->replicas = operand->replicas;
    }
    e->reason = reason_text(finding, &after);
    return true;
}

/* ---- One Memcached ---- */

/* It is not known yet how one of its sources is, though another may have told enough: a loop may
 * turn out to be none. */
static bool awaits_source(struct operator* op, const struct memcached *m, struct arena *arena)
{
    struct named_view named = named_sources_see(op->named, m, arena);
    bool unknown = false;
    for (size_t i = 0; named.sources != NULL && i < m->size_from->source_count; i++) {
        unknown = unknown || named.sources[i].state == SOURCE_UNKNOWN;
    }
    return unknown;
}

/* They are told of only, by operator_explain(). */
static void drop_deeds(struct plan *plan)
{
    plan->has_write = false;
    plan->log_count = plan->event_count = 0;
}

/* What DeploymentSync does. False: not all is known, and @plan reads it or waits. */
static bool explain_size(struct operator* op, struct memory *memory, struct decision *d,
                         struct now now, struct plan *plan, struct explanation *e)
{
    if (operator_plan_size(op, e->memcached, memory, now, plan, d)) {
        e->size = plan->has_write ? (int32_t)plan->write.wish : e->size;
        drop_deeds(plan);
        return !awaits_source(op, e->memcached, plan->arena);
    }
    if (d->view.memcached == NULL) { /* it did not come so far */
        d->view.memcached = e->memcached;
        d->sizing = (struct sizing){.reason = SIZING_UNKNOWN,
                                    .source = "",
                                    .message = "what is known may be older than what was decided "
                                               "from; it is read anew"};
        return false;
    }
    /* A scale that cannot be read is tried again and again, but that is an answer. */
    bool is_answer = plan->has_write && d->sizing.reason != SIZING_UNKNOWN;
    if (is_answer) {
        drop_deeds(plan);
    }
    return is_answer;
}

/* All of *e lives in @plan's arena, or is the stores'. False as above. */
static bool explain(struct operator* op, const struct memcached *m, struct now now,
                    struct plan *plan, struct explanation *e)
{
    struct memory *memory = operator_memory(op, m->object.ns, m->object.name);
    struct decision *d = arena_alloc(plan->arena, sizeof *d);
    *e = (struct explanation){.memcached = m,
                              .view = &d->view,
                              .sizing = &d->sizing,
                              .size = m->size,
                              .deed = EXPLAIN_UNKNOWN,
                              .replicas = REPLICAS_INVALID,
                              .reason = "not all has been read yet"};
    bool is_known = explain_size(op, memory, d, now, plan, e);
    if (!is_known && plan->has_write) {
        return false;
    }
    return explain_deployment(op, memory, d, now, plan, e) && is_known;
}

/* ---- The controller ---- */

static void reconcile(void *ctx, const char *ns, const char *name, struct now now,
                      struct plan *plan)
{
    struct operator* op = ctx;
    char key[STORE_KEY_BYTES];
    const struct memcached *m = operator_memcached(op, ns, name);
    struct explanation e;
    store_key(ns, name, key);
    if (m == NULL) {
        operator_forget(op, ns, name);
    }
    if (m == NULL || explain(op, m, now, plan, &e)) {
        map_remove(&op->unexplained, key);
    } else {
        map_put(&op->unexplained, key, op);
    }
    assert(!plan->has_write || plan->write.method == HTTP_GET);
}

static bool answered(void *ctx, const char *ns, const char *name, struct now now,
                     const struct write *write, const struct answer *answer,
                     const struct object *object)
{
    struct operator* op = ctx;
    if (write->tag != WRITE_LOOK) {
        return operator_answered_sync(ctx, ns, name, now, write, answer, object);
    }
    if (answer->error.code == ERR_FORBIDDEN) {
        operator_set_trouble(&operator_memory(op, ns, name)->operand_trouble, answer);
        return true;
    }
    return operator_answered_memcached(ctx, ns, name, now, write, answer, object);
}

/* Work begins. What was listed has brought its keys already. */
static void start(void *ctx, struct now now)
{
    struct operator* op = ctx;
    char key[STORE_KEY_BYTES];
    operator_start(op, now);
    map_for_each (&op->memcacheds->objects, e) {
        const struct object *o = e->value;
        map_put(&op->unexplained, store_key(o->ns, o->name, key), op);
    }
}

static void in_order_key(const struct object *o, char out[STORE_KEY_BYTES])
{
    (void)o;
    strcpy(out, IN_ORDER);
}

void operator_add_explainer(struct operator* op)
{
    op->in_order = store_add_index(op->memcacheds, in_order_key);
    op->sync_controller = op->memcached_controller =
        manager_add_controller(op->manager, &(struct controller_spec){.name = "explain",
                                                                      .logger = "explain",
                                                                      .keyed_by = &memcached_kind,
                                                                      .ctx = op,
                                                                      .reconcile = reconcile,
                                                                      .answered = answered,
                                                                      .start = start});
}

/* ---- Telling ---- */

bool operator_is_explained(const struct operator* op)
{
    return op->started && op->unexplained.count == 0;
}

/* Returns whether all was known. */
static bool tell(struct operator* op, const struct memcached *m, struct now now,
                 struct json_writer *json, struct buf *out)
{
    struct arena arena = {0};
    struct plan plan;
    struct explanation e;
    plan_init(&plan, &arena);
    bool is_known = explain(op, m, now, &plan, &e);
    if (json != NULL) {
        explain_json(&e, json);
    } else {
        buf_append_text(out, out->len > 0 ? "\n" : "");
        explain_text(&e, out);
    }
    arena_fini(&arena);
    return is_known;
}

int operator_explain(struct operator* op, const struct explain_wish *wish, struct now now,
                     struct buf *out, size_t *unknown, struct error *err)
{
    struct json_writer json;
    size_t count = 0, not_known = 0, told = 0;
    if (!op->started) {
        return error_set(err, ERR_CANCELLED, "not all has been listed yet");
    }
    const struct object *const *all = store_index_get(op->in_order, IN_ORDER, &count);
    if (wish->as_json) {
        json_writer_init(&json, out, true);
        json_array_begin(&json);
    }
    for (size_t i = 0; i < count && !out->truncated; i++) {
        if (wish->name == NULL || strcmp(all[i]->name, wish->name) == 0) {
            const struct memcached *m = (const struct memcached *)all[i];
            not_known += tell(op, m, now, wish->as_json ? &json : NULL, out) ? 0 : 1;
            told++;
        }
    }
    if (wish->as_json) {
        json_array_end(&json);
        buf_append_char(out, '\n');
    }
    if (unknown != NULL) {
        *unknown = not_known;
    }
    if (out->truncated) {
        return error_set(err, ERR_TOO_BIG, "more than %zu bytes", out->max);
    }
    if (told == 0 && wish->name != NULL) {
        return error_set(err, ERR_NOT_FOUND, "there is no Memcached \"%s\"", wish->name);
    }
    return (int)told;
}

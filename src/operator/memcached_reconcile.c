/*
 * One pass: find out what is wrong with the operand and plan its one write; when nothing is, see
 * whether the status tells the truth and plan that. Trouble goes first into the status, then is
 * tried again.
 */
#include "operator/memcached_reconcile.h"

#include "base/json_writer.h"
#include "base/mem.h"
#include "operator/claims.h"
#include "operator/desired.h"
#include "operator/shape.h"
#include "operator/status.h"

#include <string.h>

enum {
    LOSERS_NAMED_MAX = 10, /* in a condition's message */
    MESSAGE_BYTES_MAX = 4096,
};

/* What there is to say about the operand. */
enum finding {
    FINDING_AS_DESIRED,
    FINDING_MISSING,     /* to be created */
    FINDING_DIFFERS,     /* to be applied */
    FINDING_LOOK,        /* something is in the way: to be looked at */
    FINDING_TAKEN,       /* a Deployment of that name is not ours */
    FINDING_TERMINATING, /* ours, on its way out: wait */
    FINDING_OVERRULED,   /* the server changes what we apply */
    FINDING_CONTESTED,   /* somebody else keeps changing it: wait for the next step */
    FINDING_INVALID,     /* the spec makes no Deployment */
    FINDING_AWAITS_SIZE, /* a rival holds up the size: the Deployment keeps what it has */
};

uint64_t operand_value(uint64_t shape, int32_t replicas)
{
    return shape_mix(shape, (uint64_t)replicas);
}

/* Why @m cannot become a Deployment though the schema let it through; NULL: it can. */
static const char *invalid_spec(const struct memcached *m)
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

/* The Deployment of that name, wherever we know it from. */
static const struct deployment *any_operand(const struct memcached_view *view)
{
    return view->operand != NULL ? view->operand : view->stranger;
}

static bool stranger_is_known(const struct memcached_view *view, struct now now)
{
    const struct memory *memory = view->memory;
    return memory->looked && view->stranger != NULL &&
           now.mono_ms - memory->looked_ms < STRANGER_LOOK_MS;
}

static enum finding compare(const struct memcached_view *view, const struct deployment *d,
                            struct now now)
{
    uint64_t wish = operand_value(view->shape, view->memcached->size);
    uint64_t live = operand_value(d->shape, d->replicas);
    if (wish == live && d == view->operand) {
        return FINDING_AS_DESIRED;
    }
    uint64_t delay_ms = contest_delay(&view->memory->operand, wish, live, now.mono_ms);
    if (delay_ms == CONTEST_NEVER) {
        return FINDING_OVERRULED;
    }
    return delay_ms == 0 ? FINDING_DIFFERS : FINDING_CONTESTED;
}

/* The size is not its source's, and the other controller is about to put it right. Until then it
 * does not reach the Deployment, however short its life would be. */
static bool size_is_awaited(const struct memcached_view *view, const struct claims *claims)
{
    const struct memory *memory = view->memory;
    int32_t size = view->memcached->size;
    return claims->winner != NULL && claims->winner->replicas != size &&
           memory->size_trouble == NULL &&
           !contest_is_overruled(&memory->size, (uint64_t)claims->winner->replicas, (uint64_t)size);
}

/* At once, that is; no rival holds it up. Its answer brings the key back. */
static bool size_is_due(const struct memcached_view *view, const struct claims *claims,
                        struct now now)
{
    return size_is_awaited(view, claims) &&
           contest_delay(&view->memory->size, (uint64_t)claims->winner->replicas,
                         (uint64_t)view->memcached->size, now.mono_ms) == 0;
}

static enum finding examine(const struct memcached_view *view, const struct claims *claims,
                            struct now now)
{
    if (invalid_spec(view->memcached) != NULL) {
        return FINDING_INVALID;
    }
    if (view->operand == NULL && !view->memory->way_blocked) {
        return FINDING_MISSING;
    }
    if (view->operand == NULL && !stranger_is_known(view, now)) {
        return FINDING_LOOK;
    }
    const struct deployment *d = any_operand(view);
    if (!is_controlled_by(&d->object, &view->memcached->object)) {
        return FINDING_TAKEN;
    }
    if (d->object.deleting) {
        return FINDING_TERMINATING;
    }
    return size_is_awaited(view, claims) ? FINDING_AWAITS_SIZE : compare(view, d, now);
}

/* ---- The status ---- */

/* A list of names for people: "a", "b" and 3 more. */
static const char *name_losers(struct arena *arena, const struct claims *claims)
{
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, MESSAGE_BYTES_MAX);
    size_t named = claims->loser_count < LOSERS_NAMED_MAX ? claims->loser_count : LOSERS_NAMED_MAX;
    for (size_t i = 0; i < named; i++) {
        buf_printf(&text, "%s\"%s\"", i > 0 ? ", " : "", claims->losers[i]->object.name);
    }
    if (claims->loser_count > named) {
        buf_printf(&text, " and %zu more", claims->loser_count - named);
    }
    return arena_strdup(arena, buf_text(&text));
}

static void set_conflict(struct status *s, struct arena *arena, const struct claims *claims,
                         const char *now_text)
{
    if (claims->loser_count == 0) {
        status_remove_condition(s, "Conflict");
        return;
    }
    status_set_condition(
        s, "Conflict", "True", "SeveralClaimants",
        arena_printf(arena,
                     "Deployment \"%s\" is the oldest claimant and decides the size; ignored: %s",
                     claims->winner->object.name, name_losers(arena, claims)),
        now_text);
}

static void set_size_synced(struct status *s, const struct memcached_view *view,
                            const struct claims *claims, struct now now, const char *now_text,
                            struct arena *arena)
{
    const struct memory *memory = view->memory;
    if (claims->winner == NULL) {
        status_remove_condition(s, "SizeSynced");
        return;
    }
    uint64_t wish = (uint64_t)claims->winner->replicas;
    const char *reason = "InSync";
    const char *message = "size follows the Deployment that decides it";
    if (memory->size_trouble != NULL) {
        reason = "WriteRefused";
        message = memory->size_trouble;
    } else if (contest_is_overruled(&memory->size, wish, (uint64_t)view->memcached->size)) {
        reason = "WriteConflict";
        message = arena_printf(arena,
                               "the API server keeps size %d though %d was written: is there "
                               "an admission webhook?",
                               view->memcached->size, claims->winner->replicas);
    } else if (contest_is_on(&memory->size, now.mono_ms)) {
        reason = "WriteConflict";
        message = "somebody else keeps changing size; it is put back ever more slowly";
    }
    status_set_condition(s, "SizeSynced", strcmp(reason, "InSync") == 0 ? "True" : "False", reason,
                         message, now_text);
}

struct verdict {
    const char *reason;
    const char *message;
};

static struct verdict judge_operand(const struct memcached_view *view, enum finding finding,
                                    struct now now, struct arena *arena)
{
    const struct memcached *m = view->memcached;
    switch (finding) {
    case FINDING_INVALID:
        return (struct verdict){"InvalidSpec", invalid_spec(m)};
    case FINDING_TAKEN:
        return (struct verdict){
            "NameTaken",
            arena_printf(arena,
                         "Deployment \"%s\" exists and is not controlled by this Memcached; it is "
                         "left alone. Rename or delete it",
                         m->object.name)};
    case FINDING_OVERRULED:
        return (struct verdict){"WriteConflict", "the API server changes what is applied to the "
                                                 "Deployment: is there an admission webhook?"};
    default:
        break;
    }
    if (view->memory->operand_trouble != NULL) {
        return (struct verdict){"WriteRefused", view->memory->operand_trouble};
    }
    if (contest_is_on(&view->memory->operand, now.mono_ms)) {
        return (struct verdict){"WriteConflict",
                                "somebody else keeps changing the Deployment; it is "
                                "put back ever more slowly"};
    }
    return (struct verdict){"AsDesired", "the Deployment is as the spec says"};
}

/* The numbers are taken over when the Deployment's controller has seen its newest spec: before,
 * they speak of an older one. */
static bool operand_is_observed(const struct deployment *d)
{
    return d->observed_generation >= d->object.generation;
}

static void set_numbers(struct status *s, const struct memcached_view *view, struct arena *arena,
                        const char *now_text)
{
    const struct deployment *d = view->operand;
    if (d == NULL || !is_controlled_by(&d->object, &view->memcached->object)) {
        s->replicas = s->ready_replicas = 0;
        status_set_condition(s, "Available", "False", "NoDeployment",
                             "there is no Deployment of this Memcached", now_text);
        return;
    }
    if (!operand_is_observed(d) || d->replicas != view->memcached->size) {
        return;
    }
    s->replicas = d->current_replicas;
    s->ready_replicas = d->ready_replicas;
    s->observed_generation = view->memcached->object.generation;
    bool all = d->ready_replicas >= view->memcached->size;
    status_set_condition(s, "Available", all ? "True" : "False",
                         all ? "AllReplicasReady" : "ReplicasNotReady",
                         arena_printf(arena, "%d of %d replicas are ready", d->ready_replicas,
                                      view->memcached->size),
                         now_text);
}

static void set_nodes(struct status *s, const struct memcached_view *view, struct arena *arena)
{
    s->nodes = arena_alloc(arena, (view->pod_count + 1) * sizeof *s->nodes);
    s->node_count = 0;
    for (size_t i = 0; i < view->pod_count; i++) {
        if (!view->pods[i]->deleting) {
            s->nodes[s->node_count++] = view->pods[i]->name;
        }
    }
}

static void compose(const struct memcached_view *view, enum finding finding,
                    const struct claims *claims, struct now now, struct arena *arena,
                    struct status *s)
{
    char *now_text = arena_alloc(arena, TIME_TEXT_BYTES);
    time_format(now_text, now.wall_us, TIME_SECONDS);
    struct verdict v = judge_operand(view, finding, now, arena);
    bool fine = strcmp(v.reason, "AsDesired") == 0;

    set_nodes(s, view, arena);
    set_numbers(s, view, arena, now_text);
    if (!fine) {
        s->observed_generation = view->memcached->object.generation; /* the verdict is about it */
    }
    s->selector = desired_selector(arena, view->memcached);
    s->source = claims->winner == NULL
                    ? ""
                    : arena_printf(arena, "Deployment/%s", claims->winner->object.name);
    status_set_condition(s, "Reconciled", fine ? "True" : "False", v.reason, v.message, now_text);
    set_size_synced(s, view, claims, now, now_text, arena);
    set_conflict(s, arena, claims, now_text);
}

/* Is @name among the names of a Conflict condition's message? */
static bool is_named(const struct condition *c, const char *name)
{
    const char *ignored = c != NULL ? strstr(c->message, "ignored: ") : NULL;
    size_t len = strlen(name);
    for (const char *at = ignored; at != NULL && (at = strchr(at, '"')) != NULL; at++) {
        if (strncmp(at + 1, name, len) == 0 && at[len + 1] == '"') {
            return true;
        }
    }
    return false;
}

/* Say once what the new status says that the old did not. */
static void tell_changes(const struct memcached_view *view, const struct claims *claims,
                         const struct status *before, const struct status *after, struct plan *plan)
{
    const struct memcached *m = view->memcached;
    const struct condition *was = status_condition(before, "Reconciled");
    const struct condition *is = status_condition(after, "Reconciled");
    if (strcmp(is->status, "False") == 0 && (was == NULL || strcmp(was->reason, is->reason) != 0)) {
        plan_event(plan, &memcached_kind, &m->object, EVENT_WARNING, is->reason, "Reconcile", "%s",
                   is->message);
    }
    was = status_condition(before, "SizeSynced");
    is = status_condition(after, "SizeSynced");
    if (is != NULL && strcmp(is->status, "False") == 0 &&
        (was == NULL || strcmp(was->reason, is->reason) != 0)) {
        plan_event(plan, &memcached_kind, &m->object, EVENT_WARNING, is->reason, "Scale", "%s",
                   is->message);
    }
    const struct condition *conflict = status_condition(before, "Conflict");
    for (size_t i = 0; i < claims->loser_count; i++) {
        const struct deployment *loser = claims->losers[i];
        if (!is_named(conflict, loser->object.name)) {
            plan_event(plan, &source_kind, &loser->object, EVENT_WARNING, "ClaimIgnored", "Scale",
                       "Memcached \"%s\" follows the older Deployment \"%s\"", m->object.name,
                       claims->winner->object.name);
        }
    }
}

static const char *status_patch(struct arena *arena, const struct memcached *m, const char *status)
{
    CLEANUP(buf_fini) struct buf body;
    struct json_writer w;
    buf_init(&body, strlen(status) + MESSAGE_BYTES_MAX);
    json_writer_init(&w, &body, false);
    json_object_begin(&w);
    json_key(&w, "metadata");
    json_object_begin(&w);
    json_member_string(&w, "uid", m->object.uid);
    json_object_end(&w);
    json_object_end(&w);
    body.len--; /* reopen the object for the text that is there already */
    buf_printf(&body, ",\"status\":%s}", status);
    return arena_strdup(arena, buf_text(&body));
}

/* What is wished, whatever the time: where conditions do not stay, theirs is ever new. */
static uint64_t digest(struct arena *arena, const struct status *s)
{
    struct status timeless = *s;
    for (size_t i = 0; i < timeless.condition_count; i++) {
        timeless.conditions[i].since = "";
    }
    return shape_text(status_text(arena, &timeless));
}

/* Returns true when the status had to be written. */
static bool plan_status(const struct memcached_view *view, enum finding finding,
                        const struct claims *claims, struct now now, struct plan *plan)
{
    const struct memcached *m = view->memcached;
    struct status before, after;
    status_parse(plan->arena, m->status, &before);
    after = before;
    compose(view, finding, claims, now, plan->arena, &after);
    const char *text = status_text(plan->arena, &after);
    if (strcmp(text, m->status) == 0) {
        return false;
    }
    /* Also where the CRD in the cluster is an older one, that prunes what it does not know. */
    uint64_t wish = digest(plan->arena, &after);
    uint64_t delay_ms =
        contest_delay(&view->memory->status, wish, shape_text(m->status), now.mono_ms);
    if (delay_ms > 0) {
        if (delay_ms != CONTEST_NEVER) {
            plan_again(plan, delay_ms);
        }
        return false;
    }
    tell_changes(view, claims, &before, &after, plan);
    struct write *w = plan_write(plan, "update status of Memcached", HTTP_PATCH, &memcached_kind,
                                 m->object.ns, m->object.name);
    w->subresource = "status";
    w->content_type = MEDIA_MERGE_PATCH;
    w->body = status_patch(plan->arena, m, text);
    w->into = view->memcacheds;
    w->tag = WRITE_STATUS;
    w->wish = wish;
    return true;
}

/* ---- The operand ---- */

static void plan_create(const struct memcached_view *view, struct plan *plan)
{
    const struct memcached *m = view->memcached;
    struct write *w =
        plan_write(plan, "create Deployment", HTTP_POST, &operand_kind, m->object.ns, NULL);
    w->content_type = MEDIA_JSON;
    w->body = desired_deployment(plan->arena, m, view->image, NULL);
    w->into = view->operands;
    w->tag = WRITE_CREATE;
    w->wish = operand_value(view->shape, m->size);
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
    const struct deployment *d = any_operand(view);
    struct write *w = plan_write(plan, "apply Deployment", HTTP_PATCH, &operand_kind, m->object.ns,
                                 m->object.name);
    w->content_type = MEDIA_APPLY_PATCH;
    w->force = true;
    w->body = desired_deployment(plan->arena, m, view->image, &d->object);
    w->into = view->operands;
    w->tag = WRITE_APPLY;
    w->wish = operand_value(view->shape, m->size);
    log_apply(view, d, plan);
}

static void plan_look(const struct memcached_view *view, struct plan *plan)
{
    struct write *w = plan_write(plan, "look at Deployment", HTTP_GET, &operand_kind,
                                 view->memcached->object.ns, view->memcached->object.name);
    w->into = view->strangers;
    w->tag = WRITE_LOOK;
}

/* When to look again though nothing changed. */
static void plan_next_look(const struct memcached_view *view, enum finding finding, struct now now,
                           struct plan *plan)
{
    const struct memory *memory = view->memory;
    if (finding == FINDING_CONTESTED) {
        const struct deployment *d = any_operand(view);
        plan_again(plan, contest_delay(&memory->operand,
                                       operand_value(view->shape, view->memcached->size),
                                       operand_value(d->shape, d->replicas), now.mono_ms));
    }
    if (finding == FINDING_TAKEN && view->operand == NULL) {
        plan_again(plan, memory->looked_ms + STRANGER_LOOK_MS - now.mono_ms);
    }
    if (contest_is_on(&memory->operand, now.mono_ms) || contest_is_on(&memory->size, now.mono_ms)) {
        plan_again(plan, CONTEST_QUIET_MS); /* to take the condition back when it is over */
    }
}

void memcached_reconcile(const struct memcached_view *view, struct now now, struct plan *plan)
{
    const struct memcached *m = view->memcached;
    if (m == NULL || m->object.deleting) {
        return; /* garbage collection removes what was owned */
    }
    struct claims claims = claims_judge(plan->arena, view->sources, view->source_count);
    if (size_is_due(view, &claims, now)) {
        return;
    }
    enum finding finding = examine(view, &claims, now);
    bool trouble = view->memory->operand_trouble != NULL;
    plan_next_look(view, finding, now, plan);
    if (trouble && plan_status(view, finding, &claims, now, plan)) {
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
            plan_status(view, finding, &claims, now, plan);
        }
        break;
    }
}

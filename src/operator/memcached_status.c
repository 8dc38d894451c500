#include "operator/memcached_status.h"

#include "base/json_writer.h"
#include "base/mem.h"
#include "operator/desired.h"
#include "operator/shape.h"
#include "operator/status.h"

#include <string.h>

enum {
    LOSERS_NAMED_MAX = 10, /* in a condition's message */
    MESSAGE_BYTES_MAX = 4096,
};

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
        return (struct verdict){"InvalidSpec", finding_invalid_spec(m)};
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
    const struct deployment *d = finding_operand(view);
    if (d == NULL || !is_controlled_by(&d->object, &view->memcached->object)) {
        s->replicas = s->ready_replicas = 0;
        status_set_condition(s, "Available", "False", "NoDeployment",
                             "there is no Deployment of this Memcached", now_text);
        return;
    }
    if (!operand_is_observed(d)) {
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
    json_member_string(&w, "uid", m->object.uid); /* which a custom resource's status ignores */
    json_member_string(&w, "resourceVersion", m->object.rv);
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

bool memcached_status_plan(const struct memcached_view *view, enum finding finding,
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

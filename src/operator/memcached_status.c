#include "operator/memcached_status.h"

#include "base/json_writer.h"
#include "base/mem.h"
#include "operator/desired.h"
#include "operator/rival.h"
#include "operator/shape.h"
#include "operator/status.h"

#include <string.h>

enum {
    LOSERS_NAMED_MAX = 10, /* in a condition's message */
    MESSAGE_BYTES_MAX = 4096,
};

/* The next that is told that it does not decide, from @i on; NULL: there is none. */
static const struct sizing_claimant *next_loser(const struct sizing *s, size_t *i)
{
    while (*i < s->claimant_count && !sizing_is_loser(&s->claimants[*i])) {
        ++*i;
    }
    return *i < s->claimant_count ? &s->claimants[(*i)++] : NULL;
}

/* A list of names for people: "a", "b" and 3 more. */
static const char *name_losers(struct arena *arena, const struct sizing *s)
{
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, MESSAGE_BYTES_MAX);
    size_t count = 0;
    const struct sizing_claimant *loser;
    for (size_t i = 0; (loser = next_loser(s, &i)) != NULL; count++) {
        if (count < LOSERS_NAMED_MAX) {
            buf_printf(&text, "%s\"%s\"", count > 0 ? ", " : "", loser->name);
        }
    }
    if (count > LOSERS_NAMED_MAX) {
        buf_printf(&text, " and %zu more", count - LOSERS_NAMED_MAX);
    }
    return arena_strdup(arena, buf_text(&text));
}

static const char *tell_conflict(struct arena *arena, const struct sizing *s,
                                 enum sizing_ignored why)
{
    const char *names = name_losers(arena, s);
    switch (why) {
    case SIZING_UNHEARD:
        return arena_printf(arena, "spec.sizeFrom.sources decide the size; ignored: %s", names);
    case SIZING_NOT_WANTED:
        return arena_printf(arena, "spec.sizeFrom.claims is Ignore; ignored: %s", names);
    default:
        return arena_printf(
            arena, "Deployment \"%s\" is the oldest claimant and decides the size; ignored: %s",
            s->claimants[0].name, names);
    }
}

static void set_conflict(struct status *s, struct arena *arena, const struct sizing *sizing,
                         const char *now_text)
{
    size_t i = 0;
    const struct sizing_claimant *loser = next_loser(sizing, &i);
    if (loser == NULL) {
        status_remove_condition(s, "Conflict");
        return;
    }
    status_set_condition(s, "Conflict", "True",
                         loser->ignored == SIZING_YOUNGER ? "SeveralClaimants" : "LabelIgnored",
                         tell_conflict(arena, sizing, loser->ignored), now_text);
}

/* The size that shall be, and cannot: NULL where there is no such trouble. */
static const char *size_conflict(const struct memcached_view *view, struct now now,
                                 struct arena *arena)
{
    const struct contest *contest = &view->memory->size;
    const struct sizing *s = view->sizing;
    if (!s->has_target) {
        return NULL;
    }
    if (contest_is_overruled(contest, (uint64_t)s->target, (uint64_t)view->memcached->size)) {
        return arena_printf(arena,
                            "the API server keeps size %d though %d was written: is there "
                            "an admission webhook?",
                            view->memcached->size, s->target);
    }
    return contest_is_on(contest, now.mono_ms)
               ? arena_printf(arena, "%s keeps changing size; it is put back ever more slowly",
                              rival_text(view->memory->size_rival, arena))
               : NULL;
}

static void set_size_synced(struct status *s, const struct memcached_view *view, struct now now,
                            const char *now_text, struct arena *arena)
{
    const struct sizing *sizing = view->sizing;
    const char *conflict = size_conflict(view, now, arena);
    if (sizing->reason == SIZING_NOBODY) {
        status_remove_condition(s, "SizeSynced");
    } else if (sizing->has_target && view->memory->size_trouble != NULL) {
        status_set_condition(s, "SizeSynced", "False", "WriteRefused", view->memory->size_trouble,
                             now_text);
    } else if (conflict != NULL) {
        status_set_condition(s, "SizeSynced", "False", "WriteConflict", conflict, now_text);
    } else if (sizing->reason != SIZING_UNKNOWN) {
        status_set_condition(s, "SizeSynced", sizing_is_synced(sizing->reason) ? "True" : "False",
                             sizing_reason_text(sizing->reason), sizing->message, now_text);
    }
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
        return (struct verdict){
            "WriteConflict",
            arena_printf(arena, "%s keeps changing the Deployment; it is put back ever more slowly",
                         rival_text(view->memory->operand_rival, arena))};
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

static bool was_in_sync(const struct status *s)
{
    const struct condition *c = status_condition(s, "SizeSynced");
    return c != NULL && strcmp(c->reason, sizing_reason_text(SIZING_IN_SYNC)) == 0 &&
           s->sizing.hold_count == 0;
}

/* While the Deployment carries out a size that the same sources ask for as before, what it runs is
 * about to be told, and the numbers of sizing with it: one write for both. Not where a window is
 * kept, which a restart would go on with from the status. */
static bool sizing_may_wait(const struct status *s, const struct sizing_status *after,
                            const struct memcached_view *view)
{
    const struct size_from *f = view->memcached->size_from;
    const struct deployment *d = view->operand;
    return d != NULL && !operand_is_observed(d) && (f == NULL || f->scale_down_after_s == 0) &&
           was_in_sync(s) && view->sizing->reason == SIZING_IN_SYNC &&
           strcmp(s->source, view->sizing->source) == 0 &&
           (!s->sizing.present || s->sizing.claimant_count == after->claimant_count);
}

static void set_sizing(struct status *s, const struct memcached_view *view, struct now now,
                       const char *now_text, struct arena *arena)
{
    const struct sizing *sizing = view->sizing;
    if (sizing->reason != SIZING_UNKNOWN) {
        struct sizing_status after = sizing_status_of(sizing, &s->sizing, now, arena);
        s->sizing = sizing_may_wait(s, &after, view) ? s->sizing : after;
        s->source = sizing->source;
        set_conflict(s, arena, sizing, now_text);
    }
    set_size_synced(s, view, now, now_text, arena);
}

static void compose(const struct memcached_view *view, enum finding finding, struct now now,
                    struct arena *arena, struct status *s)
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
    status_set_condition(s, "Reconciled", fine ? "True" : "False", v.reason, v.message, now_text);
    set_sizing(s, view, now, now_text, arena);
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

static void tell_loser(const struct memcached_view *view, const struct sizing_claimant *loser,
                       struct plan *plan)
{
    const char *name = view->memcached->object.name;
    const struct object *object = &loser->labelled->object;
    if (loser->ignored == SIZING_YOUNGER) {
        plan_event(plan, &source_kind, object, EVENT_WARNING, "ClaimIgnored", "Scale",
                   "Memcached \"%s\" follows the older Deployment \"%s\"", name,
                   view->sizing->claimants[0].name);
    } else {
        plan_event(plan, &source_kind, object, EVENT_WARNING, "ClaimIgnored", "Scale",
                   "Memcached \"%s\" does not follow it: %s", name,
                   sizing_ignored_text(loser->ignored));
    }
}

/* A condition that has come to a reason that people should hear of. */
static void tell_condition(const struct memcached_view *view, const struct status *before,
                           const struct status *after, const char *type, const char *action,
                           struct plan *plan)
{
    const struct condition *was = status_condition(before, type);
    const struct condition *is = status_condition(after, type);
    if (is == NULL || (was != NULL && strcmp(was->reason, is->reason) == 0)) {
        return;
    }
    bool is_trouble = strcmp(is->status, "False") == 0;
    if (is_trouble || strcmp(is->reason, sizing_reason_text(SIZING_HOLDING)) == 0) {
        plan_event(plan, &memcached_kind, &view->memcached->object,
                   is_trouble ? EVENT_WARNING : EVENT_NORMAL, is->reason, action, "%s",
                   is->message);
    }
}

/* Say once what the new status says that the old did not. */
static void tell_changes(const struct memcached_view *view, const struct status *before,
                         const struct status *after, struct plan *plan)
{
    tell_condition(view, before, after, "Reconciled", "Reconcile", plan);
    tell_condition(view, before, after, "SizeSynced", "Scale", plan);
    const struct condition *was = status_condition(before, "Conflict");
    const struct condition *is = status_condition(after, "Conflict");
    const struct sizing_claimant *loser;
    for (size_t i = 0; is != NULL && (loser = next_loser(view->sizing, &i)) != NULL;) {
        if (is_named(is, loser->name) && !is_named(was, loser->name)) {
            tell_loser(view, loser, plan);
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
    timeless.sizing.since = "";
    for (size_t i = 0; i < timeless.condition_count; i++) {
        timeless.conditions[i].since = "";
    }
    return shape_text(status_text(arena, &timeless));
}

bool memcached_status_plan(const struct memcached_view *view, enum finding finding, struct now now,
                           struct plan *plan)
{
    const struct memcached *m = view->memcached;
    struct status before, after;
    status_parse(plan->arena, m->status, &before);
    after = before;
    compose(view, finding, now, plan->arena, &after);
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
    tell_changes(view, &before, &after, plan);
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

#include "operator/sync_reconcile.h"

#include "base/json_writer.h"
#include "base/mem.h"
#include "operator/memcached_reconcile.h"

enum { RESIZE_BYTES_MAX = 4096 };

static const char *identifier(struct plan *plan, const struct object *o)
{
    return arena_printf(plan->arena, "%s/%s", o->ns, o->name);
}

/* The label alone decides: the words are those of the Go example. NULL: sizeFrom does. */
static const struct deployment *labelled_winner(const struct sync_view *view)
{
    const struct sizing *s = view->sizing;
    bool by_label = view->memcached->size_from == NULL && s->counting > 0;
    return by_label ? s->claimants[0].labelled : NULL;
}

static void log_sync(const struct sync_view *view, struct plan *plan)
{
    const struct memcached *m = view->memcached;
    const struct deployment *winner = labelled_winner(view);
    const char *self = identifier(plan, &m->object);
    if (winner != NULL) {
        plan_log(plan, LOG_INFO, "Replica count on deployment has changed. Syncing memcached",
                 (struct log_field[]){
                     LOG_STR("deploymentSync", identifier(plan, &winner->object)),
                     LOG_STR("memcached-identifier", self),
                     LOG_INT("from", m->size),
                     LOG_INT("to", view->sizing->target),
                 },
                 4);
        return;
    }
    plan_log(plan, LOG_INFO, "Size is not what its sources ask for. Syncing memcached",
             (struct log_field[]){
                 LOG_STR("memcached-identifier", self),
                 LOG_INT("from", m->size),
                 LOG_INT("to", view->sizing->target),
                 LOG_STR("source", view->sizing->source),
                 LOG_STR("why", sizing_explain(view->sizing_view, view->sizing, plan->arena)),
             },
             5);
}

/* uid and resourceVersion: neither a namesake nor a state that we have not seen is overwritten. */
static const char *resize_body(struct arena *arena, const struct memcached *m, int32_t size,
                               const char *sources_rv)
{
    CLEANUP(buf_fini) struct buf body;
    struct json_writer w;
    buf_init(&body, RESIZE_BYTES_MAX);
    json_writer_init(&w, &body, false);
    json_object_begin(&w);
    json_key(&w, "metadata");
    json_object_begin(&w);
    json_member_string(&w, "uid", m->object.uid);
    json_member_string(&w, "resourceVersion", m->object.rv);
    if (sources_rv != NULL) {
        json_key(&w, "annotations");
        json_object_begin(&w);
        json_member_string(&w, SOURCES_ANNOTATION, sources_rv);
        json_object_end(&w);
    }
    json_object_end(&w);
    json_key(&w, "spec");
    json_object_begin(&w);
    json_member_int(&w, "size", size);
    json_object_end(&w);
    json_object_end(&w);
    return arena_strdup(arena, buf_text(&body));
}

static void tell_drift(const struct sync_view *view, struct plan *plan)
{
    const struct memcached *m = view->memcached;
    const struct deployment *winner = labelled_winner(view);
    const char *who = winner != NULL
                          ? arena_printf(plan->arena, "Deployment \"%s\"", winner->object.name)
                          : view->sizing->source;
    plan_event(plan, &memcached_kind, &m->object, EVENT_NORMAL, "DriftCorrected", "Scale",
               "size was changed from %d to %d beside the operator; put back, since %s decides it",
               view->sizing->target, m->size, who);
}

static void tell_change(const struct sync_view *view, struct plan *plan)
{
    const struct memcached *m = view->memcached;
    const struct deployment *winner = labelled_winner(view);
    const char *why =
        winner != NULL ? arena_printf(plan->arena, "follows Deployment \"%s\"", winner->object.name)
                       : sizing_explain(view->sizing_view, view->sizing, plan->arena);
    plan_event(plan, &memcached_kind, &m->object, EVENT_NORMAL, "SizeChanged", "Scale",
               "size changed from %d to %d: %s", m->size, view->sizing->target, why);
}

static void plan_resize(const struct sync_view *view, struct plan *plan)
{
    const struct memcached *m = view->memcached;
    int32_t target = view->sizing->target;
    struct write *w = plan_write(plan, "scale Memcached", HTTP_PATCH, &memcached_kind, m->object.ns,
                                 m->object.name);
    w->content_type = MEDIA_MERGE_PATCH;
    w->body = resize_body(plan->arena, m, target, view->sources_rv);
    w->into = view->memcacheds;
    w->tag = WRITE_SIZE;
    w->wish = (uint64_t)target;
    log_sync(view, plan);
    if (contest_is_correction(&view->memory->size, (uint64_t)target)) {
        tell_drift(view, plan);
    } else {
        tell_change(view, plan);
    }
}

void sync_reconcile(const struct sync_view *view, struct now now, struct plan *plan)
{
    const struct memcached *m = view->memcached;
    if (m == NULL || m->object.deleting) {
        return;
    }
    const struct sizing *s = view->sizing;
    if (s->again_ms > 0) {
        plan_again(plan, s->again_ms); /* a hold ends */
    }
    if (!s->has_target || m->size == s->target) {
        return;
    }
    uint64_t delay_ms =
        contest_delay(&view->memory->size, (uint64_t)s->target, (uint64_t)m->size, now.mono_ms);
    if (delay_ms == 0) {
        plan_resize(view, plan);
    } else if (delay_ms != CONTEST_NEVER) {
        plan_again(plan, delay_ms);
    }
}

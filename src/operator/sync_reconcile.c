#include "operator/sync_reconcile.h"

#include "base/json_writer.h"
#include "base/mem.h"
#include "operator/claims.h"
#include "operator/memcached_reconcile.h"

enum { RESIZE_BYTES_MAX = 4096 };

static const char *identifier(struct plan *plan, const struct object *o)
{
    return arena_printf(plan->arena, "%s/%s", o->ns, o->name);
}

/* The words of the Go example's log line. */
static void log_sync(struct plan *plan, const struct memcached *m, const struct deployment *winner)
{
    plan_log(plan, LOG_INFO, "Replica count on deployment has changed. Syncing memcached",
             (struct log_field[]){
                 LOG_STR("deploymentSync", identifier(plan, &winner->object)),
                 LOG_STR("memcached-identifier", identifier(plan, &m->object)),
                 LOG_INT("from", m->size),
                 LOG_INT("to", winner->replicas),
             },
             4);
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

static void plan_resize(const struct sync_view *view, struct plan *plan,
                        const struct deployment *winner)
{
    const struct memcached *m = view->memcached;
    struct write *w = plan_write(plan, "scale Memcached", HTTP_PATCH, &memcached_kind, m->object.ns,
                                 m->object.name);
    w->content_type = MEDIA_MERGE_PATCH;
    w->body = resize_body(plan->arena, m, winner->replicas, view->sources_rv);
    w->into = view->memcacheds;
    w->tag = WRITE_SIZE;
    w->wish = (uint64_t)winner->replicas;
    log_sync(plan, m, winner);
    if (contest_is_correction(&view->memory->size, (uint64_t)winner->replicas)) {
        plan_event(plan, &memcached_kind, &m->object, EVENT_NORMAL, "DriftCorrected", "Scale",
                   "size was changed from %d to %d beside the operator; put back, since Deployment "
                   "\"%s\" decides it",
                   winner->replicas, m->size, winner->object.name);
    } else {
        plan_event(plan, &memcached_kind, &m->object, EVENT_NORMAL, "SizeChanged", "Scale",
                   "size changed from %d to %d: follows Deployment \"%s\"", m->size,
                   winner->replicas, winner->object.name);
    }
}

void sync_reconcile(const struct sync_view *view, struct now now, struct plan *plan)
{
    const struct memcached *m = view->memcached;
    if (m == NULL || m->object.deleting) {
        return;
    }
    struct claims claims = claims_judge(plan->arena, view->sources, view->source_count);
    if (claims.winner == NULL || m->size == claims.winner->replicas) {
        return;
    }
    uint64_t delay_ms = contest_delay(&view->memory->size, (uint64_t)claims.winner->replicas,
                                      (uint64_t)m->size, now.mono_ms);
    if (delay_ms == 0) {
        plan_resize(view, plan, claims.winner);
    } else if (delay_ms != CONTEST_NEVER) {
        plan_again(plan, delay_ms);
    }
}

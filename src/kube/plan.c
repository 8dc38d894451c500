/*
 * A plan is filled by a reconcile and carried out by its controller.
 */
#include "kube/plan.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

void plan_init(struct plan *p, struct arena *arena)
{
    *p = (struct plan){.arena = arena};
}

struct write *plan_write(struct plan *p, const char *what, enum http_method method,
                         const struct kind *kind, const char *ns, const char *name)
{
    assert(!p->has_write);
    p->has_write = true;
    /* copies: what they name may be replaced or gone when the answer comes */
    p->write = (struct write){.what = what,
                              .method = method,
                              .kind = kind,
                              .ns = arena_strdup(p->arena, ns),
                              .name = name != NULL ? arena_strdup(p->arena, name) : NULL};
    return &p->write;
}

void plan_log(struct plan *p, enum log_level level, const char *message,
              const struct log_field *fields, size_t count)
{
    assert(count <= PLAN_FIELDS_MAX);
    if (p->log_count == PLAN_LOGS_MAX) {
        return;
    }
    struct plan_log *l = &p->logs[p->log_count++];
    *l = (struct plan_log){.level = level, .message = message, .field_count = count};
    for (size_t i = 0; i < count; i++) {
        l->fields[i] = fields[i];
    }
}

__attribute__((format(printf, 2, 0))) static const char *
format_note(struct arena *arena, const char *format, va_list args)
{
    char note[RECORDER_NOTE_BYTES_MAX + 1];
    vsnprintf(note, sizeof note, format, args);
    return arena_strdup(arena, note);
}

void plan_event(struct plan *p, const struct kind *kind, const struct object *object,
                enum event_severity severity, const char *reason, const char *action,
                const char *note, ...)
{
    if (p->event_count == PLAN_EVENTS_MAX) {
        return;
    }
    va_list args;
    va_start(args, note);
    p->events[p->event_count++] = (struct recorder_event){
        .kind = kind,
        .ns = arena_strdup(p->arena, object->ns),
        .name = arena_strdup(p->arena, object->name),
        .uid = arena_strdup(p->arena, object->uid),
        .rv = arena_strdup(p->arena, object->rv),
        .severity = severity,
        .reason = reason,
        .action = action,
        .note = format_note(p->arena, note, args),
    };
    va_end(args);
}

void plan_again(struct plan *p, uint64_t delay_ms)
{
    if (delay_ms == 0) {
        delay_ms = 1;
    }
    if (p->again_ms == 0 || delay_ms < p->again_ms) {
        p->again_ms = delay_ms;
    }
}

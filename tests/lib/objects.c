#include "lib/objects.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct object *object_from(const struct kind *kind, const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (char *c = text; *c != '\0'; c++) {
        if (*c == '\'') {
            *c = '"';
        }
    }
    yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
    struct error err = ERROR_INIT;
    struct object *object = NULL;
    if (doc == NULL || kind->decode(yyjson_doc_get_root(doc), &object, &err) != 0) {
        fprintf(stderr, "test object does not decode: %s\n%s\n", err.message, text);
        abort();
    }
    yyjson_doc_free(doc);
    return object;
}

struct memcached *make_memcached(const char *name, int size, int rv)
{
    return (struct memcached *)object_from(
        &memcached_kind,
        "{'metadata':{'namespace':'default','name':'%s','uid':'m-%s','resourceVersion':'%d',"
        "'generation':1,'creationTimestamp':'2026-01-01T00:00:00Z'},'spec':{'size':%d}}",
        name, name, rv, size);
}

struct deployment *make_source(const char *name, const char *claim, int replicas, int age_s)
{
    char labels[512] = "";
    if (claim != NULL) {
        snprintf(labels, sizeof labels, "'" CLAIM_LABEL "':'%s'", claim);
    }
    return (struct deployment *)object_from(
        &source_kind,
        "{'metadata':{'namespace':'default','name':'%s','uid':'d-%s','resourceVersion':'7',"
        "'creationTimestamp':'2026-01-01T00:%02d:%02dZ','labels':{%s}},'spec':{'replicas':%d}}",
        name, name, age_s / 60, age_s % 60, labels, replicas);
}

static void trace_log(struct buf *out, const struct plan_log *l)
{
    buf_printf(out, "log %s", l->message);
    for (size_t i = 0; i < l->field_count; i++) {
        const struct log_field *f = &l->fields[i];
        if (f->type == LOG_FIELD_STRING) {
            buf_printf(out, " %s=%s", f->key, f->string);
        } else {
            buf_printf(out, " %s=%lld", f->key, (long long)f->integer);
        }
    }
    buf_append_char(out, '\n');
}

const char *plan_trace(const struct plan *plan)
{
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, 1 << 20);
    for (size_t i = 0; i < plan->log_count; i++) {
        trace_log(&out, &plan->logs[i]);
    }
    for (size_t i = 0; i < plan->event_count; i++) {
        const struct recorder_event *e = &plan->events[i];
        buf_printf(&out, "event %s %s %s/%s: %s\n",
                   e->severity == EVENT_WARNING ? "Warning" : "Normal", e->reason, e->ns, e->name,
                   e->note);
    }
    if (plan->has_write) {
        const struct write *w = &plan->write;
        buf_printf(&out, "%s %s %s/%s%s%s%s%s\n", http_method_name(w->method), w->kind->plural,
                   w->ns, w->name != NULL ? w->name : "", w->subresource != NULL ? "/" : "",
                   w->subresource != NULL ? w->subresource : "", w->body != NULL ? " " : "",
                   w->body != NULL ? w->body : "");
    }
    if (plan->again_ms > 0) {
        buf_printf(&out, "again %llums\n", (unsigned long long)plan->again_ms);
    }
    return arena_strdup(plan->arena, buf_text(&out));
}

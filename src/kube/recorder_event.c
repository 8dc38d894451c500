#include "kube/recorder_event.h"

#include "base/json_writer.h"
#include "base/mem.h"
#include "kube/name.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    REQUEST_BYTES_MAX = 64 << 10, /* far above what the limits on an event's texts allow */
    NAME_SUFFIX_BYTES = 1 + 16,
};

static const struct kind event_kind = {
    .group = "events.k8s.io", .version = "v1", .kind = "Event", .plural = "events"};

static bool fits(const char *text, size_t bytes_min, size_t bytes_max)
{
    size_t len = strnlen(text, bytes_max + 1);
    return len >= bytes_min && len <= bytes_max;
}

bool recorder_event_is_acceptable(const struct recorder_event *e)
{
    return fits(e->name, 1, RECORDER_NAME_BYTES_MAX) && fits(e->ns, 0, RECORDER_NAME_BYTES_MAX) &&
           fits(e->uid, 0, RECORDER_TEXT_BYTES_MAX) && fits(e->rv, 0, RECORDER_TEXT_BYTES_MAX) &&
           fits(e->reason, 1, RECORDER_TEXT_BYTES_MAX) &&
           fits(e->action, 1, RECORDER_TEXT_BYTES_MAX);
}

void recorder_event_cut_note(const char *note, char out[RECORDER_NOTE_BYTES_MAX + 1])
{
    size_t len = strnlen(note, RECORDER_NOTE_BYTES_MAX + 1);
    if (len > RECORDER_NOTE_BYTES_MAX) {
        len = RECORDER_NOTE_BYTES_MAX;
        while (len > 0 && ((unsigned char)note[len] & 0xC0) == 0x80) {
            len--; /* inside a UTF-8 character */
        }
    }
    memcpy(out, note, len);
    out[len] = '\0';
}

void recorder_event_make_name(struct random *random, const char *object_name,
                              char out[RECORDER_NAME_BYTES_MAX + 1])
{
    /* Some kinds allow more in their names than Events do. */
    const char *stem = name_is_valid(object_name) ? object_name : "event";
    size_t len = strnlen(stem, RECORDER_NAME_BYTES_MAX - NAME_SUFFIX_BYTES);
    while (stem[len - 1] == '.' || stem[len - 1] == '-') {
        len--;
    }
    snprintf(out, RECORDER_NAME_BYTES_MAX + 1, "%.*s.%016llx", (int)len, stem,
             (unsigned long long)random_next(random));
}

/* Events of cluster-scoped objects are kept where kubectl looks for them. */
static const char *event_ns(const struct recorder_event *e)
{
    return e->ns[0] != '\0' ? e->ns : "default";
}

static void write_if_any(struct json_writer *w, const char *key, const char *text)
{
    if (text[0] != '\0') {
        json_member_string(w, key, text);
    }
}

static void write_time(struct json_writer *w, const char *key, int64_t wall_us)
{
    char text[TIME_TEXT_BYTES];
    json_member_string(w, key, time_format(text, wall_us, TIME_MICROSECONDS));
}

static void write_count(struct json_writer *w, const struct recorder_record *r)
{
    json_key(w, "series");
    json_object_begin(w);
    json_member_int(w, "count", r->count);
    write_time(w, "lastObservedTime", r->last_us);
    json_object_end(w);
}

static void write_regarding(struct json_writer *w, const struct recorder_event *e)
{
    char api_version[API_VERSION_BYTES];
    json_key(w, "regarding");
    json_object_begin(w);
    json_member_string(w, "apiVersion", kind_api_version(e->kind, api_version));
    json_member_string(w, "kind", e->kind->kind);
    write_if_any(w, "namespace", e->ns);
    json_member_string(w, "name", e->name);
    write_if_any(w, "uid", e->uid);
    write_if_any(w, "resourceVersion", e->rv);
    json_object_end(w);
}

static void write_metadata(struct json_writer *w, const struct recorder_record *r)
{
    json_key(w, "metadata");
    json_object_begin(w);
    json_member_string(w, "name", r->name);
    json_member_string(w, "namespace", event_ns(&r->about));
    json_object_end(w);
}

/* Takes @body. */
static void make_request(const struct recorder_record *r, enum http_method method,
                         const char *content_type, struct buf *body, struct request *out)
{
    CLEANUP(buf_fini) struct buf path;
    buf_init(&path, REQUEST_BYTES_MAX);
    const char *name = method == HTTP_POST ? NULL : r->name;
    path_append_resource(&path, &event_kind, event_ns(&r->about), name, NULL);
    assert(!path.truncated && !body->truncated);
    *out = (struct request){.method = method,
                            .content_type = content_type,
                            .body_len = body->len,
                            .timeout_ms = RECORDER_REQUEST_MS};
    out->body = buf_take(body);
    out->path = buf_take(&path);
}

void recorder_event_post(const struct recorder_record *r, const char *controller,
                         const char *instance, struct request *out)
{
    const struct recorder_event *e = &r->about;
    CLEANUP(buf_fini) struct buf body;
    buf_init(&body, REQUEST_BYTES_MAX);
    struct json_writer w;
    json_writer_init(&w, &body, false);
    json_object_begin(&w);
    json_member_string(&w, "apiVersion", "events.k8s.io/v1");
    json_member_string(&w, "kind", "Event");
    write_metadata(&w, r);
    write_time(&w, "eventTime", r->first_us);
    json_member_string(&w, "reportingController", controller);
    json_member_string(&w, "reportingInstance", instance);
    json_member_string(&w, "type", e->severity == EVENT_WARNING ? "Warning" : "Normal");
    json_member_string(&w, "reason", e->reason);
    json_member_string(&w, "action", e->action);
    write_if_any(&w, "note", e->note);
    write_regarding(&w, e);
    if (r->count > 1) {
        write_count(&w, r); /* seen again before it could be sent */
    }
    json_object_end(&w);
    make_request(r, HTTP_POST, MEDIA_JSON, &body, out);
}

void recorder_event_patch(const struct recorder_record *r, struct request *out)
{
    CLEANUP(buf_fini) struct buf body;
    buf_init(&body, REQUEST_BYTES_MAX);
    struct json_writer w;
    json_writer_init(&w, &body, false);
    json_object_begin(&w);
    write_count(&w, r);
    json_object_end(&w);
    make_request(r, HTTP_PATCH, MEDIA_MERGE_PATCH, &body, out);
}

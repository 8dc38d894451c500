/*
 * The event recorder. An event is a series from the start: told to the server by a POST, its later
 * counts by PATCHes. A series is idle, waits in to_send, or is being sent; adding to one that is
 * not idle only counts.
 */
#include "kube/recorder.h"

#include "base/json_writer.h"
#include "base/mem.h"
#include "kube/name.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    TEXT_BYTES_MAX = 64 << 10, /* far above what the limits on an event's texts allow */
    NAME_SUFFIX_BYTES = 1 + 16,
};

static_assert(RECORDER_QUEUE_MAX + RECORDER_IN_FLIGHT_MAX < RECORDER_SERIES_MAX / 2,
              "there is always an idle series to forget");

static const struct kind event_kind = {
    .group = "events.k8s.io", .version = "v1", .kind = "Event", .plural = "events"};

/* First member of what is in a list. */
struct recorder_link {
    struct recorder_link *prev, *next;
};

enum series_state { SERIES_IDLE, SERIES_TO_SEND, SERIES_SENDING };

struct recorder_series {
    struct recorder_link link; /* in idle or to_send */
    enum series_state state;
    struct recorder_event event; /* its texts are behind the struct */
    const char *event_name;      /* of the Event object */
    int64_t first_us, last_us;   /* seen */
    uint64_t last_ms;            /* seen */
    int64_t count;
    int64_t told;    /* count that the server knows; 0: no Event yet */
    int64_t telling; /* count in the request being sent */
    unsigned failures;
    uint64_t due_ms;
    char texts[];
};

struct bucket {
    struct recorder_link link; /* in buckets_used */
    unsigned tokens;
    uint64_t refilled_ms;
    char key[];
};

static void list_append(struct recorder_list *list, struct recorder_link *link)
{
    *link = (struct recorder_link){.prev = list->last};
    *(list->last != NULL ? &list->last->next : &list->first) = link;
    list->last = link;
}

static void list_remove(struct recorder_list *list, struct recorder_link *link)
{
    *(link->prev != NULL ? &link->prev->next : &list->first) = link->next;
    *(link->next != NULL ? &link->next->prev : &list->last) = link->prev;
}

void recorder_init(struct recorder *r, const char *controller, const char *instance,
                   struct random *random)
{
    *r = (struct recorder){.controller = mem_strdup(controller),
                           .instance = mem_strndup(instance, RECORDER_TEXT_BYTES_MAX),
                           .random = random,
                           .normal_tokens = RECORDER_NORMAL_BURST};
    map_init(&r->series, random_next(random));
    map_init(&r->buckets, random_next(random));
}

static void map_fini_deep(struct map *m)
{
    map_for_each (m, entry) {
        mem_free(entry->value);
    }
    map_fini(m);
}

void recorder_fini(struct recorder *r)
{
    map_fini_deep(&r->series);
    map_fini_deep(&r->buckets);
    mem_free(r->controller);
    mem_free(r->instance);
    *r = (struct recorder){0};
}

/* What an event is known by. */

static bool has_text(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static void append_object(struct buf *out, const struct recorder_event *e)
{
    if (has_text(e->uid)) {
        buf_append_text(out, e->uid);
    } else {
        buf_printf(out, "%s/%s/%s", e->kind->kind, e->ns, e->name);
    }
}

static void append_identity(struct buf *out, const struct recorder_event *e)
{
    append_object(out, e);
    buf_printf(out, "\n%d\n%s\n%s\n%s", (int)e->severity, e->reason, e->action, e->note);
}

/* Token buckets, one per object. */

static void bucket_free(struct recorder *r, struct bucket *b)
{
    list_remove(&r->buckets_used, &b->link);
    map_remove(&r->buckets, b->key);
    mem_free(b);
}

static struct bucket *bucket_make(struct recorder *r, const char *key)
{
    if (r->buckets.count == RECORDER_BUCKETS_MAX) {
        bucket_free(r, (struct bucket *)r->buckets_used.first);
    }
    size_t key_bytes = strlen(key) + 1;
    struct bucket *b = mem_zalloc(sizeof *b + key_bytes);
    memcpy(b->key, key, key_bytes);
    b->tokens = RECORDER_BURST;
    map_put(&r->buckets, key, b);
    list_append(&r->buckets_used, &b->link);
    return b;
}

static void bucket_refill(struct bucket *b, uint64_t now_ms)
{
    uint64_t more = (now_ms - b->refilled_ms) / RECORDER_REFILL_MS;
    if (b->tokens + more < RECORDER_BURST) {
        b->tokens += (unsigned)more;
        b->refilled_ms += more * RECORDER_REFILL_MS;
    } else {
        b->tokens = RECORDER_BURST;
        b->refilled_ms = now_ms; /* a full one saves nothing up */
    }
}

static bool take_token(struct recorder *r, const struct recorder_event *e, uint64_t now_ms)
{
    CLEANUP(buf_fini) struct buf key;
    buf_init(&key, TEXT_BYTES_MAX);
    append_object(&key, e);
    struct bucket *b = map_get(&r->buckets, buf_text(&key));
    if (b == NULL) {
        b = bucket_make(r, buf_text(&key));
    }
    list_remove(&r->buckets_used, &b->link);
    list_append(&r->buckets_used, &b->link);
    bucket_refill(b, now_ms);
    if (b->tokens == 0) {
        return false;
    }
    b->tokens--;
    return true;
}

/* Series. */

static const char *pack(char **next, const char *text)
{
    char *start = *next;
    size_t bytes = strlen(text) + 1;
    memcpy(start, text, bytes);
    *next += bytes;
    return start;
}

/* The object's name, as far as it fits before a dot and 16 random digits. */
static void make_event_name(struct random *random, const char *object_name,
                            char out[RECORDER_NAME_BYTES_MAX + 1])
{
    const char *stem = name_is_valid(object_name) ? object_name : "event";
    size_t len = strnlen(stem, RECORDER_NAME_BYTES_MAX - NAME_SUFFIX_BYTES);
    while (stem[len - 1] == '.' || stem[len - 1] == '-') {
        len--;
    }
    snprintf(out, RECORDER_NAME_BYTES_MAX + 1, "%.*s.%016llx", (int)len, stem,
             (unsigned long long)random_next(random));
}

static struct recorder_series *series_make(struct recorder *r, struct now now,
                                           const struct recorder_event *e)
{
    char event_name[RECORDER_NAME_BYTES_MAX + 1];
    make_event_name(r->random, e->name, event_name);
    const char *texts[] = {e->ns,     e->name,   e->uid,  e->rv,
                           e->reason, e->action, e->note, event_name};
    size_t bytes = 0;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        bytes += strlen(texts[i]) + 1;
    }
    struct recorder_series *s = mem_zalloc(sizeof *s + bytes);
    char *next = s->texts;
    s->event = (struct recorder_event){.kind = e->kind, .severity = e->severity};
    const char **copies[] = {&s->event.ns,     &s->event.name,   &s->event.uid,  &s->event.rv,
                             &s->event.reason, &s->event.action, &s->event.note, &s->event_name};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *copies[i] = pack(&next, texts[i]);
    }
    s->first_us = now.wall_us;
    return s;
}

/* @s is in no list. */
static void series_free(struct recorder *r, struct recorder_series *s)
{
    CLEANUP(buf_fini) struct buf identity;
    buf_init(&identity, TEXT_BYTES_MAX);
    append_identity(&identity, &s->event);
    map_remove(&r->series, buf_text(&identity));
    mem_free(s);
}

static void enqueue(struct recorder *r, struct recorder_series *s, uint64_t now_ms)
{
    uint64_t delay_ms = s->failures == 0 ? 0 : (uint64_t)RECORDER_RETRY_MS << (s->failures - 1);
    s->due_ms = now_ms + delay_ms;
    s->state = SERIES_TO_SEND;
    list_append(&r->to_send[s->failures], &s->link);
    r->pending++;
}

static bool enqueue_if_untold(struct recorder *r, struct recorder_series *s, uint64_t now_ms)
{
    if (s->count == s->told || r->pending >= RECORDER_QUEUE_MAX ||
        !take_token(r, &s->event, now_ms)) {
        return false;
    }
    s->failures = 0;
    enqueue(r, s, now_ms);
    return true;
}

static void make_idle(struct recorder *r, struct recorder_series *s)
{
    s->state = SERIES_IDLE;
    list_append(&r->idle, &s->link);
}

static struct recorder_series *take_idle(struct recorder *r, struct recorder_series *s)
{
    list_remove(&r->idle, &s->link);
    return s;
}

static struct recorder_series *longest_idle(const struct recorder *r)
{
    return (struct recorder_series *)r->idle.first;
}

static bool is_over(const struct recorder_series *s, uint64_t now_ms)
{
    return now_ms - s->last_ms >= RECORDER_SERIES_MS;
}

/* Recording. */

static bool fits(const char *text, size_t bytes_min, size_t bytes_max)
{
    size_t len = strnlen(text, bytes_max + 1);
    return len >= bytes_min && len <= bytes_max;
}

static bool is_acceptable(const struct recorder_event *e)
{
    return fits(e->name, 1, RECORDER_NAME_BYTES_MAX) && fits(e->ns, 0, RECORDER_NAME_BYTES_MAX) &&
           fits(e->uid, 0, RECORDER_TEXT_BYTES_MAX) && fits(e->rv, 0, RECORDER_TEXT_BYTES_MAX) &&
           fits(e->reason, 1, RECORDER_TEXT_BYTES_MAX) &&
           fits(e->action, 1, RECORDER_TEXT_BYTES_MAX);
}

static void cut_note(const char *note, char out[RECORDER_NOTE_BYTES_MAX + 1])
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

static void seen_again(struct recorder *r, struct now now, struct recorder_series *s)
{
    if (s->count < INT32_MAX) {
        s->count++;
    }
    s->last_us = now.wall_us;
    s->last_ms = now.mono_ms;
    if (s->state == SERIES_IDLE && !enqueue_if_untold(r, take_idle(r, s), now.mono_ms)) {
        make_idle(r, s);
    }
}

/* Warnings are never held back by what goes well elsewhere. */
static bool take_normal_token(struct recorder *r, const struct recorder_event *e, uint64_t now_ms)
{
    if (e->severity != EVENT_NORMAL) {
        return true;
    }
    uint64_t more = (now_ms - r->normal_refilled_ms) / RECORDER_NORMAL_REFILL_MS;
    if (r->normal_tokens + more < RECORDER_NORMAL_BURST) {
        r->normal_tokens += (unsigned)more;
        r->normal_refilled_ms += more * RECORDER_NORMAL_REFILL_MS;
    } else {
        r->normal_tokens = RECORDER_NORMAL_BURST;
        r->normal_refilled_ms = now_ms;
    }
    if (r->normal_tokens == 0) {
        return false;
    }
    r->normal_tokens--;
    return true;
}

static void add_new(struct recorder *r, struct now now, const struct recorder_event *e,
                    const char *identity)
{
    if (!take_normal_token(r, e, now.mono_ms) || r->pending >= RECORDER_QUEUE_MAX ||
        !take_token(r, e, now.mono_ms)) {
        r->dropped_total++;
        return;
    }
    if (r->series.count == RECORDER_SERIES_MAX) {
        series_free(r, take_idle(r, longest_idle(r)));
    }
    struct recorder_series *s = series_make(r, now, e);
    map_put(&r->series, identity, s);
    enqueue(r, s, now.mono_ms);
    seen_again(r, now, s);
}

void recorder_add(struct recorder *r, struct now now, const struct recorder_event *event)
{
    struct recorder_event e = *event;
    char note[RECORDER_NOTE_BYTES_MAX + 1];
    cut_note(e.note, note);
    e.note = note;
    e.uid = e.uid != NULL ? e.uid : "";
    e.rv = e.rv != NULL ? e.rv : "";
    if (!is_acceptable(&e)) {
        r->dropped_total++;
        return;
    }
    CLEANUP(buf_fini) struct buf identity;
    buf_init(&identity, TEXT_BYTES_MAX);
    append_identity(&identity, &e);
    struct recorder_series *s = map_get(&r->series, buf_text(&identity));
    if (s != NULL && s->state == SERIES_IDLE && is_over(s, now.mono_ms)) {
        series_free(r, take_idle(r, s));
        s = NULL;
    }
    if (s != NULL) {
        seen_again(r, now, s);
    } else {
        add_new(r, now, &e, buf_text(&identity));
    }
}

/* Sending. */

/* Events of cluster-scoped objects are kept where kubectl looks for them. */
static const char *event_ns(const struct recorder_series *s)
{
    return has_text(s->event.ns) ? s->event.ns : "default";
}

static void write_text(struct json_writer *w, const char *key, const char *text)
{
    if (has_text(text)) {
        json_member_string(w, key, text);
    }
}

static void write_time(struct json_writer *w, const char *key, int64_t wall_us)
{
    char text[TIME_TEXT_BYTES];
    json_member_string(w, key, time_format(text, wall_us, TIME_MICROSECONDS));
}

static void write_count(struct json_writer *w, const struct recorder_series *s)
{
    json_key(w, "series");
    json_object_begin(w);
    json_member_int(w, "count", s->count);
    write_time(w, "lastObservedTime", s->last_us);
    json_object_end(w);
}

static void write_regarding(struct json_writer *w, const struct recorder_event *e)
{
    char api_version[API_VERSION_BYTES];
    json_key(w, "regarding");
    json_object_begin(w);
    json_member_string(w, "apiVersion", kind_api_version(e->kind, api_version));
    json_member_string(w, "kind", e->kind->kind);
    write_text(w, "namespace", e->ns);
    json_member_string(w, "name", e->name);
    write_text(w, "uid", e->uid);
    write_text(w, "resourceVersion", e->rv);
    json_object_end(w);
}

static void write_event(const struct recorder *r, struct json_writer *w,
                        const struct recorder_series *s)
{
    json_member_string(w, "apiVersion", "events.k8s.io/v1");
    json_member_string(w, "kind", "Event");
    json_key(w, "metadata");
    json_object_begin(w);
    json_member_string(w, "name", s->event_name);
    json_member_string(w, "namespace", event_ns(s));
    json_object_end(w);
    write_time(w, "eventTime", s->first_us);
    json_member_string(w, "reportingController", r->controller);
    json_member_string(w, "reportingInstance", r->instance);
    json_member_string(w, "type", s->event.severity == EVENT_WARNING ? "Warning" : "Normal");
    json_member_string(w, "reason", s->event.reason);
    json_member_string(w, "action", s->event.action);
    write_text(w, "note", s->event.note);
    write_regarding(w, &s->event);
    if (s->count > 1) {
        write_count(w, s); /* seen again before it could be sent */
    }
}

static void make_request(const struct recorder *r, const struct recorder_series *s,
                         struct request *out)
{
    CLEANUP(buf_fini) struct buf path;
    CLEANUP(buf_fini) struct buf body;
    buf_init(&path, TEXT_BYTES_MAX);
    buf_init(&body, TEXT_BYTES_MAX);
    bool is_new = s->told == 0;
    path_append_resource(&path, &event_kind, event_ns(s), is_new ? NULL : s->event_name, NULL);
    struct json_writer w;
    json_writer_init(&w, &body, false);
    json_object_begin(&w);
    if (is_new) {
        write_event(r, &w, s);
    } else {
        write_count(&w, s);
    }
    json_object_end(&w);
    assert(!path.truncated && !body.truncated);
    *out = (struct request){.method = is_new ? HTTP_POST : HTTP_PATCH,
                            .content_type = is_new ? MEDIA_JSON : MEDIA_MERGE_PATCH,
                            .body_len = body.len,
                            .timeout_ms = RECORDER_REQUEST_MS};
    out->body = buf_take(&body);
    out->path = buf_take(&path);
}

/* The one that is due first, or NULL. */
static struct recorder_series *next_to_send(const struct recorder *r)
{
    struct recorder_series *next = NULL;
    for (size_t i = 0; i < ARRAY_LEN(r->to_send); i++) {
        struct recorder_series *s = (struct recorder_series *)r->to_send[i].first;
        if (s != NULL && (next == NULL || s->due_ms < next->due_ms)) {
            next = s;
        }
    }
    return r->in_flight < RECORDER_IN_FLIGHT_MAX ? next : NULL;
}

/* The slot of @token, or a free one for 0; NULL when there is none. */
static struct recorder_slot *find_slot(struct recorder *r, uint64_t token)
{
    for (size_t i = 0; i < ARRAY_LEN(r->sending); i++) {
        if (r->sending[i].token == token) {
            return &r->sending[i];
        }
    }
    return NULL;
}

bool recorder_want(struct recorder *r, struct now now, struct request *out, uint64_t *token)
{
    struct recorder_series *s = next_to_send(r);
    if (s == NULL || s->due_ms > now.mono_ms) {
        return false;
    }
    list_remove(&r->to_send[s->failures], &s->link);
    r->pending--;
    *token = ++r->last_token;
    *find_slot(r, 0) = (struct recorder_slot){.token = *token, .series = s};
    r->in_flight++;
    s->state = SERIES_SENDING;
    s->telling = s->count;
    make_request(r, s, out);
    return true;
}

static bool is_worth_retrying(int code)
{
    switch (code) {
    case ERR_TRANSPORT:
    case ERR_UNAUTHORIZED: /* the shell reads the token anew */
    case ERR_CONFLICT:
    case ERR_TOO_MANY:
    case ERR_SERVER:
        return true;
    default:
        return false;
    }
}

void recorder_answer(struct recorder *r, struct now now, uint64_t token, const struct error *err)
{
    struct recorder_slot *slot = find_slot(r, token);
    assert(token != 0 && slot != NULL);
    struct recorder_series *s = slot->series;
    *slot = (struct recorder_slot){0};
    r->in_flight--;

    int code = err != NULL ? err->code : ERR_NONE;
    bool was_new = s->told == 0;
    bool exists = was_new && code == ERR_EXISTS; /* the answer to an earlier try was lost */
    if (code == ERR_NONE || exists) {
        s->told = exists ? 1 : s->telling;
        if (!enqueue_if_untold(r, s, now.mono_ms)) {
            make_idle(r, s);
        }
    } else if (!was_new && code == ERR_NOT_FOUND) {
        s->told = 0; /* someone deleted the Event */
        s->failures = 0;
        enqueue(r, s, now.mono_ms);
    } else if (is_worth_retrying(code) && s->failures < RECORDER_RETRIES_MAX) {
        s->failures++;
        enqueue(r, s, now.mono_ms);
    } else {
        r->dropped_total++;
        series_free(r, s);
    }
}

void recorder_expire(struct recorder *r, struct now now)
{
    struct recorder_series *s = longest_idle(r);
    for (; s != NULL && is_over(s, now.mono_ms); s = longest_idle(r)) {
        if (!enqueue_if_untold(r, take_idle(r, s), now.mono_ms)) {
            series_free(r, s);
        }
    }
    for (struct recorder_link *next; (next = r->buckets_used.first) != NULL;) {
        struct bucket *b = (struct bucket *)next;
        bucket_refill(b, now.mono_ms);
        if (b->tokens < RECORDER_BURST) {
            break;
        }
        bucket_free(r, b);
    }
}

uint64_t recorder_deadline(const struct recorder *r)
{
    const struct recorder_series *s = next_to_send(r);
    return s != NULL ? s->due_ms : UINT64_MAX;
}

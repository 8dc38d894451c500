/*
 * The event recorder. An event is a series from the start: told to the server by a POST, its later
 * counts by PATCHes. A series is idle, waits in to_send, or is being sent; adding to one that is
 * not idle only counts.
 */
#include "kube/recorder.h"

#include "base/buf.h"
#include "base/mem.h"

#include <assert.h>
#include <string.h>

enum {
    IDENTITY_BYTES_MAX = 16 << 10, /* far above what the limits on an event's texts allow */
};

static_assert(RECORDER_QUEUE_MAX + RECORDER_IN_FLIGHT_MAX < RECORDER_SERIES_MAX / 2,
              "there is always an idle series to forget");

/* First member of what is in a list. */
struct recorder_link {
    struct recorder_link *prev, *next;
};

enum series_state { SERIES_IDLE, SERIES_TO_SEND, SERIES_SENDING };

struct recorder_series {
    struct recorder_link link; /* in idle or to_send */
    enum series_state state;
    struct recorder_record record; /* its texts are behind the struct */
    uint64_t last_ms;              /* seen */
    int64_t told;                  /* count that the server knows; 0: no Event yet */
    int64_t telling;               /* count in the request being sent */
    unsigned failures;
    uint64_t due_ms;
    char texts[];
};

struct bucket {
    struct recorder_link link; /* in buckets_used */
    struct recorder_tokens tokens;
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
                           .normal_tokens.left = RECORDER_NORMAL_BURST};
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

static void append_object(struct buf *out, const struct recorder_event *e)
{
    if (e->uid[0] != '\0') {
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

/* Token buckets. */

static void tokens_refill(struct recorder_tokens *t, unsigned burst, uint64_t refill_ms,
                          uint64_t now_ms)
{
    uint64_t more = (now_ms - t->refilled_ms) / refill_ms;
    if (t->left + more < burst) {
        t->left += (unsigned)more;
        t->refilled_ms += more * refill_ms;
    } else {
        t->left = burst;
        t->refilled_ms = now_ms; /* a full one saves nothing up */
    }
}

static bool tokens_take(struct recorder_tokens *t)
{
    if (t->left == 0) {
        return false;
    }
    t->left--;
    return true;
}

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
    b->tokens.left = RECORDER_BURST;
    map_put(&r->buckets, key, b);
    list_append(&r->buckets_used, &b->link);
    return b;
}

static void bucket_refill(struct bucket *b, uint64_t now_ms)
{
    tokens_refill(&b->tokens, RECORDER_BURST, RECORDER_REFILL_MS, now_ms);
}

static bool take_token(struct recorder *r, const struct recorder_event *e, uint64_t now_ms)
{
    CLEANUP(buf_fini) struct buf key;
    buf_init(&key, IDENTITY_BYTES_MAX);
    append_object(&key, e);
    struct bucket *b = map_get(&r->buckets, buf_text(&key));
    if (b == NULL) {
        b = bucket_make(r, buf_text(&key));
    }
    list_remove(&r->buckets_used, &b->link);
    list_append(&r->buckets_used, &b->link);
    bucket_refill(b, now_ms);
    return tokens_take(&b->tokens);
}

/* Warnings are never held back by what goes well elsewhere. */
static bool take_normal_token(struct recorder *r, const struct recorder_event *e, uint64_t now_ms)
{
    tokens_refill(&r->normal_tokens, RECORDER_NORMAL_BURST, RECORDER_NORMAL_REFILL_MS, now_ms);
    return e->severity != EVENT_NORMAL || tokens_take(&r->normal_tokens);
}

/* Series. */

static struct recorder_series *series_make(struct recorder *r, struct now now,
                                           const struct recorder_event *e)
{
    char name[RECORDER_NAME_BYTES_MAX + 1];
    recorder_event_make_name(r->random, e->name, name);
    struct recorder_record record = {.about = *e, .name = name, .first_us = now.wall_us};
    const char **texts[] = {&record.about.ns,   &record.about.name,   &record.about.uid,
                            &record.about.rv,   &record.about.reason, &record.about.action,
                            &record.about.note, &record.name};
    size_t bytes = 0;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        bytes += strlen(*texts[i]) + 1;
    }
    struct recorder_series *s = mem_zalloc(sizeof *s + bytes);
    char *next = s->texts;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        char *copy = next;
        next = stpcpy(copy, *texts[i]) + 1;
        *texts[i] = copy;
    }
    s->record = record;
    return s;
}

/* @s is in no list. */
static void series_free(struct recorder *r, struct recorder_series *s)
{
    CLEANUP(buf_fini) struct buf identity;
    buf_init(&identity, IDENTITY_BYTES_MAX);
    append_identity(&identity, &s->record.about);
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
    if (s->record.count == s->told || r->pending >= RECORDER_QUEUE_MAX ||
        !take_token(r, &s->record.about, now_ms)) {
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

static void seen_again(struct recorder *r, struct now now, struct recorder_series *s)
{
    if (s->record.count < INT32_MAX) {
        s->record.count++;
    }
    s->record.last_us = now.wall_us;
    s->last_ms = now.mono_ms;
    if (s->state == SERIES_IDLE && !enqueue_if_untold(r, take_idle(r, s), now.mono_ms)) {
        make_idle(r, s);
    }
}

static void add_new(struct recorder *r, struct now now, const struct recorder_event *e,
                    const char *identity)
{
    if (r->pending >= RECORDER_QUEUE_MAX || !take_normal_token(r, e, now.mono_ms) ||
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
    recorder_event_cut_note(e.note, note);
    e.note = note;
    e.uid = e.uid != NULL ? e.uid : "";
    e.rv = e.rv != NULL ? e.rv : "";
    if (!recorder_event_is_acceptable(&e)) {
        r->dropped_total++;
        return;
    }
    CLEANUP(buf_fini) struct buf identity;
    buf_init(&identity, IDENTITY_BYTES_MAX);
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

/* The slot of @token, or a free one for 0. There is one. */
static struct recorder_slot *find_slot(struct recorder *r, uint64_t token)
{
    size_t i = 0;
    while (r->sending[i].token != token) {
        i++;
        assert(i < ARRAY_LEN(r->sending));
    }
    return &r->sending[i];
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
    s->telling = s->record.count;
    if (s->told == 0) {
        recorder_event_post(&s->record, r->controller, r->instance, out);
    } else {
        recorder_event_patch(&s->record, out);
    }
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
    assert(token != 0);
    struct recorder_slot *slot = find_slot(r, token);
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
        if (b->tokens.left < RECORDER_BURST) {
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

/*
 * Leader election. One attempt at a time: a look (GET) or a write (POST, PUT). A write is made only
 * on a record that was just read or just written, and carries its resourceVersion; after anything
 * else than a clear success the record is read again first, so that a write whose answer was lost
 * is found out.
 */
#include "kube/lease.h"

#include "base/buf.h"
#include "base/json_writer.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/name.h"

#include <assert.h>
#include <string.h>

enum {
    REQUEST_BYTES_MAX = 64 << 10,
    RELEASED_S = 1,       /* leaseDurationSeconds of a Lease that was given back, as in client-go */
    META_BYTES_MAX = 128, /* of resourceVersion and uid; the longest in use are 20 and 36 */
};

static const struct kind lease_kind = {
    .group = "coordination.k8s.io", .version = "v1", .kind = "Lease", .plural = "leases"};

void lease_init(struct lease *l, const char *ns, const char *name, const char *identity,
                struct random *random)
{
    *l = (struct lease){.ns = mem_strdup(ns),
                        .name = mem_strdup(name),
                        .identity = mem_strdup(identity),
                        .random = random};
}

void lease_fini(struct lease *l)
{
    mem_free(l->ns);
    mem_free(l->name);
    mem_free(l->identity);
    mem_free(l->seen);
    mem_free(l->holder);
    mem_free(l->rv);
    mem_free(l->uid);
    *l = (struct lease){0};
}

/* Reading the record. */

static void set_text(char **slot, const char *text)
{
    mem_free(*slot);
    *slot = text != NULL ? mem_strdup(text) : NULL;
}

static void doc_free(yyjson_doc **doc)
{
    yyjson_doc_free(*doc);
}

static enum lease_owner owner_of(const struct lease *l, yyjson_val *spec)
{
    yyjson_val *holder = json_at(spec, "holderIdentity", NULL);
    if (!yyjson_is_obj(spec)) {
        return LEASE_ANOTHERS;
    }
    if (holder == NULL || yyjson_is_null(holder) || yyjson_equals_str(holder, "")) {
        return LEASE_FREE;
    }
    return yyjson_equals_str(holder, l->identity) ? LEASE_OURS : LEASE_ANOTHERS;
}

static int64_t int32_or(yyjson_val *value, int64_t min, int64_t fallback)
{
    int64_t n = json_get_int(value, fallback);
    return n < min || n > INT32_MAX ? fallback : n;
}

/* Without a holder it is free if it was given back. Else somebody has cleared it, maybe a moment
 * ago, and who held it does not know that yet: it is waited out like a record that cannot be read.
 */
static enum lease_owner owner_now(const struct lease *l, yyjson_val *spec, int64_t duration_s)
{
    enum lease_owner owner = owner_of(l, spec);
    bool cleared = l->owner != LEASE_OURS && duration_s != RELEASED_S;
    return owner == LEASE_FREE && cleared ? LEASE_ANOTHERS : owner;
}

/* A change of the record is its holder's sign of life, whatever the change says. */
static void notice_change(struct lease *l, yyjson_val *spec, uint64_t now_ms)
{
    char *text = json_text(spec); /* "" without a spec */
    if (l->seen == NULL || strcmp(l->seen, text) != 0) {
        set_text(&l->seen, text);
        l->seen_ms = now_ms;
    }
    mem_free(text);
}

/* Take in a Lease from the server. False, with nothing changed, when it is none. */
static bool read_record(struct lease *l, uint64_t now_ms, const char *body, size_t len)
{
    struct error err = ERROR_INIT;
    CLEANUP(doc_free) yyjson_doc *doc = json_parse(body, len, &err);
    yyjson_val *root = doc != NULL ? yyjson_doc_get_root(doc) : NULL;
    yyjson_val *rv = json_at(root, "metadata", "resourceVersion", NULL);
    yyjson_val *uid = json_at(root, "metadata", "uid", NULL);
    if (yyjson_get_len(rv) == 0 || yyjson_get_len(rv) > META_BYTES_MAX ||
        yyjson_get_len(uid) > META_BYTES_MAX) {
        return false;
    }
    yyjson_val *spec = json_at(root, "spec", NULL);
    notice_change(l, spec, now_ms);
    set_text(&l->rv, yyjson_get_str(rv));
    set_text(&l->uid, yyjson_get_str(uid));
    int64_t duration_s = int32_or(json_at(spec, "leaseDurationSeconds", NULL), 1, 0);
    l->owner = owner_now(l, spec, duration_s);
    set_text(&l->holder, yyjson_get_str(json_at(spec, "holderIdentity", NULL)));
    /* Never less than ours: it may stand where one of ours was a moment ago. */
    uint64_t duration_ms = 1000 * (uint64_t)duration_s;
    l->duration_ms = duration_ms > LEASE_DURATION_MS ? duration_ms : LEASE_DURATION_MS;
    l->transitions = int32_or(json_at(spec, "leaseTransitions", NULL), 0, 0);
    yyjson_val *acquired = json_at(spec, "acquireTime", NULL);
    if (!yyjson_is_str(acquired) ||
        time_parse(yyjson_get_str(acquired), yyjson_get_len(acquired), &l->acquired_us) != 0) {
        l->acquired_us = 0;
    }
    return true;
}

/* Writing it. */

static void write_time(struct json_writer *w, const char *key, int64_t wall_us)
{
    char text[TIME_TEXT_BYTES];
    json_member_string(w, key, time_format(text, wall_us, TIME_MICROSECONDS));
}

static void write_spec(const struct lease *l, struct now now, struct json_writer *w)
{
    bool releasing = l->state == LEASE_RELEASING;
    bool renewing = l->owner == LEASE_OURS && l->exists;
    int64_t transitions = l->transitions;
    if (l->exists && !renewing && transitions < INT32_MAX) {
        transitions++;
    }
    json_object_begin(w);
    json_member_string(w, "holderIdentity", releasing ? "" : l->identity);
    json_member_int(w, "leaseDurationSeconds", releasing ? RELEASED_S : LEASE_DURATION_MS / 1000);
    write_time(w, "acquireTime", renewing && !releasing ? l->acquired_us : now.wall_us);
    write_time(w, "renewTime", now.wall_us);
    json_member_int(w, "leaseTransitions", transitions);
    json_object_end(w);
}

static void write_record(const struct lease *l, struct now now, struct buf *body)
{
    struct json_writer w;
    json_writer_init(&w, body, false);
    json_object_begin(&w);
    json_member_string(&w, "apiVersion", "coordination.k8s.io/v1");
    json_member_string(&w, "kind", "Lease");
    json_key(&w, "metadata");
    json_object_begin(&w);
    json_member_string(&w, "name", l->name);
    json_member_string(&w, "namespace", l->ns);
    if (l->exists) {
        json_member_string(&w, "resourceVersion", l->rv);
        if (l->uid != NULL) {
            json_member_string(&w, "uid", l->uid);
        }
    }
    json_object_end(&w);
    json_key(&w, "spec");
    write_spec(l, now, &w);
    json_object_end(&w);
}

/* Attempts. */

static uint64_t renew_deadline(const struct lease *l)
{
    return l->renewed_ms + LEASE_RENEW_DEADLINE_MS;
}

/* When the state ends by itself. */
static uint64_t state_deadline(const struct lease *l)
{
    switch (l->state) {
    case LEASE_LEADING:
        return renew_deadline(l);
    case LEASE_RELEASING:
        return l->give_up_ms;
    default:
        return UINT64_MAX;
    }
}

static bool is_over(const struct lease *l)
{
    return l->state == LEASE_LOST || l->state == LEASE_RELEASED;
}

bool lease_step(struct lease *l, struct now now)
{
    if (now.mono_ms >= state_deadline(l)) {
        l->state = l->state == LEASE_LEADING ? LEASE_LOST : LEASE_RELEASED;
    }
    return l->state == LEASE_LEADING;
}

bool lease_want(struct lease *l, struct now now, struct request *out)
{
    lease_step(l, now);
    if (l->in_flight || is_over(l) || now.mono_ms < l->next_ms) {
        return false;
    }
    l->asked = !l->may_write ? HTTP_GET : l->exists ? HTTP_PUT : HTTP_POST;
    l->in_flight = true;
    l->attempt_ms = now.mono_ms;

    CLEANUP(buf_fini) struct buf path;
    CLEANUP(buf_fini) struct buf body;
    buf_init(&path, REQUEST_BYTES_MAX);
    buf_init(&body, REQUEST_BYTES_MAX);
    const char *name = l->asked == HTTP_POST ? NULL : l->name;
    path_append_resource(&path, &lease_kind, l->ns, name, NULL);
    if (l->may_write) {
        write_record(l, now, &body);
    }
    assert(!path.truncated && !body.truncated);

    uint64_t left_ms = state_deadline(l) - now.mono_ms;
    *out = (struct request){
        .method = l->asked,
        .timeout_ms = left_ms < LEASE_REQUEST_MS ? (uint32_t)left_ms : LEASE_REQUEST_MS,
        .content_type = l->may_write ? MEDIA_JSON : NULL,
        .body_len = body.len,
    };
    out->body = l->may_write ? buf_take(&body) : NULL;
    out->path = buf_take(&path);
    return true;
}

static void wait_for_next(struct lease *l, struct now now)
{
    l->next_ms = now.mono_ms + random_jitter_ms(l->random, LEASE_RETRY_MS, LEASE_JITTER_PERCENT);
}

static void attempt_failed(struct lease *l, struct now now)
{
    /* A write on a record that we last read or wrote a while ago may just have been outdated: look
     * at once. All else waits, and a release does not go in circles. */
    bool look_at_once = l->asked != HTTP_GET && !l->looked;
    l->may_write = false;
    l->looked = false;
    if (look_at_once) {
        l->next_ms = now.mono_ms;
    } else if (l->state == LEASE_RELEASING) {
        l->state = LEASE_RELEASED;
    } else {
        wait_for_next(l, now);
    }
}

/* The record is known: whose is it, and what now? */
static void judge(struct lease *l, struct now now)
{
    bool ours = l->owner == LEASE_OURS;
    if (l->state == LEASE_LEADING && l->owner == LEASE_ANOTHERS) {
        l->state = LEASE_LOST;
        return;
    }
    if (l->state == LEASE_RELEASING && !(ours && l->exists)) {
        l->state = LEASE_RELEASED;
        return;
    }
    /* Also when the Lease was deleted: its holder may not know that yet. */
    bool expired = now.mono_ms >= l->seen_ms + l->duration_ms;
    l->may_write = l->owner != LEASE_ANOTHERS || expired;
    l->looked = true;
    if (l->may_write) {
        l->next_ms = now.mono_ms;
    } else {
        wait_for_next(l, now);
    }
}

static void renewed(struct lease *l, struct now now)
{
    if (now.mono_ms - l->attempt_ms >= LEASE_RENEW_DEADLINE_MS) {
        attempt_failed(l, now); /* the answer came too late to be of use */
        return;
    }
    l->state = LEASE_LEADING;
    l->renewed_ms = l->attempt_ms;
    l->may_write = true;
    l->looked = false;
    wait_for_next(l, now);
}

/* Another was faster. Should the Lease be gone when we look, it is waited out all the same. */
static void notice_rival(struct lease *l, struct now now)
{
    if (l->state == LEASE_STANDBY) {
        l->owner = LEASE_ANOTHERS;
        l->seen_ms = now.mono_ms;
        l->duration_ms = LEASE_DURATION_MS;
    }
}

void lease_answer(struct lease *l, struct now now, const char *body, size_t len,
                  const struct error *err)
{
    assert(l->in_flight);
    l->in_flight = false;
    lease_step(l, now);
    if (is_over(l)) {
        return;
    }
    bool looked = l->asked == HTTP_GET;
    if (!looked && err != NULL && (err->code == ERR_CONFLICT || err->code == ERR_EXISTS)) {
        notice_rival(l, now);
    }
    bool absent = looked && err != NULL && err->code == ERR_NOT_FOUND;
    if (!absent && (err != NULL || !read_record(l, now.mono_ms, body, len))) {
        attempt_failed(l, now);
        return;
    }
    l->exists = !absent;
    if (looked || l->state == LEASE_RELEASING) {
        judge(l, now);
    } else if (l->owner == LEASE_OURS) {
        renewed(l, now);
    } else {
        attempt_failed(l, now);
    }
}

uint64_t lease_write_deadline(const struct lease *l)
{
    return renew_deadline(l) - LEASE_LANDING_MS;
}

uint64_t lease_deadline(const struct lease *l)
{
    uint64_t ends_ms = state_deadline(l);
    bool waiting = !l->in_flight && !is_over(l);
    return waiting && l->next_ms < ends_ms ? l->next_ms : ends_ms;
}

bool lease_is_acquiring(const struct lease *l)
{
    return l->state == LEASE_STANDBY && l->in_flight && l->asked != HTTP_GET;
}

void lease_release(struct lease *l, struct now now)
{
    if (l->state == LEASE_RELEASING) {
        return;
    }
    if (!lease_step(l, now)) {
        l->state = LEASE_RELEASED;
        return;
    }
    l->state = LEASE_RELEASING;
    l->looked = false; /* it may be a while ago */
    l->give_up_ms = now.mono_ms + LEASE_RELEASE_MS;
    l->next_ms = now.mono_ms;
}

const char *lease_holder(const struct lease *l)
{
    return l->holder != NULL ? l->holder : "";
}

#include "operator/explain.h"

#include "base/arena.h"

#include <stdio.h>
#include <string.h>

/* ---- For people ---- */

/* "Label:       text"; without a label one more line of the last. What has control characters could
 * do things to a terminal. */
static void line(struct buf *out, const char *label, const char *text)
{
    char head[32];
    snprintf(head, sizeof head, "%s%s", label, label[0] != '\0' ? ":" : "");
    buf_printf(out, "%-13s", head);
    json_escape(out, text, strlen(text), false);
    buf_append_char(out, '\n');
}

static const char *replicas_text(int32_t replicas, struct arena *arena)
{
    return arena_printf(arena, "%d replica%s", replicas, replicas == 1 ? "" : "s");
}

static const char *claimant_text(const struct sizing_claimant *c, struct arena *arena)
{
    const char *why = sizing_ignored_text(c->ignored);
    const char *name = arena_printf(arena, "%s/%s", c->kind, c->name);
    if (c->replicas != REPLICAS_INVALID) {
        name = arena_printf(arena, "%s with %s", name, replicas_text(c->replicas, arena));
    }
    return why != NULL ? arena_printf(arena, "%s: %s", name, why) : name;
}

/* Those that count come first. */
static void tell_claimants(const struct sizing *s, struct arena *arena, struct buf *out)
{
    for (size_t i = 0; i < s->claimant_count; i++) {
        const char *label = i == 0 ? "Counts" : "";
        if (i == s->counting) {
            label = "Ignored";
        }
        line(out, label, claimant_text(&s->claimants[i], arena));
    }
}

static void tell_state(const struct sizing *s, struct arena *arena, struct buf *out)
{
    if (s->reason == SIZING_NOBODY) {
        line(out, "State", "nobody decides: the size is what somebody writes");
    } else {
        line(out, "State",
             arena_printf(arena, "%s: %s", sizing_reason_text(s->reason), s->message));
    }
    for (size_t i = 0; i < s->hold_count; i++) {
        char until[TIME_TEXT_BYTES];
        time_format(until, s->holds[i].until_us, TIME_SECONDS);
        line(out, i == 0 ? "Held" : "",
             arena_printf(arena, "not below %d until %s", s->holds[i].size, until));
    }
}

static const char *size_text(int32_t size, struct arena *arena)
{
    return size != REPLICAS_INVALID ? arena_printf(arena, "%d", size) : "(invalid)";
}

/* NULL: there is nothing to say. */
static const char *deed_text(const struct explanation *e, struct arena *arena)
{
    switch (e->deed) {
    case EXPLAIN_CREATE:
        return arena_printf(arena, "a new Deployment with %s", replicas_text(e->size, arena));
    case EXPLAIN_SCALE:
        return arena_printf(arena, "replicas of the Deployment %s → %d",
                            size_text(e->replicas, arena), e->size);
    case EXPLAIN_UNKNOWN:
        return arena_printf(arena, "not known, as to the Deployment: %s", e->reason);
    default:
        return e->reason != NULL ? arena_printf(arena, "no Deployment: %s", e->reason) : NULL;
    }
}

static void tell_writes(const struct explanation *e, struct arena *arena, struct buf *out)
{
    bool has_size = e->size != e->memcached->size;
    const char *deed = deed_text(e, arena);
    if (has_size) {
        line(out, "Would write",
             arena_printf(arena, "spec.size %s → %d", size_text(e->memcached->size, arena),
                          e->size));
    }
    if (deed != NULL || !has_size) {
        line(out, has_size ? "" : "Would write", deed != NULL ? deed : "nothing");
    }
}

void explain_text(const struct explanation *e, struct buf *out)
{
    struct arena arena = {0};
    const struct object *o = &e->memcached->object;
    const struct sizing *s = e->sizing;
    const char *arithmetic = sizing_explain(e->view, s, &arena);
    line(out, "Memcached", arena_printf(&arena, "%s/%s", o->ns, o->name));
    line(out, "Size", size_text(e->memcached->size, &arena));
    if (s->source[0] != '\0') {
        line(out, "Decided by", s->source);
    }
    if (arithmetic[0] != '\0') {
        line(out, "Arithmetic", arithmetic);
    }
    tell_claimants(s, &arena, out);
    tell_state(s, &arena, out);
    tell_writes(e, &arena, out);
    arena_fini(&arena);
}

/* ---- JSON ---- */

static const char *text_or_null(const char *text)
{
    return text == NULL || text[0] == '\0' ? NULL : text;
}

static void member_number(struct json_writer *w, const char *key, bool is_known, int64_t value)
{
    json_key(w, key);
    if (is_known) {
        json_int(w, value);
    } else {
        json_string(w, NULL);
    }
}

static void write_claimants(const struct sizing *s, struct json_writer *w)
{
    json_key(w, "claimants");
    json_array_begin(w);
    for (size_t i = 0; i < s->claimant_count; i++) {
        const struct sizing_claimant *c = &s->claimants[i];
        json_object_begin(w);
        json_member_string(w, "kind", c->kind);
        json_member_string(w, "name", c->name);
        member_number(w, "replicas", c->replicas != REPLICAS_INVALID, c->replicas);
        json_member_bool(w, "deciding", c->ignored == SIZING_COUNTS);
        json_member_string(w, "ignored", sizing_ignored_text(c->ignored));
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_holds(const struct sizing *s, struct json_writer *w)
{
    json_key(w, "holds");
    json_array_begin(w);
    for (size_t i = 0; i < s->hold_count; i++) {
        char until[TIME_TEXT_BYTES];
        json_object_begin(w);
        json_member_int(w, "size", s->holds[i].size);
        json_member_string(w, "until", time_format(until, s->holds[i].until_us, TIME_SECONDS));
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_change(struct json_writer *w, const char *key, int32_t from, int32_t to)
{
    json_key(w, key);
    json_object_begin(w);
    member_number(w, "from", from != REPLICAS_INVALID, from);
    json_member_int(w, "to", to);
    json_object_end(w);
}

static void write_writes(const struct explanation *e, struct json_writer *w)
{
    static const char *const deeds[] = {[EXPLAIN_NOTHING] = "none",
                                        [EXPLAIN_CREATE] = "create",
                                        [EXPLAIN_SCALE] = "scale",
                                        [EXPLAIN_UNKNOWN] = "unknown"};
    int32_t size = e->memcached->size;
    json_key(w, "wouldWrite");
    json_object_begin(w);
    if (e->size != size) {
        write_change(w, "size", size, e->size);
    } else {
        json_member_string(w, "size", NULL);
    }
    json_member_string(w, "deployment", deeds[e->deed]);
    if (e->deed == EXPLAIN_CREATE || e->deed == EXPLAIN_SCALE) {
        write_change(w, "replicas", e->replicas, e->size);
    } else {
        json_member_string(w, "replicas", NULL);
    }
    json_member_string(w, "why", e->reason);
    json_object_end(w);
}

/* As in status.sizing, where they have the same meaning. */
static void write_wish(const struct sizing *s, struct json_writer *w)
{
    bool is_decided = s->reason != SIZING_NOBODY && s->reason != SIZING_UNKNOWN;
    member_number(w, "sum", s->has_wish, s->sum);
    member_number(w, "wish", is_decided && s->window.begun, s->window.wish);
    member_number(w, "decided", is_decided && s->size != REPLICAS_INVALID, s->size);
}

void explain_json(const struct explanation *e, struct json_writer *w)
{
    struct arena arena = {0};
    const struct object *o = &e->memcached->object;
    const struct sizing *s = e->sizing;
    json_object_begin(w);
    json_member_string(w, "namespace", o->ns);
    json_member_string(w, "name", o->name);
    member_number(w, "size", e->memcached->size != REPLICAS_INVALID, e->memcached->size);
    json_member_string(w, "source", text_or_null(s->source));
    json_member_string(w, "arithmetic", text_or_null(sizing_explain(e->view, s, &arena)));
    write_wish(s, w);
    json_member_string(w, "reason", text_or_null(sizing_reason_text(s->reason)));
    json_member_string(w, "message", text_or_null(s->message));
    write_claimants(s, w);
    write_holds(s, w);
    write_writes(e, w);
    json_object_end(w);
    arena_fini(&arena);
}

#include "operator/sizing_status.h"

#include "kube/json.h"

#include <string.h>

/* ---- Reading ---- */

static const char *read_text(struct arena *arena, yyjson_val *object, const char *key)
{
    yyjson_val *value = yyjson_obj_get(object, key);
    return yyjson_is_str(value) && yyjson_get_len(value) > 0
               ? arena_strndup(arena, yyjson_get_str(value), yyjson_get_len(value))
               : NULL;
}

static int32_t read_number(yyjson_val *object, const char *key)
{
    int64_t n = json_get_int(yyjson_obj_get(object, key), SIZING_ABSENT);
    return n < 0 || n > INT32_MAX ? SIZING_ABSENT : (int32_t)n;
}

static void read_holds(struct arena *arena, yyjson_val *list, struct sizing_status *out)
{
    struct sizing_status_hold *holds = arena_alloc(arena, SIZE_WINDOW_PEAKS_MAX * sizeof *holds);
    size_t i, count;
    yyjson_val *hold;
    yyjson_arr_foreach(list, i, count, hold)
    {
        struct sizing_status_hold read = {.size = read_number(hold, "size"),
                                          .until = read_text(arena, hold, "until")};
        if (out->hold_count < SIZE_WINDOW_PEAKS_MAX && read.size >= 0 && read.until != NULL) {
            holds[out->hold_count++] = read;
        }
    }
    out->holds = holds;
}

static void read_claimants(struct arena *arena, yyjson_val *list, struct sizing_status *out)
{
    struct sizing_status_claimant *claimants =
        arena_alloc(arena, SIZING_CLAIMANTS_SHOWN_MAX * sizeof *claimants);
    size_t i, count;
    yyjson_val *c;
    yyjson_arr_foreach(list, i, count, c)
    {
        struct sizing_status_claimant read = {.name = read_text(arena, c, "name"),
                                              .replicas = read_number(c, "replicas"),
                                              .since = read_text(arena, c, "since"),
                                              .deciding =
                                                  yyjson_is_true(yyjson_obj_get(c, "deciding"))};
        if (out->claimant_count < SIZING_CLAIMANTS_SHOWN_MAX && read.name != NULL) {
            claimants[out->claimant_count++] = read;
        }
    }
    out->claimants = claimants;
}

void sizing_status_read(struct arena *arena, yyjson_val *json, struct sizing_status *out)
{
    *out = (struct sizing_status){0};
    if (!yyjson_is_obj(json)) {
        return;
    }
    *out = (struct sizing_status){.present = true,
                                  .source = read_text(arena, json, "source"),
                                  .wish = read_number(json, "wish"),
                                  .size = read_number(json, "size"),
                                  .reason = read_text(arena, json, "reason"),
                                  .since = read_text(arena, json, "since"),
                                  .hold_until = read_text(arena, json, "holdUntil")};
    read_holds(arena, yyjson_obj_get(json, "holds"), out);
    read_claimants(arena, yyjson_obj_get(json, "claimants"), out);
}

/* ---- Composing ---- */

static const char *time_in(struct arena *arena, int64_t wall_us)
{
    return time_format(arena_alloc(arena, TIME_TEXT_BYTES), wall_us, TIME_SECONDS);
}

static bool is_same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void set_holds(const struct sizing *s, struct sizing_status *out, struct arena *arena)
{
    struct sizing_status_hold *holds = arena_alloc(arena, (s->hold_count + 1) * sizeof *holds);
    for (size_t i = 0; i < s->hold_count; i++) {
        holds[i] =
            (struct sizing_status_hold){s->holds[i].size, time_in(arena, s->holds[i].until_us)};
    }
    out->holds = holds;
    out->hold_count = s->hold_count;
    out->hold_until = s->hold_count > 0 ? holds[0].until : NULL;
}

static void set_claimants(const struct sizing *s, struct sizing_status *out, struct arena *arena)
{
    size_t count = s->claimant_count < SIZING_CLAIMANTS_SHOWN_MAX ? s->claimant_count
                                                                  : SIZING_CLAIMANTS_SHOWN_MAX;
    struct sizing_status_claimant *claimants = arena_alloc(arena, (count + 1) * sizeof *claimants);
    for (size_t i = 0; i < count; i++) {
        const struct sizing_claimant *c = &s->claimants[i];
        claimants[i] = (struct sizing_status_claimant){
            .name = arena_printf(arena, "%s/%s", c->kind, c->name),
            .replicas = c->replicas == REPLICAS_INVALID ? SIZING_ABSENT : c->replicas,
            .since = c->created_us != 0 ? time_in(arena, c->created_us) : NULL,
            .deciding = c->ignored == SIZING_COUNTS};
    }
    out->claimants = claimants;
    out->claimant_count = count;
}

struct sizing_status sizing_status_of(const struct sizing *s, const struct sizing_status *before,
                                      struct now now, struct arena *arena)
{
    if (s->reason == SIZING_UNKNOWN) {
        return *before;
    }
    if (s->reason == SIZING_NOBODY) {
        return (struct sizing_status){0};
    }
    struct sizing_status after = {.present = true,
                                  .source = s->source[0] != '\0' ? s->source : NULL,
                                  .wish = s->window.begun ? s->window.wish : SIZING_ABSENT,
                                  .size = s->size >= 0 ? s->size : SIZING_ABSENT,
                                  .reason = sizing_reason_text(s->reason)};
    bool same = before->present && before->wish == after.wish &&
                is_same_text(before->source, after.source) && before->since != NULL;
    after.since = same ? before->since : time_in(arena, now.wall_us);
    set_holds(s, &after, arena);
    set_claimants(s, &after, arena);
    return after;
}

/* ---- Writing ---- */

static void write_number(struct json_writer *w, const char *key, int32_t number)
{
    if (number == SIZING_ABSENT) {
        json_member_string(w, key, NULL);
    } else {
        json_member_int(w, key, number);
    }
}

/* In lists nothing is merged: what is absent need not be said. */
static void write_claimant(struct json_writer *w, const struct sizing_status_claimant *c)
{
    json_object_begin(w);
    json_member_string(w, "name", c->name);
    if (c->replicas != SIZING_ABSENT) {
        json_member_int(w, "replicas", c->replicas);
    }
    if (c->since != NULL) {
        json_member_string(w, "since", c->since);
    }
    json_member_bool(w, "deciding", c->deciding);
    json_object_end(w);
}

static void write_lists(struct json_writer *w, const struct sizing_status *s)
{
    json_key(w, "holds");
    json_array_begin(w);
    for (size_t i = 0; i < s->hold_count; i++) {
        json_object_begin(w);
        json_member_int(w, "size", s->holds[i].size);
        json_member_string(w, "until", s->holds[i].until);
        json_object_end(w);
    }
    json_array_end(w);
    json_key(w, "claimants");
    json_array_begin(w);
    for (size_t i = 0; i < s->claimant_count; i++) {
        write_claimant(w, &s->claimants[i]);
    }
    json_array_end(w);
}

void sizing_status_write(struct json_writer *w, const struct sizing_status *s)
{
    if (!s->present) {
        json_string(w, NULL);
        return;
    }
    json_object_begin(w);
    json_member_string(w, "source", s->source);
    write_number(w, "wish", s->wish);
    write_number(w, "size", s->size);
    json_member_string(w, "reason", s->reason);
    json_member_string(w, "since", s->since);
    json_member_string(w, "holdUntil", s->hold_until);
    write_lists(w, s);
    json_object_end(w);
}

/* ---- After a restart ---- */

void sizing_status_resume(const struct sizing_status *s, const struct size_from *f, struct now now,
                          struct size_window *out)
{
    *out = (struct size_window){0};
    if (!s->present || s->wish == SIZING_ABSENT) {
        return;
    }
    struct size_hold holds[SIZE_WINDOW_PEAKS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < s->hold_count; i++) {
        holds[count].size = s->holds[i].size;
        const char *until = s->holds[i].until;
        count += time_parse(until, strlen(until), &holds[count].until_us) == 0;
    }
    size_window_resume(out, s->wish, holds, count, f != NULL ? f->scale_down_after_s : 0, now);
}

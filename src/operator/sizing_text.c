/*
 * What a decision says to people: reasons, messages, the arithmetic in one line.
 */
#include "operator/sizing_parts.h"

#include "base/buf.h"
#include "base/mem.h"

#include <string.h>

enum {
    NAMED_MAX = 10, /* in one text; the others are counted */
    TEXT_BYTES_MAX = 16 << 10,
};

const char *sizing_reason_text(enum sizing_reason reason)
{
    static const char *const texts[] = {
        [SIZING_NOBODY] = "",
        [SIZING_UNKNOWN] = "SourceUnknown",
        [SIZING_IN_SYNC] = "InSync",
        [SIZING_HOLDING] = "Holding",
        [SIZING_PAUSED] = "Paused",
        [SIZING_OBSERVING] = "Observing",
        [SIZING_SOURCE_MISSING] = "SourceMissing",
        [SIZING_INVALID_SPEC] = "InvalidSpec",
        [SIZING_LOOP] = "Loop",
    };
    return texts[reason];
}

bool sizing_is_synced(enum sizing_reason reason)
{
    return reason == SIZING_IN_SYNC || reason == SIZING_HOLDING || reason == SIZING_PAUSED ||
           reason == SIZING_OBSERVING;
}

const char *sizing_ignored_text(enum sizing_ignored ignored)
{
    static const char *const texts[] = {
        [SIZING_COUNTS] = NULL,
        [SIZING_YOUNGER] = "an older Deployment decides",
        [SIZING_UNHEARD] = "spec.sizeFrom.sources decide, so its label does not count",
        [SIZING_NOT_WANTED] = "spec.sizeFrom.claims is Ignore",
        [SIZING_TERMINATING] = "it is being deleted",
        [SIZING_BAD_REPLICAS] = "its replicas are no number from 0 to 2147483647",
        [SIZING_OWN] = "it belongs to a Memcached, and would feed itself",
        [SIZING_BAD_NAME] = "its label's value is no name of a Memcached",
        [SIZING_NOT_FOUND] = "its replicas are not known",
    };
    return texts[ignored];
}

/* ---- Messages ---- */

static const char *state_text(enum source_state state)
{
    switch (state) {
    case SOURCE_UNKNOWN:
        return "is not known yet";
    case SOURCE_UNREADABLE:
        return "cannot be read";
    case SOURCE_TERMINATING:
        return "is being deleted";
    case SOURCE_INVALID:
        return "has no replicas from 0 to 2147483647";
    case SOURCE_NO_KIND:
        return "is of a kind that the server does not know";
    case SOURCE_NO_SCALE:
        return "is of a kind that cannot be scaled: it has no scale subresource";
    case SOURCE_LOOP:
        return "follows this Memcached itself";
    default:
        return "is not there";
    }
}

/* Each source of those states: "StatefulSet/api is not there, Rollout/x cannot be read: why". */
static const char *tell_sources(const struct sizing_view *view,
                                bool (*is_meant)(enum source_state state), struct arena *arena)
{
    const struct size_from *f = sizing_rules(view);
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, TEXT_BYTES_MAX);
    for (size_t i = 0; i < f->source_count; i++) {
        struct sizing_source source = sizing_source_at(view, i);
        if (is_meant(source.state)) {
            buf_printf(&text, "%s%s %s%s%s", text.len > 0 ? ", " : "",
                       sizing_source_name(&f->sources[i], arena), state_text(source.state),
                       source.detail != NULL ? ": " : "",
                       source.detail != NULL ? source.detail : "");
        }
    }
    return arena_strdup(arena, buf_text(&text));
}

static bool is_unknown(enum source_state state)
{
    return state == SOURCE_UNKNOWN;
}

static bool is_unreadable(enum source_state state)
{
    return state == SOURCE_UNREADABLE;
}

static bool is_loop(enum source_state state)
{
    return state == SOURCE_LOOP;
}

static bool has_no_scale(enum source_state state)
{
    return state == SOURCE_NO_SCALE;
}

static const char *tell_missing(const struct sizing_view *view, const struct size_from *f,
                                struct arena *arena)
{
    const char *unreadable = tell_sources(view, is_unreadable, arena);
    if (unreadable[0] != '\0') {
        return arena_printf(arena, "%s; size stays as it is", unreadable);
    }
    const char *missing = tell_sources(view, sizing_is_missing, arena);
    switch (f->if_missing) {
    case SIZE_IF_MISSING_KEEP:
        return arena_printf(arena, "%s; size does not go down (ifMissing: Keep)", missing);
    case SIZE_IF_MISSING_MIN:
        return arena_printf(arena, "%s; size is at least %d (ifMissing: Min)", missing, f->min);
    default:
        return arena_printf(arena, "%s; size is at least %d (ifMissing: Fallback)", missing,
                            f->fallback);
    }
}

static const char *tell_invalid(const struct sizing_view *view, const struct size_from *f,
                                struct arena *arena)
{
    if (f->fault != NULL) {
        return f->fault;
    }
    return view->memcached->paused == PAUSED_UNCLEAR ? "the annotation " PAUSED_ANNOTATION
                                                       " is neither \"true\" nor \"false\""
                                                     : tell_sources(view, has_no_scale, arena);
}

static const char *tell_hold(const struct size_from *f, const struct sizing *s, struct arena *arena)
{
    if (s->size != s->goal) {
        return arena_printf(arena, "size goes to %d by steps, and is %d now", s->goal, s->size);
    }
    if (s->goal != s->held) {
        return arena_printf(arena, "wish is %d; mode ScaleUpOnly keeps size %d", s->wish, s->size);
    }
    char until[TIME_TEXT_BYTES];
    return arena_printf(
        arena, "wish is %d; size stays %d, the highest wish of %d seconds, until %s", s->wish,
        s->size, f->scale_down_after_s, time_format(until, s->holds[0].until_us, TIME_SECONDS));
}

static const char *tell_pause(const struct size_from *f, const struct sizing *s,
                              struct arena *arena)
{
    const char *who = f->paused ? "spec.sizeFrom.paused" : "the annotation " PAUSED_ANNOTATION;
    return s->has_wish
               ? arena_printf(arena, "%s is true: size is left alone; it would be %d", who, s->size)
               : arena_printf(arena, "%s is true: size is left alone", who);
}

const char *sizing_message(const struct sizing_view *view, const struct sizing *s,
                           struct arena *arena)
{
    const struct size_from *f = sizing_rules(view);
    switch (s->reason) {
    case SIZING_UNKNOWN:
        return tell_sources(view, is_unknown, arena);
    case SIZING_IN_SYNC:
        return arena_printf(arena, "size follows %s", s->source);
    case SIZING_HOLDING:
        return tell_hold(f, s, arena);
    case SIZING_PAUSED:
        return tell_pause(f, s, arena);
    case SIZING_OBSERVING:
        return arena_printf(arena, "mode Observe: size is left alone; it would be %d", s->size);
    case SIZING_SOURCE_MISSING:
        return tell_missing(view, f, arena);
    case SIZING_INVALID_SPEC:
        return tell_invalid(view, f, arena);
    case SIZING_LOOP:
        return tell_sources(view, is_loop, arena);
    default:
        return "";
    }
}

/* ---- Arithmetic ---- */

/* Its name, and its kind where two have the same name. */
static void name_claimant(const struct sizing *s, size_t i, struct buf *out)
{
    const struct sizing_claimant *c = &s->claimants[i];
    bool is_ambiguous = false;
    for (size_t j = 0; j < s->claimant_count && j < NAMED_MAX; j++) {
        is_ambiguous |= j != i && strcmp(s->claimants[j].name, c->name) == 0;
    }
    buf_printf(out, "%s%s%s", is_ambiguous ? c->kind : "", is_ambiguous ? "/" : "", c->name);
}

static void explain_sum(const struct size_from *f, const struct sizing *s, struct buf *out)
{
    bool sources = f->source_count > 0;
    bool maximum = sources ? f->aggregate == SIZE_AGGREGATE_MAX : f->claims == SIZE_CLAIMS_MAX;
    size_t count = sources ? f->source_count : s->counting; /* with those that are missing */
    bool in_brackets = maximum && count > 1;
    buf_append_text(out, in_brackets ? "max(" : "");
    for (size_t i = 0; i < count && i < NAMED_MAX; i++) {
        const struct sizing_claimant *c = &s->claimants[i];
        buf_append_text(out, i == 0 ? "" : maximum ? ", " : " + ");
        name_claimant(s, i, out);
        if (c->ignored == SIZING_COUNTS) {
            buf_printf(out, " %d", c->replicas);
        } else {
            buf_append_text(out, " missing");
        }
    }
    if (count > NAMED_MAX) {
        buf_printf(out, "%s%zu more", maximum ? ", " : " + ", count - NAMED_MAX);
    }
    buf_append_text(out, in_brackets ? ")" : "");
    if (count > 1 || s->counting == 0) {
        buf_printf(out, " = %lld", (long long)s->sum);
    }
}

static void explain_ratio(const struct size_from *f, const struct sizing *s, struct buf *out)
{
    static const char *const rounding[] = {"up", "down", "nearest"};
    if (f->ratio_memcached == 1 && f->ratio_per == 1 && s->scaled == s->sum) {
        return;
    }
    buf_append_text(out, " →");
    if (f->ratio_memcached != 1) {
        buf_printf(out, " ×%d", f->ratio_memcached);
    }
    if (f->ratio_per != 1) {
        buf_printf(out, " ÷%d %s", f->ratio_per, rounding[f->rounding]);
    }
    if (f->ratio_memcached == 1 && f->ratio_per == 1) {
        buf_append_text(out, " at most"); /* what a size can be */
    }
    buf_printf(out, " = %d", s->scaled);
}

static void explain_limits(const struct size_from *f, const struct sizing *s, struct buf *out)
{
    int32_t clamped = sizing_clamp(f, s->scaled);
    if (f->min > 0 && f->max < INT32_MAX) {
        buf_printf(out, " → clamp %d..%d = %d", f->min, f->max, clamped);
    } else if (f->min > 0) {
        buf_printf(out, " → at least %d = %d", f->min, clamped);
    } else if (f->max < INT32_MAX) {
        buf_printf(out, " → at most %d = %d", f->max, clamped);
    }
    if (s->wish != clamped) {
        buf_printf(out, " → fallback at least %d = %d", f->fallback, s->wish);
    }
}

static void explain_pace(const struct size_from *f, const struct sizing *s, struct buf *out)
{
    if (f->scale_down_after_s > 0) {
        buf_printf(out, " → highest of %d s = %d", f->scale_down_after_s, s->held);
    }
    if (f->mode == SIZE_MODE_SCALE_UP_ONLY) {
        buf_printf(out, " → only up = %d", s->goal);
    }
    if (s->size != s->goal) {
        buf_printf(out, " → by steps of %d = %d", s->size < s->goal ? f->step_up : f->step_down,
                   s->size);
    }
}

const char *sizing_explain(const struct sizing_view *view, const struct sizing *s,
                           struct arena *arena)
{
    const struct size_from *f = sizing_rules(view);
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, TEXT_BYTES_MAX);
    if (s->has_wish) {
        explain_sum(f, s, &out);
        explain_ratio(f, s, &out);
        explain_limits(f, s, &out);
        explain_pace(f, s, &out);
    }
    return arena_strdup(arena, buf_text(&out));
}

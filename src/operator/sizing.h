/*
 * What a Memcached's size shall be, and why. The one pure function that the reconcilers, the status
 * and `memcached-operator explain` all use, so that they cannot disagree. Equal views and times
 * give equal answers.
 *
 *     sources or labelled Deployments ─► sum or max ─► ratio, rounding ─► min..max      = wish
 *     wish ─► the highest of the last scaleDownAfterSeconds ─► mode ─► step             = size
 *
 * The rules, besides those of size_from.h:
 *   - Without spec.sizeFrom, or with one that has no sources, the labelled Deployments decide. When
 *     there is none, nobody does, and the size is the user's.
 *   - With sources a label is ignored, unless it is on one of them. It is named (SIZING_UNHEARD).
 *   - While it is not known how a source is, nothing is decided.
 *   - While a source is missing the wish is what the others ask for, but at least min, fallback, or
 *     (Keep) the size as it is. So nothing shrinks because a source is gone, unless that was asked
 *     for. What is being deleted, or has no valid replicas, is missing. With Keep, a size that is
 *     changed by hand meanwhile stays.
 *   - While nothing is wished, the size counts as the wish, so that what comes next is held by it:
 *     a first wish, and one after a source was missing.
 *   - A step is counted from spec.size, and taken when our Deployment has carried out the last one:
 *     has that many replicas, all of them ready if the step goes up. So whoever waits for a step is
 *     woken by a change of that Deployment. A size that somebody else wrote is put back at once to
 *     what the Deployment has, as far as this is on the way.
 *   - ScaleUpOnly never writes less than spec.size is.
 */
#pragma once
#include "base/time_text.h"
#include "operator/size_window.h"
#include "operator/types.h"

/** So many of sizing.claimants has room in status.sizing.claimants (config/crd). */
enum { SIZING_CLAIMANTS_SHOWN_MAX = 32 };

/** What is known of one of sizeFrom's sources. */
enum source_state {
    SOURCE_UNKNOWN,     /* not yet: its cache is not in step */
    SOURCE_UNREADABLE,  /* nor will it be soon: forbidden, an error */
    SOURCE_FOUND,       /* `replicas` counts */
    SOURCE_MISSING,     /* there is no such object */
    SOURCE_TERMINATING, /* it is being deleted */
    SOURCE_INVALID,     /* its replicas are no int32 ≥ 0 */
    SOURCE_NO_KIND,     /* the server knows no such kind: as missing */
    SOURCE_NO_SCALE,    /* its kind has no scale subresource, or no namespace */
    SOURCE_LOOP,        /* it follows this Memcached itself */
};

struct sizing_source {
    enum source_state state;
    int32_t replicas;   /* SOURCE_FOUND; REPLICAS_INVALID makes it SOURCE_INVALID */
    int64_t created_us; /* 0: not known */
    const char *detail; /* UNREADABLE: the error; LOOP: the way round; NULL: nothing more to say */
};

/** All that the decision depends on. Borrowed. */
struct sizing_view {
    const struct memcached *memcached;
    const struct object *const *claimants; /* Deployments whose label names it, by name */
    size_t claimant_count;
    const struct sizing_source *sources; /* one for each of size_from->sources, in their order;
                                            NULL: none is known yet */
    const struct size_window *window;    /* what sizing.window was last time; NULL: nothing */
    const struct deployment *operand;    /* our Deployment; NULL: there is none. Paces steps */
};

enum sizing_reason {
    SIZING_NOBODY,  /* nobody decides: no condition, the size is the user's */
    SIZING_UNKNOWN, /* not all is known yet: what was said before stays */
    SIZING_IN_SYNC,
    SIZING_HOLDING, /* the wish is another: window, step or ScaleUpOnly hold the size */
    SIZING_PAUSED,
    SIZING_OBSERVING,
    SIZING_SOURCE_MISSING,
    SIZING_INVALID_SPEC,
    SIZING_LOOP,
};

/** Of the condition SizeSynced: "InSync"; "" for NOBODY. */
const char *sizing_reason_text(enum sizing_reason reason);

/** Its status: InSync, Holding, Paused and Observing are True. */
bool sizing_is_synced(enum sizing_reason reason);

/** Why a claimant is not listened to. */
enum sizing_ignored {
    SIZING_COUNTS,      /* it is */
    SIZING_YOUNGER,     /* an older one decides */
    SIZING_UNHEARD,     /* a label, where sources decide */
    SIZING_NOT_WANTED,  /* claims: Ignore */
    SIZING_TERMINATING, /* it is being deleted */
    SIZING_BAD_REPLICAS,
    SIZING_OWN,       /* it belongs to a Memcached, and would feed itself */
    SIZING_BAD_NAME,  /* the label's value is no object name */
    SIZING_NOT_FOUND, /* a source of which no replicas are known */
};

/** For people: "an older Deployment decides"; NULL for SIZING_COUNTS. */
const char *sizing_ignored_text(enum sizing_ignored ignored);

struct sizing_claimant {
    const char *kind;
    const char *name;
    int32_t replicas;   /* REPLICAS_INVALID: not known */
    int64_t created_us; /* 0: not known */
    enum sizing_ignored ignored;
    const struct deployment *labelled; /* the Deployment with the label; NULL: a source */
};

/** A labelled Deployment, as good as those that count, that has to be told that it does not. */
bool sizing_is_loser(const struct sizing_claimant *c);

struct sizing {
    enum sizing_reason reason;
    const char *message; /* for people, of the condition SizeSynced; stays the same as long as
                            nothing changes. "" for NOBODY */
    const char *source;  /* who decides: "Deployment/web", "Sum of 2 sources"; "": nobody */

    /* Sources in their order, or labelled Deployments by name; those that count come first. */
    const struct sizing_claimant *claimants;
    size_t claimant_count;
    size_t counting; /* how many of them count */

    bool has_wish;
    int64_t sum;    /* of replicas, or their maximum */
    int32_t scaled; /* by ratio and rounding */
    int32_t wish;   /* within min and max, or what ifMissing says */
    int32_t held;   /* the highest of the window */
    int32_t goal;   /* where steps lead to: with ScaleUpOnly not below the size */
    int32_t size;   /* what spec.size would be now if nothing were paused or only observed;
                       without a wish, what it is, REPLICAS_INVALID too */

    bool has_target;
    int32_t target; /* what spec.size shall be now. Without a target it is left as it is */

    /* For the status, from which size_window_resume() goes on after a restart: these as .holds, the
     * first one's time as .holdUntil, and window.wish as .wish, if window.begun. */
    struct size_hold holds[SIZE_WINDOW_PEAKS_MAX];
    size_t hold_count;
    uint64_t again_ms;         /* decide again then, if nothing changes before; 0: no need */
    struct size_window window; /* to be kept, and shown to the next decision */
};

/** Texts and lists live in @arena, or are the view's. */
struct sizing sizing_decide(const struct sizing_view *view, struct now now, struct arena *arena);

/** The arithmetic in one line: `web 5 + api 2 = 7 → ÷2 up = 4 → clamp 1..20 = 4`. Steps that are as
 * by default and change nothing are left out. "" where there is no wish. In @arena. */
const char *sizing_explain(const struct sizing_view *view, const struct sizing *s,
                           struct arena *arena);

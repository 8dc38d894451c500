/*
 * What the files of the lookout share, and nobody else uses.
 */
#pragma once
#include "kube/kind_search.h"
#include "kube/manager.h"
#include "kube/scales.h"
#include "kube/watcher.h"

/* One object that somebody refers to. Stays where it is while the map of them changes. */
struct watched {
    struct lookout *lookout;
    char *ns, *name;
    bool refresh;            /* to be listed anew */
    bool refreshing;         /* that is under way: it is told when it is done */
    size_t references;       /* 0: to be ended */
    struct watcher *watcher; /* NULL: not begun */
    struct error trouble;    /* ERR_NONE: none */
};

struct lookout {
    struct manager *manager;
    struct random *random;
    lookout_news_fn *news;
    void *ctx;
    bool compiled_in, metadata_only;
    const struct kind *kind;   /* NULL: not found yet */
    struct kind_search search; /* used unless it is compiled in; has its names always */
    struct store store;
    struct scales scales;
    struct map watched; /* "ns/name" → struct watched; only the first may be at work */
    bool stirred;       /* something may be due whatever due_ms says */
    uint64_t due_ms;    /* the earliest of all that is watched */
};

/** The @i-th of what is watched. */
struct watched *lookout_at(const struct lookout *l, size_t i);

/** News of one object, or of all. */
void lookout_tell(struct lookout *l, const char *ns, const char *name);
void lookout_tell_all(struct lookout *l);

/** Whoever refers to the object is told unless it was the same trouble before. */
void lookout_set_trouble(struct watched *w, const struct error *err);

/** Of one that is out of the map, and at rest. */
void lookout_free_watched(struct watched *w);

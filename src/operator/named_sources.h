/*
 * What spec.sizeFrom.sources name, watched as long as some Memcached names it, and what is known of
 * it: lookouts (kube/lookout.h) for Memcacheds. For operator.c, which says who names what, and
 * hands what is known to sizing_decide().
 *
 * Nothing is decided on an object before a consistent read of it that began after work began here.
 * A label's decision is recorded on the Memcached by the version of the one view that it was made
 * from (SOURCES_ANNOTATION); named sources have a view each, and one such record would have to grow
 * with each of them, and be written when a source changes and the size does not. A read costs less:
 * etcd's record of one object, once for each and process. Whoever worked before has made its last
 * decision before that read, so no server whose caches lag can take a size back to what a source
 * had an hour ago; from then on the watch only goes forward.
 */
#pragma once
#include "kube/manager.h"
#include "kube/plan.h"
#include "operator/sizing.h"

struct named_sources;

/** Something about a source of the Memcached @ns/@name has changed. Called from within the
 * manager's step; may enqueue keys. */
typedef void named_news_fn(void *ctx, const char *ns, const char *name);

struct named_sources *named_sources_new(struct manager *m, named_news_fn *news, void *ctx);

/** After manager_free(). */
void named_sources_free(struct named_sources *n);

/** Work begins: what decisions are made from is to be read anew. */
void named_sources_start(struct named_sources *n);

/** The Memcached @ns/@name names the sources of @f (NULL: none) from now on, and no others: these
 * are watched, and what nobody names any more is not. Returns whether it named others before. */
bool named_sources_follow(struct named_sources *n, const char *ns, const char *name,
                          const struct size_from *f);

/** What is known of some source, followed by somebody in @ns; zeroed if nobody does. */
struct sight named_sources_sight(const struct named_sources *n, const char *ns,
                                 const struct size_source *source);

struct named_view {
    struct sizing_source *sources;    /* one for each, in their order; NULL: there are none */
    const struct size_source *unread; /* its scale is to be read; NULL: none */
    bool is_doubted;                  /* a consistent read is awaited: look again soon */
};

/** What @m, which is followed, may decide on. Texts and lists live in @arena, or until the next
 * step. Loops are not looked for. */
struct named_view named_sources_see(struct named_sources *n, const struct memcached *m,
                                    struct arena *arena);

/** Read the scale of @unread, by a WRITE_SCALE. */
void named_sources_plan_read(struct named_sources *n, const char *ns,
                             const struct size_source *unread, struct plan *plan);

/** The answer to that. What it brought is known once it is in its store. */
void named_sources_answered(struct named_sources *n, const struct write *write,
                            const struct answer *answer);

/** Somebody names something. */
bool named_sources_any(const struct named_sources *n);

/** As if there were news of every source that is named in @ns. */
void named_sources_tell_all(struct named_sources *n, const char *ns);

/*
 * What named_sources.c and named_sources_see.c share. For others: named_sources.h.
 */
#pragma once
#include "operator/named_sources.h"

/* One object that somebody names. */
struct named {
    struct map users; /* names of Memcacheds, all of its namespace → this */
    bool is_confirmed;
    bool is_asked; /* for a consistent read, when there had been so many lists: */
    uint64_t asked_lists;
    char *trouble; /* why its scale could not be read; NULL: it could */
};

struct named_kind {
    struct lookout *lookout; /* there as long as something is added to it */
    struct map objects;      /* "ns/name" → struct named, each added once; never empty */
};

struct named_sources {
    struct manager *manager;
    named_news_fn *news;
    void *ctx;
    bool is_working;       /* and not a standby */
    struct map kinds;      /* "apps/v1 Deployment" → struct named_kind */
    struct map followings; /* "ns/name" of a Memcached → struct following */
};

/** NULL: nobody names such a one. */
struct named_kind *named_kind_of(const struct named_sources *n, const struct size_source *source);
struct named *named_of(const struct named_kind *kind, const char *ns, const char *name);

/** NULL: it is found on the server. */
const struct kind *named_compiled_in(const struct size_source *source);

/** @o may be decided on; else that is on its way. */
bool named_confirm(const struct named_sources *n, struct named *o, struct lookout *l,
                   const char *ns, const char *name);

/** News of @o for all who name it. */
void named_tell_users(struct named_sources *n, const struct named *o, const char *ns);

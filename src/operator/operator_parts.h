/*
 * What operator.c, operator_view.c, operator_answers.c, operator_news.c and operator_explain.c
 * share. For others: operator.h.
 */
#pragma once
#include "operator/memory.h"
#include "operator/named_sources.h"
#include "operator/operator.h"
#include "operator/size_metrics.h"

struct operator
{
    struct manager *manager;
    char *image;
    struct controller *memcached_controller;
    struct controller *sync_controller;
    struct store *memcacheds, *sources, *operands, *strangers, *pods;
    struct store_index *claims;     /* "ns/label value" → sources */
    struct store_index *owned_pods; /* "ns/memcached_cr" → pods */
    struct named_sources *named;
    struct size_metrics metrics;
    bool started;        /* at work, and not a standby */
    struct map memories; /* "ns/name" of a Memcached → struct memory */
    /* See operator_options: */
    bool explains;
    struct store_index *in_order; /* all Memcacheds under one key; NULL unless it explains */
    struct map unexplained;       /* "ns/name" of those of which not all is known yet */
};

/** What a Memcached's size shall be, and what that was decided from. */
struct decision {
    struct sizing_view view;
    const struct deployment *operand; /* of its name, whoever's it is; NULL: there is none */
    struct sizing sizing;
    struct named_view named;
    bool by_label;
    const char *claims_rv; /* up to which labelled Deployments are known, where they decide */
};

/** NULL: there is none. */
const struct memcached *operator_memcached(const struct operator* op, const char *ns,
                                           const char *name);

/** What is remembered of a Memcached; made on first use. */
struct memory *operator_memory(struct operator* op, const char *ns, const char *name);
/** Likewise; NULL: nothing is remembered. */
struct memory *operator_recall(const struct operator* op, const char *ns, const char *name);
/** Nothing of it stays behind. */
void operator_forget(struct operator* op, const char *ns, const char *name);

/** Remember why @answer refused a write; NULL: none is refused. */
void operator_set_trouble(char **trouble, const struct answer *answer);

/* operator_view.c: what is decided, from what is known. */
void operator_reconcile_memcached(void *ctx, const char *ns, const char *name, struct now now,
                                  struct plan *plan);
void operator_reconcile_sync(void *ctx, const char *ns, const char *name, struct now now,
                             struct plan *plan);

/** What DeploymentSync does for @m: decide, and plan to write the size if it is another. False: not
 * all of it is known, and @plan reads it or waits; *d is as far as it came then, zeroed at first.
 */
bool operator_plan_size(struct operator* op, const struct memcached *m, struct memory *memory,
                        struct now now, struct plan *plan, struct decision *d);

/* operator_explain.c: the controller that only reads. */
void operator_add_explainer(struct operator* op);

/* operator_answers.c: what is remembered of the answers. */
bool operator_answered_memcached(void *ctx, const char *ns, const char *name, struct now now,
                                 const struct write *write, const struct answer *answer,
                                 const struct object *object);
bool operator_answered_sync(void *ctx, const char *ns, const char *name, struct now now,
                            const struct write *write, const struct answer *answer,
                            const struct object *object);

/* operator_news.c: which change brings which key. Makes indexes, subscribes to the stores. */
void operator_listen(struct operator* op);
void operator_start(void *ctx, struct now now);
void operator_resync_memcached(void *ctx, struct now now);
void operator_resync_sync(void *ctx, struct now now);

/*
 * Decodes a list answer as it arrives: cuts `items` into single objects, so that a list of any
 * length needs the memory of its largest item. Members may come in any order (typed lists have
 * metadata first, custom resources have it last).
 */
#pragma once
#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <yyjson.h>

enum {
    LIST_RV_BYTES = 64,                 /* with its NUL; a longer one is taken for garbage */
    LIST_CONTINUE_BYTES_MAX = 16 << 10, /* servers use some hundred */
};

/** @item is borrowed during the call. Returns 0, or a negative code to end the list with the error
 * that it filled in. */
typedef int list_item_fn(void *ctx, yyjson_val *item, struct error *err);

struct list {
    char rv[LIST_RV_BYTES]; /* metadata.resourceVersion once seen; "" before */
    struct buf cont;        /* metadata.continue; empty on the last page */
    /* private: the cutter's state */
    unsigned state, role; /* enum state, enum role in list.c */
    struct buf value;     /* the value being cut, as far as earlier feeds brought it */
    char key[16];         /* the member's name; longer ones are cut: we know none of them */
    unsigned depth;       /* open brackets within the value */
    uint64_t arrays;      /* which of them are '[' */
    bool string, escaped; /* within a string; behind its backslash */
    bool items_seen, metadata_seen;
};

void list_init(struct list *l);
void list_fini(struct list *l);
void list_reset(struct list *l);

/**
 * Feed bytes, split anywhere; linear time.
 *
 * Returns 0, or with the list unusable until list_reset(), every item before the bad one delivered:
 *   ERR_TOO_BIG  an item passed BODY_BYTES_MAX, or nests deeper than JSON_DEPTH_MAX;
 *   ERR_PARSE    not a list: not JSON, something behind its end, items or metadata twice or of
 *                another type, an item that is not an object. (Members that are not used are
 *                skipped; of those only the brackets are checked.)
 *   or what @fn returned.
 */
int list_feed(struct list *l, const char *bytes, size_t len, list_item_fn *fn, void *ctx,
              struct error *err);

/** After the last byte: 0 when the document is complete and has a resourceVersion and items (null
 * or absent items are an empty list); else ERR_PARSE ("truncated …"). */
int list_end(struct list *l, struct error *err);

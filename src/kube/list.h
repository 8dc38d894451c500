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

/** @item is borrowed during the call. Returns 0, or a negative code to end the list with the error
 * that it filled in. */
typedef int list_item_fn(void *ctx, yyjson_val *item, struct error *err);

struct list {
    struct buf value; /* the unfinished value: an item, or a top-level member such as metadata */
    char rv[64];      /* metadata.resourceVersion once seen; "" before */
    struct buf cont;  /* metadata.continue; empty on the last page */
    /* private: the cutter's state */
    unsigned depth;
    int state;
    bool in_string, escaped, items_seen;
    struct buf key;
};

void list_init(struct list *l);
void list_fini(struct list *l);
void list_reset(struct list *l);

/**
 * Feed bytes, split anywhere. Returns 0, or with the list unusable until list_reset(): ERR_PARSE,
 * ERR_TOO_BIG (an item over BODY_BYTES_MAX, depth), or what @fn returned. Linear time.
 */
int list_feed(struct list *l, const char *bytes, size_t len, list_item_fn *fn, void *ctx,
              struct error *err);

/** After the last byte: 0 when the document is complete and has a resourceVersion and items (null
 * or absent items are an empty list); else ERR_PARSE ("truncated …"). */
int list_end(struct list *l, struct error *err);

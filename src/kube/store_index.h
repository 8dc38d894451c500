/*
 * The indexes of a store, for the store: it keeps them equal to what it holds. Whoever looks
 * something up uses store_index_get().
 */
#pragma once
#include "kube/store.h"

struct store_index *store_index_new(store_index_fn *fn, uint64_t seed);
void store_index_free(struct store_index *index);

/** @o is in the index between these two, unless its key is "". */
void store_index_insert(struct store_index *index, const struct object *o);
void store_index_remove(struct store_index *index, const struct object *o);

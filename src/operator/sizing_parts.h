/*
 * What sizing.c, sizing_gather.c and sizing_text.c share. For others: sizing.h.
 */
#pragma once
#include "operator/sizing.h"

/** The rules that hold: without spec.sizeFrom those by default. */
const struct size_from *sizing_rules(const struct sizing_view *view);

/** What is known of source @i. */
struct sizing_source sizing_source_at(const struct sizing_view *view, size_t i);

/** It is known that nothing can be had of it: ifMissing says what follows. */
bool sizing_is_missing(enum source_state state);

/** Fills claimants, counting, sum and source. */
void sizing_gather(const struct sizing_view *view, struct sizing *s, struct arena *arena);

/** @scaled within min and max. */
int32_t sizing_clamp(const struct size_from *f, int32_t scaled);

/** "Deployment/web" */
const char *sizing_source_name(const struct size_source *source, struct arena *arena);

/** The message of a decision whose other fields are filled. */
const char *sizing_message(const struct sizing_view *view, const struct sizing *s,
                           struct arena *arena);

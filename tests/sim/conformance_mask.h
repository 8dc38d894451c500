/*
 * Replaces, in texts of a side, what may differ between two servers by what may not. Used by
 * side_text() alone.
 */
#pragma once
#include "sim/conformance_side.h"

/** Append @text with uids, the namespace, generated names, pointers and versions replaced. */
void mask_text(const struct side *side, enum resource resource, const char *text, size_t len,
               struct buf *out);

/** Append what stands for a resourceVersion: its rank. */
void mask_version(const struct side *side, enum resource resource, const char *version,
                  struct buf *out);

/** How much of a Status' message is compared. */
size_t mask_message_length(const char *message, size_t len);

/*
 * What is in generated bodies beside metadata: specs, statuses, patches of them, parts that are
 * applied; for each resource, mostly good.
 */
#pragma once
#include "sim/conformance_sequence.h"

/** Append a spec's object. Not for events, which have none. */
void spec_append(struct random *r, enum resource resource, struct buf *out);

/** Append all members of an object but type and metadata. */
void spec_append_members(struct random *r, enum resource resource, struct buf *out);

/** Append a status' object. */
void spec_append_status(struct random *r, enum resource resource, struct buf *out);

/** Append members of a merge patch. */
void spec_append_patch(struct random *r, enum resource resource, struct buf *out);

/** Members of what is applied, each with a comma before it: parts that several managers come to own
 * together, take from each other, and give up. */
const char *spec_applied_part(struct random *r, enum resource resource);

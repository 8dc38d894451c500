/*
 * Bodies of generated operations: most of them good, many with something special in them, some bad.
 * Texts in single quotes with $-words (sim/conformance_sequence.h).
 */
#pragma once
#include "sim/conformance_sequence.h"

/** One of @count texts. */
const char *pick(struct random *r, const char *const *texts, size_t count);
#define PICK(r, ...)                                                                               \
    pick(r, (const char *const[]){__VA_ARGS__},                                                    \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/** True @percent times of a hundred. */
bool chance(struct random *r, unsigned percent);

/** Append an object to create or to update: @name NULL: a generateName (@serial makes it the only
 * one of its kind). @update: with a resourceVersion, a right one as a rule. */
void body_object(struct random *r, enum resource resource, const char *name, unsigned serial,
                 bool update, struct buf *out);

/** An object as small as it may be, with labels ("'a':'1'"). */
void body_minimal(enum resource resource, const char *name, const char *labels, struct buf *out);

/** A merge patch of the object. */
void body_merge_patch(struct random *r, enum resource resource, const char *name, struct buf *out);

/** What is applied: a part of the object. */
void body_apply(struct random *r, enum resource resource, const char *name, struct buf *out);

/** For the status subresource: a merge patch or, with @whole, an object. */
void body_status(struct random *r, enum resource resource, const char *name, bool whole,
                 struct buf *out);

/** For the scale subresource. */
void body_scale(struct random *r, enum resource resource, const char *name, bool whole,
                struct buf *out);

/** DeleteOptions. */
void body_delete(struct random *r, enum resource resource, const char *name, struct buf *out);

/*
 * The scales of the objects of one store, as far as they have been read: which of them are right,
 * and which are to be read anew. Watching an object does not bring its scale.
 */
#pragma once
#include "kube/scale.h"
#include "kube/store.h"

struct scales {
    struct store store;          /* "ns/name" → struct scale; answers go here */
    const struct store *objects; /* without their replicas */
    bool has_stray;              /* the store may hold one whose object is gone */
};

/** Until the end of @objects. Whoever subscribes to scales.store is told of what is read. */
void scales_init(struct scales *s, const struct store *objects, uint64_t seed);
void scales_fini(struct scales *s);

/** A subscriber of @objects calls it with what it is told. */
void scales_follow(struct scales *s, const struct object *before, const struct object *after);

/** A subscriber of scales.store likewise. */
void scales_note(struct scales *s, const struct object *scale);

/** The last that was read of this very object, by its uid; else NULL. */
const struct scale *scales_get(const struct scales *s, const struct object *o);

/** No scale of @o is known, or it may be another by now: the object is newer, and nothing says that
 * its spec is the same. (The generation does: it grows with each change of the spec; 0 is none.) */
bool scales_is_due(const struct scales *s, const struct object *o);

/** Remove scales that were read just before their objects went. */
void scales_drop_strays(struct scales *s);

/*
 * What must hold, checked against the truth in the API server and nothing else: an oracle that
 * shares no code with the operator's decisions (it may use decoders of neither side; it reads
 * JSON).
 *
 *   I1  in the end every Memcached and Deployment is as design.md §4 says, and stays so
 *   I2  after convergence not one write
 *   I3  spec.size and spec.replicas only ever take values that the deciding source had, in its
 *       order, never a reverted one; nothing that is not ours is written or deleted
 *   I4  the stores equal the server
 *   I5  memory, requests in flight and watches come back to where they were
 *   I6  no write without the lease, none that lands after it ran out
 */
#pragma once
#include "sim/world.h"

struct invariants;

struct invariants *invariants_new(struct world *w);
void invariants_free(struct invariants *i);

/** A change of the truth, by whomever, in order. @process: the operator that made it, or -1 (then
 * @exchange is NULL). Judges I3 and I6, this also of writes that nobody waits for any more: a
 * process must be so early that they cannot land late. After a restore of etcd, which knows nothing
 * of what was promised since, I6 is not judged for the duration of a lease. */
void invariants_change(struct invariants *i, int process, const struct exchange *exchange,
                       const struct api_change *change);

/** A request of an operator was done, or refused, by the server. @admitted: a webhook had its say.
 */
void invariants_answered(struct invariants *i, const struct exchange *e,
                         const struct api_answer *answer, bool admitted);

/** The answer reaches the process. */
void invariants_told(struct invariants *i, const struct exchange *e,
                     const struct api_answer *answer);

/** Operators may know no more what they were told: they cannot be blamed for what follows. */
void invariants_forget_known(struct invariants *i);

/** I1: the state is what it must be; else fails the world with the difference. */
void invariants_check_state(struct invariants *i);

/** I4: what the running processes' stores hold is what the server has, object by object, by uid and
 * resourceVersion. */
void invariants_check_stores(struct invariants *i);

/** I5: @path watches no object by its name, or one that spec.sizeFrom of some Memcached names. */
bool invariants_wants_watch(const struct invariants *i, const char *path);

/** etcd was restored: what came after @revision never was. */
void invariants_restored(struct invariants *i, uint64_t revision);

/** From now on operators are started with this image of memcached. The first one: memcached:1.6. */
void invariants_upgraded(struct invariants *i, const char *image);

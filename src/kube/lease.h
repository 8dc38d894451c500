/*
 * Leader election by a coordination.k8s.io/v1 Lease, as client-go's leaderelection does it, without
 * its trust in clocks: another holder is judged only by when its record last changed *here*. A pure
 * state machine like the reflector. Rules: https://pkg.go.dev/k8s.io/client-go/tools/leaderelection
 */
#pragma once
#include "base/random.h"
#include "kube/http.h"

enum {
    LEASE_DURATION_MS = 15 * 1000,
    LEASE_RENEW_DEADLINE_MS = 10 * 1000,
    LEASE_RETRY_MS = 2 * 1000,
    LEASE_JITTER_PERCENT = 20,
    LEASE_RELEASE_MS = 1000, /* a release that takes longer is given up */
    LEASE_REQUEST_MS = 5000, /* one attempt: short enough to try again within the renew deadline */
    LEASE_LANDING_MS = 1000, /* a write that was given up is still on its way for so long at most */
    LEASE_LANDED_MS = 1500,  /* the same by a clock that is fast by 1.5 */
};

enum lease_state {
    LEASE_STANDBY, /* another holds it, or nobody yet */
    LEASE_LEADING,
    LEASE_LOST, /* was leading; the renew deadline passed or another took it: the process ends */
    LEASE_RELEASING, /* giving it back */
    LEASE_RELEASED,
};

/** Whose the record is. One that cannot be read counts as another's, and so does one of another's
 * that was cleared by hand, not given back: it is waited out. */
enum lease_owner { LEASE_FREE, LEASE_OURS, LEASE_ANOTHERS };

struct lease {
    char *ns, *name, *identity;
    struct random *random;
    enum lease_state state;
    uint64_t next_ms; /* when the next attempt is due */
    bool in_flight;
    enum http_method asked; /* of the attempt in flight */
    uint64_t attempt_ms;    /* when it began */
    uint64_t renewed_ms;    /* when the last successful acquire or renew *began* */
    uint64_t give_up_ms;    /* while releasing */
    bool may_write;         /* the next attempt is a write; else it is a look */
    bool looked;            /* the attempt before was a look */
    /* the record as last seen */
    char *seen;       /* its text: holder, times, transitions */
    uint64_t seen_ms; /* when it last changed here */
    enum lease_owner owner;
    char *holder;
    char *rv, *uid;
    uint64_t duration_ms; /* the record's own, at least ours */
    int64_t transitions;
    int64_t acquired_us; /* its acquireTime */
    bool exists;
};

void lease_init(struct lease *l, const char *ns, const char *name, const char *identity,
                struct random *random);
void lease_fini(struct lease *l);

/** True with *out filled (owned by the caller) when a GET, POST or PUT of the Lease shall start
 * now. */
bool lease_want(struct lease *l, struct now now, struct request *out);

/** The answer to it. @err NULL on 2xx with @body; else what happened. */
void lease_answer(struct lease *l, struct now now, const char *body, size_t len,
                  const struct error *err);

/** Leading, and within the renew deadline: writes may be sent. Moves to LEASE_LOST when the
 * deadline has passed. */
bool lease_step(struct lease *l, struct now now);

/** While leading: mono_ms by which every write must have ended, or been given up: before the renew
 * deadline, by as long as one that was given up may be on its way. So none lands after the lease
 * ran out, also if this clock is slow by the rate that is put up with, 1.5. */
uint64_t lease_write_deadline(const struct lease *l);

/** When lease_want() or lease_step() may next change its answer. */
uint64_t lease_deadline(const struct lease *l);

/** Not leading yet, but asked for in a write whose answer may say so. */
bool lease_is_acquiring(const struct lease *l);

/** Begin to give the lease back (only when leading; else straight to LEASE_RELEASED). */
void lease_release(struct lease *l, struct now now);

/** The holder as last seen; "" when none. For the log. */
const char *lease_holder(const struct lease *l);

/*
 * Keeps us from fighting. Remembers what was last written to one field (or one object) and what the
 * server made of it, and from that says whether it may be written again now:
 *   - the server itself changed what we wrote (an admission webhook): never again, as long as both
 * stay so;
 *   - somebody else changed it back, or removed it: at once the first time, then 5 ms × 2ⁿ up to
 * 1000 s, so a contested field sees one write per step. Values are hashes or numbers: only equality
 * counts.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
    CONTEST_STEP_MS_MIN = 5,
    CONTEST_STEP_MS_MAX = 1000 * 1000,
    CONTEST_QUIET_MS = 60 * 1000, /* at least so long without a correction ends the contest */
    CONTEST_ROUNDS = 5,           /* corrections after which people are told */
};

#define CONTEST_NEVER UINT64_MAX

struct contest {
    bool written;
    uint64_t wish; /* what we last wrote */
    uint64_t got;  /* what the server answered */
    uint64_t written_ms;
    unsigned rounds; /* how often @wish was written again */
};

/** How long to wait before @wish may be written while @live is there: 0 now, CONTEST_NEVER not as
 * long as both stay. */
uint64_t contest_delay(const struct contest *c, uint64_t wish, uint64_t live, uint64_t now_ms);

/** Likewise where there is nothing any more of what was written: somebody has removed it. */
uint64_t contest_pause(const struct contest *c, uint64_t wish, uint64_t now_ms);

/** It was written: the server answered with @got. */
void contest_written(struct contest *c, uint64_t wish, uint64_t got, uint64_t now_ms);

/** The same wish was written before: a correction, no change of mind. */
bool contest_is_correction(const struct contest *c, uint64_t wish);

/** Somebody keeps writing beside us. */
bool contest_is_on(const struct contest *c, uint64_t now_ms);

/** The server keeps @live though we wrote @wish. */
bool contest_is_overruled(const struct contest *c, uint64_t wish, uint64_t live);

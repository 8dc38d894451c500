#include "operator/contest.h"

/* Delay after the @rounds-th correction; the first may come at once. */
static uint64_t step_ms(unsigned rounds)
{
    if (rounds == 0) {
        return 0;
    }
    uint64_t ms = CONTEST_STEP_MS_MIN;
    for (unsigned i = 1; i < rounds && ms < CONTEST_STEP_MS_MAX; i++) {
        ms *= 2;
    }
    return ms < CONTEST_STEP_MS_MAX ? ms : CONTEST_STEP_MS_MAX;
}

/* A contest ends when nothing had to be corrected for a good while longer than its last step. */
static bool is_quiet(const struct contest *c, uint64_t now_ms)
{
    uint64_t quiet_ms = 2 * step_ms(c->rounds);
    if (quiet_ms < CONTEST_QUIET_MS) {
        quiet_ms = CONTEST_QUIET_MS;
    }
    return now_ms - c->written_ms >= quiet_ms;
}

bool contest_is_correction(const struct contest *c, uint64_t wish)
{
    return c->written && c->wish == wish;
}

bool contest_is_overruled(const struct contest *c, uint64_t wish, uint64_t live)
{
    return contest_is_correction(c, wish) && c->got == live && live != wish;
}

uint64_t contest_pause(const struct contest *c, uint64_t wish, uint64_t now_ms)
{
    if (!contest_is_correction(c, wish) || is_quiet(c, now_ms)) {
        return 0;
    }
    uint64_t due_ms = c->written_ms + step_ms(c->rounds);
    return due_ms > now_ms ? due_ms - now_ms : 0;
}

uint64_t contest_delay(const struct contest *c, uint64_t wish, uint64_t live, uint64_t now_ms)
{
    return contest_is_overruled(c, wish, live) ? CONTEST_NEVER : contest_pause(c, wish, now_ms);
}

void contest_written(struct contest *c, uint64_t wish, uint64_t got, uint64_t now_ms)
{
    bool again = contest_is_correction(c, wish) && !is_quiet(c, now_ms);
    *c = (struct contest){.written = true,
                          .wish = wish,
                          .got = got,
                          .written_ms = now_ms,
                          .rounds = again ? c->rounds + 1 : 0};
}

bool contest_is_on(const struct contest *c, uint64_t now_ms)
{
    return c->written && c->rounds >= CONTEST_ROUNDS && !is_quiet(c, now_ms);
}

#include "base/random.h"

#include <assert.h>

/* Both generators are Blackman and Vigna's: https://prng.di.unimi.it/ . SplitMix64 spreads the seed
 * over the state, which must not be all zero. */
void random_init(struct random *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += UINT64_C(0x9E3779B97F4A7C15);
        uint64_t z = seed;
        z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
        r->state[i] = z ^ (z >> 31);
    }
}

static uint64_t rotate_left(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

uint64_t random_next(struct random *r)
{
    uint64_t *s = r->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t random_below(struct random *r, uint64_t bound)
{
    assert(bound > 0);
    /* Draws below 2^64 mod bound are thrown away: the rest is a multiple of bound, so no remainder
     * is favoured. */
    uint64_t unfair = (0 - bound) % bound;
    uint64_t draw;
    do {
        draw = random_next(r);
    } while (draw < unfair);
    return draw % bound;
}

uint64_t random_jitter_ms(struct random *r, uint64_t ms, unsigned percent)
{
    uint64_t spread;
    uint64_t most;
    if (__builtin_mul_overflow(ms / 100, (uint64_t)percent, &spread) ||
        __builtin_add_overflow(spread, ms % 100 * percent / 100, &spread) ||
        __builtin_add_overflow(ms, spread, &most)) {
        spread = UINT64_MAX - ms;
    }
    return spread == UINT64_MAX ? random_next(r) : ms + random_below(r, spread + 1);
}

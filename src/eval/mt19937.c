/* The Mersenne Twister (Matsumoto and Nishimura 1998), as NumPy seeds it and
 * draws permutations from it: see mt19937.h. */
#include "eval/mt19937.h"

#define WORDS 624
#define AHEAD 397

void mt19937_seed(mt19937 *r, uint32_t seed)
{
    r->word[0] = seed;
    for (uint32_t i = 1; i < WORDS; i++)
        r->word[i] =
            1812433253u * (r->word[i - 1] ^ (r->word[i - 1] >> 30)) + i;
    r->at = WORDS;
}

static void refill(mt19937 *r)
{
    for (size_t i = 0; i < WORDS; i++) {
        uint32_t y = (r->word[i] & 0x80000000u) |
                     (r->word[(i + 1) % WORDS] & 0x7fffffffu);
        r->word[i] =
            r->word[(i + AHEAD) % WORDS] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
    }
    r->at = 0;
}

uint32_t mt19937_next(mt19937 *r)
{
    if (r->at == WORDS)
        refill(r);
    uint32_t y = r->word[r->at++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

/* 0 to most, both included, by rejection. */
static uint32_t below(mt19937 *r, uint32_t most)
{
    uint32_t mask = most, v;
    for (int k = 1; k < 32; k *= 2)
        mask |= mask >> k;
    do
        v = mt19937_next(r) & mask;
    while (v > most);
    return v;
}

void mt19937_permutation(mt19937 *r, size_t n, uint32_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint32_t)i;
    for (size_t i = n; i-- > 1;) {
        uint32_t j = below(r, (uint32_t)i), swap = out[i];
        out[i] = out[j];
        out[j] = swap;
    }
}

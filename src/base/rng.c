/* Philox 4x32-10 (Random123) streams. Key = (seed low, seed high ^ purpose
 * mixed), counter = (block low, block high, step low, step high).  */
#include "base/rng.h"

#include <Random123/philox.h>

#include "shared/random.h"

static philox4x32_ctr_t block_of(rng_stream s, uint64_t block)
{
    philox4x32_key_t key = {
        {(uint32_t)s.seed,
         random_key_high((uint32_t)(s.seed >> 32), s.purpose)}};
    philox4x32_ctr_t counter = {{(uint32_t)block, (uint32_t)(block >> 32),
                                 (uint32_t)s.step,
                                 (uint32_t)(s.step >> 32)}};
    return philox4x32(counter, key);
}

uint32_t rng_u32(rng_stream s, uint64_t i)
{
    return block_of(s, i / 4).v[i % 4];
}

void rng_words(rng_stream s, uint64_t block, size_t blocks, uint32_t *out)
{
    for (size_t i = 0; i < blocks; i++) {
        philox4x32_ctr_t b = block_of(s, block + i);
        for (int j = 0; j < 4; j++)
            out[4 * i + (size_t)j] = b.v[j];
    }
}

float rng_uniform(rng_stream s, uint64_t i)
{
    return random_unit(rng_u32(s, i));
}

uint32_t rng_below(rng_stream s, uint64_t i, uint32_t n)
{
    /* Multiply-shift: the bias is below n / 2^32. */
    return (uint32_t)(((uint64_t)rng_u32(s, i) * n) >> 32);
}

float rng_normal(rng_stream s, uint64_t i)
{
    /* Words 2k and 2k+1 of a block make normals 2k and 2k+1. */
    philox4x32_ctr_t b = block_of(s, i / 4);
    unsigned pair = (unsigned)(i % 4) & ~1u;
    float cosine, sine;
    random_normals(b.v[pair], b.v[pair + 1], &cosine, &sine);
    return i % 2 ? sine : cosine;
}

void rng_permutation(rng_stream s, uint32_t n, uint32_t *out)
{
    for (uint32_t i = 0; i < n; i++)
        out[i] = i;
    for (uint32_t i = n; i > 1; i--) {
        uint32_t j = rng_below(s, n - i, i);
        uint32_t swap = out[i - 1];
        out[i - 1] = out[j];
        out[j] = swap;
    }
}

/* f16 by integers and one addition, without branches, so that the loops
 * vectorise for every instruction set.
 *
 * A half has 10 bits of fraction of a float's 23, and its exponents are 112
 * lower. Subnormal halves are multiples of 2^-24, which is the last bit of a
 * float in [0.5,1): adding 0.5 puts them there, rounded by the addition. */
#include "base/half.h"

#include "base/simd.h"
#include "shared/portable.h"

#define SHIFT    13
#define REBIAS   (112u << 23)
#define HALF     0x3f000000u /* 0.5f */
#define SMALLEST 0x38800000u /* 2^-14, the smallest normal half */

/* (On bits: a choice between floats may become a branch.) */
ALWAYS_INLINE float read_one(uint16_t half)
{
    uint32_t sign = (half & 0x8000u) << 16, magnitude = half & 0x7fffu;
    uint32_t normal = (magnitude << SHIFT) + REBIAS;
    normal += magnitude < 0x7c00 ? 0 : REBIAS; /* infinity and NaN */
    uint32_t small = shared_bits(shared_float(magnitude | HALF) - .5f);
    return shared_float(sign | (magnitude < 0x400 ? small : normal));
}

ALWAYS_INLINE uint16_t write_one(uint32_t bits)
{
    uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    uint32_t even = magnitude >> SHIFT & 1;
    uint32_t normal = (magnitude - REBIAS + 0xfff + even) >> SHIFT;
    uint32_t small = shared_bits(shared_float(magnitude) + .5f) - HALF;
    return (uint16_t)(sign | (magnitude < SMALLEST ? small : normal));
}

/* The leaves are static: clang gives a function with clones another name
 * outside of its file. */
static CPU_SIMD void read_row(float *restrict to, const uint16_t *restrict from,
                              size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = read_one(from[i]);
}

void half_read(float *restrict to, const uint16_t *restrict from, size_t n)
{
    read_row(to, from, n);
}

/* Bits of magnitudes are in the order of the magnitudes, NaN last. */
static CPU_SIMD uint32_t write_row(uint16_t *restrict to,
                                   const float *restrict from, size_t n)
{
    uint32_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = shared_bits(from[i]), magnitude = bits & 0x7fffffff;
        to[i] = write_one(bits);
        largest = magnitude > largest ? magnitude : largest;
    }
    return largest;
}

float half_write(uint16_t *restrict to, const float *restrict from, size_t n)
{
    return shared_float(write_row(to, from, n));
}

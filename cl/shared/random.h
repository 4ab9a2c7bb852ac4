/* From Philox words to numbers; the same formulas in C and OpenCL, in f32 with
 * nothing but sums, products and square roots, so that every device with IEEE
 * arithmetic gives the same bits. */
#ifndef CL_SHARED_RANDOM_H
#define CL_SHARED_RANDOM_H

#include "shared/portable.h"

/* A stream's key is (seed low, this): the purpose goes into it by an odd
 * multiplier, so that neighbouring seeds and purposes never meet. */
static inline unsigned int random_key_high(unsigned int seed_high,
                                           unsigned int purpose)
{
    return seed_high ^ purpose * 0x9E3779B9u;
}

/* 24 high bits of a word: exact in f32, in [0,1). */
static inline float random_unit(unsigned int word)
{
    return (float)(int)(word >> 8) * 0x1p-24f;
}

/* -ln(u) for u = n 2^-24, n in 1 ... 2^24 (Cephes' polynomial). */
static inline float random_minus_log(unsigned int n)
{
    /* u = 2^e (1 + f), f in [sqrt(1/2) - 1, sqrt(2) - 1). */
    unsigned int bits = shared_bits((float)(int)n);
    unsigned int shifted = bits - 0x3f3504f3u; /* sqrt(1/2) becomes 0 */
    float e = (float)((int)(shifted >> 23) - 24);
    float f = shared_float((shifted & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
    float z = f * f;
    float p = 7.0376836292e-2f;
    p = p * f - 1.1514610310e-1f;
    p = p * f + 1.1676998740e-1f;
    p = p * f - 1.2420140846e-1f;
    p = p * f + 1.4249322787e-1f;
    p = p * f - 1.6668057665e-1f;
    p = p * f + 2.0000714765e-1f;
    p = p * f - 2.4999993993e-1f;
    p = p * f + 3.3333331174e-1f;
    /* ln 2 in two pieces. */
    float y = p * f * z - 2.12194440e-4f * e - 0.5f * z;
    return -(f + y + 0.693359375f * e);
}

/* Two standard normals from two words, Box-Muller: radius from a, angle from
 * b. */
static inline void random_normals(unsigned int a, unsigned int b, float *cosine,
                                  float *sine)
{
    float radius = shared_sqrt(2.0f * random_minus_log((a >> 8) + 1u));
    /* The angle in 2^-24 turns: the nearest quarter, and what is left. */
    int k = (int)(b >> 8);
    int quarter = (k + (1 << 21)) >> 22;
    float x = (float)(k - quarter * (1 << 22)) * 3.745070283e-7f;
    float z = x * x;
    float s = -1.9515295891e-4f;
    s = s * z + 8.3321608736e-3f;
    s = s * z - 1.6666654611e-1f;
    s = s * z * x + x;
    float c = 2.443315711809948e-5f;
    c = c * z - 1.388731625493765e-3f;
    c = c * z + 4.166664568298827e-2f;
    c = c * z * z - 0.5f * z + 1.0f;
    float cq = quarter & 1 ? s : c;
    float sq = quarter & 1 ? c : s;
    *cosine = radius * ((quarter + 1) & 2 ? -cq : cq);
    *sine = radius * (quarter & 2 ? -sq : sq);
}

#endif

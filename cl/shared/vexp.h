/* exp for loops: branch-free, so that compilers vectorise it, in C and OpenCL.
 * Within 2 ulp of the true value; results below the smallest normal number are
 * 0, above the largest are infinite, NaN stays NaN. The C library's expf does
 * not vectorise without -ffast-math, nor does PoCL's exp. */
#ifndef CL_SHARED_VEXP_H
#define CL_SHARED_VEXP_H

#include "shared/portable.h"

static SHARED_INLINE float vexp_power(int n) /* 2^n, -126 <= n <= 127 */
{
    return shared_float((unsigned int)(n + 127) << 23);
}

static SHARED_INLINE float vexp(float x)
{
    SHARED_FUSED
    const float low = -87.3365402f, high = 88.7228394f;
    const float shift = 12582912.0f; /* 1.5 2^23: the sum rounds to integers */
    float z = x < low ? low : x;
    z = z > high ? high : z;
    float shifted = z * 1.44269504f + shift;
    int n = (int)(shared_bits(shifted) - 0x4b400000u); /* the bits of shift */
    float whole = shifted - shift;
    /* ln 2 in two pieces, the first exact under this product. */
    float r = z - whole * 0.693359375f;
    r = r + whole * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    int half_n = n >> 1; /* n = 128 has no power of its own */
    float y = p * vexp_power(half_n) * vexp_power(n - half_n);
    y = x < low ? 0.0f : y;
    return x > high ? INFINITY : y;
}

#endif

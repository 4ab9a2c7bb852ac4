/* Activation functions and their derivatives, branch-free so that loops over
 * them vectorise; the same formulas in C and OpenCL. Each is within a few ulp
 * of the true value, in the tails too. */
#ifndef CL_SHARED_ACTIVATION_H
#define CL_SHARED_ACTIVATION_H

#include "shared/portable.h"
#include "shared/vexp.h"

static SHARED_INLINE float act_sigmoid(float x)
{
    return 1.0f / (1.0f + vexp(-x));
}

static SHARED_INLINE float act_silu(float x)
{
    return x / (1.0f + vexp(-x));
}

/* s = sigmoid(x) and 1 - s, both accurate where they are small. */
static SHARED_INLINE float act_sigmoids(float x, float *rest)
{
    float e = vexp(x < 0.0f ? x : -x);
    float r = 1.0f / (1.0f + e);
    float small = e * r;
    *rest = x < 0.0f ? r : small;
    return x < 0.0f ? small : r;
}

static SHARED_INLINE float act_silu_slope(float x)
{
    float rest;
    float s = act_sigmoids(x, &rest);
    return s * (1.0f + x * rest);
}

/* exp(-a^2/2). The square's rounding error would be magnified by a^2/2, so a
 * is split into 12 bits, whose square is exact, and the rest. */
static SHARED_INLINE float act_bell(float a)
{
    float head = shared_float(shared_bits(a) & 0xfffff000u);
    float square = 0.5f * (head * head);
    float rest = 0.5f * ((a - head) * (a + head));
    float sum = square + rest;
    float lost = (square - sum) + rest;
    float e = vexp(-sum);
    return e - e * lost;
}

/* The normal distribution's upper tail 1/2 erfc(a / sqrt 2), a >= 0, from
 * e = act_bell(a): e times a rational function, fitted at Chebyshev nodes of
 * u = (k - a)/(k + a) for 0 <= a <= 14.5, k = 4.2, error 3e-9. */
static SHARED_INLINE float act_tail(float a, float e)
{
    float r = 1.0f / (4.2f + a);
    float u = (4.2f - a) * r;
    float p = 2.221312899e-4f;
    p = p * u - 2.445139252e-4f;
    p = p * u - 2.120844075e-3f;
    p = p * u - 1.481473285e-3f;
    p = p * u + 1.676829870e-2f;
    p = p * u + 8.017855957e-2f;
    p = p * u + 2.138172950e-1f;
    p = p * u + 4.122465905e-1f;
    p = p * u + 6.218624480e-1f;
    p = p * u + 7.587515132e-1f;
    return e * (p * r);
}

/* |x|, no further than where the tail has become 0. */
static SHARED_INLINE float act_reach(float x)
{
    float a = x < 0.0f ? -x : x;
    return a < 16.0f ? a : 16.0f;
}

/* x Phi(x). */
static SHARED_INLINE float act_gelu_erf(float x)
{
    float a = act_reach(x);
    float tail = act_tail(a, act_bell(a));
    return x * (x > 0.0f ? 1.0f - tail : tail);
}

static SHARED_INLINE float act_gelu_erf_slope(float x)
{
    float a = act_reach(x);
    float e = act_bell(a);
    float tail = act_tail(a, e);
    float density = 0.398942280f * e;
    return x > 0.0f ? 1.0f - tail + a * density : tail - a * density;
}

/* x/2 (1 + tanh(t)) = x sigmoid(2 t), t = sqrt(2/pi) (x + 0.044715 x^3). */
static SHARED_INLINE float act_gelu_tanh(float x)
{
    float t2 = 1.59576912f * (x + 0.044715f * (x * x * x));
    return x / (1.0f + vexp(-t2));
}

static SHARED_INLINE float act_gelu_tanh_slope(float x)
{
    float t2 = 1.59576912f * (x + 0.044715f * (x * x * x));
    float rest;
    float s = act_sigmoids(t2, &rest);
    float both = s * rest; /* 0 where x^3 has overflowed */
    float slope = 1.59576912f * (1.0f + 0.134145f * (x * x));
    return both > 0.0f ? s + x * both * slope : s;
}

static SHARED_INLINE float act_relu(float x)
{
    return x < 0.0f ? 0.0f : x; /* keeps NaN */
}

static SHARED_INLINE float act_relu_slope(float x)
{
    return x > 0.0f ? 1.0f : 0.0f;
}

static SHARED_INLINE float act_tanh(float x)
{
    SHARED_FUSED
    float a = x < 0.0f ? -x : x;
    float z = x * x;
    float p = -5.70498872745e-3f;
    p = p * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    float near = p * z * x + x;
    float far = 1.0f - 2.0f / (vexp(2.0f * a) + 1.0f);
    far = x < 0.0f ? -far : far;
    return a < 0.625f ? near : far;
}

static SHARED_INLINE float act_tanh_slope(float x)
{
    float rest;
    float s = act_sigmoids(2.0f * x, &rest);
    return 4.0f * (s * rest);
}

#endif

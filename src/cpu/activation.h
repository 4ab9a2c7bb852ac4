/* The activation of a number inside other loops: `kind` is a constant there, so
 * that one formula is left. */
#ifndef CPU_ACTIVATION_H
#define CPU_ACTIVATION_H

#include "cpu/cpu.h"
#include "shared/activation.h"

/* f(x), kind = ACT_*; x itself for ACT_NONE. */
ALWAYS_INLINE float act_value(int kind, float x)
{
    switch (kind) {
    case ACT_SILU:
        return act_silu(x);
    case ACT_GELU_ERF:
        return act_gelu_erf(x);
    case ACT_GELU_TANH:
        return act_gelu_tanh(x);
    case ACT_RELU:
        return act_relu(x);
    case ACT_TANH:
        return act_tanh(x);
    default:
        return x;
    }
}

/* f'(x). */
ALWAYS_INLINE float act_slope(int kind, float x)
{
    switch (kind) {
    case ACT_SILU:
        return act_silu_slope(x);
    case ACT_GELU_ERF:
        return act_gelu_erf_slope(x);
    case ACT_GELU_TANH:
        return act_gelu_tanh_slope(x);
    case ACT_RELU:
        return act_relu_slope(x);
    case ACT_TANH:
        return act_tanh_slope(x);
    default:
        return 1;
    }
}

#endif

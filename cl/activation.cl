/* activation: y = f(x); the formulas are in cl/shared/activation.h. */

static inline float apply(float x, int kind)
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
    default:
        return act_tanh(x);
    }
}

static inline float slope(float x, int kind)
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
    default:
        return act_tanh_slope(x);
    }
}

/* y may be x. */
__kernel void activation_fwd(OUT(y), IN(x), ulong n, int kind)
{
    ulong i = get_global_id(0);
    if (i >= n)
        return;
    AT(y), AT(x);
    y[i] = apply(x[i], kind);
}

__kernel void activation_bwd(GRADIENT(dx), IN(dy), IN(x), ulong n, int kind)
{
    ulong i = get_global_id(0);
    if (i >= n)
        return;
    AT(dx), AT(dy), AT(x);
    GIVE(dx, i, dy[i] * slope(x[i], kind));
}

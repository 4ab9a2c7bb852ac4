/* activation: y = f(x); the formulas are in cl/shared/activation.h. A kernel
 * for each kind, chosen by src/ocl/activation.c. y may be x. */

__kernel void silu_fwd(OUT(y), IN(x), ulong n)
{
    AT(y), AT(x);
    EACH(i, n, y[i] = act_silu(x[i]))
}

__kernel void silu_bwd(GRADIENT(dx), IN(dy), IN(x), ulong n)
{
    AT(dx), AT(dy), AT(x);
    EACH(i, n, GIVE(dx, i, dy[i] * act_silu_slope(x[i])))
}

__kernel void gelu_erf_fwd(OUT(y), IN(x), ulong n)
{
    AT(y), AT(x);
    EACH(i, n, y[i] = act_gelu_erf(x[i]))
}

__kernel void gelu_erf_bwd(GRADIENT(dx), IN(dy), IN(x), ulong n)
{
    AT(dx), AT(dy), AT(x);
    EACH(i, n, GIVE(dx, i, dy[i] * act_gelu_erf_slope(x[i])))
}

__kernel void gelu_tanh_fwd(OUT(y), IN(x), ulong n)
{
    AT(y), AT(x);
    EACH(i, n, y[i] = act_gelu_tanh(x[i]))
}

__kernel void gelu_tanh_bwd(GRADIENT(dx), IN(dy), IN(x), ulong n)
{
    AT(dx), AT(dy), AT(x);
    EACH(i, n, GIVE(dx, i, dy[i] * act_gelu_tanh_slope(x[i])))
}

__kernel void relu_fwd(OUT(y), IN(x), ulong n)
{
    AT(y), AT(x);
    EACH(i, n, y[i] = act_relu(x[i]))
}

__kernel void relu_bwd(GRADIENT(dx), IN(dy), IN(x), ulong n)
{
    AT(dx), AT(dy), AT(x);
    EACH(i, n, GIVE(dx, i, dy[i] * act_relu_slope(x[i])))
}

__kernel void tanh_fwd(OUT(y), IN(x), ulong n)
{
    AT(y), AT(x);
    EACH(i, n, y[i] = act_tanh(x[i]))
}

__kernel void tanh_bwd(GRADIENT(dx), IN(dy), IN(x), ulong n)
{
    AT(dx), AT(dy), AT(x);
    EACH(i, n, GIVE(dx, i, dy[i] * act_tanh_slope(x[i])))
}

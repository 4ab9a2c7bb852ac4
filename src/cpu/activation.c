/* activation: y = f(x); the formulas are in cl/shared/activation.h. */
#include "cpu/cpu.h"
#include "cpu/row.h"
#include "shared/activation.h"

#define CHUNK 4096 /* elements a vectorised call works on */
#define PIECE 512  /* elements of slopes on the stack */

/* y may be x, so no `restrict`; omp simd says that elements are independent. */
static CPU_SIMD void apply(float *y, const float *x, size_t n, int kind)
{
    switch (kind) {
    case ACT_SILU:
#pragma omp simd
        for (size_t i = 0; i < n; i++)
            y[i] = act_silu(x[i]);
        break;
    case ACT_GELU_ERF:
#pragma omp simd
        for (size_t i = 0; i < n; i++)
            y[i] = act_gelu_erf(x[i]);
        break;
    case ACT_GELU_TANH:
#pragma omp simd
        for (size_t i = 0; i < n; i++)
            y[i] = act_gelu_tanh(x[i]);
        break;
    case ACT_RELU:
#pragma omp simd
        for (size_t i = 0; i < n; i++)
            y[i] = act_relu(x[i]);
        break;
    case ACT_TANH:
#pragma omp simd
        for (size_t i = 0; i < n; i++)
            y[i] = act_tanh(x[i]);
        break;
    }
}

static CPU_SIMD void slope(float *d, const float *dy, const float *x, size_t n,
                           int kind)
{
    switch (kind) {
    case ACT_SILU:
#pragma omp simd
        for (size_t i = 0; i < n; i++)
            d[i] = dy[i] * act_silu_slope(x[i]);
        break;
    case ACT_GELU_ERF:
#pragma omp simd
        for (size_t i = 0; i < n; i++)
            d[i] = dy[i] * act_gelu_erf_slope(x[i]);
        break;
    case ACT_GELU_TANH:
#pragma omp simd
        for (size_t i = 0; i < n; i++)
            d[i] = dy[i] * act_gelu_tanh_slope(x[i]);
        break;
    case ACT_RELU:
#pragma omp simd
        for (size_t i = 0; i < n; i++)
            d[i] = dy[i] * act_relu_slope(x[i]);
        break;
    case ACT_TANH:
#pragma omp simd
        for (size_t i = 0; i < n; i++)
            d[i] = dy[i] * act_tanh_slope(x[i]);
        break;
    }
}

drift_status cpu_activation_fwd(drift_context *ctx, tensor *y, const tensor *x,
                                int kind)
{
    (void)ctx;
    size_t count = tensor_count(x);
#pragma omp parallel for if (count > CPU_SMALL)
    for (size_t i = 0; i < count; i += CHUNK)
        apply(f32(y) + i, f32(x) + i, count - i < CHUNK ? count - i : CHUNK,
              kind);
    return DRIFT_OK;
}

drift_status cpu_activation_bwd(drift_context *ctx, tensor *dx,
                                const tensor *dy, const tensor *x, int kind)
{
    (void)ctx;
    size_t count = dx ? tensor_count(x) : 0;
#pragma omp parallel for if (count > CPU_SMALL)
    for (size_t i = 0; i < count; i += PIECE) {
        float d[PIECE];
        size_t n = count - i < PIECE ? count - i : PIECE;
        float *to = dx->fresh ? f32(dx) + i : d;
        slope(to, f32(dy) + i, f32(x) + i, n, kind);
        if (!dx->fresh)
            row_add(f32(dx) + i, d, n);
    }
    return DRIFT_OK;
}

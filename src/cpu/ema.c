/* ema: e = decay e + (1 - decay) p. */
#include <math.h>

#include "cpu/cpu.h"

#define CHUNK 4096 /* elements a vectorised call works on */

static CPU_SIMD void chunk(float *restrict e, const float *restrict p, size_t n,
                           float decay, float rate)
{
    for (size_t i = 0; i < n; i++)
        e[i] = decay * e[i] + rate * p[i];
}

drift_status cpu_ema(drift_context *ctx, tensor *e, const tensor *p,
                     const tensor *scale, float decay)
{
    (void)ctx;
    if (scale && !isfinite(f32(scale)[0]))
        return DRIFT_OK;
    size_t count = tensor_count(e);
    float rate = (float)(1 - (double)decay);
#pragma omp parallel for if (count > CPU_SMALL)
    for (size_t i = 0; i < count; i += CHUNK)
        chunk(f32(e) + i, f32(p) + i, count - i < CHUNK ? count - i : CHUNK,
              decay, rate);
    return DRIFT_OK;
}

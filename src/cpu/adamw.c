/* adamw: method.md section 5; the formula is in cl/shared/adamw.h. */
#include <math.h>

#include "cpu/cpu.h"
#include "shared/adamw.h"

#define CHUNK 4096 /* elements a vectorised call works on */

static CPU_SIMD void chunk(float *restrict p, float *restrict m,
                           float *restrict v, const float *restrict g, size_t n,
                           float scale, adamw_args args)
{
    for (size_t i = 0; i < n; i++) {
        float mi = m[i], vi = v[i];
        p[i] = adamw_step(p[i], &mi, &vi, scale * g[i], args);
        m[i] = mi;
        v[i] = vi;
    }
}

drift_status cpu_adamw(drift_context *ctx, tensor *p, tensor *m, tensor *v,
                       const tensor *g, const tensor *scale, adamw_args args)
{
    (void)ctx;
    size_t count = tensor_count(p);
    float by = scale ? f32(scale)[0] : 1;
    if (!isfinite(by))
        return DRIFT_OK;
#pragma omp parallel for if (count > CPU_SMALL)
    for (size_t i = 0; i < count; i += CHUNK)
        chunk(f32(p) + i, f32(m) + i, f32(v) + i, f32(g) + i,
              count - i < CHUNK ? count - i : CHUNK, by, args);
    return DRIFT_OK;
}

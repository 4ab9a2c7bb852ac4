/* adamw: method.md section 5. With g' = g grad_scale:
 *     m = beta1 m + (1 - beta1) g',  v = beta2 v + (1 - beta2) g'^2
 *     p -= lr ((m / correction1) / (sqrt(v / correction2) + eps) + decay p) */
#include "cpu/cpu.h"

#include <math.h>

#define CHUNK 4096 /* elements a vectorised call works on */

static CPU_SIMD void chunk(float *restrict p, float *restrict m,
                           float *restrict v, const float *restrict g, size_t n,
                           adamw_args args)
{
    for (size_t i = 0; i < n; i++) {
        float gi = g[i] * args.grad_scale;
        float mi = args.beta1 * m[i] + args.rate1 * gi;
        float vi = args.beta2 * v[i] + args.rate2 * (gi * gi);
        float step =
            mi / args.correction1 / (sqrtf(vi / args.correction2) + args.eps);
        m[i] = mi;
        v[i] = vi;
        p[i] -= args.lr * (step + args.weight_decay * p[i]);
    }
}

drift_status cpu_adamw(drift_context *ctx, tensor *p, tensor *m, tensor *v,
                       const tensor *g, adamw_args args)
{
    (void)ctx;
    size_t count = tensor_count(p);
#pragma omp parallel for if (count > CPU_SMALL)
    for (size_t i = 0; i < count; i += CHUNK)
        chunk(f32(p) + i, f32(m) + i, f32(v) + i, f32(g) + i,
              count - i < CHUNK ? count - i : CHUNK, args);
    return DRIFT_OK;
}

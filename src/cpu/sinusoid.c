/* sinusoid: cosines, then sines, of x at the frequencies f. */
#include <math.h>

#include "cpu/cpu.h"

drift_status cpu_sinusoid(drift_context *ctx, tensor *y, const tensor *x,
                          const tensor *f)
{
    (void)ctx;
    size_t b = tensor_count(x), h = tensor_count(f);
    float *yp = f32(y);
    const float *xp = f32(x), *fp = f32(f);
#pragma omp parallel for if (b * h > CPU_SMALL)
    for (size_t i = 0; i < b; i++)
        for (size_t k = 0; k < h; k++) {
            double angle = (double)xp[i] * (double)fp[k];
            yp[i * 2 * h + k] = (float)cos(angle);
            yp[i * 2 * h + h + k] = (float)sin(angle);
        }
    return DRIFT_OK;
}

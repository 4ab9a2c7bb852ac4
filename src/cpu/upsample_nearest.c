/* upsample_nearest: every location of x [n,h,w,c] repeated by whole factors. */
#include <string.h>

#include "cpu/cpu.h"
#include "cpu/row.h"

drift_status cpu_upsample_nearest_fwd(drift_context *ctx, tensor *y,
                                      const tensor *x)
{
    (void)ctx;
    size_t rows = x->shape.dim[0] * x->shape.dim[1], w = x->shape.dim[2];
    size_t c = x->shape.dim[3], down = y->shape.dim[1] / x->shape.dim[1];
    size_t across = y->shape.dim[2] / w, line = w * across * c;
    float *yp = f32(y);
    const float *xp = f32(x);
#pragma omp parallel for if (rows * down * line > CPU_SMALL)
    for (size_t r = 0; r < rows; r++) {
        float *first = yp + r * down * line;
        for (size_t i = 0; i < w * across; i++)
            memcpy(first + i * c, xp + (r * w + i / across) * c, c * 4);
        for (size_t k = 1; k < down; k++)
            memcpy(first + k * line, first, line * 4);
    }
    return DRIFT_OK;
}

drift_status cpu_upsample_nearest_bwd(drift_context *ctx, tensor *dx,
                                      const tensor *dy)
{
    (void)ctx;
    if (!dx)
        return DRIFT_OK;
    size_t rows = dx->shape.dim[0] * dx->shape.dim[1], w = dx->shape.dim[2];
    size_t c = dx->shape.dim[3], down = dy->shape.dim[1] / dx->shape.dim[1];
    size_t across = dy->shape.dim[2] / w, line = w * across * c;
    float *dxp = f32(dx);
    const float *dyp = f32(dy);
#pragma omp parallel for if (rows * down * line > CPU_SMALL)
    for (size_t r = 0; r < rows; r++) {
        cpu_begin(dx, dxp + r * w * c, w * c);
        for (size_t k = 0; k < down; k++)
            for (size_t i = 0; i < w * across; i++)
                row_add(dxp + (r * w + i / across) * c,
                        dyp + (r * down + k) * line + i * c, c);
    }
    return DRIFT_OK;
}

/* expand: y[b,t,c] = x[b,c] for every t. */
#include "cpu/cpu.h"
#include "cpu/row.h"

#define COLUMNS 64 /* a task of the backward */

drift_status cpu_expand_fwd(drift_context *ctx, tensor *y, const tensor *x)
{
    (void)ctx;
    size_t nt = y->shape.dim[1], c = y->shape.dim[2];
    size_t rows = y->shape.dim[0] * nt;
    float *yp = f32(y);
    const float *xp = f32(x);
#pragma omp parallel for if (rows * c > CPU_SMALL)
    for (size_t r = 0; r < rows; r++)
        row_move(yp + r * c, xp + r / nt * c, c, 0);
    return DRIFT_OK;
}

drift_status cpu_expand_bwd(drift_context *ctx, tensor *dx, const tensor *dy)
{
    (void)ctx;
    if (!dx)
        return DRIFT_OK;
    size_t nb = dy->shape.dim[0], nt = dy->shape.dim[1];
    size_t c = dy->shape.dim[2], tasks = (c + COLUMNS - 1) / COLUMNS;
    cpu_begin_all(dx);
    float *dxp = f32(dx);
    const float *dyp = f32(dy);
#pragma omp parallel for if (nb * nt * c > CPU_SMALL)
    for (size_t i = 0; i < nb * tasks; i++) {
        size_t b = i / tasks, first = i % tasks * COLUMNS;
        size_t n = c - first < COLUMNS ? c - first : COLUMNS;
        double sum[COLUMNS] = {0};
        for (size_t t = 0; t < nt; t++)
            row_sum(sum, dyp + (b * nt + t) * c + first, n);
        for (size_t k = 0; k < n; k++)
            dxp[b * c + first + k] += (float)sum[k];
    }
    return DRIFT_OK;
}

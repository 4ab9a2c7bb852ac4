/* linear: y[rows,out] = x[rows,in] w[in,out] + b[out]; x's dimensions before
 * the last are rows. */
#include <string.h>

#include "cpu/cpu.h"

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

drift_status cpu_linear_fwd(drift_context *ctx, tensor *y, const tensor *x,
                            const tensor *w, const tensor *b)
{
    (void)ctx;
    size_t in = w->shape.dim[0], out = w->shape.dim[1];
    size_t rows = out ? tensor_count(y) / out : 0;
    float *yp = f32(y);
    if (b) {
        const float *bp = f32(b);
#pragma omp parallel for if (rows * out > CPU_SMALL)
        for (size_t i = 0; i < rows; i++)
            memcpy(yp + i * out, bp, out * sizeof *bp);
    }
    cpu_sgemm(0, 0, rows, out, in, 1, f32(x), in, f32(w), out, b ? 1 : 0, yp,
              out);
    return DRIFT_OK;
}

static CPU_SIMD void add_rows(float *restrict sum, const float *restrict dy,
                              size_t rows, size_t stride, size_t n)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < n; j++)
            sum[j] += dy[i * stride + j];
}

drift_status cpu_sum_rows(drift_context *ctx, float *sum, const float *x,
                          size_t rows, size_t n)
{
    size_t part = (rows + CPU_PARTS - 1) / CPU_PARTS;
    size_t parts = part ? (rows + part - 1) / part : 0;
    float *sums = cpu_scratch(ctx, parts * n);
    if (!sums)
        return DRIFT_ERROR_MEMORY;
    memset(sums, 0, parts * n * sizeof *sums);
#pragma omp parallel for if (rows * n > CPU_SMALL)
    for (size_t p = 0; p < parts; p++)
        add_rows(sums + p * n, x + p * part * n, least(part, rows - p * part),
                 n, n);
    add_rows(sum, sums, parts, n, n);
    return DRIFT_OK;
}

drift_status cpu_linear_bwd(drift_context *ctx, tensor *dx, tensor *dw,
                            tensor *db, const tensor *dy, const tensor *x,
                            const tensor *w)
{
    drift_status status = DRIFT_OK;
    size_t in = w->shape.dim[0], out = w->shape.dim[1];
    size_t rows = out ? tensor_count(dy) / out : 0;
    const float *dyp = f32(dy);
    if (dx)
        cpu_sgemm(0, 1, rows, in, out, 1, dyp, out, f32(w), out, 1, f32(dx),
                  in);
    if (dw)
        cpu_sgemm(1, 0, in, out, rows, 1, f32(x), in, dyp, out, 1, f32(dw),
                  out);
    if (db)
        TRY(cpu_sum_rows(ctx, f32(db), dyp, rows, out));
out:
    return status;
}

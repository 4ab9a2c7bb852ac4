/* rmsnorm: y = x rstd w, rstd = 1 / sqrt(mean x^2 + eps), over the last
 * count(w) numbers. Parallel over blocks of rows; dw is summed in CPU_PARTS
 * parts. */
#include "cpu/channels.h"
#include "cpu/cpu.h"

#include <math.h>
#include <string.h>

static CPU_SIMD void rows_fwd(float *restrict y, float *restrict rstd,
                              const float *restrict x, const float *restrict w,
                              size_t rows, size_t c, float eps)
{
    for (size_t r = 0; r < rows; r++, x += c, y += c) {
        float squares = 0;
#pragma omp simd reduction(+ : squares)
        for (size_t i = 0; i < c; i++)
            squares += x[i] * x[i];
        float scale = 1 / sqrtf(squares / (float)c + eps);
        rstd[r] = scale;
        for (size_t i = 0; i < c; i++)
            y[i] = x[i] * scale * w[i];
    }
}

drift_status cpu_rmsnorm_fwd(drift_context *ctx, tensor *y, tensor *rstd,
                             const tensor *x, const tensor *w, float eps)
{
    (void)ctx;
    size_t c = tensor_count(w), rows = tensor_count(rstd);
    size_t step = cpu_block_rows(c);
#pragma omp parallel for if (rows * c > CPU_SMALL)
    for (size_t r = 0; r < rows; r += step)
        rows_fwd(f32(y) + r * c, f32(rstd) + r, f32(x) + r * c, f32(w),
                 r + step < rows ? step : rows - r, c, eps);
    return DRIFT_OK;
}

/* dx = rstd w dy - x rstd^3 mean(w dy x). */
static CPU_SIMD void rows_dx(float *restrict dx, const float *restrict dy,
                             const float *restrict x, const float *restrict w,
                             const float *restrict rstd, size_t rows, size_t c)
{
    for (size_t r = 0; r < rows; r++, x += c, dy += c, dx += c) {
        float scale = rstd[r], dot = 0;
#pragma omp simd reduction(+ : dot)
        for (size_t i = 0; i < c; i++)
            dot += dy[i] * w[i] * x[i];
        float slope = scale * scale * scale * (dot / (float)c);
        for (size_t i = 0; i < c; i++)
            dx[i] += dy[i] * w[i] * scale - x[i] * slope;
    }
}

static CPU_SIMD void rows_dw(float *restrict dw, const float *restrict dy,
                             const float *restrict x,
                             const float *restrict rstd, size_t rows, size_t c)
{
    for (size_t r = 0; r < rows; r++, x += c, dy += c) {
        float scale = rstd[r];
        for (size_t i = 0; i < c; i++)
            dw[i] += dy[i] * (x[i] * scale);
    }
}

drift_status cpu_rmsnorm_bwd(drift_context *ctx, tensor *dx, tensor *dw,
                             const tensor *dy, const tensor *x, const tensor *w,
                             const tensor *rstd)
{
    drift_status status = DRIFT_OK;
    size_t c = tensor_count(w), rows = tensor_count(rstd);
    size_t step = cpu_block_rows(c);
    tensor parts = {0}; /* dw of each part */
    cpu_begin_all(dw);
    TRY(tensor_new(ctx, &parts, DTYPE_F32, SHAPE(CPU_PARTS, c)));
#pragma omp parallel for if (rows * c > CPU_SMALL)
    for (size_t part = 0; part < CPU_PARTS; part++) {
        size_t r = rows * part / CPU_PARTS;
        size_t end = rows * (part + 1) / CPU_PARTS;
        float *dw_part = f32(&parts) + part * c;
        memset(dw_part, 0, c * sizeof *dw_part);
        for (size_t n; r < end; r += n) {
            n = end - r < step ? end - r : step;
            if (dx)
                cpu_begin(dx, f32(dx) + r * c, n * c);
            if (dx)
                rows_dx(f32(dx) + r * c, f32(dy) + r * c, f32(x) + r * c,
                        f32(w), f32(rstd) + r, n, c);
            if (dw)
                rows_dw(dw_part, f32(dy) + r * c, f32(x) + r * c, f32(rstd) + r,
                        n, c);
        }
    }
    if (dw)
        channels_add_rows(f32(dw), f32(&parts), CPU_PARTS, c);
out:
    tensor_free(ctx, &parts);
    return status;
}

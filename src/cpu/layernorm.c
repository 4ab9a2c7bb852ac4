/* layernorm: y = (x - mean) rstd w + b over the last dimension. Parallel over
 * blocks of rows; dw and db are summed in CPU_PARTS parts. */
#include "cpu/channels.h"
#include "cpu/cpu.h"
#include "ops/check.h"

#include <math.h>
#include <string.h>

static CPU_SIMD void rows_fwd(float *restrict y, float *restrict mean,
                              float *restrict rstd, const float *restrict x,
                              const float *restrict w, const float *restrict b,
                              size_t rows, size_t c, float eps, float eps_std)
{
    for (size_t r = 0; r < rows; r++, x += c, y += c) {
        float sum = 0, rest = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
        for (size_t i = 0; i < c; i++)
            sum += x[i];
        float m = sum / (float)c;
        /* The differences' own sum corrects the rounded mean. */
#pragma omp simd reduction(+ : rest, squares)
        for (size_t i = 0; i < c; i++) {
            float d = x[i] - m;
            rest += d;
            squares += d * d;
        }
        float off = rest / (float)c;
        float variance = squares / (float)c - off * off;
        variance = variance > 0 ? variance : 0;
        m += off;
        float scale = 1 / (sqrtf(variance + eps) + eps_std);
        mean[r] = m;
        rstd[r] = scale;
        if (w && b)
            for (size_t i = 0; i < c; i++)
                y[i] = (x[i] - m) * scale * w[i] + b[i];
        else if (w)
            for (size_t i = 0; i < c; i++)
                y[i] = (x[i] - m) * scale * w[i];
        else if (b)
            for (size_t i = 0; i < c; i++)
                y[i] = (x[i] - m) * scale + b[i];
        else
            for (size_t i = 0; i < c; i++)
                y[i] = (x[i] - m) * scale;
    }
}

drift_status cpu_layernorm_fwd(drift_context *ctx, tensor *y, tensor *mean,
                               tensor *rstd, const tensor *x, const tensor *w,
                               const tensor *b, float eps, float eps_std)
{
    (void)ctx;
    size_t c = last_dim(x), rows = tensor_count(mean);
    size_t step = cpu_block_rows(c);
#pragma omp parallel for if (rows * c > CPU_SMALL)
    for (size_t r = 0; r < rows; r += step)
        rows_fwd(f32(y) + r * c, f32(mean) + r, f32(rstd) + r, f32(x) + r * c,
                 f32(w), f32(b), r + step < rows ? step : rows - r, c, eps,
                 eps_std);
    return DRIFT_OK;
}

/* n = (x - mean) rstd, s = sqrt(variance + eps): dx = rstd (w dy - mean(w dy) -
 * n mean(w dy n) (s + eps_std) / s), where s / (s + eps_std) is 1 - eps_std
 * rstd; at s = 0 the last term is 0. */
static CPU_SIMD void rows_dx(float *restrict dx, const float *restrict dy,
                             const float *restrict x, const float *restrict w,
                             const float *restrict mean,
                             const float *restrict rstd, size_t rows, size_t c,
                             float eps_std)
{
    for (size_t r = 0; r < rows; r++, x += c, dy += c, dx += c) {
        float m = mean[r], scale = rstd[r], sum = 0, dot = 0;
        if (w) {
#pragma omp simd reduction(+ : sum, dot)
            for (size_t i = 0; i < c; i++) {
                float g = dy[i] * w[i];
                sum += g;
                dot += g * (x[i] - m);
            }
        } else {
#pragma omp simd reduction(+ : sum, dot)
            for (size_t i = 0; i < c; i++) {
                sum += dy[i];
                dot += dy[i] * (x[i] - m);
            }
        }
        float shift = scale * (sum / (float)c);
        float part = 1 - eps_std * scale;
        float slope =
            part > 0 ? scale * scale * scale * (dot / (float)c) / part : 0;
        if (w)
            for (size_t i = 0; i < c; i++)
                dx[i] += dy[i] * w[i] * scale - shift - (x[i] - m) * slope;
        else
            for (size_t i = 0; i < c; i++)
                dx[i] += dy[i] * scale - shift - (x[i] - m) * slope;
    }
}

static CPU_SIMD void rows_dw(float *restrict dw, float *restrict db,
                             const float *restrict dy, const float *restrict x,
                             const float *restrict mean,
                             const float *restrict rstd, size_t rows, size_t c)
{
    for (size_t r = 0; r < rows; r++, x += c, dy += c) {
        float m = mean[r], scale = rstd[r];
        for (size_t i = 0; i < c; i++) {
            db[i] += dy[i];
            dw[i] += dy[i] * ((x[i] - m) * scale);
        }
    }
}

drift_status cpu_layernorm_bwd(drift_context *ctx, tensor *dx, tensor *dw,
                               tensor *db, const tensor *dy, const tensor *x,
                               const tensor *w, const tensor *mean,
                               const tensor *rstd, float eps_std)
{
    drift_status status = DRIFT_OK;
    size_t c = last_dim(x), rows = tensor_count(mean);
    size_t step = cpu_block_rows(c);
    tensor parts = {0}; /* dw, db of each part */
    cpu_begin_all(dw);
    cpu_begin_all(db);
    TRY(tensor_new(ctx, &parts, DTYPE_F32, SHAPE(2, CPU_PARTS, c)));
    float *dw_parts = f32(&parts), *db_parts = dw_parts + CPU_PARTS * c;
#pragma omp parallel for if (rows * c > CPU_SMALL)
    for (size_t part = 0; part < CPU_PARTS; part++) {
        size_t r = rows * part / CPU_PARTS;
        size_t end = rows * (part + 1) / CPU_PARTS;
        float *dw_part = dw_parts + part * c, *db_part = db_parts + part * c;
        memset(dw_part, 0, c * sizeof *dw_part);
        memset(db_part, 0, c * sizeof *db_part);
        for (size_t n; r < end; r += n) {
            n = end - r < step ? end - r : step;
            if (dx)
                cpu_begin(dx, f32(dx) + r * c, n * c);
            if (dx)
                rows_dx(f32(dx) + r * c, f32(dy) + r * c, f32(x) + r * c,
                        f32(w), f32(mean) + r, f32(rstd) + r, n, c, eps_std);
            if (dw || db)
                rows_dw(dw_part, db_part, f32(dy) + r * c, f32(x) + r * c,
                        f32(mean) + r, f32(rstd) + r, n, c);
        }
    }
    if (dw)
        channels_add_rows(f32(dw), dw_parts, CPU_PARTS, c);
    if (db)
        channels_add_rows(f32(db), db_parts, CPU_PARTS, c);
out:
    tensor_free(ctx, &parts);
    return status;
}

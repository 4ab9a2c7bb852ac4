/* add: y = alpha a + beta b, b repeated every count(b) elements. */
#include "cpu/cpu.h"
#include "cpu/row.h"

#define CHUNK 4096 /* elements a vectorised call works on */

static CPU_SIMD void add_chunk(float *y, const float *a,
                               const float *restrict b, size_t n, float alpha,
                               float beta)
{
    for (size_t i = 0; i < n; i++)
        y[i] = alpha * a[i] + beta * b[i];
}

static CPU_SIMD void scale_chunk(float *y, const float *a, size_t n,
                                 float alpha)
{
    for (size_t i = 0; i < n; i++)
        y[i] = alpha * a[i];
}

drift_status cpu_add_fwd(drift_context *ctx, tensor *y, const tensor *a,
                         const tensor *b, float alpha, float beta)
{
    (void)ctx;
    float *yp = f32(y);
    const float *ap = f32(a), *bp = f32(b);
    size_t count = tensor_count(y), period = b ? tensor_count(b) : count;
#pragma omp parallel for if (count > CPU_SMALL)
    for (size_t begin = 0; begin < count; begin += CHUNK) {
        size_t end = least(begin + CHUNK, count);
        for (size_t i = begin, n; i < end; i += n) {
            n = least(end - i, period - i % period);
            if (b)
                add_chunk(yp + i, ap + i, bp + i % period, n, alpha, beta);
            else
                scale_chunk(yp + i, ap + i, n, alpha);
        }
    }
    return DRIFT_OK;
}

drift_status cpu_add_bwd(drift_context *ctx, tensor *da, tensor *db,
                         const tensor *dy, float alpha, float beta)
{
    (void)ctx;
    const float *dyp = f32(dy);
    float *dap = f32(da), *dbp = f32(db);
    size_t count = tensor_count(dy), period = db ? tensor_count(db) : count;
    if (da) {
#pragma omp parallel for if (count > CPU_SMALL)
        for (size_t i = 0; i < count; i += CHUNK) {
            size_t n = least(CHUNK, count - i);
            cpu_begin(da, dap + i, n);
            row_axpy(dap + i, dyp + i, alpha, n);
        }
    }
    if (db) {
        /* Parallel over b's elements; each sums its repeats in order. */
        size_t part = period < 64 * CHUNK ? period / 64 + 1 : CHUNK;
#pragma omp parallel for if (count > CPU_SMALL)
        for (size_t i = 0; i < period; i += part) {
            size_t n = least(part, period - i);
            cpu_begin(db, dbp + i, n);
            for (size_t at = i; at < count; at += period)
                row_axpy(dbp + i, dyp + at, beta, n);
        }
    }
    return DRIFT_OK;
}

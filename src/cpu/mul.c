/* mul: y = a b, b repeated every count(b) elements. */
#include "cpu/channels.h"
#include "cpu/cpu.h"

#define CHUNK 4096 /* elements a vectorised call works on */
#define PIECE 512  /* of b, a task of its gradient */

static CPU_SIMD void mul_chunk(float *restrict y, const float *restrict a,
                               const float *restrict b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = a[i] * b[i];
}

static CPU_SIMD void add_chunk(float *restrict y, const float *restrict a,
                               const float *restrict b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += a[i] * b[i];
}

/* y = a b, or y += a b when `adding`; a and y have `count` elements. */
static void multiply(float *y, const float *a, const float *b, size_t count,
                     size_t period, int adding)
{
#pragma omp parallel for if (count > CPU_SMALL)
    for (size_t begin = 0; begin < count; begin += CHUNK) {
        size_t end = least(begin + CHUNK, count);
        for (size_t i = begin, n; i < end; i += n) {
            n = least(end - i, period - i % period);
            if (adding)
                add_chunk(y + i, a + i, b + i % period, n);
            else
                mul_chunk(y + i, a + i, b + i % period, n);
        }
    }
}

drift_status cpu_mul_fwd(drift_context *ctx, tensor *y, const tensor *a,
                         const tensor *b)
{
    (void)ctx;
    multiply(f32(y), f32(a), f32(b), tensor_count(y), tensor_count(b), 0);
    return DRIFT_OK;
}

/* db += the sum of dy a over the repeats of b. A short b's are cut into
 * CPU_PARTS parts; of a long one each task sums a piece in order. */
static drift_status sum_repeats(drift_context *ctx, tensor *db, const float *dy,
                                const float *a, size_t count)
{
    size_t period = tensor_count(db), repeats = count / period;
    if (period >= CHUNK) {
#pragma omp parallel for
        for (size_t i = 0; i < period; i += PIECE) {
            size_t n = least(PIECE, period - i);
            cpu_begin(db, f32(db) + i, n);
            for (size_t at = i; at < count; at += period)
                add_chunk(f32(db) + i, dy + at, a + at, n);
        }
        return DRIFT_OK;
    }
    float *parts = cpu_scratch(ctx, CPU_PARTS * period);
    if (!parts)
        return DRIFT_ERROR_MEMORY;
#pragma omp parallel for if (count > CPU_SMALL)
    for (size_t part = 0; part < CPU_PARTS; part++) {
        size_t end = repeats * (part + 1) / CPU_PARTS * period;
        memset(parts + part * period, 0, period * sizeof *parts);
        for (size_t at = repeats * part / CPU_PARTS * period; at < end;
             at += period)
            add_chunk(parts + part * period, dy + at, a + at, period);
    }
    cpu_begin_all(db);
    channels_add_rows(f32(db), parts, CPU_PARTS, period);
    return DRIFT_OK;
}

drift_status cpu_mul_bwd(drift_context *ctx, tensor *da, tensor *db,
                         const tensor *dy, const tensor *a, const tensor *b)
{
    size_t count = tensor_count(dy);
    if (da)
        multiply(f32(da), f32(dy), f32(b), count, tensor_count(b), !da->fresh);
    return db ? sum_repeats(ctx, db, f32(dy), f32(a), count) : DRIFT_OK;
}

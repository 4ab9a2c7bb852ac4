/* swiglu: y = silu(a) b. */
#include "cpu/cpu.h"
#include "shared/activation.h"

#define CHUNK 4096 /* elements a vectorised call works on */

static CPU_SIMD void chunk_fwd(float *restrict y, const float *restrict a,
                               const float *restrict b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = act_silu(a[i]) * b[i];
}

/* Both gradients in one pass: they share the exponential. Fresh ones are
 * written, not added to. */
static CPU_SIMD void chunk_bwd(float *restrict da, float *restrict db,
                               const float *restrict dy,
                               const float *restrict a, const float *restrict b,
                               size_t n, int fresh)
{
    for (size_t i = 0; i < n; i++) {
        float rest;
        float s = act_sigmoids(a[i], &rest);
        float to_a = dy[i] * b[i] * (s * (1.0f + a[i] * rest));
        float to_b = dy[i] * (a[i] * s);
        da[i] = fresh ? to_a : da[i] + to_a;
        db[i] = fresh ? to_b : db[i] + to_b;
    }
}

static CPU_SIMD void chunk_da(float *restrict da, const float *restrict dy,
                              const float *restrict a, const float *restrict b,
                              size_t n)
{
    for (size_t i = 0; i < n; i++)
        da[i] += dy[i] * b[i] * act_silu_slope(a[i]);
}

static CPU_SIMD void chunk_db(float *restrict db, const float *restrict dy,
                              const float *restrict a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        db[i] += dy[i] * (a[i] * act_sigmoid(a[i]));
}

drift_status cpu_swiglu_fwd(drift_context *ctx, tensor *y, const tensor *a,
                            const tensor *b)
{
    (void)ctx;
    size_t count = tensor_count(y);
#pragma omp parallel for if (count > CPU_SMALL)
    for (size_t i = 0; i < count; i += CHUNK)
        chunk_fwd(f32(y) + i, f32(a) + i, f32(b) + i,
                  count - i < CHUNK ? count - i : CHUNK);
    return DRIFT_OK;
}

drift_status cpu_swiglu_bwd(drift_context *ctx, tensor *da, tensor *db,
                            const tensor *dy, const tensor *a, const tensor *b)
{
    (void)ctx;
    size_t count = tensor_count(dy);
#pragma omp parallel for if (count > CPU_SMALL)
    for (size_t i = 0; i < count; i += CHUNK) {
        size_t n = count - i < CHUNK ? count - i : CHUNK;
        int fresh = da && db && da->fresh && db->fresh;
        if (da && !fresh)
            cpu_begin(da, f32(da) + i, n);
        if (db && !fresh)
            cpu_begin(db, f32(db) + i, n);
        if (da && db)
            chunk_bwd(f32(da) + i, f32(db) + i, f32(dy) + i, f32(a) + i,
                      f32(b) + i, n, fresh);
        else if (da)
            chunk_da(f32(da) + i, f32(dy) + i, f32(a) + i, f32(b) + i, n);
        else if (db)
            chunk_db(f32(db) + i, f32(dy) + i, f32(a) + i, n);
    }
    return DRIFT_OK;
}

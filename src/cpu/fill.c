/* fill: y = value. */
#include "cpu/cpu.h"

#define CHUNK 16384 /* elements a vectorised call works on */

static CPU_SIMD void chunk(float *y, size_t n, float value)
{
    for (size_t i = 0; i < n; i++)
        y[i] = value;
}

drift_status cpu_fill(drift_context *ctx, tensor *y, float value)
{
    (void)ctx;
    size_t count = tensor_count(y);
#pragma omp parallel for if (count > CPU_SMALL)
    for (size_t i = 0; i < count; i += CHUNK)
        chunk(f32(y) + i, count - i < CHUNK ? count - i : CHUNK, value);
    return DRIFT_OK;
}

void cpu_begin_all(tensor *gradient)
{
    if (gradient && gradient->fresh)
        (void)cpu_fill(NULL, gradient, 0);
}

/* reduce: one number from all of x, in double, part by part in order. */
#include "cpu/cpu.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static CPU_SIMD double part_sum(const float *x, size_t n)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i];
    return sum;
}

static CPU_SIMD double part_squares(const float *x, size_t n)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sum;
}

static CPU_SIMD double part_max(const float *x, size_t n)
{
    float most = 0;
#pragma omp simd reduction(max : most)
    for (size_t i = 0; i < n; i++) {
        float a = fabsf(x[i]);
        most = a > most ? a : most;
    }
    return (double)most;
}

/* NaN and infinities have all bits of the exponent set. */
static CPU_SIMD double part_nonfinite(const float *x, size_t n)
{
    uint64_t count = 0;
#pragma omp simd reduction(+ : count)
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        count += (bits & 0x7f800000u) == 0x7f800000u;
    }
    return (double)count;
}

drift_status cpu_reduce(drift_context *ctx, tensor *y, const tensor *x,
                        int kind)
{
    (void)ctx;
    double parts[CPU_PARTS], total = 0;
    size_t count = tensor_count(x);
    const float *xp = f32(x);
#pragma omp parallel for if (count > CPU_SMALL)
    for (size_t i = 0; i < CPU_PARTS; i++) {
        size_t begin =
            count / CPU_PARTS * i + (i * (count % CPU_PARTS)) / CPU_PARTS;
        size_t end = count / CPU_PARTS * (i + 1) +
                     ((i + 1) * (count % CPU_PARTS)) / CPU_PARTS;
        switch (kind) {
        case REDUCE_SUM:
            parts[i] = part_sum(xp + begin, end - begin);
            break;
        case REDUCE_SUMSQ:
            parts[i] = part_squares(xp + begin, end - begin);
            break;
        case REDUCE_MAX_ABS:
            parts[i] = part_max(xp + begin, end - begin);
            break;
        default:
            parts[i] = part_nonfinite(xp + begin, end - begin);
        }
    }
    for (size_t i = 0; i < CPU_PARTS; i++)
        total =
            kind == REDUCE_MAX_ABS ? fmax(total, parts[i]) : total + parts[i];
    *f32(y) = (float)total;
    return DRIFT_OK;
}

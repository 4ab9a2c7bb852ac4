/* Vectorised work on one contiguous row: see row.h. */
#include "cpu/row.h"

#include <string.h>

#include "cpu/cpu.h"

CPU_SIMD void row_add(float *restrict y, const float *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += x[i];
}

CPU_SIMD void row_axpy(float *restrict y, const float *restrict x, float a,
                       size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += a * x[i];
}

CPU_SIMD void row_scale(float *restrict y, const float *restrict x, float a,
                        size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = a * x[i];
}

void row_move(float *restrict y, const float *restrict x, size_t n, int add)
{
    if (add)
        row_add(y, x, n);
    else
        memcpy(y, x, n * sizeof *y);
}

CPU_SIMD void row_sum(double *restrict sum, const float *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum[i] += (double)x[i];
}

CPU_SIMD float row_square(const float *x, size_t n)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sum;
}

CPU_SIMD float row_distance2(const float *x, const float *y, size_t n)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) {
        float difference = x[i] - y[i];
        sum += difference * difference;
    }
    return sum;
}

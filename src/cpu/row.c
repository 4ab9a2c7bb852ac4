/* Vectorised work on one contiguous row: see row.h. The leaves are static:
 * clang gives a function with clones another name outside of its file. */
#include "cpu/row.h"

#include <string.h>

#include "cpu/cpu.h"

static CPU_SIMD void add(float *restrict y, const float *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += x[i];
}

void row_add(float *restrict y, const float *restrict x, size_t n)
{
    add(y, x, n);
}

static CPU_SIMD void axpy(float *restrict y, const float *restrict x, float a,
                          size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += a * x[i];
}

void row_axpy(float *restrict y, const float *restrict x, float a, size_t n)
{
    axpy(y, x, a, n);
}

void row_move(float *restrict y, const float *restrict x, size_t n, int adding)
{
    if (adding)
        add(y, x, n);
    else
        memcpy(y, x, n * sizeof *y);
}

static CPU_SIMD void sum_row(double *restrict sum, const float *restrict x,
                             size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum[i] += (double)x[i];
}

void row_sum(double *restrict sum, const float *restrict x, size_t n)
{
    sum_row(sum, x, n);
}

static CPU_SIMD float square(const float *x, size_t n)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sum;
}

float row_square(const float *x, size_t n)
{
    return square(x, n);
}

static CPU_SIMD void difference(float *restrict y, const float *p,
                                const float *q, float a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += a * (p[i] - q[i]);
}

void row_difference(float *restrict y, const float *p, const float *q, float a,
                    size_t n)
{
    difference(y, p, q, a, n);
}

static CPU_SIMD float distance2(const float *x, const float *y, size_t n)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) {
        double d = (double)x[i] - (double)y[i];
        sum += d * d;
    }
    return (float)sum;
}

float row_distance2(const float *x, const float *y, size_t n)
{
    return distance2(x, y, n);
}

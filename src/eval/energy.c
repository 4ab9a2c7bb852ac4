/* Energy distance by all pairs, in tiles that a core's cache holds; sums in
 * fixed parts, so the same for every number of threads. */
#include "eval/energy.h"

#include <math.h>

#define PARTS 64 /* sums of their own */
#define BLOCK 64 /* points of x at a time */

static double distance(const float *x, const float *y, size_t d)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++) {
        double e = (double)x[j] - (double)y[j];
        sum += e * e;
    }
    return sqrt(sum);
}

/* Mean distance from one of x to one of y. */
static double mean_distance(const float *x, size_t n, const float *y, size_t m,
                            size_t d)
{
    double part[PARTS] = {0}, total = 0;
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t p = 0; p < PARTS; p++) {
        size_t end = n * (p + 1) / PARTS;
        for (size_t first = n * p / PARTS, last; first < end; first = last) {
            last = first + BLOCK < end ? first + BLOCK : end;
            for (size_t t = 0; t < m; t++)
                for (size_t i = first; i < last; i++)
                    part[p] += distance(x + i * d, y + t * d, d);
        }
    }
    for (size_t p = 0; p < PARTS; p++)
        total += part[p];
    return total / (double)n / (double)m;
}

double energy_distance(const float *x, size_t n, const float *y, size_t m,
                       size_t d)
{
    if (!n || !m)
        return NAN;
    return 2 * mean_distance(x, n, y, m, d) - mean_distance(x, n, x, n, d) -
           mean_distance(y, m, y, m, d);
}

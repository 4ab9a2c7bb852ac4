/* Energy distance by all pairs, in tiles that a core's cache holds; sums in
 * fixed parts, so the same for every number of threads. */
#include "eval/energy.h"

#include <math.h>

#define BLOCK 64

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
    double total = 0;
#pragma omp parallel for ordered schedule(static, 1)
    for (size_t first = 0; first < n; first += BLOCK) {
        size_t last = first + BLOCK < n ? first + BLOCK : n;
        double sum = 0;
        for (size_t t = 0; t < m; t++)
            for (size_t i = first; i < last; i++)
                sum += distance(x + i * d, y + t * d, d);
#pragma omp ordered
        total += sum;
    }
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

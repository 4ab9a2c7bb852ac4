/* Sliced Wasserstein-2 by sorting: see sliced.h. */
#include "eval/sliced.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Where the points are along a direction, in order. */
static void look_along(const float *x, size_t n, double angle, double *out)
{
    double c = cos(angle), s = sin(angle);
    for (size_t i = 0; i < n; i++)
        out[i] = c * (double)x[2 * i] + s * (double)x[2 * i + 1];
    qsort(out, n, sizeof *out, by_size);
}

/* Of sorted numbers, squared: quantiles are steps of 1/n and of 1/m, and each
 * stretch on which both stand still counts by its length. In units of 1/(n m)
 * the ends of the stretches are whole numbers. */
static double square_gap(const double *x, size_t n, const double *y, size_t m)
{
    double sum = 0;
    size_t i = 0, k = 0, from = 0;
    while (i < n && k < m) {
        size_t ends = (i + 1) * m, other = (k + 1) * n;
        size_t to = ends < other ? ends : other;
        double gap = x[i] - y[k];
        sum += (double)(to - from) * gap * gap;
        i += to == ends;
        k += to == other;
        from = to;
    }
    return sum / (double)n / (double)m;
}

drift_status sliced_distance(drift_context *ctx, const float *x, size_t n,
                             const float *y, size_t m, double *out)
{
    double square[SLICED_DIRECTIONS], sum = 0;
    size_t all = n + m;
    /* Each direction has room of its own, so that threads need not ask. */
    double *room = mem_alloc(ctx, all * SLICED_DIRECTIONS, sizeof *room);
    if (!room)
        return DRIFT_ERROR_MEMORY;
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t k = 0; k < SLICED_DIRECTIONS; k++) {
        double angle = acos(-1) * (double)k / SLICED_DIRECTIONS;
        double *a = room + k * all, *b = a + n;
        look_along(x, n, angle, a);
        look_along(y, m, angle, b);
        square[k] = square_gap(a, n, b, m);
    }
    for (size_t k = 0; k < SLICED_DIRECTIONS; k++)
        sum += square[k];
    *out = n && m ? sqrt(sum / SLICED_DIRECTIONS) : NAN;
    mem_free(room);
    return DRIFT_OK;
}

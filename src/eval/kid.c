/* Kernel distance: see kid.h. */
#include "eval/kid.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "eval/mt19937.h"

/* Rows of y that a row of x is compared with before the next: they stay in the
 * cache. */
#define BLOCK 64

static double kernel(const float *x, const float *y, size_t d)
{
    double dot = 0;
    for (size_t k = 0; k < d; k++)
        dot += (double)x[k] * (double)y[k];
    dot = dot / (double)d + 1;
    return dot * dot * dot;
}

/* Sum of the kernel over all pairs, without those of equal index where `apart`.
 * Rows are summed by themselves, then in order, whatever the threads. */
static double sum_pairs(const float *x, size_t n, const float *y, size_t m,
                        size_t d, int apart, double *row)
{
    double sum = 0;
    memset(row, 0, n * sizeof *row);
#pragma omp parallel for schedule(dynamic, 4)
    for (size_t i = 0; i < n; i++)
        for (size_t b = 0; b < m; b += BLOCK) {
            size_t end = b + BLOCK < m ? b + BLOCK : m;
            double part = 0;
            for (size_t j = b; j < end; j++)
                part += apart && i == j ? 0
                                        : kernel(x + i * d, y + j * d, d);
            row[i] += part;
        }
    for (size_t i = 0; i < n; i++)
        sum += row[i];
    return sum;
}

drift_status kid_whole(drift_context *ctx, const float *x, size_t n,
                       const float *y, size_t m, size_t d, double *out)
{
    double *row;
    if (n < 2 || m < 2)
        return ERROR(ctx, DRIFT_ERROR_SHAPE,
                     "a kernel distance needs two samples of each kind");
    row = mem_alloc(ctx, n > m ? n : m, sizeof *row);
    if (!row)
        return DRIFT_ERROR_MEMORY;
    double a = (double)n, b = (double)m;
    *out = sum_pairs(x, n, x, n, d, 1, row) / (a * (a - 1)) +
           sum_pairs(y, m, y, m, d, 1, row) / (b * (b - 1)) -
           2 * sum_pairs(x, n, y, m, d, 0, row) / (a * b);
    mem_free(row);
    return DRIFT_OK;
}

/* `size` rows of x [n,d], drawn, to out. */
static void choose(mt19937 *r, const float *x, size_t n, size_t d, size_t size,
                   uint32_t *order, float *out)
{
    mt19937_permutation(r, n, order);
    for (size_t i = 0; i < size; i++)
        memcpy(out + i * d, x + order[i] * d, d * sizeof *out);
}

drift_status kid_subsets(drift_context *ctx, const float *x, size_t n,
                         const float *y, size_t m, size_t d, size_t subsets,
                         size_t size, uint32_t seed, kid_result *out)
{
    drift_status status = DRIFT_OK;
    size_t most = n > m ? n : m;
    size = size < n ? size : n;
    size = size < m ? size : m;
    float *a = mem_alloc(ctx, size, d * sizeof *a);
    float *b = mem_alloc(ctx, size, d * sizeof *b);
    double *all = mem_alloc(ctx, subsets, sizeof *all);
    uint32_t *order = mem_alloc(ctx, most, sizeof *order);
    mt19937 *r = mem_alloc(ctx, 1, sizeof *r);
    double sum = 0, square = 0;
    if (!a || !b || !all || !order || !r) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    if (!subsets || most > UINT32_MAX)
        FAIL(ctx, DRIFT_ERROR_SHAPE, "a kernel distance of no subsets");
    mt19937_seed(r, seed);
    for (size_t i = 0; i < subsets; i++) {
        choose(r, x, n, d, size, order, a);
        choose(r, y, m, d, size, order, b);
        TRY(kid_whole(ctx, a, size, b, size, d, &all[i]));
        sum += all[i];
    }
    *out = (kid_result){.mean = sum / (double)subsets,
                        .subsets = subsets,
                        .size = size};
    for (size_t i = 0; i < subsets; i++)
        square += (all[i] - out->mean) * (all[i] - out->mean);
    out->deviation = sqrt(square / (double)subsets);
out:
    mem_free(a);
    mem_free(b);
    mem_free(all);
    mem_free(order);
    mem_free(r);
    return status;
}

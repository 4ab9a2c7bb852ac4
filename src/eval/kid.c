/* Kernel distance: see kid.h. */
#include "eval/kid.h"

#include <math.h>

#include "base/mem.h"
#include "cpu/cpu.h"
#include "eval/mt19937.h"

/* Products that are held at once. */
#define STRIP_NUMBERS ((size_t)1 << 22)

/* Sum over products row of the kernel, without that of `self`. */
static double sum_row(const double *product, size_t m, size_t d, size_t self)
{
    double sum = 0;
    for (size_t j = 0; j < m; j++) {
        double v = product[j] / (double)d + 1;
        sum += j == self ? 0 : v * v * v;
    }
    return sum;
}

/* Products of sets of at most n samples that are held at once. */
static size_t strip_numbers(size_t n)
{
    return n > STRIP_NUMBERS       ? n
           : n * n < STRIP_NUMBERS ? n * n
                                   : STRIP_NUMBERS;
}

/* Sum of the kernel over all pairs, without those of equal index where `apart`.
 * strip has room for strip_numbers of the larger set. */
static double sum_pairs(const double *x, size_t n, const double *y, size_t m,
                        size_t d, int apart, double *strip)
{
    double sum = 0;
    size_t rows = STRIP_NUMBERS / m ? STRIP_NUMBERS / m : 1, b;
    for (size_t first = 0; first < n; first += b) {
        b = n - first < rows ? n - first : rows;
        cpu_dgemm(0, 1, b, m, d, 1, x + first * d, d, y, d, 0, strip, m);
        for (size_t i = 0; i < b; i++)
            sum += sum_row(strip + i * m, m, d, apart ? first + i : m);
    }
    return sum;
}

static double distance(const double *x, size_t n, const double *y, size_t m,
                       size_t d, double *strip)
{
    double a = (double)n, b = (double)m;
    return sum_pairs(x, n, x, n, d, 1, strip) / (a * (a - 1)) +
           sum_pairs(y, m, y, m, d, 1, strip) / (b * (b - 1)) -
           2 * sum_pairs(x, n, y, m, d, 0, strip) / (a * b);
}

/* `size` rows of x [n,d], drawn, to out. */
static void choose(mt19937 *r, const float *x, size_t n, size_t d, size_t size,
                   uint32_t *order, double *out)
{
    mt19937_permutation(r, n, order);
    for (size_t i = 0; i < size; i++)
        for (size_t k = 0; k < d; k++)
            out[i * d + k] = (double)x[order[i] * d + k];
}

drift_status kid_subsets(drift_context *ctx, const float *x, size_t n,
                         const float *y, size_t m, size_t d, size_t subsets,
                         size_t size, uint32_t seed, kid_result *out)
{
    drift_status status = DRIFT_OK;
    size_t most = n > m ? n : m, least = n < m ? n : m;
    size_t take = size < least ? size : least;
    size_t an = size ? take : n, bn = size ? take : m;
    double *a = mem_alloc(ctx, an, d * sizeof *a);
    double *b = mem_alloc(ctx, bn, d * sizeof *b);
    double *strip = mem_alloc(ctx, strip_numbers(an > bn ? an : bn),
                              sizeof *strip);
    double *all = mem_alloc(ctx, subsets, sizeof *all);
    uint32_t *order = mem_alloc(ctx, most, sizeof *order);
    mt19937 *r = mem_alloc(ctx, 1, sizeof *r);
    double sum = 0, square = 0;
    if (!a || !b || !strip || !all || !order || !r) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    if (!subsets || an < 2 || bn < 2 || most > UINT32_MAX)
        FAIL(ctx, DRIFT_ERROR_SHAPE,
             "a kernel distance of %zu subsets of %zu and %zu samples", subsets,
             an, bn);
    if (an == n && bn == m) /* all subsets are the whole sets */
        subsets = 1;
    mt19937_seed(r, seed);
    for (size_t i = 0; i < subsets; i++) {
        choose(r, x, n, d, an, order, a);
        choose(r, y, m, d, bn, order, b);
        sum += all[i] = distance(a, an, b, bn, d, strip);
    }
    *out = (kid_result){
        .mean = sum / (double)subsets, .subsets = subsets, .size = an};
    for (size_t i = 0; i < subsets; i++)
        square += (all[i] - out->mean) * (all[i] - out->mean);
    out->deviation = sqrt(square / (double)subsets);
out:
    mem_free(a);
    mem_free(b);
    mem_free(strip);
    mem_free(all);
    mem_free(order);
    mem_free(r);
    return status;
}

/* Inception Score: see inception_score.h. */
#include "eval/inception_score.h"

#include <math.h>

#include "base/mem.h"
#include "eval/mt19937.h"

/* log softmax of a row of logits, in double. */
static void log_softmax(const float *logits, size_t c, double *out)
{
    double most = -INFINITY, sum = 0;
    for (size_t k = 0; k < c; k++)
        most = fmax(most, (double)logits[k]);
    for (size_t k = 0; k < c; k++)
        sum += exp((double)logits[k] - most);
    for (size_t k = 0; k < c; k++)
        out[k] = (double)logits[k] - most - log(sum);
}

/* Of samples order[0] ... order[n - 1]; row and mean have room for c. */
static double part_score(const float *logits, const uint32_t *order, size_t n,
                         size_t c, double *row, double *mean)
{
    double negative_entropy = 0, divergence;
    for (size_t k = 0; k < c; k++)
        mean[k] = 0;
    for (size_t i = 0; i < n; i++) {
        log_softmax(logits + order[i] * c, c, row);
        for (size_t k = 0; k < c; k++) {
            double p = exp(row[k]);
            negative_entropy += p * row[k];
            mean[k] += p;
        }
    }
    divergence = negative_entropy / (double)n;
    for (size_t k = 0; k < c; k++) {
        mean[k] /= (double)n;
        divergence -= mean[k] > 0 ? mean[k] * log(mean[k]) : 0;
    }
    return exp(divergence);
}

drift_status inception_score(drift_context *ctx, const float *logits, size_t n,
                             size_t c, size_t splits, int64_t seed,
                             double *mean, double *deviation)
{
    drift_status status = DRIFT_OK;
    double *row = mem_alloc(ctx, c, sizeof *row);
    double *average = mem_alloc(ctx, c, sizeof *average);
    double *score = mem_alloc(ctx, splits, sizeof *score);
    uint32_t *order = mem_alloc(ctx, n, sizeof *order);
    mt19937 *r = mem_alloc(ctx, 1, sizeof *r);
    double sum = 0, square = 0;
    if (!row || !average || !score || !order || !r) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    if (!splits || n < splits || n > UINT32_MAX)
        FAIL(ctx, DRIFT_ERROR_SHAPE,
             "an Inception Score of %zu samples in %zu parts", n, splits);
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    if (seed >= 0) {
        mt19937_seed(r, (uint32_t)seed);
        mt19937_permutation(r, n, order);
    }
    for (size_t i = 0; i < splits; i++) {
        size_t from = i * n / splits, to = (i + 1) * n / splits;
        score[i] =
            part_score(logits, order + from, to - from, c, row, average);
        sum += score[i];
    }
    *mean = sum / (double)splits;
    for (size_t i = 0; i < splits; i++)
        square += (score[i] - *mean) * (score[i] - *mean);
    *deviation = sqrt(square / (double)splits);
out:
    mem_free(row);
    mem_free(average);
    mem_free(score);
    mem_free(order);
    mem_free(r);
    return status;
}

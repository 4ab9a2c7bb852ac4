/* Inception Score: see inception_score.h. */
#include "eval/inception_score.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "eval/mt19937.h"

drift_status inception_score_new(drift_context *ctx, size_t n, size_t c,
                                 size_t splits, int64_t seed,
                                 inception_score *out)
{
    drift_status status = DRIFT_OK;
    uint32_t *order = mem_alloc(ctx, n, sizeof *order);
    mt19937 *r = mem_alloc(ctx, 1, sizeof *r);
    *out = (inception_score){.n = n, .c = c, .splits = splits};
    if (!splits || !c || n < splits || n > UINT32_MAX)
        FAIL(ctx, DRIFT_ERROR_SHAPE,
             "an Inception Score of %zu samples in %zu parts", n, splits);
    out->place = mem_alloc(ctx, n, sizeof *out->place);
    out->mean = mem_alloc(ctx, splits, c * sizeof *out->mean);
    out->negative = mem_alloc(ctx, splits, sizeof *out->negative);
    out->row = mem_alloc(ctx, c, sizeof *out->row);
    if (!order || !r || !out->place || !out->mean || !out->negative ||
        !out->row) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    memset(out->mean, 0, splits * c * sizeof *out->mean);
    memset(out->negative, 0, splits * sizeof *out->negative);
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    if (seed >= 0) {
        mt19937_seed(r, (uint32_t)seed);
        mt19937_permutation(r, n, order);
    }
    for (size_t i = 0; i < n; i++)
        out->place[order[i]] = (uint32_t)i;
out:
    if (status != DRIFT_OK)
        inception_score_free(out);
    mem_free(order);
    mem_free(r);
    return status;
}

void inception_score_free(inception_score *s)
{
    mem_free(s->place);
    mem_free(s->mean);
    mem_free(s->negative);
    mem_free(s->row);
    *s = (inception_score){0};
}

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

void inception_score_add(inception_score *s, size_t first, const float *logits,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        /* The last part whose begin is not after this place. */
        size_t part = ((s->place[first + i] + 1) * s->splits - 1) / s->n;
        double *mean = s->mean + part * s->c;
        log_softmax(logits + i * s->c, s->c, s->row);
        for (size_t k = 0; k < s->c; k++) {
            double p = exp(s->row[k]);
            s->negative[part] += p * s->row[k];
            mean[k] += p;
        }
    }
}

static double part_score(const inception_score *s, size_t part)
{
    size_t from = part * s->n / s->splits, to = (part + 1) * s->n / s->splits;
    double n = (double)(to - from), divergence = s->negative[part] / n;
    for (size_t k = 0; k < s->c; k++) {
        double p = s->mean[part * s->c + k] / n;
        divergence -= p > 0 ? p * log(p) : 0;
    }
    return exp(divergence);
}

void inception_score_finish(inception_score *s, double *mean, double *deviation)
{
    double sum = 0, square = 0;
    for (size_t i = 0; i < s->splits; i++)
        sum += part_score(s, i);
    *mean = sum / (double)s->splits;
    for (size_t i = 0; i < s->splits; i++) {
        double gap = part_score(s, i) - *mean;
        square += gap * gap;
    }
    *deviation = sqrt(square / (double)s->splits);
}

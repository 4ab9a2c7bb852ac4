/* Spread of the generated samples of a class, and the watch over it. */
#include "drift/spread.h"

#include <math.h>

#include "base/mem.h"

/* Sum over coordinates of the unbiased variance over n samples [n,d]. */
static double variance(const float *x, size_t n, size_t d, double *mean)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++)
        mean[j] = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            mean[j] += (double)x[i * d + j] / (double)n;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) {
            double e = (double)x[i * d + j] - mean[j];
            sum += e * e;
        }
    return sum / (double)(n - 1);
}

drift_status spread_measure(drift_context *ctx, size_t entries,
                            const tensor *gen, const tensor *pos, float *out)
{
    drift_status status = DRIFT_OK;
    float *x = NULL, *y = NULL;
    double *mean = NULL;
    size_t nx = tensor_count(gen), ny = tensor_count(pos);
    if (!entries || !nx || !ny || gen->shape.dim[0] % entries ||
        pos->shape.dim[0] % entries)
        FAIL(ctx, DRIFT_ERROR_SHAPE, "spread: %zu entries do not fit", entries);
    size_t n = gen->shape.dim[0] / entries, p = pos->shape.dim[0] / entries;
    size_t d = nx / gen->shape.dim[0];
    if (d != ny / pos->shape.dim[0])
        FAIL(ctx, DRIFT_ERROR_SHAPE, "spread: samples of different size");
    x = mem_alloc(ctx, n * d, sizeof *x);
    y = mem_alloc(ctx, p * d, sizeof *y);
    mean = mem_alloc(ctx, d, sizeof *mean);
    if (!x || !y || !mean) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    for (size_t e = 0; e < entries; e++) {
        out[e] = NAN;
        if (n < 2 || p < 2)
            continue;
        tensor made = tensor_view(gen, e * n * d, SHAPE(n, d));
        tensor real = tensor_view(pos, e * p * d, SHAPE(p, d));
        TRY(tensor_read(ctx, &made, x));
        TRY(tensor_read(ctx, &real, y));
        double data = variance(y, p, d, mean);
        if (data > 0)
            out[e] = (float)sqrt(variance(x, n, d, mean) / data);
    }
out:
    mem_free(x);
    mem_free(y);
    mem_free(mean);
    return status;
}

drift_status collapse_watch_new(drift_context *ctx, int classes,
                                collapse_watch *out)
{
    out->classes = classes;
    out->below = mem_alloc(ctx, (size_t)classes, sizeof *out->below);
    return out->below ? DRIFT_OK : DRIFT_ERROR_MEMORY;
}

void collapse_watch_free(collapse_watch *w)
{
    mem_free(w->below);
    *w = (collapse_watch){0};
}

int collapse_watch_add(collapse_watch *w, int c, float spread)
{
    if (c < 0 || c >= w->classes || isnan(spread))
        return 0;
    if (spread >= COLLAPSE_SPREAD)
        w->below[c] = 0;
    else if (w->below[c] <= COLLAPSE_STEPS)
        return ++w->below[c] == COLLAPSE_STEPS;
    return 0;
}

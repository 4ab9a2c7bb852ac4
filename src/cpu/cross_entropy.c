/* cross_entropy: -log softmax of each row at its label, and the gradient.
 *
 * The other columns' exponentials are summed without the label's: where that
 * is the largest, the loss is log(1 + rest), and 1 - softmax = rest/sum keeps
 * its digits however sure the row is. */
#include "cpu/cpu.h"
#include "shared/vexp.h"

#include <math.h>

typedef struct options {
    float factor, smoothing;
    int columns;
} options;

/* `self`: the column that is left out, or -1. */
static CPU_SIMD void one_row(float *restrict loss, float *restrict hit,
                             float *restrict d, const float *restrict x,
                             int label, int self, options o)
{
    float top = -INFINITY, rest = 0, all = 0, own = x[label];
    int n = o.columns, beaten = 0;
#pragma omp simd reduction(max : top)
    for (int j = 0; j < n; j++)
        top = x[j] > top && j != self ? x[j] : top;
    if (d) {
#pragma omp simd reduction(+ : rest)
        for (int j = 0; j < n; j++) {
            d[j] = j != self ? vexp(x[j] - top) : 0;
            rest += j != label ? d[j] : 0;
        }
    } else {
#pragma omp simd reduction(+ : rest)
        for (int j = 0; j < n; j++)
            rest += j != label && j != self ? vexp(x[j] - top) : 0;
    }
    float mine = vexp(own - top), sum = rest + mine;
    *loss = own == top ? log1pf(rest) : logf(sum) - (own - top);
    float count = (float)(n - (self >= 0)), spread = o.smoothing / count;
    if (o.smoothing > 0) { /* the mean of own - x[j] is added */
#pragma omp simd reduction(+ : all)
        for (int j = 0; j < n; j++)
            all += j != self ? own - x[j] : 0;
        *loss += spread * all;
    }
    if (hit) {
        /* So that numbers alone can be hit, and in any order. */
#pragma omp simd reduction(+ : beaten)
        for (int j = 0; j < n; j++)
            beaten += j != label && j != self &&
                      !(j < label ? x[j] < own : x[j] <= own);
        *hit = beaten == 0 && own == own;
    }
    if (d) {
        float share = o.factor / sum, less = o.factor * spread;
        for (int j = 0; j < n; j++)
            d[j] = j != self ? d[j] * share - less : 0;
        d[label] = o.factor * (o.smoothing - spread - rest / sum);
    }
}

static drift_status check_labels(drift_context *ctx, const tensor *labels,
                                 size_t k, int skip_self)
{
    const int *at = i32(labels);
    size_t count = tensor_count(labels);
    for (size_t i = 0; i < count; i++)
        if (at[i] < 0 || (size_t)at[i] >= k ||
            (skip_self && (size_t)at[i] == i))
            return ERROR(ctx, DRIFT_ERROR_SHAPE,
                         "cross_entropy: label %d at %zu is no column of its "
                         "row",
                         at[i], i);
    return DRIFT_OK;
}

drift_status cpu_cross_entropy(drift_context *ctx, tensor *loss, tensor *hit,
                               tensor *dlogits, const tensor *logits,
                               const tensor *labels, float factor,
                               float smoothing, int skip_self)
{
    size_t rows = logits->shape.dim[0], k = logits->shape.dim[1];
    drift_status status = check_labels(ctx, labels, k, skip_self);
    options o = {factor, smoothing, (int)k};
    if (status != DRIFT_OK)
        return status;
#pragma omp parallel for if (rows * k > CPU_SMALL)
    for (size_t r = 0; r < rows; r++)
        one_row(f32(loss) + r, hit ? f32(hit) + r : NULL,
                dlogits ? f32(dlogits) + r * k : NULL, f32(logits) + r * k,
                i32(labels)[r], skip_self ? (int)r : -1, o);
    return DRIFT_OK;
}

/* Inception Score: exp of the mean divergence of what a classifier says of a
 * sample from what it says on average; high where it is sure of each sample and
 * sees all classes alike. method.md section 9, networks-and-formats.md 4.2. */
#ifndef EVAL_INCEPTION_SCORE_H
#define EVAL_INCEPTION_SCORE_H

#include <stdint.h>

#include "base/error.h"

/* What was said of the samples so far, by parts. */
typedef struct inception_score {
    size_t n, c, splits;
    uint32_t *place;  /* [n] of a sample in the order that is cut into parts */
    double *mean;     /* [splits,c]: sums of probabilities */
    double *negative; /* [splits]: sums of their negative entropies */
    double *row;      /* [c] */
} inception_score;

/* For n samples of c classes, n >= splits: part i has samples iN/splits up to
 * (i+1)N/splits of a permutation by RandomState(seed), or of their own order
 * where `seed` is negative. */
drift_status inception_score_new(drift_context *ctx, size_t n, size_t c,
                                 size_t splits, int64_t seed,
                                 inception_score *out) DRIFT_MUST_CHECK;
void inception_score_free(inception_score *s);

/* Logits [count,c] of samples first ... first + count - 1, each once. */
void inception_score_add(inception_score *s, size_t first, const float *logits,
                         size_t count);
/* The mean over the parts and its population deviation. */
void inception_score_finish(inception_score *s, double *mean,
                            double *deviation);

#endif

/* Inception Score: exp of the mean divergence of what a classifier says of a
 * sample from what it says on average; high where it is sure of each sample and
 * sees all classes alike. method.md section 9, networks-and-formats.md 4.2. */
#ifndef EVAL_INCEPTION_SCORE_H
#define EVAL_INCEPTION_SCORE_H

#include "base/error.h"

/* Of logits [n,c] in `splits` parts, n >= splits: part i has samples iN/splits
 * up to (i+1)N/splits of a permutation by RandomState(seed), or of their own
 * order where `seed` is negative. The mean over the parts and its population
 * deviation. */
drift_status inception_score(drift_context *ctx, const float *logits, size_t n,
                             size_t c, size_t splits, int64_t seed,
                             double *mean, double *deviation) DRIFT_MUST_CHECK;

#endif

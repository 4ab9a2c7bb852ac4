/* The Frechet distance between two sets of features, both taken as normal
 * distributions: |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^1/2). With Inception's
 * features this is FID (method.md section 9); with a classifier's a
 * "class-feature distance". Needs LAPACK. */
#ifndef EVAL_FRECHET_H
#define EVAL_FRECHET_H

#include "eval/moments.h"

/* Of finished moments. With S = L L^T, tr (S1 S2)^1/2 is the sum of the
 * singular values of L1^T L2: no covariance is multiplied with another, so
 * fewer samples than features do no harm, and make it faster. */
drift_status frechet_distance(drift_context *ctx, const moments *a,
                              const moments *b, double *out) DRIFT_MUST_CHECK;

#endif

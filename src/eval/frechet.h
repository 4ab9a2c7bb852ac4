/* The Frechet distance between two sets of features, both taken as normal
 * distributions: |m1 - m2|^2 + tr(S1 + S2 - 2 (S1^1/2 S2 S1^1/2)^1/2).
 * With Inception features this is FID (method.md section 9); with a
 * classifier's features a "class-feature distance". Needs LAPACK. */
#ifndef EVAL_FRECHET_H
#define EVAL_FRECHET_H

#include "base/error.h"

/* Mean [d] and covariance [d,d] (divided by n - 1) of features [n,d]; all in
 * double, sums centred on the mean. n >= 2. */
drift_status feature_moments(drift_context *ctx, const float *features,
                             size_t n, size_t d, double *mean,
                             double *covariance) DRIFT_MUST_CHECK;

/* The distance by the symmetric route: eigenvalues of S1^1/2 S2 S1^1/2, exact
 * for rank-deficient covariances too. */
drift_status frechet_distance(drift_context *ctx, size_t d,
                              const double *mean1, const double *covariance1,
                              const double *mean2, const double *covariance2,
                              double *out) DRIFT_MUST_CHECK;

#endif

/* Sliced Wasserstein-2 distance of two sets of points of the plane: the root of
 * the mean over directions of the squared Wasserstein-2 distance of what is
 * seen along them, which is the mean squared gap of equal quantiles. Host
 * arrays [n,2] and [m,2]. */
#ifndef EVAL_SLICED_H
#define EVAL_SLICED_H

#include "base/error.h"

#define SLICED_DIRECTIONS 64 /* equally spaced over half a turn */

/* NaN where a set is empty or holds a NaN. */
drift_status sliced_distance(drift_context *ctx, const float *x, size_t n,
                             const float *y, size_t m,
                             double *out) DRIFT_MUST_CHECK;

#endif

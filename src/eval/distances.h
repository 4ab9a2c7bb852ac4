/* Distances between points on the host, computed on the device. */
#ifndef EVAL_DISTANCES_H
#define EVAL_DISTANCES_H

#include "base/error.h"

/* Of x [n,d] to y [m,d]: out [n,m]. */
drift_status distances(drift_context *ctx, const float *x, size_t n,
                       const float *y, size_t m, size_t d,
                       float *out) DRIFT_MUST_CHECK;

#endif

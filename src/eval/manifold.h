/* How much of each of two sets of features lies within the other: every point
 * has a ball, out to its k-th nearest other point of its own set.
 *
 *     precision   share of generated points in a real point's ball
 *     recall      share of real points in a generated point's ball
 *     density     real balls that hold a generated point, by k, on average
 *     coverage    share of real points whose ball holds a generated point
 *
 * Precision and recall: Kynkaanniemi et al. 2019, k = 3; density and coverage:
 * Naeem et al. 2020, k = 5. method.md section 9. */
#ifndef EVAL_MANIFOLD_H
#define EVAL_MANIFOLD_H

#include "base/error.h"

typedef struct manifold_result {
    double precision, recall, density, coverage;
} manifold_result;

/* Of real [n,d] and generated [m,d]: precision and recall with balls out to
 * neighbour `near`, density and coverage out to neighbour `dense`, both below n
 * and m; a point on a ball's surface is inside. Memory: a few strips of
 * distances, whatever n and m. */
drift_status manifold(drift_context *ctx, const float *real, size_t n,
                      const float *generated, size_t m, size_t d, size_t near,
                      size_t dense, manifold_result *out) DRIFT_MUST_CHECK;

/* Distances [n,k] of each point of x [n,d] to its k nearest others, nearest
 * first. */
drift_status manifold_nearest(drift_context *ctx, const float *x, size_t n,
                              size_t d, size_t k,
                              float *nearest) DRIFT_MUST_CHECK;

#endif

/* Figures of points of the plane beside those of real ones: no network looks.
 * method.md section 9. */
#ifndef EVAL_POINTS_H
#define EVAL_POINTS_H

#include "eval/images.h"

/* Sets of fresh points of a toy. A distance of sets has a bias of about
 * 1/points, which scatters by half of itself: figures are means over sets. */
#define POINT_SETS 8

typedef struct points {
    drift_context *ctx;
    size_t count;
    size_t set; /* points in one of its sets */
    float *xy;  /* [count,2] */
} points;

/* All of x, as at most `sets` sets of one size. */
drift_status points_take(images *x, size_t sets, points *out) DRIFT_MUST_CHECK;
void points_free(points *p); /* zeros are fine */

/* Of all of x beside each set of real ones. */
drift_status points_score(const points *x, const points *real,
                          drift_scores *out) DRIFT_MUST_CHECK;
/* Of each set of real ones beside the next: the best that could be had. NaN
 * where there is but one. */
drift_status points_score_real(const points *real,
                               drift_scores *out) DRIFT_MUST_CHECK;

#endif

/* The figures of images from what a network saw of them and of real ones. */
#ifndef EVAL_SCORES_H
#define EVAL_SCORES_H

#include "eval/look.h"

/* All of drift_scores but what is seen in pixels (vote, nearest) and of points
 * (points.h). A figure that
 * these images or this build cannot give is NaN, and a warning says why where
 * that may surprise. alike: the labels of both mean the same; quick: without
 * what compares single images, as where nothing but
 * moments is known of real ones. */
drift_status scores_of(drift_context *ctx, const look *x, const look *real,
                       int alike, int quick,
                       drift_scores *out) DRIFT_MUST_CHECK;

/* All NaN. */
drift_scores scores_none(void);

#endif

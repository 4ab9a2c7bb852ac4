/* distance_vs_step.png: Frechet distance and class accuracy of a table over
 * the steps, and those of real test images (NaN: none) as lines beside them. */
#ifndef TRAIN_SCORE_CURVES_H
#define TRAIN_SCORE_CURVES_H

#include "base/error.h"

drift_status score_curves(const drift_score_table *t, const drift_scores *real,
                          const char *path) DRIFT_MUST_CHECK;

#endif

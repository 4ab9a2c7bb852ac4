/* What is known of an evaluator beside its scores; all of it before any image
 * is looked at, which the first drift_evaluator_score does. */
#ifndef TRAIN_EVALUATE_H
#define TRAIN_EVALUATE_H

#include "base/error.h"

/* Network, resizing, data, seed; the scores of real images and noise once they
 * are looked at, before that none. */
const drift_evaluation *evaluator_common(const drift_evaluator *e);
/* Samples a model is asked for. */
size_t evaluator_count(const drift_evaluator *e);
/* Real images and noise that are yet to be looked at. */
size_t evaluator_bounds(const drift_evaluator *e);

#endif

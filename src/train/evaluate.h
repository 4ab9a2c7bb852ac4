/* Evaluators that look at real images and noise only once something is scored
 * beside them, and what is known of them before. */
#ifndef TRAIN_EVALUATE_H
#define TRAIN_EVALUATE_H

#include "base/error.h"

/* As drift_evaluator_new, but the first drift_evaluator_score is what looks. */
drift_status evaluator_open(drift_context *ctx,
                            const drift_evaluate_options *options,
                            drift_evaluator **out) DRIFT_MUST_CHECK;

/* Network, resizing, data, seed; the scores of real images and noise once they
 * are looked at, before that none. */
const drift_evaluation *evaluator_common(const drift_evaluator *e);
/* Samples a model is asked for. */
size_t evaluator_count(const drift_evaluator *e);
/* So many samples are to come: what options->tell takes for all. By default
 * those of one drift_evaluator_score. */
void evaluator_expect(drift_evaluator *e, size_t samples);

#endif

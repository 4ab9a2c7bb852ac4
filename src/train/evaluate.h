/* Evaluators that look at real images and noise only once something is scored
 * beside them, and what is known of them before. */
#ifndef TRAIN_EVALUATE_H
#define TRAIN_EVALUATE_H

#include "base/error.h"

/* The network that looks at images of this path: `wanted`, or, where that is
 * NULL, the one that comes for them with the program. */
drift_status evaluate_network(drift_context *ctx, const char *wanted,
                              const char *path,
                              const char **out) DRIFT_MUST_CHECK;
/* As drift_evaluator_new, but the first drift_evaluator_score is what looks. */
drift_status evaluator_open(drift_context *ctx,
                            const drift_evaluate_options *options,
                            drift_evaluator **out) DRIFT_MUST_CHECK;

/* Network, resizing, data, seed; the scores of real images and noise once they
 * are looked at, before that none. */
const drift_evaluation *evaluator_common(const drift_evaluator *e);
/* Samples a model is asked for. */
size_t evaluator_count(const drift_evaluator *e);
/* So many samples are looked at by calls after the next one, as far as
 * options->tell is told. */
void evaluator_later(drift_evaluator *e, size_t samples);

#endif

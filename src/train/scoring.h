/* Evaluations while a run trains: what drift-eval would tell of the checkpoint
 * that was just saved, from fewer samples. */
#ifndef TRAIN_SCORING_H
#define TRAIN_SCORING_H

#include "train/rundir.h"

typedef struct scoring {
    drift_evaluator *evaluator; /* NULL: none */
    char *path;                 /* of the checkpoint */
    drift_evaluation last;
} scoring;

/* run.evaluate_network becomes the name of the network that looks at images of
 * this run, or tells that none can. */
drift_status scoring_resolve(drift_context *ctx, config *c,
                             const dataset *d) DRIFT_MUST_CHECK;
/* The checkpoint `latest` of the run is there. */
drift_status scoring_open(const rundir *r, const config *c,
                          scoring *s) DRIFT_MUST_CHECK;
void scoring_close(scoring *s);

/* Fill s->last. */
drift_status scoring_run(scoring *s) DRIFT_MUST_CHECK;

#endif

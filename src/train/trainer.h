/* Inside a trainer: trainer.c makes it and steps, save.c saves and restores. */
#ifndef TRAIN_TRAINER_H
#define TRAIN_TRAINER_H

#include "drift/spread.h"
#include "train/checkpoint.h"
#include "train/preview.h"
#include "train/step.h"

struct drift_trainer {
    drift_context *ctx;
    config *c; /* a copy, resolved */
    rundir dir;
    dataset *data;
    generator *generator;
    optimizer optimizer;
    step step;
    metrics *metrics;
    preview preview;
    collapse_watch watch;
    int64_t steps, images;            /* done */
    double seconds;                   /* of training, resumes added */
    int64_t logged, saved, previewed; /* steps when that last happened */
    double window_seconds;            /* since the last logged step */
    int64_t window_images;
    int no_plots; /* this build draws none: said once */
    int done;
};

/* -- save.c ------------------------------------------------------------- */

/* checkpoints/latest.safetensors and step-N, older ones than
 * run.keep_last removed. */
drift_status save_state(drift_trainer *t) DRIFT_MUST_CHECK;
/* checkpoints/failed-N.safetensors, N the step that failed; latest stays.
 * *path (mem_free) is NULL when it cannot be written. */
drift_status save_failed(drift_trainer *t, char **path) DRIFT_MUST_CHECK;
/* Weights, EMAs, optimizer, banks and counts as they were saved. */
drift_status restore_state(drift_trainer *t,
                           const checkpoint *file) DRIFT_MUST_CHECK;

#endif

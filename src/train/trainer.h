/* Inside a trainer: trainer.c makes it, steps and does what falls due, save.c
 * saves and restores. What is trained is the `ops`' concern:
 * generator_trainer.c and encoder_trainer.c. */
#ifndef TRAIN_TRAINER_H
#define TRAIN_TRAINER_H

#include "drift/spread.h"
#include "train/checkpoint.h"
#include "train/encoder_step.h"
#include "train/preview.h"
#include "train/scoring.h"
#include "train/step.h"

typedef struct trainer_ops {
    /* With t->c and t->data: network, optimizer, and what makes a step; `fresh`
     * when the parameters are those of a new run. Nothing of it touches the
     * folder of the run. Sets params, report, sample, batch. */
    drift_status (*make)(drift_trainer *t, int fresh);
    void (*free)(drift_trainer *t); /* after a failed make too */
    /* The folder is there; keep_step >= 0: a run goes on after that step. */
    drift_status (*open)(drift_trainer *t, int64_t keep_step);
    /* Step t->steps; `settle` when its report must be there afterwards. A step
     * whose numbers are not finite leaves its number in t->failed. */
    drift_status (*step)(drift_trainer *t, int settle);
    drift_status (*settle)(drift_trainer *t);
    /* A picture with `flat`, the parameters that will be used; *path: where, or
     * NULL. With `tests` it also measures something, for the report. */
    drift_status (*preview)(drift_trainer *t, const tensor *flat,
                            const char **path);
    int tests;
    drift_status (*log)(drift_trainer *t); /* completes the report */
    /* What a checkpoint holds beside the network and its optimizer. */
    drift_status (*to_arrays)(drift_trainer *t, array_list *out);
    drift_status (*from_arrays)(drift_trainer *t, const array_list *in);
    /* Scores of the state as it is, for the report; NULL: there are none. */
    drift_status (*evaluate)(drift_trainer *t);
    drift_status (*draw)(drift_trainer *t); /* pictures beside the curves */
    /* Files made when a run is saved to be used, or at its end. */
    drift_status (*save)(drift_trainer *t, const tensor *flat);
    drift_status (*finish)(drift_trainer *t);
} trainer_ops;

extern const trainer_ops generator_trainer_ops, encoder_trainer_ops;

struct drift_trainer {
    drift_context *ctx;
    config *c; /* a copy, resolved */
    const trainer_ops *ops;
    rundir dir;
    dataset *data;
    params *params; /* that are trained: of the network below */
    optimizer optimizer;
    step_report *report; /* of the step below */
    sample_shape sample;
    size_t batch; /* samples a step */
    metrics *metrics;

    /* a generator */
    generator *generator;
    step step;
    preview preview;
    collapse_watch watch;
    scoring scoring;

    /* an encoder */
    encoder *encoder;
    dataset *test; /* NULL: the data have no such split */
    encoder_step encoder_step;
    char *picture; /* the last one in samples/ */

    int64_t steps, images;            /* done */
    double seconds;                   /* of training, resumes added */
    int64_t logged, saved, previewed; /* steps when that last happened */
    int64_t failed;        /* the step whose numbers were not finite, or -1 */
    double window_seconds; /* since the last logged step */
    int64_t window_images;
    int no_plots; /* this build draws none: said once */
    int done;
};

/* Plots need a library that not every build has: then they are left out. */
drift_status trainer_plotted(drift_trainer *t,
                             drift_status status) DRIFT_MUST_CHECK;

/* -- save.c ------------------------------------------------------------- */

/* checkpoints/latest.safetensors and step-N, older ones than
 * run.keep_last removed. */
drift_status save_state(drift_trainer *t) DRIFT_MUST_CHECK;
/* checkpoints/failed-N.safetensors, N the step that failed; latest stays.
 * *path (mem_free) is NULL when it cannot be written. */
drift_status save_failed(drift_trainer *t, char **path) DRIFT_MUST_CHECK;
/* checkpoints/latest.safetensors alone. */
drift_status save_latest(drift_trainer *t) DRIFT_MUST_CHECK;
/* checkpoints/best.safetensors becomes a second name of the latest. */
drift_status save_best(drift_trainer *t) DRIFT_MUST_CHECK;
/* Weights, EMAs, optimizer, counts and what the ops hold, as they were
 * saved. */
drift_status restore_state(drift_trainer *t,
                           const checkpoint *file) DRIFT_MUST_CHECK;

#endif

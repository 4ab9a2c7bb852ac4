/* What a run writes down of itself: metrics.jsonl, TensorBoard events, and the
 * curves made from them. */
#ifndef TRAIN_METRICS_H
#define TRAIN_METRICS_H

#include "drift/loss.h"
#include "train/rundir.h"

/* Phases of a step, in order. */
enum {
    PHASE_DATA,      /* loader, banks, draws of real samples */
    PHASE_GENERATE,  /* generator and features, forward */
    PHASE_FIELD,     /* field, loss, gradient in the features */
    PHASE_BACKWARD,  /* with the recomputed forward where memory is short */
    PHASE_OPTIMIZER, /* norms, clip, AdamW, EMA */
    PHASE_COUNT
};

extern const char *const phase_names[PHASE_COUNT];

/* What one step found out. */
typedef struct step_report {
    int64_t step, images;
    double seconds, samples_per_second;
    double loss; /* sum over families */
    int temperatures;
    double temperature[FIELD_MAX_R];
    double drift[FIELD_MAX_R]; /* raw RMS, mean over the families */
    double ess[FIELD_MAX_R];   /* mean over the families */
    double ess10[FIELD_MAX_R];
    const family_stats *families;
    size_t family_count;
    double learning_rate, grad_norm;
    const double *part_norms; /* of the optimizer */
    char *const *parts;
    size_t part_count;
    double alpha;                /* mean of the draw */
    double unconditional;        /* share among the negatives, by weight */
    double spread, spread_least; /* mean and least over classes; < 0: none */
    double accuracy;             /* of an encoder: on its batch; < 0: none */
    double test_accuracy, test_loss; /* of the last test; < 0: none */
    const drift_scores *scores; /* of an evaluation at this step, or NULL */
    double phases[PHASE_COUNT];
} step_report;

/* Numbers kept of every logged step, for the curves. */
enum {
    CURVE_STEP,
    CURVE_LOSS,
    CURVE_GRAD,
    CURVE_RATE,
    CURVE_SPEED,
    CURVE_SPREAD,
    CURVE_ACCURACY,
    CURVE_TEST,
    CURVE_TEST_LOSS,
    CURVE_RIGHT, /* of an evaluation: accuracy */
    CURVE_DISTANCE,
    CURVE_DRIFT,
    CURVE_ESS = CURVE_DRIFT + FIELD_MAX_R,
    CURVE_COUNT = CURVE_ESS + FIELD_MAX_R
};

typedef struct metrics metrics;

/* Begin with an empty metrics.jsonl; or, with keep_step >= 0, keep of the
 * present one what was logged up to that step. `c` is borrowed. */
drift_status metrics_open(rundir *r, const config *c, int64_t keep_step,
                          metrics **out) DRIFT_MUST_CHECK;
void metrics_close(metrics *m); /* NULL is fine */

/* What a run can be named and found again by; goes into the next line. */
drift_status metrics_describe(metrics *m, const char *data_digest,
                              int64_t resumed_at) DRIFT_MUST_CHECK;
drift_status metrics_add(metrics *m,
                         const step_report *report) DRIFT_MUST_CHECK;
/* The least distance of the evaluations so far, INFINITY without any. */
double metrics_best(const metrics *m);
/* A picture that was just written, for TensorBoard. */
drift_status metrics_picture(metrics *m, int64_t step,
                             const char *path) DRIFT_MUST_CHECK;
/* curves.png, and the toys' losses.png. */
drift_status metrics_curves(metrics *m) DRIFT_MUST_CHECK;
drift_status metrics_losses(metrics *m) DRIFT_MUST_CHECK;

#endif

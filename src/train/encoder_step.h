/* One training step of an encoder:
 *
 *     real images -> cut, moved -> network -> logits -> loss
 *                                     ^---- backward ----+
 *
 * and what the network makes of the test images. */
#ifndef TRAIN_ENCODER_STEP_H
#define TRAIN_ENCODER_STEP_H

#include "data/data.h"
#include "train/loader.h"
#include "train/metrics.h"
#include "train/optimizer.h"

typedef struct encoder_step {
    drift_context *ctx;
    const config *c;
    dataset *data, *test; /* borrowed; test may be NULL */
    encoder *network;     /* borrowed, like the optimizer */
    optimizer *optimizer;
    size_t batch;
    loader loader;
    tape *tape;
    float *pixels, *spare; /* [batch] images */
    int *labels;           /* [batch] */
    float *logits, *delta; /* [batch,classes]: on the host */
    tensor images;         /* [batch,h,w,c] */
    tensor gradient;       /* [batch,classes], of the logits */
    step_report report;    /* of the last step and the last test */
} encoder_step;

/* *s is to be freed even after a failure. */
drift_status encoder_step_new(drift_context *ctx, const config *c,
                              dataset *data, dataset *test, encoder *network,
                              optimizer *o, encoder_step *s) DRIFT_MUST_CHECK;
void encoder_step_free(encoder_step *s); /* {0} is fine */

/* Step n = 0, 1, ... NaN or infinity is DRIFT_ERROR_NUMBER and leaves the
 * parameters as they were. */
drift_status encoder_step_run(encoder_step *s, int64_t n) DRIFT_MUST_CHECK;
/* Accuracy and loss on the test images with the parameters in `flat`, into the
 * report. */
drift_status encoder_step_test(encoder_step *s,
                               const tensor *flat) DRIFT_MUST_CHECK;

#endif

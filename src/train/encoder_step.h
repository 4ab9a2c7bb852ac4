/* One training step of an encoder:
 *
 *     real images -> cut, moved -> network -> objective's loss
 *                                     ^---- backward ----+
 *
 * and the loss on the test images. encoder_objective.c has the losses. */
#ifndef TRAIN_ENCODER_STEP_H
#define TRAIN_ENCODER_STEP_H

#include "data/data.h"
#include "train/loader.h"
#include "train/metrics.h"
#include "train/optimizer.h"

typedef struct encoder_step encoder_step;

/* What a loss found out about some images. */
typedef struct verdict {
    double loss;  /* mean over them */
    size_t right; /* how many were classified right */
} verdict;

/* What an encoder is trained to do. */
typedef struct objective {
    int network;    /* ENCODER_*, what it is learned by */
    int views;      /* random versions of each image in a batch */
    int classifies; /* verdict.right means something */
    int tests;      /* the loss means something on images as they are */
    int headless;   /* the network's last layer serves the loss alone */
    /* Whether the data will do, and what of the network follows from them. */
    drift_status (*fit)(drift_context *ctx, const config *c, const dataset *d,
                        encoder_config *network);
    /* The first `count` of s->images, with the parameters in `flat`, on the
     * tape. With `seed` the gradient is seeded; else the loss is that of a
     * test. */
    drift_status (*loss)(encoder_step *s, const tensor *flat, size_t count,
                         int seed, verdict *v);
    /* What it makes of the first `count` of s->images, as pixels; NULL: it
     * makes no images. */
    drift_status (*remake)(encoder_step *s, const tensor *flat, size_t count,
                           float *pixels);
    /* Change parameters that training is done with, for use; or NULL. */
    drift_status (*settle)(encoder_step *s, tensor *flat);
} objective;

extern const objective *const objectives[]; /* by OBJECTIVE_* */

struct encoder_step {
    drift_context *ctx;
    const config *c;
    dataset *data, *test; /* borrowed; test may be NULL */
    encoder *network;     /* borrowed, like the optimizer */
    optimizer *optimizer;
    size_t batch; /* images a step, each in so many views: */
    size_t rows;  /* batch * views */
    loader loader;
    tape *tape;
    float *pixels, *spare; /* [rows] images */
    int *labels;           /* [rows] */
    tensor images;         /* [rows,h,w,c]: all views of the batch, one after
                              the other */
    const objective *objective;
    int64_t number; /* of the step at work */
    step_report report; /* of the last step and the last test */
};

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
/* Images `first` ... of a data set, as they are, into s->images (at most
 * s->rows); the tape is reset. */
drift_status encoder_step_take(encoder_step *s, dataset *d, size_t first,
                               size_t count) DRIFT_MUST_CHECK;
/* A view of the first `count` of s->images. */
tensor encoder_step_images(const encoder_step *s, size_t count);

#endif

/* What a network saw of many images in one pass: what figures are made of. */
#ifndef EVAL_LOOK_H
#define EVAL_LOOK_H

#include "eval/images.h"
#include "eval/moments.h"
#include "eval/network.h"

/* Features that are kept, of images spread over all; figures that compare
 * single images (KID, precision, recall, ...) are of these. */
#define LOOK_KEPT ((size_t)10000)

typedef struct look {
    size_t count;    /* images */
    moments moments; /* of the features of all */
    size_t kept;
    float *features; /* [kept,d] */
    int32_t *labels; /* [kept] */
    /* Of the network's classes, where it has some: */
    size_t classes;
    double *taken, *asked; /* [classes] images taken for a class, labelled so */
    double accuracy;       /* NaN: the labels are other classes */
    double score, score_deviation; /* Inception Score; NaN: too few images */
} look;

/* Room for what is seen of `count` images: d features, classes. */
drift_status look_new(drift_context *ctx, size_t count, size_t d,
                      size_t classes, look *out) DRIFT_MUST_CHECK;
/* Look at all images, a batch at a time; o->tell hears of them as `kind`. */
drift_status look_take(network *n, images *x, const char *kind,
                       const drift_evaluate_options *o,
                       look *out) DRIFT_MUST_CHECK;
void look_free(look *l); /* zeros are fine */

#endif

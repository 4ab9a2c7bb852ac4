/* A network that looks at images: their features and the class it takes them
 * for. Any encoder of src/nn serves: its features are what its head
 * for classes reads: a vector, or the mean of its last map. */
#ifndef EVAL_NETWORK_H
#define EVAL_NETWORK_H

#include "eval/images.h"
#include "eval/resize.h"
#include "nn/encoder.h"

typedef struct network {
    drift_context *ctx;
    encoder *encoder;
    int classes;        /* 0: it knows none */
    size_t features;    /* numbers an image */
    resize_mode resize; /* how images become its own, where network_resizes */
} network;

/* A file or the name of one that comes with the program (weights/NAME). */
drift_status network_open(drift_context *ctx, const char *name,
                          network *out) DRIFT_MUST_CHECK;
void network_close(network *n);
/* Whether it takes images of one size alone and is given all others' in
 * n->resize's way, as scores are published: the inception network. It is the
 * first way until another is set. */
int network_resizes(const network *n);

typedef struct look {
    float *features; /* [count,features] */
    double accuracy; /* share that it takes for the class of their label; NaN:
                        they have none, or it knows others */
} look;

/* Look at all images, a batch at a time; o->tell hears of them as `kind`. */
drift_status network_look(network *n, images *x, const char *kind,
                          const drift_evaluate_options *o,
                          look *out) DRIFT_MUST_CHECK;
void look_free(look *l);

#endif

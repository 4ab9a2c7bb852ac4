/* A network that looks at images: their features and the class it takes them
 * for. Any encoder of src/nn serves: its features are what its head for classes
 * reads: a vector, or the mean of its last map. */
#ifndef EVAL_NETWORK_H
#define EVAL_NETWORK_H

#include "eval/resize.h"
#include "nn/encoder.h"
#include "tape/tape.h"

/* What is kept of images of one size, from a call to the next. */
typedef struct network_view {
    size_t h, w, c;
    resizer *resizer; /* NULL: the network takes them as they are */
    float *resized;   /* [network_at_once] */
} network_view;

typedef struct network {
    drift_context *ctx;
    encoder *encoder;
    tape *tape;
    int classes;        /* 0: it knows none */
    resize_mode resize; /* how images become its own, where network_resizes */
    network_view view;
} network;

/* A file or the name of one that comes with the program (weights/NAME). */
drift_status network_open(drift_context *ctx, const char *name,
                          resize_mode resize, network *out) DRIFT_MUST_CHECK;
void network_close(network *n);

/* Whether it takes images of one size alone and is given all others' in
 * n->resize's way, as scores are published: the inception network. */
int network_resizes(const network *n);
/* How many features it sees of images of this size. */
drift_status network_features(network *n, size_t h, size_t w, size_t c,
                              size_t *out) DRIFT_MUST_CHECK;
/* Add what it sees by: itself and how it resizes. */
drift_status network_digest(const network *n, digest *d) DRIFT_MUST_CHECK;
/* The most images to run together. */
size_t network_at_once(const network *n);

/* Images [b,h,w,c] on the host, pixels in [-1,1]: features seen and logits
 * (NULL: it knows no classes), which stand until network_forget. */
drift_status network_run(network *n, const float *pixels, size_t b, size_t h,
                         size_t w, size_t c, const tensor **seen,
                         const tensor **logits) DRIFT_MUST_CHECK;
void network_forget(network *n);

#endif

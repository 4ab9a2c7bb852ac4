/* A weight and its bias, for the kinds of encoders: declaring, running, filling
 * from a file. encoder_conv (nn/encoder.h) runs one that is a convolution. */
#ifndef NN_ENCODER_LAYER_H
#define NN_ENCODER_LAYER_H

#include "nn/encoder.h"
#include "nn/weights.h"

typedef struct encoder_layer {
    int weight, bias; /* numbers of the parameters */
} encoder_layer;

/* Declare NAME.weight and NAME.bias; a weight [n] is a norm's. */
encoder_layer encoder_add(encoder *e, const char *part, shape weight,
                          const char *name_format, ...) DRIFT_PRINTF(4, 5);
var *encoder_linear(encoder *e, tape *t, const tensor *flat,
                    const encoder_layer *l, var *x);
var *encoder_norm(encoder *e, tape *t, const tensor *flat,
                  const encoder_layer *l, float eps, var *x); /* layernorm */
/* From their NAME.weight and NAME.bias. */
drift_status encoder_take(weights *w, const encoder_layer *l,
                          weights_layout layout, const char *name_format, ...)
    DRIFT_PRINTF(4, 5) DRIFT_MUST_CHECK;
/* Rows of NAME.weight or, where it is missing, NAME.bias; 0: no such head. */
int encoder_count_classes(const array_list *arrays, const char *name);

#endif

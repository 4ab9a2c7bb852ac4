/* conv3x3 (no bias) - GroupNorm - SiLU: what the program's own encoders are
 * made of. */
#ifndef NN_CONV_LAYER_H
#define NN_CONV_LAYER_H

#include "nn/encoder.h"

typedef struct conv_layer {
    int conv, norm_w, norm_b; /* parameters */
    int groups;
} conv_layer;

/* Declare NAME.conv.weight, NAME.norm.weight and NAME.norm.bias. `groups` must
 * divide `out`, else DRIFT_ERROR_USAGE. */
drift_status conv_layer_declare(encoder *e, const char *part, size_t in,
                                size_t out, int groups, conv_layer *l,
                                const char *name_format, ...)
    DRIFT_PRINTF(7, 8) DRIFT_MUST_CHECK;
/* x [b,h,w,in] to [b,h/stride,w/stride,out], rounded up. */
var *conv_layer_forward(encoder *e, tape *t, const tensor *flat,
                        const conv_layer *l, int stride, var *x);

#endif

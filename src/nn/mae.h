/* The release's masked autoencoder: method.md section 7. The encoder is a kind
 * of nn/encoder.h; training it needs the decoder and the head, too. */
#ifndef NN_MAE_H
#define NN_MAE_H

#include "nn/encoder.h"

/* What training sees of images [b,h,w,c], h and w in patches. */
typedef struct mae_out {
    var *target; /* [b,h,w,c]: the patchified images, nothing hidden */
    var *recon;  /* [b,h,w,c] */
    var *logits; /* [b,classes]; NULL without a head */
} mae_out;

/* The images with what `mask` [b,h,w,1] says (1: hidden, 0: seen) set to 0,
 * through encoder, decoder and head. The encoder is an mae with a decoder. */
void mae_forward(encoder *e, tape *t, const tensor *flat, var *image,
                 const tensor *mask, mae_out *out);
/* One number a place for all c channels: [b,h,w,1] -> [b,h,w,c]. */
var *mae_spread(tape *t, var *places, size_t c);

/* -- nn/mae.c and nn/mae_decoder.c between themselves --------------------- */

typedef struct mae_norm {
    int scale, bias, groups;
} mae_norm;

/* A convolution without bias and the GroupNorm after it. */
typedef struct mae_unit {
    int kernel;
    mae_norm norm;
} mae_unit;

typedef struct mae_block {
    mae_unit conv1, conv2, proj; /* proj.kernel -1: the shape stays */
} mae_block;

typedef struct mae_up {
    mae_norm norm;
    mae_unit proj, refine;
} mae_up;

typedef struct mae {
    int act; /* ACT_RELU; finite differences want a smooth one */
    mae_unit stem;
    mae_block *blocks[ENCODER_STAGES];
    mae_norm norm[ENCODER_STAGES];
    mae_unit bridge;
    mae_up up[ENCODER_STAGES];
    int head_kernel, head_bias;
    int fc_kernel, fc_bias;
} mae;

void mae_declare_unit(encoder *e, mae_unit *u, const char *part, size_t window,
                      size_t in, size_t out, const char *conv,
                      const char *norm);
void mae_declare_norm(encoder *e, mae_norm *n, const char *part, size_t c,
                      const char *name);
void mae_declare_decoder(encoder *e, mae *k);

var *mae_unit_forward(encoder *e, tape *t, const tensor *flat,
                      const mae_unit *u, int stride, int act, var *x);
var *mae_norm_forward(encoder *e, tape *t, const tensor *flat,
                      const mae_norm *n, int act, var *x);
/* Patchified images to `out`; level: the stem's map, then each stage's. */
void mae_encode(encoder *e, tape *t, const tensor *flat, var *x,
                encoder_out *out, var *level[ENCODER_STAGES + 1]);
var *mae_classify(encoder *e, tape *t, const tensor *flat, var *top);

#endif

/* An autoencoder: images to a latent map of fewer numbers and back. */
#ifndef NN_AUTOENCODER_H
#define NN_AUTOENCODER_H

#include "nn/encoder.h"

/* Images [b,h,w,c] to latents [b,h/f,w/f,latent], f = 2^(stages-1), and back;
 * with the parameters in `flat`. */
var *autoencoder_encode(encoder *e, tape *t, const tensor *flat, var *image);
var *autoencoder_decode(encoder *e, tape *t, const tensor *flat, var *latent);

/* Open one with its decoder; any other encoder is an error. */
drift_status autoencoder_open(drift_context *ctx, const char *path,
                              encoder **out) DRIFT_MUST_CHECK;

/* Whether `e` is one whose latents are of this height, width and channels. */
int autoencoder_makes(const encoder *e, const sample_shape *latent);

/* Change the parameters in `flat` so that a latent z becomes (z - mean) / std
 * of its channel and means the same image. */
drift_status autoencoder_normalise(encoder *e, tensor *flat, const double *mean,
                                   const double *std) DRIFT_MUST_CHECK;

#endif

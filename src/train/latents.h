/* A data set of latents: what an autoencoder makes of the images of another.
 * The generator then makes latents, which its decoder turns into images. */
#ifndef TRAIN_LATENTS_H
#define TRAIN_LATENTS_H

#include "data/data.h"
#include "nn/encoder.h"

/* Encodes all images at once and holds their latents; takes `images` over,
 * also on failure. `e` may be freed afterwards. Endless data and mirrored
 * images are an error. */
drift_status latents_new(drift_context *ctx, encoder *e, dataset *images,
                         dataset **out) DRIFT_MUST_CHECK;

#endif

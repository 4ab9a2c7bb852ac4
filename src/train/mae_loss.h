/* The loss of a masked autoencoder in training: method.md section 7.
 *
 *     recon = mean over the batch of (sum over places and channels of
 *             mask (recon - target)^2) / (hidden places + 1e-8)
 *     total = lambda CE + (1 - lambda) recon */
#ifndef TRAIN_MAE_LOSS_H
#define TRAIN_MAE_LOSS_H

#include "nn/mae.h"

typedef struct mae_loss_args {
    const tensor *mask;  /* [b,h,w,1], as given to mae_forward */
    const tensor *label; /* i32 [b]; NULL: no class loss, lambda is 0 */
    float lambda;        /* share of the class loss */
    size_t batch;        /* samples of the whole step, b of them here */
} mae_loss_args;

/* What is in sums: parts of means over the batch, to be added up over its
 * pieces. */
enum { MAE_RECON, MAE_CLASS, MAE_HITS, MAE_SUMS };

/* Seeds the tape with the gradient of `total` in recon and logits; sums
 * [MAE_SUMS]. */
drift_status mae_loss(tape *t, const mae_out *out, const mae_loss_args *args,
                      tensor *sums) DRIFT_MUST_CHECK;

#endif

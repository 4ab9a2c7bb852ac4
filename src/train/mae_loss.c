/* The loss of a masked autoencoder: see mae_loss.h. */
#include "train/mae_loss.h"

#include <math.h>

/* The loss is |w (recon - target)|^2 with w = mask / sqrt(batch (hidden +
 * 1e-8)), which is what RMSNorm makes of a mask of 0 and 1 over the places of
 * a sample: the counting stays on the device. */
static drift_status recon_loss(tape *t, const mae_out *out,
                               const mae_loss_args *args, tensor *sum)
{
    drift_context *ctx = tape_context(t);
    drift_status status = DRIFT_OK;
    const size_t *d = out->recon->value.shape.dim;
    size_t places = d[1] * d[2];
    double scale = 1 / sqrt((double)places * (double)args->batch);
    tensor weight = {0}, seed = {0};
    TRY(tensor_new(ctx, &weight, DTYPE_F32, SHAPE(places)));
    TRY(op_fill(ctx, &weight, (float)scale));
    tape_open(t);
    var *w = tape_reshape(t, tape_constant(t, args->mask), SHAPE(d[0], places));
    w = tape_rmsnorm(t, w, tape_constant(t, &weight),
                     (float)(1e-8 / (double)places));
    w = tape_reshape(t, w, SHAPE(d[0], d[1], d[2], 1));
    var *error = tape_add(t, out->recon, out->target, 1, -1);
    error = tape_close(t, tape_mul(t, error, mae_spread(t, w, d[3])));
    TRY(tape_status(t));
    TRY(op_reduce(ctx, sum, &error->value, REDUCE_SUMSQ));
    TRY(tensor_new(ctx, &seed, DTYPE_F32, error->value.shape));
    TRY(op_add_fwd(ctx, &seed, &error->value, NULL, 2 * (1 - args->lambda), 0));
    tape_seed(t, error, &seed);
    TRY(tape_status(t));
out:
    tensor_free(ctx, &weight);
    tensor_free(ctx, &seed);
    return status;
}

static drift_status class_loss(tape *t, const mae_out *out,
                               const mae_loss_args *args, tensor *sum,
                               tensor *hits)
{
    drift_context *ctx = tape_context(t);
    drift_status status = DRIFT_OK;
    const tensor *logits = &out->logits->value;
    size_t b = logits->shape.dim[0];
    float share = 1 / (float)args->batch;
    tensor loss = {0}, hit = {0}, seed = {0};
    TRY(tensor_new(ctx, &loss, DTYPE_F32, SHAPE(b)));
    TRY(tensor_new(ctx, &hit, DTYPE_F32, SHAPE(b)));
    TRY(tensor_new(ctx, &seed, DTYPE_F32, logits->shape));
    TRY(op_cross_entropy(ctx, &loss, &hit, &seed, logits, args->label,
                         args->lambda * share, 0, 0));
    TRY(op_reduce(ctx, sum, &loss, REDUCE_SUM));
    TRY(op_reduce(ctx, hits, &hit, REDUCE_SUM));
    TRY(op_add_fwd(ctx, sum, sum, NULL, share, 0));
    TRY(op_add_fwd(ctx, hits, hits, NULL, share, 0));
    tape_seed(t, out->logits, &seed);
    TRY(tape_status(t));
out:
    tensor_free(ctx, &loss);
    tensor_free(ctx, &hit);
    tensor_free(ctx, &seed);
    return status;
}

drift_status mae_loss(tape *t, const mae_out *out, const mae_loss_args *args,
                      tensor *sums)
{
    drift_context *ctx = tape_context(t);
    drift_status status = DRIFT_OK;
    tensor one[MAE_SUMS];
    TRY(tape_status(t));
    TRY(op_fill(ctx, sums, 0));
    for (size_t i = 0; i < MAE_SUMS; i++)
        one[i] = tensor_view(sums, i, SHAPE(1));
    TRY(recon_loss(t, out, args, &one[MAE_RECON]));
    if (out->logits && args->label)
        TRY(class_loss(t, out, args, &one[MAE_CLASS], &one[MAE_HITS]));
out:
    return status;
}

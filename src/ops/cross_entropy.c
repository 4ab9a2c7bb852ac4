/* Shape checks of cross_entropy: logits [n,k], labels i32 [n]. */
#include "ops/check.h"

#include <limits.h>

drift_status check_cross_entropy(drift_context *ctx, tensor *loss, tensor *hit,
                                 tensor *dlogits, const tensor *logits,
                                 const tensor *labels, float factor,
                                 float smoothing, int skip_self)
{
    (void)factor;
    const size_t *dim = logits->shape.dim;
    if (logits->shape.ndim != 2 || !dim[1] || dim[1] > INT_MAX)
        return check_failed(ctx, "cross_entropy", "the logits are not [n,k]",
                            logits, NULL);
    if (skip_self && (dim[0] != dim[1] || dim[1] < 2))
        return check_failed(ctx, "cross_entropy",
                            "no logits [n,n] to leave the diagonal out of",
                            logits, NULL);
    if (labels->type != DTYPE_I32 || tensor_count(labels) != dim[0])
        return check_failed(ctx, "cross_entropy",
                            "the labels are not integers [n]", logits, labels,
                            NULL);
    if (tensor_count(loss) != dim[0] || (hit && tensor_count(hit) != dim[0]))
        return check_failed(ctx, "cross_entropy", "loss or hit is not [n]",
                            logits, loss, hit, NULL);
    if (dlogits && !same_shape(dlogits, logits))
        return check_failed(ctx, "cross_entropy", "dlogits and logits differ",
                            dlogits, logits, NULL);
    if (!(smoothing >= 0 && smoothing <= 1))
        return check_failed(ctx, "cross_entropy",
                            "the smoothing is not in 0 ... 1", logits, NULL);
    return DRIFT_OK;
}

/* cross_entropy: a row of logits has the items of one row of a group. Wrong
 * labels are told as embedding's indices are. */
#include "ocl/map.h"

drift_status ocl_cross_entropy(drift_context *ctx, tensor *loss, tensor *hit,
                               tensor *dlogits, const tensor *logits,
                               const tensor *labels, float factor,
                               float smoothing, int skip_self)
{
    size_t rows = logits->shape.dim[0], k = logits->shape.dim[1];
    ocl_launch l = ocl_begin(ctx, "cross_entropy", "cross_entropy");
    ocl_tensor(&l, loss);
    ocl_tensor(&l, hit);
    ocl_tensor(&l, dlogits);
    ocl_tensor(&l, logits);
    ocl_tensor(&l, labels);
    ocl_fault(&l);
    ocl_size(&l, rows);
    ocl_size(&l, k);
    ocl_float(&l, factor);
    ocl_float(&l, smoothing);
    ocl_int(&l, skip_self);
    return ocl_rows(&l, rows, k);
}

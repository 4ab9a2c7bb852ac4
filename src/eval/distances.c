/* Distances between points on the host: see distances.h. */
#include "eval/distances.h"

#include "ops/ops.h"

drift_status distances(drift_context *ctx, const float *x, size_t n,
                       const float *y, size_t m, size_t d, float *out)
{
    drift_status status = DRIFT_OK;
    tensor a = {0}, b = {0}, gap = {0};
    TRY(tensor_new(ctx, &a, DTYPE_F32, SHAPE(1, n, d)));
    TRY(tensor_new(ctx, &b, DTYPE_F32, SHAPE(1, m, d)));
    TRY(tensor_new(ctx, &gap, DTYPE_F32, SHAPE(1, n, m)));
    TRY(tensor_write(ctx, &a, x));
    TRY(tensor_write(ctx, &b, y));
    TRY(op_distance_fwd(ctx, &gap, &a, &b));
    TRY(tensor_read(ctx, &gap, out));
out:
    tensor_free(ctx, &gap);
    tensor_free(ctx, &b);
    tensor_free(ctx, &a);
    return status;
}

/* Checks of uniform. */
#include "ops/check.h"

drift_status check_uniform(drift_context *ctx, tensor *y, rng_stream stream,
                           uint64_t first, float low, float high)
{
    (void)stream;
    (void)first;
    if (y->type != DTYPE_F32)
        return check_failed(ctx, "uniform", "y is not f32", y, NULL);
    if (!(low < high))
        return check_failed(ctx, "uniform", "low is not below high", y, NULL);
    return DRIFT_OK;
}

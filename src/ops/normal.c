/* Checks of normal. */
#include "ops/check.h"

drift_status check_normal(drift_context *ctx, tensor *y, rng_stream stream,
                          uint64_t first, float mean, float std)
{
    (void)stream;
    (void)first;
    (void)mean;
    (void)std;
    if (y->type != DTYPE_F32)
        return check_failed(ctx, "normal", "y is not f32", y, NULL);
    return DRIFT_OK;
}

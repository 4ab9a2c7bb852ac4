/* Shape checks of reduce. */
#include "ops/check.h"

drift_status check_reduce(drift_context *ctx, tensor *y, const tensor *x,
                          int kind)
{
    if (tensor_count(y) != 1)
        return check_failed(ctx, "reduce", "y is not [1]", y, x, NULL);
    if (kind < REDUCE_SUM || kind > REDUCE_NONFINITE)
        return check_failed(ctx, "reduce", "an unknown kind", x, NULL);
    return DRIFT_OK;
}

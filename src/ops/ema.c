/* Shape checks of ema. */
#include "ops/check.h"

drift_status check_ema(drift_context *ctx, tensor *e, const tensor *p,
                       const tensor *scale, float decay)
{
    (void)decay;
    if (scale && tensor_count(scale) != 1)
        return check_failed(ctx, "ema", "the scale is not [1]", scale, NULL);
    if (tensor_count(e) != tensor_count(p))
        return check_failed(ctx, "ema", "e and p differ", e, p, NULL);
    return DRIFT_OK;
}

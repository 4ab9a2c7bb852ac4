/* Shape checks of ema. */
#include "ops/check.h"

drift_status check_ema(drift_context *ctx, tensor *e, const tensor *p,
                       float decay)
{
    (void)decay;
    if (tensor_count(e) != tensor_count(p))
        return check_failed(ctx, "ema", "e and p differ", e, p, NULL);
    return DRIFT_OK;
}

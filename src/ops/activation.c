/* Shape checks of activation. */
#include "ops/check.h"

static drift_status check_kind(drift_context *ctx, const tensor *x, int kind)
{
    if (kind < 0 || kind >= ACT_COUNT)
        return check_failed(ctx, "activation", "an unknown kind", x, NULL);
    return DRIFT_OK;
}

drift_status check_activation_fwd(drift_context *ctx, tensor *y,
                                  const tensor *x, int kind)
{
    if (!same_shape(y, x))
        return check_failed(ctx, "activation", "y and x differ", y, x, NULL);
    return check_kind(ctx, x, kind);
}

drift_status check_activation_bwd(drift_context *ctx, tensor *dx,
                                  const tensor *dy, const tensor *x, int kind)
{
    if (!same_shape(dy, x) || (dx && !same_shape(dx, x)))
        return check_failed(ctx, "activation", "dy or dx differs from x", x, dy,
                            dx, NULL);
    return check_kind(ctx, x, kind);
}

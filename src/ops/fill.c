/* Checks of fill. */
#include "ops/check.h"

drift_status check_fill(drift_context *ctx, tensor *y, float value)
{
    (void)value;
    if (y->type != DTYPE_F32)
        return check_failed(ctx, "fill", "y is not f32", y, NULL);
    return DRIFT_OK;
}

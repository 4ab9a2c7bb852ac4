/* Shape checks of clip: scale [1], squares [n]. */
#include "ops/check.h"

drift_status check_clip(drift_context *ctx, tensor *scale,
                        const tensor *squares, float max)
{
    if (tensor_count(scale) != 1)
        return check_failed(ctx, "clip", "the scale is not [1]", scale, squares,
                            NULL);
    if (!(max >= 0))
        return ERROR(ctx, DRIFT_ERROR_USAGE,
                     "clip: the norm %g is not 0 or "
                     "more",
                     (double)max);
    return DRIFT_OK;
}

#include "ocl/ocl.h"

drift_status ocl_upsample_nearest_fwd(drift_context *ctx, tensor *y, const tensor *x)
{
    (void)y;
    (void)x;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "upsample_nearest_fwd is not written yet");
}

drift_status ocl_upsample_nearest_bwd(drift_context *ctx, tensor *dx, const tensor *dy)
{
    (void)dx;
    (void)dy;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "upsample_nearest_bwd is not written yet");
}

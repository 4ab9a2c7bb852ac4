#include "ocl/ocl.h"

drift_status ocl_swap_fwd(drift_context *ctx, tensor *y, const tensor *x)
{
    (void)y;
    (void)x;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "swap_fwd is not written yet");
}

drift_status ocl_swap_bwd(drift_context *ctx, tensor *dx, const tensor *dy)
{
    (void)dx;
    (void)dy;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "swap_bwd is not written yet");
}

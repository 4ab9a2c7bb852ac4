#include "ocl/ocl.h"

drift_status ocl_resize_bilinear_fwd(drift_context *ctx, tensor *y, const tensor *x, resize_args args)
{
    (void)y;
    (void)x;
    (void)args;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "resize_bilinear_fwd is not written yet");
}

drift_status ocl_resize_bilinear_bwd(drift_context *ctx, tensor *dx, const tensor *dy, resize_args args)
{
    (void)dx;
    (void)dy;
    (void)args;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "resize_bilinear_bwd is not written yet");
}

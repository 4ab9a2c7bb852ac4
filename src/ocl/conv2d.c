#include "ocl/ocl.h"

drift_status ocl_conv2d_fwd(drift_context *ctx, tensor *y, const tensor *x, const tensor *w,
    const tensor *b, conv_args args)
{
    (void)y;
    (void)x;
    (void)w;
    (void)b;
    (void)args;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "conv2d_fwd is not written yet");
}

drift_status ocl_conv2d_bwd(drift_context *ctx, tensor *dx, tensor *dw, tensor *db, const tensor *dy,
    const tensor *x, const tensor *w, conv_args args)
{
    (void)dx;
    (void)dw;
    (void)db;
    (void)dy;
    (void)x;
    (void)w;
    (void)args;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "conv2d_bwd is not written yet");
}

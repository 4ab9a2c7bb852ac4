#include "ocl/ocl.h"

drift_status ocl_activation_fwd(drift_context *ctx, tensor *y, const tensor *x, int kind)
{
    (void)y;
    (void)x;
    (void)kind;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "activation_fwd is not written yet");
}

drift_status ocl_activation_bwd(drift_context *ctx, tensor *dx, const tensor *dy, const tensor *x,
    int kind)
{
    (void)dx;
    (void)dy;
    (void)x;
    (void)kind;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "activation_bwd is not written yet");
}

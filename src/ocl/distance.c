#include "ocl/ocl.h"

drift_status ocl_distance_fwd(drift_context *ctx, tensor *d, const tensor *x, const tensor *y)
{
    (void)d;
    (void)x;
    (void)y;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "distance_fwd is not written yet");
}

drift_status ocl_distance_bwd(drift_context *ctx, tensor *dx, tensor *dy, const tensor *dd,
    const tensor *x, const tensor *y, const tensor *d)
{
    (void)dx;
    (void)dy;
    (void)dd;
    (void)x;
    (void)y;
    (void)d;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "distance_bwd is not written yet");
}

#include "ocl/ocl.h"

drift_status ocl_linear_fwd(drift_context *ctx, tensor *y, const tensor *x, const tensor *w,
    const tensor *b)
{
    (void)y;
    (void)x;
    (void)w;
    (void)b;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "linear_fwd is not written yet");
}

drift_status ocl_linear_bwd(drift_context *ctx, tensor *dx, tensor *dw, tensor *db, const tensor *dy,
    const tensor *x, const tensor *w)
{
    (void)dx;
    (void)dw;
    (void)db;
    (void)dy;
    (void)x;
    (void)w;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "linear_bwd is not written yet");
}

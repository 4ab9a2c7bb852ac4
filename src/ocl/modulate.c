#include "ocl/ocl.h"

drift_status ocl_modulate_fwd(drift_context *ctx, tensor *y, const tensor *x, const tensor *shift,
    const tensor *scale)
{
    (void)y;
    (void)x;
    (void)shift;
    (void)scale;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "modulate_fwd is not written yet");
}

drift_status ocl_modulate_bwd(drift_context *ctx, tensor *dx, tensor *dshift, tensor *dscale,
    const tensor *dy, const tensor *x, const tensor *scale)
{
    (void)dx;
    (void)dshift;
    (void)dscale;
    (void)dy;
    (void)x;
    (void)scale;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "modulate_bwd is not written yet");
}

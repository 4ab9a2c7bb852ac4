#include "ocl/ocl.h"

drift_status ocl_rope_fwd(drift_context *ctx, tensor *y, const tensor *x, const tensor *cosine,
    const tensor *sine)
{
    (void)y;
    (void)x;
    (void)cosine;
    (void)sine;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "rope_fwd is not written yet");
}

drift_status ocl_rope_bwd(drift_context *ctx, tensor *dx, const tensor *dy, const tensor *cosine,
    const tensor *sine)
{
    (void)dx;
    (void)dy;
    (void)cosine;
    (void)sine;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "rope_bwd is not written yet");
}

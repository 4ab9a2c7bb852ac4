#include "ocl/ocl.h"

drift_status ocl_swiglu_fwd(drift_context *ctx, tensor *y, const tensor *a, const tensor *b)
{
    (void)y;
    (void)a;
    (void)b;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "swiglu_fwd is not written yet");
}

drift_status ocl_swiglu_bwd(drift_context *ctx, tensor *da, tensor *db, const tensor *dy,
    const tensor *a, const tensor *b)
{
    (void)da;
    (void)db;
    (void)dy;
    (void)a;
    (void)b;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "swiglu_bwd is not written yet");
}

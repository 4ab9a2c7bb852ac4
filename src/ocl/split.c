#include "ocl/ocl.h"

drift_status ocl_split_fwd(drift_context *ctx, tensor *part, const tensor *x, int axis, size_t start)
{
    (void)part;
    (void)x;
    (void)axis;
    (void)start;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "split_fwd is not written yet");
}

drift_status ocl_split_bwd(drift_context *ctx, tensor *dx, const tensor *dpart, int axis,
    size_t start)
{
    (void)dx;
    (void)dpart;
    (void)axis;
    (void)start;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "split_bwd is not written yet");
}

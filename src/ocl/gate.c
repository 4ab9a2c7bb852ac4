#include "ocl/ocl.h"

drift_status ocl_gate_fwd(drift_context *ctx, tensor *y, const tensor *x, const tensor *r,
    const tensor *gate)
{
    (void)y;
    (void)x;
    (void)r;
    (void)gate;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "gate_fwd is not written yet");
}

drift_status ocl_gate_bwd(drift_context *ctx, tensor *dx, tensor *dr, tensor *dgate,
    const tensor *dy, const tensor *r, const tensor *gate)
{
    (void)dx;
    (void)dr;
    (void)dgate;
    (void)dy;
    (void)r;
    (void)gate;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "gate_bwd is not written yet");
}

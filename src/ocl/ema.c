#include "ocl/ocl.h"

drift_status ocl_ema(drift_context *ctx, tensor *e, const tensor *p, float decay)
{
    (void)e;
    (void)p;
    (void)decay;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "ema is not written yet");
}

#include "ocl/ocl.h"

drift_status ocl_adamw(drift_context *ctx, tensor *p, tensor *m, tensor *v, const tensor *g,
    adamw_args args)
{
    (void)p;
    (void)m;
    (void)v;
    (void)g;
    (void)args;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "adamw is not written yet");
}

#include "ocl/ocl.h"

drift_status ocl_attention_fwd(drift_context *ctx, tensor *o, tensor *lse, const tensor *q,
    const tensor *k, const tensor *v, float scale)
{
    (void)o;
    (void)lse;
    (void)q;
    (void)k;
    (void)v;
    (void)scale;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "attention_fwd is not written yet");
}

drift_status ocl_attention_bwd(drift_context *ctx, tensor *dq, tensor *dk, tensor *dv, const tensor *dout,
    const tensor *q, const tensor *k, const tensor *v, const tensor *o,
    const tensor *lse, float scale)
{
    (void)dq;
    (void)dk;
    (void)dv;
    (void)dout;
    (void)q;
    (void)k;
    (void)v;
    (void)o;
    (void)lse;
    (void)scale;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "attention_bwd is not written yet");
}

#include "ocl/ocl.h"

drift_status ocl_patchify_fwd(drift_context *ctx, tensor *tokens, const tensor *image, int p, int order)
{
    (void)tokens;
    (void)image;
    (void)p;
    (void)order;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "patchify_fwd is not written yet");
}

drift_status ocl_patchify_bwd(drift_context *ctx, tensor *dimage, const tensor *dtokens, int p,
    int order)
{
    (void)dimage;
    (void)dtokens;
    (void)p;
    (void)order;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "patchify_bwd is not written yet");
}

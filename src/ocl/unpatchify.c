#include "ocl/ocl.h"

drift_status ocl_unpatchify_fwd(drift_context *ctx, tensor *image, const tensor *tokens, int p, int order)
{
    (void)image;
    (void)tokens;
    (void)p;
    (void)order;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "unpatchify_fwd is not written yet");
}

drift_status ocl_unpatchify_bwd(drift_context *ctx, tensor *dtokens, const tensor *dimage, int p,
    int order)
{
    (void)dtokens;
    (void)dimage;
    (void)p;
    (void)order;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "unpatchify_bwd is not written yet");
}

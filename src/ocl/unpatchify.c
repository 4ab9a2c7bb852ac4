/* unpatchify: image [b,h,w,c] of tokens, the reverse of patchify. */
#include "ocl/patchify.h"

drift_status ocl_unpatchify_fwd(drift_context *ctx, tensor *image,
                                const tensor *tokens, int p, int order)
{
    return ocl_image_from_patches(ctx, image, tokens, p, order, 0);
}

drift_status ocl_unpatchify_bwd(drift_context *ctx, tensor *dtokens,
                                const tensor *dimage, int p, int order)
{
    if (!dtokens)
        return DRIFT_OK;
    return ocl_patches_from_image(ctx, dtokens, dimage, p, order,
                                  !dtokens->fresh);
}

/* unpatchify: image [b,h,w,c] of tokens, the reverse of patchify. */
#include "cpu/patchify.h"

drift_status cpu_unpatchify_fwd(drift_context *ctx, tensor *image,
                                const tensor *tokens, int p, int order)
{
    (void)ctx;
    image_from_patches(image, tokens, p, order, 0);
    return DRIFT_OK;
}

drift_status cpu_unpatchify_bwd(drift_context *ctx, tensor *dtokens,
                                const tensor *dimage, int p, int order)
{
    (void)ctx;
    if (dtokens)
        patches_from_image(dtokens, dimage, p, order, !dtokens->fresh);
    return DRIFT_OK;
}

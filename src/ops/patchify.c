/* Shape checks of patchify and unpatchify: image [b,h,w,c], tokens
 * [b,(h/p)(w/p),p*p*c]. */
#include "ops/check.h"

static drift_status check(drift_context *ctx, const char *op,
                          const tensor *image, const tensor *tokens, int p,
                          int order)
{
    if (!image || !tokens)
        return DRIFT_OK;
    const size_t *dim = image->shape.dim;
    if (image->shape.ndim != 4 || p < 1 || dim[1] % (size_t)p ||
        dim[2] % (size_t)p)
        return check_failed(ctx, op,
                            "the image is not [b,h,w,c] of whole patches",
                            image, NULL);
    size_t side = (size_t)p;
    if (!shape_equal(tokens->shape,
                     SHAPE(dim[0], dim[1] / side * (dim[2] / side),
                           side * side * dim[3])))
        return check_failed(ctx, op, "the tokens do not fit the image", image,
                            tokens, NULL);
    if (order != PATCH_PIXEL_MAJOR && order != PATCH_CHANNEL_MAJOR)
        return check_failed(ctx, op, "unknown order", image, NULL);
    return DRIFT_OK;
}

drift_status check_patchify_fwd(drift_context *ctx, tensor *tokens,
                                const tensor *image, int p, int order)
{
    return check(ctx, "patchify", image, tokens, p, order);
}

drift_status check_patchify_bwd(drift_context *ctx, tensor *dimage,
                                const tensor *dtokens, int p, int order)
{
    return check(ctx, "patchify", dimage, dtokens, p, order);
}

drift_status check_unpatchify_fwd(drift_context *ctx, tensor *image,
                                  const tensor *tokens, int p, int order)
{
    return check(ctx, "unpatchify", image, tokens, p, order);
}

drift_status check_unpatchify_bwd(drift_context *ctx, tensor *dtokens,
                                  const tensor *dimage, int p, int order)
{
    return check(ctx, "unpatchify", dimage, dtokens, p, order);
}

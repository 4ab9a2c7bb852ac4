/* patchify: tokens [b,(h/p)(w/p),p*p*c] of image [b,h,w,c]. */
#include "ocl/patchify.h"

/* The arguments that both kernels end with, then the launch. */
static drift_status move(ocl_launch *l, const tensor *image, int p, int order)
{
    const size_t *dim = image->shape.dim;
    size_t side = (size_t)p, rows = dim[0] * dim[1], across = dim[2] / side;
    ocl_size(l, rows);
    ocl_size(l, across);
    ocl_size(l, side);
    ocl_size(l, dim[3]);
    ocl_int(l, order);
    return ocl_box(l, side * dim[3], across, rows);
}

drift_status ocl_patches_from_image(drift_context *ctx, tensor *tokens,
                                    const tensor *image, int p, int order,
                                    int add)
{
    ocl_launch l = ocl_begin(ctx, "patchify", "patchify");
    ocl_target(&l, tokens, add);
    ocl_tensor(&l, image);
    return move(&l, image, p, order);
}

drift_status ocl_image_from_patches(drift_context *ctx, tensor *image,
                                    const tensor *tokens, int p, int order,
                                    int add)
{
    ocl_launch l = ocl_begin(ctx, "unpatchify", "unpatchify");
    ocl_target(&l, image, add);
    ocl_tensor(&l, tokens);
    return move(&l, image, p, order);
}

drift_status ocl_patchify_fwd(drift_context *ctx, tensor *tokens,
                              const tensor *image, int p, int order)
{
    return ocl_patches_from_image(ctx, tokens, image, p, order, 0);
}

drift_status ocl_patchify_bwd(drift_context *ctx, tensor *dimage,
                              const tensor *dtokens, int p, int order)
{
    if (!dimage)
        return DRIFT_OK;
    return ocl_image_from_patches(ctx, dimage, dtokens, p, order,
                                  !dimage->fresh);
}

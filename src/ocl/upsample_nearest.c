/* upsample_nearest: every location of x [n,h,w,c] repeated by whole factors. */
#include "ocl/ocl.h"

drift_status ocl_upsample_nearest_fwd(drift_context *ctx, tensor *y,
                                      const tensor *x)
{
    const size_t *to = y->shape.dim, *from = x->shape.dim;
    if (!tensor_count(y))
        return DRIFT_OK;
    ocl_launch l = ocl_begin(ctx, "upsample_nearest", "upsample_nearest_fwd");
    ocl_tensor(&l, y);
    ocl_tensor(&l, x);
    ocl_size(&l, from[0] * from[1]);
    ocl_size(&l, from[2]);
    ocl_size(&l, from[3]);
    ocl_size(&l, to[1] / from[1]);
    ocl_size(&l, to[2] / from[2]);
    return ocl_box(&l, to[3], to[2], to[0] * to[1]);
}

drift_status ocl_upsample_nearest_bwd(drift_context *ctx, tensor *dx,
                                      const tensor *dy)
{
    if (!dx || !tensor_count(dx))
        return DRIFT_OK;
    const size_t *to = dx->shape.dim, *from = dy->shape.dim;
    ocl_launch l = ocl_begin(ctx, "upsample_nearest", "upsample_nearest_bwd");
    ocl_gradient(&l, dx);
    ocl_tensor(&l, dy);
    ocl_size(&l, to[0] * to[1]);
    ocl_size(&l, to[2]);
    ocl_size(&l, to[3]);
    ocl_size(&l, from[1] / to[1]);
    ocl_size(&l, from[2] / to[2]);
    return ocl_box(&l, to[3], to[2], to[0] * to[1]);
}

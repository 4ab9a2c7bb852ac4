/* upsample_nearest: every location of x [n,h,w,c] repeated by whole factors. */
#include "ocl/ocl.h"

/* The arguments that both kernels end with, then the launch. */
static drift_status run(ocl_launch *l, const tensor *large, const tensor *small,
                        size_t n)
{
    const size_t *to = large->shape.dim, *from = small->shape.dim;
    if (!n)
        return l->status;
    ocl_size(l, n);
    ocl_size(l, from[2]);
    ocl_size(l, from[3]);
    ocl_size(l, to[1] / from[1]);
    ocl_size(l, to[2] / from[2]);
    return ocl_each(l, n);
}

drift_status ocl_upsample_nearest_fwd(drift_context *ctx, tensor *y,
                                      const tensor *x)
{
    ocl_launch l = ocl_begin(ctx, "upsample_nearest", "upsample_nearest_fwd");
    ocl_tensor(&l, y);
    ocl_tensor(&l, x);
    return run(&l, y, x, tensor_count(y));
}

drift_status ocl_upsample_nearest_bwd(drift_context *ctx, tensor *dx,
                                      const tensor *dy)
{
    if (!dx)
        return DRIFT_OK;
    ocl_launch l = ocl_begin(ctx, "upsample_nearest", "upsample_nearest_bwd");
    ocl_gradient(&l, dx);
    ocl_tensor(&l, dy);
    return run(&l, dy, dx, tensor_count(dx));
}

/* avgpool: the mean of each window, of what lies on the map; both ways an item
 * for four channels. */
#include "ocl/ocl.h"

static void give_sizes(ocl_launch *l, const tensor *x, const tensor *y,
                       pool_args args)
{
    const size_t *from = x->shape.dim, *to = y->shape.dim;
    for (int i = 0; i < 4; i++)
        ocl_size(l, from[i]);
    ocl_size(l, to[1]);
    ocl_size(l, to[2]);
    ocl_bytes(l, &args, sizeof args);
}

drift_status ocl_avgpool_fwd(drift_context *ctx, tensor *y, const tensor *x,
                             pool_args args)
{
    const size_t *to = y->shape.dim;
    ocl_launch l = ocl_begin(ctx, "avgpool", "avgpool_fwd");
    ocl_tensor(&l, y);
    ocl_tensor(&l, x);
    give_sizes(&l, x, y, args);
    return ocl_box(&l, (to[3] + 3) / 4, to[2], to[0] * to[1]);
}

drift_status ocl_avgpool_bwd(drift_context *ctx, tensor *dx, const tensor *dy,
                             pool_args args)
{
    if (!dx)
        return DRIFT_OK;
    const size_t *to = dx->shape.dim;
    ocl_launch l = ocl_begin(ctx, "avgpool", "avgpool_bwd");
    ocl_gradient(&l, dx);
    ocl_tensor(&l, dy);
    give_sizes(&l, dx, dy, args);
    return ocl_box(&l, (to[3] + 3) / 4, to[2], to[0] * to[1]);
}

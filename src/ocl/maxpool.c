/* maxpool: the largest number of each window, and which of the window it was;
 * backward an item for four numbers of dx. */
#include "ocl/ocl.h"

static void give_sizes(ocl_launch *l, const tensor *x, const tensor *y,
                       pool_args args)
{
    const size_t *from = x->shape.dim, *to = y->shape.dim;
    ocl_size(l, from[0]);
    ocl_size(l, from[1]);
    ocl_size(l, from[2]);
    ocl_size(l, from[3]);
    ocl_size(l, to[1]);
    ocl_size(l, to[2]);
    ocl_bytes(l, &args, sizeof args);
}

drift_status ocl_maxpool_fwd(drift_context *ctx, tensor *y, tensor *index,
                             const tensor *x, pool_args args)
{
    const size_t *to = y->shape.dim;
    ocl_launch l = ocl_begin(ctx, "maxpool", "maxpool_fwd");
    ocl_tensor(&l, y);
    ocl_tensor(&l, index);
    ocl_tensor(&l, x);
    give_sizes(&l, x, y, args);
    return ocl_box(&l, (to[3] + 3) / 4, to[2], to[0] * to[1]);
}

drift_status ocl_maxpool_bwd(drift_context *ctx, tensor *dx, const tensor *dy,
                             const tensor *index, pool_args args)
{
    if (!dx)
        return DRIFT_OK;
    const size_t *to = dx->shape.dim;
    ocl_launch l = ocl_begin(ctx, "maxpool", "maxpool_bwd");
    ocl_gradient(&l, dx);
    ocl_tensor(&l, dy);
    ocl_tensor(&l, index);
    give_sizes(&l, dx, dy, args);
    return ocl_box(&l, (to[3] + 3) / 4, to[2], to[0] * to[1]);
}

/* swap: y[a,c,b,d] = x[a,b,c,d]. */
#include "ocl/ocl.h"

static drift_status move(drift_context *ctx, tensor *y, const tensor *x,
                         int add)
{
    const size_t *dim = x->shape.dim;
    int tiles = dim[3] == 1;
    ocl_launch l = ocl_begin(ctx, "swap", tiles ? "swap_tiles" : "swap_rows");
    ocl_target(&l, y, add);
    ocl_tensor(&l, x);
    ocl_size(&l, dim[0]);
    ocl_size(&l, dim[1]);
    ocl_size(&l, dim[2]);
    if (tiles)
        return ocl_tiles(&l, dim[2], dim[1], dim[0]);
    ocl_size(&l, dim[3]);
    return ocl_box(&l, dim[3], dim[1], dim[0] * dim[2]);
}

drift_status ocl_swap_fwd(drift_context *ctx, tensor *y, const tensor *x)
{
    return move(ctx, y, x, 0);
}

drift_status ocl_swap_bwd(drift_context *ctx, tensor *dx, const tensor *dy)
{
    return dx ? move(ctx, dx, dy, !dx->fresh) : DRIFT_OK;
}

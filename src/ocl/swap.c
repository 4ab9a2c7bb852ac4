/* swap: y[a,c,b,d] = x[a,b,c,d]. */
#include "ocl/ocl.h"

static drift_status move(drift_context *ctx, tensor *y, const tensor *x,
                         int add)
{
    const size_t *dim = x->shape.dim;
    size_t n = tensor_count(x), side = ocl_of(ctx)->shape.tile;
    int tiles = dim[3] == 1;
    ocl_launch l = ocl_begin(ctx, "swap", tiles ? "swap_tiles" : "swap_rows");
    ocl_tensor(&l, y);
    ocl_int(&l, add);
    ocl_tensor(&l, x);
    if (!tiles)
        ocl_size(&l, n);
    ocl_size(&l, dim[1]);
    ocl_size(&l, dim[2]);
    if (tiles) {
        size_t across = (dim[2] + side - 1) / side;
        size_t down = (dim[1] + side - 1) / side;
        return ocl_run(&l, 2, (size_t[3]){dim[0] * down * across, 1},
                       (size_t[3]){side, side});
    }
    ocl_size(&l, dim[3]);
    return ocl_each(&l, n);
}

drift_status ocl_swap_fwd(drift_context *ctx, tensor *y, const tensor *x)
{
    return move(ctx, y, x, 0);
}

drift_status ocl_swap_bwd(drift_context *ctx, tensor *dx, const tensor *dy)
{
    return dx ? move(ctx, dx, dy, !dx->fresh) : DRIFT_OK;
}

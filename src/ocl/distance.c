/* distance: tiles of pairs (cl/distance.cl). */
#include "ocl/ocl.h"

/* A group for each tile of `count` matrices [rows,columns]. */
static drift_status run_tiles(ocl_launch *l, size_t count, size_t rows,
                              size_t columns)
{
    size_t tile = ocl_of(l->ctx)->shape.tile, side = 4 * tile;
    size_t down = (rows + side - 1) / side;
    size_t across = (columns + side - 1) / side;
    size_t groups[3] = {count * down * across, 1}, local[3] = {tile, tile};
    return ocl_run(l, 2, groups, local);
}

drift_status ocl_distance_fwd(drift_context *ctx, tensor *d, const tensor *x,
                              const tensor *y)
{
    size_t n = x->shape.dim[1], t = y->shape.dim[1];
    ocl_launch l = ocl_begin(ctx, "distance", "distance_fwd");
    ocl_tensor(&l, d);
    ocl_tensor(&l, x);
    ocl_tensor(&l, y);
    ocl_size(&l, n);
    ocl_size(&l, t);
    ocl_size(&l, x->shape.dim[2]);
    ocl_flops(&l, 3 * (double)tensor_count(d) * (double)x->shape.dim[2]);
    return run_tiles(&l, x->shape.dim[0], n, t);
}

/* What the points y do to the points x. */
static drift_status pull(drift_context *ctx, tensor *dx, const tensor *dd,
                         const tensor *d, const tensor *x, const tensor *y,
                         int transposed)
{
    size_t n = x->shape.dim[1], size = x->shape.dim[2];
    ocl_launch l = ocl_begin(ctx, "distance", "distance_bwd");
    ocl_gradient(&l, dx);
    ocl_tensor(&l, dd);
    ocl_tensor(&l, d);
    ocl_tensor(&l, x);
    ocl_tensor(&l, y);
    ocl_size(&l, n);
    ocl_size(&l, y->shape.dim[1]);
    ocl_size(&l, size);
    ocl_int(&l, transposed);
    ocl_flops(&l, 3 * (double)tensor_count(d) * (double)size);
    return run_tiles(&l, x->shape.dim[0], n, size);
}

drift_status ocl_distance_bwd(drift_context *ctx, tensor *dx, tensor *dy,
                              const tensor *dd, const tensor *x,
                              const tensor *y, const tensor *d)
{
    drift_status status = DRIFT_OK;
    if (dx)
        TRY(pull(ctx, dx, dd, d, x, y, 0));
    if (dy)
        TRY(pull(ctx, dy, dd, d, y, x, 1));
out:
    return status;
}

/* expand: y[b,t,c] = x[b,c] for every t. */
#include "ocl/map.h"

drift_status ocl_expand_fwd(drift_context *ctx, tensor *y, const tensor *x)
{
    const size_t *dim = y->shape.dim;
    ocl_launch l = ocl_begin(ctx, "expand", "expand_fwd");
    ocl_tensor(&l, y);
    ocl_tensor(&l, x);
    ocl_size(&l, dim[0]);
    ocl_size(&l, dim[1]);
    ocl_size(&l, dim[2]);
    return ocl_box(&l, dim[2], dim[1], dim[0]);
}

drift_status ocl_expand_bwd(drift_context *ctx, tensor *dx, const tensor *dy)
{
    const size_t *dim = dy->shape.dim;
    if (!dx)
        return DRIFT_OK;
    ocl_launch l = ocl_begin(ctx, "expand", "expand_bwd");
    ocl_gradient(&l, dx);
    ocl_tensor(&l, dy);
    ocl_size(&l, dim[1]);
    ocl_size(&l, dim[2]);
    return ocl_columns(&l, dim[0], dim[1], dim[2]);
}

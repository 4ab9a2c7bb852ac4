/* expand: y[b,t,c] = x[b,c] for every t. */
#include "ocl/ocl.h"

drift_status ocl_expand_fwd(drift_context *ctx, tensor *y, const tensor *x)
{
    size_t n = tensor_count(y);
    ocl_launch l = ocl_begin(ctx, "expand", "expand_fwd");
    ocl_tensor(&l, y);
    ocl_tensor(&l, x);
    ocl_size(&l, n);
    ocl_size(&l, y->shape.dim[1]);
    ocl_size(&l, y->shape.dim[2]);
    return ocl_each(&l, n);
}

drift_status ocl_expand_bwd(drift_context *ctx, tensor *dx, const tensor *dy)
{
    if (!dx)
        return DRIFT_OK;
    ocl_launch l = ocl_begin(ctx, "expand", "expand_bwd");
    ocl_gradient(&l, dx);
    ocl_tensor(&l, dy);
    ocl_size(&l, dy->shape.dim[1]);
    ocl_size(&l, dy->shape.dim[2]);
    return ocl_columns(&l, dy->shape.dim[0], dy->shape.dim[2]);
}

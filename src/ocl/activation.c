/* activation: y = f(x). */
#include "ocl/ocl.h"

drift_status ocl_activation_fwd(drift_context *ctx, tensor *y, const tensor *x,
                                int kind)
{
    size_t n = tensor_count(x);
    ocl_launch l = ocl_begin(ctx, "activation", "activation_fwd");
    ocl_tensor(&l, y);
    ocl_tensor(&l, x);
    ocl_size(&l, n);
    ocl_int(&l, kind);
    return ocl_each(&l, n);
}

drift_status ocl_activation_bwd(drift_context *ctx, tensor *dx,
                                const tensor *dy, const tensor *x, int kind)
{
    if (!dx)
        return DRIFT_OK;
    size_t n = tensor_count(x);
    ocl_launch l = ocl_begin(ctx, "activation", "activation_bwd");
    ocl_gradient(&l, dx);
    ocl_tensor(&l, dy);
    ocl_tensor(&l, x);
    ocl_size(&l, n);
    ocl_int(&l, kind);
    return ocl_each(&l, n);
}

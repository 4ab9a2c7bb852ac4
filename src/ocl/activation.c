/* activation: y = f(x). */
#include "ocl/ocl.h"

static const char *const kernels[ACT_COUNT][2] = {
    [ACT_SILU] = {"silu_fwd", "silu_bwd"},
    [ACT_GELU_ERF] = {"gelu_erf_fwd", "gelu_erf_bwd"},
    [ACT_GELU_TANH] = {"gelu_tanh_fwd", "gelu_tanh_bwd"},
    [ACT_RELU] = {"relu_fwd", "relu_bwd"},
    [ACT_TANH] = {"tanh_fwd", "tanh_bwd"},
};

drift_status ocl_activation_fwd(drift_context *ctx, tensor *y, const tensor *x,
                                int kind)
{
    size_t n = tensor_count(x);
    ocl_launch l = ocl_begin(ctx, "activation", kernels[kind][0]);
    ocl_tensor(&l, y);
    ocl_tensor(&l, x);
    ocl_size(&l, n);
    return ocl_each(&l, n);
}

drift_status ocl_activation_bwd(drift_context *ctx, tensor *dx,
                                const tensor *dy, const tensor *x, int kind)
{
    if (!dx)
        return DRIFT_OK;
    size_t n = tensor_count(x);
    ocl_launch l = ocl_begin(ctx, "activation", kernels[kind][1]);
    ocl_gradient(&l, dx);
    ocl_tensor(&l, dy);
    ocl_tensor(&l, x);
    ocl_size(&l, n);
    return ocl_each(&l, n);
}

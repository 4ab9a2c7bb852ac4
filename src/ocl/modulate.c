/* modulate: y[b,t,c] = x[b,t,c] (1 + scale[b,c]) + shift[b,c]. */
#include "ocl/ocl.h"

drift_status ocl_modulate_fwd(drift_context *ctx, tensor *y, const tensor *x,
                              const tensor *shift, const tensor *scale)
{
    size_t n = tensor_count(x), all = tensor_count(scale);
    ocl_launch l = ocl_begin(ctx, "modulate", "modulate_fwd");
    ocl_tensor(&l, y);
    ocl_tensor(&l, x);
    ocl_tensor(&l, shift);
    ocl_tensor(&l, scale);
    ocl_size(&l, n);
    ocl_size(&l, all ? n / all : 0);
    ocl_size(&l, scale->shape.dim[1]);
    return ocl_each(&l, n);
}

drift_status ocl_modulate_bwd(drift_context *ctx, tensor *dx, tensor *dshift,
                              tensor *dscale, const tensor *dy, const tensor *x,
                              const tensor *scale)
{
    size_t samples = scale->shape.dim[0], c = scale->shape.dim[1];
    size_t all = samples * c;
    ocl_launch l = ocl_begin(ctx, "modulate", "modulate_bwd");
    ocl_gradient(&l, dx);
    ocl_gradient(&l, dshift);
    ocl_gradient(&l, dscale);
    ocl_tensor(&l, dy);
    ocl_tensor(&l, x);
    ocl_tensor(&l, scale);
    ocl_size(&l, all ? tensor_count(dy) / all : 0);
    ocl_size(&l, c);
    return ocl_columns(&l, samples, c);
}

/* modulate: y[b,t,c] = x[b,t,c] (1 + scale[b,c]) + shift[b,c]. */
#include "ocl/map.h"

static size_t positions_of(const tensor *map, const tensor *scale)
{
    size_t all = tensor_count(scale);
    return all ? tensor_count(map) / all : 0;
}

drift_status ocl_modulate_fwd(drift_context *ctx, tensor *y, const tensor *x,
                              const tensor *shift, const tensor *scale)
{
    size_t samples = scale->shape.dim[0], c = scale->shape.dim[1];
    size_t positions = positions_of(x, scale);
    ocl_launch l = ocl_begin(ctx, "modulate", "modulate_fwd");
    ocl_tensor(&l, y);
    ocl_tensor(&l, x);
    ocl_tensor(&l, shift);
    ocl_tensor(&l, scale);
    ocl_size(&l, samples);
    ocl_size(&l, positions);
    ocl_size(&l, c);
    return ocl_box(&l, c, positions, samples);
}

drift_status ocl_modulate_bwd(drift_context *ctx, tensor *dx, tensor *dshift,
                              tensor *dscale, const tensor *dy, const tensor *x,
                              const tensor *scale)
{
    size_t samples = scale->shape.dim[0], c = scale->shape.dim[1];
    size_t positions = positions_of(dy, scale);
    ocl_launch l = ocl_begin(ctx, "modulate", "modulate_bwd");
    ocl_gradient(&l, dx);
    ocl_gradient(&l, dshift);
    ocl_gradient(&l, dscale);
    ocl_tensor(&l, dy);
    ocl_tensor(&l, x);
    ocl_tensor(&l, scale);
    ocl_size(&l, positions);
    ocl_size(&l, c);
    return ocl_columns(&l, samples, positions, c);
}

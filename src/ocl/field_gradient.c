/* field_gradient: y = factor v / s. */
#include "ocl/ocl.h"
#include "ops/field.h"

drift_status ocl_field_gradient(drift_context *ctx, tensor *y, const tensor *v,
                                const tensor *stats, field_args args,
                                float factor)
{
    size_t n = tensor_count(v), d = v->shape.dim[v->shape.ndim - 1];
    ocl_launch l = ocl_begin(ctx, "field_gradient", "field_gradient");
    ocl_tensor(&l, y);
    ocl_tensor(&l, v);
    ocl_tensor(&l, stats);
    ocl_size(&l, n);
    ocl_int(&l, args.temperatures);
    ocl_float(&l, sqrtf((float)d));
    ocl_int(&l, field_scales_features(&args));
    ocl_float(&l, factor);
    return ocl_each(&l, n);
}

/* fill: y = value. */
#include "ocl/ocl.h"

drift_status ocl_fill(drift_context *ctx, tensor *y, float value)
{
    size_t n = tensor_count(y);
    ocl_launch l = ocl_begin(ctx, "fill", "fill");
    ocl_tensor(&l, y);
    ocl_size(&l, n);
    ocl_float(&l, value);
    return ocl_each(&l, n);
}

drift_status ocl_begin_gradient(drift_context *ctx, tensor *gradient)
{
    return gradient && gradient->fresh ? ocl_fill(ctx, gradient, 0) : DRIFT_OK;
}

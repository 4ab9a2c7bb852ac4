/* clip: the factor that bounds the norm of a gradient. */
#include "ocl/ocl.h"

drift_status ocl_clip(drift_context *ctx, tensor *scale, const tensor *squares,
                      float max)
{
    ocl_launch l = ocl_begin(ctx, "clip", "clip");
    ocl_tensor(&l, scale);
    ocl_tensor(&l, squares);
    ocl_size(&l, tensor_count(squares));
    ocl_float(&l, max);
    return ocl_run(&l, 1, (size_t[3]){1}, (size_t[3]){1});
}

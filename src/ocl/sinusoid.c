/* sinusoid: cosines, then sines, of x at the frequencies f. */
#include "ocl/ocl.h"

drift_status ocl_sinusoid(drift_context *ctx, tensor *y, const tensor *x,
                          const tensor *f)
{
    size_t b = tensor_count(x), h = tensor_count(f);
    ocl_launch l = ocl_begin(ctx, "sinusoid", "sinusoid");
    ocl_tensor(&l, y);
    ocl_tensor(&l, x);
    ocl_tensor(&l, f);
    ocl_size(&l, b);
    ocl_size(&l, h);
    return ocl_box(&l, h, b, 1);
}

/* ema: e = decay e + (1 - decay) p. */
#include "ocl/ocl.h"

drift_status ocl_ema(drift_context *ctx, tensor *e, const tensor *p,
                     const tensor *scale, float decay)
{
    size_t n = tensor_count(e);
    ocl_launch l = ocl_begin(ctx, "ema", "ema");
    ocl_update(&l, e);
    ocl_tensor(&l, p);
    ocl_tensor(&l, scale);
    ocl_size(&l, n);
    ocl_float(&l, decay);
    ocl_float(&l, (float)(1 - (double)decay));
    return ocl_each(&l, n);
}

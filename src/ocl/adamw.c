/* adamw: p, m, v updated in place from g. */
#include "ocl/ocl.h"

drift_status ocl_adamw(drift_context *ctx, tensor *p, tensor *m, tensor *v,
                       const tensor *g, const tensor *scale, adamw_args args)
{
    size_t n = tensor_count(p);
    ocl_launch l = ocl_begin(ctx, "adamw", "adamw");
    ocl_tensor(&l, p);
    ocl_tensor(&l, m);
    ocl_tensor(&l, v);
    ocl_tensor(&l, g);
    ocl_tensor(&l, scale);
    ocl_size(&l, n);
    ocl_bytes(&l, &args, sizeof args);
    return ocl_each(&l, n);
}

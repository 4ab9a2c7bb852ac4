/* swiglu: y = silu(a) b. */
#include "ocl/ocl.h"

drift_status ocl_swiglu_fwd(drift_context *ctx, tensor *y, const tensor *a,
                            const tensor *b)
{
    size_t n = tensor_count(y);
    ocl_launch l = ocl_begin(ctx, "swiglu", "swiglu_fwd");
    ocl_tensor(&l, y);
    ocl_tensor(&l, a);
    ocl_tensor(&l, b);
    ocl_size(&l, n);
    return ocl_each(&l, n);
}

drift_status ocl_swiglu_bwd(drift_context *ctx, tensor *da, tensor *db,
                            const tensor *dy, const tensor *a, const tensor *b)
{
    if (!da && !db)
        return DRIFT_OK;
    size_t n = tensor_count(dy);
    ocl_launch l = ocl_begin(ctx, "swiglu", "swiglu_bwd");
    ocl_gradient(&l, da);
    ocl_gradient(&l, db);
    ocl_tensor(&l, dy);
    ocl_tensor(&l, a);
    ocl_tensor(&l, b);
    ocl_size(&l, n);
    return ocl_each(&l, n);
}

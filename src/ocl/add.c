/* add: y = alpha a + beta b, b repeated every count(b) elements. */
#include "ocl/ocl.h"

drift_status ocl_add_fwd(drift_context *ctx, tensor *y, const tensor *a,
                         const tensor *b, float alpha, float beta)
{
    size_t n = tensor_count(a), m = b ? tensor_count(b) : n;
    size_t times = m ? n / m : 0;
    ocl_launch l = ocl_begin(ctx, "add", "add_fwd");
    ocl_tensor(&l, y);
    ocl_tensor(&l, a);
    ocl_tensor(&l, b);
    ocl_size(&l, m);
    ocl_size(&l, times);
    ocl_float(&l, alpha);
    ocl_float(&l, beta);
    return ocl_box(&l, m, times, 1);
}

drift_status ocl_add_bwd(drift_context *ctx, tensor *da, tensor *db,
                         const tensor *dy, float alpha, float beta)
{
    drift_status status = DRIFT_OK;
    size_t n = tensor_count(dy);
    if (da) {
        ocl_launch l = ocl_begin(ctx, "add", "add_bwd_a");
        ocl_gradient(&l, da);
        ocl_tensor(&l, dy);
        ocl_size(&l, n);
        ocl_float(&l, alpha);
        TRY(ocl_each(&l, n));
    }
    if (db) {
        size_t m = tensor_count(db);
        ocl_launch l = ocl_begin(ctx, "add", "add_bwd_b");
        ocl_gradient(&l, db);
        ocl_tensor(&l, dy);
        ocl_size(&l, n);
        ocl_size(&l, m);
        ocl_float(&l, beta);
        TRY(ocl_each(&l, m));
    }
out:
    return status;
}

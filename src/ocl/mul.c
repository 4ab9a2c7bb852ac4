/* mul: y = a b, b repeated every count(b) elements; its gradient is summed in
 * chunks of the repeats. */
#include "ocl/map.h"

#define CHUNKS 256

drift_status ocl_mul_fwd(drift_context *ctx, tensor *y, const tensor *a,
                         const tensor *b)
{
    size_t m = tensor_count(b), times = tensor_count(a) / m;
    ocl_launch l = ocl_begin(ctx, "mul", "mul_fwd");
    ocl_tensor(&l, y);
    ocl_tensor(&l, a);
    ocl_tensor(&l, b);
    ocl_size(&l, m);
    ocl_size(&l, times);
    return ocl_box(&l, m, times, 1);
}

static drift_status give_db(drift_context *ctx, tensor *db, const tensor *dy,
                            const tensor *a)
{
    drift_status status = DRIFT_OK;
    size_t m = tensor_count(db), times = tensor_count(dy) / m;
    ocl_column_cut s = ocl_columns_of(ctx, times, m, OCL_EACH_SUM, CHUNKS);
    tensor parts = {0};
    TRY(tensor_new(ctx, &parts, DTYPE_F32, SHAPE(s.chunks, m)));
    ocl_launch l = ocl_begin(ctx, "mul", "mul_bwd_b");
    ocl_tensor(&l, &parts);
    ocl_tensor(&l, dy);
    ocl_tensor(&l, a);
    ocl_size(&l, m);
    ocl_size(&l, times);
    ocl_size(&l, s.step);
    ocl_size(&l, s.chunks);
    TRY(ocl_columns_run(&l, s, 1));
    TRY(ocl_columns_add(ctx, db, &parts, s.chunks, m));
out:
    tensor_free(ctx, &parts);
    return status;
}

drift_status ocl_mul_bwd(drift_context *ctx, tensor *da, tensor *db,
                         const tensor *dy, const tensor *a, const tensor *b)
{
    drift_status status = DRIFT_OK;
    if (da) {
        size_t m = tensor_count(b), times = tensor_count(dy) / m;
        ocl_launch l = ocl_begin(ctx, "mul", "mul_bwd_a");
        ocl_gradient(&l, da);
        ocl_tensor(&l, dy);
        ocl_tensor(&l, b);
        ocl_size(&l, m);
        ocl_size(&l, times);
        TRY(ocl_box(&l, m, times, 1));
    }
    if (db)
        TRY(give_db(ctx, db, dy, a));
out:
    return status;
}

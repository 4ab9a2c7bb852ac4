/* rmsnorm: rows for y and dx; dw is summed in chunks of rows. */
#include "ocl/map.h"

#define CHUNKS 256

drift_status ocl_rmsnorm_fwd(drift_context *ctx, tensor *y, tensor *rstd,
                             const tensor *x, const tensor *w, float eps)
{
    size_t c = tensor_count(w), rows = tensor_count(rstd);
    ocl_launch l = ocl_begin(ctx, "rmsnorm", "rmsnorm_fwd");
    ocl_tensor(&l, y);
    ocl_tensor(&l, rstd);
    ocl_tensor(&l, x);
    ocl_tensor(&l, w);
    ocl_size(&l, rows);
    ocl_size(&l, c);
    ocl_float(&l, eps);
    return ocl_rows(&l, rows, c);
}

static drift_status give_dw(drift_context *ctx, tensor *dw, const tensor *dy,
                            const tensor *x, const tensor *rstd)
{
    drift_status status = DRIFT_OK;
    size_t c = tensor_count(dw), rows = tensor_count(rstd);
    ocl_column_cut s = ocl_columns_of(ctx, rows, c, OCL_EACH_SUM, CHUNKS);
    tensor parts = {0};
    TRY(tensor_new(ctx, &parts, DTYPE_F32, SHAPE(s.chunks, c)));
    ocl_launch l = ocl_begin(ctx, "rmsnorm", "rmsnorm_bwd_w");
    ocl_tensor(&l, &parts);
    ocl_tensor(&l, dy);
    ocl_tensor(&l, x);
    ocl_tensor(&l, rstd);
    ocl_size(&l, rows);
    ocl_size(&l, c);
    ocl_size(&l, s.step);
    ocl_size(&l, s.chunks);
    TRY(ocl_columns_run(&l, s, 1));
    TRY(ocl_columns_add(ctx, dw, &parts, s.chunks, c));
out:
    tensor_free(ctx, &parts);
    return status;
}

drift_status ocl_rmsnorm_bwd(drift_context *ctx, tensor *dx, tensor *dw,
                             const tensor *dy, const tensor *x, const tensor *w,
                             const tensor *rstd)
{
    drift_status status = DRIFT_OK;
    size_t c = tensor_count(w), rows = tensor_count(rstd);
    if (dx) {
        ocl_launch l = ocl_begin(ctx, "rmsnorm", "rmsnorm_bwd_x");
        ocl_gradient(&l, dx);
        ocl_tensor(&l, dy);
        ocl_tensor(&l, x);
        ocl_tensor(&l, w);
        ocl_tensor(&l, rstd);
        ocl_size(&l, rows);
        ocl_size(&l, c);
        TRY(ocl_rows(&l, rows, c));
    }
    if (dw)
        TRY(give_dw(ctx, dw, dy, x, rstd));
out:
    return status;
}

/* layernorm: rows for y and dx; dw and db are summed in chunks of rows. */
#include "ocl/map.h"
#include "ops/check.h"

#define CHUNKS 256

drift_status ocl_layernorm_fwd(drift_context *ctx, tensor *y, tensor *mean,
                               tensor *rstd, const tensor *x, const tensor *w,
                               const tensor *b, float eps, float eps_std)
{
    size_t c = last_dim(x), rows = tensor_count(mean);
    ocl_launch l = ocl_begin(ctx, "layernorm", "layernorm_fwd");
    ocl_tensor(&l, y);
    ocl_tensor(&l, mean);
    ocl_tensor(&l, rstd);
    ocl_tensor(&l, x);
    ocl_tensor(&l, w);
    ocl_tensor(&l, b);
    ocl_size(&l, rows);
    ocl_size(&l, c);
    ocl_float(&l, eps);
    ocl_float(&l, eps_std);
    return ocl_rows(&l, rows, c);
}

static drift_status give_dw(drift_context *ctx, tensor *dw, tensor *db,
                            const tensor *dy, const tensor *x,
                            const tensor *mean, const tensor *rstd)
{
    drift_status status = DRIFT_OK;
    size_t c = last_dim(x), rows = tensor_count(rstd);
    ocl_column_cut s = ocl_columns_of(ctx, rows, c, OCL_EACH_SUM, CHUNKS);
    tensor parts = {0}; /* dw, then db, of each chunk */
    TRY(tensor_new(ctx, &parts, DTYPE_F32, SHAPE(2, s.chunks, c)));
    ocl_launch l = ocl_begin(ctx, "layernorm", "layernorm_bwd_w");
    ocl_tensor(&l, &parts);
    ocl_tensor(&l, dy);
    ocl_tensor(&l, x);
    ocl_tensor(&l, mean);
    ocl_tensor(&l, rstd);
    ocl_size(&l, rows);
    ocl_size(&l, c);
    ocl_size(&l, s.step);
    ocl_size(&l, s.chunks);
    TRY(ocl_columns_run(&l, s, 1));
    tensor second = tensor_view(&parts, s.chunks * c, SHAPE(s.chunks, c));
    if (dw)
        TRY(ocl_columns_add(ctx, dw, &parts, s.chunks, c));
    if (db)
        TRY(ocl_columns_add(ctx, db, &second, s.chunks, c));
out:
    tensor_free(ctx, &parts);
    return status;
}

drift_status ocl_layernorm_bwd(drift_context *ctx, tensor *dx, tensor *dw,
                               tensor *db, const tensor *dy, const tensor *x,
                               const tensor *w, const tensor *mean,
                               const tensor *rstd, float eps_std)
{
    drift_status status = DRIFT_OK;
    size_t c = last_dim(x), rows = tensor_count(mean);
    if (dx) {
        ocl_launch l = ocl_begin(ctx, "layernorm", "layernorm_bwd_x");
        ocl_gradient(&l, dx);
        ocl_tensor(&l, dy);
        ocl_tensor(&l, x);
        ocl_tensor(&l, w);
        ocl_tensor(&l, mean);
        ocl_tensor(&l, rstd);
        ocl_size(&l, rows);
        ocl_size(&l, c);
        ocl_float(&l, eps_std);
        TRY(ocl_rows(&l, rows, c));
    }
    if (dw || db)
        TRY(give_dw(ctx, dw, db, dy, x, mean, rstd));
out:
    return status;
}

/* linear: y[rows,out] = x[rows,in] w[in,out] + b[out]; x's dimensions before
 * the last are rows. */
#include "ocl/ocl.h"

drift_status ocl_add_bias(drift_context *ctx, tensor *y, const tensor *b)
{
    size_t n = tensor_count(b), rows = n ? tensor_count(y) / n : 0;
    ocl_launch l = ocl_begin(ctx, "linear", "add_bias");
    ocl_update(&l, y);
    ocl_tensor(&l, b);
    ocl_size(&l, rows);
    ocl_size(&l, n);
    return ocl_box(&l, n, rows, 1);
}

/* sum[j] (+)= x[j] + x[j + stride] + ... for j < stride */
static drift_status sum_strided(drift_context *ctx, tensor *sum, int add,
                                const tensor *x, size_t count, size_t stride)
{
    ocl_launch l = ocl_begin(ctx, "linear", "sum_strided");
    ocl_target(&l, sum, add);
    ocl_tensor(&l, x);
    ocl_size(&l, count);
    ocl_size(&l, stride);
    return ocl_each(&l, stride);
}

#define FEW_ROWS 32 /* summed at once */

drift_status ocl_sum_rows(drift_context *ctx, tensor *sum, int add,
                          const tensor *x, size_t rows, size_t n)
{
    drift_status status = DRIFT_OK;
    tensor sums = {0};
    size_t parts = FEW_ROWS / 2;
    if (rows <= FEW_ROWS)
        return sum_strided(ctx, sum, add, x, rows * n, n);
    /* About as many sums as terms in each. */
    while (parts * parts < rows)
        parts++;
    TRY(tensor_new(ctx, &sums, DTYPE_F32, SHAPE(parts, n)));
    TRY(sum_strided(ctx, &sums, 0, x, rows * n, parts * n));
    TRY(sum_strided(ctx, sum, add, &sums, parts * n, n));
out:
    tensor_free(ctx, &sums);
    return status;
}

drift_status ocl_linear_fwd(drift_context *ctx, tensor *y, const tensor *x,
                            const tensor *w, const tensor *b)
{
    drift_status status = DRIFT_OK;
    size_t in = w->shape.dim[0], out = w->shape.dim[1];
    size_t rows = out ? tensor_count(y) / out : 0;
    TRY(ocl_sgemm(ctx, (ocl_matrix){.tensor = y, .row = out},
                  (ocl_matrix){.tensor = x, .row = in},
                  (ocl_matrix){.tensor = w, .row = out}, 1, rows, out, in, 1,
                  0));
    if (b)
        TRY(ocl_add_bias(ctx, y, b));
out:
    return status;
}

drift_status ocl_linear_bwd(drift_context *ctx, tensor *dx, tensor *dw,
                            tensor *db, const tensor *dy, const tensor *x,
                            const tensor *w)
{
    drift_status status = DRIFT_OK;
    size_t in = w->shape.dim[0], out = w->shape.dim[1];
    size_t rows = out ? tensor_count(dy) / out : 0;
    ocl_matrix mx = {.tensor = x, .row = in}, mdy = {.tensor = dy, .row = out};
    if (dx)
        TRY(ocl_sgemm(ctx, (ocl_matrix){.tensor = dx, .row = in}, mdy,
                      (ocl_matrix){.tensor = w, .row = out, .transposed = 1}, 1,
                      tensor_count(dx) / (in ? in : 1), in, out, 1,
                      dx->fresh ? 0 : 1));
    if (dw)
        TRY(ocl_sum_products(ctx, dw, !dw->fresh, mx, mdy, in, out, rows));
    if (db)
        TRY(ocl_sum_rows(ctx, db, !db->fresh, dy, rows, out));
out:
    return status;
}

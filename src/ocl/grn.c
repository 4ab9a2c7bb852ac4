/* grn: sums of chunks of each channel, the norms of each sample, the map; and
 * the same three steps backward (cl/grn.cl). */
#include "ocl/map.h"
#include "ops/check.h"

typedef struct sizes {
    size_t n, rows, c; /* rows: positions of a sample */
} sizes;

static sizes sizes_of(const tensor *x)
{
    sizes s = {.n = x->shape.dim[0], .c = last_dim(x)};
    s.rows = s.n ? tensor_count(x) / (s.n * s.c) : 0;
    return s;
}

static void give_columns(ocl_launch *l, const sizes *s, ocl_column_cut cut)
{
    ocl_size(l, s->rows);
    ocl_size(l, s->c);
    ocl_size(l, cut.step);
    ocl_size(l, cut.chunks);
}

drift_status ocl_grn_fwd(drift_context *ctx, tensor *y, tensor *norm,
                         const tensor *x, const tensor *w, const tensor *b,
                         float eps)
{
    drift_status status = DRIFT_OK;
    sizes s = sizes_of(x);
    tensor parts = {0}, factor = {0};
    ocl_column_cut cut;
    TRY(ocl_columns_moments(ctx, &parts, &cut, x, s.n, s.rows, s.c));
    TRY(tensor_new(ctx, &factor, DTYPE_F32, SHAPE(s.n, s.c)));
    ocl_launch l = ocl_begin(ctx, "grn", "grn_norms");
    ocl_tensor(&l, &factor);
    ocl_tensor(&l, norm);
    ocl_tensor(&l, &parts);
    ocl_tensor(&l, w);
    ocl_size(&l, s.n);
    give_columns(&l, &s, cut);
    ocl_float(&l, eps);
    TRY(ocl_rows(&l, s.n, s.c));
    cut = ocl_columns_of(ctx, s.rows, s.c, OCL_EACH_COPY, 0);
    l = ocl_begin(ctx, "grn", "grn_fwd");
    ocl_tensor(&l, y);
    ocl_tensor(&l, x);
    ocl_tensor(&l, &factor);
    ocl_tensor(&l, b);
    give_columns(&l, &s, cut);
    TRY(ocl_columns_run(&l, cut, s.n));
out:
    tensor_free(ctx, &factor);
    tensor_free(ctx, &parts);
    return status;
}

/* lines [n,2,c] for dx, samples' shares of dw and db. */
static drift_status sums(drift_context *ctx, tensor *lines, tensor *dw_rows,
                         tensor *db_rows, const tensor *dy, const tensor *x,
                         const tensor *w, const tensor *norm, const sizes *s)
{
    drift_status status = DRIFT_OK;
    ocl_column_cut cut = ocl_columns_of(ctx, s->rows, s->c, OCL_EACH_SUM, 0);
    tensor parts = {0};
    TRY(tensor_new(ctx, &parts, DTYPE_F32, SHAPE(s->n, cut.chunks, 2, s->c)));
    ocl_launch l = ocl_begin(ctx, "grn", "grn_bwd_sums");
    ocl_tensor(&l, &parts);
    ocl_tensor(&l, dy);
    ocl_tensor(&l, x);
    give_columns(&l, s, cut);
    TRY(ocl_columns_run(&l, cut, s->n));
    l = ocl_begin(ctx, "grn", "grn_bwd_norms");
    ocl_tensor(&l, lines);
    ocl_tensor(&l, dw_rows);
    ocl_tensor(&l, db_rows);
    ocl_tensor(&l, &parts);
    ocl_tensor(&l, w);
    ocl_tensor(&l, norm);
    ocl_size(&l, s->n);
    ocl_size(&l, s->c);
    ocl_size(&l, cut.chunks);
    TRY(ocl_rows(&l, s->n, s->c));
out:
    tensor_free(ctx, &parts);
    return status;
}

drift_status ocl_grn_bwd(drift_context *ctx, tensor *dx, tensor *dw, tensor *db,
                         const tensor *dy, const tensor *x, const tensor *w,
                         const tensor *norm)
{
    drift_status status = DRIFT_OK;
    sizes s = sizes_of(x);
    tensor lines = {0}, dw_rows = {0}, db_rows = {0};
    TRY(tensor_new(ctx, &lines, DTYPE_F32, SHAPE(s.n, 2, s.c)));
    TRY(tensor_new(ctx, &dw_rows, DTYPE_F32, SHAPE(s.n, s.c)));
    TRY(tensor_new(ctx, &db_rows, DTYPE_F32, SHAPE(s.n, s.c)));
    TRY(sums(ctx, &lines, &dw_rows, &db_rows, dy, x, w, norm, &s));
    if (dw)
        TRY(ocl_columns_add(ctx, dw, &dw_rows, s.n, s.c));
    if (db)
        TRY(ocl_columns_add(ctx, db, &db_rows, s.n, s.c));
    if (dx) {
        ocl_column_cut cut = ocl_columns_of(ctx, s.rows, s.c, OCL_EACH_COPY, 0);
        ocl_launch l = ocl_begin(ctx, "grn", "grn_bwd_x");
        ocl_gradient(&l, dx);
        ocl_tensor(&l, dy);
        ocl_tensor(&l, x);
        ocl_tensor(&l, &lines);
        give_columns(&l, &s, cut);
        TRY(ocl_columns_run(&l, cut, s.n));
    }
out:
    tensor_free(ctx, &lines);
    tensor_free(ctx, &dw_rows);
    tensor_free(ctx, &db_rows);
    return status;
}

/* groupnorm: moments of chunks, statistics of groups, the map; and the same
 * three steps backward (cl/groupnorm.cl). */
#include "ocl/map.h"
#include "ops/check.h"

typedef struct sizes {
    size_t n, rows, c, groups, per; /* rows: positions of a sample */
} sizes;

static sizes sizes_of(const tensor *x, int groups)
{
    sizes s = {.n = x->shape.dim[0], .c = last_dim(x)};
    size_t all = s.n * s.c;
    s.rows = all ? tensor_count(x) / all : 0;
    s.groups = (size_t)groups;
    s.per = s.c / s.groups;
    return s;
}

typedef struct inputs {
    const tensor *x, *w, *b, *mod, *mean, *rstd;
} inputs;

static ocl_column_cut columns_of(drift_context *ctx, const sizes *s,
                                 size_t each)
{
    return ocl_columns_of(ctx, s->rows, s->c, each, 0);
}

/* Arguments that several kernels end with. */
static void give_columns(ocl_launch *l, const sizes *s, ocl_column_cut cut)
{
    ocl_size(l, s->rows);
    ocl_size(l, s->c);
    ocl_size(l, cut.step);
    ocl_size(l, cut.chunks);
}

static void give_groups(ocl_launch *l, const sizes *s)
{
    ocl_size(l, s->n);
    ocl_size(l, s->groups);
    ocl_size(l, s->per);
    ocl_size(l, s->rows);
}

/* mean and rstd, and lines [n,3,c] for the forward. */
static drift_status statistics(drift_context *ctx, tensor *lines, tensor *mean,
                               tensor *rstd, const inputs *in, const sizes *s,
                               float eps)
{
    drift_status status = DRIFT_OK;
    tensor parts = {0};
    ocl_column_cut cut;
    TRY(ocl_columns_moments(ctx, &parts, &cut, in->x, s->n, s->rows, s->c));
    ocl_launch l = ocl_begin(ctx, "groupnorm", "groupnorm_statistics");
    ocl_tensor(&l, lines);
    ocl_tensor(&l, mean);
    ocl_tensor(&l, rstd);
    ocl_tensor(&l, &parts);
    ocl_tensor(&l, in->w);
    ocl_tensor(&l, in->b);
    ocl_tensor(&l, in->mod);
    give_groups(&l, s);
    ocl_size(&l, cut.step);
    ocl_size(&l, cut.chunks);
    ocl_float(&l, eps);
    TRY(ocl_rows(&l, s->n * s->groups, s->per));
out:
    tensor_free(ctx, &parts);
    return status;
}

drift_status ocl_groupnorm_fwd(drift_context *ctx, tensor *y, tensor *mean,
                               tensor *rstd, const tensor *x, const tensor *w,
                               const tensor *b, const tensor *mod, int groups,
                               float eps, int kind)
{
    drift_status status = DRIFT_OK;
    sizes s = sizes_of(x, groups);
    inputs in = {x, w, b, mod, mean, rstd};
    ocl_column_cut cut = columns_of(ctx, &s, OCL_EACH_COPY);
    tensor lines = {0};
    TRY(tensor_new(ctx, &lines, DTYPE_F32, SHAPE(s.n, 3, s.c)));
    TRY(statistics(ctx, &lines, mean, rstd, &in, &s, eps));
    ocl_launch l = ocl_begin(ctx, "groupnorm", "groupnorm_fwd");
    ocl_tensor(&l, y);
    ocl_tensor(&l, x);
    ocl_tensor(&l, &lines);
    give_columns(&l, &s, cut);
    ocl_int(&l, kind);
    TRY(ocl_columns_run(&l, cut, s.n));
out:
    tensor_free(ctx, &lines);
    return status;
}

static void give_inputs(ocl_launch *l, const inputs *in)
{
    ocl_tensor(l, in->w);
    ocl_tensor(l, in->b);
    ocl_tensor(l, in->mod);
    ocl_tensor(l, in->mean);
    ocl_tensor(l, in->rstd);
}

/* The sums of the gradient: lines [n,5,c] for dx, samples' shares of dw and db
 * (each may be NULL), dmod. */
static drift_status sums(drift_context *ctx, tensor *lines, tensor *dw_rows,
                         tensor *db_rows, tensor *dmod, const tensor *dy,
                         const inputs *in, const sizes *s, int kind)
{
    drift_status status = DRIFT_OK;
    ocl_column_cut cut = columns_of(ctx, s, OCL_EACH_SUM);
    tensor parts = {0};
    TRY(tensor_new(ctx, &parts, DTYPE_F32, SHAPE(s->n, cut.chunks, 2, s->c)));
    ocl_launch l = ocl_begin(ctx, "groupnorm", "groupnorm_bwd_sums");
    ocl_tensor(&l, &parts);
    ocl_tensor(&l, dy);
    ocl_tensor(&l, in->x);
    give_inputs(&l, in);
    give_columns(&l, s, cut);
    ocl_size(&l, s->groups);
    ocl_int(&l, kind);
    TRY(ocl_columns_run(&l, cut, s->n));
    l = ocl_begin(ctx, "groupnorm", "groupnorm_bwd_groups");
    ocl_tensor(&l, lines);
    ocl_tensor(&l, dw_rows);
    ocl_tensor(&l, db_rows);
    ocl_gradient(&l, dmod);
    ocl_tensor(&l, &parts);
    give_inputs(&l, in);
    give_groups(&l, s);
    ocl_size(&l, cut.chunks);
    TRY(ocl_rows(&l, s->n * s->groups, s->per));
out:
    tensor_free(ctx, &parts);
    return status;
}

drift_status ocl_groupnorm_bwd(drift_context *ctx, tensor *dx, tensor *dw,
                               tensor *db, tensor *dmod, const tensor *dy,
                               const tensor *x, const tensor *w,
                               const tensor *b, const tensor *mod,
                               const tensor *mean, const tensor *rstd,
                               int groups, int kind)
{
    drift_status status = DRIFT_OK;
    sizes s = sizes_of(x, groups);
    inputs in = {x, w, b, mod, mean, rstd};
    ocl_column_cut cut = columns_of(ctx, &s, OCL_EACH_COPY);
    tensor lines = {0}, dw_rows = {0}, db_rows = {0};
    TRY(tensor_new(ctx, &lines, DTYPE_F32, SHAPE(s.n, 5, s.c)));
    if (dw)
        TRY(tensor_new(ctx, &dw_rows, DTYPE_F32, SHAPE(s.n, s.c)));
    if (db)
        TRY(tensor_new(ctx, &db_rows, DTYPE_F32, SHAPE(s.n, s.c)));
    TRY(sums(ctx, &lines, dw ? &dw_rows : NULL, db ? &db_rows : NULL, dmod, dy,
             &in, &s, kind));
    if (dw)
        TRY(ocl_columns_add(ctx, dw, &dw_rows, s.n, s.c));
    if (db)
        TRY(ocl_columns_add(ctx, db, &db_rows, s.n, s.c));
    if (dx) {
        ocl_launch l = ocl_begin(ctx, "groupnorm", "groupnorm_bwd_x");
        ocl_gradient(&l, dx);
        ocl_tensor(&l, dy);
        ocl_tensor(&l, x);
        ocl_tensor(&l, &lines);
        give_columns(&l, &s, cut);
        ocl_int(&l, kind);
        TRY(ocl_columns_run(&l, cut, s.n));
    }
out:
    tensor_free(ctx, &lines);
    tensor_free(ctx, &dw_rows);
    tensor_free(ctx, &db_rows);
    return status;
}

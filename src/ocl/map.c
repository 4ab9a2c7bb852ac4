/* Cutting maps into work-groups: see map.h. */
#include "ocl/map.h"

#define ROW_EACH  8     /* numbers of a row for each of its items */
#define ROW_GROUP 16384 /* numbers that are work enough for a group */
#define WIDEST    64    /* items along the columns */

/* The largest power of two that is at most n and `most`; 1 for n = 0. */
static size_t power_below(size_t n, size_t most)
{
    size_t p = 1;
    while (2 * p <= n && 2 * p <= most)
        p *= 2;
    return p;
}

drift_status ocl_rows(ocl_launch *l, size_t rows, size_t c)
{
    ocl_shape cut = ocl_of(l->ctx)->shape;
    size_t lanes = power_below(c / ROW_EACH, cut.lanes);
    size_t each = power_below(ROW_GROUP / (c + !c), cut.group / lanes);
    size_t groups[3] = {(rows + each - 1) / each, 1}, local[3] = {lanes, each};
    return ocl_run(l, 2, groups, local);
}

ocl_column_cut ocl_columns_of(drift_context *ctx, size_t rows, size_t c,
                              size_t each, size_t most)
{
    ocl_shape cut = ocl_of(ctx)->shape;
    ocl_column_cut s = {.width = 1};
    while (4 * s.width < c && s.width < WIDEST && s.width < cut.group)
        s.width *= 2;
    s.lanes = cut.group / s.width;
    if (!most) /* no turns: see FOR_ROWS */
        s.lanes = power_below(s.lanes, cut.lanes);
    s.slices = (c + 4 * s.width - 1) / (4 * s.width);
    /* Where an item has the lanes of a group to itself, a quarter of the rows:
     * its sums run longer. */
    s.step = each * (cut.group / s.width);
    if (s.lanes * 4 <= cut.group / s.width)
        s.step /= 4;
    if (most && rows > s.step * most)
        s.step = (rows + most - 1) / most;
    s.chunks = (rows + s.step - 1) / s.step;
    return s;
}

drift_status ocl_columns_run(ocl_launch *l, ocl_column_cut s, size_t batch)
{
    size_t groups[3] = {batch * s.chunks * s.slices, 1};
    size_t local[3] = {s.width, s.lanes};
    return ocl_run(l, 2, groups, local);
}

drift_status ocl_columns(ocl_launch *l, size_t batch, size_t rows, size_t c)
{
    ocl_column_cut s = ocl_columns_of(l->ctx, rows, c, OCL_EACH_SUM, 1);
    s.chunks = 1; /* of no rows, too */
    return ocl_columns_run(l, s, batch);
}

drift_status ocl_columns_add(drift_context *ctx, tensor *gradient,
                             const tensor *parts, size_t rows, size_t c)
{
    ocl_launch l = ocl_begin(ctx, "map", "columns_add");
    ocl_gradient(&l, gradient);
    ocl_tensor(&l, parts);
    ocl_size(&l, rows);
    ocl_size(&l, c);
    return ocl_columns(&l, 1, rows, c);
}

drift_status ocl_columns_moments(drift_context *ctx, tensor *parts,
                                 ocl_column_cut *s, const tensor *x,
                                 size_t batch, size_t rows, size_t c)
{
    drift_status status = DRIFT_OK;
    *s = ocl_columns_of(ctx, rows, c, OCL_EACH_SUM, 0);
    TRY(tensor_new(ctx, parts, DTYPE_F32, SHAPE(batch, s->chunks, 3, c)));
    ocl_launch l = ocl_begin(ctx, "map", "columns_moments");
    ocl_tensor(&l, parts);
    ocl_tensor(&l, x);
    ocl_size(&l, rows);
    ocl_size(&l, c);
    ocl_size(&l, s->step);
    ocl_size(&l, s->chunks);
    TRY(ocl_columns_run(&l, *s, batch));
out:
    return status;
}

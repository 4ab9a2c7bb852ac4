/* embedding: y[b,c] = sum_j table[j stride + index[b,j],c]. */
#include "cpu/cpu.h"
#include "cpu/row.h"

#define COLUMNS 64 /* of the table, a task of the backward */

static drift_status check_range(drift_context *ctx, const tensor *index,
                                const tensor *table, size_t stride)
{
    size_t rows = stride ? stride : table->shape.dim[0];
    const int *at = i32(index);
    size_t count = tensor_count(index);
    for (size_t i = 0; i < count; i++)
        if (at[i] < 0 || (size_t)at[i] >= rows)
            return ERROR(ctx, DRIFT_ERROR_SHAPE,
                         "embedding: index %d at %zu is not in 0 ... %zu",
                         at[i], i, rows - 1);
    return DRIFT_OK;
}

drift_status cpu_embedding_fwd(drift_context *ctx, tensor *y,
                               const tensor *table, const tensor *index,
                               size_t stride)
{
    size_t rows = y->shape.dim[0], c = y->shape.dim[1];
    size_t each = index->shape.dim[1];
    drift_status status = check_range(ctx, index, table, stride);
    if (status != DRIFT_OK)
        return status;
    float *yp = f32(y);
    const float *from = f32(table);
    const int *at = i32(index);
#pragma omp parallel for if (rows * each * c > CPU_SMALL)
    for (size_t b = 0; b < rows; b++)
        for (size_t j = 0; j < each; j++)
            row_move(yp + b * c,
                     from + (j * stride + (size_t)at[b * each + j]) * c, c,
                     j > 0);
    return DRIFT_OK;
}

/* Indices repeat, so tasks own columns: each walks all indices in order. */
drift_status cpu_embedding_bwd(drift_context *ctx, tensor *dtable,
                               const tensor *dy, const tensor *index,
                               size_t stride)
{
    if (!dtable)
        return DRIFT_OK;
    size_t rows = dy->shape.dim[0], c = dy->shape.dim[1];
    size_t each = index->shape.dim[1];
    drift_status status = check_range(ctx, index, dtable, stride);
    if (status != DRIFT_OK)
        return status;
    cpu_begin_all(dtable);
    float *to = f32(dtable);
    const float *dyp = f32(dy);
    const int *at = i32(index);
#pragma omp parallel for if (rows * each * c > CPU_SMALL)
    for (size_t first = 0; first < c; first += COLUMNS) {
        size_t n = c - first < COLUMNS ? c - first : COLUMNS;
        for (size_t i = 0; i < rows * each; i++) {
            size_t row = i % each * stride + (size_t)at[i];
            row_add(to + row * c + first, dyp + i / each * c + first, n);
        }
    }
    return DRIFT_OK;
}

/* Shape checks of embedding: y [b,c], table [rows,c], index i32 [b,j],
 * rows at least j stride. */
#include "ops/check.h"

static drift_status check(drift_context *ctx, const tensor *y,
                          const tensor *table, const tensor *index,
                          size_t stride)
{
    if (y->shape.ndim != 2 || index->shape.ndim != 2 ||
        y->shape.dim[0] != index->shape.dim[0] || !index->shape.dim[1])
        return check_failed(ctx, "embedding", "y [b,c] and index [b,j] differ",
                            y, index, NULL);
    if (index->type != DTYPE_I32)
        return check_failed(ctx, "embedding", "the index is not of integers",
                            index, NULL);
    if (table && (table->shape.ndim != 2 || last_dim(table) != last_dim(y)))
        return check_failed(ctx, "embedding", "y and the table differ", y,
                            table, NULL);
    if (table && stride && table->shape.dim[0] / stride < index->shape.dim[1])
        return check_failed(ctx, "embedding",
                            "the table has no rows for each index", table,
                            index, NULL);
    return DRIFT_OK;
}

drift_status check_embedding_fwd(drift_context *ctx, tensor *y,
                                 const tensor *table, const tensor *index,
                                 size_t stride)
{
    return check(ctx, y, table, index, stride);
}

drift_status check_embedding_bwd(drift_context *ctx, tensor *dtable,
                                 const tensor *dy, const tensor *index,
                                 size_t stride)
{
    return check(ctx, dy, dtable, index, stride);
}
